"""Who touches whom: undirected edges, bodies, and faces that are there twice.

Everything here is by vertex index, so weld first.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.mesh import Bool, Int, Mesh

MOST_BODIES: Final = 5_000
"""More separate surfaces than this are no anatomy but the noise of a threshold, or corners that do not meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The undirected edges of a mesh.

    Faces that name a vertex twice have no edges; their rows in ``of_face`` are -1.
    """

    of_face: Int  # (m, 3) edge from corner k to corner k + 1
    ends: Int  # (e, 2) vertices, the lower index first
    forward: Int  # (e,) how often a face runs from the lower to the higher vertex
    backward: Int  # (e,) and how often the other way

    @property
    def count(self) -> Int:
        """(e,) how many faces meet in each edge."""
        return self.forward + self.backward

    @property
    def open(self) -> Bool:
        """(e,) edges of a single face."""
        return np.asarray(self.count == 1)

    @property
    def nonmanifold(self) -> Bool:
        """(e,) edges of three faces or more."""
        return np.asarray(self.count > 2)

    @property
    def misoriented(self) -> Bool:
        """(e,) edges whose two faces disagree about inside and outside."""
        return np.asarray((self.count == 2) & (self.forward != 1))


@njit(cache=True, nogil=True)
def faces_around(faces: Int, n: int) -> Int:
    """(n,) how many face corners are at each vertex."""
    valence = np.zeros(n, np.int32)
    for f in range(len(faces)):
        for k in range(3):
            valence[faces[f, k]] += 1
    return valence


@njit(cache=True, nogil=True)
def filed(i: int, j: int, valence: Int) -> int:
    """The end of an edge to file it under: the one of fewer faces, so that a fan's hub does not collect them all."""
    if valence[i] == valence[j]:
        return min(i, j)
    return i if valence[i] < valence[j] else j


@njit(cache=True, nogil=True)
def _edges(faces: Int, n: int) -> tuple[Int, Int, Int, Int]:
    """Edges by filing half-edges under one of their vertices: linear, no sort."""
    m = len(faces)
    valence = faces_around(faces, n)
    end = np.zeros(n + 2, np.int32)  # end[v + 1] grows from the beginning to the end of the file of vertex v
    for f in range(m):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if a == b or b == c or c == a:
            continue
        end[filed(a, b, valence) + 2] += 1
        end[filed(b, c, valence) + 2] += 1
        end[filed(c, a, valence) + 2] += 1
    for i in range(2, n + 2):
        end[i] += end[i - 1]
    of_face = np.full((m, 3), -1, np.int32)
    ends = np.empty((end[n + 1], 2), np.int32)
    forward = np.zeros(end[n + 1], np.int32)
    backward = np.zeros(end[n + 1], np.int32)
    far = np.empty(end[n + 1], np.int32)  # the other vertex of each edge found so far, by file
    name = np.empty(end[n + 1], np.int32)  # and that edge
    count = 0
    begin = end[1:].copy()
    for f in range(m):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if a == b or b == c or c == a:
            continue
        for k in range(3):
            i, j = faces[f, k], faces[f, (k + 1) % 3]
            key = filed(i, j, valence)
            other = i + j - key
            edge = -1
            for s in range(begin[key], end[key + 1]):
                if far[s] == other:
                    edge = name[s]
                    break
            if edge < 0:
                edge = count
                count += 1
                far[end[key + 1]] = other
                name[end[key + 1]] = edge
                end[key + 1] += 1
                ends[edge, 0] = min(i, j)
                ends[edge, 1] = max(i, j)
            of_face[f, k] = edge
            if i < j:
                forward[edge] += 1
            else:
                backward[edge] += 1
    return of_face, ends[:count].copy(), forward[:count].copy(), backward[:count].copy()


_LATEST: WeakKeyDictionary[Mesh, Edges] = WeakKeyDictionary()
_REMEMBERED: Final = 2
_lock = Lock()


def edges(mesh: Mesh) -> Edges:
    """The undirected edges of ``mesh``; those of the latest meshes are remembered, as one step asks after another."""
    with _lock:
        found = _LATEST.get(mesh)
    if found is None:
        of_face, ends, forward, backward = _edges(mesh.faces, len(mesh.vertices))
        found = Edges(of_face=of_face, ends=ends, forward=forward, backward=backward)
        with _lock:
            for old in list(_LATEST)[: 1 - _REMEMBERED]:
                del _LATEST[old]
            _LATEST[mesh] = found
    return found


@njit(cache=True, nogil=True)
def root(parent: Int, i: int) -> int:
    """The one that stands for all that ``i`` was joined with; shortens the way to it."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def _bodies(of_face: Int, through: Bool, flat: bool) -> tuple[Int, int]:
    """Faces joined by the edges that ``through`` allows; with ``flat`` also those without edges have a label."""
    m = len(of_face)
    parent = np.arange(m).astype(np.int32)
    seen = np.full(len(through), -1, np.int32)
    for f in range(m):
        for k in range(3):
            edge = of_face[f, k]
            if edge < 0 or not through[edge]:
                continue
            if seen[edge] < 0:
                seen[edge] = f
            else:
                i, j = root(parent, seen[edge]), root(parent, f)
                parent[max(i, j)] = min(i, j)
    label = np.full(m, -1, np.int32)
    count = 0
    for f in range(m):
        if of_face[f, 0] < 0 and not flat:
            continue
        first = root(parent, f)
        if label[first] < 0:
            label[first] = count
            count += 1
        label[f] = label[first]
    return label, count


def bodies(found: Edges) -> tuple[Int, int]:
    """Connected surfaces: (m,) label of each face (faces joined by an edge share one), and how many there are.

    Faces without edges (a vertex named twice) are labelled -1. Labels count up in order of the first face.
    """
    label, count = _bodies(found.of_face, np.ones(len(found.ends), np.bool_), False)
    return label, int(count)


def joined(found: Edges, through: Bool) -> Int:
    """(m,) label of each face: faces joined by an edge that ``through`` (e,) allows share one, from 0 upwards."""
    return np.asarray(_bodies(found.of_face, through, True)[0])


def duplicates(faces: Int) -> tuple[Int, Bool]:
    """Faces on the same three vertices.

    Returns
    -------
    first, same_way
        (m,) index of the first face on the same vertices (a face that is alone names itself), and (m,) whether the
        face runs the same way round as that one.
    """
    if not len(faces):
        return np.zeros(0, np.int32), np.zeros(0, np.bool_)
    return _duplicates(faces, int(faces.max()) + 1)


@njit(cache=True, nogil=True)
def _duplicates(faces: Int, n: int) -> tuple[Int, Bool]:
    """File each face under its least used vertex, then compare inside the file."""
    m = len(faces)
    valence = faces_around(faces, n)
    heads = np.full(n, -1, np.int32)
    following = np.full(m, -1, np.int32)
    first = np.arange(m).astype(np.int32)
    same_way = np.ones(m, np.bool_)
    for f in range(m):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        key = filed(filed(a, b, valence), c, valence)
        while a != key:
            a, b, c = b, c, a
        g = heads[key]
        while g >= 0:
            d, e, h = faces[g, 0], faces[g, 1], faces[g, 2]
            while d != key:
                d, e, h = e, h, d
            if (b == e and c == h) or (b == h and c == e):
                first[f] = g
                same_way[f] = b == e
                break
            g = following[g]
        if first[f] == f:
            following[f] = heads[key]
            heads[key] = f
    return first, same_way


def used_vertices(mesh: Mesh) -> Mesh:
    """``mesh`` without the vertices that no face uses; the same object when there are none."""
    used = np.zeros(len(mesh.vertices), np.bool_)
    used[mesh.faces.reshape(-1)] = True
    if used.all():
        return mesh
    renumbered: npt.NDArray[np.int32] = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return Mesh(mesh.vertices[used], renumbered[mesh.faces])
