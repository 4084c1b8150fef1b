"""Trunks: the way from a contact down to the bed, clear of the body and of zones, or on to the body where none is.

A trunk is a head, a cone that stands on the surface along its normal or as near to it as there is room, then a pillar:
straight down; or aside by a slanted piece and then down; or, when the bed is out of reach, down to the surface below
if a person's tool gets there. Every test is on exact distances at points along it, spaced so that no wall slips
between two of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from scipy.ndimage import minimum_filter

from printprep.geometry import bvh
from printprep.geometry.columns import Columns
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.near import clear
from printprep.geometry.sight import openness

HEADS_MM: Final = (2.0, 1.2, 0.7)
"""Lengths of a head, tried in this order."""

LEAN_DEG: Final = 45.0
"""The most that a head or a slanted piece leans from the vertical, so that it carries itself; PrusaSlicer's default."""

AWAY_MM: Final = 25.0
"""How far aside a pillar may stand."""

SLIM: Final = 0.6
"""Where a pillar of full diameter finds no way, one of this share is tried."""

OPEN: Final = 0.05
"""A place from which less than this share of all directions is free is out of reach of a tool: as in a tube of 20 mm
at a depth of 30 mm."""

BASE_MM: Final = 1.0  # height of the cone in which a pillar ends on the bed; PrusaSlicer's default
_CANDIDATES: Final = 24
_STEEPEST_FOOT: Final = 0.6  # least upward part of a surface's normal on which a pillar may stand


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trunk:
    """One support."""

    contact_mm: Float  # (3,) on the surface
    out: Float  # (3,) unit, from the contact to the end of the head
    tip_mm: float  # diameter where it touches
    sunk_mm: float  # how deep its tip reaches into the body
    pillar_mm: float  # diameter
    path_mm: Float  # (k, 3) axis from the end of the head to its foot
    lands: bool  # on the body, with a tip of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What trunks may stand on."""

    floor_mm: float  # height of what stands on the bed: the top of the pad, or 0
    lower_mm: tuple[float, float]  # corners of where feet may stand
    upper_mm: tuple[float, float]
    taken_mm: tuple[tuple[float, float, float, float], ...] = ()  # x0, y0, x1, y1 on which none may


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terrain:
    """What trunks must find their way through."""

    mesh: Mesh
    tree: bvh.Tree
    grid: Columns  # with a border of at least AWAY_MM
    ground: Ground
    gap_mm: Callable[[Float], Float]  # distance of points from what must stay free of supports
    clearance_mm: float  # between a pillar and the body

    def roof(self, radius_mm: float) -> Float:
        """(nx, ny) height up to which a pillar of a radius may stand on each column."""
        cells = math.ceil(radius_mm / self.grid.step_mm)
        i, j = np.ogrid[-cells : cells + 1, -cells : cells + 1]
        disc = np.hypot(i, j) * self.grid.step_mm <= radius_mm + self.grid.step_mm / 2
        roof = np.asarray(minimum_filter(self.grid.lowest_mm, footprint=disc, mode="nearest"))
        at = [self.grid.origin_mm[k] + self.grid.step_mm * np.arange(self.grid.shape[k]) for k in range(2)]
        x, y = np.meshgrid(*at, indexing="ij")
        (x0, y0), (x1, y1) = self.ground.lower_mm, self.ground.upper_mm
        roof[(x < x0) | (x > x1) | (y < y0) | (y > y1)] = -np.inf
        for x0, y0, x1, y1 in self.ground.taken_mm:
            roof[(x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)] = -np.inf
        return roof

    def free(self, start: Float, end: Float, radius_mm: float, begin_mm: float = math.inf) -> bool:
        """Whether a bar keeps its clearance from body and zones; from ``begin_mm`` at its start on it may widen.

        Points on its axis are no farther apart than what they must keep clear, so that 1.12 times the clearance at the
        points is all of it between them.
        """
        reach = radius_mm + self.clearance_mm
        length = float(np.linalg.norm(end - start))
        count = max(2, math.ceil(length / min(reach, begin_mm)) + 1)
        share = np.linspace(0.0, 1.0, count)
        points = start + share[:, None] * (end - start)
        needed = np.minimum(1.12 * reach, begin_mm + 0.5 * share * length)
        return bool(clear(self.tree, points, needed).all() and (self.gap_mm(points) >= 1.12 * reach).all())


class Router:
    """Finds trunks for one size of pillar."""

    def __init__(self, terrain: Terrain, pillar_mm: float, sunk_mm: float) -> None:
        self._terrain = terrain
        self._pillar_mm = pillar_mm
        self._sunk_mm = sunk_mm
        self._roof = terrain.roof(pillar_mm / 2.0 + terrain.clearance_mm)
        self._around = _around(terrain.grid.step_mm)

    def to_bed(self, contact: Float, normal: Float, tip_mm: float, sunk_mm: float) -> Trunk | None:
        """A trunk that stands on the bed."""
        for out, joint in self._heads(contact, normal, tip_mm):
            path = self._way_down(joint, 0.7 * float(np.linalg.norm(joint - contact)))
            if path is not None:
                return self._trunk(contact, out, tip_mm, sunk_mm, np.vstack([joint, path]), lands=False)
        return None

    def to_body(self, contact: Float, normal: Float, tip_mm: float, sunk_mm: float) -> Trunk | None:
        """A trunk that stands on the body below the contact, where a person gets to it."""
        for out, joint in self._heads(contact, normal, tip_mm):
            foot = self._landing(joint)
            if foot is not None:
                return self._trunk(contact, out, tip_mm, sunk_mm, np.vstack([joint, foot]), lands=True)
        return None

    def _trunk(self, contact: Float, out: Float, tip_mm: float, sunk_mm: float, path: Float, *, lands: bool) -> Trunk:
        return Trunk(
            contact_mm=contact,
            out=out,
            tip_mm=tip_mm,
            sunk_mm=sunk_mm,
            pillar_mm=self._pillar_mm,
            path_mm=path,
            lands=lands,
        )

    def _heads(self, contact: Float, normal: Float, tip_mm: float) -> Iterator[tuple[Float, Float]]:
        """Directions and ends of heads that have room."""
        radius = self._pillar_mm / 2.0
        for length in HEADS_MM:
            along = np.linspace(0.15, 1.0, 6) * length
            wide = tip_mm / 2.0 + (radius - tip_mm / 2.0) * along / length
            needed = np.minimum(wide + self._terrain.clearance_mm * along / length, 0.7 * along)
            for out in _directions(normal):
                points = contact + along[:, None] * out
                if points[-1, 2] < self._terrain.ground.floor_mm + BASE_MM:
                    continue
                if not clear(self._terrain.tree, points, needed).all():
                    continue
                if (self._terrain.gap_mm(points) >= wide).all():
                    yield out, points[-1]

    def _way_down(self, joint: Float, begin_mm: float) -> Float | None:
        """Points of the axis below ``joint``, or None: straight down, else aside at the steepest lean."""
        terrain, grid, floor = self._terrain, self._terrain.grid, self._terrain.ground.floor_mm
        radius = self._pillar_mm / 2.0
        i, j = (round((joint[k] - grid.origin_mm[k]) / grid.step_mm) for k in range(2))
        if not (0 <= i < grid.shape[0] and 0 <= j < grid.shape[1]):
            return None
        foot = np.array([joint[0], joint[1], floor])
        if self._roof[i, j] >= joint[2] and terrain.free(joint, foot, radius, begin_mm):
            return foot[None]
        below = self._drop(joint, i, j)
        for share in (0.0, 0.35, 0.7):
            start = joint - np.array([0.0, 0.0, share * below])
            if share and not terrain.free(joint, start, radius, begin_mm):
                break
            fall = 1.0 / math.tan(math.radians(LEAN_DEG))
            for a, b in _free_columns(self._roof, self._around, i, j, start[2], floor + BASE_MM, fall * grid.step_mm):
                x, y = grid.origin_mm[0] + a * grid.step_mm, grid.origin_mm[1] + b * grid.step_mm
                elbow = np.array([x, y, start[2] - fall * math.hypot(x - joint[0], y - joint[1])])
                foot = np.array([x, y, floor])
                if elbow[2] <= floor + BASE_MM:
                    continue
                begin = math.inf if share else begin_mm
                if terrain.free(start, elbow, radius, begin) and terrain.free(elbow, foot, radius):
                    return np.vstack([start, elbow, foot]) if share else np.vstack([elbow, foot])
            if below < 1.0:
                break
        return None

    def _drop(self, joint: Float, i: int, j: int) -> float:
        """How far it is from a joint to the body straight below it, or to the floor."""
        grid = self._terrain.grid
        column = i * grid.shape[1] + j
        tops = grid.top_mm[grid.start[column] : grid.start[column + 1]]
        tops = tops[tops < joint[2]]
        below = float(tops[-1]) if len(tops) else self._terrain.ground.floor_mm
        return max(float(joint[2]) - below - 2.0 * self._terrain.clearance_mm, 0.0)

    def _landing(self, joint: Float) -> Float | None:
        """The place of the body's surface straight below, if it is level enough and can be reached."""
        terrain, grid = self._terrain, self._terrain.grid
        i, j = (round((joint[k] - grid.origin_mm[k]) / grid.step_mm) for k in range(2))
        column = i * grid.shape[1] + j
        rows = np.arange(grid.start[column], grid.start[column + 1])
        rows = rows[grid.top_mm[rows] < joint[2]]
        if not len(rows):
            return None
        foot = np.array([joint[0], joint[1], grid.top_mm[rows[-1]]])
        _, face, weights = bvh.nearest(terrain.tree, foot[None])
        corners = terrain.mesh.vertices[terrain.mesh.faces[face[0]]]
        foot = weights[0] @ corners
        across = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        if across[2] < _STEEPEST_FOOT * float(np.linalg.norm(across)) or np.linalg.norm(foot[:2] - joint[:2]) > 0.5:
            return None
        length = float(joint[2] - foot[2])
        if length < 1.0 or terrain.gap_mm(foot[None])[0] < self._pillar_mm / 2.0:
            return None
        rising = np.linspace(0.25, 1.0, max(4, math.ceil(2.0 * length))) * length
        points = foot + rising[:, None] * (joint - foot) / length
        reach = self._pillar_mm / 2.0 + terrain.clearance_mm
        if not clear(terrain.tree, points, np.minimum(reach, 0.6 * rising)).all():
            return None
        if not (terrain.gap_mm(points) >= reach).all():
            return None
        return foot if openness(terrain.tree, (foot + joint)[None] / 2.0)[0] >= OPEN else None


def _directions(normal: Float) -> Iterator[Float]:
    """Ways for a head, unit: along the normal as far as it may lean, straight down, then leaning to all sides."""
    lean = math.acos(min(1.0, max(-1.0, -float(normal[2]))))
    side = normal[:2] / max(float(np.linalg.norm(normal[:2])), 1e-12)
    first = min(lean, math.radians(LEAN_DEG))
    turn = math.atan2(side[1], side[0]) if lean > 1e-6 else 0.0
    yield _leaning(first, turn)
    if first > 0.05:
        yield np.array([0.0, 0.0, -1.0])
    for angle in (first / 2.0 + 0.2, math.radians(LEAN_DEG)):
        for step in range(8):
            yield _leaning(min(angle, math.radians(LEAN_DEG)), turn + step * math.pi / 4.0)


def _leaning(lean: float, turn: float) -> Float:
    return np.array([math.sin(lean) * math.cos(turn), math.sin(lean) * math.sin(turn), -math.cos(lean)])


def _around(step_mm: float) -> Float:
    """Columns around one, (n, 3) as i, j and their distance in columns, the nearest first."""
    reach = int(AWAY_MM / step_mm)
    i, j = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    away = np.hypot(i, j)
    keep = (away <= reach) & (away > 0)
    found = np.stack([i[keep], j[keep], away[keep]], axis=1)
    return np.ascontiguousarray(found[np.lexsort((found[:, 1], found[:, 0], np.round(found[:, 2], 6)))])


@njit(cache=True, nogil=True)
def _free_columns(
    roof: Float, around: Float, i: int, j: int, height: float, floor: float, fall: float
) -> list[tuple[int, int]]:
    """The nearest columns on which a pillar may stand up to where a slant from (i, j) meets it; a few, apart."""
    found = [(0, 0) for _ in range(0)]
    for k in range(len(around)):
        z = height - fall * around[k, 2]
        if z <= floor or len(found) == _CANDIDATES:
            break
        a, b = i + int(around[k, 0]), j + int(around[k, 1])
        if a < 0 or b < 0 or a >= roof.shape[0] or b >= roof.shape[1] or roof[a, b] < z:
            continue
        apart = True
        for p, q in found:
            apart = apart and (p - a) ** 2 + (q - b) ** 2 >= 16
        if apart:
            found.append((a, b))
    return found
