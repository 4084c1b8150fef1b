"""Areas of triangles in one pass: several times faster than by whole arrays, and without their memory."""

from __future__ import annotations

import numpy as np
from numba import njit

from printprep.geometry.mesh import Bool, Float, Int, Mesh


@njit(cache=True, nogil=True)
def _measure(vertices: Float, faces: Int) -> tuple[Float, Float]:
    areas, longest2 = np.empty(len(faces)), np.empty(len(faces))
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        wx, wy, wz = vx - ux, vy - uy, vz - uz
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        areas[f] = 0.5 * np.sqrt(x * x + y * y + z * z)
        longest2[f] = max(ux * ux + uy * uy + uz * uz, vx * vx + vy * vy + vz * vz, wx * wx + wy * wy + wz * wz)
    return areas, longest2


def face_areas_mm2(mesh: Mesh) -> Float:
    """(m,) area of each triangle."""
    return np.asarray(_measure(mesh.vertices, mesh.faces)[0])


def flat(mesh: Mesh, share: float) -> Bool:
    """(m,) faces whose doubled area is at most ``share`` of their longest edge squared: they have no height."""
    areas, longest2 = _measure(mesh.vertices, mesh.faces)
    return np.asarray(2 * areas <= share * longest2)
