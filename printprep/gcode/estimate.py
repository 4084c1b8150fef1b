"""How long a file of G-code takes and what it extrudes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from printprep.gcode.heat import DWELL, TOOL_CHANGE, Pauses, TimingProfile, pauses
from printprep.gcode.layout import Event
from printprep.gcode.motion import Cornering, MotionProfile, move_times_s
from printprep.gcode.read import Gcode
from printprep.geometry.mesh import Float

TRAVEL, OTHER = "travel", "other"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GcodeTimes:
    """The time and the material of a file. The values of ``by_feature_s`` add up to ``duration_s``.

    Features have the names that the slicer wrote; besides them ``travel`` (moves that feed nothing), ``other``
    (feeding moves of no feature), and what happens between moves: ``dwell``, ``tool change``, ``heat-up`` (before the
    first layer), ``waiting for heat`` (after it), ``homing``, ``levelling``, ``filament change``.
    """

    duration_s: float
    by_feature_s: dict[str, float]
    by_tool_s: dict[int, float]  # moves only
    per_layer_s: Float  # (layers,) moves only
    extruded_mm3: dict[int, float]  # by tool, purge and retractions included
    tool_changes: int  # after the first tool was chosen
    waiting_s: dict[int, float] = field(default_factory=dict)  # by tool: all but moves
    for_person: int = 0  # how often it waits for a person; only changing filament is timed
    anatomy_layer_count: int = 0  # of per_layer_s, those that hold something of a part, not support alone


def estimate(
    gcode: Gcode,
    motion: MotionProfile,
    *,
    cornering: Cornering | None = None,
    timing: TimingProfile | None = None,
    shared_nozzle: bool = False,
    tool_change_s: float = 0.0,
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
    timing
        What the printer takes to heat, home and level; None: none of it is timed.
    shared_nozzle
        All tools print through one hotend.
    tool_change_s
        For one change, besides the moves of purging that the file itself holds.
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
    changes = tool_changes(gcode)
    if timing is None:
        rest = _without_heaters(gcode, changes * tool_change_s)
    else:
        rest = pauses(gcode, times, timing, tool_change_s=tool_change_s, shared_nozzle=shared_nozzle)
    by_feature_s |= rest.by_name_s
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
        waiting_s=rest.by_tool_s,
        for_person=rest.for_person,
    )


def _without_heaters(gcode: Gcode, changes_s: float) -> Pauses:
    rest = Pauses(for_person=int((gcode.events.kind == Event.PAUSE).sum()))
    rest.add(DWELL, float(gcode.events.value[gcode.events.kind == Event.DWELL].sum()), 0)
    rest.add(TOOL_CHANGE, changes_s, 0)
    return rest


def tool_changes(gcode: Gcode) -> int:
    """How often the tool changes after the first one was chosen."""
    tools = gcode.events.value[gcode.events.kind == Event.TOOL]
    return int((np.diff(tools) != 0).sum())
