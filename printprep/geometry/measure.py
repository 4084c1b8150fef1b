"""What is wrong with a surface, and how far two surfaces are apart."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from printprep.geometry import areas
from printprep.geometry.bvh import build, nearest
from printprep.geometry.deviation import Deviation
from printprep.geometry.intersect import self_intersecting
from printprep.geometry.mesh import Bool, Float, Int, Mesh, Point, as_point
from printprep.geometry.topology import MOST_BODIES, bodies, duplicates, edges

__all__ = ["Defects", "Deviation", "Samples", "deviation", "inspect", "same", "sample", "summarise"]

_FLAT = 1e-12
"""A face is degenerate when its doubled area is below this share of its longest edge squared: no height at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defects:
    """What is wrong with a mesh, counted; ``where_mm`` has one place for each kind that was found."""

    triangles: int
    vertices: int
    bodies: int  # connected surfaces
    non_finite: int  # vertices with a NaN or an infinite coordinate
    open_edges: int  # with one face
    nonmanifold_edges: int  # with three or more
    misoriented_edges: int  # whose two faces disagree about the outside
    degenerate_faces: int  # a vertex twice, or no height
    duplicate_faces: int  # beyond the first on the same three vertices, either way round
    inside_out: bool  # closed, wound the same way everywhere, and the volume is negative
    self_intersecting_faces: int
    volume_mm3: float  # signed; means nothing for an open surface
    area_mm2: float
    where_mm: dict[str, Point] = field(default_factory=dict)  # by name of the field above

    @property
    def closed(self) -> bool:
        """Whether the surface bounds a volume: no open edge, and every edge between two faces that agree."""
        return self.triangles > 0 and not (
            self.open_edges or self.nonmanifold_edges or self.misoriented_edges or self.non_finite
        )

    @property
    def clean(self) -> bool:
        """Whether there is nothing to mend."""
        return self.closed and not (
            self.degenerate_faces or self.duplicate_faces or self.inside_out or self.self_intersecting_faces
        )


def _point(mesh: Mesh, mask: Bool, ends: Int) -> Point:
    """Middle of the first row of ``ends`` (k, 2 or 3 vertices) that ``mask`` picks."""
    return as_point(mesh.vertices[ends[int(np.argmax(mask))]].mean(axis=0))


def inspect(mesh: Mesh, *, self_intersections: bool = True) -> Defects:
    """Count what is wrong with ``mesh``.

    Parameters
    ----------
    mesh
        Welded: topology goes by vertex index.
    self_intersections
        Whether to look for them; without, the count is 0. They are never looked for among more than
        :data:`printprep.geometry.topology.MOST_BODIES` bodies, which are no anatomy.
    """
    where: dict[str, Point] = {}
    finite = np.isfinite(mesh.vertices).all(axis=1)
    non_finite = int((~finite).sum())
    found = edges(mesh)
    flat = np.zeros(len(mesh), np.bool_) if non_finite else areas.flat(mesh, _FLAT)
    first, _ = duplicates(mesh.faces)
    twice = first != np.arange(len(first))
    count = bodies(found)[1]
    look = self_intersections and not non_finite and count <= MOST_BODIES
    hit = self_intersecting(mesh) if look else np.zeros(len(mesh), np.bool_)
    for name, mask, ends in (
        ("open_edges", found.open, found.ends),
        ("nonmanifold_edges", found.nonmanifold, found.ends),
        ("misoriented_edges", found.misoriented, found.ends),
        ("degenerate_faces", flat, mesh.faces),
        ("duplicate_faces", twice, mesh.faces),
        ("self_intersecting_faces", hit, mesh.faces),
    ):
        if mask.any() and not non_finite:
            where[name] = _point(mesh, mask, ends)
    counts = [int(mask.sum()) for mask in (found.open, found.nonmanifold, found.misoriented)]
    volume = areas.volume_mm3(mesh) if not non_finite else 0.0
    inside_out = len(mesh) > 0 and not non_finite and not any(counts) and volume < 0
    if inside_out:
        where["inside_out"] = _point(mesh, np.ones(1, np.bool_), mesh.faces)
    return Defects(
        triangles=len(mesh),
        vertices=len(mesh.vertices),
        bodies=count,
        non_finite=non_finite,
        open_edges=counts[0],
        nonmanifold_edges=counts[1],
        misoriented_edges=counts[2],
        degenerate_faces=int(flat.sum()),
        duplicate_faces=int(twice.sum()),
        inside_out=inside_out,
        self_intersecting_faces=int(hit.sum()),
        volume_mm3=volume,
        area_mm2=float(areas.face_areas_mm2(mesh).sum()) if not non_finite else 0.0,
        where_mm=where,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Points of a surface: first its used vertices, then points spread evenly over its area."""

    points: Float  # (n, 3) mm
    face: Int  # (n,) a face that holds the point
    even: Bool  # (n,) whether it is one of those spread over the area


def sample(mesh: Mesh, count: int, seed: int = 0) -> Samples:
    """All vertices of ``mesh`` that faces use, and ``count`` points drawn evenly over its area.

    A point of a face is drawn as by Osada et al., Shape Distributions, 2002. The same seed gives the same points.
    """
    face_of = np.full(len(mesh.vertices), -1, np.int32)
    face_of[mesh.faces.reshape(-1)] = np.repeat(np.arange(len(mesh), dtype=np.int32), 3)
    used = face_of >= 0
    random = np.random.default_rng(seed)
    until = np.cumsum(areas.face_areas_mm2(mesh))
    if not len(until) or until[-1] <= 0:
        count = 0
    at = (random.random(count) + np.arange(count)) / max(count, 1)  # one in each of `count` equal shares of the area
    drawn = np.searchsorted(until, at * (until[-1] if count else 0.0), side="right").clip(max=max(len(mesh) - 1, 0))
    root, v = np.sqrt(random.random((count, 1))), random.random((count, 1))
    a, b, c = (mesh.vertices[mesh.faces[drawn, k]] for k in range(3))
    points = (1 - root) * a + root * (1 - v) * b + root * v * c
    return Samples(
        np.concatenate([mesh.vertices[used], points]),
        np.concatenate([face_of[used], drawn.astype(np.int32)]),
        np.arange(int(used.sum()) + count) >= used.sum(),
    )


def summarise(parts: list[tuple[Samples, npt.NDArray[np.float64], Bool]]) -> Deviation:
    """One deviation from distances (n,) of several sets of samples, of which only the masked ones count.

    The mean and the 95th percentile are over the points spread evenly over the area, so that a finely meshed corner
    does not outweigh the rest; the maximum is over all points.
    """
    points = np.concatenate([samples.points[kept] for samples, _, kept in parts])
    distances = np.concatenate([distance[kept] for _, distance, kept in parts])
    even = np.concatenate([samples.even[kept] for samples, _, kept in parts])
    if not len(distances):
        return Deviation(max_mm=0.0, p95_mm=0.0, mean_mm=0.0, where_mm=None, samples=0)
    worst = int(np.argmax(distances))
    spread = distances[even] if even.any() else distances
    return Deviation(
        max_mm=float(distances[worst]),
        p95_mm=float(np.percentile(spread, 95)),
        mean_mm=float(spread.mean()),
        where_mm=as_point(points[worst]) if distances[worst] > 0 else None,
        samples=len(distances),
    )


def same(a: Mesh, b: Mesh) -> bool:
    """Whether two meshes are the same, number by number."""
    return a is b or (np.array_equal(a.faces, b.faces) and np.array_equal(a.vertices, b.vertices))


def deviation(a: Mesh, b: Mesh, samples: int = 100_000, seed: int = 0) -> Deviation:
    """Two-way distance between the surfaces of ``a`` and ``b``: how far each is from the other.

    From every vertex, and from ``samples`` points spread evenly over the two areas, to the exactly nearest point of
    the other surface. Of a distance only its size counts: a surface and its inside-out twin are 0 apart.

    Parameters
    ----------
    a, b
        Finite, with at least one face each.
    samples
        Points over the areas, half on each surface; the vertices come on top.
    seed
        Of the points' random places.
    """
    if same(a, b):  # number by number: nothing to measure
        return Deviation(max_mm=0.0, p95_mm=0.0, mean_mm=0.0, where_mm=None, samples=2 * len(a.vertices))
    one, two = sample(a, samples - samples // 2, seed), sample(b, samples // 2, seed + 1)
    there, back = nearest(build(b), one.points)[0], nearest(build(a), two.points)[0]
    return summarise(
        [(one, there, np.ones(len(there), np.bool_)), (two, back, np.ones(len(back), np.bool_))],
    )
