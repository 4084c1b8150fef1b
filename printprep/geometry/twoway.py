"""How far two surfaces are from each other, each way for itself, with its sign and its places.

:func:`printprep.geometry.measure.deviation` is the same distance in four figures, for a certificate; this is for a
person who has two meshes, a segmentation and its print, or a model before and after a program had it, and asks what
became of it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.geometry.bvh import Tree, build, nearest
from printprep.geometry.measure import sample
from printprep.geometry.mesh import Float, Mesh, Point, as_point
from printprep.geometry.side import inside
from printprep.geometry.topology import edges

PLACES: Final = 5
"""So many places are named at most, the worst first."""

APART: Final = 0.1
"""Places are at least this share of the surface's diagonal apart."""

WORTH: Final = 0.5
"""A place is named when it is off by more than this share of the worst."""

ON_MM: Final = 1e-9
"""Nearer than this is on the surface, neither inside nor outside."""

NOTHING_MM: Final = 1e-4
"""Less is the rounding of a coordinate in a 3MF, and no place to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a surface is far from the other."""

    where_mm: Point
    nearest_mm: Point  # the point of the other surface that is nearest to it
    off_mm: float  # signed where the sign is known: + outside the other


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OneWay:
    """From every vertex of one surface, and from points spread evenly over it, to the nearest point of another.

    Mean, root mean square and 95 % are of the evenly spread points, so that a finely meshed corner does not outweigh
    the rest; the extremes are of all points.
    """

    max_mm: float
    p95_mm: float
    mean_mm: float
    rms_mm: float
    outside_mm: float | None  # farthest outside of the other; None: the other is not closed and has no outside
    inside_mm: float | None  # farthest inside of it, a positive figure
    bias_mm: float | None  # mean with sign, + outside
    places: tuple[Place, ...]
    samples: int
    by_vertex_mm: Float  # (n,) at each vertex, signed where the sign is known; nan where no face uses it


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoWay:
    """Two surfaces, each seen from the other."""

    there: OneWay  # from the first to the second
    back: OneWay  # from the second to the first

    @property
    def hausdorff_mm(self) -> float:
        """The larger of the two maxima: no point of either surface is farther from the other."""
        return max(self.there.max_mm, self.back.max_mm)

    @property
    def p95_mm(self) -> float:
        """The larger of the two 95 %."""
        return max(self.there.p95_mm, self.back.p95_mm)


def two_way(a: Mesh, b: Mesh, samples: int = 200_000, seed: int = 0) -> TwoWay:
    """Distances between the surfaces of ``a`` and ``b``, exact from point to triangle, both ways.

    Parameters
    ----------
    a, b
        Finite, with at least one face each, in one frame: nothing is moved.
    samples
        Points over the areas, half on each surface; all vertices come on top.
    seed
        Of the points' random places; the same seed gives the same figures.
    """
    with ThreadPoolExecutor(2) as pool:
        tree_a, tree_b = pool.map(build, (a, b))
        there = pool.submit(_one_way, a, b, tree_b, samples - samples // 2, seed)
        back = pool.submit(_one_way, b, a, tree_a, samples // 2, seed + 1)
        return TwoWay(there=there.result(), back=back.result())


def _one_way(mesh: Mesh, other: Mesh, tree: Tree, count: int, seed: int) -> OneWay:
    taken = sample(mesh, count, seed)
    distance, face, weights = nearest(tree, taken.points)
    signed = _closed(other)
    off = distance.copy()
    if signed:
        asked = np.flatnonzero(distance > ON_MM)
        off[asked[inside(other, tree, taken.points[asked], face[asked], weights[asked])]] *= -1.0
    spread = taken.even if taken.even.any() else np.ones(len(distance), np.bool_)
    by_vertex = np.full(len(mesh.vertices), np.nan)
    used = np.zeros(len(mesh.vertices), np.bool_)
    used[mesh.faces] = True
    by_vertex[used] = off[~taken.even]
    places = _worst(distance, taken.points, float(np.linalg.norm(mesh.size_mm)))
    feet = np.einsum("nk,nkc->nc", weights[places], other.vertices[other.faces[face[places]]])
    return OneWay(
        max_mm=float(distance.max()),
        p95_mm=float(np.percentile(distance[spread], 95)),
        mean_mm=float(distance[spread].mean()),
        rms_mm=float(np.sqrt((distance[spread] ** 2).mean())),
        outside_mm=float(max(off.max(), 0.0)) if signed else None,
        inside_mm=float(max(-off.min(), 0.0)) if signed else None,
        bias_mm=float(off[spread].mean()) if signed else None,
        places=tuple(
            Place(where_mm=as_point(taken.points[at]), nearest_mm=as_point(foot), off_mm=float(off[at]))
            for at, foot in zip(places, feet, strict=True)
        ),
        samples=len(distance),
        by_vertex_mm=by_vertex,
    )


def _closed(mesh: Mesh) -> bool:
    """Whether a mesh, whose equal vertices are one, has an inside: closed, and not inside out."""
    found = edges(mesh)
    broken = bool((found.open | found.nonmanifold | found.misoriented).any())
    return not broken and mesh.volume_mm3 > 0


def _worst(distance: Float, points: Float, diagonal_mm: float) -> list[int]:
    """Up to :data:`PLACES` points with the greatest distances, none near to another."""
    left, found = distance.copy(), list[int]()
    while len(found) < PLACES:
        at = int(np.argmax(left))
        if left[at] <= max(WORTH * float(distance.max()), NOTHING_MM):
            break
        found.append(at)
        left[np.linalg.norm(points - points[at], axis=1) <= APART * diagonal_mm] = 0.0
    return found
