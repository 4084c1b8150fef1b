"""Numbered, checked lines: which are on the wire, which the firmware has, which it wants again.

A numbered line cannot be skipped, repeated or reordered, because the firmware takes number n only after n - 1. So the
numbers are the truth and every ``ok`` is only a hint that more may be sent. What can go wrong is bookkeeping, and it
is kept here, apart from what the lines mean:

- ``Resend: m`` says that everything below m was accepted and m was not. Lines behind m that are already on the wire
  will be refused as well; they are waited for (:attr:`NumberedLines.draining`) before m is sent again, so that
  nothing stale is in the way of the repetition.
- The ``ok`` that follows a ``Resend`` answers the refused line. It is never room for another one.
- A line repeated in vain is refused by its number; that refusal answers the copy and asks for nothing.
- An ``ok`` without a number proves nothing: noise may make two of one. What is :attr:`NumberedLines.certain` is what a
  numbered ok in sequence, the answer to a question, or a refusal said twice over has proved; it never goes back, and
  a line below it is never sent again.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import Final, NamedTuple

HISTORY: Final = 256
"""Lines kept for repetition, a power of two; a firmware that wants an older one is lost."""
REPEATS: Final = 10
"""How often one line is repeated before the conversation is given up."""
DOUBTS: Final = 3
"""How often an impossible number is taken for a garbled one."""


class Verdict(Enum):
    """What a ``Resend`` led to."""

    GOING_BACK = auto()  # to the line that is wanted, once the wire is empty
    SECOND_COPY = auto()  # the firmware has the line; it refused our repetition
    NOT_RESTARTED = auto()  # the firmware still counts from before; tell it again to begin anew
    LOST = auto()  # cannot be satisfied: the job has failed


class Line(NamedTuple):
    """A numbered line."""

    wire: bytes
    command: bytes
    job_commands: int  # commands of the job up to and with this line


def checksum(body: bytes) -> int:
    """XOR of all bytes, folded in halves because a loop over them costs more than the whole rest of a line."""
    folded = int.from_bytes(body, "little")
    while folded >> 1024:
        folded = (folded >> 1024) ^ (folded & ((1 << 1024) - 1))
    for half in (512, 256, 128, 64, 32, 16, 8):
        folded ^= folded >> half
    return folded & 0xFF


def seven_bits(command: bytes) -> tuple[bytes, int]:
    """``command`` with every byte outside ASCII replaced by ``?``, and how many were."""
    if command.isascii():
        return command, 0
    return bytes(byte if byte < 128 else 63 for byte in command), sum(byte > 127 for byte in command)


def numbered(number: int, command: bytes) -> bytes:
    """``command`` as the line that goes over the wire."""
    body = b"N%d %b" % (number, command)
    return b"%b*%d\n" % (body, checksum(body))


def _plain(_number: int, command: bytes) -> bytes:
    return command + b"\n"


class NumberedLines:
    """The books of one conversation. Numbers begin at 1 after ``M110 N0``.

    Parameters
    ----------
    plain
        Lines go over the wire without number and checksum; the books are kept all the same.
    ok_after_refusal
        Whether an ok follows each ``Resend``.
    question
        The command whose ok carries temperatures, so that it cannot be taken for another one.
    """

    def __init__(self, *, plain: bool = False, ok_after_refusal: bool = True, question: bytes = b"M105") -> None:
        self._wire = _plain if plain else numbered
        self._ok_after_refusal = ok_after_refusal
        self._question = question
        self.window = 1  # lines on the wire at once: one after trouble, then more with every line that arrives
        self.places = 1  # the most the firmware has places for
        self.draining = 0  # answers still expected before a wanted line is repeated
        self.top = 0  # the highest number given
        self.accepted = 0  # everything up to here the firmware has, as far as its oks tell
        self.certain = 0  # everything up to here it has for sure
        self.certain_job_commands = 0  # commands of the job up to there
        self._heard = 0  # the last number in an ok
        self._top_before = -1  # the last number before counting began anew
        self.counts = False  # whether the firmware says "ok N…": then an ok without a number answers no line
        self.repeated = 0  # how many lines went over the wire again
        self._cursor = 1  # the next number for the wire; below top + 1 while repeating
        self._ring: list[Line] = [Line(b"", b"", 0)] * HISTORY
        self._probes: deque[int] = deque()  # questions not answered yet; an ok without temperatures answers none
        self._copies = 0  # repetitions on the wire that may turn out superfluous
        self._repeated_to = 0  # the highest number repeated
        self._swallow = False  # the next bare ok answers a refused line
        self._wanted = 0
        self._wanted_times = 0
        self._doubts = 0

    @property
    def on_wire(self) -> int:
        """Lines sent and not known to be accepted."""
        return self._cursor - 1 - self.accepted

    @property
    def idle(self) -> bool:
        """Whether the firmware has every line that was numbered."""
        return self.accepted == self.top and not self.draining

    @property
    def room(self) -> bool:
        """Whether a line may be sent now."""
        return not self.draining and self._cursor - 1 - self.accepted < self.window

    @property
    def repeating(self) -> bool:
        """Whether the next line for the wire is an old one."""
        return self._cursor <= self.top

    @property
    def oldest(self) -> bytes:
        """The command that the firmware is busy with, as far as one can know."""
        return self._ring[(self.accepted + 1) % HISTORY].command

    @property
    def job_commands(self) -> int:
        """Commands of the job that the firmware has."""
        return self._ring[self.accepted % HISTORY].job_commands

    @property
    def unproved(self) -> int:
        """Lines before the oldest question on the wire that have not been answered, and do more than ask."""
        before = range(self.accepted + 1, self._probes[0]) if self._probes else ()
        return sum(not self._asks(self._ring[number % HISTORY].command) for number in before)

    @property
    def awaits_heat(self) -> bool:
        """Whether the next answer, if none gets lost, is one to a question."""
        return self.on_wire > 0 and self._asks(self.oldest)

    def new_job(self) -> None:
        """Count the job's commands from nothing; only when :attr:`idle`."""
        self._ring[self.accepted % HISTORY] = Line(b"", b"", 0)
        self.certain_job_commands = 0

    def restart(self) -> bytes:
        """Count from 1 again, a question; only when every line is :attr:`certain`, and the firmware is told."""
        self._top_before = self.top
        self._ring[0] = Line(b"", b"", self.job_commands)
        self.top = self.accepted = self.certain = self._heard = 0
        self._repeated_to = self._wanted = 0
        self._probes.clear()
        return self.probe()

    @property
    def first(self) -> bytes:
        """Line 1, to be sent again with the order to count anew."""
        return self._ring[1].wire

    def restarted(self) -> None:
        """Line 1 was answered; what was sent behind it, if anything was, goes out again."""
        self.repeat_unaccepted()
        self._prove(1)
        self.accepted = self._heard = 1
        self._cursor = 2

    def add(self, command: bytes, job_commands: int) -> bytes:
        """Give ``command`` the next number; what goes over the wire is returned."""
        self.top += 1
        wire = self._wire(self.top, command)
        self._ring[self.top % HISTORY] = Line(wire, command, job_commands)
        self._cursor = self.top + 1
        if self._asks(command):
            self._probes.append(self.top)
        return wire

    def again(self) -> bytes:
        """The next line to repeat."""
        line = self._ring[self._cursor % HISTORY]
        if self._asks(line.command):
            self._probes.append(self._cursor)
        self._repeated_to = self._cursor
        self._cursor += 1
        self._copies += 1
        self.repeated += 1
        return line.wire

    def ok(self, number: int | None, *, with_temperatures: bool) -> bool:
        """Take an ok; whether it showed that the firmware has got further."""
        if self.draining:
            self.draining -= 1
            return self._ok_while_draining(number)
        if number is not None:
            self.counts = True
            return self._ok_numbered(number)
        if with_temperatures and self._probes:
            return self._answered(self._probes.popleft())
        if self._swallow:
            self._swallow = False
            return False
        return not self.counts and self.on_wire > 0 and self._accept(self.accepted + 1)

    def has_already(self, number: int) -> bool:
        """Take the word that a line is there already; nothing is proved by it."""
        return not self.draining and self.accepted < number < self._cursor and self._accept(number)

    def refused(self, wanted: int, *, by_number: bool, agreed: bool = False) -> Verdict:
        """Take a ``Resend: wanted``.

        Parameters
        ----------
        wanted
            The number.
        by_number
            It was refused because of its number, not of its checksum.
        agreed
            The firmware said the number twice, in two sentences.
        """
        if self._top_before >= 0 and self.certain <= 1 and wanted in (1, self._top_before + 1):
            return Verdict.NOT_RESTARTED  # 1: a second order to count anew came behind the question
        if not max(self.certain + 1, self.top - HISTORY + 2) <= wanted <= self.top + 1:
            return self._doubt()
        if agreed:
            self._prove(wanted - 1)
        if self.draining:
            self._go_to(wanted)
            return Verdict.GOING_BACK
        if not self._ok_after_refusal:  # such firmware does not say why either
            by_number = wanted > self._repeated_to
        copies = self._copies if by_number else 0
        if copies and wanted == self.accepted + 1:
            self._copies -= 1
            self._swallow = not self.counts and self._ok_after_refusal
            return Verdict.SECOND_COPY
        self._wanted_times = self._wanted_times + 1 if wanted == self._wanted else 1
        self._wanted = wanted
        if self._wanted_times > REPEATS:
            return Verdict.LOST
        # a number is refused because the wanted line got lost, so that no answer will come for that one
        self._drain(max(1, self._cursor - wanted - by_number, copies))
        self.window = 1
        self._copies = 0
        self._go_to(wanted)
        if not self.draining:
            self._back_to_accepted()
        return Verdict.GOING_BACK

    @property
    def asking(self) -> bool:
        """Whether a question has not been answered."""
        return bool(self._probes)

    def probe(self) -> bytes:
        """A question that moves nothing, as the next line: its answer tells where the firmware is.

        Only when nothing was heard for long: what has not been answered by then counts as lost.
        """
        self._copies = 0
        self._swallow = False
        self._probes.clear()
        return self.add(self._question, self._ring[self.top % HISTORY].job_commands)

    def repeat_unaccepted(self) -> None:
        """Repeat from the first line that is not known to be accepted: the answer to the last attempt is missing."""
        self.draining = 0
        self.window = 1
        self._copies = 0
        self._swallow = False
        self._back_to_accepted()

    def _asks(self, command: bytes) -> bool:
        return command.startswith(self._question)

    def _drain(self, answers: int) -> None:
        self.draining = answers if self._ok_after_refusal else 0

    def _back_to_accepted(self) -> None:
        self._cursor = self.accepted + 1
        self._probes.clear()

    def _ok_numbered(self, number: int) -> bool:
        """An ok that says which line it answers; one bit of it may be wrong, two in a row hardly."""
        if number > self.top:
            return False
        if number == self.certain + 1 or number == self._heard + 1 > self.certain:
            self._prove(number)
        self._heard = number
        return self.accepted < number < self._cursor and self._accept(number)

    def _answered(self, number: int) -> bool:
        """The oldest question was answered, so that the firmware has everything up to it."""
        self._prove(number)
        return number > self.accepted and self._accept(number)

    def _prove(self, number: int) -> None:
        if number > self.certain:
            self.certain = number
            self.certain_job_commands = self._ring[number % HISTORY].job_commands

    def _ok_while_draining(self, number: int | None) -> bool:
        """An ok while stale answers are awaited; only one with a number says more than "one answer less"."""
        if number is not None and self.accepted < number <= self.top:
            self._go_to(number + 1)
        if not self.draining:
            self._back_to_accepted()
        return False

    def _go_to(self, wanted: int) -> None:
        """Everything below ``wanted`` is accepted and nothing from there on."""
        self.accepted = wanted - 1

    def _accept(self, number: int) -> bool:
        """Everything up to ``number`` is accepted."""
        self.accepted = number
        self._doubts = 0
        if self.window < self.places:
            self.window += 1
        if number > self._repeated_to:
            self._copies = 0
        return True

    def _doubt(self) -> Verdict:
        """A number that cannot be: garbled on the way, unless the firmware insists."""
        self._doubts += 1
        if self._doubts > DOUBTS:
            return Verdict.LOST
        self._drain(max(1, self._cursor - 1 - self.accepted))
        if not self.draining:
            self._back_to_accepted()
        return Verdict.GOING_BACK
