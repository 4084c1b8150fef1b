"""How a firmware's planner moves: trapezoids of speed, look-ahead, corners; in numba.

Written from the published descriptions: Marlin's classic jerk and junction deviation
(https://marlinfw.org/docs/configuration/configuration.html; https://onehossshay.wordpress.com/2011/09/24/), Klipper's
square corner velocity (https://www.klipper3d.org/Kinematics.html). The look-ahead here has no end, where a board plans
16 to 64 moves ahead: for moves so short that this matters the time comes out a little low.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.gcode.read import Gcode
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
    def jerk_mm_s(self) -> Axes: ...  # noqa: D102
    @property
    def junction_deviation_mm(self) -> float: ...  # noqa: D102
    @property
    def square_corner_velocity_mm_s(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionLimits:
    """A :class:`MotionProfile` in plain numbers; the defaults are those of a common bed-slinger."""

    max_speed_mm_s: Axes = (200.0, 200.0, 12.0, 120.0)
    max_acceleration_mm_s2: Axes = (1250.0, 1250.0, 400.0, 4000.0)
    print_acceleration_mm_s2: float = 1000.0
    travel_acceleration_mm_s2: float = 1000.0
    jerk_mm_s: Axes = (8.0, 8.0, 0.4, 5.0)
    junction_deviation_mm: float = 0.0
    square_corner_velocity_mm_s: float = 5.0


class Cornering(StrEnum):
    """What limits the speed at which one move goes over into the next."""

    JERK = "jerk"  # Marlin's classic: a step in the speed of each axis
    JUNCTION_DEVIATION = "junction-deviation"  # Marlin: an arc this far from the corner
    SQUARE_CORNER = "square-corner"  # Klipper: the speed at a right angle


def limits_table(gcode: Gcode, motion: MotionProfile, cornering: Cornering) -> Float:
    """Rows like ``gcode.settings`` with the printer's own values where the file did not say, (k, 16) float64.

    Column 12 is a junction deviation in mm, a square corner velocity in mm/s, or -1 for classic jerk.
    """
    own = np.empty(16)
    own[0:4], own[4:8], own[8:12] = motion.max_speed_mm_s, motion.max_acceleration_mm_s2, motion.jerk_mm_s
    own[12] = motion.junction_deviation_mm
    own[13], own[14] = motion.print_acceleration_mm_s2, motion.travel_acceleration_mm_s2
    own[15] = motion.print_acceleration_mm_s2
    table = np.where(gcode.settings < 0, own, gcode.settings)
    if cornering is Cornering.JERK:
        table[:, 12] = -1.0
    elif cornering is Cornering.SQUARE_CORNER:
        table[:, 12] = motion.square_corner_velocity_mm_s
    return np.ascontiguousarray(table)


def move_times_s(gcode: Gcode, motion: MotionProfile, cornering: Cornering | None = None) -> npt.NDArray[np.float32]:
    """Time of each move, (n,) float32 s; jumps of homing and moves of no length take none.

    Parameters
    ----------
    gcode
        As read.
    motion
        The printer's limits; what the file says by M201 to M205 goes before.
    cornering
        None: junction deviation if the printer or the file has one, else classic jerk.
    """
    if cornering is None:
        deviates = motion.junction_deviation_mm > 0 or bool((gcode.settings[:, 12] > 0).any())
        cornering = Cornering.JUNCTION_DEVIATION if deviates else Cornering.JERK
    moves = gcode.moves
    stops = np.zeros(len(moves) + 1, np.uint8)  # the machine stands still before these moves
    stops[gcode.events.at] = np.isin(gcode.events.kind, STOPS)
    times = np.zeros(len(moves), np.float32)
    plan(
        moves.position_mm, moves.e_mm, moves.feed_mm_s, moves.kind, moves.setting, stops,
        limits_table(gcode, motion, cornering), cornering is Cornering.SQUARE_CORNER, times,
    )  # fmt: skip
    return times


STOPS = np.array([0, 1, 2, 4, 6, 8], np.uint8)  # Event: dwell, tool, home, the two waits for heat, pause


@njit(cache=True, error_model="numpy")
def direction(position: Float, e: npt.NDArray[np.float32], i: int, unit: Float) -> float:
    """Length of move ``i`` in mm; ``unit`` (4,) becomes its direction x y z e for each mm of it."""
    for k in range(3):
        unit[k] = position[i, k] - (position[i - 1, k] if i > 0 else 0.0)
    unit[3] = e[i]
    length = math.sqrt(unit[0] ** 2 + unit[1] ** 2 + unit[2] ** 2)
    if length < 1e-9:
        length = abs(unit[3])
    if length > 0:
        for k in range(4):
            unit[k] /= length
    return length


@njit(cache=True, error_model="numpy")
def along(unit: Float, wished: float, limit: Float, first: int) -> float:
    """The largest rate not above ``wished`` at which no axis exceeds its own of ``limit[first : first + 4]``."""
    for k in range(4):
        part = abs(unit[k])
        if part * wished > limit[first + k]:
            wished = limit[first + k] / part
    return wished


@njit(cache=True, error_model="numpy")
def corner(before: Float, unit: Float, acceleration: float, limit: Float, square: bool) -> float:
    """Speed in mm/s, by geometry alone, at which a move along ``before`` may go over into one along ``unit``."""
    if limit[12] < 0.0:
        speed = 1e9
        for k in range(4):
            a, b = before[k], unit[k]
            # Marlin takes a reversal as the larger of the two, because the axis passes through rest
            step = abs(b - a) if a * b > 0.0 else max(abs(a), abs(b))
            if step * speed > limit[8 + k]:
                speed = limit[8 + k] / step
        return speed
    cosine = -(before[0] * unit[0] + before[1] * unit[1] + before[2] * unit[2])
    if cosine > 0.999999:  # straight back
        return 0.0
    if cosine < -0.999999:  # straight on
        return 1e9
    half = math.sqrt((1.0 - cosine) / 2.0)
    deviation = limit[12] * limit[12] * (math.sqrt(2.0) - 1.0) / acceleration if square else limit[12]
    return math.sqrt(acceleration * deviation * half / (1.0 - half))


@njit(cache=True, error_model="numpy")
def rest_speed(unit: Float, limit: Float) -> float:
    """Speed in mm/s to or from which a move may jump out of rest; none where corners are not a matter of jerk."""
    return along(unit, 1e9, limit, 8) if limit[12] < 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def trapezoid_s(length: float, entry: float, top: float, leave: float, acceleration: float) -> float:
    """Time over ``length`` mm from ``entry`` over at most ``top`` to ``leave`` mm/s."""
    ramps = (2 * top * top - entry * entry - leave * leave) / (2 * acceleration)
    if ramps <= length:
        return (2 * top - entry - leave) / acceleration + (length - ramps) / top
    peak = math.sqrt(max((2 * acceleration * length + entry * entry + leave * leave) / 2, 0.0))
    peak = max(peak, entry, leave)
    return (2 * peak - entry - leave) / acceleration


@njit(cache=True, error_model="numpy")
def first_pass(position, e, feed, kind, setting, stops, table, square, move):  # type: ignore[no-untyped-def]
    """Fill ``move`` (n, 4): length, top speed, acceleration, and the entry speed that the corner allows."""
    unit, before = np.zeros(4), np.zeros(4)
    last = -1
    for i in range(len(e)):
        length = direction(position, e, i, unit)
        if kind[i] == 2:
            length = 0.0
        move[i, 0] = length
        if stops[i] != 0 and last >= 0:
            last = -1
        if length <= 0.0:
            continue
        limit = table[setting[i]]
        moves_head = abs(unit[0]) + abs(unit[1]) + abs(unit[2]) > 1e-9
        wished = (limit[13] if e[i] > 0 else limit[14]) if moves_head else limit[15]
        top = max(along(unit, feed[i], limit, 0), 1e-3)
        acceleration = max(along(unit, wished, limit, 4), 1e-3)
        entry = rest_speed(unit, limit)
        if last >= 0:
            entry = corner(before, unit, min(acceleration, move[last, 2]), limit, square)
            entry = min(entry, move[last, 1])
        move[i, 1], move[i, 2], move[i, 3] = top, acceleration, min(entry, top)
        before[:], last = unit, i


@njit(cache=True, nogil=True, error_model="numpy")
def plan(position, e, feed, kind, setting, stops, table, square, times):  # type: ignore[no-untyped-def]
    """Fill ``times`` (n,) with the seconds of each move: corners, then braking backwards, then speeding up forwards."""
    n = len(e)
    move = np.zeros((n, 4), np.float32)
    first_pass(position, e, feed, kind, setting, stops, table, square, move)
    unit = np.zeros(4)
    leave, stop_after = 0.0, True
    for i in range(n - 1, -1, -1):  # the entry from which the move can still brake for what follows
        if move[i, 0] > 0.0:
            if stop_after:
                direction(position, e, i, unit)
                leave = min(rest_speed(unit, table[setting[i]]), move[i, 1])
            reach = math.sqrt(leave * leave + 2 * move[i, 2] * move[i, 0])
            times[i] = leave  # kept here for the forward pass
            move[i, 3] = min(move[i, 3], reach)
            leave, stop_after = move[i, 3], False
        if stops[i] != 0:
            stop_after = True
    speed, moving = 0.0, False
    for i in range(n):
        if stops[i] != 0:
            moving = False
        if move[i, 0] <= 0.0:
            continue
        entry = min(move[i, 3], speed) if moving else move[i, 3]
        top, acceleration, length = move[i, 1], move[i, 2], move[i, 0]
        leave = min(times[i], math.sqrt(entry * entry + 2 * acceleration * length), top)
        times[i] = trapezoid_s(length, entry, top, leave, acceleration)
        speed, moving = leave, True
