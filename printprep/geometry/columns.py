"""Columns: what is matter along vertical lines on a regular grid over a body, as intervals from a bottom to a top.

The answer does not depend on how the surface is cut into triangles, and solids that overlap are one: only where the
winding number rises from nothing does an interval begin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.mesh import Float, Int, Mesh
from printprep.geometry.voxel import _crossing

Long = npt.NDArray[np.int64]

MOST: Final = 4_000_000
"""Columns at most; over a larger body they stand farther apart."""

_OFF_AXIS: Final = (0.3141, 0.2718)  # of a step: lines miss the round numbers that models are drawn at


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """Column (i, j) stands at ``origin_mm + step_mm * (i, j)``; its intervals follow each other upwards."""

    origin_mm: tuple[float, float]
    step_mm: float
    shape: tuple[int, int]
    start: Long  # (nx * ny + 1,) column i * ny + j has the intervals from start[...] to the next start
    bottom_mm: Float  # (k,)
    top_mm: Float  # (k,)
    bottom_face: Int  # (k,) face of the mesh in which an interval begins
    top_face: Int  # (k,) and ends

    def __len__(self) -> int:
        return len(self.bottom_mm)

    @property
    def column(self) -> Long:
        """(k,) the column of each interval."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    def at_mm(self, column: Long) -> Float:
        """Where columns stand, (n, 2) x y mm."""
        ij = np.stack([column // self.shape[1], column % self.shape[1]], axis=1)
        return np.asarray(np.array(self.origin_mm) + self.step_mm * ij)

    @property
    def lowest_mm(self) -> Float:
        """(nx, ny) where the matter of each column begins; inf for an empty one."""
        lowest = np.full(len(self.start) - 1, np.inf)
        filled = np.diff(self.start) > 0
        lowest[filled] = self.bottom_mm[self.start[:-1][filled]]
        return lowest.reshape(self.shape)


def columns(mesh: Mesh, step_mm: float, border_mm: float = 0.0) -> Columns:
    """Columns over the bounding box of ``mesh`` and ``border_mm`` around it.

    Parameters
    ----------
    mesh
        Closed bodies, faces outward, finite; they may overlap.
    step_mm
        Between two columns; more where that would make over :data:`MOST`.
    """
    lower, upper = (bound[:2] for bound in mesh.bounds_mm)
    size = upper - lower + 2 * border_mm
    step = max(step_mm, math.sqrt(float(size[0] * size[1]) / MOST))
    origin = lower - border_mm - (1.0 - np.array(_OFF_AXIS)) * step
    nx, ny = (int(n) for n in np.ceil((upper + border_mm - origin) / step).astype(int) + 1)
    ox, oy = float(origin[0]), float(origin[1])
    start, bottom, top, bottom_face, top_face = _intervals(mesh.triangles, ox, oy, step, nx, ny)
    return Columns(
        origin_mm=(ox, oy),
        step_mm=step,
        shape=(nx, ny),
        start=start,
        bottom_mm=bottom,
        top_mm=top,
        bottom_face=bottom_face,
        top_face=top_face,
    )


@njit(cache=True, nogil=True)
def _crossings(
    corners: Float, ox: float, oy: float, step: float, nx: int, ny: int
) -> tuple[Long, Float, npt.NDArray[np.int8], Int]:
    """By column, not yet sorted: height, way (1: the face looks up) and face of every crossing."""
    start = np.zeros(nx * ny + 1, np.int64)
    height, way, face = np.empty(0), np.empty(0, np.int8), np.empty(0, np.int32)
    place = start
    for fill in range(2):
        if fill == 1:
            start = np.cumsum(start)
            height, way = np.empty(start[-1]), np.empty(start[-1], np.int8)
            face = np.empty(start[-1], np.int32)
            place = start.copy()
        for m in range(len(corners)):
            t = corners[m]
            i0 = max(0, int(np.ceil((min(t[0, 0], t[1, 0], t[2, 0]) - ox) / step)))
            i1 = min(nx - 1, int(np.floor((max(t[0, 0], t[1, 0], t[2, 0]) - ox) / step)))
            j0 = max(0, int(np.ceil((min(t[0, 1], t[1, 1], t[2, 1]) - oy) / step)))
            j1 = min(ny - 1, int(np.floor((max(t[0, 1], t[1, 1], t[2, 1]) - oy) / step)))
            for i in range(i0, i1 + 1):
                for j in range(j0, j1 + 1):
                    sign, z = _crossing(corners, m, ox + i * step, oy + j * step)
                    if sign == 0:
                        continue
                    column = i * ny + j
                    if fill == 0:
                        start[column + 1] += 1
                    else:
                        q = place[column]
                        height[q], way[q], face[q] = z, sign, m
                        place[column] += 1
    return start, height, way, face


@njit(cache=True, nogil=True)
def _intervals(
    corners: Float, ox: float, oy: float, step: float, nx: int, ny: int
) -> tuple[Long, Float, Float, Int, Int]:
    crossing, height, way, face = _crossings(corners, ox, oy, step, nx, ny)
    start = np.zeros(nx * ny + 1, np.int64)
    bottom, top = np.empty(len(height) // 2 + 1), np.empty(len(height) // 2 + 1)
    bottom_face, top_face = np.empty(len(bottom), np.int32), np.empty(len(bottom), np.int32)
    n = 0
    for column in range(nx * ny):
        begin, end = crossing[column], crossing[column + 1]
        if end > begin:
            order = begin + np.argsort(height[begin:end], kind="mergesort")
            winding = 0
            for q in order:
                before = winding
                winding -= way[q]
                if before <= 0 and winding > 0:
                    if n > start[column] and height[q] - top[n - 1] < 1e-6:  # bodies that touch are one
                        n -= 1
                    else:
                        bottom[n], bottom_face[n] = height[q], face[q]
                elif before > 0 and winding <= 0:
                    top[n], top_face[n] = height[q], face[q]
                    n += 1
        start[column + 1] = n
    return start, bottom[:n].copy(), top[:n].copy(), bottom_face[:n].copy(), top_face[:n].copy()
