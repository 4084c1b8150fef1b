"""Where the virtual printer's head is, how far it went, and how warm it is; how long a move takes its planner knows."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Final

_WORDS = re.compile(rb"([XYZEF])\s*(-?\d+\.?\d*|-?\.\d+)")
AMBIENT_C: Final = 22.0
NEAR_C: Final = 1.0


@dataclass(slots=True)
class Heater:
    """A heater that nears what it can reach ever slower, and cools off to the room as slowly (one time constant)."""

    rate_c_s: float  # at the start, from room temperature
    most_c: float = 400.0  # above the room, if it heated for ever
    ambient_c: float = AMBIENT_C
    near_c: float = NEAR_C  # of the target: it counts as reached
    settle_s: float = 0.0  # how long it must be held before a wait for it ends
    target_c: float = 0.0
    _from_c: float | None = None
    _from_s: float = 0.0

    def set(self, target_c: float, now_s: float) -> None:
        """Aim at another temperature."""
        self._from_c, self._from_s, self.target_c = self.at(now_s), now_s, target_c

    def at(self, now_s: float) -> float:
        """Temperature, deg C."""
        goal_c, from_c = max(self.target_c, self.ambient_c), self._from_c
        if from_c is None:
            from_c = self.ambient_c
        end_c = self.ambient_c + (self.most_c if goal_c >= from_c else 0.0)
        left = math.exp(-(now_s - self._from_s) * self.rate_c_s / self.most_c)
        now_c = end_c + (from_c - end_c) * left
        return min(goal_c, now_c) if goal_c >= from_c else max(goal_c, now_c)

    def reached_s(self, now_s: float) -> float:
        """When it has been within :attr:`near_c` of the target for as long as a wait for it asks."""
        here_c, goal_c = self.at(now_s), max(self.target_c, self.ambient_c)
        heats = goal_c > here_c
        end_c = self.ambient_c + (self.most_c if heats else 0.0)
        near_c = goal_c - self.near_c if heats else goal_c + max(self.near_c, NEAR_C)
        if abs(goal_c - here_c) <= self.near_c:
            return now_s + self.settle_s
        return now_s + math.log((end_c - here_c) / (end_c - near_c)) * self.most_c / self.rate_c_s + self.settle_s


@dataclass(slots=True)
class Head:
    """Position tracking for G0 G1 G2 G3, G28, G90 G91, G92, M82 M83 and T; an arc counts as its chord."""

    x_mm: float = 0.0
    y_mm: float = 0.0
    z_mm: float = 0.0
    e_mm: float = 0.0
    feed_mm_s: float = 25.0
    relative: bool = False
    relative_e: bool = False
    tool: int = 0
    moves: int = 0
    travel_mm: float = 0.0
    extruded_mm: dict[int, float] = field(default_factory=dict)  # net, by tool

    def move(self, command: bytes) -> None:
        """Carry out a move."""
        x, y, z, e = self.x_mm, self.y_mm, self.z_mm, self.e_mm
        for letter, text in _WORDS.findall(command):
            value = float(text)
            if letter == b"X":
                x = x + value if self.relative else value
            elif letter == b"Y":
                y = y + value if self.relative else value
            elif letter == b"Z":
                z = z + value if self.relative else value
            elif letter == b"E":
                e = e + value if self.relative_e else value
            elif value > 0:
                self.feed_mm_s = value / 60.0
        path_mm = math.sqrt((x - self.x_mm) ** 2 + (y - self.y_mm) ** 2 + (z - self.z_mm) ** 2)
        extruded_mm = e - self.e_mm
        self.x_mm, self.y_mm, self.z_mm, self.e_mm = x, y, z, e
        self.moves += 1
        self.travel_mm += path_mm
        if extruded_mm:
            self.extruded_mm[self.tool] = self.extruded_mm.get(self.tool, 0.0) + extruded_mm

    def set_position(self, command: bytes) -> None:
        """G92."""
        for letter, text in _WORDS.findall(command):
            if letter != b"F":
                name = letter.decode().lower() + "_mm"
                setattr(self, name, float(text))

    def home(self, command: bytes) -> None:
        """G28, of the named axes or of all."""
        axes = [axis for axis in "XYZ" if axis.encode() in command[3:]] or list("XYZ")
        for axis in axes:
            setattr(self, axis.lower() + "_mm", 0.0)
