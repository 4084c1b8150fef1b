"""Cavities: the space inside a solid that is farther than a wall's thickness from its surface.

A coarse distance everywhere, from the grid points next to the surface by a Euclidean distance transform, says where
the cavity's boundary may run; there the distance is computed exactly, point to triangle; marching cubes (Lewiner et al.
2003) finds the boundary's shape; and its vertices are moved along the line to their nearest point of the surface until
the wall is what was asked. The outer surface is not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import edt
import numpy as np
import numpy.typing as npt
from skimage.measure import marching_cubes

from printprep.geometry import bvh, voxel
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.shells import by_body, pick
from printprep.geometry.wall import Wall, measure_wall, to_the_wall

STEPS_A_WALL: Final = 5  # grid steps in the thickness of a wall
FINEST_MM: Final = 0.1
MAX_POINTS: Final = 24_000_000  # of the grid: about 0.5 GB at the peak
MIN_CAVITY_MM3: Final = 100.0  # less than 0.1 ml saves nothing and only traps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cavity:
    """One closed space inside. ``mesh`` is wound outward like a solid of its own, so its volume is positive."""

    mesh: Mesh
    volume_mm3: float
    area_mm2: float
    wall: Wall
    islands: tuple[Mesh, ...] = ()  # wall around voids that the part came with, loose in the middle of the cavity


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hollowed:
    """A solid with its cavities."""

    mesh: Mesh  # the outer triangles first, bit for bit; then the cavities', turned inward
    outer: int  # how many triangles are the outer ones
    cavities: tuple[Cavity, ...]  # the largest first
    dropped_mm3: tuple[float, ...]  # volumes of those too small to keep
    step_mm: float  # of the grid
    thickest_mm: float  # greatest distance of an inner point from the surface, to half a cell's diagonal


class GridTooCoarse(Exception):  # noqa: N818 - it is a fact about a grid, handled by the stage
    """The finest grid that memory allows cannot resolve the wall."""

    def __init__(self, step_mm: float, wall_mm: float) -> None:
        super().__init__(f"a wall of {wall_mm:g} mm needs a grid of {wall_mm / 2:g} mm, memory allows {step_mm:.2f} mm")
        self.step_mm = step_mm


def hollow(
    mesh: Mesh, wall_mm: float, *, min_cavity_mm3: float = MIN_CAVITY_MM3, max_points: int = MAX_POINTS
) -> Hollowed:
    """Hollow a closed, outward mesh, leaving a wall of ``wall_mm`` everywhere.

    Parameters
    ----------
    mesh
        Closed and wound outward; several bodies may overlap.
    wall_mm
        Thickness that stays.
    min_cavity_mm3
        Cavities with less are filled again, and listed.
    max_points
        Of the grid. A grid that would need more is made coarser; the wall is exact all the same, but a corner of a
        cavity is cut off by up to half a step, and a cavity narrower than a step may be missed.

    Returns
    -------
    Hollowed
        Without cavities when the wall is thicker than the part.

    Raises
    ------
    GridTooCoarse
        Fewer than two grid steps in the wall.
    """
    step_mm = voxel.step_for(mesh, max(FINEST_MM, wall_mm / STEPS_A_WALL), max_points)
    if step_mm > wall_mm / 2.0:
        raise GridTooCoarse(step_mm, wall_mm)
    grid = voxel.Grid.around(mesh, step_mm)
    tree = bvh.build(mesh)
    field, thickest_mm = _field(mesh, tree, grid, wall_mm)
    if not (field > 0).any():
        return Hollowed(
            mesh=mesh, outer=len(mesh), cavities=(), dropped_mm3=(), step_mm=step_mm, thickest_mm=thickest_mm
        )
    surface = to_the_wall(_boundary(field, grid), tree, wall_mm, step_mm)
    del field
    spaces = _spaces(surface, step_mm**3)
    kept = tuple(_cavity(s, tree, wall_mm) for s in spaces if join(s).volume_mm3 >= min_cavity_mm3)
    inward = [c.mesh.flipped() for c in kept]
    return Hollowed(
        mesh=join([mesh, *inward]) if kept else mesh,
        outer=len(mesh),
        cavities=kept,
        dropped_mm3=tuple(v for v in (join(s).volume_mm3 for s in spaces) if v < min_cavity_mm3),
        step_mm=step_mm,
        thickest_mm=thickest_mm,
    )


def _field(mesh: Mesh, tree: bvh.Tree, grid: voxel.Grid, wall_mm: float) -> tuple[npt.NDArray[np.float32], float]:
    """Distance from the surface less the wall, positive in the cavity; exact wherever its sign changes.

    The transform's distance errs by less than ``voxel.COVER_STEPS``. First the points whose sign that leaves open are
    settled, then those at the ends of every grid line that crosses the boundary, which is all that marching cubes
    reads a value from.
    """
    step = grid.step_mm
    within = voxel.inside(mesh, grid).astype(np.bool_)
    seeds = voxel.near_surface(mesh, grid)
    field = edt.edt(seeds == 0, anisotropy=(step, step, step), black_border=False, order="C", parallel=1)
    del seeds
    thickest_mm = float(field[within].max(initial=0.0))
    field -= np.float32(wall_mm)
    settled = within & (np.abs(field) <= np.float32(voxel.COVER_STEPS * step))
    _settle(field, settled, tree, grid, wall_mm)
    np.minimum(field, np.float32(-0.5 * step), out=field, where=~within)
    crossed = _crossed(field > 0) & within & ~settled
    _settle(field, crossed, tree, grid, wall_mm)
    tiny = np.float32(1e-3 * step)  # a value of zero would give marching cubes triangles without area
    field[np.abs(field) < tiny] = tiny
    return field, thickest_mm


def _settle(
    field: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_], tree: bvh.Tree, grid: voxel.Grid, wall_mm: float
) -> None:
    """Put exact values into the points of ``mask``."""
    index = np.argwhere(mask)
    if len(index):
        distance, _, _ = bvh.nearest(tree, grid.points_mm(index))
        field[mask] = distance - wall_mm


def _crossed(positive: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Grid points with a neighbour along an axis on the other side."""
    crossed = np.zeros_like(positive)
    for axis in range(3):
        one, other = [slice(None)] * 3, [slice(None)] * 3
        one[axis], other[axis] = slice(1, None), slice(None, -1)
        change = positive[tuple(one)] != positive[tuple(other)]
        crossed[tuple(one)] |= change
        crossed[tuple(other)] |= change
    return crossed


def _boundary(field: npt.NDArray[np.float32], grid: voxel.Grid) -> Mesh:
    """Where the field is zero, wound so that the cavity is its inside."""
    vertices, faces, _, _ = marching_cubes(field, level=0.0, gradient_direction="ascent")  # type: ignore[no-untyped-call]
    surface = Mesh(np.array(grid.origin_mm) + vertices.astype(np.float64) * grid.step_mm, faces.astype(np.int32))
    return surface if surface.volume_mm3 >= 0 else surface.flipped()


def _spaces(surface: Mesh, grain_mm3: float) -> list[list[Mesh]]:
    """The closed spaces that ``surface`` bounds, the largest first: the outer shell of each, then islands in it.

    A shell of negative volume is an island of wall inside a space (around a void that the part came with); it goes to
    the smallest space around it. Shells of less than ``grain_mm3`` are rounding and left out.
    """
    shells = (pick(surface, faces) for faces in by_body(surface))
    sized = sorted(((shell.volume_mm3, shell) for shell in shells), key=lambda pair: -abs(pair[0]))
    spaces = [[shell] for volume, shell in sized if volume > grain_mm3]
    for island in (shell for volume, shell in sized if volume < -grain_mm3):
        around = [s for s in spaces if bvh.winding(bvh.build(s[0]), island.vertices[:1])[0] > 0]
        if around:
            around[-1].append(island)
    return sorted(spaces, key=lambda shells: -join(shells).volume_mm3)


def _cavity(shells: list[Mesh], tree: bvh.Tree, wall_mm: float) -> Cavity:
    mesh = join(shells)
    wall = measure_wall(mesh, tree, wall_mm)
    return Cavity(mesh=mesh, volume_mm3=mesh.volume_mm3, area_mm2=mesh.area_mm2, wall=wall, islands=tuple(shells[1:]))
