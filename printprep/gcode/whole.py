"""Whether a file is whole, by what its slicer says of it: its last words, its layers, its filament, its progress.

A file that was cut while it was copied ends hot, which shows. One that somebody cut and gave an end, or from whose
middle a piece is missing, looks like any other: but its slicer said how much it would be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from printprep.gcode.embedded import ENDS, MADE_BY, SAY_THEIR_END
from printprep.gcode.layout import Text as Why
from printprep.gcode.read import Text

LEAST_SHARE: Final = 0.9  # of the filament that the slicer says; what it says may count purging by the firmware
LEAST_MM: Final = 10.0  # of filament that is missing: figures are rounded
LEAST_LAYERS: Final = 3  # that are missing: Cura counts one too many where layers adapt

_LAYERS: Final = re.compile(r"LAYER_COUNT:(\d+)|\s*total layers? (?:number|count) ?[:=] ?(\d+)", re.IGNORECASE)
_LAYER: Final = re.compile(r"LAYER:(-?\d+)")
_FILAMENT: Final = re.compile(
    r"\s*filament used(?: \[mm\] = ([\d., ]+)$| = ([\d.]+)mm|: *((?:[\d.]+m(?:, *|\s*$))+))", re.IGNORECASE
)
_PROGRESS: Final = re.compile(r"\s*M73\s.*?P\s*(\d+)", re.IGNORECASE)
_UNMARKED: Final = re.compile(r"PrusaSlicer (?:1|2\.[0-2])\b")
"""Versions that did not say where their settings end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Something that a whole file would have."""

    why: str
    value: float | str | None = None
    limit: float | str | None = None


class Whole:
    """Listens to all comments and commands of a file."""

    def __init__(self) -> None:
        self._slicer = ""
        self._ended = False
        self._layers = 0  # as the slicer says
        self._first_layer, self._last_layer = 0, -1
        self._filament_mm = 0.0
        self._percent = -1

    def hear(self, text: Text) -> None:
        """Take note of what ``text`` says of the whole."""
        if text.kind is Why.COMMAND:
            if progress := _PROGRESS.match(text.text):
                self._percent = max(self._percent, int(progress[1]))
        elif text.kind is Why.COMMENT:
            self._comment(text.text)

    def _comment(self, said: str) -> None:
        if not self._slicer and (made := next((m for p in MADE_BY if (m := p.search(said))), None)):
            self._slicer = made[1]
        elif said in ENDS:
            self._ended = True
        elif layer := _LAYER.match(said):
            self._first_layer = min(self._first_layer, int(layer[1]))
            self._last_layer = max(self._last_layer, int(layer[1]))
        elif layers := _LAYERS.match(said):
            self._layers = max(self._layers, int(layers[1] or layers[2]))
        elif filament := _FILAMENT.match(said):
            self._filament_mm += sum(float(n) for n in re.findall(r"\d+\.?\d*", filament[1] or filament[2] or "0"))
            self._filament_mm += sum(1000.0 * float(n) for n in re.findall(r"\d+\.?\d*", filament[3] or "0"))

    def lacks(self, fed_mm: float) -> Iterator[Lack]:
        """What is missing in a file that feeds ``fed_mm`` of filament in all."""
        name = self._slicer.partition(" ")[0]
        if name in SAY_THEIR_END and not self._ended and not _UNMARKED.match(self._slicer):
            yield Lack(why=f"{name}'s last words are missing: the file was cut, or put together from pieces")
        found = self._last_layer - self._first_layer + 1
        if self._layers and 0 < found <= self._layers - LEAST_LAYERS:
            why = f"its slicer says {self._layers} layers, {found} are there"
            yield Lack(why=why, value=found, limit=self._layers)
        if fed_mm < min(LEAST_SHARE * self._filament_mm, self._filament_mm - LEAST_MM):
            why = f"its slicer says {self._filament_mm:.0f} mm of filament, the file feeds {fed_mm:.0f} mm"
            yield Lack(why=why, value=fed_mm, limit=self._filament_mm)
        if 0 <= self._percent < 100:
            yield Lack(why=f"its progress (M73) ends at {self._percent} %", value=self._percent, limit=100)
