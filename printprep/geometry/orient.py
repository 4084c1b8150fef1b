"""Which way up: thousands of directions scored exactly for overhang, height and footprint.

The score of a direction is ``(w_o o + w_h h + w_f (1 - f)) / (w_o + w_h + w_f)``, less is better, where

- ``o`` is its overhanging area over the most of any direction tried;
- ``h`` is its height over the greatest of any direction tried;
- ``f`` is its contact area with the bed over a quarter of the convex hull's area, at most 1. By Cauchy's theorem a
  quarter of a convex body's area is its mean shadow, so 1 is "stands on as much as it shades", and a rounded organ that
  touches the bed with a few square millimetres is near 0 whichever way it lies.

So each term runs from 0 to 1 and a weight is that term's share. Areas and heights do not depend on how the surface is
cut into triangles, and neither does the answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.spatial import ConvexHull, QhullError

from printprep.geometry.bvh import order as curve_order
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.topology import used_vertices

SPHERE_DIRECTIONS: Final = 5_000  # 2.9 degrees apart
FACETS: Final = 200  # of the hull and of the surface each, the largest first
CONTACT_MM: Final = 0.1  # a triangle no higher than this lies on the bed
_ANGLE_SLACK_DEG: Final = 0.01  # a face cut at just the limit needs no support, whatever its rounding
_TIE: Final = 1e-6  # scores nearer than this are one score
_BLOCK: Final = 1024  # triangles whose normals and areas stay in the first cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """One way up and what it costs."""

    up: tuple[float, float, float]  # unit, in the mesh's frame: what will point away from the bed
    score: float  # less is better
    overhang_mm2: float
    contact_mm2: float
    height_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """All directions tried, the best first; the original among them."""

    ups: Float  # (n, 3) unit
    scores: Float  # (n,)
    overhang_mm2: Float  # (n,)
    contact_mm2: Float  # (n,)
    height_mm: Float  # (n,)
    original_row: int  # of the direction in which the mesh came, z up
    hull_mm: Float  # (h, 3) corners of the mesh's convex hull, in its frame

    @property
    def original(self) -> Pose:
        """The way up in which the mesh came."""
        return self.pose(self.original_row)

    def pose(self, row: int) -> Pose:
        """The direction on place ``row``; 0 is the best."""
        x, y, z = (float(v) for v in self.ups[row])
        return Pose(
            up=(x, y, z),
            score=float(self.scores[row]),
            overhang_mm2=float(self.overhang_mm2[row]),
            contact_mm2=float(self.contact_mm2[row]),
            height_mm=float(self.height_mm[row]),
        )

    def __iter__(self) -> Iterator[Pose]:
        return (self.pose(row) for row in range(len(self.ups)))

    def best(self, count: int, apart_deg: float = 15.0) -> tuple[Pose, ...]:
        """The best few that are really different ways up."""
        chosen: list[Pose] = []
        for pose in self:
            if all(np.dot(pose.up, other.up) < np.cos(np.radians(apart_deg)) for other in chosen):
                chosen.append(pose)
            if len(chosen) == count:
                break
        return tuple(chosen)


def rank(
    mesh: Mesh,
    *,
    overhang_angle_deg: float = 45.0,
    overhang: float = 1.0,
    height: float = 0.3,
    footprint: float = 0.3,
    sphere_directions: int = SPHERE_DIRECTIONS,
) -> Ranking:
    """Score every candidate direction of ``mesh`` and sort them.

    Parameters
    ----------
    mesh
        At least one triangle; outward winding. Need not be closed.
    overhang_angle_deg
        Steepest face that needs no support, from the vertical: 0 is a wall, 90 a ceiling.
    overhang, height, footprint
        Weights, not negative; see the module's formula. All 0: every direction ties and the original stays.
    sphere_directions
        How many directions spread over the sphere are tried beside the axes and the large facets.

    Returns
    -------
    Ranking
        Equal scores (within 1e-6) go by the least turn from the original, then by coordinates, so the original wins
        its ties and the answer is the same on every run.
    """
    hull, equations, hull_mm2 = _hull(mesh)
    ups = _candidates(mesh, equations, sphere_directions)
    overhang_mm2, contact_mm2, height_mm = measure(mesh, ups, overhang_angle_deg, hull)
    bad = overhang_mm2 / max(float(overhang_mm2.max()), 1e-12)
    tall = height_mm / max(float(height_mm.max()), 1e-12)
    stands = np.minimum(1.0, contact_mm2 / max(hull_mm2 / 4.0, 1e-12))
    total = overhang + height + footprint
    scores = (overhang * bad + height * tall + footprint * (1.0 - stands)) / (total or 1.0)
    order = _order(scores, ups)
    return Ranking(
        ups=ups[order],
        scores=scores[order],
        overhang_mm2=overhang_mm2[order],
        contact_mm2=contact_mm2[order],
        height_mm=height_mm[order],
        original_row=int(np.flatnonzero(order == 0)[0]),
        hull_mm=hull,
    )


def measure(mesh: Mesh, ups: Float, overhang_angle_deg: float, hull: Float | None = None) -> tuple[Float, Float, Float]:
    """Overhang, contact and height of ``mesh`` for each direction of ``ups``, (k, 3) unit.

    ``hull`` are the corners (h, 3) of its convex hull when they are known already.

    Returns
    -------
    overhang_mm2, contact_mm2, height_mm
        (k,) each. Overhang: area of faces that look down by more than ``overhang_angle_deg`` from the vertical and do
        not lie on the bed. Contact: shadow of the faces that look down within :data:`CONTACT_MM` of the lowest point.
    """
    triangles = mesh.triangles
    triangles = triangles[curve_order(triangles.mean(axis=1))]  # near in space, near in memory: blocks can be skipped
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    normals /= np.maximum(lengths, 1e-300)[:, None]
    heights = ups @ (_hull(mesh)[0] if hull is None else hull).T
    lowest = np.ascontiguousarray(heights.min(axis=1))
    limit = -np.sin(np.radians(min(90.0, overhang_angle_deg + _ANGLE_SLACK_DEG)))
    over, contact = _measure(
        np.ascontiguousarray(normals.T), lengths / 2.0, triangles, np.ascontiguousarray(ups), lowest, limit, CONTACT_MM
    )
    return over, contact, np.asarray(heights.max(axis=1) - lowest)


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


def _hull(mesh: Mesh) -> tuple[Float, Float, float]:
    """Corners (k, 3), facet equations (f, 4) with facet areas in place of offsets, and area of the convex hull."""
    points = used_vertices(mesh).vertices
    try:
        hull = ConvexHull(points)
    except QhullError:  # flat: everything is on the hull
        return points, np.zeros((0, 4)), mesh.area_mm2
    corners = points[hull.simplices]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2.0
    return points[hull.vertices], np.column_stack([hull.equations[:, :3], areas]), float(hull.area)


def _candidates(mesh: Mesh, facets: Float, sphere_directions: int) -> Float:
    """The original first, the axes, the ways to lie on a large facet of hull or surface, and the even set."""
    triangles = mesh.triangles
    crosses = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]) / 2.0
    areas = np.linalg.norm(crosses, axis=1)
    axes = np.concatenate([np.eye(3)[::-1], -np.eye(3)[::-1]])  # +z, the original, is row 0
    on_hull = -_dominant(facets[:, :3], facets[:, 3])
    on_surface = _dominant(crosses / np.maximum(areas, 1e-300)[:, None], areas)
    return np.concatenate([axes, on_hull, -on_surface, on_surface, fibonacci_sphere(sphere_directions)])


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


def _order(scores: Float, ups: Float) -> npt.NDArray[np.int64]:
    """Rows by score; a run of scores within a tie goes by the turn from +z, then by coordinates."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    tier = np.zeros(len(scores))
    start, level = ranked[0], 0
    for k, score in enumerate(ranked):
        if score - start > _TIE:
            start, level = score, level + 1
        tier[order[k]] = level
    turn = np.round(np.degrees(np.arccos(np.clip(ups[:, 2], -1.0, 1.0))), 4)
    rounded = np.round(ups, 5)
    return np.lexsort((rounded[:, 2], -rounded[:, 1], -rounded[:, 0], turn, tier))


@njit(cache=True, fastmath=True)
def _looking_down(nx: Float, ny: Float, nz: Float, areas: Float, x: float, y: float, z: float, limit: float) -> float:
    """Area of the triangles that look down by more than the limit: the loop that takes the time, without a branch."""
    total = 0.0
    for i in range(len(areas)):
        total += areas[i] * (nx[i] * x + ny[i] * y + nz[i] * z < limit)
    return total


@njit(cache=True)
def _measure(
    normals: Float, areas: Float, corners: Float, ups: Float, lowest: Float, limit: float, contact_mm: float
) -> tuple[Float, Float]:
    count = len(areas)
    over = np.zeros(len(ups))
    contact = np.zeros(len(ups))
    low, high = np.empty(3), np.empty(3)
    for a in range(0, count, _BLOCK):
        b = min(count, a + _BLOCK)
        for axis in range(3):
            low[axis] = corners[a:b, :, axis].min()
            high[axis] = corners[a:b, :, axis].max()
        nx, ny, nz, block = normals[0, a:b], normals[1, a:b], normals[2, a:b], areas[a:b]
        for k in range(len(ups)):
            x, y, z = ups[k, 0], ups[k, 1], ups[k, 2]
            over[k] += _looking_down(nx, ny, nz, block, x, y, z, limit)
            bed = lowest[k] + contact_mm
            if min(x * low[0], x * high[0]) + min(y * low[1], y * high[1]) + min(z * low[2], z * high[2]) > bed:
                continue  # no triangle of the block reaches the bed
            for i in range(a, b):
                down = normals[0, i] * x + normals[1, i] * y + normals[2, i] * z
                if down >= 0.0:
                    continue
                top = -np.inf
                for corner in range(3):
                    top = max(top, corners[i, corner, 0] * x + corners[i, corner, 1] * y + corners[i, corner, 2] * z)
                if top <= bed:
                    contact[k] -= down * areas[i]
                    if down < limit:
                        over[k] -= areas[i]
    return over, contact
