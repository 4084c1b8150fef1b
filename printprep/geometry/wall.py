"""The inner side of a wall: a surface moved until every point of it is a wall's thickness from the outer one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.geometry import bvh
from printprep.geometry.intersect import self_intersecting
from printprep.geometry.mesh import Float, Mesh

TOLERANCE_MM: Final = 0.1  # a wall this much off counts as what was asked
SETTLED_MM: Final = 1e-3
MOVES: Final = 3
TAKEN_BACK: Final = 3  # rounds; each may uncover a few more


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """Measured thickness of the wall: exact distances from a cavity to the outer surface."""

    min_mm: float
    mean_mm: float  # weighted by area
    max_mm: float
    within: float  # share of the cavity's area at which the wall is within 0.1 mm of what was asked


def measure_wall(cavity: Mesh, outer: bvh.Tree, wall_mm: float) -> Wall:
    """Distances of a cavity's vertices and face centres from the outer surface, exact; ``wall_mm`` was asked.

    The maximum is in corners of the cavity, which triangles of the grid's size cut off.
    """
    corners = cavity.triangles
    distance, _, _ = bvh.nearest(outer, np.concatenate([cavity.vertices, corners.mean(axis=1)]))
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    centre = distance[len(cavity.vertices) :]
    return Wall(
        min_mm=float(distance.min()),
        mean_mm=float(np.average(centre, weights=areas)),
        max_mm=float(distance.max()),
        within=float(np.average(np.abs(centre - wall_mm) <= TOLERANCE_MM, weights=areas)),
    )


def to_the_wall(surface: Mesh, outer: bvh.Tree, wall_mm: float, step_mm: float) -> Mesh:
    """``surface``, which runs about ``wall_mm`` inside of ``outer``, with its vertices moved to just that distance.

    On the line to the nearest point of the outer surface the distance falls one to one, so a vertex that is too deep
    gets there in one move; one that is not deep enough moves away and may come near to another place, so it is asked
    again. Where moves make the surface cut itself, which happens in pockets narrower than the grid's step, they are
    taken back.

    Parameters
    ----------
    surface
        Closed, outward, not cutting itself.
    outer
        Tree of the outer surface.
    wall_mm, step_mm
        The distance; and how far the surface may be off it, half of which bounds every move.
    """
    place = np.empty(len(outer.face), np.int64)
    place[outer.face] = np.arange(len(outer.face))
    vertices = surface.vertices.copy()
    active = np.arange(len(vertices))
    for _ in range(MOVES):
        points = vertices[active]
        distance, face, weights = bvh.nearest(outer, points)
        away = points - np.einsum("nk,nkc->nc", weights, outer.corners[place[face]])
        off = wall_mm - distance
        far = np.abs(off) > SETTLED_MM
        share = np.clip(off[far], -0.5 * step_mm, 0.5 * step_mm) / np.maximum(distance[far], 1e-9)
        active = active[far]
        vertices[active] += away[far] * share[:, None]
        if not len(active):
            break
    return without_cuts(surface, vertices)


def without_cuts(surface: Mesh, vertices: Float) -> Mesh:
    """``surface`` with moved ``vertices``, but not those of triangles that would cut others."""
    vertices = vertices.copy()
    for _ in range(TAKEN_BACK):
        cut = np.unique(surface.faces[self_intersecting(Mesh(vertices.copy(), surface.faces))])
        if not len(cut):
            break
        vertices[cut] = surface.vertices[cut]
    return Mesh(vertices, surface.faces)
