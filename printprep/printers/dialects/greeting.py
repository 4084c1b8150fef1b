"""The greeting: who is there, is anything still owed, and from where are lines counted."""

from __future__ import annotations

from typing import Final

from printprep.printers.dialects.manners import Manners
from printprep.printers.dialects.numbered import numbered
from printprep.printers.dialects.replies import Reply

PLAIN: Final = 4
"""From this attempt on without the question: there are boards without a thermistor."""


class Greeting:
    """Asks who is there, then a question whose answer cannot be taken for a late one, then sets the line number.

    A board that restarted may answer the first twice. Whatever oks come before the answer to the question are old, so
    that the ok to the line number is the last one and nothing is owed when lines are counted.
    """

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._asked = b""
        self._has_heat = False  # it answered the question once
        self.attempts = 0

    def hello(self) -> bytes:
        """Ask, once more."""
        self.attempts += 1
        self._asked = self._manners.hello
        return b"\n" + self._manners.hello + b"\n"

    def ok(self, reply: Reply, *, refused: bool) -> bytes | None:
        """Take an ok; what to write next, or None when all is said. ``refused``: it answers a refused line."""
        manners = self._manners
        heat = reply.temperatures is not None
        self._has_heat = self._has_heat or heat
        if self._asked == manners.hello and (self.attempts < PLAIN or self._has_heat):
            self._asked = manners.question
            return manners.question + b"\n"
        if self._asked == manners.question and manners.heat_in_ok and not heat:
            return b""
        if self._asked == manners.count_anew and heat:  # late
            return b""
        if self._asked == manners.question and not manners.heat_in_ok:
            return b""  # its temperatures come by themselves
        return self._count(refused=refused)

    def temperatures(self) -> bytes | None:
        """Take temperatures that came by themselves: an answer, where the firmware answers so."""
        if self._asked == self._manners.question and not self._manners.heat_in_ok:
            return self._count(refused=False)
        return b""

    def _count(self, *, refused: bool) -> bytes | None:
        if not self._manners.count_anew or (self._asked == self._manners.count_anew and not refused):
            return None
        self._asked = self._manners.count_anew
        return numbered(0, self._manners.count_anew)
