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

from printprep.geometry.areas import face_normals
from printprep.geometry.balls import largest
from printprep.geometry.bvh import Tree, build, order
from printprep.geometry.measure import sample
from printprep.geometry.mesh import Float, Int, Mesh, as_point
from printprep.geometry.shape import Thickness
from printprep.geometry.spread import Spread, spread

POINTS: Final = 5000
"""Where a whole part is measured for its figures: enough for 5 % of it, not for a thin place, which walls find."""


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
    found, across = largest(over.tree, face_normals(over.tree.corners), over.points, over.row, cap)
    return Walls(spread=over, thickness_mm=found, across=across, cap_mm=cap)


def thickness(mesh: Mesh, points: int = POINTS, seed: int = 0) -> Thickness | None:
    """How thick the solid that ``mesh`` bounds is, at ``points`` spread evenly over its surface; None: nowhere known.

    Parameters
    ----------
    mesh
        As for :func:`walls`.
    points, seed
        How many, and of their random places. A thinner place between two of them is not seen; :func:`walls` sees all.
    """
    taken = sample(mesh, points, seed)
    tree = build(mesh)
    normals = face_normals(tree.corners)
    row = np.empty(len(mesh), np.int32)
    row[tree.face] = np.arange(len(mesh), dtype=np.int32)
    places = taken.points[taken.even]
    owner = row[taken.face[taken.even]]
    near = order(places) if len(places) else np.zeros(0, np.int64)
    found, _ = largest(tree, normals, places[near], owner[near], float(np.linalg.norm(mesh.size_mm)))
    known = np.isfinite(found)
    if not known.any():
        return None
    most = float(found[known].max())
    low, middle = np.percentile(np.where(known, found, most), [5, 50])
    thinnest = int(np.argmin(found))
    return Thickness(
        min_mm=float(found[thinnest]),
        p05_mm=float(low),
        median_mm=float(middle),
        where_mm=as_point(places[near][thinnest]),
        points=len(places),
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
        near = order(points) if len(points) else np.zeros(0, np.int64)
        found, _ = largest(self._tree, self._normals, points[near], self._row[face[near]], cap_mm)
        thickness_mm = np.empty(len(points))
        thickness_mm[near] = found
        return thickness_mm
