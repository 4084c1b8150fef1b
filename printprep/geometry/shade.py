"""The outline of a body on the bed, with the supports that will stand under its overhang."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.geometry.mesh import Float
from printprep.geometry.nest import footprint

_SIDES: Final = 16  # of the polygon that stands for a circle


@dataclass(frozen=True, slots=True, kw_only=True)
class Under:
    """What supports are like."""

    angle_deg: float  # from the vertical: surface that looks down more than this gets them
    reach_mm: float  # how far they stand out beyond the surface that they hold
    floor_mm: float  # over the bed; surface no higher stands on it


def shaded(triangles: Float, under: Under | None, extra_mm: Float | None = None) -> Float:
    """Convex outline of a body seen from above, supports and all, (k, 2) mm counter-clockwise.

    Parameters
    ----------
    triangles
        Of its surface, (n, 3, 3) mm, z up; its lowest point stands on the bed.
    under
        None: it gets no supports.
    extra_mm
        Points (m, 3) that it will reach, too.
    """
    points = triangles.reshape(-1, 3)
    everything = points if extra_mm is None else np.concatenate([points, extra_mm])
    outline = footprint(everything)
    if under is None:
        return outline
    hanging = triangles[_hangs(triangles, under, float(everything[:, 2].min()))].reshape(-1, 3)
    if not len(hanging):
        return outline
    return footprint(np.concatenate([outline, grown(footprint(hanging), under.reach_mm)]))


def _hangs(triangles: Float, under: Under, bed_mm: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(n,) which triangles get supports under them."""
    normal = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    length = np.linalg.norm(normal, axis=1)
    down = -normal[:, 2] > np.sin(np.radians(under.angle_deg)) * length
    return np.asarray(down & (triangles[:, :, 2].max(axis=1) > bed_mm + under.floor_mm))


def grown(outline: Float, by_mm: float) -> Float:
    """A convex outline (k, 2) and all that is no farther from it, as a polygon around that, counter-clockwise."""
    angle = np.arange(_SIDES) * (2.0 * np.pi / _SIDES)
    circle = by_mm / np.cos(np.pi / _SIDES) * np.column_stack([np.cos(angle), np.sin(angle)])
    return footprint((outline[:, None] + circle[None]).reshape(-1, 2))
