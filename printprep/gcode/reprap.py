"""How RepRapFirmware plans: a step in each axis' speed at a corner, look-ahead within moves of a kind; in numba.

Written from https://docs.duet3d.com/User_manual/Reference/Gcodes (M566, M201, M203, M204) and held to worked examples,
see ``firmware_notes/reprapfirmware.md``. Its ring of moves (40 to 60) is taken as endless.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from printprep.gcode.trapezoid import PLAN, along, direction, inner, trapezoid_s
from printprep.geometry.mesh import Float


@inner
def step_corner(before: Float, unit: Float, limit: Float) -> float:
    """Speed in mm/s at which no axis' speed steps by more than its jerk, where ``before`` goes over into ``unit``."""
    speed = 1e9
    for k in range(4):
        step = abs(unit[k] - before[k])
        if step * speed > limit[8 + k]:
            speed = limit[8 + k] / step
    return speed


@njit(**PLAN)
def plan(position, e, feed, kind, setting, stops, table, times):  # type: ignore[no-untyped-def]
    """Fill ``times`` (n,) with the seconds of each move, see :func:`printprep.gcode.motion.move_times_s`."""
    n = len(e)
    moves = np.zeros((n, 4), np.float32)  # length, top speed, acceleration, entry speed
    unit, before = np.zeros(4), np.zeros(4)
    last, last_sort = -1, -1
    for i in range(n):
        if stops[i] != 0:
            last = -1
        length = direction(position, e, i, unit)
        if kind[i] == 2 or length <= 0.0:
            continue
        limit = table[setting[i]]
        in_plane, prints = unit[0] != 0.0 or unit[1] != 0.0, e[i] > 0
        moves_head = in_plane or unit[2] != 0.0
        sort = (2 if in_plane else 0) + (1 if prints and moves_head else 0)
        wished = (limit[13] if prints else limit[14]) if moves_head else 1e9
        top = max(along(unit, feed[i], limit, 0), 1e-3)
        entry = 0.0
        if last >= 0 and sort == last_sort:  # travel and printing, plane and lift are not joined (M566 P0)
            entry = min(step_corner(before, unit, limit), moves[last, 1], top)
        moves[i, 0], moves[i, 1], moves[i, 3] = length, top, entry
        moves[i, 2] = max(along(unit, wished, limit, 4), 1e-3)
        before[:], last, last_sort = unit, i, sort
    leave = 0.0
    for i in range(n - 1, -1, -1):
        if stops[i + 1] != 0:
            leave = 0.0
        if moves[i, 0] > 0.0:
            times[i] = leave  # kept here for the way forwards
            leave = min(moves[i, 3], math.sqrt(leave * leave + 2 * moves[i, 2] * moves[i, 0]))
            moves[i, 3] = leave
    speed = 0.0
    for i in range(n):
        if stops[i] != 0:
            speed = 0.0
        if moves[i, 0] <= 0.0:
            continue
        length, top, acceleration, entry = moves[i, 0], moves[i, 1], moves[i, 2], min(moves[i, 3], speed)
        speed = min(times[i], math.sqrt(entry * entry + 2 * acceleration * length), top)
        times[i] = trapezoid_s(length, entry, top, speed, acceleration)
