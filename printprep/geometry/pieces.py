"""Pieces of a body: solids that stay together, one of them cut by a plane, and what of a piece holds together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from manifold3d import OpType

from printprep.errors import MeshError
from printprep.geometry.bvh import build, winding
from printprep.geometry.contact import Cluster, clusters
from printprep.geometry.cuts import Plane
from printprep.geometry.mesh import Bool, Float, join
from printprep.geometry.solid import Manifold, from_solid, to_solid
from printprep.geometry.specks import SPECK_MM3

VOLUME_TOLERANCE: Final = 1e-6  # of the volume; both sides of a cut add up within this
SLIVER_MM3: Final = 20.0  # a loose body of less is too small to keep hold of
SHAVED_MM: Final = 1.2  # three lines of a common nozzle; what rises less over a plane was shaved off

_ON_MM: Final = 1e-6  # from a plane: a vertex that the cut made


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Solids that stay together, by name, and points that they will reach once pins stand on them."""

    solids: Mapping[str, Manifold]
    extra_mm: Float = field(default_factory=lambda: np.zeros((0, 3)))

    def points_mm(self) -> Float:
        """All vertices and extra points, (n, 3)."""
        return np.concatenate([*(from_solid(s).vertices for s in self.solids.values()), self.extra_mm])


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """A piece that a plane cut in two."""

    plane: Plane
    below: Tree
    above: Tree
    area_mm2: Mapping[str, float]  # of the cut, by the names of the solids that it goes through
    trespassed: tuple[str, ...]  # barred solids and zones that it could not avoid

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The leaves, from below up."""
        return (*leaves(self.below), *leaves(self.above))


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """What a plane left in bodies that do not hold together, each with a face that was cut."""

    groups: tuple[Tree, ...]


Tree = Piece | Parted | Apart


def leaves(tree: Tree) -> tuple[Piece, ...]:
    """The pieces of a tree, in the order of their numbers."""
    if isinstance(tree, Apart):
        return tuple(piece for group in tree.groups for piece in leaves(group))
    return (tree,) if isinstance(tree, Piece) else tree.pieces


def nodes(tree: Tree) -> Iterator[Parted]:
    """Every cut of a tree, the first one first."""
    if isinstance(tree, Parted):
        yield tree
        yield from nodes(tree.below)
        yield from nodes(tree.above)
    elif isinstance(tree, Apart):
        for group in tree.groups:
            yield from nodes(group)


def cut(piece: Piece, plane: Plane, reach_mm: float = 0.0) -> tuple[Piece, Piece]:
    """What of a piece is below and above a plane, exact; pins of ``reach_mm`` will stand on what is below.

    Raises
    ------
    MeshError
        The volumes do not add up within :data:`VOLUME_TOLERANCE`.
    """
    below: dict[str, Manifold] = {}
    above: dict[str, Manifold] = {}
    for name, solid in piece.solids.items():
        upper, lower = solid.split_by_plane(plane.normal, plane.offset_mm)
        lost_mm3 = solid.volume() - upper.volume() - lower.volume()
        if abs(lost_mm3) > VOLUME_TOLERANCE * solid.volume():
            raise MeshError(f"{name} lost {lost_mm3:.6f} mm3 of {solid.volume():.3f} when it was cut; repair it first")
        for side, half in ((below, lower), (above, upper)):
            if not half.is_empty():
                side[name] = half
    height_mm = plane.above_mm(piece.extra_mm)
    feet = Piece(solids=below).points_mm()
    feet = feet[np.abs(plane.above_mm(feet)) < _ON_MM]
    pins_mm = feet + reach_mm * np.array(plane.normal) if reach_mm else np.zeros((0, 3))
    return (
        Piece(solids=below, extra_mm=np.concatenate([piece.extra_mm[height_mm <= 0], pins_mm])),
        Piece(solids=above, extra_mm=piece.extra_mm[height_mm > 0]),
    )


def given_back(below: Piece, above: Piece, plane: Plane, fits: Callable[[Piece], bool]) -> tuple[Piece, Piece]:
    """Both sides of a cut, each shaving that a plane takes off the other side's body where it grew.

    Of a round body a plane may graze a bump: the cap comes off as a body of its own, too small to hold and too thin to
    print, that hangs in the air beside its piece. It stays with the side that it grew from and stands out of the plane
    there; the other side has nothing in that place. Not where that makes a side too large that fitted.
    """
    sides = [below, above]
    for giver, taker in ((0, 1), (1, 0)):
        for name in sorted(sides[giver].solids.keys() & sides[taker].solids.keys()):
            kept, shaved = _shavings(sides[giver].solids[name], plane)
            if not shaved or not kept:
                continue
            grown = _with(sides[taker], name, Manifold.batch_boolean([sides[taker].solids[name], *shaved], OpType.Add))
            if fits(sides[taker]) and not fits(grown):
                continue
            sides[giver], sides[taker] = _with(sides[giver], name, _joined(kept)), grown
    return sides[0], sides[1]


def _with(piece: Piece, name: str, solid: Manifold) -> Piece:
    return Piece(solids={**piece.solids, name: solid}, extra_mm=piece.extra_mm)


def _shavings(solid: Manifold, plane: Plane) -> tuple[list[Manifold], list[Manifold]]:
    """The bodies of one side of a cut that it keeps, cavities among them, and those that were only shaved off."""
    bodies = solid.decompose()
    if len(bodies) == 1:
        return bodies, []
    kept: list[Manifold] = []
    shaved: list[Manifold] = []
    for body in bodies:
        heights_mm = np.abs(plane.above_mm(from_solid(body).vertices))
        small = 0.0 < body.volume() < SLIVER_MM3 or (body.volume() > 0.0 and float(heights_mm.max()) < SHAVED_MM)
        (shaved if small and float(heights_mm.min()) < _ON_MM else kept).append(body)
    return kept, shaved


def standing(piece: Piece, planes: Sequence[Plane], enough_mm2: float) -> tuple[Piece, ...]:
    """A piece in as many as there are groups of bodies in it that hold together and have a face on one of ``planes``.

    What has none was loose before, and stays with what it is nearest to.

    Parameters
    ----------
    piece
        Of a body that was cut.
    planes
        Those that cut it.
    enough_mm2
        Bodies that touch by less do not hold together.

    Returns
    -------
    tuple of Piece
        The largest first; the piece itself when it is one.
    """
    bodies = [(name, body) for name, solid in piece.solids.items() for body in _bodies(solid)]
    if len(bodies) < 2:
        return (piece,)
    bodies.sort(key=lambda one: -one[1].volume())
    large = sum(body.volume() >= SPECK_MM3 for _, body in bodies)
    found = clusters([from_solid(body) for _, body in bodies[:large]], enough_mm2)
    own = [k for k, cluster in enumerate(found) if any(_is_cut(bodies[i][1], planes) for i in cluster.bodies)]
    if len(own) < 2:
        return (piece,)
    host = _hosts(found, own)
    of_body = {i: host[k] for k, cluster in enumerate(found) for i in cluster.bodies}
    for i in range(large, len(bodies)):
        of_body[i] = of_body[min(range(large), key=lambda j: _box_gap_mm(bodies[i][1], bodies[j][1]))]
    groups: list[dict[str, list[Manifold]]] = [{} for _ in found]
    for i, (name, body) in enumerate(bodies):
        groups[of_body[i]].setdefault(name, []).append(body)
    made = [{name: _joined(groups[k][name]) for name in piece.solids if name in groups[k]} for k in own]
    near = np.array([_away_mm(solids, piece.extra_mm) for solids in made]).argmin(axis=0)
    return tuple(Piece(solids=solids, extra_mm=piece.extra_mm[near == k]) for k, solids in enumerate(made))


def _away_mm(solids: Mapping[str, Manifold], points: Float) -> Float:
    """(n,) distance of points from the nearest box of a solid."""
    away = []
    for solid in solids.values():
        low, high = np.reshape(solid.bounding_box(), (2, 3))
        away.append(np.linalg.norm(np.maximum(0.0, np.maximum(low - points, points - high)), axis=1))
    return np.asarray(np.min(away, axis=0))


def _hosts(found: Sequence[Cluster], own: Sequence[int]) -> list[int]:
    """For each cluster the one of ``own`` that it stays with: itself, or the one that it is nearest to."""
    of_body = {i: k for k, cluster in enumerate(found) for i in cluster.bodies}
    host = []
    for start in range(len(found)):
        k, seen = start, set[int]()
        while k not in own and k not in seen:
            seen.add(k)
            near = found[k].nearest
            k = own[0] if near is None else of_body[near]
        host.append(k if k in own else own[0])
    return host


def _bodies(solid: Manifold) -> Iterator[Manifold]:
    """The separate bodies of a solid, each with the cavities in it."""
    found = solid.decompose()
    outer = sorted((body for body in found if body.volume() > 0.0), key=lambda body: body.volume())
    if len(outer) < 2:
        yield solid
        return
    parts = [[body] for body in outer]
    trees = [build(from_solid(body)) for body in outer] if len(outer) < len(found) else []
    for cavity in (body for body in found if body.volume() <= 0.0):
        at = from_solid(cavity).vertices[:1]
        around = [k for k, tree in enumerate(trees) if winding(tree, at)[0] > 0]
        parts[around[0] if around else -1].append(cavity)
    yield from (_joined(part) for part in parts)


def _joined(bodies: Sequence[Manifold]) -> Manifold:
    """Bodies that do not overlap as one solid; through their surfaces, since manifold3d's own way fills cavities."""
    return bodies[0] if len(bodies) == 1 else to_solid(join([from_solid(body) for body in bodies]))


def _is_cut(body: Manifold, planes: Sequence[Plane]) -> bool:
    points = from_solid(body).vertices
    on: Bool = np.zeros(len(points), np.bool_)
    for plane in planes:
        on |= np.abs(plane.above_mm(points)) < _ON_MM
    return bool(on.any())


def _box_gap_mm(a: Manifold, b: Manifold) -> float:
    """Distance between the boxes around two bodies."""
    low_a, low_b = np.array(a.bounding_box()[:3]), np.array(b.bounding_box()[:3])
    high_a, high_b = np.array(a.bounding_box()[3:]), np.array(b.bounding_box()[3:])
    return float(np.linalg.norm(np.maximum(0.0, np.maximum(low_a - high_b, low_b - high_a))))
