"""Where a surface runs through itself: which triangles are near each other, and which of those do.

What merely touches within rounding is no intersection; what overlaps in one plane is
(:mod:`printprep.geometry.piercing`). Distances below a billionth of the mesh's size, which a rotation's rounding leaves
in the slivers of a boolean, count as touching too.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.bvh import LEAF, build
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.piercing import pair

_SURE = 1e-14  # of a cube around the corners: more than that is the sign of a plane's side beyond all rounding
_SLACK = 1e-9  # of the longest side of the box: nearer than this is touching
_SHARES = 4  # of a large mesh, for threads
_SHARED_FROM = 50_000
_FEW = 8  # of so many faces at most one asked: then those far from all asked ones are put aside first
_CELLS = 64  # a side, of the grid by which that is done
_FILLED = 10_000_000  # cells that may be marked: of more, hardly a face is far from all
_SPANNED = 512  # cells that a face may span to be looked at cell by cell


@njit(cache=True, nogil=True)
def _proper(corners: Float, slack: float) -> Bool:
    """(m,) triangles whose least height is more than ``slack``; the others have no plane to be on a side of."""
    proper = np.empty(len(corners), np.bool_)
    for s in range(len(corners)):
        longest2 = 0.0
        for k in range(3):
            x = corners[s, k, 0] - corners[s, (k + 1) % 3, 0]
            y = corners[s, k, 1] - corners[s, (k + 1) % 3, 1]
            z = corners[s, k, 2] - corners[s, (k + 1) % 3, 2]
            longest2 = max(longest2, x * x + y * y + z * z)
        bx, by, bz = (
            corners[s, 1, 0] - corners[s, 0, 0],
            corners[s, 1, 1] - corners[s, 0, 1],
            corners[s, 1, 2] - corners[s, 0, 2],
        )
        cx, cy, cz = (
            corners[s, 2, 0] - corners[s, 0, 0],
            corners[s, 2, 1] - corners[s, 0, 1],
            corners[s, 2, 2] - corners[s, 0, 2],
        )
        x, y, z = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
        proper[s] = x * x + y * y + z * z > slack * slack * longest2
    return proper


@njit(cache=True, nogil=True)
def _meets(box: Float, u: Float) -> bool:
    """Whether the box of triangle u reaches into a box."""
    for k in range(3):
        a, b, c = u[0, k], u[1, k], u[2, k]
        if min(a, b, c) > box[3 + k] or max(a, b, c) < box[k]:
            return False
    return True


@njit(cache=True, nogil=True)
def _overlap(one: Float, two: Float) -> bool:
    """Whether two boxes, lower and upper corner, reach into each other."""
    apart = False
    for k in range(3):
        apart |= one[k] > two[3 + k] or one[3 + k] < two[k]
    return not apart


@njit(cache=True, nogil=True)
def _box_of(t: Float, box: Float) -> None:
    """Enter the box of a triangle, lower and upper corner."""
    for k in range(3):
        box[k] = min(t[0, k], t[1, k], t[2, k])
        box[3 + k] = max(t[0, k], t[1, k], t[2, k])


@njit(cache=True, nogil=True)
def _plane_of(t: Float, slack: float, plane: Float) -> None:
    """Enter a triangle's normal, the square of ``slack`` along it, and how far its corners reach from the first."""
    bx, by, bz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
    cx, cy, cz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
    x, y, z = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
    plane[0], plane[1], plane[2] = x, y, z
    plane[3] = slack * slack * (x * x + y * y + z * z)
    plane[4] = max(abs(bx) + abs(by) + abs(bz), abs(cx) + abs(cy) + abs(cz))


@njit(cache=True, nogil=True)
def _parted(plane: Float, t: Float, u: Float, common: int) -> int:
    """How the plane of triangle t parts the corners of u that are not ``common``, which is a bit a corner.

    1: they all are on one side, farther than the slack and than any rounding; 0: surely on both; -1: not known.
    """
    front, back = False, False
    for k in range(3):
        if common >> k & 1:
            continue
        x, y, z = u[k, 0] - t[0, 0], u[k, 1] - t[0, 1], u[k, 2] - t[0, 2]
        distance = plane[0] * x + plane[1] * y + plane[2] * z
        size = abs(x) + abs(y) + abs(z) + plane[4]
        if distance * distance <= plane[3] or abs(distance) <= _SURE * size * size * size:
            return -1
        front |= distance > 0
        back |= distance < 0
    return 0 if front and back else 1


@njit(cache=True, nogil=True)
def _common(f: Int, g: Int) -> tuple[int, int, int]:
    """How many vertices two faces share, and which of the corners of each these are, a bit a corner."""
    count, mine, yours = 0, 0, 0
    for i in range(3):
        for j in range(3):
            if f[i] == g[j]:
                count += 1
                mine |= 1 << i
                yours |= 1 << j
    return count, mine, yours


@njit(cache=True, nogil=True)
def _between(
    corners: Float,
    faces: Int,
    proper: Bool,
    owner: Int,
    asked: Bool,
    slack: float,
    reach: tuple[int, int, int, int],
    theirs: Float,
    boxes: Float,
    planes: Float,
    v: Float,
    w: Float,
    other: npt.NDArray[np.int32],
) -> None:
    """Enter into ``other`` the pairs of two leaves that cross.

    ``boxes`` and ``planes`` are of the triangles of the first leaf, ``theirs`` is the box of the other leaf.
    """
    first, end, begin, stop = reach
    for s in range(first, end):
        if not (proper[s] and asked[s] and _overlap(boxes[s - first], theirs)):
            continue
        for r in range(begin, stop):
            if not proper[r] or (r <= s and (asked[r] or r == s)) or owner[r] == owner[s]:
                continue
            if (other[s] >= 0 and other[r] >= 0) or not _meets(boxes[s - first], corners[r]):
                continue
            shared, mine, yours = _common(faces[s], faces[r])
            if shared > 2:
                continue
            # most neighbours are told apart by the plane of one of the two, long before their edges are asked
            sides = _parted(planes[s - first], corners[s], corners[r], yours)
            if sides == 1:
                continue
            if sides == 0:
                _plane_of(corners[r], slack, planes[LEAF])
                if _parted(planes[LEAF], corners[r], corners[s], mine) == 1:
                    continue
            if pair(faces[s], faces[r], corners[s], corners[r], v, w, slack):
                other[s] = r
                other[r] = s


@njit(cache=True, nogil=True)
def _self_intersecting(
    corners: Float,
    faces: Int,
    boxes: Float,
    proper: Bool,
    owner: Int,
    asked: Bool,
    slack: float,
    begin_leaf: int,
    end_leaf: int,
) -> npt.NDArray[np.int32]:
    """For each triangle in tree order another one, of another owner, found to cross it, or -1.

    The pairs of some leaves with each leaf, from the first of the two, or from the asked one where only one is: a
    whole leaf at a time walks the tree.
    """
    m = len(corners)
    leaves = (len(boxes) + 1) // 2
    whole = asked.all()
    other = np.full(m, -1, np.int32)
    stack, last = np.empty(128, np.int64), np.empty(128, np.int64)  # nodes, and the last leaf below each
    v, w = np.empty((3, 3)), np.empty((3, 3))
    own, planes = np.empty((LEAF, 6)), np.empty((LEAF + 1, 5))
    for leaf in range(begin_leaf, min(end_leaf, leaves)):
        first, end = leaf * LEAF, min(leaf * LEAF + LEAF, m)
        wanted = False
        for s in range(first, end):
            wanted |= proper[s] and asked[s]
        if not wanted:
            continue
        for s in range(first, end):
            _box_of(corners[s], own[s - first])
            _plane_of(corners[s], slack, planes[s - first])
        mine = leaves - 1 + leaf
        stack[0], last[0] = 0, leaves - 1
        span, top = leaves, 1
        while top > 0:
            top -= 1
            i, final = stack[top], last[top]
            if whole and final < leaf:  # that pair was looked at from the other side
                continue
            if not _overlap(boxes[i], boxes[mine]):
                continue
            if i < leaves - 1:
                span = 1  # leaves below each child
                while (i + 1) * 2 * span < leaves:
                    span *= 2
                stack[top], last[top] = 2 * i + 1, final - span
                stack[top + 1], last[top + 1] = 2 * i + 2, final
                top += 2
                continue
            begin = (i - leaves + 1) * LEAF
            reach = first, end, begin, min(begin + LEAF, m)
            _between(corners, faces, proper, owner, asked, slack, reach, boxes[i], own, planes, v, w, other)
    return other


@njit(cache=True, nogil=True)
def _extent(vertices: Float, faces: Int) -> tuple[Float, float]:
    """Lower corner of the box around all faces, and its longest side."""
    lower, upper = np.full(3, np.inf), np.full(3, -np.inf)
    for f in range(len(faces)):
        for c in range(3):
            for k in range(3):
                lower[k] = min(lower[k], vertices[faces[f, c], k])
                upper[k] = max(upper[k], vertices[faces[f, c], k])
    return lower, (upper - lower).max()


@njit(cache=True, nogil=True)
def _near(vertices: Float, faces: Int, asked: Bool, lower: Float, scale: float) -> Bool:
    """(m,) all faces that may meet one that is asked: those whose boxes share a cell of a grid with its box."""
    marked = np.zeros((_CELLS, _CELLS, _CELLS), np.bool_)
    near = asked.copy()
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    filled = 0
    for again in range(2):  # first the cells of the asked faces, then the faces in those cells
        for f in range(len(faces)):
            if asked[f] == (again == 1):
                continue
            cells = 1
            for k in range(3):
                x, y, z = vertices[faces[f, 0], k], vertices[faces[f, 1], k], vertices[faces[f, 2], k]
                low[k] = min(int((min(x, y, z) - lower[k]) * scale), _CELLS - 1)
                high[k] = min(int((max(x, y, z) - lower[k]) * scale), _CELLS - 1)
                cells *= high[k] - low[k] + 1
            box = marked[low[0] : high[0] + 1, low[1] : high[1] + 1, low[2] : high[2] + 1]
            if again == 0:
                box[:] = True
                filled += cells
                if filled > _FILLED:
                    return np.ones(len(faces), np.bool_)
            else:
                near[f] = cells > _SPANNED or box.any()
    return near


def partners(mesh: Mesh, owner: Int | None = None, asked: Bool | None = None) -> Int:
    """(m,) for each face one other face that it runs through, or -1.

    Faces that share a vertex or an edge count only when they properly cross, or lie on top of each other in one plane;
    faces on the same three vertices are duplicates and do not count here, nor do faces without area.

    Parameters
    ----------
    mesh
        Welded, finite.
    owner
        (m,) faces of one owner are not tested against each other; None tests all.
    asked
        (m,) of each pair at least one face is one of these; None asks for all.
    """
    partner = np.full(len(mesh), -1, np.int32)
    if not len(mesh) or not (asked is None or asked.any()):
        return partner
    vertices = mesh.vertices
    lower, side = _extent(vertices, mesh.faces)
    slack = _SLACK * side
    near = np.arange(len(mesh), dtype=np.int32)
    if asked is not None and _FEW * np.count_nonzero(asked) < len(mesh):
        near = np.flatnonzero(_near(vertices, mesh.faces, asked, lower, _CELLS / max(side, 1e-300))).astype(np.int32)
    tree = build(mesh if len(near) == len(mesh) else Mesh(vertices, mesh.faces[near]))
    face = near[tree.face]
    faces = mesh.faces[face]
    label = face if owner is None else owner[face]
    chosen = np.ones(len(face), np.bool_) if asked is None else asked[face]
    proper = _proper(tree.corners, slack)
    bounds = np.linspace(0, -(-len(face) // LEAF), _SHARES + 1).astype(int).tolist()

    def work(begin: int, end: int) -> Int:
        return np.asarray(_self_intersecting(tree.corners, faces, tree.boxes, proper, label, chosen, slack, begin, end))

    if len(face) < _SHARED_FROM:
        other = work(0, bounds[-1])
    else:  # always the same shares, so that the answer does not depend on the count of processors
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(work, bounds[:-1], bounds[1:]))
        other = found[0]
        for more in found[1:]:
            other = np.where(other >= 0, other, more)
    hit = other >= 0
    partner[face[hit]] = face[other[hit]]
    return partner


def self_intersecting(mesh: Mesh) -> Bool:
    """(m,) which faces of ``mesh`` run through another one of it; see :func:`partners`."""
    return np.asarray(partners(mesh) >= 0)
