"""Whether a surface comes near: cheaper than how near, because the first triangle found ends the search."""

from __future__ import annotations

import numpy as np
from numba import njit

from printprep.geometry.bvh import LEAF, Tree, _box_distance2, _closest_on_triangle
from printprep.geometry.mesh import Bool, Float


@njit(cache=True, nogil=True)
def _clear(points: Float, radii: Float, corners: Float, boxes: Float) -> Bool:
    """Points to which no triangle comes nearer than their radius."""
    leaves = (len(boxes) + 1) // 2
    clear = np.ones(len(points), np.bool_)
    stack = np.empty(128, np.int64)
    for i in range(len(points)):
        x, y, z, radius = points[i, 0], points[i, 1], points[i, 2], radii[i]
        stack[0] = 0
        top = 1
        while top > 0 and clear[i]:
            top -= 1
            box = stack[top]
            if _box_distance2(boxes, box, x, y, z) >= radius * radius:
                continue
            if box < leaves - 1:
                stack[top], stack[top + 1] = 2 * box + 1, 2 * box + 2
                top += 2
                continue
            begin = (box - leaves + 1) * LEAF
            for s in range(begin, min(begin + LEAF, len(corners))):
                t = corners[s]
                a, b, c = _closest_on_triangle(t, x, y, z)
                dx = a * t[0, 0] + b * t[1, 0] + c * t[2, 0] - x
                dy = a * t[0, 1] + b * t[1, 1] + c * t[2, 1] - y
                dz = a * t[0, 2] + b * t[1, 2] + c * t[2, 2] - z
                if dx * dx + dy * dy + dz * dz < radius * radius:
                    clear[i] = False
                    break
    return clear


def clear(tree: Tree, points: Float, radius_mm: float | Float) -> Bool:
    """(n,) whether no point of the surface is nearer to each of ``points`` (n, 3) than ``radius_mm``, one or (n,)."""
    radii = np.broadcast_to(np.asarray(radius_mm, dtype=np.float64), len(points))
    return np.asarray(_clear(np.ascontiguousarray(points), np.ascontiguousarray(radii), tree.corners, tree.boxes))
