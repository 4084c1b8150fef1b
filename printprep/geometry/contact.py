"""Which bodies hold together, and how far the others are from the nearest one.

Two bodies hold together when the surface of one lies in the other, or within a hair of it, over enough area. What only
comes near, or meets in a point, will come apart in the hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.geometry.bvh import nearest, winding
from printprep.geometry.mesh import Float, Int, Mesh, Point, as_point, join
from printprep.geometry.near import clear
from printprep.geometry.shells import pick, shells
from printprep.geometry.spread import Spread, spread
from printprep.geometry.topology import bodies as label_bodies
from printprep.geometry.topology import edges

Index = npt.NDArray[np.int64]

TOUCH_MM: Final = 0.05
"""Surfaces nearer than this touch."""

MOST_BODIES: Final = 200
"""Of one part; a raw threshold of a scan has a million, and only the largest ones matter."""

SPACING_MM: Final = 1.0
"""Contact is measured at points of the surface not farther apart than about this."""

_PROBES_GAP: Final = 1000  # points of a body that bound its distance to another
_PROBES: Final = 4000  # points of a body that are asked whether they lie in another


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Bodies that hold together."""

    bodies: tuple[int, ...]  # by index, the largest first
    volume_mm3: float
    gap_mm: float  # to the nearest body of another cluster; 0.0 for the largest cluster
    contact_mm2: float  # the most that any other body touches it by, less than is enough
    nearest: int | None  # that body
    where_mm: Point  # the place of the cluster that is nearest to it


def solid_bodies(mesh: Mesh, least_mm3: float) -> list[Mesh]:
    """The separate bodies of a closed mesh, each with the cavities in it, the largest first.

    Bodies and cavities of less than ``least_mm3`` are left out, and so are all beyond the :data:`MOST_BODIES` largest.
    """
    label, count = label_bodies(edges(mesh))
    if count == 1:
        return [mesh]
    volumes = _volumes(mesh, label, count)
    kept = np.argsort(-np.abs(volumes), kind="stable")[:MOST_BODIES]
    kept = kept[np.abs(volumes[kept]) >= least_mm3]
    if not len(kept):
        return []
    found = shells(join([pick(mesh, np.flatnonzero(label == i).astype(np.int32)) for i in kept]))
    with_cavities = {i: [shell.mesh] for i, shell in enumerate(found) if shell.volume_mm3 > 0}
    for shell in found:
        around = [i for i in shell.inside if i in with_cavities]
        if shell.volume_mm3 < 0 and around:
            with_cavities[max(around, key=lambda i: found[i].depth)].append(shell.mesh)
    solids = [join(meshes) for meshes in with_cavities.values()]
    return sorted(solids, key=lambda solid: -solid.volume_mm3)


def _volumes(mesh: Mesh, label: Int, count: int) -> Float:
    """(count,) signed volume of each connected surface."""
    corners = mesh.triangles - mesh.vertices.mean(axis=0)
    volumes = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6.0
    sums = np.bincount(label[label >= 0], weights=volumes[label >= 0], minlength=count)
    return np.asarray(sums, dtype=np.float64)


def contact_mm2(a: Spread, b: Spread, enough_mm2: float) -> float:
    """Area of one surface that lies in the other or within :data:`TOUCH_MM` of it, of the two ways the larger.

    Measuring ends as soon as it is ``enough_mm2``.
    """
    best = 0.0
    rest: list[tuple[Spread, Float, Float, float]] = []
    for one, other in ((a, b), (b, a)):
        lower, upper = other.mesh.bounds_mm
        reach = ((one.points >= lower - TOUCH_MM) & (one.points <= upper + TOUCH_MM)).all(axis=1)
        points, areas = one.points[reach], one.area_mm2[reach]
        apart = clear(other.tree, points, TOUCH_MM)
        area = float(areas[~apart].sum())
        best = max(best, area)
        if best >= enough_mm2:
            return best
        rest.append((other, points[apart], areas[apart], area))
    for other, points, areas, area in rest:
        stride = 1 + len(points) // _PROBES
        inside = winding(other.tree, points[::stride]) > 0
        best = max(best, area + stride * float(areas[::stride][inside].sum()))
    return best


def clusters(solids: Sequence[Mesh], enough_mm2: float) -> tuple[Cluster, ...]:
    """Which of ``solids`` hold together, the largest cluster first.

    Parameters
    ----------
    solids
        Closed, faces outward, at least one face each.
    enough_mm2
        Bodies that touch by less do not hold together.
    """
    surfaces = [spread(solid, SPACING_MM) for solid in solids]
    boxes = np.stack([solid.bounds_mm for solid in solids]) if solids else np.zeros((0, 2, 3))
    group = np.arange(len(solids))
    weak: dict[int, float] = {}
    for i, j in _meeting(boxes):
        if group[i] == group[j]:
            continue
        area = contact_mm2(surfaces[i], surfaces[j], enough_mm2)
        if area >= enough_mm2:
            group[group == group[j]] = group[i]
        elif area > 0:
            weak[i], weak[j] = max(area, weak.get(i, 0.0)), max(area, weak.get(j, 0.0))
    volumes = np.array([solid.volume_mm3 for solid in solids])
    members = [np.flatnonzero(group == name) for name in np.unique(group)]
    members.sort(key=lambda mine: (-volumes[mine].sum(), mine[0]))
    found: list[Cluster] = []
    for mine in members:
        bodies = tuple(sorted(mine.tolist(), key=lambda i: -volumes[i]))
        gap, other, where = _gap(surfaces, boxes, group, bodies) if found else (0.0, None, boxes[mine[0]].mean(axis=0))
        cluster = Cluster(
            bodies=bodies,
            volume_mm3=float(volumes[mine].sum()),
            gap_mm=gap,
            contact_mm2=max(weak.get(i, 0.0) for i in bodies),
            nearest=other,
            where_mm=as_point(where),
        )
        found.append(cluster)
    return tuple(found)


def _meeting(boxes: Float) -> list[tuple[int, int]]:
    """Pairs of bodies whose boxes (k, 2, 3) meet, those that overlap most first, because they are likely to touch."""
    pairs = []
    for i in range(len(boxes)):
        overlap = np.minimum(boxes[i, 1], boxes[i + 1 :, 1]) - np.maximum(boxes[i, 0], boxes[i + 1 :, 0]) + TOUCH_MM
        size = np.where((overlap >= 0).all(axis=1), overlap.clip(min=0).prod(axis=1), -1.0)
        pairs += [(float(size[k]), i, i + 1 + int(k)) for k in np.flatnonzero(size >= 0)]
    return [(i, j) for _, i, j in sorted(pairs, key=lambda pair: (-pair[0], *pair[1:]))]


def _gap(surfaces: Sequence[Spread], boxes: Float, group: Index, mine: tuple[int, ...]) -> tuple[float, int, Float]:
    """Distance of bodies to the nearest of any other cluster, that one, and the place."""
    points = np.concatenate([np.concatenate([surfaces[i].points, surfaces[i].mesh.vertices]) for i in mine])
    lower, upper = points.min(axis=0), points.max(axis=0)
    far = np.linalg.norm(np.maximum(0.0, np.maximum(boxes[:, 0] - upper, lower - boxes[:, 1])), axis=1)
    others = np.flatnonzero(group != group[mine[0]])
    best, body, where = np.inf, -1, points[0]
    for other in others[np.argsort(far[others], kind="stable")].tolist():
        if far[other] >= best:
            break
        tree = surfaces[other].tree
        some = points[:: 1 + len(points) // _PROBES_GAP]  # a bound first: an unbounded search from afar is slow
        distance, _, _ = nearest(tree, some)
        bound = min(best, float(distance.min()))
        rivals = np.concatenate([points[~clear(tree, points, bound)], some[[int(np.argmin(distance))]]])
        distance, _, _ = nearest(tree, rivals)
        at = int(np.argmin(distance))
        if distance[at] < best:
            best, body, where = float(distance[at]), other, rivals[at]
    return best, body, where
