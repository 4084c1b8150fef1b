"""Whether a body stands: the angle by which it may lean before it tips over the edge of what it stands on."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from printprep.geometry.directions import Hull, rotation_to_up
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.occlusion import CONTACT_MM

STANDS: Final = 0.5
"""A body printed by light whose contact with the bed is at least this share of its largest layer stands by itself: what
holds it to the bed and what pulls at it both go with area."""

_ROUND: Final = np.radians(np.arange(360))
_WAYS: Final = np.stack([np.cos(_ROUND), np.sin(_ROUND)])


def centre_of_mass(mesh: Mesh) -> Float:
    """Middle of the volume of closed bodies, (3,) mm; volume that two share counts twice, an open surface by area."""
    origin = mesh.vertices.mean(axis=0)
    a, b, c = (mesh.vertices[mesh.faces[:, k]] - origin for k in range(3))
    volumes = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0
    if abs(volumes.sum()) > 1e-9 * max(float(np.abs(volumes).sum()), 1e-30):
        return np.asarray(origin + volumes @ (a + b + c) / (4.0 * volumes.sum()))
    areas = mesh.face_areas_mm2
    return np.asarray(origin + areas @ (a + b + c) / max(3.0 * float(areas.sum()), 1e-30))


def tip_deg(hull: Hull, centre: Float, up: Float, held: Float | None = None) -> float:
    """Least angle about any edge of what the body stands on that tips it, in degrees; negative: it tips by itself.

    The centre of mass at height h stands within the polygon by a distance d of its nearest edge: atan(d / h).

    Parameters
    ----------
    hull
        Of the body. It stands on what of this lies within CONTACT_MM of the lowest point.
    centre
        Of mass, (3,) mm.
    up
        (3,) unit.
    held
        Points (n, 2), mm, under the rotation to ``up``, that are held as well: the feet of supports.
    """
    turn = rotation_to_up(up)[:3, :3]
    points, middle = hull.corners_mm @ turn.T, turn @ centre
    low = float(points[:, 2].min())
    above = points[:, 2] - low - CONTACT_MM
    standing = [points[above <= 0.0, :2]]
    crossed = hull.edges[(above[hull.edges] > 0.0).sum(axis=1) == 1] if len(hull.edges) else hull.edges
    if len(crossed):
        one, two = points[crossed[:, 0]], points[crossed[:, 1]]
        share = above[crossed[:, 0]] / (above[crossed[:, 0]] - above[crossed[:, 1]])
        standing.append((one + share[:, None] * (two - one))[:, :2])
    if held is not None:
        standing.append(held)
    return _leaning_deg(np.concatenate(standing), middle[:2], float(middle[2]) - low)


def held_deg(hull: Hull, centre: Float, up: Float, held: Float) -> float:
    """The same for a body that only its supports carry, with feet (n, 2); -90 without any."""
    turn = rotation_to_up(up)[:3, :3]
    middle = turn @ centre
    height = float(middle[2] - (hull.corners_mm @ turn[2]).min())
    return _leaning_deg(held, middle[:2], height) if len(held) else -90.0


def _leaning_deg(standing: Float, middle: Float, height_mm: float) -> float:
    """By the support function of the polygon in all directions: its least value is the distance to the edge."""
    inside_mm = float(((standing - middle) @ _WAYS).max(axis=0).min())
    return float(np.degrees(np.arctan2(inside_mm, max(height_mm, 1e-9))))


def leans_deg(hull: Hull, centre: Float, ups: Float) -> Float:
    """About :func:`tip_deg` without supports for thousands of directions (k, 3), 0 for what tips by itself, (k,).

    By the corners of the hull alone and 36 ways to lean, so it is by up to a few degrees more or less.
    """
    return np.asarray(_leans(hull.corners_mm - centre, np.ascontiguousarray(ups)))


@njit(cache=True, nogil=True)
def _leans(corners: Float, ups: Float) -> Float:
    """Corners are from the centre of mass."""
    found, heights, near = np.zeros(len(ups)), np.empty(len(corners)), np.empty(36)
    for k in range(len(ups)):
        x, y, z = ups[k, 0], ups[k, 1], ups[k, 2]
        low = np.inf
        for i in range(len(corners)):
            heights[i] = corners[i, 0] * x + corners[i, 1] * y + corners[i, 2] * z
            low = min(low, heights[i])
        # two axes across the way up: the coordinate axis that is farthest from it, made square to it, and the third
        ax, ay, az = (1.0, 0.0, 0.0) if abs(x) < 0.6 else (0.0, 1.0, 0.0)
        along = ax * x + ay * y + az * z
        ax, ay, az = ax - along * x, ay - along * y, az - along * z
        length = np.sqrt(ax * ax + ay * ay + az * az)
        ax, ay, az = ax / length, ay / length, az / length
        bx, by, bz = y * az - z * ay, z * ax - x * az, x * ay - y * ax
        near[:] = -np.inf
        for i in range(len(corners)):
            if heights[i] <= low + CONTACT_MM:
                u = corners[i, 0] * ax + corners[i, 1] * ay + corners[i, 2] * az
                v = corners[i, 0] * bx + corners[i, 1] * by + corners[i, 2] * bz
                for w in range(36):
                    turn = w * np.pi / 18.0
                    near[w] = max(near[w], u * np.cos(turn) + v * np.sin(turn))
        found[k] = max(0.0, np.degrees(np.arctan2(near.min(), max(-low, 1e-9))))
    return found
