"""How Prusa's Buddy firmware plans: Marlin's blocks, whose steps are computed far ahead; in numba.

Read in its sources and held to its own planner and step generator, compiled for a PC, see ``firmware_notes/buddy.md``.

A block whose steps are being computed is fixed. That happens to half of the buffer ahead, and to more of it as long as
that holds fewer steps than the queue of steps has room for: of moves far below a millimetre all that are known may be
fixed. Then nothing follows, and the machine comes to rest until the buffer is full again.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from printprep.gcode.marlin import (
    ACCELERATION,
    ENTRY,
    LEAST_STEPS,
    LENGTH,
    MOVE,
    RING,
    TOP,
    block_of,
    fix_end,
    turn,
)
from printprep.gcode.trapezoid import PLAN, inner, trapezoid_s
from printprep.geometry.mesh import Float

PARTS: Final = 4  # of a step, to which positions are rounded: PLANNER_STEPS_MULTIPLIER
QUEUE: Final = 1023.0  # steps that are computed ahead, at most: STEP_EVENT_QUEUE_SIZE
CHANGES: Final = 5.7  # places in that queue that a block takes besides: its changes of speed, at each pulse of a shaper


@inner
def fix(ring: Float, i: int, last: int, seconds: Float, times) -> None:  # type: ignore[no-untyped-def]
    """Time block ``i`` when its steps are begun to be computed and ``last`` is the newest."""
    leave: float = fix_end(ring, i, last)
    here = ring[i & (RING - 1)]
    top = here[TOP]
    took = trapezoid_s(
        here[LENGTH], min(math.sqrt(here[ENTRY]), top), top, min(math.sqrt(leave), top), here[ACCELERATION]
    )
    seconds[i & (RING - 1)] = took
    times[int(here[MOVE])] += took


@inner
def starved(first: int, done: int, events: Float, seconds: Float, ahead_s: float) -> bool:
    """Whether the queue has room for more steps than blocks ``first`` to ``done`` hold.

    Those of the last ``ahead_s`` cannot be computed yet: a shaper has to see what follows.
    """
    held, left = 0.0, ahead_s
    for m in range(done - 1, first - 1, -1):
        took = seconds[m & (RING - 1)]
        if took <= left:
            left -= took
            continue
        held += events[m & (RING - 1)] * (1.0 - left / took)
        left = 0.0
        if held >= QUEUE:
            return False
    return True


@inner
def compute(ring, tail, done, head, few, events, seconds, ahead_s, times):  # type: ignore[no-untyped-def]
    """Fix blocks from ``done`` on until ``few`` of them are, and the queue of steps is full; how far it came."""
    while done < head and (done - tail < few or starved(tail, done, events, seconds, ahead_s)):
        fix(ring, done, head - 1, seconds, times)
        done += 1
    return done


@inner
def step_count(delta: Float, core: bool) -> float:
    """Steps of all motors; with ``core`` the first two share x and y."""
    total: float = abs(delta[2]) + abs(delta[3])
    if core:
        total += abs(delta[0] + delta[1]) + abs(delta[0] - delta[1])
    else:
        total += abs(delta[0]) + abs(delta[1])
    return total / PARTS


@inner
def strain(speed: Float, limit: Float, here: Float) -> None:
    """Slow a block down whose motors, which share x and y, would be faster than the first limit."""
    shared = abs(speed[0]) + abs(speed[1])
    if shared > limit[0]:
        here[TOP] *= limit[0] / shared
        for k in range(4):
            speed[k] *= limit[0] / shared


@njit(**PLAN)
def plan(position, e, feed, kind, setting, stops, table, steps, blocks, core, restart_s, ahead_s, times):  # type: ignore[no-untyped-def]
    """Fill ``times`` (n,) with the seconds of each move; a move too short for a block counts to a later one.

    ``blocks`` is BLOCK_BUFFER_SIZE, ``core`` whether the motors share x and y, ``restart_s`` what a start from rest
    takes besides, ``ahead_s`` how far a shaper looks; the rest as for :func:`printprep.gcode.marlin.plan`.
    """
    ring, delta, at, target = np.zeros((RING, 8)), np.zeros(4), np.zeros(4), np.zeros(4)
    speed, before, unit, tops = np.zeros(4), np.zeros(4), np.zeros(4), np.zeros(4)
    events, seconds, parts = np.zeros(RING), np.zeros(RING), steps * PARTS
    fed, head, done, tail = 0.0, 0, 0, 0  # mm of filament; blocks since the machine stood: known, fixed, carried out
    for i in range(len(e)):
        if stops[i] != 0:
            while done < head:
                fix(ring, done, head - 1, seconds, times)
                done += 1
            head, done, tail = 0, 0, 0
        fed += e[i]
        for k in range(3):
            target[k] = round(position[i, k] * parts[k])
        target[3] = round(fed * parts[3])
        if kind[i] == 2:
            at[:] = target
            continue
        for k in range(4):
            delta[k] = target[k] - at[k]
        if head - tail == blocks - 1:  # the buffer is full: this one comes in when another is done
            done = compute(ring, tail, done, head, blocks // 2, events, seconds, ahead_s, times)
            tail += 1
            done = compute(ring, tail, done, head, 0, events, seconds, ahead_s, times)
            if done == head:
                head, done, tail = 0, 0, 0
        here, limit = ring[head & (RING - 1)], table[setting[i]]
        if not block_of(delta, parts, LEAST_STEPS * PARTS, feed[i], limit, 0, here, speed):
            continue
        if core:
            strain(speed, limit, here)
        at[:] = target
        here[MOVE] = i
        events[head & (RING - 1)] = step_count(delta, core) + CHANGES
        turn(here, delta, parts, speed, before, unit, tops, limit, head)
        if head == 0:
            times[i] += restart_s
        head += 1
    while done < head:
        fix(ring, done, head - 1, seconds, times)
        done += 1
