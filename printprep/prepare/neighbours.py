"""Printed parts that share a wall or volume, pair by pair, and how far what is added reaches into the anatomy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final

import numpy as np

from printprep.errors import MeshError
from printprep.geometry.bvh import Tree, build, nearest, winding
from printprep.geometry.measure import sample
from printprep.geometry.mesh import Bool, Float, Mesh, Point, as_point
from printprep.geometry.near import clear
from printprep.geometry.solid import to_solid
from printprep.plan import Matrix, Pair, Plan, PlannedPart

COINCIDENT_MM: Final = 1e-3
"""Surfaces nearer than this are one wall that two parts share."""
_SAMPLES: Final = 20_000  # over a surface
_LEAST: Final = 3  # samples that make a wall, and no line where two surfaces cross

Names = tuple[str, str]


def coincident_mm2(plan: Plan) -> dict[Names, float]:
    """Area of each part's surface that lies on a part of higher priority, by their names in the case, low and high.

    Sampled: a shared wall of less than a few ten-thousandths of the surface may be missed.
    """
    drawn: dict[str, tuple[Float, float]] = {}
    trees: dict[str, Tree] = {}
    found: dict[Names, float] = {}
    anatomy = [part for part in plan.parts if not part.added and _usable(part.mesh)]
    for low, high in combinations(anatomy, 2):
        if low.piece != high.piece or _apart(low.mesh, high.mesh):
            continue
        if low.name not in drawn:
            drawn[low.name] = sample(low.mesh, _SAMPLES).points[-_SAMPLES:], low.mesh.area_mm2 / _SAMPLES
        if high.name not in trees:
            trees[high.name] = build(high.mesh)
        points, each_mm2 = drawn[low.name]
        lower, upper = high.mesh.bounds_mm
        near = ((points >= lower - COINCIDENT_MM) & (points <= upper + COINCIDENT_MM)).all(axis=1)
        count = int((~clear(trees[high.name], points[near], COINCIDENT_MM)).sum())
        if count >= _LEAST:
            key = low.source, high.source
            found[key] = found.get(key, 0.0) + count * each_mm2
    return found


def pairs_of(plan: Plan, lost: Mapping[str, Mapping[str, float]], shared: Mapping[Names, float]) -> tuple[Pair, ...]:
    """Pairs of parts of the anatomy that share a wall or volume, those that share most volume first."""
    tools = {part.source: part.tool for part in plan.parts}
    added = {part.source for part in plan.parts if part.added}
    volumes = {(low, high): mm3 for low, takers in lost.items() for high, mm3 in takers.items() if low not in added}
    pairs = [
        Pair(
            low=low,
            high=high,
            coincident_mm2=shared.get((low, high), 0.0),
            lost_mm3=volumes.get((low, high), 0.0),
            same_tool=tools[low] == tools[high],
        )
        for low, high in dict.fromkeys([*volumes, *shared])
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.lost_mm3, -pair.coincident_mm2, pair.low, pair.high)))


def deepest(name: str, plan: Plan) -> tuple[float, str | None]:
    """How far an added part reaches into the anatomy at most, mm, and into which part; (0.0, None): nowhere.

    From its vertices and points spread over it; what lies in a cavity of the anatomy is in no matter.
    """
    worst: tuple[float, str | None] = (0.0, None)
    for piece in plan.pieces(name):
        points = sample(piece.mesh, _SAMPLES).points if _usable(piece.mesh) else np.zeros((0, 3))
        for part, mesh, _ in _anatomy_beside(piece, plan):
            inside = points[_within(points, mesh)]
            tree = build(mesh)
            inside = inside[winding(tree, inside) > 0]
            if len(inside):
                worst = max(worst, (float(nearest(tree, inside)[0].max()), part.source), key=lambda found: found[0])
    return worst


def largest_place(name: str, plan: Plan) -> tuple[float, str | None, Point | None]:
    """The most that an added part takes of the anatomy in one place: mm3, of which part, and where in the case's frame.

    How deep it reaches says nothing of a thin wall that it goes through; this does. Parts that are no solids are left
    out; the certificate says of them that they are not closed.
    """
    worst: tuple[float, str | None, Point | None] = (0.0, None, None)
    for piece in plan.pieces(name):
        for part, mesh, to_case in _anatomy_beside(piece, plan):
            try:
                places = (to_solid(piece.mesh) ^ to_solid(mesh)).decompose()
            except MeshError:
                continue
            for place in places:
                volume_mm3 = float(place.volume())
                if volume_mm3 > worst[0]:
                    middle = np.reshape(place.bounding_box(), (2, 3)).mean(axis=0)
                    worst = volume_mm3, part.source, as_point(to_case[:3, :3] @ middle + to_case[:3, 3])
    return worst


def _anatomy_beside(added: PlannedPart, plan: Plan) -> Iterator[tuple[PlannedPart, Mesh, Matrix]]:
    """The anatomy around an added part: each part, its mesh where it stands beside that one, and the way back.

    Supports are of no piece of a body that was cut, and stand under all that share their plate. The way back is (4, 4),
    from the frame of the added part into the case's.
    """
    for plate in plan.plates:
        if added.name not in plate.parts or not _usable(added.mesh):
            continue
        motion = plate.motion(added)
        for part in plan.parts:
            if part.added or part.name not in plate.parts or not _usable(part.mesh):
                continue
            own = plate.motion(part)
            there = np.eye(4) if np.array_equal(own, motion) else np.linalg.inv(motion) @ own
            mesh = part.mesh.transformed(there)
            if not _apart(added.mesh, mesh):
                yield part, mesh, np.asarray(np.linalg.inv(there), np.float64)


def _usable(mesh: Mesh) -> bool:
    return len(mesh) > 0 and bool(np.isfinite(mesh.vertices).all())


def _within(points: Float, mesh: Mesh) -> Bool:
    """(n,) which points are in the box around a mesh."""
    lower, upper = mesh.bounds_mm
    return np.asarray(((points >= lower) & (points <= upper)).all(axis=1))


def _apart(a: Mesh, b: Mesh) -> bool:
    """Whether the boxes around two meshes are farther apart than a shared wall."""
    (lower_a, upper_a), (lower_b, upper_b) = a.bounds_mm, b.bounds_mm
    return bool((lower_a > upper_b + COINCIDENT_MM).any() or (lower_b > upper_a + COINCIDENT_MM).any())
