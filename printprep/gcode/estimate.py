"""How long a file of G-code takes and what it extrudes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from printprep.gcode.layout import Event
from printprep.gcode.motion import Cornering, MotionProfile, move_times_s
from printprep.gcode.read import Gcode
from printprep.geometry.mesh import Float

TRAVEL, DWELL, TOOL_CHANGE, HEAT_UP, OTHER = "travel", "dwell", "tool change", "heat-up", "other"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GcodeTimes:
    """The time and the material of a file. The values of ``by_feature_s`` add up to ``duration_s``.

    Features have the names that the slicer wrote; besides them ``travel`` (moves that feed nothing), ``other``
    (feeding moves of no feature), ``dwell``, ``tool change`` and ``heat-up``.
    """

    duration_s: float
    by_feature_s: dict[str, float]
    by_tool_s: dict[int, float]  # moves only
    per_layer_s: Float  # (layers,) moves only
    extruded_mm3: dict[int, float]  # by tool, purge and retractions included
    tool_changes: int  # after the first tool was chosen


def estimate(
    gcode: Gcode,
    motion: MotionProfile,
    *,
    cornering: Cornering | None = None,
    tool_change_s: float = 0.0,
    heat_up_s: float = 0.0,
    filament_mm: float = 1.75,
) -> GcodeTimes:
    """Time ``gcode`` on a printer.

    Parameters
    ----------
    gcode
        As read.
    motion
        The printer's limits.
    cornering
        Of the firmware; None: see :func:`printprep.gcode.motion.move_times_s`.
    tool_change_s
        For one change, besides the moves of purging that the file itself holds.
    heat_up_s
        From cold to the first move, homing included. Later waits for a temperature are not timed.
    filament_mm
        Diameter, which turns mm of filament into mm3.
    """
    moves, times = gcode.moves, move_times_s(gcode, motion, cornering).astype(np.float64)
    feeds = moves.e_mm > 0
    names = [TRAVEL, *(name or OTHER for name in gcode.features)]
    sums = np.bincount(np.where(feeds, moves.feature.astype(np.int64) + 1, 0), times, len(names))
    by_feature_s: dict[str, float] = {}
    for name, seconds in zip(names, sums, strict=True):
        if seconds > 0:
            by_feature_s[name] = by_feature_s.get(name, 0.0) + float(seconds)
    changes = _tool_changes(gcode)
    dwell_s = float(gcode.events.value[gcode.events.kind == Event.DWELL].sum())
    rest = {DWELL: dwell_s, TOOL_CHANGE: changes * tool_change_s, HEAT_UP: heat_up_s}
    by_feature_s |= {name: seconds for name, seconds in rest.items() if seconds > 0}
    area_mm2 = math.pi * filament_mm**2 / 4
    tools = np.unique(moves.tool)
    fed_mm = np.bincount(moves.tool, moves.e_mm.astype(np.float64), 256)
    moving_s = np.bincount(moves.tool, times, 256)
    layered = moves.layer >= 0
    return GcodeTimes(
        duration_s=sum(by_feature_s.values()),
        by_feature_s=by_feature_s,
        by_tool_s={int(t): float(moving_s[t]) for t in tools},
        per_layer_s=np.bincount(moves.layer[layered], times[layered], len(gcode.layer_z_mm)).astype(np.float64),
        extruded_mm3={int(t): float(fed_mm[t]) * area_mm2 for t in tools if fed_mm[t] > 0},
        tool_changes=changes,
    )


def _tool_changes(gcode: Gcode) -> int:
    tools = gcode.events.value[gcode.events.kind == Event.TOOL]
    return int((np.diff(tools) != 0).sum())
