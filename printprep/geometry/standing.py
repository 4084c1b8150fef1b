"""Which ways up of a body fit a bed: thousands are ruled out at once, the few that matter get a real place."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from printprep.geometry import nest
from printprep.geometry.directions import Hull, fibonacci_sphere, rotation_to_up
from printprep.geometry.mesh import Bool, Float

_FEW: Final = 300  # directions whose outermost corners stand for the hull where ways up are ruled out
_SLACK: Final = 1.0 + 1e-9


def possible(hull: Hull, ups: Float, room: nest.Room) -> Bool:
    """Which of ``ups`` (k, 3) are not ruled out: by height, or by width and depth at every whole degree about z.

    Only some of the hull's corners are looked at, so that nothing is ruled out that fits. Keep-outs and what must find
    a place beside the body are left to :func:`stands`.
    """
    corners = hull.corners_mm[np.unique(np.argmax(fibonacci_sphere(_FEW) @ hull.corners_mm.T, axis=1))]
    angles = np.radians(np.arange(90.0))  # a quarter turn on, width and depth change places
    turns = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    bed = room.bed
    width, depth = bed.width_mm - 2.0 * room.margin_mm, bed.depth_mm - 2.0 * room.margin_mm
    return np.asarray(_possible(corners, np.ascontiguousarray(ups), turns, width, depth, bed.height_mm))


def stands(hull: Hull, up: Float, room: nest.Room) -> bool:
    """Whether the body has a place with a direction (3,) up."""
    outline, height_mm = _outline(hull, up)
    return nest.fits(outline, height_mm, room)


def largest_scale(hull: Hull, up: Float, room: nest.Room) -> float:
    """The largest factor at which the body stands with a direction (3,) up, what is kept free beside it left out."""
    return nest.largest_scale(*_outline(hull, up), nest.without_reserve(room))


def _outline(hull: Hull, up: Float) -> tuple[Float, float]:
    turned = hull.corners_mm @ rotation_to_up(up)[:3, :3].T
    return nest.footprint(turned), float(np.ptp(turned[:, 2]))


@njit(cache=True, nogil=True)
def _possible(corners: Float, ups: Float, turns: Float, width: float, depth: float, height: float) -> Bool:
    may = np.zeros(len(ups), np.bool_)
    flat = np.empty((len(corners), 2))
    for k in range(len(ups)):
        x, y, z = ups[k, 0], ups[k, 1], ups[k, 2]
        lean = np.sqrt(x * x + y * y)
        a, b = (x / lean, y / lean) if lean > 0.0 else (1.0, 0.0)
        rest = 1.0 - z
        low, high = np.inf, -np.inf
        for i in range(len(corners)):
            p, q, r = corners[i, 0], corners[i, 1], corners[i, 2]
            along = x * p + y * q + z * r
            low, high = min(low, along), max(high, along)
            if lean > 0.0:  # the rows of rotation_to_up
                flat[i, 0] = (1.0 - rest * a * a) * p - rest * a * b * q - x * r
                flat[i, 1] = -rest * a * b * p + (1.0 - rest * b * b) * q - y * r
            else:
                flat[i, 0], flat[i, 1] = p, q if z > 0.0 else -q
        if high - low > height * _SLACK:
            continue
        for t in range(len(turns)):
            cos, sin = turns[t, 0], turns[t, 1]
            x0, x1, y0, y1 = np.inf, -np.inf, np.inf, -np.inf
            for i in range(len(flat)):
                u, v = cos * flat[i, 0] - sin * flat[i, 1], sin * flat[i, 0] + cos * flat[i, 1]
                x0, x1, y0, y1 = min(x0, u), max(x1, u), min(y0, v), max(y1, v)
            wide, deep = (x1 - x0) / _SLACK, (y1 - y0) / _SLACK
            if (wide <= width and deep <= depth) or (wide <= depth and deep <= width):
                may[k] = True
                break
    return may
