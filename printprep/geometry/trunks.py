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
from itertools import islice
from typing import Final

import numpy as np
from numba import njit
from scipy.ndimage import minimum_filter

from printprep.geometry import bvh
from printprep.geometry.columns import Columns
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.near import BETWEEN, _bar_clear, bar_clear, clear
from printprep.geometry.sight import openness

HEADS_MM: Final = (2.0, 1.2, 0.7)
"""Lengths of a head, tried in this order."""

LEAN_DEG: Final = 45.0
"""The most that a head or a slanted piece leans from the vertical, so that it carries itself; PrusaSlicer's default."""

LEAN_TAN: Final = math.tan(math.radians(LEAN_DEG))

AWAY_MM: Final = 25.0
"""How far aside a pillar may stand."""

SLIM: Final = 0.6
"""Where a pillar finds no way, one of this share of its diameter and of its clearance is tried."""

OPEN: Final = 0.05
"""A place from which less than this share of all directions is free is out of reach of a tool: as in a tube of 20 mm
at a depth of 30 mm."""

HEAD_ROOM_MM: Final = 0.2  # between a head and what must stay free, at points no farther apart than twice that
BASE_MM: Final = 1.0  # height of the cone in which a pillar ends on the bed; PrusaSlicer's default
_CANDIDATES: Final = 32  # columns to which a slant is tried
_DETOURS: Final = 6  # of these with a clear way, tried against zones
_JOINTS: Final = 4  # ends of heads from which a way is looked for
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
    lands: bool  # on the body
    foot_tip_mm: float = 0.0  # of one that lands: diameter where it stands
    foot_sunk_mm: float = 0.0  # and how deep it reaches into the body there


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What trunks may stand on."""

    floor_mm: float  # height of what stands on the bed: the top of the pad, or 0
    lower_mm: tuple[float, float]  # corners of where feet may stand
    upper_mm: tuple[float, float]
    foot_mm: float  # diameter of a foot
    taken_mm: tuple[tuple[float, float, float, float], ...] = ()  # x0, y0, x1, y1 on which none may


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terrain:
    """What trunks must find their way through."""

    mesh: Mesh
    tree: bvh.Tree
    grid: Columns  # with a border of at least AWAY_MM
    ground: Ground
    gap_mm: Callable[[Float], Float] | None  # distance of points from what must stay free of supports; None: nothing
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
        """Whether a bar keeps its clearance from body and zones; or less at its start, from ``begin_mm`` there on."""
        reach = radius_mm + self.clearance_mm
        return bar_clear(self.tree, start, end, reach, begin_mm) and self.keeps_out(start, end, reach)

    def keeps_out(self, start: Float, end: Float, reach_mm: float) -> bool:
        """Whether all of a line is so far from what must stay free."""
        if self.gap_mm is None:
            return True
        count = math.ceil(float(np.linalg.norm(end - start)) / reach_mm) + 2
        points = start + np.linspace(0.0, 1.0, count)[:, None] * (end - start)
        return bool((self.gap_mm(points) >= BETWEEN * reach_mm).all())

    def stands(self, foot: Float) -> bool:
        """Whether there is room for a foot and its cone."""
        radius = self.ground.foot_mm / 2.0
        points = foot + np.array([[0.0, 0.0, 0.0], [0.0, 0.0, BASE_MM]])
        room = bool((self.gaps_mm(points) >= 1.12 * radius).all())
        return room and bool(clear(self.tree, points, radius + self.clearance_mm / 2.0).all())

    def gaps_mm(self, points: Float) -> Float:
        """Distance of points from what must stay free, (n,)."""
        return np.full(len(points), np.inf) if self.gap_mm is None else self.gap_mm(points)


class Router:
    """Finds trunks for one size of pillar."""

    def __init__(self, terrain: Terrain, pillar_mm: float) -> None:
        self._terrain = terrain
        self._pillar_mm = pillar_mm
        self._roof = terrain.roof(pillar_mm / 2.0 + terrain.clearance_mm)
        self._around = _around(terrain.grid.step_mm)

    def to_bed(self, contact: Float, normal: Float, tip_mm: float, sunk_mm: float) -> Trunk | None:
        """A trunk that stands on the bed."""
        for out, joint in islice(self._heads(contact, normal, tip_mm, sunk_mm), _JOINTS):
            path = self._way_down(joint, 0.7 * float(np.linalg.norm(joint - contact)))
            if path is not None:
                return self._trunk(contact, out, tip_mm, sunk_mm, np.vstack([joint, path]), lands=False)
        return None

    def to_body(self, contact: Float, normal: Float, tip_mm: float, sunk_mm: float) -> Trunk | None:
        """A trunk that stands on the body below the contact, where a person gets to it."""
        for out, joint in islice(self._heads(contact, normal, tip_mm, sunk_mm), _JOINTS):
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

    def _heads(self, contact: Float, normal: Float, tip_mm: float, sunk_mm: float) -> Iterator[tuple[Float, Float]]:
        """Directions and ends of heads that have room; the tip's end must lie in the body, unless none does."""
        radius = self._pillar_mm / 2.0
        ways = np.array(list(_directions(normal)))
        held = bvh.winding(self._terrain.tree, contact - max(sunk_mm, 0.02) * ways) > 0
        if held.any():
            ways = ways[held]
        for length in HEADS_MM:
            along = np.linspace(0.15, 1.0, 6) * length
            wide = tip_mm / 2.0 + (radius - tip_mm / 2.0) * along / length
            needed = np.minimum(wide + self._terrain.clearance_mm * along / length, 0.7 * along)
            for out in ways:
                points = contact + along[:, None] * out
                if points[-1, 2] < self._terrain.ground.floor_mm + BASE_MM:
                    continue
                if not clear(self._terrain.tree, points, needed).all():
                    continue
                if (self._terrain.gaps_mm(points) >= wide + HEAD_ROOM_MM).all():
                    yield out, points[-1]

    def _way_down(self, joint: Float, begin_mm: float) -> Float | None:
        """Points of the axis below ``joint``, or None: straight down, else aside at the steepest lean."""
        terrain, grid, floor = self._terrain, self._terrain.grid, self._terrain.ground.floor_mm
        radius = self._pillar_mm / 2.0
        i, j = (round((joint[k] - grid.origin_mm[k]) / grid.step_mm) for k in range(2))
        if not (0 <= i < grid.shape[0] and 0 <= j < grid.shape[1]):
            return None
        foot = np.array([joint[0], joint[1], floor])
        straight = self._roof[i, j] >= joint[2] and terrain.free(joint, foot, radius, begin_mm)
        if straight and terrain.stands(foot):
            return foot[None]
        below = self._drop(joint, i, j)
        for share in (0.0, 0.35, 0.7):
            start = joint - np.array([0.0, 0.0, share * below])
            if share and not terrain.free(joint, start, radius, begin_mm):
                break
            begin = math.inf if share else begin_mm
            for skip in range(_DETOURS):
                aside = self._aside(start, i, j, begin, skip)
                if aside is None:
                    break
                elbow, foot = aside
                reach = radius + terrain.clearance_mm
                clear_of = terrain.keeps_out(start, elbow, reach) and terrain.keeps_out(elbow, foot, reach)
                if clear_of and terrain.stands(foot):
                    return np.vstack([start, elbow, foot]) if share else np.vstack([elbow, foot])
            if below < 1.0:
                break
        return None

    def _aside(self, start: Float, i: int, j: int, begin_mm: float, skip: int) -> tuple[Float, Float] | None:
        """Elbow and foot of the nearest pillar beside column (i, j) that keeps clear of the body; but ``skip``."""
        terrain, grid = self._terrain, self._terrain.grid
        a, b, z = _nearest_way(
            self._roof,
            self._around,
            (i, j),
            np.array([*grid.origin_mm, grid.step_mm, terrain.ground.floor_mm]),
            start,
            self._pillar_mm / 2.0 + terrain.clearance_mm,
            begin_mm,
            skip,
            terrain.tree.corners,
            terrain.tree.boxes,
        )
        if a < 0:
            return None
        x, y = grid.origin_mm[0] + a * grid.step_mm, grid.origin_mm[1] + b * grid.step_mm
        return np.array([x, y, z]), np.array([x, y, terrain.ground.floor_mm])

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
        if length < 1.0 or terrain.gaps_mm(foot[None])[0] < self._pillar_mm / 2.0:
            return None
        rising = np.linspace(0.25, 1.0, max(4, math.ceil(2.0 * length))) * length
        points = foot + rising[:, None] * (joint - foot) / length
        reach = self._pillar_mm / 2.0 + terrain.clearance_mm
        if not clear(terrain.tree, points, np.minimum(reach, 0.6 * rising)).all():
            return None
        if not (terrain.gaps_mm(points) >= reach).all():
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
def _nearest_way(
    roof: Float,
    around: Float,
    at: tuple[int, int],
    grid: Float,
    start: Float,
    reach: float,
    begin: float,
    skip: int,
    corners: Float,
    boxes: Float,
) -> tuple[int, int, float]:
    """The nearest column with a clear slant to it and a clear way down, and where they meet; -1: none.

    ``grid`` is its origin, step and the height of the floor. Of columns beside each other only some are tried.
    """
    tried = 0
    elbow, foot = np.empty(3), np.empty(3)
    last = np.full((_CANDIDATES, 2), -1000)
    for k in range(len(around)):
        if tried == _CANDIDATES:
            break
        a, b = at[0] + int(around[k, 0]), at[1] + int(around[k, 1])
        if a < 0 or b < 0 or a >= roof.shape[0] or b >= roof.shape[1]:
            continue
        elbow[0], elbow[1] = grid[0] + a * grid[2], grid[1] + b * grid[2]
        z = start[2] - np.sqrt((elbow[0] - start[0]) ** 2 + (elbow[1] - start[1]) ** 2) / LEAN_TAN
        if z <= grid[3] + BASE_MM or roof[a, b] < z:
            continue
        apart = True
        for t in range(tried):
            apart = apart and (last[t, 0] - a) ** 2 + (last[t, 1] - b) ** 2 >= 16
        if not apart:
            continue
        last[tried, 0], last[tried, 1] = a, b
        tried += 1
        elbow[2] = z
        foot[0], foot[1], foot[2] = elbow[0], elbow[1], grid[3]
        slant = _bar_clear(start, elbow, reach, begin, corners, boxes)
        if slant and _bar_clear(elbow, foot, reach, np.inf, corners, boxes):
            if skip == 0:
                return a, b, z
            skip -= 1
    return -1, -1, 0.0
