"""Low points of a cavity that no hole drains: where liquid stays when the part stands as it was oriented.

The cavity's surface is flooded from below, vertex by vertex. Basins that meet become one; a basin that meets a drained
one has run over, and what is below that height is a pocket. (The merge tree of a height function: Carr, Snoeyink, Axen
2003.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.hole import Hole
from printprep.geometry.mesh import Bool, Float, Int, Mesh, Point, as_point
from printprep.geometry.topology import edges, root


@dataclass(frozen=True, slots=True, kw_only=True)
class Pocket:
    """A low point that does not drain."""

    at_mm: Point  # its lowest point
    depth_mm: float  # up to where it runs over into a drained place
    up: Point  # unit: which way up the part stands


def pockets(cavity: Mesh, up: Float, holes: tuple[Hole, ...], min_depth_mm: float = 1.0) -> tuple[Pocket, ...]:
    """Pockets of a cavity deeper than ``min_depth_mm``, the deepest first.

    Parameters
    ----------
    cavity
        Closed surface of the cavity.
    up
        (3,) unit: away from the bed, in the mesh's frame.
    holes
        All holes into it; without any there is no answer but the whole cavity, and it is left out.
    """
    height = np.ascontiguousarray(cavity.vertices @ up)
    drained = np.zeros(len(height), np.bool_)
    for hole in holes:
        drained |= _in_the_cut(cavity.vertices, hole)
    ends = edges(cavity).ends
    both = np.concatenate([ends, ends[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    start = np.searchsorted(both[:, 0], np.arange(len(height) + 1))
    order = np.argsort(height, kind="stable")
    lowest, depth = _flood(height, order, start, np.ascontiguousarray(both[:, 1]), drained)
    floor = (depth > min_depth_mm) & _faces_down(cavity, up)[lowest]
    found = sorted(zip(depth[floor].tolist(), lowest[floor].tolist(), strict=True), key=lambda one: -one[0])
    return tuple(Pocket(at_mm=as_point(cavity.vertices[v]), depth_mm=d, up=as_point(up)) for d, v in found)


def _faces_down(cavity: Mesh, up: Float) -> Bool:
    """(n,) vertices at which the cavity ends below: a low point of a ceiling, or of a strut, holds no liquid."""
    a, b, c = (cavity.vertices[cavity.faces[:, k]] for k in range(3))
    lean = np.cross(b - a, c - a) @ up
    total = np.zeros(len(cavity.vertices))
    for k in range(3):
        total += np.bincount(cavity.faces[:, k], lean, len(total))
    return np.asarray(total <= 0.0)


def _in_the_cut(points: Float, hole: Hole) -> Bool:
    """(n,) whether points lie in the hole's cylinder or on its rim; inside by an eighth of its diameter more."""
    offset = points - np.array(hole.at_mm)
    along = offset @ np.array(hole.axis)
    across = np.linalg.norm(offset - along[:, None] * np.array(hole.axis), axis=1)
    slack_mm = hole.diameter_mm / 8.0
    inside = (across <= hole.diameter_mm / 2.0 + slack_mm) & (along >= -hole.inward_mm - slack_mm)
    return np.asarray(inside & (along <= hole.outward_mm))


@njit(cache=True)
def _flood(
    height: Float, order: npt.NDArray[np.int64], start: npt.NDArray[np.int64], neighbour: Int, drained: Bool
) -> tuple[npt.NDArray[np.int64], Float]:
    """Lowest vertex and depth of every basin that runs over into a drained one."""
    n = len(height)
    parent = np.full(n, -1, np.int32)  # -1: still dry
    lowest = np.arange(n)
    drains = drained.copy()
    pocket = np.empty(n, np.int64)
    depth = np.empty(n)
    count = 0
    for v in order:
        parent[v] = v
        for k in range(start[v], start[v + 1]):
            other = neighbour[k]
            if parent[other] < 0:
                continue
            a, b = root(parent, v), root(parent, other)
            if a == b:
                continue
            if drains[a] != drains[b]:
                dry = b if drains[a] else a
                pocket[count], depth[count] = lowest[dry], height[v] - height[lowest[dry]]
                count += 1
            if height[lowest[a]] < height[lowest[b]]:
                a, b = b, a
            parent[a] = b  # the lower one stays
            drains[b] = drains[a] or drains[b]
    return pocket[:count].copy(), depth[:count].copy()
