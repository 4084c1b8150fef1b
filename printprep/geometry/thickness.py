"""Wall thickness: at every point of a surface the largest ball inside the solid that touches it there.

The ball shrinks from a given size until nothing cuts into it (Ma, Bae and Choi, 3D medial axis point approximation
using nearest neighbors and the normal field, The Visual Computer 28, 2012); its diameter is the thickness. Two things
differ from that paper. The nearest point is exact, on triangles and not among samples, so plates and tubes come out
exact to rounding; and all triangles are met in one walk through the tree of boxes, whose cut-off is the shrinking ball
itself, so a limit of a millimetre makes the search local. A ball was taken and not a bundle of rays because it needs
no average that would blur a thin place with the thick one beside it.

At a convex edge every inscribed ball is as small as one likes, though no wall is thin there. So only a wall's other
side can stop the ball: a triangle that faces the other way by more than 120 degrees, met within 37 degrees of straight
down. Of edges only those sharper than 60 degrees are thin then, and these truly are, in a strip; how wide it is allowed
to be is a matter of :mod:`printprep.geometry.thin`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from printprep.geometry.bvh import LEAF, Tree, _box_distance2, _closest_on_triangle
from printprep.geometry.mesh import Float, Int, Mesh
from printprep.geometry.spread import Spread, face_normals, spread

FACING: Final = -0.5
"""Cosine between the normals of two sides of a wall is below this: they are more than 120 degrees apart."""

STRAIGHT: Final = 0.8
"""Cosine between the inward normal and the way to the other side is above this: within 37 degrees."""


SAME: Final = 1e-18
"""Squared: points nearer to each other than this share of a ball's radius are the same."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Walls:
    """Thickness at points spread over a surface: the middle of every face, or of pieces of a long one."""

    spread: Spread  # the n points
    thickness_mm: Float  # (n,) inf where it is more than cap_mm
    across: Int  # (n,) face on the other side of the wall, -1 where it is thicker than cap_mm
    cap_mm: float

    @property
    def by_vertex_mm(self) -> Float:
        """(k,) thickness at each vertex of the mesh: the least of the faces around it; inf for unused ones."""
        mesh = self.spread.mesh
        result = np.full(len(mesh.vertices), np.inf)
        for corner in range(3):
            np.minimum.at(result, mesh.faces[self.spread.face, corner], self.thickness_mm)
        return result


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
def _thickness(
    points: Float, owner: Int, normals: Float, corners: Float, boxes: Float, cap: float
) -> tuple[Float, Int]:
    """Diameter of the largest ball at each point, inf above ``cap``, and the triangle that stops it, or -1."""
    leaves = (len(boxes) + 1) // 2
    thickness = np.full(len(points), np.inf)
    across = np.full(len(points), -1, np.int32)
    stack = np.empty(128, np.int64)
    for i in range(len(points)):
        p, n = points[i], normals[owner[i]]
        if n[0] == 0.0 and n[1] == 0.0 and n[2] == 0.0:
            continue
        r = 0.5 * cap
        stack[0] = 0
        top = 1
        while top > 0:
            top -= 1
            box = stack[top]
            x, y, z = p[0] - r * n[0], p[1] - r * n[1], p[2] - r * n[2]
            if _box_distance2(boxes, box, x, y, z) > r * r * (1.0 + 1e-9):  # what lies on p itself counts
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
                        across[i] = s
                continue
            near, far = 2 * box + 1, 2 * box + 2
            if _box_distance2(boxes, far, x, y, z) < _box_distance2(boxes, near, x, y, z):
                near, far = far, near
            stack[top], stack[top + 1] = far, near
            top += 2
        if across[i] >= 0:
            thickness[i] = 2.0 * r
    return thickness, across


def walls(mesh: Mesh, cap_mm: float | None = None, spacing_mm: float = 1.0) -> Walls:
    """Thickness of the solid that ``mesh`` bounds, all over its surface.

    Exact for the triangles as they are: plates, and cavities in blocks, to 1e-9 of their thickness. Round things are as
    exact as their facets: the wall of a tube of 96 sides to 1e-3, the diameter of a sphere of 8,192 faces to 1 %, with
    the square of the facets' size.

    Parameters
    ----------
    mesh
        Closed, faces outward, finite, at least one face.
    cap_mm
        Thicker than this is not measured; the less, the faster. None: everything.
    spacing_mm
        Faces with a longer edge are measured in pieces of at most this, so that a coarse mesh is measured everywhere.

    Raises
    ------
    ValueError
        A cap or spacing that is not positive.
    """
    cap = float(np.linalg.norm(mesh.size_mm) if cap_mm is None else cap_mm)
    if not (cap > 0 and spacing_mm > 0):
        raise ValueError(f"cap and spacing must be positive, not {cap:g} and {spacing_mm:g} mm")
    over = spread(mesh, spacing_mm)
    tree = over.tree
    normals = face_normals(tree.corners)
    thickness, across = _thickness(over.points, over.row, normals, tree.corners, tree.boxes, cap)
    return Walls(
        spread=over,
        thickness_mm=thickness,
        across=np.where(across >= 0, tree.face[across], -1).astype(np.int32),
        cap_mm=cap,
    )


class Gauge:
    """Measures the thickness at single points of a surface."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._normals = face_normals(tree.corners)
        self._row = np.empty(len(tree.face), np.int32)
        self._row[tree.face] = np.arange(len(tree.face), dtype=np.int32)

    def measure(self, points: Float, face: Int, cap_mm: float) -> Float:
        """(n,) thickness at points (n, 3), each on the given face; inf where more than ``cap_mm``."""
        tree = self._tree
        points = np.ascontiguousarray(points)
        return np.asarray(_thickness(points, self._row[face], self._normals, tree.corners, tree.boxes, cap_mm)[0])
