"""What the texts of a file say, each by itself: names of people, orders that no job needs, claims, orders to a host."""

from __future__ import annotations

import re
from typing import Final

from printprep.case import Severity
from printprep.gcode.asked import too_much
from printprep.gcode.claims import claims
from printprep.gcode.identity import COMMENT, PICTURE_CHARS, identifying, likely_a_name, picture_line, strange_words
from printprep.gcode.layout import Text as Why
from printprep.gcode.limits import GuardLimits
from printprep.gcode.notes import Notes
from printprep.gcode.read import Text
from printprep.gcode.setting import doubt, setting
from printprep.gcode.vocabulary import unknown_words

SHOWN_CHARS: Final = 80
_HOST_ORDER: Final = re.compile(r"\s*@\w+")
"""Repetier-Host and its kin carry out ``;@pause``."""
_EXPONENT: Final = re.compile(r"([A-Za-z]) *([-+]?(?:\d+\.?\d*|\.\d+))[eE]([-+]?\d*\.?\d+)")
_LEFT_OPEN: Final = re.compile(r"[{\[]\s*[a-z_]\w*")


class Said:
    """Judges texts; equal ones once."""

    def __init__(self, limits: GuardLimits, notes: Notes) -> None:
        self._limits = limits
        self._notes = notes
        self._harmless: set[str] = set()  # macros come in thousands, and say the same
        self._picture_line = -1  # the last one that was a thumbnail's

    def hear(self, text: Text) -> None:
        """Note what speaks against ``text``."""
        if text.text in self._harmless:
            return
        before = len(self._notes)
        identified = self._identity(text)
        if text.kind is Why.COMMENT and not identified:
            self._comment(text)
        elif text.kind is Why.RUBBISH:
            self._rubbish(text)
        if text.kind in (Why.COMMAND, Why.MACRO):
            for asked in too_much(text.text, self._limits):
                self._notes.note(
                    asked.code, text.line, asked.why, text=text.text[:120], value=asked.value, limit=asked.limit,
                    key=asked.key,
                )  # fmt: skip
        for asked in claims(text.text, self._limits):
            self._notes.note(asked.code, text.line, asked.why, value=asked.value, limit=asked.limit, key=asked.key)
        if text.kind is Why.MACRO and len(self._notes) == before:
            self._harmless.add(text.text)

    def _identity(self, text: Text) -> bool:
        limits = self._limits
        found = tuple(identifying(text.text, limits.forbidden_words, limits.known_words))
        for what in found:
            # the words themselves stay out of the message, which goes into reports and logs
            self._notes.note("gcode-identifying", text.line, f"{what}; the words are withheld here", key=what)
        return bool(found)

    def _comment(self, text: Text) -> None:
        if _HOST_ORDER.match(text.text):
            self._notes.note("gcode-refused-command", text.line, "an order to the host in a comment", key="@")
        if picture_line(text.text) and (
            len(text.text) >= PICTURE_CHARS or 0 <= text.line - self._picture_line <= 1
        ):  # fmt: skip
            self._picture_line = text.line
            return
        strange = strange_words(text.text, self._limits.known_words)
        named = setting(text.text)
        doubtful = doubt(*named, self._limits.known_words) if named else None
        if likely_a_name(strange) or doubtful is Severity.ERROR:
            self._notes.note("gcode-identifying", text.line, f"{COMMENT}; the words are withheld here", key=COMMENT)
        elif strange or doubtful:
            self._notes.note(
                "gcode-strange-comment", text.line, "a comment with words that nobody vouches for; they are withheld",
                severity=Severity.WARNING,
            )  # fmt: skip

    def _rubbish(self, text: Text) -> None:
        open_place = _LEFT_OPEN.search(text.text)
        why = "is no command that makes sense"
        if open_place:
            why = "a place that the slicer did not fill in"
        elif power := _EXPONENT.search(text.text):
            letter, number, e = power[1].upper(), power[2], power[3]
            reads = {
                "word": f"as {letter}{number} and E{e}", "power": f"as {letter}{number}e{e}",
                "both": f"as {letter}{number}e{e} and E{e}",
            }  # fmt: skip
            why = (
                f"{power[0]!r} is read {reads[self._limits.exponent]} by this firmware and otherwise by others; write "
                "the number out, or a space before the E"
            )
        withheld = not open_place and unknown_words(text.text, self._limits.known_words)
        shown = "" if withheld else text.text[:SHOWN_CHARS]
        self._notes.note("gcode-rubbish", text.line, why, text=shown)
