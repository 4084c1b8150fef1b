"""Supports for printing by light, as a solid: where they touch, how they stand, and what could not be supported.

Contacts come from :mod:`printprep.geometry.contacts`, their ways down from :mod:`printprep.geometry.trunks`. The layers
of body and supports together are looked through for islands at the end: what still begins in the air is told.
Everything goes through fixed orders, so that equal bodies get equal supports.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from printprep.geometry import bvh
from printprep.geometry.braces import Brace, Pillar, braces
from printprep.geometry.columns import Long, columns
from printprep.geometry.contacts import STRETCH, Sites, carried, choose, sites
from printprep.geometry.islands import starts
from printprep.geometry.mesh import Bool, Float, Int, Mesh, Point, as_point, join
from printprep.geometry.occlusion import FOOTING_DEG, FOOTING_MM
from printprep.geometry.overhang import Overhang, overhangs
from printprep.geometry.scaffold import Pad, solid_of
from printprep.geometry.section import sections
from printprep.geometry.sight import openness
from printprep.geometry.stability import STANDS
from printprep.geometry.thickness import Gauge
from printprep.geometry.trunks import AWAY_MM, HEAD_ROOM_MM, OPEN, SLIM, Ground, Router, Terrain, Trunk

GRID_MM: Final = 0.25
REACH_MM: Final = 1.0
"""How far a ledge may stand out without support: what makers of resin printers say of the overhangs they hold."""

TIP_SHARE: Final = 0.5
"""A tip is no wider than this share of the wall that it stands on, so that it breaks and the wall does not."""

SUNK_SHARE: Final = 0.3  # of the wall: the deepest that a tip reaches into it
LEAST_SUNK_MM: Final = 0.05  # so that a tip and a surface are one in print
FLAT_MM: Final = 0.1  # an underside no higher than this lies on the bed
_LOOKS: Final = 60  # layers that are measured to find the largest
_OTHERS: Final = 6  # other places that are tried for a contact without a way
_LEAST_BARE_MM2: Final = 1.0
_PROVEN_MM: Final = 2.0

LEAST: Final = 3  # contacts on which a lifted body stands
KEEP_OUT: Final = "it lies in a keep-out zone"
ENCLOSED: Final = "it lies in a cavity that no tool gets into"
NO_WAY: Final = "no trunk finds a way to it"
LEFT: Final = "only places beside it can be reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How supports are made."""

    layer_mm: float
    angle_deg: float  # steepest from the vertical that carries itself
    spacing_mm: float  # between contacts on a level surface, at most
    load_ratio: float  # mm of spacing that a mm of tip can hold
    tip_least_mm: float
    sunk_mm: float
    pillar_mm: float
    clearance_mm: float  # between pillars and the body
    pad: Pad


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Body:
    """What is to be supported, in its place over the bed.

    What must stay free keeps all supports off but the pad, which lies below and touches no anatomy.
    """

    mesh: Mesh  # all parts, in one mesh
    tip_mm: Float  # (m,) by face: the tip that the part may have at most
    forbidden: Bool  # (m,) by face: nothing may touch any of it
    critical: Bool  # (m,) by face: all of it is touched only where nothing else can carry
    gap_mm: Callable[[Float], Float] | None = None  # distance of points from what must stay free
    critical_gap_mm: Callable[[Float], Float] | None = None  # and from what is touched only where nothing else can

    def on_critical(self, points: Float, face: Int, tip_mm: Float) -> Bool:
        """(n,) whether tips, with their diameters, on points (n, 3) of faces (n,) touch what matters most."""
        found = self.critical[face]
        if self.critical_gap_mm is not None and len(points):
            found = found | (self.critical_gap_mm(points) <= tip_mm / 2.0)
        return np.asarray(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """A place that should have support and has none."""

    reason: str
    where_mm: Point
    area_mm2: float
    island: bool  # it begins in the air


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Supports:
    """Supports of one bed."""

    mesh: Mesh  # closed, one surface; empty when nothing needs support
    trunks: tuple[Trunk, ...]
    face: Int  # (k,) of the body that each trunk touches
    landed: Int  # (k,) of the body that it stands on, -1: on the bed
    on_critical: Bool  # (k,) whether it touches a critical face
    stands_on_critical: Bool  # (k,) whether it stands on one
    bars: tuple[Brace, ...]
    bare: tuple[Bare, ...]

    @property
    def contact_mm2(self) -> Float:
        """(k,) area of each contact, that of a foot on the body with it."""
        return np.array([np.pi / 4.0 * (trunk.tip_mm**2 + trunk.foot_tip_mm**2) for trunk in self.trunks])


def stands(mesh: Mesh) -> bool:
    """Whether a body that stands on z = 0 holds to the bed by its own flat underside."""
    corners = mesh.triangles
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] / 2.0
    contact_mm2 = -float(across[(corners[:, :, 2].max(axis=1) <= FLAT_MM) & (across < 0)].sum())
    heights = np.linspace(0.0, float(mesh.bounds_mm[1, 2]), _LOOKS + 2)[1:-1]
    return contact_mm2 >= STANDS * float(sections(mesh, heights).area_mm2.max())


def support(body: Body, rules: Rules, ground: Ground) -> Supports:
    """Support a body.

    Parameters
    ----------
    body
        Closed parts, faces outward; its lowest point over ``ground.floor_mm``, or on the bed at 0.
    """
    maker = _Maker(body, rules, ground)
    made = list(maker.trunks())
    trunks = tuple(trunk for trunk, _ in made)
    rows = np.array([row for _, row in made], np.int64)
    to_bed = [k for k, trunk in enumerate(trunks) if not trunk.lands]
    bars, widths = braces([_pillar(trunks[k]) for k in to_bed], maker.terrain.free)
    width = [trunk.pillar_mm for trunk in trunks]
    for k, wide in zip(to_bed, widths, strict=True):
        width[k] = wide
    mesh = solid_of(trunks, width, bars, rules.pad)
    landed = np.full(len(trunks), -1, np.int32)
    ends = np.array([trunk.path_mm[-1] for trunk in trunks]).reshape(-1, 3)
    on_body = np.array([trunk.lands for trunk in trunks], np.bool_)
    _, landed[on_body], _ = bvh.nearest(maker.terrain.tree, ends[on_body])
    face = maker.sites.face[rows]
    return Supports(
        mesh=mesh,
        trunks=trunks,
        face=face,
        landed=landed,
        on_critical=maker.critical[rows],
        stands_on_critical=on_body & body.on_critical(ends, landed, np.array([trunk.foot_tip_mm for trunk in trunks])),
        bars=bars,
        bare=(*maker.bare(rows), *maker.islands_left(mesh)),
    )


def _pillar(trunk: Trunk) -> Pillar:
    foot = trunk.path_mm[-1]
    return Pillar(
        at_mm=(float(foot[0]), float(foot[1])),
        low_mm=float(foot[2]),
        high_mm=float(trunk.path_mm[-2, 2]),
        diameter_mm=trunk.pillar_mm,
    )


def _with_footing(over: Overhang, steeper: Overhang) -> Overhang:
    """Overhangs, and in the lowest part of the body those of steeper slopes."""
    places = np.round(over.points_mm, 9).tobytes()
    known = {places[k : k + 24] for k in range(0, len(places), 24)}
    rows = np.round(steeper.points_mm, 9).tobytes()
    hangs = np.array([rows[k : k + 24] in known for k in range(0, len(rows), 24)], np.bool_)
    lowest = float(steeper.points_mm[:, 2].min(initial=np.inf))
    kept = hangs | (steeper.points_mm[:, 2] <= lowest + FOOTING_MM)
    return replace(
        steeper,
        points_mm=steeper.points_mm[kept],
        normals=steeper.normals[kept],
        face=steeper.face[kept],
        steep=steeper.steep[kept],
        height_mm=steeper.height_mm[kept],
        region=steeper.region[kept],
        edge_mm=steeper.edge_mm[kept],
    )


class _Maker:
    """What the supports of one body have in common."""

    def __init__(self, body: Body, rules: Rules, ground: Ground) -> None:
        self._body, self._rules = body, rules
        tree = bvh.build(body.mesh)
        grid = columns(body.mesh, GRID_MM, AWAY_MM)
        self.terrain = Terrain(
            mesh=body.mesh,
            tree=tree,
            grid=grid,
            ground=ground,
            gap_mm=body.gap_mm,
            clearance_mm=rules.clearance_mm,
        )
        floor = FLAT_MM if body.mesh.bounds_mm[0, 2] < FLAT_MM else 0.0
        self._floor_mm = floor
        over = overhangs(body.mesh, grid, rules.angle_deg, reach_mm=REACH_MM, floor_mm=floor)
        self._begin = starts(body.mesh, rules.layer_mm, floor)
        self._gauge = Gauge(tree)
        self._reasons: dict[int, str] = {}
        self._settle(over)
        if not floor and len(self._chosen()) < self._needed():
            self._settle(_with_footing(over, overhangs(body.mesh, grid, FOOTING_DEG, reach_mm=REACH_MM)))

    def _settle(self, over: Overhang) -> None:
        """Take the places that need support."""
        body, rules = self._body, self._rules
        self.sites: Sites = sites(over, self._begin, self.terrain.tree, REACH_MM)
        found = self.sites
        tip = np.clip(TIP_SHARE * found.height_mm, rules.tip_least_mm, body.tip_mm[found.face])
        self._spacing_mm = np.minimum(rules.spacing_mm, rules.load_ratio * tip) * (1.0 + found.steep)
        near = self.terrain.gaps_mm(found.points_mm) < tip / 2.0 + HEAD_ROOM_MM
        self._forbidden = body.forbidden[found.face] | near
        self.critical: Bool = body.on_critical(found.points_mm, found.face, tip)

    def _chosen(self) -> Long:
        return choose(self.sites, self._spacing_mm, self._forbidden, self.critical, self._rules.tip_least_mm)

    def _needed(self) -> int:
        """Contacts that hold the largest layer against the film, three at least so that the body cannot tip."""
        mesh = self._body.mesh
        low, high = mesh.bounds_mm[:, 2].tolist()
        heights = np.linspace(low, high, _LOOKS + 2)[1:-1]
        held_mm2 = (self._rules.load_ratio * float(self._body.tip_mm.max())) ** 2
        return max(LEAST, math.ceil(float(sections(mesh, heights).area_mm2.max()) / held_mm2))

    def trunks(self) -> Iterator[tuple[Trunk, int]]:
        """Each trunk with the row of its site."""
        rules, found = self._rules, self.sites
        chosen = self._chosen()
        if not len(chosen):
            return
        near = replace(self.terrain, clearance_mm=SLIM * rules.clearance_mm)
        routers = [Router(self.terrain, rules.pillar_mm), Router(near, SLIM * rules.pillar_mm)]
        off = found.points_mm[chosen] + 0.3 * found.normals[chosen]
        open_ = openness(self.terrain.tree, off)
        for row, seen in zip(chosen.tolist(), open_.tolist(), strict=True):
            made = self._trunk(row, routers) if seen > 0.0 else None
            if made is not None:
                yield made
            else:
                self._reasons[row] = NO_WAY if seen >= OPEN else ENCLOSED

    def _trunk(self, row: int, routers: Sequence[Router]) -> tuple[Trunk, int] | None:
        others = self._others(row)
        ways = [(place, lands) for lands in (False, True) for place in (row, *others)]
        if row < self.sites.islands:  # it must be held where it begins, if that can be
            ways.sort(key=lambda way: way[0] != row)
        for place, lands in ways:
            at, normal, face = self.sites.points_mm[place], self.sites.normals[place], int(self.sites.face[place])
            tip_mm, sunk_mm = self._tip(at, face, float(self.sites.height_mm[place]))
            for router in routers:
                trunk = (router.to_body if lands else router.to_bed)(at, normal, tip_mm, sunk_mm)
                if trunk is not None:
                    return self._standing(trunk) if lands else trunk, place
        return None

    def _others(self, row: int) -> list[int]:
        """Places beside one that no trunk reaches, from which a contact could do its work as well."""
        found = self.sites
        same = np.flatnonzero((found.region == found.region[row]) & ~self._forbidden)
        away = np.linalg.norm(found.points_mm[same] - found.points_mm[row], axis=1)
        near = (away > GRID_MM) & (away < STRETCH / 3.0 * self._spacing_mm[row])
        if not self.critical[row]:
            near &= ~self.critical[same]
        same, away = same[near], away[near]
        order = np.lexsort((same, np.round(away, 6)))
        return [int(k) for k in same[order][:: max(1, len(order) // _OTHERS)][:_OTHERS]]

    def _tip(self, at: Float, face: int, height_mm: float | None = None) -> tuple[float, float]:
        """Diameter of a tip, by the wall that it stands on, and how deep it goes, by the matter above it."""
        rules, wanted = self._rules, float(self._body.tip_mm[face])
        wall = float(self._gauge.measure(at[None], np.array([face]), wanted / TIP_SHARE)[0])
        thick = wall if height_mm is None else min(wall, height_mm)
        deep = wall if height_mm is None else height_mm
        tip_mm = max(rules.tip_least_mm, min(wanted, TIP_SHARE * thick))
        return tip_mm, max(LEAST_SUNK_MM, min(rules.sunk_mm, SUNK_SHARE * deep))

    def _standing(self, trunk: Trunk) -> Trunk:
        """A trunk that lands on the body with the tip that its wall there allows."""
        _, face, _ = bvh.nearest(self.terrain.tree, trunk.path_mm[-1:])
        tip_mm, sunk_mm = self._tip(trunk.path_mm[-1], int(face[0]))
        return replace(trunk, foot_tip_mm=tip_mm, foot_sunk_mm=sunk_mm)

    def bare(self, rows: Long) -> Iterator[Bare]:
        """Regions that the contacts do not carry, with the reason of most of each."""
        found = self.sites
        held = carried(found, found.points_mm[rows], found.region[rows], self._spacing_mm)
        island = np.arange(len(found)) < found.islands
        failed = np.zeros(len(found), np.bool_)
        failed[[row for row in self._reasons if row < found.islands]] = True
        failed[: found.islands] |= self._forbidden[: found.islands]
        lacking = (~held & ~island) | failed
        for region in np.unique(found.region[lacking]).tolist():
            here: Long = np.flatnonzero(lacking & (found.region == region)).astype(np.int64)
            area = found.cell_mm2 * int((~island[here]).sum())
            begins = bool(island[here].any())
            if area < _LEAST_BARE_MM2 and not begins:
                continue
            lowest = here[np.lexsort((here, found.points_mm[here, 2]))[0]]
            yield Bare(
                reason=self._reason(here, region),
                where_mm=as_point(found.points_mm[lowest]),
                area_mm2=max(area, found.cell_mm2),
                island=begins,
            )

    def _reason(self, here: Long, region: int) -> str:
        if self._forbidden[here].mean() > 0.5:
            return KEEP_OUT
        reasons = [reason for row, reason in self._reasons.items() if self.sites.region[row] == region]
        return max(sorted(set(reasons)), key=reasons.count) if reasons else KEEP_OUT

    def islands_left(self, scaffold: Mesh) -> Iterator[Bare]:
        """Islands of body and supports together, other than those that are known to have no support."""
        known = {row for row in self._reasons if row < self.sites.islands}
        known |= set(np.flatnonzero(self._forbidden[: self.sites.islands]).tolist())
        at = self.sites.points_mm[sorted(known)]
        if not self._begin:
            return
        for start in starts(join([self._body.mesh, scaffold]), self._rules.layer_mm, FLAT_MM):
            across_mm = math.sqrt(2.0 * start.island.area_mm2)  # of a square: its lowest place may be any corner
            if not len(at) or np.linalg.norm(at - start.at_mm, axis=1).min() > _PROVEN_MM + across_mm:
                yield Bare(reason=LEFT, where_mm=as_point(start.at_mm), area_mm2=start.island.area_mm2, island=True)
