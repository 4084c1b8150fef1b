"""On which side of a closed surface points lie, told from the nearest place of it.

The nearest point is in a face, on an edge or at a corner, and the normal there, for corners weighted by the angles of
their faces, says the side (Baerentzen and Aanaes, Signed distance computation using the angle weighted pseudonormal,
IEEE Trans. Vis. Comput. Graph. 11, 2005). That is many times as fast as asking how often the surface goes around a
point, because the nearest place is known already. Where bodies of one surface overlap it speaks of the nearest of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from printprep.geometry.bvh import Tree, winding
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.topology import edges

SURE: Final = 0.02
"""Below this cosine between a normal and the way to the point it does not decide; going around does."""

_CORNER: Final = 1e-12
"""A weight below this is none: the nearest point is on the edge across, or at a corner."""


@njit(cache=True, nogil=True)
def _pseudonormals(vertices: Float, faces: Int, of_face: Int, count: int) -> tuple[Float, Float, Float]:
    """Normals of faces (m, 3), edges (count, 3) and vertices (n, 3); of faces unit or zero, else of any length."""
    by_face = np.zeros((len(faces), 3))
    by_edge = np.zeros((count, 3))
    by_vertex = np.zeros((len(vertices), 3))
    way = np.empty((3, 3))
    length = np.empty(3)
    for f in range(len(faces)):
        for k in range(3):
            i, j = faces[f, k], faces[f, (k + 1) % 3]
            for c in range(3):
                way[k, c] = vertices[j, c] - vertices[i, c]
            length[k] = np.sqrt(way[k, 0] ** 2 + way[k, 1] ** 2 + way[k, 2] ** 2)
        x = way[0, 1] * way[1, 2] - way[0, 2] * way[1, 1]
        y = way[0, 2] * way[1, 0] - way[0, 0] * way[1, 2]
        z = way[0, 0] * way[1, 1] - way[0, 1] * way[1, 0]
        doubled = np.sqrt(x * x + y * y + z * z)
        if doubled == 0.0:
            continue
        normal = (x / doubled, y / doubled, z / doubled)
        for k in range(3):
            before = (k + 2) % 3
            cosine = -(way[k, 0] * way[before, 0] + way[k, 1] * way[before, 1] + way[k, 2] * way[before, 2])
            angle = np.arccos(min(max(cosine / (length[k] * length[before]), -1.0), 1.0))
            for c in range(3):
                by_vertex[faces[f, k], c] += angle * normal[c]
                if of_face[f, k] >= 0:
                    by_edge[of_face[f, k], c] += normal[c]
        for c in range(3):
            by_face[f, c] = normal[c]
    return by_face, by_edge, by_vertex


@njit(cache=True, nogil=True)
def _cosines(
    points: Float,
    face: Int,
    weights: Float,
    vertices: Float,
    faces: Int,
    of_face: Int,
    normals: tuple[Float, Float, Float],
    none: float,
) -> Float:
    """Cosine between the normal at the nearest point and the way from there to the point; 0 where there is none."""
    cosines = np.zeros(len(points))
    for q in range(len(points)):
        f = face[q]
        zeros, zero, one = 0, 0, 0
        for k in range(3):
            if weights[q, k] <= none:
                zeros += 1
                zero = k
            else:
                one = k
        if zeros == 0:
            nx, ny, nz = normals[0][f]
        elif zeros == 1:  # on the edge across from corner `zero`, which runs from the next corner on
            edge = of_face[f, (zero + 1) % 3]
            nx, ny, nz = normals[1][edge] if edge >= 0 else normals[0][f]
        else:
            nx, ny, nz = normals[2][faces[f, one]]
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        dot, distance2 = 0.0, 0.0
        for c in range(3):
            foot = 0.0
            for k in range(3):
                foot += weights[q, k] * vertices[faces[f, k], c]
            way = points[q, c] - foot
            distance2 += way * way
            dot += way * (nx if c == 0 else (ny if c == 1 else nz))
        if length > 0.0 and distance2 > 0.0:
            cosines[q] = dot / (length * np.sqrt(distance2))
    return cosines


def inside(mesh: Mesh, tree: Tree, points: Float, face: Int, weights: Float) -> Bool:
    """(n,) whether points lie inside of a closed surface.

    Parameters
    ----------
    mesh
        Closed, each body wound the same way everywhere.
    tree
        Of ``mesh``.
    points, face, weights
        (n, 3) mm, not on the surface, and what :func:`printprep.geometry.bvh.nearest` says of them.
    """
    found = edges(mesh)
    normals = _pseudonormals(mesh.vertices, mesh.faces, found.of_face, len(found.ends))
    cosines = _cosines(
        np.ascontiguousarray(points), face, weights, mesh.vertices, mesh.faces, found.of_face, normals, _CORNER
    )
    within = cosines < 0.0
    unsure = np.flatnonzero(np.abs(cosines) < SURE)
    within[unsure] = winding(tree, points[unsure]) > 0
    return np.asarray(within)
