"""Sight: how open a place is, and so whether a person's tool gets there."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from printprep.geometry.bvh import Tree, crossings
from printprep.geometry.mesh import Float
from printprep.geometry.orient import fibonacci_sphere

DIRECTIONS: Final = 128


@njit(cache=True, nogil=True)
def _openness(points: Float, rays: Float, corners: Float, boxes: Float) -> Float:
    share = np.zeros(len(points))
    stack = np.empty(128, np.int32)
    for q in range(len(points)):
        for r in range(len(rays)):
            if crossings(points[q, 0], points[q, 1], points[q, 2], rays[r], corners, boxes, stack, True) == 0:
                share[q] += 1.0 / len(rays)
    return share


def openness(tree: Tree, points: Float) -> Float:
    """(n,) share of all directions in which nothing stands between each of ``points`` (n, 3) and the far away.

    0 inside a closed cavity; half on a plane; a tube of radius r leaves ``1 - d / sqrt(d^2 + r^2)`` at a depth d in its
    middle, both ends counted.
    """
    rays = fibonacci_sphere(DIRECTIONS) + 1e-7
    return np.asarray(_openness(np.ascontiguousarray(points), rays, tree.corners, tree.boxes))
