"""Surface in zones, exactly: triangles that the border of a zone goes through are cut there, all others are kept.

What a stage measures on a zone must not depend on how a surface is cut into triangles: a cube has twelve, and a zone on
one of its corners holds the middle of none. So triangles are bisected at their longest edge until each piece is proven
to lie inside, proven to lie outside, or small against the zone; only pieces on the border get that far. The proofs:

=======  ====================================================================================================
outside  its box misses that of the zone, or its middle is farther from the zone than from any of its corners,
         because a distance changes by no more than the way
inside   a ball, a box and the place within PAINT_MM of one painted triangle are convex: all three corners in it
         are the whole piece in it; in a solid its middle is deeper than its corners are far
=======  ====================================================================================================

A small piece counts by its middle, so that areas come out neither too large nor too small. A zone that holds the middle
of no piece at all and yet touches the surface holds those pieces that it touches: none is missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.geometry import bvh
from printprep.geometry.mesh import Bool, Float, Mesh
from printprep.geometry.zones import PAINT_MM, Zones

Row = npt.NDArray[np.int64]

FINE_MM: Final = 0.25
"""Pieces on a border are no longer: half a line of a nozzle, and less than a column of any measure that reads them."""

_ACROSS: Final = 12  # or so many across a zone where it is narrowest
_ALONG: Final = 1000  # but no more than this along where it is longest
_MOST: Final = 400_000  # pieces of one zone at a time; beyond that what is left counts by its middles as it is
_ROUNDING_MM: Final = 1e-9  # mm by which a corner on a border is in


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Zoned:
    """A surface cut along the borders of zones."""

    mesh: Mesh  # the faces that no border goes through first and in their order, then the pieces of the others
    source: Row  # (k,) the face of the surface as it came that each face is, or is a piece of
    inside: Bool  # (k,) whether it lies in a zone

    @property
    def area_mm2(self) -> float:
        """How much of the surface lies in zones."""
        return float(self.mesh.face_areas_mm2[self.inside].sum())


def zoned(mesh: Mesh, zones: Zones) -> Zoned:
    """Cut ``mesh`` along the borders of ``zones``.

    Parameters
    ----------
    mesh
        Any surface, finite; mm in the zones' frame.
    zones
        None is no zone: all is outside.

    Returns
    -------
    Zoned
        Pieces have their own corners: a mesh that was closed stays closed to a sum over its faces and to rays, but not
        to a walk along its edges.
    """
    made = Zoned(mesh=mesh, source=np.arange(len(mesh)), inside=np.zeros(len(mesh), np.bool_))
    for zone in zones.each():
        made = _with(made, zone)
    return made


def _with(made: Zoned, zone: Zones) -> Zoned:
    """The same with one zone more."""
    triangles = made.mesh.triangles
    rows = np.flatnonzero(_boxed(triangles, zone) & ~made.inside)
    pieces, of, inside, touching = _pieces(triangles[rows], zone)
    if len(pieces) and not inside.any():
        inside = touching
    held = np.bincount(of[inside], minlength=len(rows))
    cut = (held > 0) & (held < np.bincount(of, minlength=len(rows)))
    whole = made.inside.copy()
    whole[rows[(held > 0) & ~cut]] = True
    if not cut.any():
        return Zoned(mesh=made.mesh, source=made.source, inside=whole)
    kept = np.ones(len(made.mesh), np.bool_)
    kept[rows[cut]] = False
    new = cut[of]
    count = len(made.mesh.vertices)
    added = np.arange(count, count + 3 * int(new.sum())).reshape(-1, 3)
    return Zoned(
        mesh=Mesh(
            np.concatenate([made.mesh.vertices, pieces[new].reshape(-1, 3)]),
            np.concatenate([made.mesh.faces[kept], added.astype(np.int32)]),
        ),
        source=np.concatenate([made.source[kept], made.source[rows[of[new]]]]),
        inside=np.concatenate([whole[kept], inside[new]]),
    )


def _pieces(triangles: Float, zone: Zones) -> tuple[Float, Row, Bool, Bool]:
    """Pieces (k, 3, 3) of triangles, of which each is, whether it is inside, and whether it touches the zone."""
    step_mm = _step_mm(zone)
    left, of = triangles, np.arange(len(triangles))
    done: list[tuple[Float, Row, Bool, Bool]] = []
    while len(left):
        middle = left.mean(axis=1)
        radius = np.linalg.norm(left - middle[:, None], axis=2).max(axis=1)
        near = _boxed(left, zone)
        gap = np.full(len(left), np.inf)
        gap[near] = zone.gap_mm(middle[near])
        near &= gap <= radius + (PAINT_MM if zone.surfaces else 0.0)
        within = np.zeros(len(left), np.bool_)
        within[near] = _within(left[near], gap[near], radius[near], zone)
        edges = np.linalg.norm(np.roll(left, -1, axis=1) - left, axis=2)
        small = (edges.max(axis=1) <= step_mm) | (len(left) > _MOST)
        ready = within | ~near | small
        done.append((left[ready], of[ready], (within | (gap <= 0.0))[ready], near[ready]))
        left, of = _bisected(left[~ready], edges[~ready].argmax(axis=1)), np.concatenate([of[~ready], of[~ready]])
    if not done:
        none = np.zeros(0, np.bool_)
        return triangles, of, none, none
    pieces, sources, inside, touching = (np.concatenate(column) for column in zip(*done, strict=True))
    return pieces, sources, inside, touching


def _step_mm(zone: Zones) -> float:
    size = np.ptp(zone.bounds_mm, axis=0)
    if zone.surfaces:  # a strip of paint is narrow in places, whatever its box
        return min(FINE_MM, max(float(size.max()) / _ACROSS, PAINT_MM))
    return min(FINE_MM, max(float(size.min()) / _ACROSS, float(size.max()) / _ALONG))


def _boxed(triangles: Float, zone: Zones) -> Bool:
    """(m,) whether the box of each triangle meets that of the zone."""
    low, high = zone.bounds_mm
    return np.asarray(((triangles.max(axis=1) >= low) & (triangles.min(axis=1) <= high)).all(axis=1))


def _within(triangles: Float, gap: Float, radius: Float, zone: Zones) -> Bool:
    """(m,) whether the whole of each triangle is in the one zone that there is."""
    if zone.solids:
        return np.asarray(gap < -radius)
    if not zone.surfaces:
        return np.asarray((zone.gap_mm(triangles.reshape(-1, 3)) <= _ROUNDING_MM).reshape(-1, 3).all(axis=1))
    (tree,) = zone.surfaces
    if not len(triangles):
        return np.zeros(0, np.bool_)
    _, face, _ = bvh.nearest(tree, triangles.mean(axis=1))
    rows = np.empty(len(tree.face), np.int64)
    rows[tree.face] = np.arange(len(tree.face))
    painted = np.repeat(tree.corners[rows[face]], 3, axis=0)
    return np.asarray((bvh.apart(triangles.reshape(-1, 3), painted) <= PAINT_MM).reshape(-1, 3).all(axis=1))


def _bisected(triangles: Float, longest: npt.NDArray[np.intp]) -> Float:
    """Triangles (m, 3, 3) made two each, by the middle of the edge from corner ``longest`` (m,) to the next."""
    rows = np.arange(len(triangles))
    a, b, c = (triangles[rows, (longest + k) % 3] for k in range(3))
    middle = (a + b) / 2.0
    return np.concatenate([np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)])
