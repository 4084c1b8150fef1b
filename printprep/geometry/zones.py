"""Zones of the anatomy where a stage may not do what it likes: balls, boxes, solids and painted surfaces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from printprep.geometry import bvh
from printprep.geometry.mesh import Float

PAINT_MM: Final = 0.05
"""A point this near to a painted triangle is on it: the surface may have been welded, cut or made anew on a grid since
it was painted, and no printer resolves as much."""


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

    def each(self) -> Iterator[Zones]:
        """One zone after the other."""
        yield from (Zones(spheres=ball[None]) for ball in self.spheres)
        yield from (Zones(boxes=box[None]) for box in self.boxes)
        yield from (Zones(solids=(tree,)) for tree in self.solids)
        yield from (Zones(surfaces=(tree,)) for tree in self.surfaces)

    @property
    def bounds_mm(self) -> Float:
        """(2, 3) lower and upper corner of the box around all zones; of none +inf to -inf."""
        centre, radius = self.spheres[:, :3], self.spheres[:, 3:]
        trees = np.array([tree.boxes[0] for tree in (*self.solids, *self.surfaces)]).reshape(-1, 6)
        low = np.concatenate([centre - radius, self.boxes[:, :3], trees[:, :3] - PAINT_MM])
        high = np.concatenate([centre + radius, self.boxes[:, 3:], trees[:, 3:] + PAINT_MM])
        return np.stack([low.min(axis=0, initial=np.inf), high.max(axis=0, initial=-np.inf)])
