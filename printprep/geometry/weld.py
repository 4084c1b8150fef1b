"""Welding: from a soup of triangles to shared vertices.

:func:`weld` is exact and is what every reader ends in. :func:`weld_vertices` does the same to a mesh that already has
indices, :func:`weld_close` closes cracks by a tolerance. All keep the order of first appearance, drop no triangle and
give the same answer every time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.mesh import Bool, Float, Int, Mesh

_CHUNK = 32_768  # triangles copied at a time: the soup may be a view into a file, and is never copied whole


@njit(cache=True, nogil=True)
def _slot(words: npt.NDArray[np.uint64], row: int, mask: int) -> np.int64:
    """First slot of the hash table to look at for the point in ``words[row]`` (its three doubles as bits)."""
    h = words[row, 0] * np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(32)
    h = (h + words[row, 1]) * np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(29)
    h = (h + words[row, 2]) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(32)
    return np.int64(h & np.uint64(mask))


@njit(cache=True, nogil=True)
def _rehash(table: Int, known: npt.NDArray[np.uint64], count: int) -> None:
    """Enter the first ``count`` points, which all differ, into an empty table (-1 everywhere, a power of two long)."""
    mask = len(table) - 1
    for i in range(count):
        slot = _slot(known, i, mask)
        while table[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot] = i


@njit(cache=True, nogil=True)
def _enter(
    points: npt.NDArray[np.uint64], table: Int, known: npt.NDArray[np.uint64], count: int, index: npt.NDArray[np.int32]
) -> int:
    """Index of each point in ``known``, appending those not seen before; returns the new count."""
    mask = len(table) - 1
    for i in range(len(points)):
        slot = _slot(points, i, mask)
        while True:
            j = table[slot]
            if j < 0:
                table[slot] = count
                known[count, 0] = points[i, 0]
                known[count, 1] = points[i, 1]
                known[count, 2] = points[i, 2]
                index[i] = count
                count += 1
                break
            if known[j, 0] == points[i, 0] and known[j, 1] == points[i, 1] and known[j, 2] == points[i, 2]:
                index[i] = j
                break
            slot = (slot + 1) & mask
    return count


class _Welder:
    """The distinct points seen so far and their hash table, both growing."""

    def __init__(self, expected: int) -> None:
        self.count = 0
        self._known = np.empty((max(expected, 1), 3), np.uint64)
        self._table = np.full(1 << 16, -1, np.int32)

    def enter(self, points: Float, index: npt.NDArray[np.int32]) -> None:
        """Write the index of each of ``points`` (k, 3), which must hold no -0.0, to ``index`` (k,)."""
        need = self.count + len(points)
        if need > len(self._known):
            grown = np.empty((max(need, len(self._known) * 3 // 2), 3), np.uint64)
            grown[: self.count] = self._known[: self.count]
            self._known = grown
        if 2 * need > len(self._table):
            size = len(self._table)
            while size < 2 * need:
                size *= 2
            self._table = np.full(size, -1, np.int32)
            _rehash(self._table, self._known, self.count)
        self.count = _enter(points.view(np.uint64), self._table, self._known, self.count, index)

    def vertices(self) -> Float:
        """The distinct points in order of first appearance, (n, 3)."""
        del self._table
        return self._known[: self.count].copy().view(np.float64)


def weld(triangles: npt.NDArray[np.float32] | Float) -> Mesh:
    """Mesh of a triangle soup whose equal corners become one vertex.

    Corners are equal when their coordinates are, bit for bit, except that -0.0 is 0.0 (a NaN equals the same NaN).

    Parameters
    ----------
    triangles
        (m, 3, 3) float32 or float64, mm; any strides, so that it may be a view into a mapped file.

    Returns
    -------
    Mesh
        m faces in the order given, vertices in order of first appearance, unused ones none.
    """
    m = len(triangles)
    if triangles.shape != (m, 3, 3):
        raise ValueError(f"a soup of triangles is (m, 3, 3), not {triangles.shape}")
    welder = _Welder(m // 2 + 3 * min(m, _CHUNK))  # a closed surface has about half as many vertices as faces
    faces = np.empty((m, 3), np.int32)
    flat = faces.reshape(-1)
    buffer = np.empty((min(m, _CHUNK), 3, 3))
    for start in range(0, m, _CHUNK):
        stop = min(start + _CHUNK, m)
        corners = np.add(triangles[start:stop], 0.0, out=buffer[: stop - start])  # -0.0 + 0.0 is 0.0
        welder.enter(corners.reshape(-1, 3), flat[3 * start : 3 * stop])
    return Mesh(welder.vertices(), faces)


def weld_vertices(mesh: Mesh) -> Mesh:
    """``mesh`` with vertices at the very same place made one; the same object when there are none.

    Vertices that no face uses stay (they are somebody's, and cost nothing).
    """
    index = np.empty(len(mesh.vertices), np.int32)
    welder = _Welder(len(mesh.vertices))
    if len(mesh.vertices):
        welder.enter(mesh.vertices + 0.0, index)
    if welder.count == len(mesh.vertices):
        return mesh
    return Mesh(welder.vertices(), index[mesh.faces])


@njit(cache=True, nogil=True)
def _close(vertices: Float, movable: Bool, tolerance: float) -> Int:
    """For each vertex the earlier one it merges with, or itself; candidates are ``movable`` ones only."""
    n = len(vertices)
    lower = np.zeros(3)
    for k in range(3):
        lower[k] = vertices[:, k].min() if n else 0.0
    size = 1 << 10
    while size < 2 * n:
        size *= 2
    heads = np.full(size, -1, np.int32)  # of chains of representatives, by hashed cell
    following = np.full(n, -1, np.int32)
    target = np.arange(n).astype(np.int32)
    for i in range(n):
        if not movable[i]:
            continue
        cx = np.int64(np.floor((vertices[i, 0] - lower[0]) / tolerance))
        cy = np.int64(np.floor((vertices[i, 1] - lower[1]) / tolerance))
        cz = np.int64(np.floor((vertices[i, 2] - lower[2]) / tolerance))
        best = tolerance * tolerance
        found = -1
        for dx in range(-1, 2):
            for dy in range(-1, 2):
                for dz in range(-1, 2):
                    j = heads[((cx + dx) * 73856093 ^ (cy + dy) * 19349663 ^ (cz + dz) * 83492791) & (size - 1)]
                    while j >= 0:
                        x = vertices[i, 0] - vertices[j, 0]
                        y = vertices[i, 1] - vertices[j, 1]
                        z = vertices[i, 2] - vertices[j, 2]
                        d = x * x + y * y + z * z
                        if d < best or (d == best and (found < 0 or j < found)):
                            best = d
                            found = j
                        j = following[j]
        if found >= 0:
            target[i] = found
        else:
            h = (cx * 73856093 ^ cy * 19349663 ^ cz * 83492791) & (size - 1)
            following[i] = heads[h]
            heads[h] = i
    return target


def weld_close(mesh: Mesh, tolerance_mm: float, movable: Bool | None = None) -> Mesh:
    """``mesh`` with vertices closer than a tolerance made one, for surfaces that came apart in rounding.

    A vertex goes to the nearest earlier one that stayed, so that none moves farther than ``tolerance_mm`` and there
    is no chain of small steps. Faces may lose their area by it; none is dropped here.

    Parameters
    ----------
    mesh
        Vertices must be finite.
    tolerance_mm
        Positive.
    movable
        (n,) the vertices that may merge, such as those of open edges; None means all.
    """
    if not tolerance_mm > 0:
        raise ValueError(f"a tolerance is positive, not {tolerance_mm} mm")
    candidates = np.ones(len(mesh.vertices), np.bool_) if movable is None else movable
    target = _close(mesh.vertices, candidates, tolerance_mm)
    kept = target == np.arange(len(target))
    if kept.all():
        return mesh
    renumbered = np.cumsum(kept, dtype=np.int32) - 1
    return Mesh(mesh.vertices[kept], renumbered[target][mesh.faces].astype(np.int32))
