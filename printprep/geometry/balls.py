"""The largest ball inside a solid that touches its surface at a point, looked up for groups of points.

:mod:`printprep.geometry.thickness` says what it is for; here are the loops. Points come in an order where neighbours
are near, so that what may stop their balls is looked up once for a group of them, and most of a solid's surface has
nothing within reach at all.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from printprep.geometry.bvh import LEAF, Tree, _box_distance2, _closest_on_triangle
from printprep.geometry.mesh import Float, Int

FACING: Final = -0.5
"""Cosine between the normals of two sides of a wall is below this: they are more than 120 degrees apart."""

STRAIGHT: Final = 0.8
"""Cosine between the inward normal and the way to the other side is above this: within 37 degrees."""


SAME: Final = 1e-18
"""Squared: points nearer to each other than this share of a ball's radius are the same."""

GROUP: Final = 64
"""Points for which what may stop their balls is looked up together."""

CANDIDATES: Final = 512
"""With more than this each point of a group looks for itself."""


@njit(cache=True, nogil=True)
def _touching(p: Float, n: Float, t: Float, radius: float) -> float:
    """Radius of the largest ball, up to ``radius``, that touches p from below and a triangle; ``radius`` if none does.

    Every step takes the ball through the triangle's point that is nearest to the centre of the ball before.
    """
    r, straight = radius, 1.0
    for _ in range(60):
        x, y, z = p[0] - r * n[0], p[1] - r * n[1], p[2] - r * n[2]
        a, b, c = _closest_on_triangle(t, x, y, z)
        qx = a * t[0, 0] + b * t[1, 0] + c * t[2, 0]
        qy = a * t[0, 1] + b * t[1, 1] + c * t[2, 1]
        qz = a * t[0, 2] + b * t[1, 2] + c * t[2, 2]
        dx, dy, dz = p[0] - qx, p[1] - qy, p[2] - qz
        distance2 = dx * dx + dy * dy + dz * dz
        if distance2 <= SAME * radius * radius:
            return 0.0  # the two sides lie on each other
        if (qx - x) ** 2 + (qy - y) ** 2 + (qz - z) ** 2 >= r * r * (1.0 - 1e-9):
            break
        below = dx * n[0] + dy * n[1] + dz * n[2]
        smaller = distance2 / (2.0 * below) if below > 0.0 else r
        if smaller >= r:
            break
        r, straight = smaller, below / np.sqrt(distance2)
    return r if straight > STRAIGHT else radius


@njit(cache=True, nogil=True)
def _ranges(normals: Float, leaves: int) -> Float:
    """(2 * leaves - 1, 6) least and greatest components of the normals in each box of a tree; inf, -inf: none."""
    ranges = np.empty((2 * leaves - 1, 6))
    ranges[:, :3] = np.inf
    ranges[:, 3:] = -np.inf
    for i in range(len(normals)):
        box = leaves - 1 + i // LEAF
        for k in range(3):
            ranges[box, k] = min(ranges[box, k], normals[i, k])
            ranges[box, 3 + k] = max(ranges[box, 3 + k], normals[i, k])
    for i in range(leaves - 2, -1, -1):
        for k in range(3):
            ranges[i, k] = min(ranges[2 * i + 1, k], ranges[2 * i + 2, k])
            ranges[i, 3 + k] = max(ranges[2 * i + 1, 3 + k], ranges[2 * i + 2, 3 + k])
    return ranges


@njit(cache=True, nogil=True, inline="always")
def _may_face_one(ranges: Float, i: int, n: Float) -> bool:
    """Whether a normal in the i-th of ``ranges`` can be more than 120 degrees from ``n``."""
    least = 0.0
    for k in range(3):
        least += min(n[k] * ranges[i, k], n[k] * ranges[i, 3 + k])
    facing: bool = least < FACING
    return facing


@njit(cache=True, nogil=True)
def _alone(
    p: Float, n: Float, r: float, first: int, normals: Float, corners: Float, boxes: Float, ranges: Float
) -> tuple[float, int]:
    """The largest ball at one point up to radius ``r``, and what stops it: ``first`` if nothing nearer does."""
    leaves = (len(boxes) + 1) // 2
    stack = np.empty(128, np.int64)
    stack[0] = 0
    top = 1
    across = first
    while top > 0:
        top -= 1
        box = stack[top]
        x, y, z = p[0] - r * n[0], p[1] - r * n[1], p[2] - r * n[2]
        if _box_distance2(boxes, box, x, y, z) > r * r * (1.0 + 1e-9):  # what lies on p itself counts
            continue
        if not _may_face_one(ranges, box, n):  # most of the surface around p
            continue
        if box >= leaves - 1:
            begin = (box - leaves + 1) * LEAF
            for s in range(begin, min(begin + LEAF, len(corners))):
                m = normals[s]
                if n[0] * m[0] + n[1] * m[1] + n[2] * m[2] >= FACING:
                    continue
                smaller = _touching(p, n, corners[s], r)
                if smaller < r:
                    r = smaller
                    across = s
            continue
        near, far = 2 * box + 1, 2 * box + 2
        if _box_distance2(boxes, far, x, y, z) < _box_distance2(boxes, near, x, y, z):
            near, far = far, near
        stack[top], stack[top + 1] = far, near
        top += 2
    return r, across


@njit(cache=True, nogil=True, inline="always")
def _may_face(ranges: Float, i: int, group: Float) -> bool:
    """Whether a normal in the i-th of ``ranges`` can be more than 120 degrees from one in the range ``group`` (6,)."""
    least = 0.0
    for k in range(3):
        a, b, c, d = group[k], group[3 + k], ranges[i, k], ranges[i, 3 + k]
        least += min(min(a * c, a * d), min(b * c, b * d))
    facing: bool = least < FACING
    return facing


@njit(cache=True, nogil=True, inline="always")
def _meet(boxes: Float, i: int, group: Float) -> bool:
    """Whether the i-th of ``boxes`` meets the box ``group`` (6,)."""
    meet: bool = (
        boxes[i, 0] <= group[3]
        and boxes[i, 1] <= group[4]
        and boxes[i, 2] <= group[5]
        and boxes[i, 3] >= group[0]
        and boxes[i, 4] >= group[1]
        and boxes[i, 5] >= group[2]
    )
    return meet


@njit(cache=True, nogil=True)
def _group(points: Float, owner: Int, normals: Float, start: int, cap: float, ball: Float, faces: Float) -> int:
    """End of the points from ``start`` on that lie together.

    ``ball`` becomes the box around all their balls of diameter ``cap``, ``faces`` the range of their normals.
    """
    ball[:3], ball[3:] = np.inf, -np.inf
    faces[:3], faces[3:] = np.inf, -np.inf
    lower, upper = np.full(3, np.inf), np.full(3, -np.inf)
    for i in range(start, min(start + GROUP, len(points))):
        for k in range(3):
            if max(upper[k], points[i, k]) - min(lower[k], points[i, k]) > cap and i > start:
                return i
        for k in range(3):
            x, n = points[i, k], normals[owner[i], k]
            lower[k], upper[k] = min(lower[k], x), max(upper[k], x)
            centre = x - 0.5 * cap * n
            ball[k], ball[3 + k] = min(ball[k], centre - 0.5 * cap), max(ball[3 + k], centre + 0.5 * cap)
            faces[k], faces[3 + k] = min(faces[k], n), max(faces[3 + k], n)
    return min(start + GROUP, len(points))


@njit(cache=True, nogil=True)
def _candidates(
    boxes: Float, ranges: Float, corners: Float, ball: Float, faces: Float, found: Int, around: Float
) -> int:
    """Triangles that may stop any ball of a group, with the boxes ``around`` them; -1 when they are too many."""
    leaves = (len(boxes) + 1) // 2
    stack = np.empty(128, np.int64)
    stack[0] = 0
    top, count = 1, 0
    while top > 0:
        top -= 1
        box = stack[top]
        if not (_meet(boxes, box, ball) and _may_face(ranges, box, faces)):
            continue
        if box < leaves - 1:
            stack[top], stack[top + 1] = 2 * box + 2, 2 * box + 1
            top += 2
            continue
        begin = (box - leaves + 1) * LEAF
        for s in range(begin, min(begin + LEAF, len(corners))):
            if count == len(found):
                return -1
            for k in range(3):
                a, b, c = corners[s, 0, k], corners[s, 1, k], corners[s, 2, k]
                around[count, k], around[count, 3 + k] = min(a, b, c), max(a, b, c)
            if _meet(around, count, ball):
                found[count] = s
                count += 1
    return count


@njit(cache=True, nogil=True)
def _thickness(
    points: Float, owner: Int, normals: Float, corners: Float, boxes: Float, ranges: Float, cap: float
) -> tuple[Float, Int]:
    """Diameter of the largest ball at each point, inf above ``cap``, and the triangle that stops it, or -1."""
    thickness = np.full(len(points), np.inf)
    across = np.full(len(points), -1, np.int32)
    ball, faces = np.empty(6), np.empty(6)
    found, around = np.empty(CANDIDATES, np.int32), np.empty((CANDIDATES, 6))
    start = 0
    while start < len(points):
        end = _group(points, owner, normals, start, cap, ball, faces)
        count = _candidates(boxes, ranges, corners, ball, faces, found, around)
        last = -1  # what stopped the ball before is likely to stop this one
        for i in range(start, end if count != 0 else start):
            p, n = points[i], normals[owner[i]]
            if n[0] == 0.0 and n[1] == 0.0 and n[2] == 0.0:
                continue
            r, stop = 0.5 * cap, -1
            if last >= 0 and n[0] * normals[last, 0] + n[1] * normals[last, 1] + n[2] * normals[last, 2] < FACING:
                r = _touching(p, n, corners[last], r)
                stop = last if r < 0.5 * cap else -1
            if count < 0:
                r, stop = _alone(p, n, r, stop, normals, corners, boxes, ranges)
            for c in range(count):
                s = found[c]
                m = normals[s]
                if n[0] * m[0] + n[1] * m[1] + n[2] * m[2] >= FACING:
                    continue
                x, y, z = p[0] - r * n[0], p[1] - r * n[1], p[2] - r * n[2]
                if _box_distance2(around, c, x, y, z) > r * r * (1.0 + 1e-9):  # what lies on p itself counts
                    continue
                smaller = _touching(p, n, corners[s], r)
                if smaller < r:
                    r, stop = smaller, s
            last = stop
            if stop >= 0:
                thickness[i], across[i] = 2.0 * r, stop
        start = end
    return thickness, across


def largest(tree: Tree, normals: Float, points: Float, owner: Int, cap_mm: float) -> tuple[Float, Int]:
    """Diameter of the largest ball at each point of a surface, and what stops it.

    Parameters
    ----------
    tree
        Of the surface, closed and wound outward.
    normals
        (m, 3) of its triangles in tree order.
    points, owner
        (n, 3) mm, neighbours near each other, and (n,) the triangles in tree order that hold them.
    cap_mm
        Larger balls are not looked for.

    Returns
    -------
    diameter_mm, across
        (n,) inf where it is more than the cap, and (n,) the face on the other side, -1 there.
    """
    ranges = _ranges(normals, (len(tree.boxes) + 1) // 2)
    found, stop = _thickness(np.ascontiguousarray(points), owner, normals, tree.corners, tree.boxes, ranges, cap_mm)
    return found, np.where(stop >= 0, tree.face[stop], -1).astype(np.int32)
