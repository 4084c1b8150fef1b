"""Holes: find their rims, and close them with the least area."""

from __future__ import annotations

import numpy as np
from numba import njit

from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.topology import edges

LARGEST_RIM = 600
"""Rims of more edges are closed by a fan around their middle: the least area takes time with the cube of the count."""


def rims(mesh: Mesh, twin: Int) -> list[Int]:
    """The closed chains of edges that have no twin.

    Parameters
    ----------
    mesh, twin
        Parted (:func:`printprep.geometry.winding.part`), so that at most one rim runs through a vertex.

    Returns
    -------
    list of (k,) int32
        Vertices in the order in which faces that close the hole run along the rim.
    """
    free = np.flatnonzero(twin < 0)
    start, stop = mesh.faces[free // 3, free % 3], mesh.faces[free // 3, (free + 1) % 3]
    before = dict(zip(stop.tolist(), start.tolist(), strict=True))
    found: list[Int] = []
    while before:
        at = next(iter(before))
        chain = []
        while at in before:
            chain.append(at)
            at = before.pop(at)
        if at == chain[0]:
            found.append(np.array(chain, np.int32))
    return found


@njit(cache=True, nogil=True)
def _least_area(points: Float, barred: Bool) -> tuple[float, Int]:
    """Triangulation of a closed chain with the least area, by dynamic programming over its sub-chains.

    Barequet and Sharir, Filling Gaps in the Boundary of a Polyhedron, 1995. ``barred[i, j]`` forbids a diagonal.
    """
    n = len(points)
    cost = np.zeros((n, n))
    split = np.zeros((n, n), np.int32)
    for span in range(2, n):
        for i in range(n - span):
            k = i + span
            best = np.inf
            if not barred[i, k] or span == n - 1:
                for j in range(i + 1, k):
                    below = cost[i, j] + cost[j, k]
                    if below >= best:
                        continue
                    ax, ay, az = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1], points[j, 2] - points[i, 2]
                    bx, by, bz = points[k, 0] - points[i, 0], points[k, 1] - points[i, 1], points[k, 2] - points[i, 2]
                    x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
                    total = below + 0.5 * np.sqrt(x * x + y * y + z * z)
                    if total < best:
                        best = total
                        split[i, k] = j
            cost[i, k] = best
    triangles = np.empty((n - 2, 3), np.int32)
    count = 0
    stack = [(0, n - 1)]
    while len(stack) > 0 and cost[0, n - 1] < np.inf:
        i, k = stack.pop()
        if k - i < 2:
            continue
        j = split[i, k]
        triangles[count, 0], triangles[count, 1], triangles[count, 2] = i, j, k
        count += 1
        stack.append((i, j))
        stack.append((j, k))
    return cost[0, n - 1], triangles


def _barred(rim: Int, ends: Int) -> Bool:
    """(k, k) pairs of rim vertices between which the mesh already has an edge: another there would be one too many."""
    place = {int(v): i for i, v in enumerate(rim)}
    barred = np.zeros((len(rim), len(rim)), np.bool_)
    for a, b in ends[np.isin(ends, rim).all(axis=1)].tolist():
        barred[place[a], place[b]] = barred[place[b], place[a]] = True
    return barred


def patch(mesh: Mesh, rim: Int, ends: Int | None = None) -> tuple[Float, Int, float]:
    """Faces that close a hole.

    Parameters
    ----------
    mesh, rim
        See :func:`rims`.
    ends
        (e, 2) the mesh's edges, or at least all between vertices of the rim, when known.

    Returns
    -------
    vertices, faces, area_mm2
        (0 or 1, 3) vertices to append to the mesh's, (j, 3) faces in the mesh's numbering with those appended, and
        the area of the faces. A rim of two edges needs no face: the edges become each other's twins.
    """
    if len(rim) == 2:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int32), 0.0
    if len(rim) <= LARGEST_RIM:
        barred = _barred(rim, edges(mesh).ends if ends is None else ends)
        area, triangles = _least_area(np.ascontiguousarray(mesh.vertices[rim]), barred)
        if np.isfinite(area):
            return np.zeros((0, 3)), rim[triangles], float(area)
    middle = mesh.vertices[rim].mean(axis=0, keepdims=True)
    faces = np.stack([rim, np.roll(rim, -1), np.full(len(rim), len(mesh.vertices), np.int32)], axis=1)
    closing = Mesh(np.concatenate([mesh.vertices, middle]), faces)
    return middle, closing.faces, closing.area_mm2
