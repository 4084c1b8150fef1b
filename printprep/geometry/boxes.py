"""Boxes around cells of a surface: the modifiers by which a slicer is told where to support and where not.

A slicer judges the overhang of a layer where the layer lies in the part, just above the surface that looks down. So a
box reaches a little below the surface and further above it. The boxes of neighbours overlap, which the slicer unites.
"""

from __future__ import annotations

import numpy as np

from printprep.geometry.mesh import Float, Mesh

_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
_FACES = np.array(
    [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ]
)  # fmt: skip


def boxes(points: Float, step_mm: float, *, beside_mm: float, below_mm: float, above_mm: float) -> Mesh:
    """A box around each run along x of neighbouring points of about one height.

    Parameters
    ----------
    points
        (n, 3) middles of cells of a surface, mm.
    step_mm
        Edge of a cell.
    beside_mm, below_mm, above_mm
        How far a box reaches beyond its cells.

    Returns
    -------
    Mesh
        Closed boxes that may overlap; empty for no points.
    """
    if not len(points):
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    keys = np.floor(points / step_mm).astype(np.int64)
    order = np.lexsort((keys[:, 0], keys[:, 2], keys[:, 1]))
    keys, points = keys[order], points[order]
    breaks = (np.diff(keys[:, 1:], axis=0) != 0).any(axis=1) | (np.diff(keys[:, 0]) > 1)
    first = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    side_mm = step_mm / 2.0 + beside_mm
    lower = np.minimum.reduceat(points, first) - np.array([side_mm, side_mm, below_mm])
    upper = np.maximum.reduceat(points, first) + np.array([side_mm, side_mm, above_mm])
    corners = lower[:, None, :] + _CORNERS[None, :, :] * (upper - lower)[:, None, :]
    faces = _FACES[None, :, :] + 8 * np.arange(len(first))[:, None, None]
    return Mesh(corners.reshape(-1, 3), faces.reshape(-1, 3).astype(np.int32))
