"""Points of a surface gathered in the cells of a grid, so that what is said of a place depends on no triangle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from printprep.geometry.mesh import Float, Int

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """What the n cells with a point in them hold."""

    at_mm: Float  # (n, 3) mean of the points, by weight
    weight: Float  # (n,) sum
    key: Index  # (n, 3) place in the grid
    of_point: Index  # the cell of each point


def key_of(points: Float, step_mm: float) -> Index:
    """Place in the grid of points (n, 3)."""
    return np.asarray(np.floor(points / step_mm).astype(np.int64))


def gather(points: Float, weight: Float, step_mm: float) -> Cells:
    """Gather points (n, 3) mm with positive weights (n,), such as areas, in cubes of ``step_mm``."""
    key, row = np.unique(key_of(points, step_mm), axis=0, return_inverse=True)
    row = row.reshape(-1)
    total = np.bincount(row, weight, len(key))
    mean = [np.bincount(row, points[:, k] * weight, len(key)) / np.maximum(total, 1e-300) for k in range(3)]
    return Cells(at_mm=np.stack(mean, axis=1), weight=np.asarray(total, np.float64), key=key, of_point=row)


def connected(key: Index) -> Int:
    """Label of each cell (n, 3); cells that touch, by a corner at least, share one."""
    if not len(key):
        return np.zeros(0, np.int32)
    pairs = cKDTree(key).query_pairs(1.8, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(key), len(key)))
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)


def code_of(key: Index) -> Index:
    """One number for each place in a grid (n, 3) of less than a million cells a side, (n,)."""
    return np.asarray((key + (1 << 20)) @ np.array([1 << 42, 1 << 21, 1]))
