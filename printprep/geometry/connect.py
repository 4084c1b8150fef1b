"""Struts: where two bodies can be joined by straight round bars, how thick these must be, and their solids.

A strut is taken only if it goes from one surface to the other through free space over its whole thickness, meets both
at a steep enough angle, ends in matter, and keeps its distance from every zone and from the other struts. Every test is
on exact distances at points along the strut; between two of them the distance changes by no more than their spacing,
which is part of the margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.geometry import bvh
from printprep.geometry.areas import face_normals
from printprep.geometry.hole import Hole, across
from printprep.geometry.measure import sample
from printprep.geometry.mesh import Bool, Float, Mesh, Point, as_point
from printprep.geometry.zones import Zones

SUNK_MM: Final = 0.5
"""An end lies this deep in the body, so that slicing leaves no gap."""

CLEARANCE_MM: Final = 0.5  # between a strut and a zone, or a body beside its ends
LEAST_MM: Final = 2.0  # of a diameter: five lines of a 0.4 mm nozzle, and it survives a wash
SAFETY: Final = 20.0
"""Times the weight of what a strut holds: fingers and support removal pull harder than weight does."""

GRAVITY_N_KG: Final = 9.81
LONGER: Final = 2.0  # times as long as the shortest, and
LONGER_MM: Final = 10.0  # this much more, a further strut may be, so that struts stand apart
APART_DIAMETERS: Final = 2.0  # between the axes of two struts
_SAMPLES: Final = 2000
_ALTERNATIVES: Final = 10  # further ends for each start
_LOOKS: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
_TRIED: Final = 400
_STEEP: Final = 0.5  # cosine of the largest angle between strut and surface normal, 60 deg


@dataclass(frozen=True, slots=True, kw_only=True)
class Strut:
    """A round bar between two surfaces."""

    start_mm: Point  # on the surface of the body that is held
    end_mm: Point  # on the surface of the body that holds it
    diameter_mm: float

    @property
    def length_mm(self) -> float:
        """Of the part of it that is seen."""
        return float(np.linalg.norm(np.subtract(self.end_mm, self.start_mm)))

    @property
    def middle_mm(self) -> Point:
        """Half way."""
        return as_point((np.array(self.start_mm) + np.array(self.end_mm)) / 2)

    def mesh(self) -> Mesh:
        """A capped cylinder, its ends sunk into both bodies; closed and outward."""
        axis = np.subtract(self.end_mm, self.start_mm) / self.length_mm
        bar = Hole(
            at_mm=self.start_mm,
            axis=as_point(axis),
            diameter_mm=self.diameter_mm,
            inward_mm=SUNK_MM,
            outward_mm=self.length_mm + SUNK_MM,
        )
        return bar.cutter()


def diameter_mm(mass_g: float, length_mm: float, count: int, strength_mpa: float) -> float:
    """Diameter of each of ``count`` struts that hold a mass at the end of their length, at least 2 mm.

    A strut is a cantilever of round section with its share of the load across its free end; the bending stress at its
    root is ``32 F L / (pi d^3)`` (Gere and Goodno, Mechanics of Materials, 9th ed., section 5.5), so that

        d = (32 F L / (pi strength))^(1/3),   F = SAFETY m g / count.

    Parameters
    ----------
    mass_g
        Of the body that is held, as if solid.
    length_mm
        Of the longest strut.
    strength_mpa
        Of the strut's material across its layers.
    """
    force_n = SAFETY * mass_g / 1000.0 * GRAVITY_N_KG / count
    return max(LEAST_MM, float(np.cbrt(32.0 * force_n * length_mm / (np.pi * strength_mpa))))


def gap_mm(held: Mesh, holder: Mesh) -> float:
    """Shortest way between two surfaces from points all over the first; 0.0 where the first reaches into the second."""
    tree, points = bvh.build(holder), sample(held, _SAMPLES, 0).points
    distance, _, _ = bvh.nearest(tree, points)
    return 0.0 if (bvh.winding(tree, points) != 0).any() else float(distance.min())


def find_struts(held: Mesh, holder: Mesh, count: int, diameter_mm: float, zones: Zones) -> tuple[Strut, ...]:
    """``count`` struts between two solids, fewer when there is no more room, none when there is none.

    The first is the shortest; each further one is as far from the others as possible without being much longer.

    Parameters
    ----------
    held, holder
        Closed bodies that do not touch.
    zones
        Where not: zones and all other parts.
    """
    maker = _Maker(held=bvh.build(held), holder=bvh.build(holder), diameter_mm=diameter_mm, zones=zones)
    starts, ends = _pairs(held, holder, maker)
    lengths = np.linalg.norm(ends - starts, axis=1)
    usable = np.ones(len(starts), np.bool_)
    apart = np.zeros(len(starts))  # from the struts chosen so far
    chosen: list[Strut] = []
    for _ in range(_TRIED):
        if len(chosen) == count or not usable.any():
            break
        row = int(np.argmin(np.where(usable, lengths - apart, np.inf)))
        usable[row] = False
        if not maker.fits(starts[row], ends[row]):
            beside = np.maximum(*(np.linalg.norm(p - p[row], axis=1) for p in (starts, ends)))
            usable &= beside > diameter_mm / 4.0  # nor will its neighbours
            continue
        strut = Strut(start_mm=as_point(starts[row]), end_mm=as_point(ends[row]), diameter_mm=diameter_mm)
        gap = _between_segments(starts, ends, starts[row], ends[row])
        apart = np.minimum(apart, gap) if chosen else gap
        usable &= apart >= APART_DIAMETERS * diameter_mm
        chosen.append(strut)
    return tuple(chosen)


def _pairs(held: Mesh, holder: Mesh, maker: _Maker) -> tuple[Float, Float]:
    """Points (n, 3) of one surface and of the other that see each other and where a strut meets both steeply enough.

    To points all over the first surface the nearest of the second, and others at random, for where something stands
    in the nearest way.
    """
    drawn, beyond = sample(held, _SAMPLES, 0), sample(holder, _SAMPLES, 1)
    starts, others = drawn.points[drawn.even], beyond.points[beyond.even]
    _, own, _ = bvh.nearest(maker.held, starts)
    _, face, weights = bvh.nearest(maker.holder, starts)
    _, other_face, _ = bvh.nearest(maker.holder, others)
    ends = np.einsum("nk,nkj->nj", weights, holder.vertices[holder.faces[face]])
    chance = np.random.default_rng(0).integers(len(others), size=(_ALTERNATIVES, len(starts)))
    starts = np.tile(starts, (_ALTERNATIVES + 1, 1))
    out = np.tile(face_normals(held.triangles)[own], (_ALTERNATIVES + 1, 1))
    ends = np.concatenate([ends, *(others[row] for row in chance)])
    into = face_normals(holder.triangles)[np.concatenate([face, *(other_face[row] for row in chance)])]
    axis = ends - starts
    length = np.linalg.norm(axis, axis=1)
    axis /= np.maximum(length, 1e-300)[:, None]
    steep = np.minimum(np.einsum("nj,nj->n", axis, out), -np.einsum("nj,nj->n", axis, into)) >= _STEEP
    near = length <= LONGER * length.min() + LONGER_MM
    kept = np.flatnonzero(steep & near & (length > 1e-6))
    seen = kept[maker.sees(starts[kept], ends[kept])]
    return np.ascontiguousarray(starts[seen]), np.ascontiguousarray(ends[seen])


def _between_segments(starts: Float, ends: Float, start: Float, end: Float) -> Float:
    """Distance (n,) of each segment from one other (Ericson, Real-Time Collision Detection, 2005, section 5.1.9)."""
    one, two, off = ends - starts, end - start, starts - start
    a, e = np.einsum("nj,nj->n", one, one), float(two @ two)
    b, c, f = one @ two, np.einsum("nj,nj->n", one, off), off @ two
    denominator = a * e - b * b
    parallel = denominator <= 1e-12 * a * e
    s = np.where(parallel, 0.0, np.clip((b * f - c * e) / np.where(parallel, 1.0, denominator), 0.0, 1.0))
    t = np.clip((b * s + f) / e, 0.0, 1.0)
    s = np.clip((b * t - c) / a, 0.0, 1.0)
    nearest = np.linalg.norm(off + s[:, None] * one - t[:, None] * two, axis=1)
    return np.asarray(nearest)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Maker:
    """What a strut must fit into."""

    held: bvh.Tree
    holder: bvh.Tree
    diameter_mm: float
    zones: Zones

    def sees(self, starts: Float, ends: Float) -> Bool:
        """(n,) whether a few points on the way between each pair are free: a quick look before the exact one."""
        way = np.concatenate([starts + share * (ends - starts) for share in _LOOKS])
        free = (bvh.winding(self.held, way) == 0) & (bvh.winding(self.holder, way) == 0)
        free[free] = self.zones.gap_mm(way[free]) >= self.diameter_mm / 2.0 + CLEARANCE_MM
        return np.asarray(free.reshape(len(_LOOKS), -1).all(axis=0))

    def fits(self, start: Float, end: Float) -> bool:
        """Whether the strut runs free, ends in matter, and keeps clear of the zones and of the bodies beside it."""
        length = float(np.linalg.norm(end - start))
        axis = (end - start) / length
        first, last = start - SUNK_MM * axis, end + SUNK_MM * axis
        if not self._holds(self.held, first, axis) or not self._holds(self.holder, last, axis):
            return False
        spacing = self.diameter_mm / 4.0
        steps = int(np.ceil((length + 2 * SUNK_MM) / spacing)) + 1
        whole = first + np.linspace(0.0, 1.0, steps)[:, None] * (last - first)
        if self.zones.gap_mm(whole).min() < self.diameter_mm / 2.0 + CLEARANCE_MM + spacing / 2.0:
            return False
        share = np.linspace(0.0, 1.0, int(np.ceil(length / spacing)) + 3)[1:-1]
        seen = start + share[:, None] * (end - start)
        return self._free(self.held, seen, share * length) and self._free(self.holder, seen, (1.0 - share) * length)

    def _holds(self, tree: bvh.Tree, end: Float, axis: Float) -> bool:
        """Whether a sunk end lies in matter with its middle and half its rim; a bar thicker than the body does not."""
        one, two = across(axis)
        angle = 2.0 * np.pi * np.arange(12)[:, None] / 12
        rim = end + self.diameter_mm / 2.0 * (np.cos(angle) * one + np.sin(angle) * two)
        inside = bvh.winding(tree, np.vstack([end, rim])) == 1
        return bool(inside[0]) and int(inside[1:].sum()) >= 6

    def _free(self, tree: bvh.Tree, seen: Float, from_end_mm: Float) -> bool:
        """Whether points of the axis lie outside a body and, away from the strut's end in it, off its surface."""
        if (bvh.winding(tree, seen) != 0).any():
            return False
        away = from_end_mm >= 1.5 * self.diameter_mm
        distance, _, _ = bvh.nearest(tree, seen[away])
        return bool((distance >= self.diameter_mm / 2.0).all())
