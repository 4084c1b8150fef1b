"""Shells: the connected surfaces of one mesh, which lies in which, and what they enclose together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.areas import volume_mm3
from printprep.geometry.bvh import build, winding
from printprep.geometry.intersect import partners
from printprep.geometry.mesh import Bool, Float, Int, Mesh, join
from printprep.geometry.topology import bodies, edges, used_vertices

_PROBES = 7  # points of a shell that are asked whether they lie in another
_MANY = 32  # hits of one column, from which on sorting by insertion takes longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """One connected closed surface of a mesh."""

    mesh: Mesh
    faces: Int  # (k,) its faces in the whole mesh
    volume_mm3: float  # signed: negative when its outside faces in
    inside: tuple[int, ...]  # other shells that enclose it wholly, by index

    @property
    def depth(self) -> int:
        """How many shells enclose it."""
        return len(self.inside)

    @property
    def thickness_mm(self) -> float:
        """Twice its volume over its area: the thickness if it were a plate."""
        return 2 * abs(self.volume_mm3) / max(self.mesh.area_mm2, 1e-300)


def pick(mesh: Mesh, faces: Int) -> Mesh:
    """The given faces of ``mesh`` with the vertices they use."""
    chosen = mesh.faces[faces]
    if 16 * len(faces) > len(mesh.vertices):  # of a large share a mark at each vertex is faster than sorting
        return used_vertices(Mesh(mesh.vertices, chosen))
    used, corner = np.unique(chosen, return_inverse=True)
    return Mesh(mesh.vertices[used], corner.reshape(-1, 3).astype(np.int32))


def by_body(mesh: Mesh) -> list[Int]:
    """The faces of each connected surface, in order of its first face; faces with a vertex twice are in none."""
    label, count = bodies(edges(mesh))
    sequence = np.argsort(label, kind="stable")
    bounds = np.searchsorted(label[sequence], np.arange(count + 1))
    return [sequence[bounds[i] : bounds[i + 1]].astype(np.int32) for i in range(count)]


def _enclosed_by(outer: int, shells: list[Mesh], boxes: Float) -> list[int]:
    """Which of ``shells`` lie wholly in the one of index ``outer``, asked in one batch; ``boxes`` is (k, 2, 3)."""
    lower, upper = boxes[outer]
    within = (boxes[:, 0] >= lower).all(axis=1) & (boxes[:, 1] <= upper).all(axis=1)
    within[outer] = False
    asked = np.flatnonzero(within).tolist()
    if not asked:
        return []
    probes = [shells[i].vertices[np.linspace(0, len(shells[i].vertices) - 1, _PROBES).astype(int)] for i in asked]
    inside = winding(build(shells[outer]), np.concatenate(probes)).reshape(len(asked), _PROBES) != 0
    return [i for i, answers in zip(asked, inside, strict=True) if answers.all()]


def shells(mesh: Mesh) -> list[Shell]:
    """The connected closed surfaces of ``mesh`` and how they lie in each other.

    Parameters
    ----------
    mesh
        Closed, each surface wound the same way everywhere. A shell counts as enclosed when all probed vertices are;
        shells that cross each other are in neither.
    """
    groups = by_body(mesh)
    if len(groups) == 1:
        return [Shell(mesh=mesh, faces=groups[0], volume_mm3=volume_mm3(mesh), inside=())]
    meshes = [pick(mesh, faces) for faces in groups]
    boxes = np.stack([m.bounds_mm for m in meshes])
    inside: list[list[int]] = [[] for _ in meshes]
    for outer in range(len(meshes)):
        for i in _enclosed_by(outer, meshes, boxes):
            inside[i].append(outer)
    return [
        Shell(mesh=m, faces=f, volume_mm3=volume_mm3(m), inside=tuple(o))
        for m, f, o in zip(meshes, groups, inside, strict=True)
    ]


@njit(cache=True, nogil=True)
def reaching(vertices: Float, faces: Int, lower: Float, upper: Float) -> Bool:
    """(m,) faces whose boxes reach into a box."""
    reach = np.ones(len(faces), np.bool_)
    for f in range(len(faces)):
        for k in range(3):
            x, y, z = vertices[faces[f, 0], k], vertices[faces[f, 1], k], vertices[faces[f, 2], k]
            reach[f] &= min(x, y, z) <= upper[k] and max(x, y, z) >= lower[k]
    return reach


def apart(a: Mesh, b: Mesh) -> bool:
    """Whether two closed surfaces share no volume, found without a boolean.

    They do not when their boxes are apart, or when they do not run through each other and no body of one lies in the
    other. False means that they may share some.
    """
    lower, upper = np.maximum(a.bounds_mm[0], b.bounds_mm[0]), np.minimum(a.bounds_mm[1], b.bounds_mm[1])
    if (lower >= upper).any() or not len(a) or not len(b):
        return True
    one, two = (Mesh(m.vertices, m.faces[reaching(m.vertices, m.faces, lower, upper)]) for m in (a, b))
    owner = np.repeat(np.array([0, 1], np.int32), [len(one), len(two)])
    if len(one) and len(two) and (partners(join([one, two]), owner) >= 0).any():
        return False
    return not (_reaches_into(a, b) or _reaches_into(b, a))


def _reaches_into(inner: Mesh, outer: Mesh) -> bool:
    """Whether a body of ``inner``, which does not cross ``outer``, lies in it."""
    lower, upper = outer.bounds_mm
    points = inner.vertices[inner.faces[[group[0] for group in by_body(inner)], 0]]
    points = points[((points > lower) & (points < upper)).all(axis=1)]
    return bool(len(points)) and bool((winding(build(outer), points) > 0).any())


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """How the shells of a surface count for what is matter (:func:`printprep.geometry.matter.counted`)."""

    owner: Int  # (m,) of each face the set of shells that it is in
    kind: Int  # (k,) of each set: 0 counts as it is, 1 a body and -1 a cavity, which count the right way round only


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    """Volumes by how often the surface goes around a point, all measured on the same columns."""

    signed_mm3: float  # every layer counted as often as it is enclosed: what the divergence theorem gives
    solid_mm3: float  # of points enclosed at least once, each shell as it counts: what can be printed
    negative_mm3: float  # of points enclosed the wrong way round


@njit(cache=True, nogil=True)
def right_way(level: int, kind: int) -> int:
    """What a winding counts, by the kind of its shells."""
    return level if kind == 0 else kind * max(kind * level, 0)


@njit(cache=True, nogil=True)
def _longer(row: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """The same row with room for more."""
    longer = np.empty(size, row.dtype)
    longer[: len(row)] = row
    return longer


@njit(cache=True, nogil=True)
def _hits(corners: Float, lower: Float, step: float, nx: int, ny: int) -> tuple[Int, Float, Int]:
    """Where columns along z meet faces: of each hit the column, the height, and the face, negative less 1 if up."""
    size, count = 4 * nx * ny, 0
    column, height, face = np.empty(size, np.int32), np.empty(size), np.empty(size, np.int32)
    for f in range(len(corners)):
        t = corners[f]
        ax, ay, bx, by = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[2, 0] - t[0, 0], t[2, 1] - t[0, 1]
        det = ax * by - ay * bx
        if det == 0:
            continue
        i0 = max(int(np.ceil((min(t[0, 0], t[1, 0], t[2, 0]) - lower[0]) / step)), 0)
        i1 = min(int(np.floor((max(t[0, 0], t[1, 0], t[2, 0]) - lower[0]) / step)), nx - 1)
        j0 = max(int(np.ceil((min(t[0, 1], t[1, 1], t[2, 1]) - lower[1]) / step)), 0)
        j1 = min(int(np.floor((max(t[0, 1], t[1, 1], t[2, 1]) - lower[1]) / step)), ny - 1)
        for i in range(i0, i1 + 1):
            px = lower[0] + i * step - t[0, 0]
            for j in range(j0, j1 + 1):
                py = lower[1] + j * step - t[0, 1]
                u, v = (px * by - py * bx) / det, (ax * py - ay * px) / det
                if u < 0 or v < 0 or u + v > 1:
                    continue
                if count == size:
                    size *= 2
                    column, height, face = _longer(column, size), _longer(height, size), _longer(face, size)
                column[count] = i * ny + j
                height[count] = t[0, 2] + u * (t[1, 2] - t[0, 2]) + v * (t[2, 2] - t[0, 2])
                face[count] = -f - 1 if det > 0 else f
                count += 1
    return column[:count], height[:count], face[:count]


@njit(cache=True, nogil=True)
def _sorted(height: Float, begin: int, end: int, around: Int) -> None:
    """Enter the places from ``begin`` to ``end`` into ``around``, the lowest first."""
    if end - begin > _MANY:
        around[begin:end] = begin + np.argsort(height[begin:end])
        return
    for at in range(begin, end):
        to = at
        while to > begin and height[around[to - 1]] > height[at]:
            around[to] = around[to - 1]
            to -= 1
        around[to] = at


@njit(cache=True, nogil=True)
def _columns(
    corners: Float, owner: Int, kind: Int, lower: Float, step: float, nx: int, ny: int
) -> tuple[float, float, float]:
    """Volumes over columns along z; each is crossed by the faces above and below its centre."""
    column, met, by = _hits(corners, lower, step, nx, ny)
    start = np.zeros(nx * ny + 2, np.int64)  # start[i + 1] grows from the beginning to the end of column i
    for at in range(len(column)):
        start[column[at] + 2] += 1
    for i in range(2, nx * ny + 2):
        start[i] += start[i - 1]
    height, face, around = np.empty(len(met)), np.empty(len(met), np.int32), np.empty(len(met), np.int32)
    for at in range(len(column)):
        place = start[column[at] + 1]
        start[column[at] + 1] += 1
        height[place], face[place] = met[at], by[at]
    signed, solid, negative = 0.0, 0.0, 0.0
    levels = np.zeros(len(kind), np.int64)
    for i in range(nx * ny):
        begin, end = start[i], start[i + 1]
        _sorted(height, begin, end, around)
        level, matter = 0, 0
        for q in range(begin, end - 1):
            f = face[around[q]]
            up = 1 if f < 0 else -1
            o = owner[-f - 1 if f < 0 else f]
            matter -= right_way(levels[o], kind[o])
            levels[o] -= up
            matter += right_way(levels[o], kind[o])
            level -= up
            gap = height[around[q + 1]] - height[around[q]]
            signed += level * gap
            solid += gap if matter > 0 else 0.0
            negative += gap if level < 0 else 0.0
        for q in range(begin, end):
            f = face[q]
            levels[owner[-f - 1 if f < 0 else f]] = 0
    cell = step * step
    return signed * cell, solid * cell, negative * cell


def enclosed(mesh: Mesh, columns: int = 384, shells_as: Counted | None = None) -> Enclosed:
    """Volumes that a closed surface encloses, told apart by how often and which way round it does.

    For a solid all three agree with its volume, 0 and nothing counted twice. Columns along z, up to ``columns`` on
    the longer side of the box, are cut by every face; because all three figures come from the same cuts, their
    differences are overlap and inversion, not sampling error. ``shells_as`` says how shells count for what is solid;
    without it all windings are added up.
    """
    shells_as = shells_as or Counted(np.zeros(len(mesh), np.int32), np.zeros(1, np.int32))
    lower, upper = mesh.bounds_mm
    width, depth = (upper - lower)[:2]
    step = max(float(width), float(depth), 1e-9) / columns
    nx, ny = int(width / step) + 1, int(depth / step) + 1
    start = lower + step * np.array([0.5 + 0.0137, 0.5 - 0.0211, 0.0])  # off any regular grid of the mesh
    signed, solid, negative = _columns(mesh.triangles, shells_as.owner, shells_as.kind, start, step, nx, ny)
    return Enclosed(signed_mm3=signed, solid_mm3=solid, negative_mm3=negative)
