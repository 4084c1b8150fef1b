"""A tree of boxes around triangles: nearest point, and inside or outside.

Triangles are sorted along a space-filling curve (Morton 1966) and packed by four into the leaves of a complete binary
tree, so that the tree is two arrays and needs no pointers: the children of box ``i`` are ``2 i + 1`` and ``2 i + 2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.mesh import Float, Int, Mesh

LEAF = 4
"""Triangles a leaf."""


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Boxes around the triangles of a mesh, which must be finite and not empty."""

    corners: Float  # (m, 3, 3) of the triangles in tree order, mm
    face: Int  # (m,) index in the mesh of each triangle in tree order
    boxes: Float  # (2 * leaves - 1, 6) lower and upper corner, mm; empty boxes are +inf to -inf


@njit(cache=True, nogil=True)
def morton(points: Float, lower: Float, scale: float) -> npt.NDArray[np.uint64]:
    """Place of each point (n, 3) on a curve through a grid of 2^21 cells a side; ``scale`` is cells per mm."""
    codes = np.empty(len(points), np.uint64)
    for i in range(len(points)):
        code = np.uint64(0)
        for k in range(3):
            x = np.uint64(min(max((points[i, k] - lower[k]) * scale, 0.0), 2097151.0))
            x = (x | x << np.uint64(32)) & np.uint64(0x1F00000000FFFF)
            x = (x | x << np.uint64(16)) & np.uint64(0x1F0000FF0000FF)
            x = (x | x << np.uint64(8)) & np.uint64(0x100F00F00F00F00F)
            x = (x | x << np.uint64(4)) & np.uint64(0x10C30C30C30C30C3)
            x = (x | x << np.uint64(2)) & np.uint64(0x1249249249249249)
            code |= x << np.uint64(k)
        codes[i] = code
    return codes


@njit(cache=True, nogil=True)
def _boxes(corners: Float, leaves: int) -> Float:
    m = len(corners)
    boxes = np.empty((2 * leaves - 1, 6))
    boxes[:, :3] = np.inf
    boxes[:, 3:] = -np.inf
    for i in range(m):
        box = leaves - 1 + i // LEAF
        for c in range(3):
            for k in range(3):
                x = corners[i, c, k]
                boxes[box, k] = min(boxes[box, k], x)
                boxes[box, 3 + k] = max(boxes[box, 3 + k], x)
    for i in range(leaves - 2, -1, -1):
        for k in range(3):
            boxes[i, k] = min(boxes[2 * i + 1, k], boxes[2 * i + 2, k])
            boxes[i, 3 + k] = max(boxes[2 * i + 1, 3 + k], boxes[2 * i + 2, 3 + k])
    return boxes


@njit(cache=True, nogil=True)
def _extent(points: Float) -> tuple[Float, float]:
    """Lower corner of the box around points (n, 3), and its longest side."""
    lower, upper = np.full(3, np.inf), np.full(3, -np.inf)
    for i in range(len(points)):
        for k in range(3):
            lower[k] = min(lower[k], points[i, k])
            upper[k] = max(upper[k], points[i, k])
    return lower, (upper - lower).max()


@njit(cache=True, nogil=True)
def _centres(corners: Float) -> Float:
    """(m, 3) middle of each triangle."""
    centres = np.empty((len(corners), 3))
    for i in range(len(corners)):
        for k in range(3):
            centres[i, k] = (corners[i, 0, k] + corners[i, 1, k] + corners[i, 2, k]) / 3.0
    return centres


def order(points: Float) -> npt.NDArray[np.int64]:
    """Order of ``points`` (n, 3), finite, along a space-filling curve: neighbours in it are near each other."""
    points = np.ascontiguousarray(points, dtype=np.float64)
    lower, side = _extent(points)
    return np.argsort(morton(points, lower, 2097151.0 / max(side, 1e-30)), kind="stable")


def build(mesh: Mesh) -> Tree:
    """Tree of boxes around the triangles of ``mesh`` (at least one, all finite)."""
    corners = mesh.triangles
    sequence = order(_centres(corners))
    corners = corners.take(sequence, axis=0)
    leaves = 1
    while leaves * LEAF < len(corners):
        leaves *= 2
    return Tree(corners, sequence.astype(np.int32), _boxes(corners, leaves))


_TREES: WeakKeyDictionary[Mesh, Tree] = WeakKeyDictionary()


def tree_of(mesh: Mesh) -> Tree:
    """As :func:`build`, once for as long as the mesh lives: for what every stage asks again."""
    tree = _TREES.get(mesh)
    if tree is None:
        tree = _TREES[mesh] = build(mesh)
    return tree


@njit(cache=True, nogil=True, inline="always")
def _box_distance2(boxes: Float, i: int, x: float, y: float, z: float) -> float:
    dx = max(boxes[i, 0] - x, 0.0, x - boxes[i, 3])
    dy = max(boxes[i, 1] - y, 0.0, y - boxes[i, 4])
    dz = max(boxes[i, 2] - z, 0.0, z - boxes[i, 5])
    squared: float = dx * dx + dy * dy + dz * dz
    return squared


@njit(cache=True, nogil=True)
def _closest_on_triangle(t: Float, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Weights of the three corners of the triangle's point that is nearest to x, y, z.

    By the Voronoi regions of the corners and edges (Ericson, Real-Time Collision Detection, 2005, section 5.1.5).
    """
    bx, by, bz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
    cx, cy, cz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
    px, py, pz = x - t[0, 0], y - t[0, 1], z - t[0, 2]
    bp = bx * px + by * py + bz * pz
    cp = cx * px + cy * py + cz * pz
    if bp <= 0 and cp <= 0:
        return 1.0, 0.0, 0.0
    bb = bx * bx + by * by + bz * bz
    bc = bx * cx + by * cy + bz * cz
    cc = cx * cx + cy * cy + cz * cz
    if bp >= bb and cp - bc <= bp - bb:
        return 0.0, 1.0, 0.0
    if cp >= cc and bp - bc <= cp - cc:
        return 0.0, 0.0, 1.0
    wc = bp * (cp - bc) - (bp - bb) * cp  # areas of the point's projection with the edges, doubled and squared
    if wc <= 0 and 0 <= bp <= bb:
        v = bp / bb if bb > 0 else 0.0
        return 1.0 - v, v, 0.0
    wb = (bp - bc) * cp - bp * (cp - cc)
    if wb <= 0 and 0 <= cp <= cc:
        v = cp / cc if cc > 0 else 0.0
        return 1.0 - v, 0.0, v
    wa = (bp - bb) * (cp - cc) - (bp - bc) * (cp - bc)
    if wa <= 0 and cp - bc >= bp - bb and bp - bc >= cp - cc:
        along = (cp - bc) - (bp - bb)
        length = along + (bp - bc) - (cp - cc)
        v = along / length if length > 0 else 0.0
        return 0.0, 1.0 - v, v
    total = wa + wb + wc
    if total <= 0:
        return 1.0, 0.0, 0.0
    return wa / total, wb / total, wc / total


@njit(cache=True, nogil=True)
def _nearest(points: Float, corners: Float, boxes: Float) -> tuple[Float, Int, Float]:
    """For points in an order where neighbours are near: distance, triangle (tree order) and corner weights."""
    n = len(points)
    leaves = (len(boxes) + 1) // 2
    distance = np.empty(n)
    nearest = np.empty(n, np.int32)
    weights = np.empty((n, 3))
    stack = np.empty(128, np.int64)
    bound = np.empty(128)
    last = 0
    for q in range(n):
        x, y, z = points[q, 0], points[q, 1], points[q, 2]
        best = np.inf
        stack[0], bound[0] = 0, 0.0
        stack[1], bound[1] = leaves - 1 + last // LEAF, 0.0  # first the leaf of the point before: a bound at once
        top = 2
        while top > 0:
            top -= 1
            i = stack[top]
            if bound[top] >= best:
                continue
            if i >= leaves - 1:
                begin = (i - leaves + 1) * LEAF
                for s in range(begin, min(begin + LEAF, len(corners))):
                    t = corners[s]
                    a, b, c = _closest_on_triangle(t, x, y, z)
                    dx = a * t[0, 0] + b * t[1, 0] + c * t[2, 0] - x
                    dy = a * t[0, 1] + b * t[1, 1] + c * t[2, 1] - y
                    dz = a * t[0, 2] + b * t[1, 2] + c * t[2, 2] - z
                    d = dx * dx + dy * dy + dz * dz
                    if d < best:
                        best = d
                        last = s
                        weights[q, 0], weights[q, 1], weights[q, 2] = a, b, c
                continue
            near, far = 2 * i + 1, 2 * i + 2
            d_near = _box_distance2(boxes, near, x, y, z)
            d_far = _box_distance2(boxes, far, x, y, z)
            if d_far < d_near:
                near, far = far, near
                d_near, d_far = d_far, d_near
            if d_far < best:
                stack[top] = far
                bound[top] = d_far
                top += 1
            if d_near < best:
                stack[top] = near
                bound[top] = d_near
                top += 1
        distance[q] = np.sqrt(best)
        nearest[q] = last
    return distance, nearest, weights


def nearest(tree: Tree, points: Float) -> tuple[Float, Int, Float]:
    """The nearest point of the surface to each of ``points``, exact to rounding.

    Parameters
    ----------
    tree
        Of the surface.
    points
        (n, 3), mm.

    Returns
    -------
    distance_mm, face, weights
        (n,) distances, (n,) index of the face that holds the nearest point, (n, 3) its corner weights (barycentric).
    """
    if not len(points):
        return np.zeros(0), np.zeros(0, np.int32), np.zeros((0, 3))
    sequence = order(points)
    distance, place, weights = _nearest(points[sequence], tree.corners, tree.boxes)
    back = np.empty_like(sequence)
    back[sequence] = np.arange(len(sequence))
    return distance[back], tree.face[place][back], weights[back]


@njit(cache=True, nogil=True)
def _apart(points: Float, corners: Float) -> Float:
    found = np.empty(len(points))
    for q in range(len(points)):
        t, x, y, z = corners[q], points[q, 0], points[q, 1], points[q, 2]
        a, b, c = _closest_on_triangle(t, x, y, z)
        dx = a * t[0, 0] + b * t[1, 0] + c * t[2, 0] - x
        dy = a * t[0, 1] + b * t[1, 1] + c * t[2, 1] - y
        dz = a * t[0, 2] + b * t[1, 2] + c * t[2, 2] - z
        found[q] = np.sqrt(dx * dx + dy * dy + dz * dz)
    return found


def apart(points: Float, triangles: Float) -> Float:
    """Distance of each of ``points`` (n, 3) from its own one of ``triangles`` (n, 3, 3), (n,) mm, exact to rounding."""
    return np.asarray(_apart(np.ascontiguousarray(points), np.ascontiguousarray(triangles)))


_RAYS = np.array(  # three directions far from the axes and each other, so that none runs along a mesh's edges
    [[0.3718281, 0.5314159, 0.7610347], [-0.6180339, 0.4142135, 0.6681718], [0.2645751, -0.8284271, 0.4935642]]
)


@njit(cache=True, nogil=True)
def crossings(x: float, y: float, z: float, ray: Float, corners: Float, boxes: Float, stack: Int, first: bool) -> int:
    """Signed count of the triangles that a ray from x, y, z runs out through (+) or in through (-).

    With ``first`` the search ends at any one of them: only whether there is one is asked. The ray's direction has no
    component of 0. Moeller and Trumbore, 1997, without its cut-off for small determinants.
    """
    leaves = (len(boxes) + 1) // 2
    count = 0
    top = 1
    stack[0] = 0
    while top > 0:
        top -= 1
        i = stack[top]
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
            if u < 0 or v < 0 or u + v > 1 or (cx * qx + cy * qy + cz * qz) / det <= 0:
                continue
            count += 1 if det < 0 else -1
            if first:
                return count
    return count


@njit(cache=True, nogil=True)
def _winding(points: Float, corners: Float, boxes: Float, rays: Float) -> Int:
    found = np.empty(len(points), np.int32)
    stack = np.empty(128, np.int32)
    for q in range(len(points)):
        x, y, z = points[q, 0], points[q, 1], points[q, 2]
        one = crossings(x, y, z, rays[0], corners, boxes, stack, False)
        two = crossings(x, y, z, rays[1], corners, boxes, stack, False)
        # a third ray decides when one of two grazed an edge
        found[q] = one if one == two else crossings(x, y, z, rays[2], corners, boxes, stack, False)
    return found


def winding(tree: Tree, points: Float) -> Int:
    """How often a closed surface goes around each point: 0 outside, 1 inside, -1 inside what is inside out.

    Parameters
    ----------
    tree
        Of a closed surface; for an open one the answer depends on the direction of the rays.
    points
        (n, 3), mm, not on the surface.
    """
    return np.asarray(_winding(np.ascontiguousarray(points), tree.corners, tree.boxes, _RAYS))
