"""Volumetric rebuild: the surface of what is matter, anew on a grid, with its vertices pulled onto the source.

Matter is where the source goes around a point at least once, by signed crossings along scan lines; the source must
be closed and wound alike, or signs would leak. Only the grid points on both sides of the surface get a distance, and
marching cubes (Lewiner et al., Efficient Implementation of Marching Cubes' Cases with Topological Guarantees, 2003)
reads no others. Vertices then go to the exactly nearest point of the source's skin. What is left of the grid is
that edges between its vertices cut corners.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from skimage.measure import marching_cubes

from printprep.geometry import voxel
from printprep.geometry.areas import face_normals
from printprep.geometry.bvh import Tree, build, nearest
from printprep.geometry.matter import Matter, counted, matter_of
from printprep.geometry.mesh import Bool, Float, Mesh
from printprep.geometry.shells import by_body, pick, reaching
from printprep.geometry.topology import edges, used_vertices
from printprep.geometry.wall import without_cuts
from printprep.geometry.winding import part, twins

MOST_POINTS: Final = 24_000_000
"""Of one grid: five bytes a point."""
GRAIN_STEPS3: Final = 8.0
"""A shell of less volume, in cells of the grid, is none that the grid can show."""
INVERTED_SHARE: Final = 0.02
"""Bubbles that a surface goes around the wrong way become void; of more volume than this share it is a guess."""
_ASIDE_MM = 1e-3  # to either side of a surface, to ask what is there
_TINY = 1e-3  # of a step: a value of zero would give marching cubes triangles without area


def skin(mesh: Mesh, matter: Matter | None = None) -> Mesh:
    """The faces of a closed mesh that part matter (enclosed at least once) from void, at least somewhere.

    What lies wholly in matter, where bodies overlap, would draw the pulled vertices inward. Without ``matter`` the
    windings of all shells are added up.
    """
    corners = mesh.triangles
    aside = _ASIDE_MM * face_normals(corners)
    middle = corners.mean(axis=1, keepdims=True)
    asked = np.concatenate([middle, corners + 0.1 * (middle - corners)], axis=1)  # (m, 4, 3)
    matter = Matter(build(mesh)) if matter is None else matter
    front, back = (matter.at((asked + side * aside[:, None]).reshape(-1, 3)).reshape(-1, 4) for side in (1.0, -1.0))
    parting = (front != back).any(axis=1)
    return used_vertices(Mesh(mesh.vertices, mesh.faces[parting])) if parting.any() else mesh


def rebuild(mesh: Mesh, step_mm: float, box_mm: Float | None = None) -> Mesh:
    """The surface of the matter of ``mesh``, anew.

    Parameters
    ----------
    mesh
        Closed, every shell wound alike, mm. Cavities face in. With a box one body, without it any number: each counts
        for itself (:mod:`printprep.geometry.matter`).
    step_mm
        Of the grid; the caller keeps it to :data:`MOST_POINTS` (:func:`printprep.geometry.voxel.step_for`).
    box_mm
        (2, 3) only what is in this box, cut off flat up to four steps beyond it; None for all.

    Returns
    -------
    Mesh
        Closed and outward; without faces when no grid point is in the matter. Shells of less than
        :data:`GRAIN_STEPS3` cells are left out.
    """
    grid = _grid(box_mm, step_mm) if box_mm is not None else voxel.Grid.around(mesh, step_mm)
    near = mesh if box_mm is None else _reaching(mesh, box_mm, 4 * step_mm)
    alone = counted(mesh) if box_mm is None else None
    matter = voxel.inside(near, grid, alone).astype(np.bool_) if len(near) else np.zeros(grid.shape, np.bool_)
    for axis in range(3):
        border = np.moveaxis(matter, axis, 0)
        border[0] = border[-1] = False
    if not matter.any():
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    tree = build(skin(near, matter_of(mesh) if box_mm is None else None))
    surface = _without_grains(_boundary(_field(matter, tree, grid), grid), GRAIN_STEPS3 * step_mm**3)
    return _pulled(surface, tree, step_mm) if len(surface) else surface


def _grid(box_mm: Float, step_mm: float) -> voxel.Grid:
    """Grid over a box with two points beyond it on every side."""
    corners = Mesh(box_mm, np.zeros((0, 3), np.int32))
    return voxel.Grid.around(corners, step_mm, border=3)


def _reaching(mesh: Mesh, box_mm: Float, margin_mm: float) -> Mesh:
    """The faces over and under a box along z: all that scan lines through the box can meet."""
    lower, upper = box_mm[0] - margin_mm, box_mm[1] + margin_mm
    lower[2], upper[2] = -np.inf, np.inf
    return used_vertices(Mesh(mesh.vertices, mesh.faces[reaching(mesh.vertices, mesh.faces, lower, upper)]))


def _field(matter: Bool, tree: Tree, grid: voxel.Grid) -> npt.NDArray[np.float32]:
    """Signed distance, positive in the matter: exact at both ends of grid lines that leave it, a step elsewhere."""
    step = grid.step_mm
    field = np.where(matter, np.float32(step), np.float32(-step))
    crossed = np.zeros_like(matter)
    for axis in range(3):
        m, c = np.moveaxis(matter, axis, 0), np.moveaxis(crossed, axis, 0)
        change = m[1:] != m[:-1]
        c[1:] |= change
        c[:-1] |= change
    distance = nearest(tree, grid.points_mm(np.argwhere(crossed)))[0]
    distance = np.clip(distance, _TINY * step, step).astype(np.float32)
    field[crossed] = np.where(matter[crossed], distance, -distance)
    return field


def _boundary(field: npt.NDArray[np.float32], grid: voxel.Grid) -> Mesh:
    """Where the field is zero, outward, with surfaces that only touch apart."""
    vertices, faces, _, _ = marching_cubes(  # type: ignore[no-untyped-call]
        field, level=0.0, gradient_direction="ascent", allow_degenerate=False
    )
    surface = Mesh(np.array(grid.origin_mm) + vertices.astype(np.float64) * grid.step_mm, faces.astype(np.int32))
    surface = surface if surface.volume_mm3 >= 0 else surface.flipped()
    return part(surface, twins(surface, edges(surface)))


def _without_grains(surface: Mesh, grain_mm3: float) -> Mesh:
    groups = by_body(surface)
    if len(groups) == 1:
        return surface
    kept = np.zeros(len(surface), np.bool_)
    for faces in groups:
        kept[faces] = abs(pick(surface, faces).volume_mm3) >= grain_mm3
    return used_vertices(Mesh(surface.vertices, surface.faces[kept]))


def _pulled(surface: Mesh, tree: Tree, step_mm: float) -> Mesh:
    """``surface`` with vertices no farther than a step from the source moved onto it, where it does not cut itself."""
    distance, face, weights = nearest(tree, surface.vertices)
    place = np.empty(len(tree.face), np.int64)
    place[tree.face] = np.arange(len(tree.face))
    target = np.einsum("nk,nkc->nc", weights, tree.corners[place[face]])
    vertices = np.where((distance <= 0.87 * step_mm)[:, None], target, surface.vertices)
    return without_cuts(surface, vertices)
