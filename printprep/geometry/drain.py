"""Drain holes: where a cavity can be opened, and the cut.

A hole goes the local shortest way out: from a point of the cavity's surface to the nearest point of the outer surface.
It is taken only if it opens into the cavity without reaching the wall beyond, ends wholly outside, has a free way on
for one diameter, and keeps its distance from every zone. Every test is on exact distances; between two tested points
the distance changes by no more than their spacing, which is part of the margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.geometry import bvh
from printprep.geometry.hole import Hole, across
from printprep.geometry.hollow import Hollowed
from printprep.geometry.mesh import Float, Mesh, as_point
from printprep.geometry.pockets import Pocket, pockets
from printprep.geometry.solid import from_solid, to_solid
from printprep.geometry.weld import weld
from printprep.geometry.zones import Zones

CLEARANCE_MM: Final = 0.5  # between a hole and a zone
APART_DIAMETERS: Final = 2.0  # between the middles of two holes of one cavity
_EXTREMES: Final = 300  # lowest and highest points of a cavity that are tried
_SPREAD: Final = 900  # and points all over it
_ON_SURFACE_MM: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drilled:
    """A hollow solid with its holes."""

    mesh: Mesh  # what is left of the outer surface first, untouched triangles bit for bit and in their order
    removed_mm3: tuple[float, ...]  # by hole, exact


def find_holes(
    hollowed: Hollowed,
    cavity: int,
    up: Float,
    count: int,
    diameter_mm: float,
    zones: Zones,
    *,
    hanging: bool = False,
    tree: bvh.Tree | None = None,
) -> tuple[Hole, ...]:
    """Places for ``count`` holes into one cavity, fewer when there is no more room, none when there is none.

    The first goes as low as possible, the second as high as possible, so that one drains and the other lets air in
    whichever way the part hangs or stands; each further one into the deepest pocket that is left, and when none is
    left as far from the others as possible.

    Parameters
    ----------
    hollowed
        The solid; its outer surface is the first ``hollowed.outer`` triangles.
    cavity
        Index of the cavity.
    up
        (3,) unit: away from the bed, in the mesh's frame.
    count, diameter_mm
        Of the holes.
    zones
        Where not.
    hanging
        Whether pockets are also those of the part upside down, as it hangs from the plate of a resin printer.
    tree
        Of the outer surface, when the caller has it.
    """
    outer = Mesh(hollowed.mesh.vertices, hollowed.mesh.faces[: hollowed.outer])
    inside = hollowed.cavities[cavity]
    place = _Place(tree=tree or bvh.build(outer), wall_mm=inside.wall.mean_mm, diameter_mm=diameter_mm, zones=zones)
    ways = _ways_out(place, outer, _candidates(inside.mesh, up))
    holes: list[Hole] = []
    _take(place, ways, ways.start @ up, holes)
    if holes and count > 1:
        _take(place, ways, -(ways.start @ up), holes)
    while 2 <= len(holes) < count:
        had = len(holes)
        for pocket in _pockets(inside.mesh, up, tuple(holes), hanging=hanging):
            _take(place, *_into_pocket(place, outer, inside.mesh, pocket), holes)
            if len(holes) > had:
                break
        if len(holes) == had:
            apart = np.min([np.linalg.norm(ways.end - hole.at_mm, axis=1) for hole in holes], axis=0)
            _take(place, ways, -apart, holes)
        if len(holes) == had:
            break
    return tuple(holes[:count])


def drill(hollowed: Hollowed, holes: tuple[Hole, ...]) -> Drilled:
    """Cut ``holes`` out of the hollow solid.

    Raises
    ------
    MeshError
        The hollow mesh is no solid.
    """
    if not holes:
        return Drilled(mesh=hollowed.mesh, removed_mm3=())
    solid = to_solid(hollowed.mesh)
    cutters = [to_solid(hole.cutter()) for hole in holes]
    removed = tuple(float((solid ^ cutter).volume()) for cutter in cutters)
    for cutter in cutters:
        solid = solid - cutter
    return Drilled(mesh=_outer_first(from_solid(solid), hollowed), removed_mm3=removed)


def _candidates(cavity: Mesh, up: Float) -> Float:
    """Points of the cavity's surface worth trying: its lowest, its highest, and some all over, (n, 3) mm."""
    order = np.argsort(cavity.vertices @ up, kind="stable")
    step = max(1, len(order) // _SPREAD)
    chosen = np.unique(np.concatenate([np.arange(len(order))[:_EXTREMES], np.arange(len(order))[-_EXTREMES:]]))
    chosen = np.unique(np.concatenate([chosen, np.arange(0, len(order), step)]))
    return np.asarray(cavity.vertices[order[chosen]])


@dataclass(frozen=True, slots=True, eq=False)
class _Ways:
    """Shortest ways out of a cavity."""

    start: Float  # (n, 3) on the cavity's surface
    end: Float  # (n, 3) on the outer surface
    length_mm: Float  # (n,)
    open_mm: Float  # (n,) room before the start: a hole's radius where the cavity is wide, nothing in its corners


def _ways_out(place: _Place, outer: Mesh, points: Float) -> _Ways:
    """The ways out from ``points`` that end clear of the zones."""
    distance, face, weights = bvh.nearest(place.tree, points)
    exits = np.einsum("nk,nkc->nc", weights, outer.vertices[outer.faces[face]])
    radius_mm = place.diameter_mm / 2.0
    inner, _, _ = bvh.nearest(place.tree, points - (radius_mm / np.maximum(distance, 1e-9))[:, None] * (exits - points))
    free = place.zones.gap_mm(exits) >= radius_mm + CLEARANCE_MM
    return _Ways(points[free], exits[free], distance[free], (inner - distance)[free])


def _pockets(cavity: Mesh, up: Float, holes: tuple[Hole, ...], *, hanging: bool) -> list[Pocket]:
    found = [*pockets(cavity, up, holes), *(pockets(cavity, -up, holes) if hanging else ())]
    return sorted(found, key=lambda pocket: -pocket.depth_mm)


def _into_pocket(place: _Place, outer: Mesh, cavity: Mesh, pocket: Pocket) -> tuple[_Ways, Float]:
    """Ways out of a pocket, and how far above its lowest point each begins: no higher than it is deep."""
    above = (cavity.vertices - np.array(pocket.at_mm)) @ np.array(pocket.up)
    away = np.linalg.norm(cavity.vertices - pocket.at_mm, axis=1)
    reach_mm = max(pocket.depth_mm, place.diameter_mm)
    within = np.flatnonzero((above < max(pocket.depth_mm / 2.0, 0.5)) & (away < 2.0 * reach_mm))
    within = within[np.argsort(away[within], kind="stable")]
    nearest, spread = within[:_EXTREMES], within[:: max(1, len(within) // _EXTREMES)]
    ways = _ways_out(place, outer, cavity.vertices[np.unique(np.concatenate([nearest, spread]))])
    return ways, (ways.start - np.array(pocket.at_mm)) @ np.array(pocket.up)


def _take(place: _Place, ways: _Ways, wish_mm: Float, holes: list[Hole]) -> None:
    """Append the hole at the way that is wished most (least ``wish_mm``) and can be drilled, if there is any.

    A millimetre of room weighs as much as a millimetre of the wish, so a hole comes out of a corner by about its
    radius.
    """
    apart = np.full(len(ways.end), np.inf)
    for hole in holes:
        apart = np.minimum(apart, np.linalg.norm(ways.end - hole.at_mm, axis=1))
    for row in np.argsort(wish_mm - ways.open_mm, kind="stable"):
        if apart[row] < APART_DIAMETERS * place.diameter_mm:
            continue
        found = place.hole(ways.start[row], ways.end[row], float(ways.length_mm[row]))
        if found is not None:
            holes.append(found)
            return


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    """Decides whether a hole can be at one place."""

    tree: bvh.Tree  # of the outer surface
    wall_mm: float
    diameter_mm: float
    zones: Zones

    def hole(self, start: Float, end: Float, length_mm: float) -> Hole | None:
        """The hole from ``start`` on the cavity to ``end`` on the outer surface, or None."""
        if length_mm <= 1e-6:
            return None
        axis = (end - start) / length_mm
        reach = self._into_the_cavity(start, axis)
        if reach is None:
            return None
        out = self._out_of_the_part(end, axis)
        if out is None or not self._clear(start - reach * axis, end + (out + self.diameter_mm) * axis):
            return None
        return Hole(
            at_mm=as_point(end),
            axis=as_point(axis),
            diameter_mm=self.diameter_mm,
            inward_mm=length_mm + reach,
            outward_mm=out,
            length_mm=length_mm,
        )

    def _into_the_cavity(self, start: Float, axis: Float) -> float | None:
        """How far past ``start`` the cutter goes: into the open, and no further than half way to the wall beyond."""
        radius = self.diameter_mm / 2.0
        depths = np.linspace(0.1, 1.0, 10) * radius
        distance, _, _ = bvh.nearest(self.tree, start - depths[:, None] * axis)
        deepest = int(np.argmax(distance))
        if distance[deepest] < self.wall_mm + min(0.25, 0.1 * radius):
            return None
        rim = self._rim(start - depths[deepest] * axis, axis)
        beside, _, _ = bvh.nearest(self.tree, rim)
        if beside.min() < 0.5 * self.wall_mm or (bvh.winding(self.tree, rim) == 0).any():
            return None
        return float(depths[deepest])

    def _out_of_the_part(self, end: Float, axis: Float) -> float | None:
        """How far past ``end`` the whole disc is outside; None: not within a diameter, or the way on is blocked."""
        for out in np.linspace(0.125, 1.0, 8) * self.diameter_mm:
            disc = self._rim(end + out * axis, axis)
            if (bvh.winding(self.tree, disc) == 0).all():
                break
        else:
            return None
        on = end + (out + np.linspace(0.25, 1.0, 4)[:, None] * self.diameter_mm) * axis
        distance, _, _ = bvh.nearest(self.tree, on)
        blocked = (bvh.winding(self.tree, on) != 0).any() or distance[-1] < 0.25 * self.diameter_mm
        return None if blocked else float(out)

    def _clear(self, bottom: Float, top: Float) -> bool:
        """Whether the hole and its way out keep clear of the zones along their whole length."""
        spacing = self.diameter_mm / 8.0
        length = float(np.linalg.norm(top - bottom))
        share = np.linspace(0.0, 1.0, max(2, int(np.ceil(length / spacing)) + 1))
        along = bottom + share[:, None] * (top - bottom)
        return bool(self.zones.gap_mm(along).min() >= self.diameter_mm / 2.0 + CLEARANCE_MM + spacing / 2.0)

    def _rim(self, centre: Float, axis: Float) -> Float:
        """The centre and 12 points of a circle around it, (13, 3) mm."""
        one, two = across(axis)
        angle = 2.0 * np.pi * np.arange(12)[:, None] / 12
        return np.vstack([centre, centre + self.diameter_mm / 2.0 * (np.cos(angle) * one + np.sin(angle) * two)])


def _outer_first(mesh: Mesh, hollowed: Hollowed) -> Mesh:
    """``mesh`` with the triangles of the outer surface first: the untouched in their order, then cut pieces."""
    source = hollowed.mesh
    row = _same_triangles(mesh, source)
    tree = bvh.build(Mesh(source.vertices, source.faces[: hollowed.outer]))
    cut = np.flatnonzero(row < 0)
    corners = mesh.triangles[cut]
    samples = np.concatenate([corners, corners.mean(axis=1, keepdims=True)], axis=1)
    distance, _, _ = bvh.nearest(tree, samples.reshape(-1, 3))
    on_outer = distance.reshape(-1, 4).max(axis=1) < _ON_SURFACE_MM if len(cut) else np.zeros(0, np.bool_)
    rank = row.astype(np.float64)
    rank[cut] = np.where(on_outer, hollowed.outer - 0.5, len(source))
    return Mesh(mesh.vertices, mesh.faces[np.argsort(rank, kind="stable")])


def _same_triangles(mesh: Mesh, source: Mesh) -> npt.NDArray[np.int64]:
    """Which triangle of ``source`` each of ``mesh`` is, corner by corner and bit for bit; -1: none. (m,) int64."""
    both = weld(np.concatenate([source.triangles, mesh.triangles]))
    first = np.argmin(both.faces, axis=1)
    turned = np.take_along_axis(both.faces, (first[:, None] + np.arange(3)) % 3, axis=1).astype(np.int64)
    count = len(both.vertices)
    _, pair = np.unique(turned[:, 0] * count + turned[:, 1], return_inverse=True)  # two steps, so nothing overflows
    key = pair * count + turned[:, 2]
    known, new = key[: len(source)], key[len(source) :]
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known[order], new), len(order) - 1)
    return np.where(known[order[place]] == new, order[place], -1)
