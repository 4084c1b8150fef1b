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


@njit(cache=True, nogil=True)
def _volume(vertices: Float, faces: Int) -> float:
    """By the divergence theorem against the middle of the vertices, which keeps it accurate far from the origin."""
    x, y, z, total = 0.0, 0.0, 0.0, 0.0
    for v in range(len(vertices)):
        x, y, z = x + vertices[v, 0], y + vertices[v, 1], z + vertices[v, 2]
    x, y, z = x / max(len(vertices), 1), y / max(len(vertices), 1), z / max(len(vertices), 1)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = vertices[a, 0] - x, vertices[a, 1] - y, vertices[a, 2] - z
        bx, by, bz = vertices[b, 0] - x, vertices[b, 1] - y, vertices[b, 2] - z
        cx, cy, cz = vertices[c, 0] - x, vertices[c, 1] - y, vertices[c, 2] - z
        total += ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    return total / 6.0


def volume_mm3(mesh: Mesh) -> float:
    """As :attr:`printprep.geometry.mesh.Mesh.volume_mm3`, signed, in one pass."""
    return float(_volume(mesh.vertices, mesh.faces))


def face_areas_mm2(mesh: Mesh) -> Float:
    """(m,) area of each triangle."""
    return np.asarray(_measure(mesh.vertices, mesh.faces)[0])


def flat(mesh: Mesh, share: float) -> Bool:
    """(m,) faces whose doubled area is at most ``share`` of their longest edge squared: they have no height."""
    areas, longest2 = _measure(mesh.vertices, mesh.faces)
    return np.asarray(2 * areas <= share * longest2)


@njit(cache=True, nogil=True)
def face_normals(corners: Float) -> Float:
    """(m, 3) outward normals of length 1 of triangles (m, 3, 3); zero for one without area."""
    normals = np.zeros((len(corners), 3))
    for s in range(len(corners)):
        u, v = corners[s, 1] - corners[s, 0], corners[s, 2] - corners[s, 0]
        x, y, z = u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0.0:
            normals[s, 0], normals[s, 1], normals[s, 2] = x / length, y / length, z / length
    return normals
