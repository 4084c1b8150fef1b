"""Faces with any number of corners, made triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from printprep.errors import MeshError

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Polygons:
    """Faces as a file lists them: all corners in one row, and how many each face has."""

    corners: Index  # (sum of lengths,)
    lengths: Index  # (faces,)


def owners(polygons: Polygons) -> Index:
    """(m,) the polygon that each triangle of :func:`fan` is of."""
    return np.repeat(np.arange(len(polygons.lengths)), np.maximum(polygons.lengths - 2, 0))


def fan(place: str, polygons: Polygons) -> tuple[Index, int]:
    """Triangles (m, 3) of polygons, and how many polygons had more than three corners.

    A polygon becomes a fan around its first corner, as every reader of these formats does; of one that is not flat
    or not convex no division is the right one, which is why the count goes into a note.

    Raises
    ------
    MeshError
        A face with fewer than three corners.
    """
    lengths = polygons.lengths
    if len(lengths) and lengths.min() < 3:
        bad = int(np.flatnonzero(lengths < 3)[0])
        raise MeshError(f"{place}: face {bad} has {lengths[bad]} corners; the file is damaged, export it again")
    if (lengths == 3).all():
        return polygons.corners.reshape(-1, 3), 0
    starts = np.cumsum(lengths) - lengths
    fans = lengths - 2  # triangles of each polygon
    owner = owners(polygons)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(fans) - fans, fans)
    first = starts[owner]
    corners = polygons.corners
    triangles = np.stack([corners[first], corners[first + step + 1], corners[first + step + 2]], axis=1)
    return triangles, int((lengths > 3).sum())
