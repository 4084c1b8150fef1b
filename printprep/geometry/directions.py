"""Ways up: an even set over the sphere, the ways to lie on a large facet, and the turn that makes one of them up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError

from printprep.geometry.mesh import Float, Int

FACETS: Final = 200  # of the hull and of the surface each, the largest first


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hull:
    """The convex hull of a mesh, in its frame."""

    corners_mm: Float  # (h, 3)
    edges: Int  # (e, 2) rows of corners_mm; none when the mesh is flat
    normals: Float  # (f, 3) unit, outward
    areas_mm2: Float  # (f,)
    area_mm2: float
    volume_mm3: float


def fibonacci_sphere(count: int) -> Float:
    """``count`` unit directions spread evenly over the sphere by the golden angle, (count, 3)."""
    step = np.arange(count)
    z = 1.0 - (2.0 * step + 1.0) / count
    turn = np.pi * (3.0 - np.sqrt(5.0)) * step
    radius = np.sqrt(np.maximum(0.0, 1.0 - z * z))
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=1)


def rotation_to_up(up: npt.ArrayLike) -> Float:
    """The least rotation that turns the unit vector ``up`` to +z, (4, 4) rigid; straight down turns about x.

    Rodrigues' formula about ``up x z``, with the way to lean, (a, b), in place of its division by ``1 + z``, so that it
    is exact next to straight up and straight down as well; the result for +z is the identity, exactly.
    """
    x, y, z = (float(v) for v in np.asarray(up, dtype=np.float64) / np.linalg.norm(up))
    matrix = np.eye(4)
    lean = math.hypot(x, y)
    if lean == 0.0:
        matrix[:3, :3] = np.eye(3) if z > 0 else np.diag([1.0, -1.0, -1.0])
    else:
        a, b, rest = x / lean, y / lean, 1.0 - z
        turned = np.array([[1.0 - rest * a * a, -rest * a * b, -x], [-rest * a * b, 1.0 - rest * b * b, -y], [x, y, z]])
        left, _, right = np.linalg.svd(turned)  # orthonormal to the last bit
        matrix[:3, :3] = left @ right
        matrix[np.abs(matrix) < 1e-15] = 0.0
    return matrix


def convex_hull(points: Float) -> Hull:
    """The convex hull of points (n, 3); of points in a plane all of them, and twice their widest rectangle's area."""
    try:
        hull = ConvexHull(points)
    except QhullError:
        none = np.zeros((0, 3))
        extents = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) if len(points) > 1 else np.zeros(2)
        return Hull(
            corners_mm=points,
            edges=np.zeros((0, 2), np.int32),
            normals=none,
            areas_mm2=none[:, 0],
            area_mm2=2.0 * float(np.prod(extents[:2])),
            volume_mm3=0.0,
        )
    corners = points[hull.simplices]
    crosses = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    rows = np.full(len(points), -1, np.int32)
    rows[hull.vertices] = np.arange(len(hull.vertices), dtype=np.int32)
    sides = np.sort(rows[hull.simplices][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    return Hull(
        corners_mm=points[hull.vertices],
        edges=np.unique(sides[(sides >= 0).all(axis=1)], axis=0),
        normals=hull.equations[:, :3],
        areas_mm2=np.linalg.norm(crosses, axis=1) / 2.0,
        area_mm2=float(hull.area),
        volume_mm3=float(hull.volume),
    )


def candidates(normals: Float, areas_mm2: Float, hull: Hull, sphere_directions: int) -> tuple[Float, Int]:
    """Directions to try, (n, 3), and how plain each is, (n,): 0 for the original, which is the first.

    1 is an axis, 2 a large facet of hull or surface, and from 3 on come even sets of the sphere, each ten times as fine
    as the one before. ``normals`` (m, 3) unit and ``areas_mm2`` (m,) are those of the surface.
    """
    axes = np.concatenate([np.eye(3)[::-1], -np.eye(3)[::-1]])
    on_hull = -_dominant(hull.normals, hull.areas_mm2)
    on_surface = _dominant(normals, areas_mm2)
    sets = [axes[:1], axes[1:], np.concatenate([on_hull, -on_surface, on_surface])]
    sets += [fibonacci_sphere(count) for count in (sphere_directions // 100, sphere_directions // 10) if count]
    sets.append(fibonacci_sphere(sphere_directions))
    plain = np.repeat(np.arange(len(sets)), [len(one) for one in sets]).astype(np.int32)
    ups = np.concatenate(sets)
    ups[np.abs(ups) < 1e-9] = 0.0
    return ups / np.linalg.norm(ups, axis=1)[:, None], plain


def _dominant(normals: Float, areas: Float) -> Float:
    """Mean normals of the largest groups of faces that look one way within about half a degree, (k, 3) unit.

    A group holds at least a thousandth of the area: on a rounded surface no way is dominant.
    """
    if not len(normals):
        return np.zeros((0, 3))
    cell = np.rint(normals * 100.0).astype(np.int64) @ [1 << 16, 1 << 8, 1]  # one number sorts faster than three
    cells, group = np.unique(cell, return_inverse=True)
    sums = np.stack([np.bincount(group, normals[:, k] * areas, len(cells)) for k in range(3)], axis=1)
    weight = np.linalg.norm(sums, axis=1)
    order = np.lexsort((cells, -np.round(weight, 6)))[:FACETS]
    order = order[weight[order] > 1e-3 * float(areas.sum())]
    unit = sums[order] / weight[order][:, None]
    unit[np.abs(unit) < 1e-9] = 0.0
    return np.asarray(unit / np.linalg.norm(unit, axis=1)[:, None])
