"""Points spread over a whole surface, none far from the next, each with its share of the area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from printprep.geometry.bvh import Tree, build
from printprep.geometry.mesh import Float, Int, Mesh

MOST: Final = 2_000_000
"""Long faces are cut to no more pieces than this beyond the faces of the mesh."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Spread:
    """The middle of every face, or of the pieces of a long one, in the order of a tree: neighbours are near."""

    mesh: Mesh
    tree: Tree  # of the mesh
    points: Float  # (n, 3) mm
    row: Int  # (n,) place in the tree of the face that holds the point
    area_mm2: Float  # (n,) of its piece

    @property
    def face(self) -> Int:
        """(n,) index in the mesh of the face that holds the point."""
        return np.asarray(self.tree.face[self.row])


@njit(cache=True, nogil=True)
def _area(t: Float) -> float:
    """Area of a triangle (3, 3)."""
    ux, uy, uz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
    vx, vy, vz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    area: float = 0.5 * np.sqrt(x * x + y * y + z * z)
    return area


@njit(cache=True, nogil=True)
def _longest(t: Float) -> tuple[int, float]:
    """The longest edge of a triangle (3, 3), by its first corner, and its length squared."""
    edge, longest2 = 0, -1.0
    for e in range(3):
        f = (e + 1) % 3
        length2 = (t[f, 0] - t[e, 0]) ** 2 + (t[f, 1] - t[e, 1]) ** 2 + (t[f, 2] - t[e, 2]) ** 2
        if length2 > longest2:
            edge, longest2 = e, length2
    return edge, longest2


@njit(cache=True, nogil=True)
def _pieces(corners: Float, allowed2: float, points: Float, owner: Int, areas: Float, most: int) -> int:
    """Cut triangles at their longest edge until none is longer than allowed; how many pieces that makes.

    Pieces beyond the length of ``points`` are counted only, and counting ends above ``most``.
    """
    stack = np.empty((96, 3, 3))
    count = 0
    for s in range(len(corners)):
        for c in range(3):
            for k in range(3):
                stack[0, c, k] = corners[s, c, k]
        top = 1
        while top > 0:
            top -= 1
            t, other = stack[top], stack[top + 1]
            first, longest2 = _longest(t)
            if longest2 > allowed2 and top < 94:
                second = (first + 1) % 3
                for k in range(3):
                    middle = 0.5 * (t[first, k] + t[second, k])
                    for c in range(3):
                        other[c, k] = t[c, k]
                    other[second, k] = middle
                    t[first, k] = middle
                top += 2
                continue
            if count < len(points):
                for k in range(3):
                    points[count, k] = (t[0, k] + t[1, k] + t[2, k]) / 3.0
                owner[count] = s
                areas[count] = _area(t)
            count += 1
            if count > most:
                return count
    return count


def spread(mesh: Mesh, spacing_mm: float) -> Spread:
    """Spread points over ``mesh``, which is finite and has a face: no piece longer than ``spacing_mm``.

    Where that would make more than :data:`MOST` pieces, they are larger.
    """
    tree = build(mesh)
    none, nobody = np.empty((0, 3)), np.empty(0, np.int32)
    most = len(mesh) + MOST
    # a triangle with no edge over s has at most sqrt(3) / 4 s^2 of area
    spacing = max(float(spacing_mm), float(np.sqrt(mesh.area_mm2 / (0.433 * most))))
    while (count := _pieces(tree.corners, spacing**2, none, nobody, np.empty(0), most)) > most:
        spacing *= 2.0
    points, row, areas = np.empty((count, 3)), np.empty(count, np.int32), np.empty(count)
    _pieces(tree.corners, spacing**2, points, row, areas, most)
    return Spread(mesh=mesh, tree=tree, points=points, row=row, area_mm2=areas)
