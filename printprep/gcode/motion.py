"""What a printer's motion is limited by, and how long its firmware takes over each move of a file.

One planner a firmware, each in a file of its own: :mod:`printprep.gcode.marlin`, :mod:`printprep.gcode.buddy`,
:mod:`printprep.gcode.klipper`, :mod:`printprep.gcode.reprap`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from printprep.gcode import buddy, klipper, marlin, reprap
from printprep.gcode.layout import SETTINGS, Chords, Event
from printprep.gcode.read import Gcode
from printprep.gcode.trapezoid import trapezoid_s
from printprep.geometry.mesh import Float

Axes = tuple[float, float, float, float]  # x y z e


class MotionProfile(Protocol):
    """What the planner needs to know of a printer; a printer profile's ``motion`` fits."""

    @property
    def max_speed_mm_s(self) -> Axes: ...  # noqa: D102
    @property
    def max_acceleration_mm_s2(self) -> Axes: ...  # noqa: D102
    @property
    def print_acceleration_mm_s2(self) -> float: ...  # noqa: D102
    @property
    def travel_acceleration_mm_s2(self) -> float: ...  # noqa: D102
    @property
    def retract_acceleration_mm_s2(self) -> float | None: ...  # noqa: D102
    @property
    def jerk_mm_s(self) -> Axes: ...  # noqa: D102
    @property
    def junction_deviation_mm(self) -> float: ...  # noqa: D102
    @property
    def steps_per_mm(self) -> Axes: ...  # noqa: D102
    @property
    def planner_blocks(self) -> int: ...  # noqa: D102
    @property
    def steps_ahead(self) -> bool: ...  # noqa: D102
    @property
    def core_xy(self) -> bool: ...  # noqa: D102
    @property
    def restart_s(self) -> float: ...  # noqa: D102
    @property
    def shaper_ahead_s(self) -> float: ...  # noqa: D102
    @property
    def min_segment_s(self) -> float: ...  # noqa: D102
    @property
    def square_corner_velocity_mm_s(self) -> float: ...  # noqa: D102
    @property
    def minimum_cruise_ratio(self) -> float: ...  # noqa: D102
    @property
    def instantaneous_corner_velocity_mm_s(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionLimits:
    """A :class:`MotionProfile` in plain numbers; the defaults are those of a common bed-slinger.

    What each value means is said in :class:`printprep.profiles.models.Motion`.
    """

    max_speed_mm_s: Axes = (200.0, 200.0, 12.0, 120.0)
    max_acceleration_mm_s2: Axes = (1250.0, 1250.0, 400.0, 4000.0)
    print_acceleration_mm_s2: float = 1000.0
    travel_acceleration_mm_s2: float = 1000.0
    retract_acceleration_mm_s2: float | None = None
    jerk_mm_s: Axes = (8.0, 8.0, 0.4, 5.0)
    junction_deviation_mm: float = 0.0
    steps_per_mm: Axes = (80.0, 80.0, 400.0, 93.0)
    planner_blocks: int = 16
    steps_ahead: bool = False
    core_xy: bool = False
    restart_s: float = 0.0
    shaper_ahead_s: float = 0.0
    min_segment_s: float = 0.02
    square_corner_velocity_mm_s: float = 5.0
    minimum_cruise_ratio: float = 0.5
    instantaneous_corner_velocity_mm_s: float = 1.0


class Cornering(StrEnum):
    """What limits the speed at which one move goes over into the next; it names the firmware's planner, too."""

    JERK = "jerk"  # Marlin's classic: a step in the speed of each axis, as of rest where an axis reverses
    JUNCTION_DEVIATION = "junction-deviation"  # Marlin: an arc this far from the corner
    SQUARE_CORNER = "square-corner"  # Klipper: the speed at a right angle
    STEP = "step"  # RepRapFirmware: a step in the speed of each axis


CORNERING: Final = {
    "klipper": Cornering.SQUARE_CORNER,
    "reprapfirmware": Cornering.STEP,
    "repetier": Cornering.JERK,
    "smoothieware": Cornering.JUNCTION_DEVIATION,
}
"""By firmware; for the others (Marlin and Prusa's Buddy), :func:`cornering_of` says which of Marlin's two it is."""

CHORDS: Final = {"klipper": Chords.KLIPPER, "prusa-buddy": Chords.BUDDY, "reprapfirmware": Chords.REPRAP}
"""By firmware, how it cuts arcs; the others as Marlin."""

STOPS = np.array(
    [
        Event.DWELL,
        Event.TOOL,
        Event.HOME,
        Event.NOZZLE_WAIT,
        Event.BED_WAIT,
        Event.PAUSE,
        Event.MOTORS_OFF,
        Event.PROBE,
    ],
    np.uint8,
)
"""Events before which the machine comes to rest."""


def limits_table(said: Float, motion: MotionProfile, cornering: Cornering) -> Float:
    """Rows like ``said``, the settings of a file, with the printer's own values where it did not say, (k, 22) float64.

    Column 12 is a junction deviation in mm, or -1 for classic jerk. With Klipper's planner column 0 is the head's
    maximum speed, 13 its acceleration, and 19 the extruder's instantaneous corner velocity.
    """
    own = np.zeros(SETTINGS)
    own[0:4], own[4:8], own[8:12] = motion.max_speed_mm_s, motion.max_acceleration_mm_s2, motion.jerk_mm_s
    own[12] = motion.junction_deviation_mm
    own[13], own[14] = motion.print_acceleration_mm_s2, motion.travel_acceleration_mm_s2
    own[15] = motion.retract_acceleration_mm_s2 or motion.print_acceleration_mm_s2
    own[16], own[17] = motion.square_corner_velocity_mm_s, motion.minimum_cruise_ratio
    own[18] = motion.min_segment_s
    if cornering is Cornering.SQUARE_CORNER:
        return _klipper_table(said, own, motion)
    if cornering is Cornering.STEP and len(said):
        said = said.copy()
        said[:, :4] = np.where(said[:, :4] > 0, said[:, :4] / 60.0, said[:, :4])  # its M203 is in mm/min
    table = np.where(said < 0, own, said)
    if cornering is Cornering.JERK:
        table[:, 12] = -1.0
    return np.ascontiguousarray(table)


def _klipper_table(said: Float, own: Float, motion: MotionProfile) -> Float:
    """Klipper knows of M204 (S, or the smaller of P and T) and SET_VELOCITY_LIMIT, and not of M201, M203 and M205."""
    table = np.tile(own, (len(said), 1))
    head = np.minimum(said[:, 13], said[:, 14])
    table[:, 13] = np.where(head > 0, head, own[13])
    for column in (16, 17):
        table[:, column] = np.where(said[:, column] >= 0, said[:, column], own[column])
    table[:, 0] = np.where(said[:, 19] > 0, said[:, 19], own[0])
    table[:, 19] = motion.instantaneous_corner_velocity_mm_s
    return np.ascontiguousarray(table)


def cornering_of(gcode: Gcode, motion: MotionProfile) -> Cornering:
    """Marlin's cornering: by junction deviation if the printer or the file has one, else by classic jerk."""
    deviates = motion.junction_deviation_mm > 0 or bool((gcode.settings[:, 12] > 0).any())
    return Cornering.JUNCTION_DEVIATION if deviates else Cornering.JERK


def move_times_s(gcode: Gcode, motion: MotionProfile, cornering: Cornering | None = None) -> npt.NDArray[np.float32]:
    """Time of each move, (n,) float32 s; jumps of homing and moves of no length take none.

    Parameters
    ----------
    gcode
        As read.
    motion
        The printer's limits; what the file says by M201 to M205, M566 or SET_VELOCITY_LIMIT goes before.
    cornering
        Of the printer's firmware; None: see :func:`cornering_of`.
    """
    cornering = cornering_of(gcode, motion) if cornering is None else cornering
    moves = gcode.moves
    stops = np.zeros(len(moves) + 1, np.uint8)  # the machine stands still before these moves
    stops[gcode.events.at[np.isin(gcode.events.kind, STOPS)]] = 1
    times = np.zeros(len(moves), np.float32)
    rows = (moves.position_mm, moves.e_mm, moves.feed_mm_s, moves.kind, moves.setting, stops)
    table = limits_table(gcode.settings, motion, cornering)
    if cornering is Cornering.SQUARE_CORNER:
        klipper.plan(*rows, table, times)
    elif cornering is Cornering.STEP:
        reprap.plan(*rows, table, times)
    elif motion.steps_ahead:
        table[:, 21] = 0.0  # its M900 sets nothing that takes time
        steps, blocks = np.array(motion.steps_per_mm, np.float64), motion.planner_blocks
        buddy.plan(*rows, table, steps, blocks, motion.core_xy, motion.restart_s, motion.shaper_ahead_s, times)
    else:
        marlin.plan(*rows, table, np.array(motion.steps_per_mm, np.float64), motion.planner_blocks, times)
    return times


__all__ = [
    "CHORDS", "CORNERING", "STOPS", "Axes", "Cornering", "MotionLimits", "MotionProfile", "cornering_of",
    "limits_table", "move_times_s", "trapezoid_s",
]  # fmt: skip
