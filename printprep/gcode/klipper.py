"""How Klipper plans: no steps, a look-ahead without end, corners by centripetal acceleration; in numba.

Written from https://www.klipper3d.org/Kinematics.html and Config_Reference.html, and held to worked examples of its own
look-ahead, see ``firmware_notes/klipper.md``. Pressure advance and input shaping change where the motors are, not when a
move ends.

All speeds are squared here: over a way d with acceleration a, v^2 changes by at most 2 a d.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from printprep.geometry.mesh import Float
from printprep.gcode.trapezoid import PLAN, direction, inner

EXTRUDER_ONLY: Final = 1e8  # mm/s2: what a move of the extruder alone starts from, before its own limits
# Columns of a move: length, acceleration, squared cruise, squared entry and its smoothed kin, 2 a d and its smoothed kin
LENGTH, ACCELERATION, CRUISE, ENTRY, CALM_ENTRY, REACH, CALM_REACH, COLUMNS = range(8)


@inner
def limits_of(unit: Float, length: float, feed: float, limit: Float, row: Float) -> bool:
    """Fill ``row`` from a move's direction and limits; False for a move of the extruder alone, which joins no other."""
    moves_head = unit[0] != 0.0 or unit[1] != 0.0 or unit[2] != 0.0
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
def corner(before: Float, unit: Float, last: Float, row: Float, radius: float, last_radius: float, extruder: float) -> None:
    """Fill the entry speeds of ``row``, which follows ``last``.

    ``radius`` is v^2 / a of a right angle less what the corner cuts off (junction deviation), of this move and the last;
    ``extruder`` the step in its speed that the extruder allows, mm/s.
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
def backwards(moves, first: int, last: int) -> None:  # type: ignore[no-untyped-def]
    """From the stop after ``last`` back to ``first``: entries from which a move can brake, and the smoothed cruise.

    A cruise of -1 is not known yet: the move cannot speed up, and cruises as the one before it. The smoothed plan, with
    ``minimum_cruise_ratio`` less acceleration, caps the peak of moves that speed up and brake in zigzag.
    """
    leave, calm_leave, peak, pending = 0.0, 0.0, 0.0, 0
    for i in range(last, first - 1, -1):
        row = moves[i]
        if row[LENGTH] <= 0.0:
            continue
        reachable, calm = leave + row[REACH], calm_leave + row[CALM_REACH]
        entry, calm_entry = min(row[ENTRY], reachable), min(row[CALM_ENTRY], calm)
        pending += 1
        cruise = -1.0
        if calm_entry < calm:
            if calm_entry + row[CALM_REACH] > calm_leave or pending > 1:
                peak = 0.5 * (calm_entry + calm)
            cruise = min(0.5 * (entry + reachable), row[CRUISE], peak)
            pending = 0
        row[CALM_ENTRY] = leave  # no longer needed: kept for the way forwards
        row[ENTRY], row[CRUISE] = entry, cruise
        leave, calm_leave = entry, calm_entry


@inner
def forwards(moves, first: int, last: int, times) -> None:  # type: ignore[no-untyped-def]
    """Fill the times of ``first`` to ``last``."""
    before = 0.0
    for i in range(first, last + 1):
        row = moves[i]
        if row[LENGTH] <= 0.0:
            continue
        cruise = row[CRUISE] if row[CRUISE] >= 0.0 else min(before, row[ENTRY])
        entry, leave = min(row[ENTRY], cruise), min(row[CALM_ENTRY], cruise)
        before = cruise
        ramp = 0.5 / row[ACCELERATION]
        v, v_in, v_out = math.sqrt(cruise), math.sqrt(entry), math.sqrt(leave)
        up, down = (cruise - entry) * ramp, (cruise - leave) * ramp
        if v > 0.0:
            times[i] = 2 * up / (v_in + v) + 2 * down / (v_out + v) + (row[LENGTH] - up - down) / v


@njit(**PLAN)
def plan(position, e, feed, kind, setting, stops, table, times):  # type: ignore[no-untyped-def]
    """Fill ``times`` (n,) with the seconds of each move, see :func:`printprep.gcode.motion.move_times_s`."""
    n = len(e)
    moves = np.zeros((n, COLUMNS), np.float32)
    unit, before, row, last_row = np.zeros(4), np.zeros(4), np.zeros(COLUMNS), np.zeros(COLUMNS)
    first, joins, last_radius = 0, False, 0.0
    for i in range(n):
        if stops[i] != 0:
            backwards(moves, first, i - 1)
            forwards(moves, first, i - 1, times)
            first, joins = i, False
        length = direction(position, e, i, unit)
        if kind[i] == 2 or length <= 0.0:
            continue
        limit = table[setting[i]]
        moves_head = limits_of(unit, length, feed[i], limit, row)
        radius = limit[16] * limit[16] * (math.sqrt(2.0) - 1.0) / limit[13]
        if joins and moves_head:
            corner(before, unit, last_row, row, radius, last_radius, limit[19])
        moves[i, :] = row
        before[:], last_row[:], joins, last_radius = unit, row, moves_head, radius
    backwards(moves, first, n - 1)
    forwards(moves, first, n - 1, times)
