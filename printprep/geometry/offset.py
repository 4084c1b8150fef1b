"""How far inside a solid every point of a grid is, as exactly as the surface at one distance needs it.

Blocks of grid points are asked from coarse to fine. The distance changes by no more than the way that one goes, so a
block whose middle is clearly nearer or clearly deeper than the wall is settled whole by one exact distance. The
smallest blocks, of two points a side, take the distance of each point from the triangles that are nearest to the
middles around it: never too small, and too large by less than about ``step``^2 / (2 ``wall``), which is put right
where the surface is moved to the wall. (Sparse levels as in Museth, VDB: High-Resolution Sparse Volumes with Dynamic
Topology, 2013.)
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry import voxel
from printprep.geometry.foot import Ground, _to_triangle, feet
from printprep.geometry.mesh import Bool, Float, Int, Mesh, Point, as_point

Field = npt.NDArray[np.float32]

_COARSEST: Final = 8  # grid points a side of the largest blocks
_DEEPEST_MM: Final = 0.01  # how exactly the deepest point is found
_SHARE: Final = 20_000  # blocks for a thread at a time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Depths:
    """Distance from the surface less the wall on a grid."""

    field: Field  # (nx, ny, nz) mm, positive in the cavity; within a step of its zero as said above, else its sign
    near: Int  # (ceil(nx / 2), ...) a triangle (tree order) that is nearest to the middle of each block of 2, or -1


def depths(ground: Ground, grid: voxel.Grid, within: voxel.Bits, wall_mm: float) -> Depths:
    """Ask the solid whose surface is ``ground`` at all points of ``grid``, of which those ``within`` it are marked."""
    field = np.full(grid.shape, -grid.step_mm, np.float32)
    near = np.full(tuple((n + 1) // 2 for n in grid.shape), -1, np.int32)
    origin = np.array(grid.origin_mm)
    blocks = _all_blocks(within)
    guess = np.full(len(blocks), -1, np.int32)
    size = _COARSEST
    while True:
        middle = origin + grid.step_mm * (blocks + (size - 1) / 2.0)
        band_mm = grid.step_mm * ((size - 1) / 2.0 * np.sqrt(3.0) + 1.0)
        found = feet(ground, middle, guess, least_mm=max(wall_mm - band_mm, 0.0), most_mm=wall_mm + band_mm)
        unsure = np.abs(found.distance_mm - wall_mm) < band_mm
        deep = ~unsure & (found.distance_mm > wall_mm)
        _fill(field, within, blocks[deep], size, np.float32(grid.step_mm))
        blocks, guess = blocks[unsure], found.place[unsure]
        if size == 2:
            break
        size //= 2
        blocks, guess = _halves(blocks, guess, within, size)
    near[tuple((blocks // 2).T)] = guess
    shares = np.array_split(blocks, max(1, len(blocks) // _SHARE))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        corners = ground.tree.corners
        list(pool.map(lambda b: _refine(field, near, within, b, corners, origin, grid.step_mm, wall_mm), shares))
    return Depths(field=field, near=near)


def deepest(mesh: Mesh, ground: Ground, grid: voxel.Grid) -> tuple[float, Point]:
    """The greatest distance of a point inside the solid from its surface, exact, and where it is.

    Branch and bound over the blocks of the grid, then uphill from its best point in ever shorter steps; (0.0, middle of
    the box) when the grid has no point inside.
    """
    within = voxel.inside(mesh, grid)
    best_mm, where = 0.0, np.asarray(mesh.bounds_mm.mean(axis=0))
    size, blocks = _COARSEST, _all_blocks(within)
    guess = np.full(len(blocks), -1, np.int32)
    while len(blocks):
        asked = np.minimum(blocks + size // 2, np.array(within.shape) - 1)
        found = feet(ground, grid.points_mm(asked), guess)
        inner = np.flatnonzero(within[tuple(asked.T)])
        if len(inner) and found.distance_mm[inner].max() > best_mm:
            row = inner[np.argmax(found.distance_mm[inner])]
            best_mm, where = float(found.distance_mm[row]), grid.points_mm(asked[row])
        if size == 1:
            break
        hopeful = found.distance_mm + grid.step_mm * (size / 2.0) * np.sqrt(3.0) > best_mm
        size //= 2
        blocks, guess = _halves(blocks[hopeful], found.place[hopeful], within, size)
    return _uphill(ground, best_mm, where, grid.step_mm) if best_mm else (best_mm, as_point(where))


def _uphill(ground: Ground, best_mm: float, where: Float, step_mm: float) -> tuple[float, Point]:
    """From a point inside to the deepest one near by: the distance is no rougher than its steps are long."""
    around = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    while step_mm > _DEEPEST_MM:
        places = where + step_mm * around
        found = feet(ground, places, np.full(len(places), -1, np.int32)).distance_mm
        row = int(np.argmax(found))
        if found[row] > best_mm + 1e-9:
            best_mm, where = float(found[row]), places[row]
        else:
            step_mm /= 2.0
    return best_mm, as_point(where)


def _all_blocks(within: voxel.Bits) -> npt.NDArray[np.int64]:
    """First points of the coarsest blocks that hold an inner point, (n, 3)."""
    counts = [range(0, n, _COARSEST) for n in within.shape]
    blocks = np.stack(np.meshgrid(*counts, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.int64)
    return np.asarray(blocks[_holding(within, blocks, _COARSEST)])


def _halves(
    blocks: npt.NDArray[np.int64], guess: Int, within: voxel.Bits, size: int
) -> tuple[npt.NDArray[np.int64], Int]:
    """The blocks of ``size`` in each block that hold an inner point, and the guess of each."""
    corner = size * np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
    halves = (blocks[:, None] + corner).reshape(-1, 3)
    held = _holding(within, halves, size)
    return halves[held], np.repeat(guess, 8)[held]


@njit(cache=True, nogil=True)
def _holding(within: voxel.Bits, blocks: npt.NDArray[np.int64], size: int) -> Bool:
    """(n,) which blocks hold an inner point."""
    nx, ny, nz = within.shape
    held = np.zeros(len(blocks), np.bool_)
    for b in range(len(blocks)):
        for i in range(blocks[b, 0], min(blocks[b, 0] + size, nx)):
            for j in range(blocks[b, 1], min(blocks[b, 1] + size, ny)):
                for k in range(blocks[b, 2], min(blocks[b, 2] + size, nz)):
                    if within[i, j, k]:
                        held[b] = True
    return held


@njit(cache=True, nogil=True)
def _fill(field: Field, within: voxel.Bits, blocks: npt.NDArray[np.int64], size: int, value: np.float32) -> None:
    """Put ``value`` into the inner points of whole blocks."""
    nx, ny, nz = field.shape
    for b in range(len(blocks)):
        for i in range(blocks[b, 0], min(blocks[b, 0] + size, nx)):
            for j in range(blocks[b, 1], min(blocks[b, 1] + size, ny)):
                for k in range(blocks[b, 2], min(blocks[b, 2] + size, nz)):
                    if within[i, j, k]:
                        field[i, j, k] = value


@njit(cache=True, nogil=True)
def _refine(
    field: Field,
    near: Int,
    within: voxel.Bits,
    blocks: npt.NDArray[np.int64],
    corners: Float,
    origin: Float,
    step: float,
    wall: float,
) -> None:
    """Distances of the inner points of blocks of two, from the triangles that the blocks around are nearest to."""
    nx, ny, nz = field.shape
    for b in range(len(blocks)):
        for i in range(blocks[b, 0], min(blocks[b, 0] + 2, nx)):
            for j in range(blocks[b, 1], min(blocks[b, 1] + 2, ny)):
                for k in range(blocks[b, 2], min(blocks[b, 2] + 2, nz)):
                    if within[i, j, k]:
                        x, y, z = origin[0] + step * i, origin[1] + step * j, origin[2] + step * k
                        value = _to_blocks_around(near, corners, i, j, k, x, y, z) - wall
                        tiny = 1e-3 * step  # a value of zero would give marching cubes triangles without area
                        field[i, j, k] = value if abs(value) > tiny else tiny


@njit(cache=True, nogil=True)
def _to_blocks_around(near: Int, corners: Float, i: int, j: int, k: int, x: float, y: float, z: float) -> float:
    """Least distance from the triangles of the eight blocks of two whose middles are around a grid point."""
    best = np.inf
    last = -1
    for a in range((i - 1) // 2, (i - 1) // 2 + 2):
        for b in range((j - 1) // 2, (j - 1) // 2 + 2):
            for c in range((k - 1) // 2, (k - 1) // 2 + 2):
                if 0 <= a < near.shape[0] and 0 <= b < near.shape[1] and 0 <= c < near.shape[2]:
                    s = near[a, b, c]
                    if s >= 0 and s != last:
                        last = s
                        _, _, _, d2 = _to_triangle(corners[s], x, y, z)
                        best = min(best, d2)
    nearest: float = np.sqrt(best)
    return nearest
