"""Whether a surface comes near: cheaper than how near, because the first triangle found ends the search."""

from __future__ import annotations

import numpy as np
from numba import njit

from printprep.geometry.bvh import LEAF, Tree, _box_distance2, _closest_on_triangle
from printprep.geometry.mesh import Bool, Float, Int

BETWEEN = 1.12
"""Points of a line as far apart as they are clear: all of it is, if they are clear by so many times more."""


@njit(cache=True, nogil=True)
def _point_clear(x: float, y: float, z: float, radius: float, corners: Float, boxes: Float, stack: Int) -> bool:
    """Whether no triangle comes nearer to a point than ``radius``."""
    leaves = (len(boxes) + 1) // 2
    stack[0] = 0
    top = 1
    while top > 0:
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
                return False
    return True


@njit(cache=True, nogil=True)
def _clear(points: Float, radii: Float, corners: Float, boxes: Float) -> Bool:
    """Points to which no triangle comes nearer than their radius."""
    clear = np.empty(len(points), np.bool_)
    stack = np.empty(128, np.int32)
    for i in range(len(points)):
        clear[i] = _point_clear(points[i, 0], points[i, 1], points[i, 2], radii[i], corners, boxes, stack)
    return clear


@njit(cache=True, nogil=True)
def _bar_clear(start: Float, end: Float, reach: float, begin: float, corners: Float, boxes: Float) -> bool:
    """Whether a line keeps ``reach`` from every triangle; ``begin`` at its start, from where that grows by a half."""
    length = np.sqrt((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2 + (end[2] - start[2]) ** 2)
    count = int(np.ceil(length / min(reach, begin))) + 1
    stack = np.empty(128, np.int32)
    for k in range(count + 1):
        share = k / count
        needed = min(BETWEEN * reach, begin + 0.5 * share * length)
        x = start[0] + share * (end[0] - start[0])
        y = start[1] + share * (end[1] - start[1])
        z = start[2] + share * (end[2] - start[2])
        if not _point_clear(x, y, z, needed, corners, boxes, stack):
            return False
    return True


def clear(tree: Tree, points: Float, radius_mm: float | Float) -> Bool:
    """(n,) whether no point of the surface is nearer to each of ``points`` (n, 3) than ``radius_mm``, one or (n,)."""
    radii = np.broadcast_to(np.asarray(radius_mm, dtype=np.float64), len(points))
    return np.asarray(_clear(np.ascontiguousarray(points), np.ascontiguousarray(radii), tree.corners, tree.boxes))


def bar_clear(tree: Tree, start: Float, end: Float, reach_mm: float, begin_mm: float = np.inf) -> bool:
    """Whether all of a line keeps ``reach_mm`` from a surface; or less at its start, from ``begin_mm`` there on."""
    return bool(_bar_clear(start, end, float(reach_mm), float(begin_mm), tree.corners, tree.boxes))
