"""What stands below what: supports, the marks they leave and the layers of a body, for any way up.

Seen along a way up, the body is cut by vertical columns of one pitch. Where a column enters the body from below, air
ends; when the face there hangs over, a support fills that air down to the bed or to the surface that it stands on. The
volume is thus the midpoint rule for the integral of the height of the air below overhanging surface: a matter of the
surface alone and not of how it is cut into triangles. Where closed bodies overlap, only the outside of their union
counts, by the number of bodies that the column is in.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.directions import rotation_to_up
from printprep.geometry.mesh import Float, Int, Mesh
from printprep.geometry.suction import sealed_pockets

Marks = npt.NDArray[np.uint8]
Cosines = npt.NDArray[np.float32]
Row = npt.NDArray[np.int64]
Crossings = tuple[Row, Float, Cosines, Marks]

COLUMNS: Final = 16_000
"""In the mean shadow of a body's box: supports of an organ come out within 0.5 % of a grid of 16 times as many."""

CONTACT_MM: Final = 0.1
"""A face no higher than this above the lowest point lies on the bed."""

CRITICAL: Final = 1
KEEP_OUT: Final = 2
HIDDEN: Final = 4
"""Bits of the marks of a face: it matters most, nothing may touch it, it is inside another body."""

ANGLE_SLACK_DEG: Final = 0.01  # a face cut at just the limit needs no support, whatever its rounding
_GAP_MM: Final = 0.05  # less air than that between two surfaces is no room for a support: they touch
FOOTING_DEG: Final = 20.0
FOOTING_MM: Final = 6.0
"""Where contacts are too few for a body, the lowest part of it gets them on slopes up to this angle."""

_GRAZING: Final = 0.05  # least cosine by which the shadow of a face is divided: 3 degrees from the vertical
_HEIGHTS: Final = 512  # at which the area of a layer is taken
_CELLS: Final = 1_000  # a side of the grid at most: a needle seen askew has a wide box and a narrow shadow
_SHIFT: Final = (0.3819660, 0.2360680)  # of the columns in their cells
_ASKEW: Final = np.array([[0.8253356, -0.5646425, 0.0], [0.5646425, 0.8253356, 0.0], [0.0, 0.0, 1.0]])
"""The grid is turned by 0.6 rad, so that no line of columns runs along the edges of a body that was drawn on axes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Occlusion:
    """What each of k ways up costs, by columns of one pitch."""

    pitch_mm: float
    support_mm3: Float  # (k,) air between overhanging surface and what stands below it
    overhang_mm2: Float  # (k,) overhanging surface that air is below; inner walls of touching parts are none
    feet_mm2: Float  # (k,) shadow of what supports stand on of the body
    bed_mm2: Float  # (k,) shadow of what lies on the bed
    critical_mm2: Float  # (k,) surface marked CRITICAL that supports or the bed touch
    keep_out_mm2: Float  # (k,) surface marked KEEP_OUT that supports or the bed touch
    layer_mm2: Float  # (k,) largest layer
    mean_layer_mm2: Float  # (k,)
    cups: Int  # (k,) pockets that are sealed towards the bed and open away from it
    cup_mm2: Float  # (k,) their shadow
    cup_mm3: Float  # (k,) their volume
    reach_mm: tuple[Float, ...]  # k times (n, 2) under rotation_to_up: outermost of what the bed or its supports hold
    footing_mm: tuple[Float, ...]  # the same of what supports could hold besides, on the lowest slopes of a lifted body


def occlusion(
    mesh: Mesh,
    ups: Float,
    overhang_angle_deg: float,
    *,
    marks: Marks | None = None,
    lift_mm: float = 0.0,
    pitch_mm: float | None = None,
    suction: bool = False,
) -> Occlusion:
    """Support, contact, layers and pockets of ``mesh`` for each direction of ``ups``.

    Parameters
    ----------
    mesh
        Closed bodies, outward winding; they may touch and overlap. At least one triangle.
    ups
        (k, 3) unit: what points away from the bed.
    overhang_angle_deg
        Steepest face that needs no support, from the vertical: 0 is a wall, 90 a ceiling.
    marks
        (m,) of each face, :data:`CRITICAL` and :data:`KEEP_OUT` or'ed.
    lift_mm
        Between bed and lowest point. At 0 what lies on the bed needs no support; above, nothing lies on it.
    pitch_mm
        Of the columns; None: :data:`COLUMNS` of them in the mean shadow.
    suction
        Look for pockets; else their figures are 0.

    Returns
    -------
    Occlusion
        Areas of overhang and what touches it are true areas of the surface, all others shadows.
    """
    faces, vertices = mesh.faces, mesh.vertices
    marks = np.zeros(len(faces), np.uint8) if marks is None else np.ascontiguousarray(marks, np.uint8)
    pitch = pitch_mm or fine_pitch(mesh)
    limit = -np.sin(np.radians(min(90.0, overhang_angle_deg + ANGLE_SLACK_DEG)))
    areas = mesh.face_areas_mm2

    def some(rows: list[int]) -> list[tuple[int, Float, Float, Float]]:
        room = np.empty((len(vertices), 3)), np.empty(len(vertices), np.int32)  # once: fresh pages cost more than work
        found = []
        for row in rows:
            (nx, ny), lower, height, crossings = _columns(vertices, ups[row], faces, areas, marks, pitch, room)
            figures, reach, footing = _walk(*crossings, ny, pitch, limit, lift_mm, height)
            if suction:
                figures[8:11] = sealed_pockets(*crossings[:3], nx, ny, pitch, height)
            middle = lower[:2] - (0.5 + np.array(_SHIFT)) * pitch
            ends = ((one[one[:, 0] >= 0] * pitch + middle) @ _ASKEW[:2, :2] for one in (reach, footing))
            found.append((row, figures, *ends))
        return found

    threads = min(8, os.cpu_count() or 1, max(1, len(ups)))
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(some, [list(range(k, len(ups), threads)) for k in range(threads)])
        results = sorted((one for part in parts for one in part), key=lambda one: one[0])
    return _told(pitch, results)


def _told(pitch: float, results: list[tuple[int, Float, Float, Float]]) -> Occlusion:
    """The figures of all directions, in order."""
    figures = np.array([found for _, found, *_ in results]).T.reshape(11, -1)
    return Occlusion(
        pitch_mm=pitch,
        support_mm3=figures[0],
        overhang_mm2=figures[1],
        feet_mm2=figures[2],
        bed_mm2=figures[3],
        critical_mm2=figures[4],
        keep_out_mm2=figures[5],
        layer_mm2=figures[6],
        mean_layer_mm2=figures[7],
        cups=figures[8].astype(np.int32),
        cup_mm2=figures[9],
        cup_mm3=figures[10],
        reach_mm=tuple(reach for *_, reach, _ in results),
        footing_mm=tuple(footing for *_, footing in results),
    )


def fine_pitch(mesh: Mesh) -> float:
    """Pitch at which the mean shadow of the box around ``mesh`` has :data:`COLUMNS` columns, mm.

    The mean shadow of a convex body is a quarter of its area (Cauchy).
    """
    x, y, z = mesh.size_mm
    shadow_mm2 = float(x * y + y * z + z * x) / 2.0
    return max(float(np.sqrt(shadow_mm2 / COLUMNS)), float(np.linalg.norm(mesh.size_mm)) / _CELLS, 1e-9)


def _columns(
    vertices: Float, up: Float, faces: Int, areas: Float, marks: Marks, pitch: float, room: tuple[Float, Int]
) -> tuple[tuple[int, int], Float, float, Crossings]:
    """Shape of the grid, lower corner of the body and its height seen along a way up, and :func:`_crossings`."""
    seen, cells = room
    lower, upper = _see(vertices, _ASKEW @ rotation_to_up(up)[:3, :3], pitch, seen, cells)
    nx, ny = (int(side) + 4 for side in (upper[:2] - lower[:2]) / pitch)  # an empty column all around
    found = _crossings(seen, cells, faces, areas, marks, pitch, nx, ny)
    return (nx, ny), lower, max(float(upper[2] - lower[2]), 1e-9), found


@njit(cache=True, nogil=True)
def _see(vertices: Float, turn: Float, pitch: float, seen: Float, cells: Int) -> tuple[Float, Float]:
    """Fill in the vertices with the way up as z, and their cells packed; lower and upper corner, mm.

    x and y of ``seen`` are in cells, and z in mm above the lowest.
    """
    n = len(vertices)
    lower, upper = np.full(3, np.inf), np.full(3, -np.inf)
    for i in range(n):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        for k in range(3):
            at = turn[k, 0] * x + turn[k, 1] * y + turn[k, 2] * z
            seen[i, k] = at
            lower[k], upper[k] = min(lower[k], at), max(upper[k], at)
    for i in range(n):
        seen[i, 0] = (seen[i, 0] - lower[0]) / pitch + (1.0 + _SHIFT[0])
        seen[i, 1] = (seen[i, 1] - lower[1]) / pitch + (1.0 + _SHIFT[1])
        seen[i, 2] -= lower[2]
        cells[i] = int(seen[i, 0] - 0.5) << 16 | int(seen[i, 1] - 0.5)
    return lower, upper


@njit(cache=True, nogil=True)
def _crossings(
    seen: Float, cells: Int, faces: Int, areas: Float, marks: Marks, pitch: float, columns_x: int, columns_y: int
) -> Crossings:
    """Where the columns pass the surface, by column and from below: height, cosine of the face, its marks.

    A column on an edge belongs to one of the edge's two faces: its side is computed from the lower to the higher
    vertex index, so both faces see the same number.
    """
    capacity = 4 * columns_x * columns_y + 1024
    column, height = np.empty(capacity, np.int32), np.empty(capacity)
    cosine, mark = np.empty(capacity, np.float32), np.empty(capacity, np.uint8)
    counts = np.zeros(columns_x * columns_y + 1, np.int64)
    n = 0
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        apart = (cells[a] ^ cells[b]) | (cells[a] ^ cells[c])
        if apart >> 16 == 0 or apart & 0xFFFF == 0:
            continue  # between two lines of columns, as nearly all triangles of a fine mesh are
        ax, ay, bx, by, cx, cy = seen[a, 0], seen[a, 1], seen[b, 0], seen[b, 1], seen[c, 0], seen[c, 1]
        x0, x1 = int(np.ceil(min(ax, bx, cx) - 0.5)), int(np.floor(max(ax, bx, cx) - 0.5))
        y0, y1 = int(np.ceil(min(ay, by, cy) - 0.5)), int(np.floor(max(ay, by, cy) - 0.5))
        twice = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if twice == 0.0:
            continue
        sign = 1.0 if twice > 0.0 else -1.0
        az, bz, cz = seen[a, 2], seen[b, 2], seen[c, 2]
        low, high = min(az, bz, cz), max(az, bz, cz)
        steep = min(1.0, abs(twice) * pitch * pitch / max(2.0 * areas[f], 1e-300))
        for i in range(x0, x1 + 1):
            for j in range(y0, y1 + 1):
                x, y = i + 0.5, j + 0.5
                wa = _side(bx, by, cx, cy, b > c, x, y) * sign
                wb = _side(cx, cy, ax, ay, c > a, x, y) * sign
                wc = _side(ax, ay, bx, by, a > b, x, y) * sign
                # on an edge: the face that runs along it from the lower to the higher index has it
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    continue
                if (wa == 0.0 and (b > c) == (sign > 0)) or (wb == 0.0 and (c > a) == (sign > 0)):
                    continue
                if wc == 0.0 and (a > b) == (sign > 0):
                    continue
                if n == capacity:
                    capacity *= 2
                    column, height = _longer(column, capacity), _longer(height, capacity)
                    cosine, mark = _longer(cosine, capacity), _longer(mark, capacity)
                column[n] = i * columns_y + j
                counts[column[n] + 1] += 1
                z = az + (wb * (bz - az) + wc * (cz - az)) / (twice * sign)
                height[n] = min(max(z, low), high)
                cosine[n] = steep * sign
                mark[n] = marks[f]
                n += 1
    return _by_column(column[:n], height[:n], cosine[:n], mark[:n], counts)


@njit(cache=True, nogil=True, inline="always")
def _side(px: float, py: float, qx: float, qy: float, turned: bool, x: float, y: float) -> float:
    """Twice the area of p, q, (x, y), the negative of that of q, p to the last bit."""
    if turned:
        return -((px - qx) * (y - qy) - (py - qy) * (x - qx))
    return (qx - px) * (y - py) - (qy - py) * (x - px)


@njit(cache=True, nogil=True)
def _longer(values, capacity):  # type: ignore[no-untyped-def]
    grown = np.empty(capacity, values.dtype)
    grown[: len(values)] = values
    return grown


@njit(cache=True, nogil=True)
def _by_column(column: Int, height: Float, cosine: Cosines, mark: Marks, counts: Row) -> Crossings:
    """The crossings of each column in a run, from below: starts (columns + 1,) and the rest in that order."""
    for k in range(1, len(counts)):
        counts[k] += counts[k - 1]
    fill = counts[:-1].copy()
    z, across, marked = np.empty(len(column)), np.empty(len(column), np.float32), np.empty(len(column), np.uint8)
    for n in range(len(column)):
        at = fill[column[n]]
        fill[column[n]] += 1
        while at > counts[column[n]] and z[at - 1] > height[n]:
            z[at], across[at], marked[at] = z[at - 1], across[at - 1], marked[at - 1]
            at -= 1
        z[at], across[at], marked[at] = height[n], cosine[n], mark[n]
    return counts, z, across, marked


@njit(cache=True, nogil=True)
def _walk(
    start: Row,
    z: Float,
    cosine: Cosines,
    mark: Marks,
    columns_y: int,
    pitch: float,
    limit: float,
    lift: float,
    tall: float,
) -> tuple[Float, Float, Float]:
    """Up every column: figures of :class:`Occlusion` in its order, outermost columns on the bed, and on a footing."""
    cell = pitch * pitch
    found = np.zeros(11)
    layers = np.zeros(_HEIGHTS + 1, np.int64)
    columns_x = (len(start) - 1) // columns_y
    reach = np.full((2 * columns_x, 2), -1.0)  # in each line of columns the first and the last
    footing = np.full((2 * columns_x, 2), -1.0)
    slope = -np.sin(np.radians(FOOTING_DEG))
    for column in range(len(start) - 1):
        depth, floor, under, on_bed, slopes = 0, -lift, -1, False, False
        for k in range(start[column], start[column + 1]):
            if cosine[k] > 0.0:
                depth = max(0, depth - 1)
                if depth == 0:
                    floor, under = z[k], k
                    layers[_above(z[k], tall)] -= 1
                    found[7] += z[k]
                continue
            depth += 1
            if depth > 1:
                continue
            layers[_above(z[k], tall)] += 1
            found[7] -= z[k]
            if under < 0 and z[k] <= CONTACT_MM and lift == 0.0:
                on_bed = True
                found[3] += cell
                _touch(found, mark[k], cell / max(-cosine[k], _GRAZING))
                continue
            slopes = slopes or (under < 0 and lift > 0.0 and z[k] <= FOOTING_MM and cosine[k] < slope)
            if cosine[k] < limit and z[k] - floor > _GAP_MM:
                found[0] += cell * (z[k] - floor)
                found[1] += cell / -cosine[k]
                _touch(found, mark[k], cell / -cosine[k])
                if under < 0:
                    on_bed = True
                else:
                    found[2] += cell
                    _touch(found, mark[under], cell)
        if on_bed:
            _widened(reach, column // columns_y, column % columns_y)
        if on_bed or slopes:
            _widened(footing, column // columns_y, column % columns_y)
    standing = 0
    for k in range(_HEIGHTS):
        standing += layers[k]
        found[6] = max(found[6], standing * cell)
    found[7] *= cell / tall
    return found, reach, footing


@njit(cache=True, nogil=True, inline="always")
def _widened(reach: Float, i: int, j: int) -> None:
    if reach[2 * i, 0] < 0.0:
        reach[2 * i, 0], reach[2 * i, 1] = i, j
    reach[2 * i + 1, 0], reach[2 * i + 1, 1] = i, j


@njit(cache=True, nogil=True, inline="always")
def _above(z: float, tall: float) -> int:
    """The first of the heights, in the middles of :data:`_HEIGHTS` slices, that is not below ``z``."""
    return min(_HEIGHTS, max(0, int(np.ceil(z / tall * _HEIGHTS - 0.5))))


@njit(cache=True, nogil=True, inline="always")
def _touch(found: Float, mark: int, area: float) -> None:
    if mark & CRITICAL:
        found[4] += area
    if mark & KEEP_OUT:
        found[5] += area
