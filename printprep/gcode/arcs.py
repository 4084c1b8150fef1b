"""Arcs as chords, in numba."""

from __future__ import annotations

import math
from typing import Final

from printprep.gcode.layout import CHORDS, FEED, PLANE, SPEED, UNIT, Memory, Output, Values, X, Y, Z
from printprep.gcode.rows import LARGEST, has, inner, push

ARC_SEGMENTS: Final = 256  # at most, for one arc
FIRMWARE_SEGMENTS: Final = 4096  # at most, where a firmware cuts it
ARC_SAGITTA_MM: Final = 0.005  # chord to arc, at most
MOST_TURNS: Final = 10.0


@inner
def in_plane(plane: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A point's first and second coordinate in the plane of arcs, and its height over it."""
    if plane == 18:
        return z, x, y
    if plane == 19:
        return y, z, x
    return x, y, z


@inner
def from_plane(plane: int, a: float, b: float, c: float) -> tuple[float, float, float]:
    """The way back of :func:`in_plane`."""
    if plane == 18:
        return b, c, a
    if plane == 19:
        return c, a, b
    return a, b, c


@inner
def centre(
    a: float, b: float, end_a: float, end_b: float, value: Values, mask: int, clockwise: bool, mem: Memory
) -> tuple[float, float, bool]:
    """The centre of an arc in its plane, by I, J and K from its start or by its radius R; False if there is none."""
    unit = mem.state[UNIT]
    if not has(mask, 82):
        i, j, _ = in_plane(
            int(mem.state[PLANE]),
            value[8] * unit if has(mask, 73) else 0.0,
            value[9] * unit if has(mask, 74) else 0.0,
            value[10] * unit if has(mask, 75) else 0.0,
        )
        return a + i, b + j, True
    r = value[17] * unit  # negative for the long way round
    da, db = end_a - a, end_b - b
    d = math.hypot(da, db)
    if d == 0.0 or abs(r) < d / 2 * 0.999:
        return a, b, False
    h = math.sqrt(max(r * r - d * d / 4, 0.0))
    if clockwise == (r > 0):
        h = -h
    return a + da / 2 - db / d * h, b + db / 2 + da / d * h, True


@inner
def chord_count(radius: float, turned: float, rise: float, mem: Memory) -> int:
    """How many chords an arc over ``turned`` radians gets that climbs by ``rise``; see :class:`layout.Chords`."""
    rule, way = int(mem.state[CHORDS]), radius * abs(turned)
    if rule == 0:
        step = 2 * math.acos(max(1 - ARC_SAGITTA_MM / radius, 0.0))
        return int(min(max(math.ceil(abs(turned) / max(step, 1e-6)), 1), ARC_SEGMENTS))
    count = 1.0
    if rule == 1:
        count = max(math.floor(way), math.ceil(72.0 * abs(turned) / (2 * math.pi)))
        if way / count > 1.0:
            count = math.ceil(way)
        elif way / count < 0.1:
            count = math.floor(way / 0.1)
    elif rule == 2:
        count = math.floor(math.hypot(way, rise))
    else:
        deviation, seconds, least, most = (0.02, 0.02, 0.1, 2.0) if rule == 3 else (0.005, 0.005, 0.02, 1.0)
        feed = mem.state[FEED] if rule == 3 else mem.state[FEED] * mem.state[SPEED]
        wished = min(math.sqrt(8 * radius * deviation), feed * seconds)
        count = math.floor(way / min(max(wished, least), most) + 0.8)
    return int(min(max(count, 1.0), FIRMWARE_SEGMENTS))


@inner
def arc(
    end_x: float,
    end_y: float,
    end_z: float,
    e: float,
    value: Values,
    mask: int,
    clockwise: bool,
    out: Output,
    mem: Memory,
) -> bool:
    """Append the chords of an arc or a helix; False if its centre makes no sense. P asks for whole turns besides."""
    plane = int(mem.state[PLANE])
    a, b, c = in_plane(plane, mem.state[X], mem.state[Y], mem.state[Z])
    end_a, end_b, end_c = in_plane(plane, end_x, end_y, end_z)
    ca, cb, ok = centre(a, b, end_a, end_b, value, mask, clockwise, mem)
    radius = math.hypot(a - ca, b - cb)
    if not ok or radius == 0.0 or not radius <= LARGEST:
        return False
    start = math.atan2(b - cb, a - ca)
    sweep = math.atan2(end_b - cb, end_a - ca) - start
    if clockwise and sweep >= -1e-9:
        sweep -= 2 * math.pi
    elif not clockwise and sweep <= 1e-9:
        sweep += 2 * math.pi
    turns = min(value[15], MOST_TURNS) if has(mask, 80) else 0.0
    if abs(sweep) > 2 * math.pi - 1e-6:
        turns -= 1.0  # it is one itself
    if turns >= 1.0:
        sweep += math.copysign(2 * math.pi * math.floor(turns), sweep)
    chords = chord_count(radius, sweep, end_c - c, mem)
    for k in range(1, chords):
        t = k / chords
        angle = start + sweep * t
        x, y, z = from_plane(
            plane, ca + radius * math.cos(angle), cb + radius * math.sin(angle), c + (end_c - c) * t
        )  # fmt: skip
        push(x, y, z, e / chords, 1, out, mem)
    push(end_x, end_y, end_z, e / chords, 1, out, mem)
    return True
