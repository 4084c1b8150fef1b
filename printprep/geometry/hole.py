"""A round hole through a wall, and the plug that closes it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.geometry.mesh import Float, Mesh, Point

SEGMENTS: Final = 48  # of a circle
HEAD_MM: Final = 1.2  # thickness of a plug's head
BRIM_MM: Final = 1.0  # by which the head is wider than the hole, all round


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A round hole through a wall."""

    at_mm: Point  # where its axis leaves the outer surface
    axis: Point  # unit, outward
    diameter_mm: float
    inward_mm: float  # how far the cutter reaches in from ``at_mm``
    outward_mm: float  # and out
    length_mm: float = 0.0  # through the wall, along the axis

    def cutter(self) -> Mesh:
        """The cylinder to take away, closed and outward; its polygon has the circle's area."""
        axis = np.array(self.axis)
        one, two = across(axis)
        angle = 2.0 * np.pi * np.arange(SEGMENTS) / SEGMENTS
        radius = self.diameter_mm / 2.0 * equal_area(SEGMENTS)
        ring = radius * (np.cos(angle)[:, None] * one + np.sin(angle)[:, None] * two)
        bottom, top = np.array(self.at_mm) - self.inward_mm * axis, np.array(self.at_mm) + self.outward_mm * axis
        vertices = np.concatenate([ring + bottom, ring + top, [bottom, top]])
        a = np.arange(SEGMENTS)
        b = (a + 1) % SEGMENTS
        n = SEGMENTS
        sides = [np.stack([a, b, b + n], axis=1), np.stack([a, b + n, a + n], axis=1)]
        ends = [np.stack([b, a, np.full(n, 2 * n)], axis=1), np.stack([a + n, b + n, np.full(n, 2 * n + 1)], axis=1)]
        return Mesh(vertices, np.concatenate(sides + ends).astype(np.int32))


def across(axis: Float) -> tuple[Float, Float]:
    """Two unit vectors that make a right-handed frame with ``axis``."""
    helper = np.eye(3)[int(np.argmin(np.abs(axis)))]
    one = np.cross(axis, helper)
    one /= np.linalg.norm(one)
    return one, np.cross(axis, one)


def plug(hole: Hole, clearance_mm: float) -> Mesh:
    """A plug for ``hole`` as it is printed: a head on z = 0, and on it a shank as long as the wall is thick.

    The shank tapers: at the head it has the hole's diameter, so that it holds there, at its tip twice ``clearance_mm``
    less, so that it goes in. Closed and outward; its polygons have the circles' areas, like the hole's.
    """
    radius, tip = hole.diameter_mm / 2.0, hole.diameter_mm / 2.0 - clearance_mm
    head = radius + BRIM_MM
    top = HEAD_MM + hole.length_mm
    return _turned([(head, 0.0), (head, HEAD_MM), (radius, HEAD_MM), (tip, top)])


def _turned(profile: list[tuple[float, float]]) -> Mesh:
    """The body of an outline of (radius, height), from its bottom to its top, turned about z."""
    angle = 2.0 * np.pi * np.arange(SEGMENTS) / SEGMENTS
    true = equal_area(SEGMENTS)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rings = [np.column_stack([true * radius * circle, np.full(SEGMENTS, z)]) for radius, z in profile]
    vertices = np.concatenate([*rings, [[0.0, 0.0, profile[0][1]], [0.0, 0.0, profile[-1][1]]]])
    a = np.arange(SEGMENTS)
    b = (a + 1) % SEGMENTS
    bottom, top = len(vertices) - 2, len(vertices) - 1
    faces = [np.stack([b, a, np.full(SEGMENTS, bottom)], axis=1)]
    for k in range(len(profile) - 1):
        one, two = k * SEGMENTS, (k + 1) * SEGMENTS
        faces += [np.stack([a + one, b + one, b + two], axis=1), np.stack([a + one, b + two, a + two], axis=1)]
    last = (len(profile) - 1) * SEGMENTS
    faces.append(np.stack([a + last, b + last, np.full(SEGMENTS, top)], axis=1))
    return Mesh(vertices, np.concatenate(faces).astype(np.int32))


def equal_area(segments: int) -> float:
    """Radius of a regular polygon of the area of the unit circle."""
    sector = 2.0 * np.pi / segments
    return float(np.sqrt(sector / np.sin(sector)))
