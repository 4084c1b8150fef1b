"""Sections of a mesh by horizontal planes, all at once, as closed polygons.

A vertex at the height of a plane counts as above it, so every edge is either cut or not, no triangle is cut in a
point, and a height that meets vertices exactly needs no special case. The cut of an edge is computed from its lower to
its higher vertex index, so both its triangles see the same point: the polygons close exactly.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.mesh import Float, Int, Mesh
from printprep.geometry.topology import faces_around, filed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sections:
    """Polygons by layer. Seen from above, outlines run counter-clockwise and holes clockwise."""

    heights_mm: Float  # (k,)
    points_mm: Float  # (n, 2) x y
    loop_start: Int  # (l + 1,) loop i is points_mm[loop_start[i] : loop_start[i + 1]], closed without a repeated point
    layer_start: Int  # (k + 1,) layer j has the loops from layer_start[j] to layer_start[j + 1]
    open_loops: Int  # (k,) loops that had to be closed by a straight line, because the mesh has holes

    def __len__(self) -> int:
        return len(self.heights_mm)

    def layer(self, index: int) -> tuple[Float, Int]:
        """Points (p, 2) of a layer and the starts (q + 1,) of its loops among them."""
        starts = self.loop_start[self.layer_start[index] : self.layer_start[index + 1] + 1]
        return self.points_mm[starts[0] : starts[-1]], starts - starts[0]

    @property
    def area_mm2(self) -> Float:
        """(k,) signed area of each layer, holes taken off; where solids overlap the overlap counts twice."""
        return _areas(self.points_mm, self.loop_start, self.layer_start)


def sections(mesh: Mesh, heights_mm: npt.ArrayLike) -> Sections:
    """Cut ``mesh`` by the planes z = ``heights_mm``.

    Parameters
    ----------
    mesh
        Welded, faces counter-clockwise from outside. Several solids may overlap; each keeps its own polygons.
    heights_mm
        (k,) rising, mm.

    Raises
    ------
    ValueError
        The heights do not rise or are not finite.
    """
    heights = np.ascontiguousarray(heights_mm, dtype=np.float64)
    if heights.ndim != 1 or not np.isfinite(heights).all() or (np.diff(heights) <= 0).any():
        raise ValueError("the heights of sections must be finite and rise")
    z = np.ascontiguousarray(mesh.vertices[:, 2])
    with ThreadPoolExecutor(2) as pool:
        sorting = pool.submit(_sorted_by_layer, z, mesh.faces, heights)
        twin, gaps = _twins(mesh.faces, len(mesh.vertices))
        row, start = sorting.result()
        middle = int(np.searchsorted(start, start[-1] // 2))  # two threads cut half of the triangles each
        halves = list(
            pool.map(
                lambda span: _cut(mesh.vertices, z, mesh.faces, twin, gaps, row, start, heights, *span),
                [(0, middle), (middle, len(heights))],
            )
        )
        points = np.empty((sum(len(half[0]) for half in halves), 2))
        parts = points[: len(halves[0][0])], points[len(halves[0][0]) :]
        list(pool.map(np.copyto, parts, [half[0] for half in halves]))
    loop_start, layer_start, open_loops = (_after_each_other(k, halves) for k in range(1, 4))
    return Sections(
        heights_mm=heights, points_mm=points, loop_start=loop_start, layer_start=layer_start, open_loops=open_loops
    )


def _after_each_other(k: int, halves: list[tuple[Float, Int, Int, Int]]) -> npt.NDArray[Any]:
    """Column ``k`` of what two halves of the layers gave; starts go on counting from the first."""
    one, two = halves[0][k], halves[1][k]
    return np.concatenate([one, two[1:] + one[-1]]) if k in (1, 2) else np.concatenate([one, two])


def _sorted_by_layer(z: Float, faces: Int, heights: Float) -> tuple[Int, npt.NDArray[np.int64]]:
    """Triangles that each layer cuts, as :func:`_by_layer` gives them."""
    first, last = _layers(z, faces, heights)
    cut = np.flatnonzero(last > first).astype(np.int32)  # the other triangles lie between two planes
    return _by_layer(cut, first, last, len(heights))


@njit(cache=True, nogil=True)
def _layers(z: Float, faces: Int, heights: Float) -> tuple[Int, Int]:
    """(m,) first layer that cuts each triangle, and the one after the last."""
    first, last = np.zeros(len(faces), np.int32), np.zeros(len(faces), np.int32)
    for f in range(len(faces)):
        a, b, c = z[faces[f, 0]], z[faces[f, 1]], z[faces[f, 2]]
        low, high = min(a, b, c), max(a, b, c)
        lower, upper = 0, len(heights)
        while lower < upper:  # heights up to the lowest corner lie below, or at it, where it counts as above
            middle = (lower + upper) // 2
            if heights[middle] <= low:
                lower = middle + 1
            else:
                upper = middle
        first[f] = lower
        while lower < len(heights) and heights[lower] <= high:
            lower += 1
        last[f] = lower
    return first, last


@njit(cache=True, nogil=True)
def _twins(faces: Int, n: int) -> tuple[Int, bool]:
    """(m, 3) triangle behind each edge, one that runs along it the other way; -1: none. And whether any has none.

    Pairs are exclusive; faces that name a vertex twice have none and do not count. A half-edge waits in the file of
    one of its ends until its partner comes; of several that would do, the last that came is taken.
    """
    m = len(faces)
    valence = faces_around(faces, n)
    begin = np.zeros(n + 1, np.int32)
    for f in range(m):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if a != b and b != c and c != a:
            begin[filed(a, b, valence) + 1] += 1
            begin[filed(b, c, valence) + 1] += 1
            begin[filed(c, a, valence) + 1] += 1
    for v in range(n):
        begin[v + 1] += begin[v]
    twin = np.full((m, 3), -1, np.int32)
    waiting = np.empty(begin[n], np.int32)
    towards = np.empty(begin[n], np.int32)  # the other end of each that waits: v where it goes there, -1 - v if not
    end = begin[:n].copy()
    for f in range(m):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if a == b or b == c or c == a:
            continue
        for k in range(3):
            i, j = faces[f, k], faces[f, (k + 1) % 3]
            file = filed(i, j, valence)
            wanted, own = (-1 - j, j) if file == i else (i, -1 - i)
            s = end[file] - 1
            while s >= begin[file] and towards[s] != wanted:
                s -= 1
            if s < begin[file]:
                waiting[end[file]], towards[end[file]] = 3 * f + k, own
                end[file] += 1
                continue
            other = waiting[s]
            twin[f, k] = other // 3
            twin[other // 3, other % 3] = f
            end[file] -= 1
            for later in range(s, end[file]):
                waiting[later], towards[later] = waiting[later + 1], towards[later + 1]
    return twin, bool((end > begin[:n]).any())


@njit(cache=True, nogil=True)
def _by_layer(cut: Int, first: Int, last: Int, layers: int) -> tuple[Int, npt.NDArray[np.int64]]:
    """The triangles of each layer in rows that follow each other, and the start (k + 1,) of each row."""
    start = np.zeros(layers + 1, np.int64)
    for c in range(len(cut)):
        for layer in range(first[cut[c]], last[cut[c]]):
            start[layer + 1] += 1
    for layer in range(layers):
        start[layer + 1] += start[layer]
    fill = start.copy()
    row = np.empty(start[layers], np.int32)
    for c in range(len(cut)):
        for layer in range(first[cut[c]], last[cut[c]]):
            row[fill[layer]] = cut[c]
            fill[layer] += 1
    return row, start


@njit(cache=True, nogil=True)
def _ends(z: Float, faces: Int, f: int, h: float) -> tuple[int, int]:
    """Corners whose edges the cut of triangle ``f`` enters (it runs down there) and leaves (up)."""
    above0 = z[faces[f, 0]] >= h
    above1 = z[faces[f, 1]] >= h
    above2 = z[faces[f, 2]] >= h
    enter = 0 if above0 and not above1 else (1 if above1 and not above2 else 2)
    leave = 0 if above1 and not above0 else (1 if above2 and not above1 else 2)
    return enter, leave


@njit(cache=True, nogil=True)
def _crossing(vertices: Float, faces: Int, f: int, k: int, h: float) -> tuple[float, float]:
    """Where edge ``k`` of triangle ``f`` passes the height ``h``, the same seen from both its triangles."""
    i, j = faces[f, k], faces[f, (k + 1) % 3]
    if i > j:
        i, j = j, i
    t = (h - vertices[i, 2]) / (vertices[j, 2] - vertices[i, 2])
    x = vertices[i, 0] + t * (vertices[j, 0] - vertices[i, 0])
    return x, vertices[i, 1] + t * (vertices[j, 1] - vertices[i, 1])


@njit(cache=True, nogil=True)
def _walk(
    vertices: Float, z: Float, faces: Int, twin: Int, f: int, h: float, stamp: int, seen: Int, points: Float, n: int
) -> tuple[int, bool]:
    """Append the loop through triangle ``f`` to ``points`` from ``n`` on: its end, and whether it closed."""
    begin = n
    start = f
    while True:
        seen[f] = stamp
        enter, leave = _ends(z, faces, f, h)
        x, y = _crossing(vertices, faces, f, enter, h)
        if n == begin or points[n - 1, 0] != x or points[n - 1, 1] != y:
            points[n, 0], points[n, 1] = x, y
            n += 1
        following = twin[f, leave]
        if following < 0:
            points[n, 0], points[n, 1] = _crossing(vertices, faces, f, leave, h)
            return n + 1, False
        if following == start:
            while n > begin + 1 and points[n - 1, 0] == points[begin, 0] and points[n - 1, 1] == points[begin, 1]:
                n -= 1
            return n, True
        f = following


@njit(cache=True, nogil=True)
def _cut(
    vertices: Float,
    z: Float,
    faces: Int,
    twin: Int,
    gaps: bool,
    row: Int,
    start: npt.NDArray[np.int64],
    heights: Float,
    begin: int,
    end_layer: int,
) -> tuple[Float, Int, Int, Int]:
    """Walk all loops of the layers from ``begin`` on; what is open first, from its beginning."""
    layers = end_layer - begin
    count = start[end_layer] - start[begin]
    points = np.empty((2 * count + 1, 2))
    loop_start = np.zeros(count + 1, np.int32)
    layer_start = np.zeros(layers + 1, np.int32)
    open_loops = np.zeros(layers, np.int32)
    seen = np.full(len(faces), -1, np.int32)
    n, loops = 0, 0
    for layer in range(layers):
        h = heights[begin + layer]
        for chains in (True, False):
            if chains and not gaps:
                continue
            for r in range(start[begin + layer], start[begin + layer + 1]):
                f = row[r]
                if seen[f] == layer:
                    continue
                if faces[f, 0] == faces[f, 1] or faces[f, 1] == faces[f, 2] or faces[f, 2] == faces[f, 0]:
                    continue
                if chains and twin[f, _ends(z, faces, f, h)[0]] >= 0:
                    continue
                end, closed = _walk(vertices, z, faces, twin, f, h, layer, seen, points, n)
                if not closed:
                    open_loops[layer] += 1
                if end - n >= 3:
                    n = end
                    loops += 1
                    loop_start[loops] = n
        layer_start[layer + 1] = loops
    return points[:n], loop_start[: loops + 1].copy(), layer_start, open_loops


@njit(cache=True, nogil=True)
def _areas(points: Float, loop_start: Int, layer_start: Int) -> Float:
    """(k,) shoelace sums by layer, each loop about its first point so that no digits are lost."""
    area = np.zeros(len(layer_start) - 1)
    for layer in range(len(area)):
        for loop in range(layer_start[layer], layer_start[layer + 1]):
            a, b = loop_start[loop], loop_start[loop + 1]
            x0, y0 = points[a, 0], points[a, 1]
            twice = 0.0
            for i in range(a + 1, b - 1):
                twice += (points[i, 0] - x0) * (points[i + 1, 1] - y0) - (points[i + 1, 0] - x0) * (points[i, 1] - y0)
            area[layer] += twice / 2
    return area
