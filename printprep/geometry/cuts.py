"""What parts one body into pieces, as figures: planes, and the pins that hold the pieces in line.

:mod:`printprep.geometry.split` finds the planes and :mod:`printprep.geometry.pins` the pins; what is said here is
enough to tell, of any point of a piece, whether a cut made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.geometry.mesh import Bool, Float, Point

SEGMENTS: Final = 48
"""Sides of the prism that stands for a round pin; its corners are on the circle."""

ROOT_MM: Final = 1.0
"""How deep a pin reaches into the piece that it grows from, so that the two unite."""

END_MM: Final = 0.5
"""How much deeper a hole is than its pin is long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """The points x with ``normal @ x == offset_mm``; above is where the normal points."""

    normal: Point  # of length 1
    offset_mm: float

    def above_mm(self, points: Float) -> Float:
        """Signed distance of points (n, 3) from the plane, (n,) mm."""
        return np.asarray(points @ np.array(self.normal) - self.offset_mm)


def frame_of(normal: Float) -> Float:
    """(3, 3) rotation that turns ``normal`` to z."""
    side = np.eye(3)[int(np.argmin(np.abs(normal)))]
    x = np.cross(side, normal)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(normal, x), normal])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A round pin that stands on a cut and reaches into a hole of the piece above."""

    part: str  # name of the part that it joins
    at_mm: Point  # middle of its foot, on the plane
    axis: Point  # of length 1, up from the plane
    diameter_mm: float
    length_mm: float  # above the plane
    clearance_mm: float  # between pin and hole, all round

    def made(self, points: Float, slack_mm: float) -> Bool:
        """(n,) which points (n, 3) lie on the surface of the pin or of its hole."""
        axis = np.array(self.axis)
        away = points - np.array(self.at_mm)
        height = away @ axis
        radius = np.linalg.norm(away - height[:, None] * axis, axis=1)
        sides = np.zeros(len(points), np.bool_)
        for wall_mm, top_mm in (
            (self.diameter_mm / 2.0, self.length_mm),
            (self.diameter_mm / 2.0 + self.clearance_mm, self.length_mm + END_MM),
        ):
            within = (height >= -slack_mm) & (height <= top_mm + slack_mm) & (radius <= wall_mm + slack_mm)
            flat = wall_mm * np.cos(np.pi / SEGMENTS)  # the middle of a side is nearer to the axis than a corner
            sides |= within & ((radius >= flat - slack_mm) | (np.abs(height - top_mm) <= slack_mm))
        return np.asarray(sides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One plane through one piece, and the pins across it."""

    plane: Plane
    pins: tuple[Pin, ...] = ()

    def made(self, points: Float, slack_mm: float) -> Bool:
        """(n,) which points (n, 3) lie on the plane, on a pin or on the wall of its hole."""
        found = np.abs(self.plane.above_mm(points)) <= slack_mm
        for pin in self.pins:
            found |= pin.made(points, slack_mm)
        return np.asarray(found)
