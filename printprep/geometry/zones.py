"""Zones of the anatomy where a stage may not do what it likes: balls, boxes, solids and painted surfaces."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from printprep.geometry import bvh
from printprep.geometry.mesh import Bool, Float, Mesh

PAINT_MM = 1e-3
"""A point this near to a painted triangle is on it; the surface may have been cut or welded since it was painted."""


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
        if not self:
            return np.zeros(len(mesh), np.bool_)
        return np.asarray(self.gap_mm(mesh.triangles.mean(axis=1)) <= 0.0)
