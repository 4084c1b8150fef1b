"""Islands: where a body begins in mid-air when it is built from below, layer by layer.

A lowest point of the surface, with the solid above it, is where a new outline appears in a layer. How high it grows
before it meets an older one is its height in the merge tree of the surface (Carr, Snoeyink and Axen, 2003): what meets
sooner than a layer is high is the roughness of the surface and no island. That is enough to say where a slicer must put
a support; what of a layer cures in the air, by its pixels, is :func:`printprep.geometry.islands.starts`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.mesh import Float, Int, Mesh
from printprep.geometry.topology import edges, root


def beginnings(mesh: Mesh, least_mm: float) -> Float:
    """Where new outlines appear, z up, that stay alone for at least ``least_mm``: (n, 3), by rising height.

    Parameters
    ----------
    mesh
        Closed, faces outward, welded.
    least_mm
        The height of a layer.
    """
    height = np.ascontiguousarray(mesh.vertices[:, 2])
    ends = edges(mesh).ends
    both = np.concatenate([ends, ends[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    start = np.searchsorted(both[:, 0], np.arange(len(height) + 1))
    lowest, rises = _merge_tree(height, np.argsort(height, kind="stable"), start, np.ascontiguousarray(both[:, 1]))
    lowest = lowest[_looks_down(mesh)[lowest] & (rises >= least_mm)]
    return np.asarray(mesh.vertices[lowest[np.argsort(height[lowest], kind="stable")]])


def _looks_down(mesh: Mesh) -> npt.NDArray[np.bool_]:
    """(n,) whether the faces around a vertex look down in the mean: the solid is above it."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    up = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    total = np.zeros(len(mesh.vertices))
    for k in range(3):
        total += np.bincount(mesh.faces[:, k], up, len(total))
    return np.asarray(total < 0)


@njit(cache=True, nogil=True)
def _merge_tree(
    height: Float, order: npt.NDArray[np.int64], start: npt.NDArray[np.int64], neighbour: Int
) -> tuple[npt.NDArray[np.int64], Float]:
    """Lowest vertex of each basin and how far it fills before it runs into a lower one."""
    n = len(height)
    parent = np.full(n, -1, np.int32)  # -1: not reached yet
    lowest = np.arange(n)
    low = np.empty(n, np.int64)
    rises = np.empty(n)
    count = 0
    for v in order:
        if start[v] == start[v + 1]:
            continue
        parent[v] = v
        for k in range(start[v], start[v + 1]):
            other = neighbour[k]
            if parent[other] < 0:
                continue
            a, b = root(parent, v), root(parent, other)
            if a == b:
                continue
            if height[lowest[a]] < height[lowest[b]] or (
                height[lowest[a]] == height[lowest[b]] and lowest[a] < lowest[b]
            ):
                a, b = b, a
            rise = height[v] - height[lowest[a]]
            if rise > 0.0:
                low[count], rises[count] = lowest[a], rise
                count += 1
            parent[a] = b
    for v in order:
        if parent[v] == v:
            low[count], rises[count] = lowest[v], np.inf
            count += 1
    return low[:count].copy(), rises[:count].copy()
