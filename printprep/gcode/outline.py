"""How far the outside of what is laid down is from the outline that it should have, point by point.

Along the outlines of a layer stand samples. The gap of a sample is its distance from the nearest bead's edge: 0 where
the bead ends just at the outline, positive where plastic is missing, negative where the outline lies inside a bead. All
distances are exact; a grid of cells says which beads are near.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from printprep.gcode.beads import Single
from printprep.geometry.mesh import Float, Int

CELL_MM: Final = 2.1
REACH_MM: Final = 1.5
"""Beads whose middle line is farther from a sample than this are not looked at: the gap is then :data:`REACH_MM`."""


def samples(points_mm: Float, loop_start: Int, step_mm: float) -> tuple[Float, Float]:
    """Points (s, 2) along closed loops, no farther apart than ``step_mm``, and the length (s,) that each stands for."""
    if not len(points_mm):
        return np.zeros((0, 2)), np.zeros(0)
    after = np.arange(1, len(points_mm) + 1)
    after[loop_start[1:] - 1] = loop_start[:-1]
    edge = points_mm[after] - points_mm
    length = np.hypot(edge[:, 0], edge[:, 1])
    count = np.maximum(np.ceil(length / step_mm).astype(np.int64), 1)
    row = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    share = (place + 0.5) / count[row]
    return points_mm[row] + share[:, None] * edge[row], (length / count)[row]


def gaps(points_mm: Float, start_mm: Single, end_mm: Single, width_mm: Single) -> tuple[Float, Int]:
    """Gap (s,) of each sample (s, 2) from the beads (n, 2), (n, 2), (n,) of its layer, and the bead; -1: none near."""
    gap = np.full(len(points_mm), REACH_MM)
    bead = np.full(len(points_mm), -1, np.int32)
    if len(points_mm) and len(start_mm):
        _gaps(np.ascontiguousarray(points_mm), start_mm, end_mm, width_mm, gap, bead)
    return gap, bead


@njit(cache=True, nogil=True)
def _fill(
    start: Single, end: Single, lower: Float, columns: int, rows: int, first: Int, row: Int, counting: bool
) -> None:
    """Walk each bead through the cells in steps of half a cell: count, or write, the beads of each cell."""
    for i in range(len(start)):
        dx, dy = end[i, 0] - start[i, 0], end[i, 1] - start[i, 1]
        steps = int(np.ceil(np.sqrt(dx * dx + dy * dy) / (CELL_MM / 2.0))) + 1
        last = -1
        for s in range(steps + 1):
            t = s / steps
            cx = int((start[i, 0] + t * dx - lower[0]) / CELL_MM)
            cy = int((start[i, 1] + t * dy - lower[1]) / CELL_MM)
            cell = min(max(cy, 0), rows - 1) * columns + min(max(cx, 0), columns - 1)
            if cell == last:
                continue
            last = cell
            if counting:
                first[cell + 1] += 1
            else:
                row[first[cell]] = i
                first[cell] += 1


@njit(cache=True, nogil=True)
def _gaps(points: Float, start: Single, end: Single, width: Single, gap: Float, bead: Int) -> None:
    lower, upper = np.empty(2), np.empty(2)
    for k in range(2):
        lower[k] = min(start[:, k].min(), end[:, k].min())
        upper[k] = max(start[:, k].max(), end[:, k].max())
    columns = int((upper[0] - lower[0]) / CELL_MM) + 1
    rows = int((upper[1] - lower[1]) / CELL_MM) + 1
    first = np.zeros(columns * rows + 1, np.int32)
    row = np.empty(0, np.int32)
    _fill(start, end, lower, columns, rows, first, row, True)
    for cell in range(columns * rows):
        first[cell + 1] += first[cell]
    row = np.empty(first[columns * rows], np.int32)
    _fill(start, end, lower, columns, rows, first, row, False)  # each start moves to its end, the next start
    for q in range(len(points)):
        x, y = points[q, 0], points[q, 1]
        cx, cy = int(np.floor((x - lower[0]) / CELL_MM)), int(np.floor((y - lower[1]) / CELL_MM))
        best = gap[q]
        for gy in range(max(cy - 1, 0), min(cy + 2, rows)):
            for gx in range(max(cx - 1, 0), min(cx + 2, columns)):
                cell = gy * columns + gx
                for r in range(0 if cell == 0 else first[cell - 1], first[cell]):
                    i = row[r]
                    ax, ay = start[i, 0], start[i, 1]
                    dx, dy = end[i, 0] - ax, end[i, 1] - ay
                    t = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)
                    t = min(max(t, 0.0), 1.0)
                    ex, ey = ax + t * dx - x, ay + t * dy - y
                    off = np.sqrt(ex * ex + ey * ey)
                    if off <= REACH_MM and off - width[i] / 2.0 < best:
                        best = off - width[i] / 2.0
                        bead[q] = i
        gap[q] = best
