"""Zones of the anatomy where a stage may not do what it likes: balls, boxes, solids and painted surfaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.geometry import bvh
from printprep.geometry.mesh import Bool, Float, Mesh

PAINT_MM: Final = 0.05
"""A point this near to a painted triangle is on it: the surface may have been welded, cut or made anew on a grid since
it was painted, and no printer resolves as much."""

_FINE: Final = 24  # pieces across a zone, of triangles that are measured
_MOST: Final = 2_000_000  # pieces at a time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Zones:
    """Places of the anatomy, in the mesh's frame."""

    spheres: Float = field(default_factory=lambda: np.zeros((0, 4)))  # (k, 4) centre and radius, mm
    boxes: Float = field(default_factory=lambda: np.zeros((0, 6)))  # (k, 6) lower and upper corner, mm
    solids: tuple[bvh.Tree, ...] = ()  # closed surfaces: other parts
    surfaces: tuple[bvh.Tree, ...] = ()  # open surfaces: what was painted

    def __bool__(self) -> bool:
        """Whether there is any zone at all."""
        return bool(len(self.spheres) or len(self.boxes) or self.solids or self.surfaces)

    def gap_mm(self, points: Float) -> Float:
        """Distance of each point (n, 3) from the nearest zone, 0 or less inside one, (n,) mm."""
        gap = np.full(len(points), np.inf)
        for x, y, z, radius in self.spheres:
            gap = np.minimum(gap, np.linalg.norm(points - [x, y, z], axis=1) - radius)
        for box in self.boxes:
            beyond = np.maximum(np.maximum(box[:3] - points, points - box[3:]), 0.0)
            gap = np.minimum(gap, np.linalg.norm(beyond, axis=1))
        for tree in self.solids:
            distance, _, _ = bvh.nearest(tree, points)
            gap = np.minimum(gap, np.where(bvh.winding(tree, points) != 0, -distance, distance))
        for tree in self.surfaces:
            distance, _, _ = bvh.nearest(tree, points)
            gap = np.minimum(gap, np.where(distance <= PAINT_MM, 0.0, distance))
        return gap

    def faces(self, mesh: Mesh) -> Bool:
        """(m,) the faces of ``mesh`` whose middle lies in a zone."""
        points = mesh.triangles.mean(axis=1)
        inside = np.asarray(Zones(spheres=self.spheres, boxes=self.boxes).gap_mm(points) <= 0.0)
        alone = [Zones(solids=(tree,)) for tree in self.solids] + [Zones(surfaces=(tree,)) for tree in self.surfaces]
        for tree, zone in zip((*self.solids, *self.surfaces), alone, strict=True):
            box = tree.boxes[0]  # around all of it: a search from afar is slow, and most of a part is far away
            near = ((points >= box[:3] - PAINT_MM) & (points <= box[3:] + PAINT_MM)).all(axis=1) & ~inside
            inside[near] = zone.gap_mm(points[near]) <= 0.0
        return inside

    def area_mm2(self, mesh: Mesh) -> float:
        """About how much of the surface of ``mesh`` lies in balls and boxes.

        Triangles that are large against the zones are bisected at their longest edge, and count by their middles.
        """
        low, high = self._bounds_mm()
        if not np.isfinite(low).all():
            return 0.0
        step_mm = float((high - low).max()) / _FINE
        left, area = mesh.triangles, 0.0
        while len(left):
            near = (left.max(axis=1) >= low).all(axis=1) & (left.min(axis=1) <= high).all(axis=1)
            left = left[near]
            edges = np.linalg.norm(np.roll(left, -1, axis=1) - left, axis=2)
            fine = (edges.max(axis=1) <= step_mm) | (len(left) > _MOST)
            area += self._counted_mm2(left[fine])
            left = _bisected(left[~fine], edges[~fine].argmax(axis=1))
        return area

    def _bounds_mm(self) -> tuple[Float, Float]:
        """The box around all balls and boxes."""
        centre, radius = self.spheres[:, :3], self.spheres[:, 3:]
        low = np.concatenate([centre - radius, self.boxes[:, :3]])
        high = np.concatenate([centre + radius, self.boxes[:, 3:]])
        return low.min(axis=0, initial=np.inf), high.max(axis=0, initial=-np.inf)

    def _counted_mm2(self, triangles: Float) -> float:
        inside = triangles[self.gap_mm(triangles.mean(axis=1)) <= 0.0]
        normals = np.cross(inside[:, 1] - inside[:, 0], inside[:, 2] - inside[:, 0])
        return float(np.linalg.norm(normals, axis=1).sum() / 2.0)


def _bisected(triangles: Float, longest: npt.NDArray[np.intp]) -> Float:
    """Triangles (m, 3, 3) made two each, by the middle of the edge from corner ``longest`` (m,) to the next."""
    rows = np.arange(len(triangles))
    a, b, c = (triangles[rows, (longest + k) % 3] for k in range(3))
    middle = (a + b) / 2.0
    return np.concatenate([np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)])
