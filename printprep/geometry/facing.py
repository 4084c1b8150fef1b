"""What looks down and what lies on the bed, exactly, for thousands of ways up.

The triangles are put in cells twice: by where they are, and by where they look. Of a cell whose triangles all look down
by more than the limit, or all by less, the sum is known at once, so that only the few cells on the limit's circle are
gone through; and only the few cells near the lowest point can lie on the bed. Nothing is left out: the sums are those
of all triangles.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from printprep.geometry.mesh import Float, Int, Mesh
from printprep.geometry.occlusion import ANGLE_SLACK_DEG, CONTACT_MM, CRITICAL, HIDDEN, KEEP_OUT, Marks, Row

_PLACES: Final = 16  # cells a side of the body's box
_FINE: Final = 4  # cells a side of a cell
_LOOKS: Final = 96  # cells a side of the unfolded octahedron of directions: 2 degrees
_LEVEL: Final = float(np.cos(np.radians(0.5)))  # a plane as level as this is one layer, without a step
_CHUNK: Final = 256  # ways up that a thread takes at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """Triangles by place and by look; rows of areas are all of it, what is marked critical, and what is kept out."""

    vertices: Float  # (n, 3)
    faces: Int  # (m, 3) by place
    places: Row  # (p + 1,) where each small box begins
    boxes: Float  # (p, 6)
    wide: Row  # (q + 1,) of the small boxes, where each wide one begins
    wide_boxes: Float  # (q, 6)
    place_areas: Float  # (w, m) by place
    place_normals: Float  # (m, 3) unit, by place
    normals: Float  # (3, m) unit, by look
    looks: Row  # (l + 1,)
    cones: Float  # (l, 5) mean direction, and cosine and sine of the widest angle from it
    areas: Float  # (w, m) by look
    sums: Float  # (w, l)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Facing:
    """Of k ways up; the rows of areas are all of it, what is marked critical, and what is kept out."""

    overhang_mm2: Float  # (w, k) looks down by more than the limit and does not lie on the bed
    lying_mm2: Float  # (w, k) looks down by more than the limit and would lie on the bed, lifted or not
    contact_mm2: Float  # (w, k) shadow of what looks down and is within CONTACT_MM of the lowest point
    height_mm: Float  # (k,)


def surface_of(mesh: Mesh, marks: Marks | None = None) -> Surface:
    """Sort the triangles of ``mesh``, at least one.

    ``marks`` (m,) are those of :func:`printprep.geometry.occlusion.occlusion`; when nothing is marked their rows are
    left out. A hidden face has no area.
    """
    vertices, faces = mesh.vertices, mesh.faces
    normals, area, middle = _shapes(vertices, faces)
    if marks is not None:
        area = area * ((marks & HIDDEN) == 0)
    rows = [area]
    if marks is not None and (marks & (CRITICAL | KEEP_OUT)).any():
        rows += [area * ((marks & CRITICAL) > 0), area * ((marks & KEEP_OUT) > 0)]
    weights = np.array(rows)
    lower, upper = middle.min(axis=0), middle.max(axis=0)
    side = max(float((upper - lower).max()), 1e-30)
    near, places = _sorted(_place(middle, lower, side), (_PLACES * _FINE) ** 3)
    alike, looks = _sorted(_look(normals), _LOOKS**2)
    turned = np.ascontiguousarray(normals[alike].T)
    areas = np.ascontiguousarray(weights[:, alike])
    ordered = np.ascontiguousarray(faces[near])
    boxes = _boxes(vertices, ordered, places)
    cell = _place(middle[near[places[:-1]]], lower, side) // _FINE**3
    wide = np.append(np.flatnonzero(np.diff(cell, prepend=-1)), len(boxes))
    return Surface(
        vertices=vertices,
        faces=ordered,
        places=places,
        boxes=boxes,
        wide=wide,
        wide_boxes=np.column_stack(
            [np.minimum.reduceat(boxes[:, :3], wide[:-1]), np.maximum.reduceat(boxes[:, 3:], wide[:-1])]
        ),
        place_areas=np.ascontiguousarray(weights[:, near]),
        place_normals=normals[near],
        normals=turned,
        looks=looks,
        cones=_cones(turned, looks),
        areas=areas,
        sums=np.add.reduceat(areas, looks[:-1], axis=1),
    )


def facing(surface: Surface, ups: Float, overhang_angle_deg: float, *, lifted: bool = False) -> Facing:
    """Overhang, contact and height for each direction of ``ups``, (k, 3) unit.

    ``overhang_angle_deg`` is the steepest face that needs no support, from the vertical. A triangle that reaches above
    the contact's height is cut there, so that it does not matter how the surface is cut into triangles. What lies on
    the bed does not hang over, unless the body is ``lifted`` off it.
    """
    limit = -np.sin(np.radians(min(90.0, overhang_angle_deg + ANGLE_SLACK_DEG)))
    s = surface

    def some(ups: Float) -> tuple[Float, Float, Float, Float]:
        near = (s.vertices, s.faces, s.places, s.boxes, s.wide, s.wide_boxes)
        low, _ = _lowest(*near, ups)
        high, _ = _lowest(*near, -ups)
        over = _looking_down(s.normals, s.looks, s.cones, s.areas, s.sums, ups, limit)
        contact, lying = _on_bed(*near, s.place_areas, s.place_normals, ups, low + CONTACT_MM, limit)
        return over if lifted else np.maximum(0.0, over - lying), lying, contact, -high - low

    ups = np.ascontiguousarray(ups)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        parts = list(pool.map(some, [ups[k : k + _CHUNK] for k in range(0, len(ups), _CHUNK)]))
    return Facing(
        overhang_mm2=np.concatenate([over for over, *_ in parts], axis=1),
        lying_mm2=np.concatenate([lying for _, lying, *_ in parts], axis=1),
        contact_mm2=np.concatenate([contact for *_, contact, _ in parts], axis=1),
        height_mm=np.concatenate([height for *_, height in parts]),
    )


def lowest(surface: Surface, ups: Float) -> Int:
    """The lowest vertex along each direction of ``ups``, (k,)."""
    s, ups = surface, np.ascontiguousarray(ups)
    return np.asarray(_lowest(s.vertices, s.faces, s.places, s.boxes, s.wide, s.wide_boxes, ups)[1])


def steps(surface: Surface, ups: Float) -> Float:
    """Mean height of the steps over the layer's on what is marked critical, for each direction of ``ups``, (k,)."""
    return np.asarray(_steps(surface.normals, surface.areas[1], np.ascontiguousarray(ups)))


@njit(cache=True, nogil=True)
def _shapes(vertices: Float, faces: Int) -> tuple[Float, Float, Float]:
    """Unit normal (0 without an area), area and middle of each triangle."""
    normals, area, middle = np.empty((len(faces), 3)), np.empty(len(faces)), np.empty((len(faces), 3))
    for f in range(len(faces)):
        a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        length = np.sqrt(x * x + y * y + z * z)
        part = 1.0 / length if length > 0.0 else 0.0
        normals[f, 0], normals[f, 1], normals[f, 2] = x * part, y * part, z * part
        area[f] = length / 2.0
        for k in range(3):
            middle[f, k] = (a[k] + b[k] + c[k]) / 3.0
    return normals, area, middle


@njit(cache=True, nogil=True)
def _place(middle: Float, lower: Float, side: float) -> Int:
    """Cell of each point in a cube of :data:`_PLACES` cells a side, and which of the :data:`_FINE` cubed in it."""
    cell = np.empty(len(middle), np.int32)
    for f in range(len(middle)):
        wide, fine = 0, 0
        for k in range(3):
            at = min(_PLACES * _FINE - 1, int((middle[f, k] - lower[k]) / side * (_PLACES * _FINE)))
            wide, fine = wide * _PLACES + at // _FINE, fine * _FINE + at % _FINE
        cell[f] = wide * _FINE**3 + fine
    return cell


@njit(cache=True, nogil=True)
def _look(normals: Float) -> Int:
    """Cell of each direction on the octahedron unfolded to a square (Meyer et al. 2010, On floating-point normals)."""
    cell = np.empty(len(normals), np.int32)
    for f in range(len(normals)):
        x, y, z = normals[f, 0], normals[f, 1], normals[f, 2]
        total = max(abs(x) + abs(y) + abs(z), 1e-30)
        u, v = x / total, y / total
        if z < 0.0:
            u, v = (1.0 - abs(v)) * (1.0 if x >= 0.0 else -1.0), (1.0 - abs(u)) * (1.0 if y >= 0.0 else -1.0)
        i = min(_LOOKS - 1, int((u + 1.0) / 2.0 * _LOOKS))
        cell[f] = i * _LOOKS + min(_LOOKS - 1, int((v + 1.0) / 2.0 * _LOOKS))
    return cell


@njit(cache=True, nogil=True)
def _sorted(cell: Int, cells: int) -> tuple[Int, Row]:
    """Rows by cell, in their order, and where each cell that is not empty begins, with the end."""
    counts = np.zeros(cells + 1, np.int64)
    for f in range(len(cell)):
        counts[cell[f] + 1] += 1
    begins = np.empty(cells + 1, np.int64)
    n = 0
    for k in range(cells):
        if counts[k + 1] > 0:
            begins[n] = counts[k]
            n += 1
        counts[k + 1] += counts[k]
    begins[n] = len(cell)
    row = np.empty(len(cell), np.int32)
    for f in range(len(cell)):
        row[counts[cell[f]]] = f
        counts[cell[f]] += 1
    return row, begins[: n + 1].copy()


@njit(cache=True, nogil=True)
def _boxes(vertices: Float, faces: Int, begins: Row) -> Float:
    boxes = np.empty((len(begins) - 1, 6))
    for b in range(len(boxes)):
        boxes[b, :3], boxes[b, 3:] = np.inf, -np.inf
        for f in range(begins[b], begins[b + 1]):
            for c in range(3):
                for k in range(3):
                    x = vertices[faces[f, c], k]
                    boxes[b, k], boxes[b, 3 + k] = min(boxes[b, k], x), max(boxes[b, 3 + k], x)
    return boxes


@njit(cache=True, nogil=True)
def _cones(normals: Float, begins: Row) -> Float:
    """Mean direction of each cell, and cosine and sine of the widest angle from it."""
    cones = np.empty((len(begins) - 1, 5))
    for b in range(len(cones)):
        x, y, z = 0.0, 0.0, 0.0
        for i in range(begins[b], begins[b + 1]):
            x, y, z = x + normals[0, i], y + normals[1, i], z + normals[2, i]
        length = np.sqrt(x * x + y * y + z * z)
        if length < 1e-12:  # nothing but triangles without an area
            cones[b] = np.array([0.0, 0.0, 1.0, -1.0, 0.0])
            continue
        x, y, z = x / length, y / length, z / length
        least = 1.0
        for i in range(begins[b], begins[b + 1]):
            least = min(least, normals[0, i] * x + normals[1, i] * y + normals[2, i] * z)
        least = max(-1.0, least - 1e-12)
        cones[b, 0], cones[b, 1], cones[b, 2] = x, y, z
        cones[b, 3], cones[b, 4] = least, np.sqrt(max(0.0, 1.0 - least * least))
    return cones


@njit(cache=True, nogil=True, fastmath=True)
def _below(nx: Float, ny: Float, nz: Float, areas: Float, x: float, y: float, z: float, limit: float) -> float:
    """Area of the triangles that look down by more than the limit: the loop that takes the time, without a branch."""
    total = 0.0
    for i in range(len(areas)):
        total += areas[i] * (nx[i] * x + ny[i] * y + nz[i] * z < limit)
    return total


@njit(cache=True, nogil=True)
def _looking_down(
    normals: Float, begins: Row, cones: Float, areas: Float, sums: Float, ups: Float, limit: float
) -> Float:
    over = np.zeros((len(areas), len(ups)))
    for k in range(len(ups)):
        x, y, z = ups[k, 0], ups[k, 1], ups[k, 2]
        for b in range(len(cones)):
            along = cones[b, 0] * x + cones[b, 1] * y + cones[b, 2] * z
            # cosines of the sum and of the difference of two angles; a cell that looks every way is gone through
            wide, narrow = along * cones[b, 3], cones[b, 4] * np.sqrt(max(0.0, 1.0 - along * along))
            if cones[b, 3] > 0.5 and wide - narrow >= limit:
                continue
            if cones[b, 3] > 0.5 and wide + narrow < limit:
                for w in range(len(areas)):
                    over[w, k] += sums[w, b]
                continue
            i, j = begins[b], begins[b + 1]
            for w in range(len(areas)):
                over[w, k] += _below(normals[0, i:j], normals[1, i:j], normals[2, i:j], areas[w, i:j], x, y, z, limit)
    return over


@njit(cache=True, nogil=True, inline="always")
def _floor_of(box: Float, x: float, y: float, z: float) -> float:
    """The lowest that anything in a box can be."""
    floor: float = min(x * box[0], x * box[3]) + min(y * box[1], y * box[4]) + min(z * box[2], z * box[5])
    return floor


@njit(cache=True, nogil=True)
def _lowest(
    vertices: Float, faces: Int, begins: Row, boxes: Float, wide: Row, wide_boxes: Float, ups: Float
) -> tuple[Float, Int]:
    """Height of the lowest vertex along each direction, and which it is: of equals the first."""
    low, at = np.empty(len(ups)), np.empty(len(ups), np.int32)
    floors = np.empty(len(wide_boxes))
    for k in range(len(ups)):
        x, y, z = ups[k, 0], ups[k, 1], ups[k, 2]
        for q in range(len(wide_boxes)):
            floors[q] = _floor_of(wide_boxes[q], x, y, z)
        first = int(np.argmin(floors))
        lowest_box = int(wide[first])
        for b in range(wide[first], wide[first + 1]):
            if _floor_of(boxes[b], x, y, z) < _floor_of(boxes[lowest_box], x, y, z):
                lowest_box = b
        vertex = int(faces[begins[lowest_box], 0])
        best = x * vertices[vertex, 0] + y * vertices[vertex, 1] + z * vertices[vertex, 2]
        for turn in range(len(wide_boxes) + 1):
            q = first if turn == 0 else turn - 1
            if floors[q] > best:
                continue
            for b in range(wide[q], wide[q + 1]):
                if _floor_of(boxes[b], x, y, z) > best:
                    continue
                for f in range(begins[b], begins[b + 1]):
                    for c in range(3):
                        v = int(faces[f, c])
                        height = x * vertices[v, 0] + y * vertices[v, 1] + z * vertices[v, 2]
                        if height < best or (height == best and v < vertex):
                            best, vertex = height, v
        low[k], at[k] = best, vertex
    return low, at


@njit(cache=True, nogil=True)
def _share_below(vertices: Float, faces: Int, f: int, x: float, y: float, z: float, level: float) -> float:
    """Share of a triangle's area below a level."""
    p, q, r = faces[f, 0], faces[f, 1], faces[f, 2]
    a = vertices[p, 0] * x + vertices[p, 1] * y + vertices[p, 2] * z
    b = vertices[q, 0] * x + vertices[q, 1] * y + vertices[q, 2] * z
    c = vertices[r, 0] * x + vertices[r, 1] * y + vertices[r, 2] * z
    low, high = min(a, b, c), max(a, b, c)
    share = 0.0
    if high <= level:
        share = 1.0
    elif low < level:
        middle = a + b + c - low - high
        if level < middle:
            share = (level - low) ** 2 / ((middle - low) * (high - low))
        else:
            share = 1.0 - (high - level) ** 2 / ((high - low) * (high - middle))
    return share


@njit(cache=True, nogil=True)
def _on_bed(
    vertices: Float,
    faces: Int,
    begins: Row,
    boxes: Float,
    wide: Row,
    wide_boxes: Float,
    areas: Float,
    normals: Float,
    ups: Float,
    level: Float,
    limit: float,
) -> tuple[Float, Float]:
    """Shadow of what looks down below the level; and area of that of it which looks down by more than the limit."""
    contact, lying = np.zeros((len(areas), len(ups))), np.zeros((len(areas), len(ups)))
    for k in range(len(ups)):
        x, y, z = ups[k, 0], ups[k, 1], ups[k, 2]
        for q in range(len(wide_boxes)):
            if _floor_of(wide_boxes[q], x, y, z) > level[k]:
                continue
            for b in range(wide[q], wide[q + 1]):
                if _floor_of(boxes[b], x, y, z) > level[k]:
                    continue
                for f in range(begins[b], begins[b + 1]):
                    cosine = normals[f, 0] * x + normals[f, 1] * y + normals[f, 2] * z
                    if cosine >= 0.0:
                        continue
                    share = _share_below(vertices, faces, f, x, y, z, level[k])
                    for w in range(len(areas)):
                        contact[w, k] -= cosine * areas[w, f] * share
                        if cosine < limit:
                            lying[w, k] += areas[w, f] * share
    return contact, lying


@njit(cache=True, nogil=True)
def _steps(normals: Float, areas: Float, ups: Float) -> Float:
    """Mean, by area, of the steps' height over the layer's on surface of unit normals (3, m), for each direction."""
    found, total = np.zeros(len(ups)), areas.sum()
    for k in range(len(ups)):
        steps = 0.0
        for i in range(len(areas)):
            if areas[i] > 0.0:
                along = abs(normals[0, i] * ups[k, 0] + normals[1, i] * ups[k, 1] + normals[2, i] * ups[k, 2])
                if along < _LEVEL:
                    steps += areas[i] * along
        found[k] = steps / total if total > 0.0 else 0.0
    return found
