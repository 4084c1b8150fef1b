"""What stands straight above or below a point: the first surface that looks its way."""

from __future__ import annotations

import numpy as np
from numba import njit

from printprep.geometry.bvh import LEAF, Tree
from printprep.geometry.mesh import Float, Int


@njit(cache=True, nogil=True)
def _first(points: Float, way: float, reach: float, corners: Float, boxes: Float) -> tuple[Float, Int]:
    """Gap to the first triangle along z that looks back at the point, and its place in the tree, or -1."""
    leaves = (len(boxes) + 1) // 2
    gap = np.full(len(points), np.inf)
    found = np.full(len(points), -1, np.int32)
    stack = np.empty(128, np.int32)
    for q in range(len(points)):
        x, y, z = points[q, 0], points[q, 1], points[q, 2]
        best = reach
        stack[0], top = 0, 1
        while top > 0:
            top -= 1
            i = stack[top]
            if x < boxes[i, 0] or x > boxes[i, 3] or y < boxes[i, 1] or y > boxes[i, 4]:
                continue
            nearest = boxes[i, 2] - z if way > 0 else z - boxes[i, 5]
            farthest = boxes[i, 5] - z if way > 0 else z - boxes[i, 2]
            if nearest > best or farthest < 0.0:
                continue
            if i < leaves - 1:
                stack[top], stack[top + 1] = 2 * i + 1, 2 * i + 2
                top += 2
                continue
            begin = (i - leaves + 1) * LEAF
            for s in range(begin, min(begin + LEAF, len(corners))):
                t = corners[s]
                bx, by = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1]
                cx, cy = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1]
                twice = bx * cy - by * cx  # of the shadow: negative for a face that looks down
                if twice * way >= 0.0:
                    continue
                px, py = x - t[0, 0], y - t[0, 1]
                b, c = (px * cy - py * cx) / twice, (bx * py - by * px) / twice
                if b < 0.0 or c < 0.0 or b + c > 1.0:
                    continue
                away = (t[0, 2] + b * (t[1, 2] - t[0, 2]) + c * (t[2, 2] - t[0, 2]) - z) * way
                if 0.0 <= away <= best:
                    best, gap[q], found[q] = away, away, s
    return gap, found


def first_above(tree: Tree, points: Float, reach_mm: float = np.inf) -> tuple[Float, Int]:
    """The first face that looks down, straight above each point.

    Parameters
    ----------
    tree
        Of the surface.
    points
        (n, 3) mm.
    reach_mm
        What is farther away is not looked for.

    Returns
    -------
    gap_mm, face
        (n,) how far above, inf for nothing; (n,) index of the face in the mesh, -1 for nothing.
    """
    return _ahead(tree, points, 1.0, reach_mm)


def first_below(tree: Tree, points: Float, reach_mm: float = np.inf) -> tuple[Float, Int]:
    """The first face that looks up, straight below each point; as :func:`first_above`."""
    return _ahead(tree, points, -1.0, reach_mm)


def _ahead(tree: Tree, points: Float, way: float, reach_mm: float) -> tuple[Float, Int]:
    gap, found = _first(np.ascontiguousarray(points, np.float64), way, float(reach_mm), tree.corners, tree.boxes)
    return gap, np.where(found >= 0, tree.face[found], -1).astype(np.int32)
