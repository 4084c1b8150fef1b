"""Sight: how open a place is, and so whether a person's tool gets there."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from printprep.geometry.bvh import LEAF, Tree
from printprep.geometry.mesh import Float
from printprep.geometry.orient import fibonacci_sphere

DIRECTIONS: Final = 128


@njit(cache=True, nogil=True)
def _meets(x: float, y: float, z: float, ray: Float, corners: Float, boxes: Float, stack: Float) -> bool:
    """Whether a ray meets any triangle (Moeller and Trumbore, 1997); its direction has no component of 0."""
    leaves = (len(boxes) + 1) // 2
    top = 1
    stack[0] = 0
    while top > 0:
        top -= 1
        i = int(stack[top])
        enter, leave = 0.0, np.inf
        for k in range(3):
            origin = x if k == 0 else (y if k == 1 else z)
            one, two = (boxes[i, k] - origin) / ray[k], (boxes[i, 3 + k] - origin) / ray[k]
            enter, leave = max(enter, min(one, two)), min(leave, max(one, two))
        if boxes[i, 0] > boxes[i, 3] or enter > leave * (1 + 1e-12) + 1e-12:
            continue
        if i < leaves - 1:
            stack[top], stack[top + 1] = 2 * i + 1, 2 * i + 2
            top += 2
            continue
        begin = (i - leaves + 1) * LEAF
        for s in range(begin, min(begin + LEAF, len(corners))):
            t = corners[s]
            bx, by, bz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
            cx, cy, cz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
            hx, hy, hz = ray[1] * cz - ray[2] * cy, ray[2] * cx - ray[0] * cz, ray[0] * cy - ray[1] * cx
            det = bx * hx + by * hy + bz * hz
            if det == 0.0:
                continue
            ox, oy, oz = x - t[0, 0], y - t[0, 1], z - t[0, 2]
            u = (ox * hx + oy * hy + oz * hz) / det
            qx, qy, qz = oy * bz - oz * by, oz * bx - ox * bz, ox * by - oy * bx
            v = (ray[0] * qx + ray[1] * qy + ray[2] * qz) / det
            if u >= 0 and v >= 0 and u + v <= 1 and (cx * qx + cy * qy + cz * qz) / det > 0:
                return True
    return False


@njit(cache=True, nogil=True)
def _openness(points: Float, rays: Float, corners: Float, boxes: Float) -> Float:
    share = np.zeros(len(points))
    stack = np.empty(128)
    for q in range(len(points)):
        for r in range(len(rays)):
            if not _meets(points[q, 0], points[q, 1], points[q, 2], rays[r], corners, boxes, stack):
                share[q] += 1.0 / len(rays)
    return share


def openness(tree: Tree, points: Float) -> Float:
    """(n,) share of all directions in which nothing stands between each of ``points`` (n, 3) and the far away.

    0 inside a closed cavity; half on a plane; a tube of radius r leaves ``1 - d / sqrt(d^2 + r^2)`` at a depth d in its
    middle, both ends counted.
    """
    rays = fibonacci_sphere(DIRECTIONS) + 1e-7
    return np.asarray(_openness(np.ascontiguousarray(points), rays, tree.corners, tree.boxes))
