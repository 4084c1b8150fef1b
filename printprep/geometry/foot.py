"""The nearest points of one surface to very many points: with a first guess for each, and on all cores.

The same tree and the same exact distances as :func:`printprep.geometry.bvh.nearest`. A disc around each triangle
rejects most of them for little, a guess makes the search begin where it will end, and the points
are shared out among threads; the answer does not depend on how many there are.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from printprep.geometry import bvh
from printprep.geometry.bvh import LEAF, _box_distance2, _closest_on_triangle
from printprep.geometry.mesh import Float, Int, Mesh

_SHARE: Final = 8192  # points for a thread at a time


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A surface to look for nearest points on."""

    tree: bvh.Tree
    discs: Float  # (m, 8) centre, normal and radius of a disc around each triangle, in tree order, mm

    @classmethod
    def of(cls, mesh: Mesh) -> Ground:
        """The surface of ``mesh`` (at least one triangle, all finite)."""
        tree = bvh.build(mesh)
        return cls(tree, _discs(tree.corners))


@dataclass(frozen=True, slots=True, eq=False)
class Feet:
    """Nearest points."""

    distance_mm: Float  # (n,)
    place: Int  # (n,) their triangles, in tree order
    at: Float  # (n, 3) where they are, mm


def feet(ground: Ground, points: Float, guess: Int | None = None) -> Feet:
    """The nearest point of the surface to each of ``points`` (n, 3), exact to rounding.

    ``guess`` is (n,) a triangle in tree order that is near, or -1; it changes how long the search takes, not its
    answer (but between triangles at the same distance). Points that are near each other should follow each other.
    """
    n = len(points)
    points = np.ascontiguousarray(points)
    guess = np.full(n, -1, np.int32) if guess is None else np.ascontiguousarray(guess, dtype=np.int32)
    found = Feet(np.empty(n), np.empty(n, np.int32), np.empty((n, 3)))
    tree = ground.tree

    def share(begin: int) -> None:
        rows = slice(begin, begin + _SHARE)
        _feet(
            points[rows], guess[rows], tree.corners, tree.boxes, ground.discs,
            found.distance_mm[rows], found.place[rows], found.at[rows],
        )  # fmt: skip

    if n <= _SHARE:
        share(0)
        return found
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(share, range(0, n, _SHARE)))
    return found


@njit(cache=True, nogil=True)
def _discs(corners: Float) -> Float:
    """A disc around each triangle: in its plane, from its middle through its farthest corner."""
    discs = np.zeros((len(corners), 8))
    for s in range(len(corners)):
        t = corners[s]
        radius2 = 0.0
        for k in range(3):
            discs[s, k] = (t[0, k] + t[1, k] + t[2, k]) / 3.0
        for c in range(3):
            x, y, z = t[c, 0] - discs[s, 0], t[c, 1] - discs[s, 1], t[c, 2] - discs[s, 2]
            radius2 = max(radius2, x * x + y * y + z * z)
        discs[s, 6] = np.sqrt(radius2) * (1.0 + 1e-9)
        bx, by, bz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
        cx, cy, cz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
        nx, ny, nz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
        twice = np.sqrt(nx * nx + ny * ny + nz * nz)
        if twice > 1e-6 * radius2:  # a sliver has no plane to speak of: its disc is a ball
            discs[s, 3], discs[s, 4], discs[s, 5] = nx / twice, ny / twice, nz / twice
    return discs


@njit(cache=True, nogil=True, inline="always")
def _to_triangle(t: Float, x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """The triangle's point nearest to x, y, z, and its distance squared."""
    a, b, c = _closest_on_triangle(t, x, y, z)
    fx = a * t[0, 0] + b * t[1, 0] + c * t[2, 0]
    fy = a * t[0, 1] + b * t[1, 1] + c * t[2, 1]
    fz = a * t[0, 2] + b * t[1, 2] + c * t[2, 2]
    return fx, fy, fz, (fx - x) ** 2 + (fy - y) ** 2 + (fz - z) ** 2


@njit(cache=True, nogil=True)
def _feet(
    points: Float, guess: Int, corners: Float, boxes: Float, discs: Float, distance: Float, place: Int, at: Float
) -> None:
    leaves = (len(boxes) + 1) // 2
    stack = np.empty(256, np.int64)
    bound = np.empty(256)
    last = 0
    for q in range(len(points)):
        x, y, z = points[q, 0], points[q, 1], points[q, 2]
        if guess[q] >= 0:
            last = guess[q]
        ax, ay, az, best = _to_triangle(corners[last], x, y, z)
        stack[0], bound[0] = 0, 0.0
        top = 1
        while top > 0:
            top -= 1
            i = stack[top]
            if bound[top] >= best:
                continue
            if i < leaves - 1:
                one, two = 2 * i + 1, 2 * i + 2
                d_one, d_two = _box_distance2(boxes, one, x, y, z), _box_distance2(boxes, two, x, y, z)
                if d_one < d_two:  # the nearer one last: it is looked at first
                    one, two = two, one
                    d_one, d_two = d_two, d_one
                if d_one < best:
                    stack[top], bound[top] = one, d_one
                    top += 1
                if d_two < best:
                    stack[top], bound[top] = two, d_two
                    top += 1
                continue
            begin = (i - leaves + 1) * LEAF
            for s in range(begin, min(begin + LEAF, len(corners))):
                vx, vy, vz = x - discs[s, 0], y - discs[s, 1], z - discs[s, 2]
                over = vx * discs[s, 3] + vy * discs[s, 4] + vz * discs[s, 5]
                beside2 = vx * vx + vy * vy + vz * vz - over * over
                room = best - over * over
                if room <= 0.0:
                    continue  # its plane is farther off
                if beside2 > discs[s, 6] * discs[s, 6]:
                    reach = discs[s, 6] + np.sqrt(room)
                    if beside2 >= reach * reach:
                        continue
                fx, fy, fz, d = _to_triangle(corners[s], x, y, z)
                if d < best:
                    best = d
                    last = s
                    ax, ay, az = fx, fy, fz
        distance[q] = np.sqrt(best)
        place[q] = last
        at[q, 0], at[q, 1], at[q, 2] = ax, ay, az
