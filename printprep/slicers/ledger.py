"""What a sketched plate lays down, layer by layer, and its sum."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from printprep.gcode.estimate import GcodeTimes
from printprep.gcode.motion import CORNERING
from printprep.gcode.sketch import Sketch
from printprep.geometry.mesh import Int
from printprep.profiles.models import Motion, Printer
from printprep.slicers import prusa_habits as habit


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What a plate will take. The values of ``by_feature_s`` add up to ``duration_s``; names as the slicer's."""

    duration_s: float
    by_feature_s: dict[str, float]
    mm3: dict[int, float]  # by tool
    layer_count: int
    tool_changes: int


@dataclass(slots=True)
class Ledger:
    """Groups of paths, what each stands for, and what they lay down."""

    sketch: Sketch = field(default_factory=Sketch)
    feature: list[str] = field(default_factory=list)
    layer: list[int] = field(default_factory=list)
    wanted_mm: list[float] = field(default_factory=list)  # length in one layer; nan: as drawn
    fixed_s: dict[tuple[int, str], float] = field(default_factory=lambda: defaultdict(float))  # in one layer
    mm3: dict[tuple[int, int], float] = field(default_factory=lambda: defaultdict(float))  # by layer, tool

    def group(self, layer: int, feature: str, wanted_mm: float = math.nan) -> int:
        """A new group of paths of one layer, ``wanted_mm`` long in all; nan: as long as drawn."""
        self.layer.append(layer)
        self.feature.append(feature)
        self.wanted_mm.append(wanted_mm)
        return len(self.layer) - 1

    def told(self, count: Int, printer: Printer, motion: Motion, beside: GcodeTimes) -> Ahead:
        """The sum: each layer ``count`` (k,) times, no layer faster than it cools, and what is ``beside`` them."""
        groups = len(self.layer)
        seconds, drawn_mm = self.sketch.times_s(motion, CORNERING.get(printer.firmware), groups)
        wanted_mm = np.array(self.wanted_mm)
        scale = np.where(np.isnan(wanted_mm) | (drawn_mm <= 0), 1.0, wanted_mm / np.maximum(drawn_mm, 1e-9))
        per_layer: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for k, feature, value in zip(self.layer, self.feature, seconds * scale, strict=True):
            per_layer[k][feature] += float(value)
        for (k, feature), value in self.fixed_s.items():
            per_layer[k][feature] += value
        by_feature: dict[str, float] = defaultdict(float)
        for k, own in per_layer.items():
            times = int(count[k])
            own[habit.COOLING] = max(habit.LAYER_S - sum(own.values()), 0.0)
            for feature, value in own.items():
                by_feature[feature] += times * value
        for feature, value in beside.by_feature_s.items():
            by_feature[feature] += value
        mm3: dict[int, float] = defaultdict(float)
        for tool, value in beside.extruded_mm3.items():
            mm3[tool] += value
        for (k, tool), value in self.mm3.items():
            mm3[tool] += value * int(count[k])
        return Ahead(
            duration_s=sum(by_feature.values()),
            by_feature_s={name: value for name, value in by_feature.items() if value > 0},
            mm3=dict(mm3),
            layer_count=int(count.sum()),
            tool_changes=beside.tool_changes,
        )
