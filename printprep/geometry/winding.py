"""One way round: orient the faces, pair them at every edge, and part what only touches.

A half-edge is named ``3 f + k``: of face ``f``, from corner ``k`` to corner ``k + 1``. Its twin is the half-edge of the
neighbouring face along the same edge, which must run the other way.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from printprep.geometry.areas import face_areas_mm2
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.topology import Edges, edges, root


@njit(cache=True, nogil=True)
def _incidence(of_face: Int, count: Int) -> tuple[Int, Int]:
    """Half-edges by edge: those of edge ``e`` are ``half[start[e]:start[e + 1]]``, in order."""
    start = np.zeros(len(count) + 1, np.int32)
    for e in range(len(count)):
        start[e + 1] = start[e] + count[e]
    half = np.empty(start[len(count)], np.int32)
    fill = start[: len(count)].copy()
    for f in range(len(of_face)):
        for k in range(3):
            e = of_face[f, k]
            if e >= 0:
                half[fill[e]] = 3 * f + k
                fill[e] += 1
    return start, half


@njit(cache=True, nogil=True)
def _flood(faces: Int, of_face: Int, start: Int, half: Int, areas: Float) -> tuple[Bool, int]:
    """Which faces to turn so that neighbours agree, and at how many edges they cannot (a one-sided surface)."""
    m = len(faces)
    turned = np.zeros(m, np.bool_)
    seen = np.zeros(m, np.bool_)
    queue = np.empty(m, np.int32)
    conflicts = 0
    for seed in range(m):
        if seen[seed]:
            continue
        seen[seed] = True
        queue[0] = seed
        begin, end = 0, 1
        kept_area, turned_area = 0.0, 0.0
        while begin < end:
            f = queue[begin]
            begin += 1
            if turned[f]:
                turned_area += areas[f]
            else:
                kept_area += areas[f]
            for k in range(3):
                e = of_face[f, k]
                if e < 0 or start[e + 1] - start[e] != 2:
                    continue
                h = half[start[e]] + half[start[e] + 1] - (3 * f + k)
                g, q = h // 3, h % 3
                agree = faces[f, k] != faces[g, q]
                if not seen[g]:
                    seen[g] = True
                    turned[g] = turned[f] if agree else not turned[f]
                    queue[end] = g
                    end += 1
                elif (turned[f] == turned[g]) != agree:
                    conflicts += 1
        if turned_area > kept_area:  # the majority of the area was right
            for i in range(end):
                turned[queue[i]] = not turned[queue[i]]
    return turned, conflicts // 2


def orient(mesh: Mesh) -> tuple[Mesh, Bool, int]:
    """Turn faces until neighbours across edges of two faces agree, the larger area of each surface staying as it is.

    Returns
    -------
    mesh, turned, conflicts
        The same object when nothing was turned; (m,) which faces were; and the number of edges where no answer exists
        because the surface has one side only.
    """
    found = edges(mesh)
    start, half = _incidence(found.of_face, found.count)
    turned, conflicts = _flood(mesh.faces, found.of_face, start, half, face_areas_mm2(mesh))
    if not turned.any():
        return mesh, turned, int(conflicts)
    faces = mesh.faces.copy()
    faces[turned] = faces[turned][:, ::-1]
    return Mesh(mesh.vertices, faces), turned, int(conflicts)


def _pair_around(mesh: Mesh, low: int, high: int, half: Int) -> list[tuple[int, int]]:
    """Pair the half-edges of an edge of many faces so that every pair has matter, not air, between its faces.

    Going around the edge by rising angle, a half-edge from high to low has matter after it, one from low to high has
    it before: they open and close like brackets.
    """
    axis = mesh.vertices[high] - mesh.vertices[low]
    axis = axis / max(float(np.linalg.norm(axis)), 1e-300)
    side = np.eye(3)[int(np.argmin(np.abs(axis)))]
    one = np.cross(axis, side)
    one /= np.linalg.norm(one)
    two = np.cross(axis, one)
    tip = mesh.vertices[mesh.faces[half // 3, (half + 2) % 3]] - mesh.vertices[low]
    forward = mesh.faces[half // 3, half % 3] == low
    angle = np.arctan2(tip @ two, tip @ one)
    around = np.lexsort((half, forward, angle))
    pairs: list[tuple[int, int]] = []
    waiting: list[int] = []
    for i in (*around, *around):  # twice, because a pair may straddle the angle where counting begins
        h = int(half[i])
        if any(h in pair for pair in pairs):
            continue
        if not forward[i]:
            if h not in waiting:
                waiting.append(h)
        elif waiting:
            pairs.append((waiting.pop(), h))
    return pairs


def twins(mesh: Mesh, found: Edges | None = None) -> Int:
    """(3 m,) the half-edge that each one is paired with, or -1.

    Edges of two faces that agree are plain pairs. Edges of more are paired by angle, so that bodies that only touch
    along an edge come apart and never grow together.
    """
    found = found or edges(mesh)
    start, half = _incidence(found.of_face, found.count)
    result = np.full(3 * len(mesh), -1, np.int32)
    plain = np.flatnonzero((found.count == 2) & (found.forward == 1))
    one, two = half[start[plain]], half[start[plain] + 1]
    result[one], result[two] = two, one
    for e in np.flatnonzero(found.nonmanifold):
        low, high = (int(v) for v in found.ends[e])
        for i, j in _pair_around(mesh, low, high, half[start[e] : start[e + 1]]):
            result[i], result[j] = j, i
    return result


@njit(cache=True, nogil=True)
def _join(parent: Int, i: int, j: int) -> None:
    i, j = root(parent, i), root(parent, j)
    parent[max(i, j)] = min(i, j)


@njit(cache=True, nogil=True)
def _fans(faces: Int, twin: Int) -> Int:
    """(3 m,) for each corner the lowest corner of its fan: the faces around a vertex that hang together by pairs."""
    parent = np.arange(3 * len(faces)).astype(np.int32)
    for h in range(len(twin)):
        t = twin[h]
        if t > h:
            _join(parent, h, t - t % 3 + (t + 1) % 3)
            _join(parent, h - h % 3 + (h + 1) % 3, t)
    for i in range(len(parent)):
        parent[i] = parent[parent[i]]  # roots are lower, and already done
    return parent


def part(mesh: Mesh, twin: Int) -> Mesh:
    """``mesh`` with a vertex of its own for every fan of faces, so that what only touches is apart by index.

    The coordinates stay; a vertex with several fans is repeated at the end of the list. The same object when there is
    nothing to part.
    """
    fan = _fans(mesh.faces, twin)
    corners = mesh.faces.reshape(-1)
    roots = np.flatnonzero(fan == np.arange(len(fan)))
    _, first = np.unique(corners[roots], return_index=True)
    extra = np.ones(len(roots), np.bool_)
    extra[first] = False  # the first fan of a vertex keeps it
    if not extra.any():
        return mesh
    name = np.empty(len(fan), np.int32)
    name[roots] = corners[roots]
    name[roots[extra]] = len(mesh.vertices) + np.arange(int(extra.sum()), dtype=np.int32)
    vertices = np.concatenate([mesh.vertices, mesh.vertices[corners[roots[extra]]]])
    return Mesh(vertices, name[fan].reshape(-1, 3))
