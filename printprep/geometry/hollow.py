"""Cavities: the space inside a solid that is farther than a wall's thickness from its surface.

The depth of every point of a grid (:mod:`printprep.geometry.offset`) has the cavity's boundary as a level; marching
cubes (Lewiner et al. 2003) finds its shape; and its vertices are moved along the line to their nearest point of the
surface until the wall is what was asked. The outer surface is not touched.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numba import njit
from skimage.measure import marching_cubes

from printprep.geometry import bvh, voxel
from printprep.geometry.foot import Ground
from printprep.geometry.mesh import Bool, Float, Int, Mesh, Point, join
from printprep.geometry.neck import NO_NECKS, Necks, close_necks
from printprep.geometry.offset import Field, deepest, depths
from printprep.geometry.topology import bodies, edges, used_vertices
from printprep.geometry.wall import Standing, Wall, measure_wall, to_the_wall

STEPS_A_WALL: Final = 8  # grid steps in the thickness of a wall
FINEST_MM: Final = 0.1
MAX_POINTS: Final = 24_000_000  # of the grid: about 0.5 GB at the peak
MIN_CAVITY_MM3: Final = 100.0  # less than 0.1 ml saves nothing and only traps
_LEVEL: Final = 0.02  # of a step deeper than the wall, so that vertices are pulled to it, which is exact


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
    dropped_mm3: tuple[float, ...] = ()  # volumes of those too small to keep
    necks: Necks = NO_NECKS
    step_mm: float  # of the grid
    deepest: tuple[float, Point] | None = None  # when there is no room: greatest depth of an inner point, mm, and where

    def without(self, cavities: set[int]) -> Hollowed:
        """The same solid with the cavities of these indices filled again."""
        return with_cavities(self, tuple(cavity for k, cavity in enumerate(self.cavities) if k not in cavities))


class GridTooCoarse(Exception):  # noqa: N818 - it is a fact about a grid, handled by the stage
    """The finest grid that memory allows cannot resolve the wall."""

    def __init__(self, step_mm: float, wall_mm: float) -> None:
        super().__init__(f"a wall of {wall_mm:g} mm needs a grid of {wall_mm / 2:g} mm, memory allows {step_mm:.2f} mm")
        self.step_mm = step_mm


def hollow(
    mesh: Mesh,
    wall_mm: float,
    *,
    step_mm: float | None = None,
    neck_mm: float = 0.0,
    min_cavity_mm3: float = MIN_CAVITY_MM3,
    max_points: int = MAX_POINTS,
) -> Hollowed:
    """Hollow a closed, outward mesh, leaving a wall of ``wall_mm`` everywhere.

    Parameters
    ----------
    mesh
        Closed and wound outward; several bodies may overlap.
    wall_mm
        Thickness that stays.
    step_mm
        Of the grid; else an eighth of the wall.
    neck_mm
        What is joined only through a neck narrower than this becomes two cavities, see
        :mod:`printprep.geometry.neck`; 0: necks of any width stay.
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
    step_mm = voxel.step_for(mesh, step_mm or max(FINEST_MM, wall_mm / STEPS_A_WALL), max_points)
    if step_mm > wall_mm / 2.0:
        raise GridTooCoarse(step_mm, wall_mm)
    grid = voxel.Grid.around(mesh, step_mm)
    with ThreadPoolExecutor(1) as pool:
        within = pool.submit(voxel.inside, mesh, grid)
        ground = Ground.of(mesh)
        found = depths(ground, grid, within.result(), wall_mm)
    necks = close_necks(found.field, grid, neck_mm, wall_mm) if neck_mm > 0 else NO_NECKS
    solid = Hollowed(mesh=mesh, outer=len(mesh), cavities=(), necks=necks, step_mm=step_mm)
    if not (found.field > _LEVEL * step_mm).any():
        return replace(solid, deepest=deepest(mesh, ground, grid))
    surface, guess = _boundary(found.field, found.near, grid)
    standing = to_the_wall(surface, ground, guess, wall_mm, step_mm)
    spaces = _spaces(standing, step_mm**3)
    kept = tuple(_cavity(s, v, ground, wall_mm) for v, s in spaces if v >= min_cavity_mm3)
    dropped = tuple(v for v, _ in spaces if v < min_cavity_mm3)
    solid = replace(solid, dropped_mm3=dropped)
    return with_cavities(solid, kept) if kept else solid


def with_cavities(hollowed: Hollowed, cavities: tuple[Cavity, ...]) -> Hollowed:
    """The same solid with other cavities."""
    outer = used_vertices(Mesh(hollowed.mesh.vertices, hollowed.mesh.faces[: hollowed.outer]))
    mesh = join([outer, *(cavity.mesh.flipped() for cavity in cavities)]) if cavities else outer
    return replace(hollowed, mesh=mesh, cavities=cavities)


def _boundary(field: Field, near: Int, grid: voxel.Grid) -> tuple[Mesh, Int]:
    """Where the field is a trace above zero, the cavity its inside; and a triangle near the foot of each vertex."""
    at, faces, _, _ = marching_cubes(field, level=_LEVEL * grid.step_mm, gradient_direction="ascent")  # type: ignore[no-untyped-call]
    guess = near[tuple((at // 2).astype(np.int64).T)]
    surface = Mesh(np.array(grid.origin_mm) + at.astype(np.float64) * grid.step_mm, faces.astype(np.int32))
    return surface, guess


def _spaces(standing: Standing, grain_mm3: float) -> list[tuple[float, list[Standing]]]:
    """The closed spaces that a surface bounds with their volumes, largest first: the outer shell of each, then islands.

    A shell of negative volume is an island of wall inside a space (around a void that the part came with); it goes to
    the smallest space around it. Shells of less than ``grain_mm3`` are rounding and left out.
    """
    mesh = standing.mesh
    label, count = bodies(edges(mesh))
    volumes = _volumes(mesh.vertices, mesh.faces, label, count)
    order = [int(n) for n in np.argsort(-np.abs(volumes), kind="stable")]
    spaces = [(float(volumes[n]), [_part(standing, label == n)]) for n in order if volumes[n] > grain_mm3]
    for n in (n for n in order if volumes[n] < -grain_mm3):
        island = _part(standing, label == n)
        probe = island.mesh.vertices[:1]
        around = [k for k, (_, s) in enumerate(spaces) if bvh.winding(bvh.build(s[0].mesh), probe)[0] > 0]
        if around:
            outer_mm3, shells = spaces[around[-1]]
            spaces[around[-1]] = outer_mm3 + float(volumes[n]), [*shells, island]
    return sorted(spaces, key=lambda space: -space[0])


@njit(cache=True, nogil=True)
def _volumes(vertices: Float, faces: Int, label: Int, count: int) -> Float:
    """(count,) signed volume that each closed shell bounds, by the divergence theorem."""
    volumes = np.zeros(count)
    origin = vertices[0]
    for f in range(len(faces)):
        a, b, c = vertices[faces[f, 0]] - origin, vertices[faces[f, 1]] - origin, vertices[faces[f, 2]] - origin
        x, y, z = b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]
        if label[f] >= 0:
            volumes[label[f]] += (a[0] * x + a[1] * y + a[2] * z) / 6.0
    return volumes


@njit(cache=True, nogil=True)
def _area_mm2(vertices: Float, faces: Int) -> float:
    total = 0.0
    for f in range(len(faces)):
        a = vertices[faces[f, 0]]
        b, c = vertices[faces[f, 1]] - a, vertices[faces[f, 2]] - a
        x, y, z = b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]
        total += 0.5 * np.sqrt(x * x + y * y + z * z)
    return total


def _part(standing: Standing, chosen: Bool) -> Standing:
    """The chosen faces (m,) with the vertices they use."""
    if chosen.all():
        return standing
    faces = standing.mesh.faces[chosen]
    used = np.zeros(len(standing.mesh.vertices), np.bool_)
    used[faces.reshape(-1)] = True
    renumbered = np.cumsum(used, dtype=np.int32) - np.int32(1)
    mesh = Mesh(standing.mesh.vertices[used], renumbered[faces])
    return Standing(mesh, standing.distance_mm[used], standing.place[used], standing.deep[used])


def _cavity(shells: list[Standing], volume_mm3: float, ground: Ground, wall_mm: float) -> Cavity:
    mesh = join([shell.mesh for shell in shells]) if len(shells) > 1 else shells[0].mesh
    whole = Standing(
        mesh,
        np.concatenate([shell.distance_mm for shell in shells]),
        np.concatenate([shell.place for shell in shells]),
        np.concatenate([shell.deep for shell in shells]),
    )
    wall = measure_wall(whole, ground, wall_mm)
    islands = tuple(shell.mesh for shell in shells[1:])
    return Cavity(
        mesh=mesh, volume_mm3=volume_mm3, area_mm2=_area_mm2(mesh.vertices, mesh.faces), wall=wall, islands=islands
    )
