"""Whether what a nozzle is asked to feed can be molten: what was asked of each nozzle, waited for, and switched off.

A firmware refuses to feed by the temperature that it measures, not by the one that was asked for: a nozzle that was
switched off a moment ago still lets a filament be drawn back, which is how the slicers' own end code keeps it from
oozing. How long it stays hot enough follows from the heater's constants, as in :mod:`printprep.gcode.heat`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from printprep.gcode.heat import cooled_c
from printprep.gcode.layout import Event, Kind
from printprep.gcode.limits import GuardLimits
from printprep.gcode.motion import MotionProfile
from printprep.gcode.notes import Notes
from printprep.gcode.read import Block, Moves
from printprep.geometry.mesh import Float

DRAWN_MM: Final = 10.0  # a longer retraction is none: Cura warns of one
COLDER_C: Final = 60.0  # that much below what was reached, and it must be waited for again
FAN: Final = 0.097 / 0.068
"""The loss with the part's fan at full over that without: MPC_AMBIENT_XFER_COEFF_FAN255 of Marlin's configuration."""


class Hotends:
    """The nozzles of a printer, followed through a file."""

    def __init__(self, limits: GuardLimits, notes: Notes) -> None:
        self._limits = limits
        self._note = notes.note
        self.target_c: dict[int, float] = {}  # by nozzle
        self._waited: set[int] = set()  # nozzles that have reached what was asked of them
        self._still_c: dict[int, float] = {}  # at least, of those that were switched off and may still be hot
        self._drawn_mm = 0.0  # since then

    def _nozzle(self, tool: int) -> int:
        return 0 if self._limits.shared_nozzle else tool

    def heat(self, block: Block, line: int, tool: int, value_c: float, *, waits: bool) -> None:
        """Carry out M104 or M109."""
        limits, nozzle = self._limits, self._nozzle(tool)
        before_c = self.target_c.get(nozzle, 0.0)
        if value_c < limits.extrude_min_c <= before_c and nozzle in self._waited:
            self._still_c[nozzle], self._drawn_mm = before_c, 0.0
        if value_c < before_c - COLDER_C or value_c < limits.extrude_min_c:
            self._waited.discard(nozzle)
        self.target_c[nozzle] = value_c
        if waits:
            self._waited.add(nozzle)
            self._still_c.clear()  # nobody knows how long that takes
        loaded = list(limits.material_max_c.values()) if limits.shared_nozzle else [limits.material_max_c.get(tool)]
        material_c = max((c for c in loaded if c is not None), default=limits.nozzle_max_c)
        for what, most in (("printer", limits.nozzle_max_c), ("material", material_c)):
            if value_c > most:
                self._note(
                    "gcode-too-hot", line,
                    f"nozzle of tool {tool} to {value_c:g} deg C, the {what}'s limit is {most:g}",
                    text=block.line(line), value=value_c, limit=most, key=f"{what} {tool}",
                )  # fmt: skip

    def off(self) -> None:
        """Klipper's TURN_OFF_HEATERS."""
        self.target_c = dict.fromkeys(self.target_c, 0.0)
        self._waited.clear()

    def happens(self, kind: int, value: float) -> None:
        """Let pass what something between the moves takes; for what nobody knows, as long as it likes."""
        if self._still_c and kind not in (Event.NOZZLE, Event.BED, Event.MOTORS_OFF, Event.OBJECT):
            timing = self._limits.timing
            known_s = {} if timing is None else {Event.HOME: timing.home_s, Event.DWELL: value}
            self._pass(known_s.get(Event(kind), math.inf))

    def follow(self, block: Block, start: int, end: int, tool: int, place: Float, *, feeds: int) -> None:
        """The moves from ``start`` to ``end``, of which so many feed or draw back; ``place`` is where they begin."""
        limits, nozzle = self._limits, self._nozzle(tool)
        target_c = self.target_c.get(nozzle, 0.0)
        fed = start + np.flatnonzero(block.moves.e_mm[start:end]) if feeds else np.empty(0, np.intp)
        warm = target_c >= limits.extrude_min_c
        if self._still_c:
            last = int(fed[-1]) + 1 if len(fed) else start
            self._pass(self._most_s(block, start, last, place))
            drawn = not warm and self._draws_back(block.moves.e_mm[fed], nozzle)
            self._pass(self._most_s(block, last, end, place))
            if drawn:
                return
        if feeds and not (warm and nozzle in self._waited):
            line = int(block.moves.line[fed[0]])
            heat = "was never waited for" if warm else "is too cold"
            self._note(
                "gcode-cold-extrusion", line,
                f"feeds tool {tool} while its nozzle, set to {target_c:g} deg C, {heat}",
                text=block.line(line), value=target_c, limit=limits.extrude_min_c, count=feeds,
            )  # fmt: skip

    def _draws_back(self, e_mm: np.ndarray, nozzle: int) -> bool:
        """Whether filament is only drawn back, a little, from a nozzle that is still hot."""
        self._drawn_mm -= float(e_mm.sum())
        return bool((e_mm <= 0).all()) and self._drawn_mm <= DRAWN_MM and nozzle in self._still_c

    def _pass(self, seconds: float) -> None:
        """Let nozzles that were switched off cool."""
        timing = self._limits.timing
        for nozzle, hot_c in list(self._still_c.items()):
            now_c = -math.inf if timing is None else cooled_c(timing.nozzle, timing.ambient_c, hot_c, FAN * seconds)
            if now_c >= self._limits.extrude_min_c:
                self._still_c[nozzle] = now_c
            else:
                del self._still_c[nozzle]

    def _most_s(self, block: Block, start: int, end: int, place: Float) -> float:
        """The longest that moves can take, each from rest to rest, and what stands between them."""
        motion, events = self._limits.motion, block.events
        if motion is None:
            return math.inf
        first = block.moves.position_mm[start - 1] if start else place
        dwells = (events.kind == Event.DWELL) & (events.at >= start) & (events.at <= end)
        return float(_rest_to_rest_s(block.moves, start, end, first, motion).sum() + events.value[dwells].sum())


def _rest_to_rest_s(moves: Moves, start: int, end: int, place: Float, motion: MotionProfile) -> Float:
    """At most so long each: at speed v over a length l, with acceleration a, l / v + v / a holds for any trapezoid."""
    step = np.empty((end - start, 4))
    step[:, :3] = np.diff(moves.position_mm[start:end], axis=0, prepend=np.asarray(place)[None])
    step[moves.kind[start:end] == Kind.HOME, :3] = 0.0
    step[:, 3] = moves.e_mm[start:end]
    size = np.abs(step)
    length = np.where(size[:, :3].any(axis=1), np.sqrt(np.einsum("ij,ij->i", step[:, :3], step[:, :3])), size[:, 3])
    feed = np.maximum(moves.feed_mm_s[start:end].astype(np.float64), 1e-6)
    even_s: Float = np.maximum(length / feed, (size / np.asarray(motion.max_speed_mm_s)).max(axis=1))
    slowest = min(
        motion.print_acceleration_mm_s2, motion.travel_acceleration_mm_s2, *motion.max_acceleration_mm_s2,
        motion.retract_acceleration_mm_s2 or math.inf,
    )  # fmt: skip
    speed: Float = np.divide(length, even_s, out=np.zeros_like(length), where=even_s > 0)
    return np.asarray(even_s + speed / slowest)
