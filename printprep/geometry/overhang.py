"""Overhangs: surface that looks down and that nothing beside it carries, as points on a grid with regions.

A layer holds what the layer below it carried, plus a little more: as much as the angle allows. So a place carries
itself when, somewhere within a short reach, the body's own underside lies lower by at least what a slope of the
steepest angle would fall on the way there. That finds flat undersides, shallow slopes, tips and edges that look down
alike, leaves out ledges shorter than the reach, and is asked of columns through the body, not of triangles, so that a
rough or finely cut surface gives the same answer as a smooth one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from printprep.geometry.columns import Columns, Long
from printprep.geometry.mesh import Float, Int, Mesh
from printprep.geometry.topology import root

_HALF: Final = [(1, 0), (2, 1), (1, 1), (1, 2), (0, 1), (-1, 2), (-1, 1), (-2, 1)]
_WAYS: Final = np.array([*_HALF, *((-x, -y) for x, y in _HALF)], np.int64)
_SLACK: Final = 0.98  # of the fall asked for: sixteen ways miss the steepest one by up to 13 degrees


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overhang:
    """Points of a body's underside that need support, by columns that stand ``step_mm`` apart."""

    points_mm: Float  # (n, 3) on the surface
    normals: Float  # (n, 3) unit, mean of the surface around the point; they look down
    face: Int  # (n,) of the mesh
    steep: Float  # (n,) 0: level, 1: as steep as what carries itself
    height_mm: Float  # (n,) of the matter straight above the point, at least as much as the wall is thick
    region: Int  # (n,) connected points have one number, from 0
    edge_mm: Float  # (n,) way to the edge of the region, about
    step_mm: float

    def __len__(self) -> int:
        return len(self.points_mm)

    @property
    def cell_mm2(self) -> float:
        """Area, seen from below, that a point stands for."""
        return self.step_mm**2


def overhangs(
    mesh: Mesh, grid: Columns, angle_deg: float, *, reach_mm: float = 1.0, floor_mm: float = -math.inf
) -> Overhang:
    """The places of ``mesh`` that do not carry themselves.

    Parameters
    ----------
    mesh
        In the build direction, z up; closed bodies that may overlap.
    grid
        Its columns.
    angle_deg
        Steepest angle from the vertical that carries itself, over 0 and under 90.
    reach_mm
        How far a ledge may stand out, and over how much of the surface a slope is measured.
    floor_mm
        What lies no higher stands on the bed.
    """
    fall = _SLACK / math.tan(math.radians(angle_deg))
    nx, ny = grid.shape
    steep = _steepness(grid.start, grid.bottom_mm, grid.top_mm, nx, ny, grid.step_mm, reach_mm, fall, _WAYS)
    kept = np.flatnonzero((steep < 1.0) & (grid.bottom_mm > floor_mm))
    row = np.full(len(grid), -1, np.int64)
    row[kept] = np.arange(len(kept))
    column = grid.column[kept]
    region, edge = _regions(row, grid.start, grid.bottom_mm, grid.top_mm, kept, column, nx, ny)
    a, b, c = (mesh.vertices[mesh.faces[grid.bottom_face, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    across /= np.maximum(np.linalg.norm(across, axis=1), 1e-300)[:, None]
    normals = _normals(across, grid.start, grid.bottom_mm, grid.top_mm, kept, column, nx, ny)
    return Overhang(
        points_mm=np.column_stack([grid.at_mm(column), grid.bottom_mm[kept]]),
        normals=normals,
        face=grid.bottom_face[kept],
        steep=steep[kept],
        height_mm=grid.top_mm[kept] - grid.bottom_mm[kept],
        region=region,
        edge_mm=edge * grid.step_mm,
        step_mm=grid.step_mm,
    )


@njit(cache=True, nogil=True)
def _beside(start: Long, bottom: Float, top: Float, column: int, low: float, high: float) -> int:
    """The lowest interval of a column that overlaps the one from ``low`` to ``high``, or -1."""
    for q in range(start[column], start[column + 1]):
        if top[q] > low and bottom[q] < high:
            return q
    return -1


@njit(cache=True, nogil=True)
def _steepness(
    start: Long, bottom: Float, top: Float, nx: int, ny: int, step: float, reach: float, fall: float, ways: Long
) -> Float:
    """By interval the steepest fall of its underside on the way to a place within reach, over the fall asked for."""
    steep = np.zeros(len(bottom))
    for i in range(nx):
        for j in range(ny):
            for q in range(start[i * ny + j], start[i * ny + j + 1]):
                for w in range(len(ways)):
                    length = step * np.sqrt(float(ways[w, 0] ** 2 + ways[w, 1] ** 2))
                    at, a, b, way = q, i, j, 0.0
                    while way + length <= reach * 1.001 and steep[q] < 1.0:
                        way += length
                        a, b = a + ways[w, 0], b + ways[w, 1]
                        if a < 0 or b < 0 or a >= nx or b >= ny:
                            break
                        at = _beside(start, bottom, top, a * ny + b, bottom[at], top[at])
                        if at < 0:
                            break
                        steep[q] = min(max(steep[q], (bottom[q] - bottom[at]) / (way * fall)), 1.0)
    return steep


@njit(cache=True, nogil=True)
def _regions(
    row: Long, start: Long, bottom: Float, top: Float, kept: Long, column: Long, nx: int, ny: int
) -> tuple[Int, Float]:
    """Region of each kept interval, and its way to the edge in columns; gaps of one column do not part a region."""
    n = len(kept)
    parent = np.arange(n).astype(np.int32)
    edge = np.full(n, np.inf)
    for k in range(n):
        i, j, q = column[k] // ny, column[k] % ny, kept[k]
        for a in range(max(i - 2, 0), min(i + 3, nx)):
            for b in range(max(j - 2, 0), min(j + 3, ny)):
                at = _beside(start, bottom, top, a * ny + b, bottom[q], top[q])
                if at >= 0 and row[at] >= 0:
                    one, two = root(parent, k), root(parent, row[at])
                    parent[max(one, two)] = min(one, two)
                elif abs(a - i) + abs(b - j) == 1:
                    edge[k] = 0.0
        if i == 0 or j == 0 or i == nx - 1 or j == ny - 1:
            edge[k] = 0.0
    for _ in range(2):  # forth and back: a chamfer distance along the grid
        for s in range(2 * n):
            k = s if s < n else 2 * n - 1 - s
            i, j, q = column[k] // ny, column[k] % ny, kept[k]
            for a in range(max(i - 1, 0), min(i + 2, nx)):
                for b in range(max(j - 1, 0), min(j + 2, ny)):
                    at = _beside(start, bottom, top, a * ny + b, bottom[q], top[q])
                    if at >= 0 and row[at] >= 0:
                        edge[k] = min(edge[k], edge[row[at]] + np.sqrt(float((a - i) ** 2 + (b - j) ** 2)))
    number = np.full(n, -1, np.int32)
    region = np.empty(n, np.int32)
    count = 0
    for k in range(n):
        top_row = root(parent, k)
        if number[top_row] < 0:
            number[top_row] = count
            count += 1
        region[k] = number[top_row]
    return region, edge


@njit(cache=True, nogil=True)
def _normals(
    across: Float, start: Long, bottom: Float, top: Float, kept: Long, column: Long, nx: int, ny: int
) -> Float:
    """Mean normal of the undersides around each kept interval, two columns each way."""
    normals = np.empty((len(kept), 3))
    for k in range(len(kept)):
        i, j, q = column[k] // ny, column[k] % ny, kept[k]
        x, y, z = 0.0, 0.0, -1e-9
        for a in range(max(i - 2, 0), min(i + 3, nx)):
            for b in range(max(j - 2, 0), min(j + 3, ny)):
                at = _beside(start, bottom, top, a * ny + b, bottom[q], top[q])
                if at >= 0:
                    x, y, z = x + across[at, 0], y + across[at, 1], z + across[at, 2]
        length = np.sqrt(x * x + y * y + z * z)
        normals[k, 0], normals[k, 1], normals[k, 2] = x / length, y / length, z / length
    return normals
