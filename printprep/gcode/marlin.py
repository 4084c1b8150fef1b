"""How Marlin plans: whole steps, a short buffer of blocks, corners by jerk or by junction deviation; in numba.

Written from its documentation, and from what its sources do where that is silent
(https://marlinfw.org/docs/configuration/configuration.html;
https://onehossshay.wordpress.com/2011/09/24/; https://blog.kyneticcnc.com/2018/10/computing-junction-deviation-for-marlin.html)
and held to worked examples of its own planner, see ``firmware_notes/marlin.md``. Prusa's Buddy makes its blocks alike
and fixes them earlier, see :mod:`printprep.gcode.buddy`.

The buffer holds ``blocks - 1`` blocks. The one that is being executed is fixed, and with it the speed at which the next
begins; a block comes in when one is done. So a block is fixed while ``blocks - 3`` further ones are known, the last
of which must be able to stop: moves so short that these cover less than the way to brake are slower than they could be.
The file is taken to arrive faster than it is printed.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from printprep.gcode.trapezoid import PLAN, inner
from printprep.geometry.mesh import Float

LEAST_STEPS: Final = 6  # MIN_STEPS_PER_SEGMENT: what is shorter on every axis waits for the next move
LEAST_MM_S: Final = 0.05  # MINIMUM_PLANNER_SPEED: at the end of what is known
LEAST_RATE: Final = 120.0  # steps/s of the axis with most steps: MINIMAL_STEP_RATE
THICKEST: Final = 3.0  # mm of filament for each mm: more is a retraction that was joined, without linear advance
RING: Final = 64  # most blocks that a buffer may have; a power of two
ENTRY, CORNER, REACH, LENGTH, TOP, ACCELERATION, STEPS, MOVE = range(8)  # columns of a block, speeds squared


@inner
def jerk_corner(before: Float, speed: Float, limit: Float, tops: Float, stretch: int) -> float:
    """Speed in mm/s at which the axes' speeds may step from ``before`` to ``speed`` (4,), both at full speed.

    ``tops`` is full speed and the speed of a jump from or to rest, of the block before and of this one; the latter's
    jump is filled in. Where jumping to rest and from there is faster than rounding the corner, that is what is done.
    """
    top: float = tops[2]
    jump = top
    for k in range(4):
        if abs(speed[k]) * jump > limit[8 + k] * top:
            jump = limit[8 + k] * top / abs(speed[k])
    tops[3] = jump
    if stretch == 0:
        return jump
    shared: float = min(top, tops[0])
    scale, factor = shared / tops[0], 1.0
    for k in range(4):
        a, b = before[k] * scale, speed[k]
        # an axis that reverses passes through rest: the larger step counts
        step = abs(b - a) if a * b > 0.0 else max(abs(a), abs(b))
        if step * factor > limit[8 + k]:
            factor = limit[8 + k] / step
    shared *= factor
    if tops[1] > 0.99 * shared and jump > 0.99 * shared:
        return jump
    return shared


@inner
def arc_corner(before: Float, unit: Float, limit: Float, length: float, acceleration: float) -> float:
    """Speed in mm/s on an arc that touches both moves and passes the corner at the junction deviation ``limit[12]``."""
    cosine, norm = 0.0, 0.0
    for k in range(4):
        cosine -= before[k] * unit[k]
        norm += (unit[k] - before[k]) ** 2
    if cosine > 0.999999:  # straight back
        return LEAST_MM_S
    for k in range(4):  # no axis may accelerate more than it can, towards the arc's centre
        part = abs(unit[k] - before[k]) / math.sqrt(max(norm, 1e-18))
        if part * acceleration > limit[4 + k]:
            acceleration = limit[4 + k] / part
    cosine = max(cosine, -0.999999)
    half = math.sqrt(0.5 * (1.0 - cosine))
    squared = acceleration * limit[12] * half / (1.0 - half)
    if length < 1.0 and cosine < -0.70710678:  # a short piece of a curve: the circle of such pieces
        squared = min(squared, length * acceleration / math.acos(-cosine))
    return math.sqrt(squared)


@inner
def timer_s(steps: float, entry: float, top: float, leave: float, acceleration: float) -> float:
    """Time of a trapezoid as a timer steps it, all in steps: speed is set at each step for the whole way to the next.

    So while it speeds up the axis is behind, and while it brakes ahead, of a smooth ramp by half the logarithm of the
    ratio of speeds (Euler's method; the sum over 1/v). Braking starts a step late, and on a whole step.
    """
    up, down = (top * top - entry * entry) / (2 * acceleration), (top * top - leave * leave) / (2 * acceleration)
    cruise_s = 0.0
    if up + down <= steps:
        lag = 0.5 * math.log(top / entry)
        late = min(1.5, down)
        cruise_s = (steps - up + lag - down + late) / top
        down -= late
    else:
        up = min(max(0.5 * (steps + up - down) + 0.5, 0.0), steps)
        down = steps - up
        squared = entry * entry + 2 * acceleration * up
        squared += 0.5 * acceleration * math.log(squared / (entry * entry))
        top = min(math.sqrt(squared), top)
        late = min(1.0, down)
        cruise_s, down = late / top, down - late
    end = math.sqrt(max(top * top - 2 * acceleration * down, leave * leave))
    ahead = acceleration * math.log(top / end)
    end = min(math.sqrt(end * end + ahead), top)
    return (top - entry) / acceleration + cruise_s + (top - end) / acceleration


@inner
def fix_end(ring: Float, i: int, last: int) -> float:
    """Squared speed at the end of block ``i``, when ``last`` is the newest; the next block's entry is fixed with it."""
    here = ring[i & (RING - 1)]
    leave = LEAST_MM_S * LEAST_MM_S
    if i < last:
        leave = min(ring[(i + 1) & (RING - 1), CORNER], here[ENTRY] + here[REACH])
        way = 0.0  # in squared speed: what the blocks so far can brake
        for m in range(i + 1, last + 1):
            way += ring[m & (RING - 1), REACH]
            if way >= leave:
                break
            end = ring[(m + 1) & (RING - 1), CORNER] if m < last else LEAST_MM_S * LEAST_MM_S
            leave = min(leave, end + way)
        ring[(i + 1) & (RING - 1), ENTRY] = leave
    return leave


@inner
def fix(ring: Float, i: int, last: int, times) -> None:  # type: ignore[no-untyped-def]
    """Time block ``i`` when it starts and ``last`` is the newest."""
    leave: float = fix_end(ring, i, last)
    here = ring[i & (RING - 1)]
    top, steps = here[TOP], here[STEPS]
    slowest = LEAST_RATE / steps
    entry, end = min(max(math.sqrt(here[ENTRY]), slowest), top), min(max(math.sqrt(leave), slowest), top)
    times[int(here[MOVE])] += timer_s(
        steps * here[LENGTH], steps * entry, steps * top, steps * end, steps * here[ACCELERATION]
    )


@inner
def advance_acceleration(delta: Float, limit: Float, steps: Float) -> float:
    """Acceleration in mm/s2 at which linear advance, ``limit[21]`` s, makes the extruder jump by its jerk."""
    way = 0.0
    for k in range(3):
        way += (delta[k] / steps[k]) ** 2
    ratio = delta[3] / steps[3] / math.sqrt(way)
    if ratio > THICKEST:
        return math.inf
    jerk: float = limit[11]
    if limit[12] >= 0.0:  # by junction deviation: a right angle's
        jerk = math.sqrt(math.sqrt(0.5) * limit[12] * limit[7] / (1.0 - math.sqrt(0.5)))
    most: float = jerk / (limit[21] * ratio)
    return most


@inner
def most_acceleration(delta: Float, count: int, limit: Float, steps: Float, length: float) -> float:
    """Acceleration in mm/s2 of a block of ``count`` steps on its longest axis, ``delta`` (4,) steps."""
    if delta[0] == 0.0 and delta[1] == 0.0 and delta[2] == 0.0:
        own: float = limit[15]
        return own  # by itself, filament is accelerated without regard to its axis' own limit
    wished = limit[13] if delta[3] != 0.0 else limit[14]
    if limit[21] > 0.0 and delta[3] > 0.0:
        wished = min(wished, advance_acceleration(delta, limit, steps))
    rate: float = wished * count / length
    for k in range(4):
        own = limit[4 + k] * steps[k]
        if delta[k] != 0.0 and own < rate:
            rate = min(rate, own * count / abs(delta[k]))
    return rate * length / count


@inner
def block_of(
    delta: Float, steps: Float, least: int, feed: float, limit: Float, stretch: int, here: Float, speed: Float
) -> bool:
    """Fill the row ``here`` of the ring and ``speed`` (4,) mm/s of the axes; False: fewer than ``least`` steps.

    ``stretch`` is how many blocks wait in a buffer that must be given time to fill, or 0.
    """
    far = max(abs(delta[0]), abs(delta[1]), abs(delta[2]))
    count = max(far, abs(delta[3]))
    if count < least:
        return False
    length, squared = abs(delta[3]) / steps[3], 0.0
    if far >= least:
        for k in range(3):
            squared += (delta[k] / steps[k]) ** 2
        length = math.sqrt(squared)
    seconds = length / max(feed, limit[20], 1e-3)
    if stretch > 0 and seconds < limit[18]:
        seconds += 2.0 * (limit[18] - seconds) / stretch
    factor = 1.0
    for k in range(4):
        speed[k] = delta[k] / steps[k] / seconds
        if abs(speed[k]) * factor > limit[k]:
            factor = limit[k] / abs(speed[k])
    for k in range(4):
        speed[k] *= factor
    here[LENGTH], here[TOP], here[STEPS] = length, length / seconds * factor, count / length
    here[ACCELERATION] = max(most_acceleration(delta, count, limit, steps, length), 1e-3)
    here[REACH] = 2.0 * here[ACCELERATION] * length
    here[ENTRY] = LEAST_MM_S * LEAST_MM_S
    return True


@inner
def turn(
    here: Float,
    delta: Float,
    steps: Float,
    speed: Float,
    before: Float,
    unit: Float,
    tops: Float,
    limit: Float,
    head: int,
) -> None:
    """Fill the corner speed of the row ``here``, and remember the move for the next corner."""
    tops[2] = here[TOP]
    if limit[12] < 0.0:
        corner = jerk_corner(before, speed, limit, tops, head)
        before[:] = speed
    else:
        norm = 0.0
        for k in range(4):
            unit[k] = delta[k] / steps[k]
            norm += unit[k] ** 2
        norm = math.sqrt(norm) if delta[3] != 0.0 else here[LENGTH]
        for k in range(4):
            unit[k] /= norm
        corner = 0.0 if head == 0 else arc_corner(before, unit, limit, here[LENGTH], here[ACCELERATION])
        corner = min(corner, here[TOP], tops[0])
        before[:] = unit
    here[CORNER] = corner * corner
    tops[0], tops[1] = tops[2], tops[3]


@inner
def put(
    place: Float,
    fed: float,
    feed: float,
    jump: bool,
    limit: Float,
    steps: Float,
    full: int,
    queued: int,
    head: int,
    ring: Float,
    last: Float,
) -> bool:
    """Fill row ``head`` of the ring with a move to ``place`` (3,) mm and ``fed`` mm of filament; False: no block.

    ``full`` is BLOCK_BUFFER_SIZE, ``queued`` how many blocks are in the buffer, ``last`` (7, 4) what is remembered of
    the block before. A jump of homing is none, and neither is a move of too few steps, which counts to a later one.
    """
    at, before, tops, delta, target, speed, unit = last[0], last[1], last[2], last[3], last[4], last[5], last[6]
    for k in range(3):
        target[k] = round(place[k] * steps[k])
    target[3] = round(fed * steps[3])
    if jump:
        at[:] = target
        return False
    for k in range(4):
        delta[k] = target[k] - at[k]
    here = ring[head & (RING - 1)]
    stretch = queued if 2 <= queued < full // 2 else 0
    if not block_of(delta, steps, LEAST_STEPS, feed, limit, stretch, here, speed):
        return False
    at[:] = target
    turn(here, delta, steps, speed, before, unit, tops, limit, head)
    return True


@njit(**PLAN)
def put_block(place, fed, feed, jump, limit, steps, full, queued, head, ring, last):  # type: ignore[no-untyped-def]
    """:func:`put`, for who follows a buffer move by move (:mod:`printprep.printers.virtual_planner`)."""
    return put(place, fed, feed, jump, limit, steps, full, queued, head, ring, last)


@njit(**PLAN)
def begin_block(ring, i, last):  # type: ignore[no-untyped-def]
    """Time in s of block ``i``, which begins now, when ``last`` is the newest one."""
    times = np.zeros(1)
    ring[i & (RING - 1), MOVE] = 0.0
    fix(ring, i, last, times)
    return times[0]


@njit(**PLAN)
def plan(position, e, feed, kind, setting, stops, table, steps, blocks, times):  # type: ignore[no-untyped-def]
    """Fill ``times`` (n,) with the seconds of each move; a move too short for a block counts to a later one.

    ``steps`` (4,) steps/mm, ``blocks`` is BLOCK_BUFFER_SIZE; the rest as for
    :func:`printprep.gcode.motion.move_times_s`.
    """
    ring, memory = np.zeros((RING, 8)), np.zeros((7, 4))
    fed, head, done = 0.0, 0, 0  # mm of filament; blocks since the machine last stood: put in, fixed
    for i in range(len(e)):
        if stops[i] != 0:
            while done < head:
                fix(ring, done, head - 1, times)
                done += 1
            head, done = 0, 0
        fed += e[i]
        limit, queued = table[setting[i]], min(head, blocks - 2)
        if not put(position[i], fed, feed[i], kind[i] == 2, limit, steps, blocks, queued, head, ring, memory):
            continue
        ring[head & (RING - 1), MOVE] = i
        if head >= blocks - 1:  # the buffer is full: this one came in because another was done
            if head == blocks - 1:
                fix(ring, 0, head - 1, times)
            done = head - blocks + 2
            fix(ring, done, head - 1, times)
            done += 1
        head += 1
    while done < head:
        fix(ring, done, head - 1, times)
        done += 1
