"""How Klipper plans: no steps, a look-ahead as long as it takes, corners by centripetal acceleration; in numba.

Written from https://www.klipper3d.org/Kinematics.html and Config_Reference.html, and held to worked examples of its
own look-ahead, see ``firmware_notes/klipper.md``. Pressure advance and input shaping change where the motors are, not
when a move ends.

All speeds are squared here: over a way d with acceleration a, v^2 changes by at most 2 a d.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from printprep.gcode.trapezoid import PLAN, direction, inner
from printprep.geometry.mesh import Float

EXTRUDER_ONLY: Final = 1e8  # mm/s2: what a move of the extruder alone starts from, before its own limits
QUEUE: Final = 4096  # moves that are planned together, at most; longer ones than anyone brakes over
# Columns of a move: length, acceleration; squared: cruise, entry and its smoothed kin, 2 a d and its kin; which it is;
# then what was planned, squared: speed from, over and to
LENGTH, ACCELERATION, CRUISE, ENTRY, CALM_ENTRY, REACH, CALM_REACH, MOVE, FROM, OVER, TO, COLUMNS = range(12)


@inner
def limits_of(unit: Float, length: float, feed: float, limit: Float, row: Float) -> bool:
    """Fill ``row`` from a move's direction and limits; False for a move of the extruder alone, which joins no other."""
    moves_head = bool(unit[0] != 0.0 or unit[1] != 0.0 or unit[2] != 0.0)
    speed, acceleration = (min(feed, limit[0]), limit[13]) if moves_head else (feed, EXTRUDER_ONLY)
    calm = limit[13] * (1.0 - limit[17])
    if unit[2] != 0.0:
        speed = min(speed, limit[2] / abs(unit[2]))
        acceleration = min(acceleration, limit[6] / abs(unit[2]))
    if unit[3] < 0.0 or (unit[3] != 0.0 and unit[0] == 0.0 and unit[1] == 0.0):  # retracts, or feeds in place
        speed = min(speed, limit[3] / abs(unit[3]))
        acceleration = min(acceleration, limit[7] / abs(unit[3]))
    speed = max(speed, 1e-3)
    row[LENGTH], row[ACCELERATION], row[CRUISE] = length, acceleration, speed * speed
    row[REACH] = 2.0 * length * acceleration
    row[CALM_REACH] = min(2.0 * length * calm, row[REACH])
    row[ENTRY], row[CALM_ENTRY] = 0.0, 0.0
    return moves_head


@inner
def corner(
    before: Float, unit: Float, last: Float, row: Float, radius: float, last_radius: float, extruder: float
) -> None:
    """Fill the entry speeds of ``row``, which follows ``last``.

    ``radius`` is the junction deviation in mm, of this move, ``last_radius`` that of the last; ``extruder`` the step in
    its speed that the extruder allows, mm/s.
    """
    entry = min(row[CRUISE], last[CRUISE], last[ENTRY] + last[REACH])
    step = abs(unit[3] - before[3])
    if step > 0.0:
        entry = min(entry, (extruder / step) ** 2)
    cosine = -(unit[0] * before[0] + unit[1] * before[1] + unit[2] * before[2])
    sine = math.sqrt(max(0.5 * (1.0 - cosine), 0.0))  # of half the angle between the two
    other = math.sqrt(max(0.5 * (1.0 + cosine), 0.0))
    if sine < 1.0 and other > 0.0:
        arc = sine / (1.0 - sine)
        entry = min(entry, arc * radius * row[ACCELERATION], arc * last_radius * last[ACCELERATION])
        # the circle must touch both moves before their middle
        quarter = 0.25 * sine / other
        entry = min(entry, row[REACH] * quarter, last[REACH] * quarter)
    row[ENTRY] = entry
    row[CALM_ENTRY] = min(entry, last[CALM_ENTRY] + last[CALM_REACH])


@inner
def backwards(moves: Float, count: int, lazy: bool) -> int:
    """From a stop after the last move back to the first: entries from which it can brake, and the smoothed cruise.

    A cruise of -1 is not known yet: the move cannot speed up, and cruises as the one before it. The smoothed plan, with
    ``minimum_cruise_ratio`` less acceleration, caps the peak of moves that speed up and brake in zigzag. Answers how
    many of the moves are as they will be whatever follows; all, unless ``lazy``.
    """
    leave, calm_leave, peak, pending, settled = 0.0, 0.0, 0.0, 0, count
    for i in range(count - 1, -1, -1):
        row = moves[i]
        reachable, calm = leave + row[REACH], calm_leave + row[CALM_REACH]
        entry, calm_entry = min(row[ENTRY], reachable), min(row[CALM_ENTRY], calm)
        pending += 1
        cruise = -1.0
        if calm_entry < calm:
            if calm_entry + row[CALM_REACH] > calm_leave or pending > 1:
                if lazy and peak > 0.0:
                    settled, lazy = i + pending, False
                peak = 0.5 * (calm_entry + calm)
            cruise = min(0.5 * (entry + reachable), row[CRUISE], peak)
            pending = 0
        row[FROM], row[OVER], row[TO] = entry, cruise, leave
        leave, calm_leave = entry, calm_entry
    return 0 if lazy else settled


@inner
def forwards(moves: Float, count: int, times) -> None:  # type: ignore[no-untyped-def]
    """Fill the times of the first ``count`` moves."""
    before = 0.0
    for i in range(count):
        row = moves[i]
        cruise = row[OVER] if row[OVER] >= 0.0 else min(before, row[FROM])
        entry, leave = min(row[FROM], cruise), min(row[TO], cruise)
        before = cruise
        ramp = 0.5 / row[ACCELERATION]
        v, v_in, v_out = math.sqrt(cruise), math.sqrt(entry), math.sqrt(leave)
        up, down = (cruise - entry) * ramp, (cruise - leave) * ramp
        if v > 0.0:
            times[int(row[MOVE])] = 2 * up / (v_in + v) + 2 * down / (v_out + v) + (row[LENGTH] - up - down) / v


@inner
def settle(moves: Float, count: int, lazy: bool, times) -> int:  # type: ignore[no-untyped-def]
    """Time the moves that are settled and drop them; how many are left."""
    settled: int = backwards(moves, count, lazy)
    if lazy and settled == 0:
        settled = backwards(moves, count, False)
    forwards(moves, settled, times)
    for i in range(settled, count):
        moves[i - settled, :] = moves[i]
    return count - settled


@njit(**PLAN)
def plan(position, e, feed, kind, setting, stops, table, times):  # type: ignore[no-untyped-def]
    """Fill ``times`` (n,) with the seconds of each move, see :func:`printprep.gcode.motion.move_times_s`."""
    moves = np.zeros((QUEUE, COLUMNS))
    unit, before, row, last_row = np.zeros(4), np.zeros(4), np.zeros(COLUMNS), np.zeros(COLUMNS)
    count, joins, last_radius = 0, False, 0.0
    for i in range(len(e)):
        if stops[i] != 0:
            count, joins = settle(moves, count, False, times), False
        length = direction(position, e, i, unit)
        if kind[i] == 2 or length <= 0.0:
            continue
        limit = table[setting[i]]
        moves_head = limits_of(unit, length, feed[i], limit, row)
        row[MOVE] = i
        radius = limit[16] * limit[16] * (math.sqrt(2.0) - 1.0) / limit[13]
        if joins and moves_head:
            corner(before, unit, last_row, row, radius, last_radius, limit[19])
        if count == QUEUE:
            count = settle(moves, count, True, times)
        moves[count, :] = row
        count += 1
        before[:], last_row[:], joins, last_radius = unit, row, moves_head, radius
    settle(moves, count, False, times)
