"""Whether the nozzle, or what is around it, is driven through what is printed.

A map seen from above, in cells of a millimetre, says how high the plate is filled: where a bead was laid, the height of
the nozzle that laid it. A nozzle that later crosses a cell well below that height breaks the part off, or itself. As
long as it stays above all that was laid, as in layer-wise printing, there is nothing to look up. Printing objects one
after the other, or a tower that is lower than the part, brings the rest of the head into play: a cylinder about the
nozzle, and the beam along x that carries it, as slicers reckon with for that
(https://help.prusa3d.com/article/sequential-printing_124589).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from printprep.gcode.layout import Kind
from printprep.gcode.read import Moves
from printprep.gcode.rows import inner
from printprep.geometry.mesh import Float

CELL_MM: Final = 1.0  # of the map, unless the frame is so large that it would have more than
MOST_CELLS: Final = 1_000_000
COARSE: Final = 5  # cells a side of one of the head's map
EMPTY_MM: Final = -1e9
STANDS_OUT_MM: Final = 3.0  # so far does a nozzle stand out of the head, at least
HOMING: Final = "homing"
WHAT: Final = ("nozzle", "head", "gantry", HOMING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is around a nozzle, as slicers need it to print one object after the other."""

    radius_mm: float  # of the head
    height_mm: float  # of the beam above the nozzle's tip


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """The first move of some that goes through printed material, and how many do."""

    what: str  # one of WHAT
    row: int  # of the moves
    depth_mm: float  # of the nozzle's tip below the top of what is there
    limit_mm: float  # of the depth
    where_mm: Float  # (3,) of the nozzle
    count: int


class Filled:
    """How high the plate is filled so far."""

    def __init__(
        self,
        lower_mm: tuple[float, float, float],
        upper_mm: tuple[float, float, float],
        depth_mm: float,
        head: Head | None = None,
        *,
        homes: bool = False,
    ) -> None:
        """Nothing yet.

        Parameters
        ----------
        lower_mm, upper_mm
            The frame; what is laid or crossed beyond it is not looked at.
        depth_mm
            So deep may a nozzle go into what is laid: a seam that rises within its layer, a wipe of a purge line.
        head
            None: only the nozzle is looked at.
        homes
            Homing that leaves Z alone is looked at: nobody says where an end stop is, so nothing may stand out at all.
        """
        self.depth_mm = depth_mm
        size_mm = [max(upper_mm[k] - lower_mm[k], CELL_MM) for k in (0, 1)]
        cell_mm = max(CELL_MM, math.sqrt(size_mm[0] * size_mm[1] / MOST_CELLS))
        columns, rows = (math.ceil(size / cell_mm) + 1 for size in size_mm)
        self._top_mm = np.full((rows, columns), EMPTY_MM)
        self._coarse_mm = np.full((rows // COARSE + 1, columns // COARSE + 1), EMPTY_MM)
        self._band_mm = np.full(rows // COARSE + 1, EMPTY_MM)
        self._frame = (float(lower_mm[0]), float(lower_mm[1]), cell_mm)
        self._head = (head.radius_mm, head.height_mm) if head else (0.0, math.inf)
        self._homes = homes
        self._highest_mm = EMPTY_MM

    def follow(self, moves: Moves, place_mm: Float) -> tuple[Hit, ...]:
        """Fill in what ``moves`` lay, from ``place_mm`` on, and look what they run into on the way."""
        found = np.zeros((len(WHAT), 6))  # count, first row, its depth, its place
        self._highest_mm = float(
            _follow(
                np.ascontiguousarray(moves.position_mm), np.ascontiguousarray(moves.e_mm),
                np.ascontiguousarray(moves.kind), np.ascontiguousarray(place_mm, np.float64),
                (self._top_mm, self._coarse_mm, self._band_mm), self._frame, self.depth_mm, self._head,
                self._homes, self._highest_mm, found,
            )
        )  # fmt: skip
        limits_mm = (self.depth_mm, STANDS_OUT_MM, self._head[1], self.depth_mm)
        return tuple(
            Hit(
                what=what,
                row=int(first),
                depth_mm=float(depth),
                limit_mm=most_mm,
                where_mm=np.array(where),
                count=int(count),
            )
            for what, most_mm, (count, first, depth, *where) in zip(WHAT, limits_mm, found, strict=True)
            if count
        )


@inner
def _around(maps, radius, cell, c, r):  # type: ignore[no-untyped-def]
    """The highest that is laid under the head and under the beam, of a nozzle over the coarse cell (c, r)."""
    _, coarse, band = maps
    size, under, beam = COARSE * cell, EMPTY_MM, EMPTY_MM
    reach = int(radius / size)
    for v in range(max(r - reach, 0), min(r + reach + 1, len(band))):
        beam = max(beam, band[v])
        for u in range(max(c - reach, 0), min(c + reach + 1, coarse.shape[1])):
            # only what is under it wherever in its cell the nozzle and the material are
            if coarse[v, u] > under and math.hypot(abs(u - c) + 1, abs(v - r) + 1) * size <= radius:
                under = coarse[v, u]
    return under, beam


@inner
def _note(found, which, row, depth, x, y, z):  # type: ignore[no-untyped-def]
    """Count a hit; keep the first."""
    if found[which, 0] == 0.0:
        found[which, 1], found[which, 2] = row, depth
        found[which, 3], found[which, 4], found[which, 5] = x, y, z
    found[which, 0] += 1.0


@inner
def _look(maps, frame, depth, head, start, end, row, found):  # type: ignore[no-untyped-def]
    """What a straight move below the highest runs into, the nozzle first. Points are in cells, heights in mm."""
    top, _, _ = maps
    x0, y0, cell = frame
    rows, columns = top.shape
    ax, ay, az = start
    bx, by, bz = end
    steps = int(math.hypot(bx - ax, by - ay) * 2.0) + 1  # every half of a cell; cut corners do not count
    for k in range(steps + 1):
        t = k / steps
        u, v, z = ax + (bx - ax) * t, ay + (by - ay) * t, az + (bz - az) * t
        if 0.0 <= u < columns and 0.0 <= v < rows and top[int(v), int(u)] - z > depth:
            _note(found, 0, row, top[int(v), int(u)] - z, x0 + u * cell, y0 + v * cell, z)
            return
    if head[0] <= 0.0:
        return
    seen_c, seen_r, under, beam = -1, -1, EMPTY_MM, EMPTY_MM
    for k in range(steps + 1):
        t = k / steps
        u, v, z = ax + (bx - ax) * t, ay + (by - ay) * t, az + (bz - az) * t
        if not (0.0 <= u < columns and 0.0 <= v < rows):
            continue
        c, r = int(u) // COARSE, int(v) // COARSE
        if c != seen_c or r != seen_r:
            seen_c, seen_r = c, r
            under, beam = _around(maps, head[0], cell, c, r)
        if under - z > STANDS_OUT_MM:
            _note(found, 1, row, under - z, x0 + u * cell, y0 + v * cell, z)
            return
        if beam - z > head[1]:
            _note(found, 2, row, beam - z, x0 + u * cell, y0 + v * cell, z)
            return


@inner
def _lay(maps, start, end, highest):  # type: ignore[no-untyped-def]
    """Fill in a bead; the height that nothing exceeds."""
    top, coarse, band = maps
    rows, columns = top.shape
    ax, ay, az = start
    bx, by, bz = end
    steps = int(math.hypot(bx - ax, by - ay) * 2.0) + 1
    for k in range(steps + 1):
        t = k / steps
        u, v, z = ax + (bx - ax) * t, ay + (by - ay) * t, az + (bz - az) * t
        if 0.0 <= u < columns and 0.0 <= v < rows and z > top[int(v), int(u)]:
            c, r = int(u), int(v)
            top[r, c] = z
            coarse[r // COARSE, c // COARSE] = max(coarse[r // COARSE, c // COARSE], z)
            band[r // COARSE] = max(band[r // COARSE], z)
            highest = max(highest, z)
    return highest


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(position, e, kind, place, maps, frame, depth, head, homes, highest, found):  # type: ignore[no-untyped-def]
    """Follow moves over the maps; the height that nothing exceeds. ``frame`` is the corner x, y and the cell."""
    x0, y0, cell = frame
    start = ((place[0] - x0) / cell, (place[1] - y0) / cell, place[2])
    for i in range(len(position)):
        end = ((position[i, 0] - x0) / cell, (position[i, 1] - y0) / cell, position[i, 2])
        if kind[i] != Kind.HOME and abs(end[0] - start[0]) + abs(end[1] - start[1]) < 1e5:  # 100 m: none of a machine
            if min(start[2], end[2]) < highest - depth:
                _look(maps, frame, depth, head, start, end, i, found)
            if e[i] > 0.0 and (end[0] != start[0] or end[1] != start[1]):
                highest = _lay(maps, start, end, highest)
        elif homes and kind[i] == Kind.HOME and end[2] == start[2] and highest - end[2] > depth:
            _note(found, 3, i, highest - end[2], position[i, 0], position[i, 1], end[2])
        start = end
    return highest
