"""A regular grid over a mesh: which of its points are inside, and which are near the surface.

Grid point (i, j, k) is at ``origin_mm + step_mm * (i, j, k)``. Arrays are C-contiguous in x, y, z, so that a scan line
along z is one run of memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.mesh import Float, Int, Mesh
from printprep.geometry.shells import Counted, right_way

Bits = npt.NDArray[np.uint8]

_OFF_AXIS = (0.3141, 0.2718, 0.1618)  # of a step: scan lines miss the round numbers that models are drawn at


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where the points are."""

    origin_mm: tuple[float, float, float]
    step_mm: float
    shape: tuple[int, int, int]

    @classmethod
    def around(cls, mesh: Mesh, step_mm: float, border: int = 2) -> Self:
        """Grid over the bounding box of ``mesh`` with at least ``border`` points beyond it on every side."""
        lower, upper = mesh.bounds_mm
        origin = lower - (border + np.array(_OFF_AXIS)) * step_mm
        nx, ny, nz = (int(n) for n in np.ceil((upper - origin) / step_mm).astype(int) + border + 1)
        x, y, z = (float(v) for v in origin)
        return cls(origin_mm=(x, y, z), step_mm=step_mm, shape=(nx, ny, nz))

    @property
    def count(self) -> int:
        """How many points."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    def points_mm(self, index: npt.NDArray[np.int64]) -> Float:
        """Positions of grid points (n, 3) int, (n, 3) float64 mm."""
        return np.asarray(np.array(self.origin_mm) + self.step_mm * index)


def step_for(mesh: Mesh, wanted_mm: float, max_points: int) -> float:
    """``wanted_mm``, or the finest step at which a grid around ``mesh`` keeps to ``max_points``."""
    step_mm = wanted_mm
    while (count := Grid.around(mesh, step_mm).count) > max_points:
        step_mm *= max(1.001, (count / max_points) ** (1 / 3))
    return step_mm


def inside(mesh: Mesh, grid: Grid, shells_as: Counted | None = None) -> Bits:
    """1 at the grid points that a closed, outward mesh wraps at least once, else 0; (nx, ny, nz) uint8.

    Signed crossings along scan lines: solids that overlap count once, inner walls that face inward are cavities. A
    line through an edge crosses exactly one of the two triangles that share it, so no line leaks. ``shells_as`` says
    how shells count; without it all windings are added up.
    """
    mask = np.zeros(grid.shape, np.uint8)
    if shells_as is None or len(shells_as.kind) == 1:
        _scan(mesh.triangles, np.array(grid.origin_mm), grid.step_mm, mask.view(np.int8))
        return mask
    sequence = np.argsort(shells_as.owner, kind="stable")
    start = np.searchsorted(shells_as.owner[sequence], np.arange(len(shells_as.kind) + 1)).astype(np.int32)
    level = np.zeros(grid.shape, np.int16)
    corners = mesh.triangles[sequence]
    _scan_shells(corners, start, shells_as.kind, np.array(grid.origin_mm), grid.step_mm, mask.view(np.int8), level)
    return np.asarray((level > 0).view(np.uint8))


def near_surface(mesh: Mesh, grid: Grid) -> Bits:
    """1 at the grid points nearest to samples of the surface half a step apart, else 0; (nx, ny, nz) uint8.

    So a marked point is within 0.87 steps of the surface, half a cell's diagonal, and a point of the surface within 1.2
    steps of a marked one: a sample's distance more.
    """
    mask = np.zeros(grid.shape, np.uint8)
    _mark(mesh.triangles, np.array(grid.origin_mm), grid.step_mm, mask)
    return mask


@njit(cache=True, nogil=True)
def _side(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> int:
    """Side of the line a b that (x, y) is on: 1 left, -1 right, never 0, and opposite for the line b a.

    The ends are put in one order first, so two triangles that share an edge see the very same rounding.
    """
    if ax < bx or (ax == bx and ay <= by):
        return 1 if (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0.0 else -1
    return -1 if (ax - bx) * (y - by) - (ay - by) * (x - bx) >= 0.0 else 1


@njit(cache=True, nogil=True)
def _crossing(corners: Float, m: int, x: float, y: float) -> tuple[int, float]:
    """1 where triangle ``m`` faces up over (x, y), -1 where down, 0 where it is not; and the crossing's height."""
    ax, ay = corners[m, 0, 0], corners[m, 0, 1]
    bx, by = corners[m, 1, 0], corners[m, 1, 1]
    cx, cy = corners[m, 2, 0], corners[m, 2, 1]
    side = _side(ax, ay, bx, by, x, y)
    if _side(bx, by, cx, cy, x, y) != side or _side(cx, cy, ax, ay, x, y) != side:
        return 0, 0.0
    twice = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if twice == 0.0:
        return 0, 0.0
    wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / twice
    wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / twice
    za = corners[m, 0, 2]
    return side, za + wb * (corners[m, 1, 2] - za) + wc * (corners[m, 2, 2] - za)


@njit(cache=True, nogil=True)
def _first(value: float) -> int:
    return int(np.ceil(value))


@njit(cache=True, nogil=True)
def _lines(corners: Float, origin: Float, step: float, nx: int, ny: int) -> tuple[int, int, int, int]:
    """Ranges of the scan lines through the box around triangles (k, 3, 3)."""
    i0 = max(0, _first((corners[:, :, 0].min() - origin[0]) / step))
    i1 = min(nx, int(np.floor((corners[:, :, 0].max() - origin[0]) / step)) + 1)
    j0 = max(0, _first((corners[:, :, 1].min() - origin[1]) / step))
    j1 = min(ny, int(np.floor((corners[:, :, 1].max() - origin[1]) / step)) + 1)
    return i0, i1, j0, j1


@njit(cache=True, nogil=True)
def _cross_lines(corners: Float, m: int, origin: Float, step: float, change: npt.NDArray[np.int8]) -> None:
    """Enter where scan lines run through triangle ``m``: at the first point above; the border is outside."""
    nx, ny, nz = change.shape
    i0, i1, j0, j1 = _lines(corners[m : m + 1], origin, step, nx, ny)
    for i in range(i0, i1):
        for j in range(j0, j1):
            sign, height = _crossing(corners, m, origin[0] + i * step, origin[1] + j * step)
            if sign != 0:
                change[i, j, min(max(_first((height - origin[2]) / step), 0), nz - 1)] -= sign


@njit(cache=True, nogil=True)
def _scan_shells(
    corners: Float,
    start: Int,
    kind: Int,
    origin: Float,
    step: float,
    change: npt.NDArray[np.int8],
    level: npt.NDArray[np.int16],
) -> None:
    """Add up in ``level`` what each set of shells, one after the other in ``corners``, counts at the grid points."""
    nx, ny, nz = change.shape
    for s in range(len(kind)):
        if start[s] == start[s + 1]:
            continue
        for m in range(start[s], start[s + 1]):
            _cross_lines(corners, m, origin, step, change)
        i0, i1, j0, j1 = _lines(corners[start[s] : start[s + 1]], origin, step, nx, ny)
        for i in range(i0, i1):
            for j in range(j0, j1):
                winding = 0
                for k in range(nz):
                    winding += change[i, j, k]
                    change[i, j, k] = 0
                    level[i, j, k] += right_way(winding, kind[s])


@njit(cache=True, nogil=True)
def _scan(corners: Float, origin: Float, step: float, change: npt.NDArray[np.int8]) -> None:
    """Fill ``change`` with the winding's changes along z, then turn it into 0 and 1 in place."""
    nx, ny, nz = change.shape
    for m in range(len(corners)):
        _cross_lines(corners, m, origin, step, change)
    for i in range(nx):
        for j in range(ny):
            winding = 0
            for k in range(nz):
                winding += change[i, j, k]
                change[i, j, k] = 1 if winding > 0 else 0


@njit(cache=True)
def _mark(corners: Float, origin: Float, step: float, mask: Bits) -> None:
    for m in range(len(corners)):
        longest2 = 0.0
        for a in range(3):
            b = (a + 1) % 3
            length2 = 0.0
            for axis in range(3):
                length2 += (corners[m, a, axis] - corners[m, b, axis]) ** 2
            longest2 = max(longest2, length2)
        cuts = max(1, _first(np.sqrt(longest2) / (0.5 * step)))
        for s in range(cuts + 1):
            for t in range(cuts + 1 - s):
                u, v = s / cuts, t / cuts
                w = 1.0 - u - v
                x = w * corners[m, 0, 0] + u * corners[m, 1, 0] + v * corners[m, 2, 0]
                y = w * corners[m, 0, 1] + u * corners[m, 1, 1] + v * corners[m, 2, 1]
                z = w * corners[m, 0, 2] + u * corners[m, 1, 2] + v * corners[m, 2, 2]
                i = int(np.rint((x - origin[0]) / step))
                j = int(np.rint((y - origin[1]) / step))
                k = int(np.rint((z - origin[2]) / step))
                mask[i, j, k] = 1
