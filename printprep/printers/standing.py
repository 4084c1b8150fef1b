"""How a printer stands after some commands of a job: place, modes, heat, fans, what was set. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

_WORD: Final = re.compile(rb"([A-Z])\s*(-?\d+\.?\d*|-?\.\d+)")
_SETTINGS: Final = frozenset(
    b"M201 M203 M204 M205 M207 M208 M209 M220 M221 M486 M572 M593 M900 G17 G18 G19 M413".split()
)
"""Commands that set something that lasts; M413, recovery by the firmware itself, among them."""
_FANS: Final = (b"M106", b"M107")
_MOVES: Final = (b"G0", b"G1", b"G2", b"G3")
MOST_SETTINGS: Final = 4096


@dataclass(slots=True)
class Standing:
    """The state of a printer, as far as the commands that it was sent tell it. Places are as the file writes them."""

    place_mm: dict[str, float | None] = field(default_factory=lambda: {"X": None, "Y": None, "Z": None})
    e_mm: float = 0.0
    retracted_mm: float = 0.0  # how far the filament of the active tool is drawn back
    fresh_height: bool = False  # nothing was laid down since the head came to its height
    feed_mm_min: float | None = None
    relative: bool = False
    relative_e: bool = False
    shifted: bool = False  # G92 has moved the origin of X, Y or Z
    inches: bool = False
    tool: int | None = None
    tools_used: set[int] = field(default_factory=set)
    nozzles_c: dict[int | None, float] = field(default_factory=dict)
    bed_c: float = 0.0
    chamber_c: float = 0.0
    fans: dict[float, bytes] = field(default_factory=dict)  # by index, the last command
    settings: dict[bytes, None] = field(default_factory=dict)  # in the order in which they were said last

    def take(self, command: bytes) -> None:
        """Follow one command."""
        word, _, rest = command.partition(b" ")
        if word in _MOVES:
            self._move(rest)
        elif word in _SETTINGS:
            self.settings.pop(command, None)
            self.settings[command] = None
            if len(self.settings) > MOST_SETTINGS:
                del self.settings[next(iter(self.settings))]
        elif word in _FANS:
            self.fans[_letters(rest).get("P", 0.0)] = command
        elif word[:1] == b"T" and word[1:].isdigit():
            self.tool = int(word[1:])
            self.tools_used.add(self.tool)
        else:
            self._change(word, rest)

    def follow(self, commands: Iterable[bytes]) -> None:
        """Follow many commands."""
        for command in commands:
            self.take(command)

    def _move(self, rest: bytes) -> None:
        values = _letters(rest)
        if "Z" in values:
            self.fresh_height = True
        elif "E" in values and ("X" in values or "Y" in values):
            self.fresh_height = False
        for letter, value in values.items():
            if letter in self.place_mm:
                before = self.place_mm[letter]
                self.place_mm[letter] = value if not self.relative else None if before is None else before + value
            elif letter == "E":
                fed_mm = value if self.relative_e else value - self.e_mm
                self.e_mm += fed_mm
                self.retracted_mm = max(0.0, self.retracted_mm - fed_mm)
            elif letter == "F" and value > 0:
                self.feed_mm_min = value

    def _change(self, word: bytes, rest: bytes) -> None:
        """Modes, heat and origins."""
        values = _letters(rest)
        match word:
            case b"G90" | b"G91":
                self.relative = self.relative_e = word == b"G91"
            case b"M82" | b"M83":
                self.relative_e = word == b"M83"
            case b"G20" | b"G21":
                self.inches = word == b"G20"
            case b"G28":
                for axis in [axis for axis in "XYZ" if axis.encode() in rest] or list("XYZ"):
                    self.place_mm[axis] = None
            case b"G92":
                self.shifted |= bool(values.keys() & self.place_mm.keys()) or not values
                self.e_mm = values.get("E", self.e_mm)
            case b"M104" | b"M109":
                tool = int(values["T"]) if "T" in values else self.tool
                self.nozzles_c[tool] = values.get("S", values.get("R", 0.0))
            case b"M140" | b"M190":
                self.bed_c = values.get("S", values.get("R", 0.0))
            case b"M141" | b"M191":
                self.chamber_c = values.get("S", values.get("R", 0.0))


def _letters(rest: bytes) -> dict[str, float]:
    return {letter.decode(): float(value) for letter, value in _WORD.findall(rest)}
