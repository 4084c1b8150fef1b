"""The inner side of a wall: a surface moved until every point of it is a wall's thickness from the outer one.

On the line to its nearest point of the outer surface, its foot, the distance of a point falls one to one, so a vertex
that is too deep gets to the wall in one move, and that is exact: the ball around the new place lies in the ball around
the old one, so nothing else has come nearer. The surface is therefore made a trace too deep.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.foot import Feet, Ground, _to_triangle, feet
from printprep.geometry.intersect import partners
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.shells import pick

TOLERANCE_MM: Final = 0.1  # a wall this much off counts as what was asked
SETTLED_MM: Final = 1e-3
DOUBT_MM: Final = 0.01  # a thickness is asked exactly where its bounds are farther apart
TAKEN_BACK: Final = 3  # rounds; each may uncover a few more
_SHARES: Final = 8  # of faces, for threads
_TURN_COS: Final = 0.87  # of 30 degrees: feet that lie so far apart are on two sides of a ridge


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """Thickness of the wall: distances from a cavity to the outer surface, none off by more than 0.01 mm."""

    min_mm: float
    mean_mm: float  # weighted by area
    max_mm: float
    within: float  # share of the cavity's area at which the wall is within 0.1 mm of what was asked


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A surface with what is known of its distance from the outer one."""

    mesh: Mesh
    distance_mm: Float  # (n,) of each vertex from the outer surface, exact
    place: Int  # (n,) the triangle (tree order) of the outer surface that is nearest to each vertex
    deep: Bool  # (n,) vertices that are no inner side of the wall: deeper than it by more than a step of the grid


def to_the_wall(surface: Mesh, outer: Ground, guess: Int, wall_mm: float, step_mm: float) -> Standing:
    """``surface``, which runs about ``wall_mm`` inside of ``outer``, with its vertices moved to just that distance.

    Where moves make the surface cut itself, which happens in pockets narrower than the grid's step, they are taken
    back. What lies deeper than the wall by more than a step belongs to something else and stays.

    Parameters
    ----------
    surface
        Closed, outward, not cutting itself.
    outer
        The outer surface.
    guess
        (n,) a triangle (tree order) of it near the foot of each vertex, or -1.
    wall_mm, step_mm
        The distance; and how far the surface may be off it, half of which bounds every move.
    """
    found = feet(outer, surface.vertices, guess)
    vertices, distance = surface.vertices.copy(), found.distance_mm.copy()
    deep = distance > wall_mm + step_mm
    off = np.where(deep, 0.0, np.clip(wall_mm - distance, -0.5 * step_mm, 0.5 * step_mm))
    vertices += (surface.vertices - found.at) * (off / np.maximum(distance, 1e-9))[:, None]
    place = found.place
    pushed = np.flatnonzero(off > SETTLED_MM)  # away from the foot: another place may be nearer now
    if len(pushed):
        again = feet(outer, vertices[pushed], place[pushed])
        short = np.clip(wall_mm - again.distance_mm, 0.0, 0.5 * step_mm) / np.maximum(again.distance_mm, 1e-9)
        vertices[pushed] += (vertices[pushed] - again.at) * short[:, None]
        last = feet(outer, vertices[pushed], again.place)
        distance[pushed], place[pushed] = last.distance_mm, last.place
    pulled = off <= SETTLED_MM
    distance[pulled] += off[pulled]
    back = _cutting(Mesh(vertices.copy(), surface.faces), surface.vertices, found, step_mm)
    vertices[back], distance[back], place[back] = surface.vertices[back], found.distance_mm[back], found.place[back]
    return Standing(Mesh(vertices, surface.faces), distance, place, deep)


def _cutting(moved: Mesh, before: Float, found: Feet, step_mm: float) -> npt.NDArray[np.int64]:
    """Vertices that must not be moved, or the surface cuts itself.

    It is looked for at ridges only, where the feet of a triangle's corners point apart or its own direction is not
    theirs: elsewhere the surface is as smooth as a level of the distance.
    """
    doubtful = _at_ridges(moved.vertices, moved.faces, found.at, _TURN_COS)
    if not doubtful.any():
        return np.zeros(0, np.int64)
    cell = np.floor((moved.vertices - moved.bounds_mm[0]) / step_mm).astype(np.int32) + 2
    near = _beside_doubtful(moved.faces, cell, doubtful, cell.max(axis=0) + 3)
    faces = np.flatnonzero(near).astype(np.int32)
    used = np.unique(moved.faces[faces])
    part = pick(moved, faces)
    free = without_cuts(Mesh(before[used], part.faces), part.vertices)
    return np.asarray(used[(free.vertices != part.vertices).any(axis=1)])


def without_cuts(surface: Mesh, vertices: Float) -> Mesh:
    """``surface`` with moved ``vertices``, but not those of triangles that would cut others."""
    vertices = vertices.copy()
    asked: Bool | None = None
    for _ in range(TAKEN_BACK):
        cutting = partners(Mesh(vertices.copy(), surface.faces), asked=asked) >= 0
        if not cutting.any():
            break
        cut = np.zeros(len(vertices), np.bool_)
        cut[surface.faces[cutting]] = True
        vertices[cut] = surface.vertices[cut]
        asked = np.asarray(cut[surface.faces].any(axis=1))  # nothing else moved, and nothing else cut anything
    return Mesh(vertices, surface.faces)


@njit(cache=True, nogil=True)
def _at_ridges(vertices: Float, faces: Int, at: Float, least_cos: float) -> Bool:
    """(m,) triangles whose corners stand on feet in directions apart, or that do not face their feet."""
    doubtful = np.zeros(len(faces), np.bool_)
    to = np.empty((3, 3))
    for f in range(len(faces)):
        a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        nx = (b[1] - a[1]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[1] - a[1])
        ny = (b[2] - a[2]) * (c[0] - a[0]) - (b[0] - a[0]) * (c[2] - a[2])
        nz = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        normal = np.sqrt(nx * nx + ny * ny + nz * nz)
        for k in range(3):
            v = faces[f, k]
            length2 = 0.0
            for axis in range(3):
                to[k, axis] = at[v, axis] - vertices[v, axis]
                length2 += to[k, axis] ** 2
            for axis in range(3):
                to[k, axis] /= np.sqrt(length2) + 1e-12
            if nx * to[k, 0] + ny * to[k, 1] + nz * to[k, 2] < least_cos * normal:
                doubtful[f] = True
        for k in range(3):
            j = (k + 1) % 3
            if to[k, 0] * to[j, 0] + to[k, 1] * to[j, 1] + to[k, 2] * to[j, 2] < least_cos:
                doubtful[f] = True
    return doubtful


@njit(cache=True, nogil=True)
def _beside_doubtful(faces: Int, cell: Int, doubtful: Bool, shape: Int) -> Bool:
    """(m,) triangles with a corner within two cells of one that a doubtful triangle has a corner in."""
    marked = np.zeros((shape[0], shape[1], shape[2]), np.bool_)
    for f in range(len(faces)):
        if doubtful[f]:
            for k in range(3):
                i, j, h = cell[faces[f, k], 0], cell[faces[f, k], 1], cell[faces[f, k], 2]
                marked[i - 2 : i + 3, j - 2 : j + 3, h - 2 : h + 3] = True
    near = np.zeros(len(faces), np.bool_)
    for f in range(len(faces)):
        for k in range(3):
            v = faces[f, k]
            near[f] |= marked[cell[v, 0], cell[v, 1], cell[v, 2]]
    return near


def measure_wall(standing: Standing, outer: Ground, wall_mm: float) -> Wall:
    """Thickness at the vertices and face centres of a cavity where they are its wall; ``wall_mm`` was asked.

    The square of the distance less the square of the position is concave, being the least of linear functions, so the
    distances of its corners bound that of a triangle's middle from below; the triangles on which they stand bound it
    from above. Where the bounds are more than 0.01 mm apart it is asked exactly. The maximum is in corners of the
    cavity, which triangles of the grid's size cut off.
    """
    mesh = standing.mesh
    rows = mesh.faces
    if standing.deep.any() and not standing.deep.all():
        other = np.unique(rows[standing.deep[rows].any(axis=1)])  # with the fillet where it meets the wall
        beside = np.zeros(len(mesh.vertices), np.bool_)
        beside[other] = True
        rows = rows[~beside[rows].any(axis=1)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        shares = pool.map(
            lambda part: _bounds(mesh.vertices, part, standing.distance_mm, standing.place, outer.tree.corners),
            np.array_split(rows, _SHARES),
        )
        least, most, areas = (np.concatenate(column) for column in zip(*shares, strict=True))
    open_ = np.flatnonzero(most - least > DOUBT_MM)
    middle = mesh.vertices[rows[open_]].mean(axis=1)
    least[open_] = most[open_] = feet(outer, middle, standing.place[rows[open_, 0]]).distance_mm
    corner = standing.distance_mm[rows]
    return Wall(
        min_mm=float(min(least.min(), corner.min())),
        mean_mm=float(np.average(most, weights=areas)),
        max_mm=float(max(most.max(), corner.max())),
        within=float(np.average(np.abs(most - wall_mm) <= TOLERANCE_MM, weights=areas)),
    )


@njit(cache=True, nogil=True)
def _bounds(vertices: Float, faces: Int, distance: Float, place: Int, corners: Float) -> tuple[Float, Float, Float]:
    """Least and most distance of the middle of each face, and its area."""
    least, most, areas = np.empty(len(faces)), np.empty(len(faces)), np.empty(len(faces))
    for f in range(len(faces)):
        a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        nx = (b[1] - a[1]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[1] - a[1])
        ny = (b[2] - a[2]) * (c[0] - a[0]) - (b[0] - a[0]) * (c[2] - a[2])
        nz = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        areas[f] = 0.5 * np.sqrt(nx * nx + ny * ny + nz * nz)
        x, y, z = (a[0] + b[0] + c[0]) / 3.0, (a[1] + b[1] + c[1]) / 3.0, (a[2] + b[2] + c[2]) / 3.0
        below2, above2 = 0.0, np.inf
        for k in range(3):
            v = faces[f, k]
            spread2 = (vertices[v, 0] - x) ** 2 + (vertices[v, 1] - y) ** 2 + (vertices[v, 2] - z) ** 2
            below2 += (distance[v] * distance[v] - spread2) / 3.0
            if k == 0 or place[v] != place[faces[f, k - 1]]:
                _, _, _, d2 = _to_triangle(corners[place[v]], x, y, z)
                above2 = min(above2, d2)
        least[f], most[f] = np.sqrt(max(below2, 0.0)), np.sqrt(above2)
    return least, most, areas
