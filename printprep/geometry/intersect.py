"""Where a surface runs through itself.

Signs of determinants decide, and a sign counts only when the determinant is larger than its rounding error (the static
filters of Shewchuk, Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates, 1997). What
merely touches within rounding is therefore no intersection; what overlaps in one plane is. Distances below a
billionth of the mesh's size, which a rotation's rounding leaves in the slivers of a boolean, count as touching too.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.bvh import LEAF, build
from printprep.geometry.mesh import Bool, Float, Int, Mesh

_ERROR_3D = 7.771561172376103e-16  # (7 + 56 eps) eps with eps = 2^-53
_ERROR_2D = 3.3306690738754716e-16  # (3 + 16 eps) eps
_SLACK = 1e-9  # of the longest side of the box: nearer than this is touching
_SHARES = 4  # of a large mesh, for threads
_SHARED_FROM = 50_000


@njit(cache=True, nogil=True)
def _side(a: Float, b: Float, c: Float, d: Float) -> int:
    """Side of the plane a, b, c on which d lies: 1, -1, or 0 when that is within rounding."""
    ax, ay, az = a[0] - d[0], a[1] - d[1], a[2] - d[2]
    bx, by, bz = b[0] - d[0], b[1] - d[1], b[2] - d[2]
    cx, cy, cz = c[0] - d[0], c[1] - d[1], c[2] - d[2]
    bc, cb = bx * cy, cx * by
    ca, ac = cx * ay, ax * cy
    ab, ba = ax * by, bx * ay
    determinant = az * (bc - cb) + bz * (ca - ac) + cz * (ab - ba)
    magnitude = (
        abs(az) * (abs(bc) + abs(cb)) + abs(bz) * (abs(ca) + abs(ac)) + abs(cz) * (abs(ab) + abs(ba))
    ) * _ERROR_3D
    if determinant > magnitude:
        return 1
    return -1 if determinant < -magnitude else 0


@njit(cache=True, nogil=True)
def _beside(t: Float, d: Float, slack: float) -> int:
    """Side of the plane of triangle t on which d lies: 1, -1, or 0 within ``slack`` mm or rounding."""
    side = _side(t[0], t[1], t[2], d)
    if side == 0:
        return 0
    bx, by, bz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
    cx, cy, cz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
    x, y, z = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
    distance = x * (d[0] - t[0, 0]) + y * (d[1] - t[0, 1]) + z * (d[2] - t[0, 2])
    return side if distance * distance > slack * slack * (x * x + y * y + z * z) else 0


@njit(cache=True, nogil=True)
def _turn(a: Float, b: Float, c: Float, i: int, j: int, slack: float) -> int:
    """Turn a, b, c seen along the axis that is neither ``i`` nor ``j``: 1 left, -1 right, 0 straight or unsure."""
    one = (a[i] - c[i]) * (b[j] - c[j])
    two = (a[j] - c[j]) * (b[i] - c[i])
    error = (abs(one) + abs(two)) * _ERROR_2D + slack * (abs(b[i] - a[i]) + abs(b[j] - a[j]))
    if one - two > error:
        return 1
    return -1 if one - two < -error else 0


@njit(cache=True, nogil=True)
def _pierces(p: Float, q: Float, t: Float, slack: float) -> bool:
    """Whether the segment p, q runs through triangle t: inside it or through one of its edges, not its corners."""
    one = _beside(t, p, slack)
    if one == 0 or _beside(t, q, slack) != -one:
        return False
    positive, negative = 0, 0
    for k in range(3):
        side = _side(p, q, t[k], t[(k + 1) % 3])
        positive += side > 0
        negative += side < 0
    return (positive == 0 or negative == 0) and positive + negative >= 2


@njit(cache=True, nogil=True)
def _apart(t: Float, u: Float, i: int, j: int, slack: float) -> bool:
    """Whether an edge line of t has all of u on its outer side or on it, in the plane of axes i, j."""
    turn = _turn(t[0], t[1], t[2], i, j, slack)
    if turn == 0:
        return True  # no area to overlap with
    for k in range(3):
        inside = False
        for c in range(3):
            inside |= _turn(t[k], t[(k + 1) % 3], u[c], i, j, slack) == turn
        if not inside:
            return True
    return False


@njit(cache=True, nogil=True)
def _overlap_flat(t: Float, u: Float, slack: float) -> bool:
    """Whether two triangles of one plane share area."""
    nx = abs((t[1, 1] - t[0, 1]) * (t[2, 2] - t[0, 2]) - (t[1, 2] - t[0, 2]) * (t[2, 1] - t[0, 1]))
    ny = abs((t[1, 2] - t[0, 2]) * (t[2, 0] - t[0, 0]) - (t[1, 0] - t[0, 0]) * (t[2, 2] - t[0, 2]))
    nz = abs((t[1, 0] - t[0, 0]) * (t[2, 1] - t[0, 1]) - (t[1, 1] - t[0, 1]) * (t[2, 0] - t[0, 0]))
    i, j = 0, 1
    if nx >= ny and nx >= nz:
        i, j = 1, 2
    elif ny >= nz:
        i, j = 2, 0
    return not _apart(t, u, i, j, slack) and not _apart(u, t, i, j, slack)


@njit(cache=True, nogil=True)
def _cross(t: Float, u: Float, shared: int, slack: float) -> bool:
    """Whether triangles t and u intersect, apart from the ``shared`` corners that both list first (0, 1 or 2)."""
    s0, s1, s2 = _beside(t, u[0], slack), _beside(t, u[1], slack), _beside(t, u[2], slack)
    if shared >= 1:
        s0 = 0
    if shared == 2:
        s1 = 0
    if s0 == 0 and s1 == 0 and s2 == 0:
        return _overlap_flat(t, u, slack)
    if shared == 2 or (s0 >= 0 and s1 >= 0 and s2 >= 0) or (s0 <= 0 and s1 <= 0 and s2 <= 0):
        return False
    if shared == 1:  # only the edges opposite to the shared corner can pierce
        return _pierces(u[1], u[2], t, slack) or _pierces(t[1], t[2], u, slack)
    found = False
    for k in range(3):
        found = found or _pierces(u[k], u[(k + 1) % 3], t, slack) or _pierces(t[k], t[(k + 1) % 3], u, slack)
    return found


@njit(cache=True, nogil=True)
def _pair(f: Int, g: Int, t: Float, u: Float, v: Float, w: Float, slack: float) -> bool:
    """Test faces f and g with corners t and u, in v and w with the shared corners brought to the front."""
    shared = 0
    mine, yours = 0, 0  # bits of the corners already placed
    for i in range(3):
        for j in range(3):
            if f[i] == g[j]:
                if shared == 2:
                    return False  # the same three vertices: a duplicate, which is counted as such
                v[shared] = t[i]
                w[shared] = u[j]
                mine |= 1 << i
                yours |= 1 << j
                shared += 1
    if shared == 3:
        return False
    m, y = shared, shared
    for i in range(3):
        if not mine >> i & 1:
            v[m] = t[i]
            m += 1
        if not yours >> i & 1:
            w[y] = u[i]
            y += 1
    return _cross(v, w, shared, slack)


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
def _meets(lower: Float, upper: Float, u: Float) -> bool:
    """Whether the box of triangle u reaches into a box."""
    for k in range(3):
        a, b, c = u[0, k], u[1, k], u[2, k]
        if min(a, b, c) > upper[k] or max(a, b, c) < lower[k]:
            return False
    return True


@njit(cache=True, nogil=True)
def _between(
    corners: Float,
    faces: Int,
    proper: Bool,
    owner: Int,
    asked: Bool,
    slack: float,
    reach: tuple[int, int, int, int],
    lower: Float,
    upper: Float,
    v: Float,
    w: Float,
    other: npt.NDArray[np.int32],
) -> None:
    """Enter into ``other`` the pairs of two leaves that cross; the first leaf's boxes are in ``lower``, ``upper``."""
    first, end, begin, stop = reach
    for s in range(first, end):
        if not (proper[s] and asked[s]):
            continue
        for r in range(begin, stop):
            if not proper[r] or (r <= s and (asked[r] or r == s)) or owner[r] == owner[s]:
                continue
            if other[s] >= 0 and other[r] >= 0:
                continue
            if _meets(lower[s - first], upper[s - first], corners[r]) and _pair(
                faces[s], faces[r], corners[s], corners[r], v, w, slack
            ):
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
    lower, upper = np.empty((LEAF, 3)), np.empty((LEAF, 3))
    for leaf in range(begin_leaf, min(end_leaf, leaves)):
        first, end = leaf * LEAF, min(leaf * LEAF + LEAF, m)
        wanted = False
        for s in range(first, end):
            wanted |= proper[s] and asked[s]
            for k in range(3):
                lower[s - first, k] = min(corners[s, 0, k], corners[s, 1, k], corners[s, 2, k])
                upper[s - first, k] = max(corners[s, 0, k], corners[s, 1, k], corners[s, 2, k])
        if not wanted:
            continue
        mine = leaves - 1 + leaf
        stack[0], last[0] = 0, leaves - 1
        span, top = leaves, 1
        while top > 0:
            top -= 1
            i, final = stack[top], last[top]
            if (
                (whole and final < leaf)  # that pair was looked at from the other side
                or boxes[i, 0] > boxes[mine, 3]
                or boxes[i, 1] > boxes[mine, 4]
                or boxes[i, 2] > boxes[mine, 5]
                or boxes[i, 3] < boxes[mine, 0]
                or boxes[i, 4] < boxes[mine, 1]
                or boxes[i, 5] < boxes[mine, 2]
            ):
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
            _between(corners, faces, proper, owner, asked, slack, reach, lower, upper, v, w, other)
    return other


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
    if not len(mesh):
        return partner
    tree = build(mesh)
    faces = mesh.faces[tree.face]
    slack = _SLACK * float((tree.boxes[0, 3:] - tree.boxes[0, :3]).max())
    label = tree.face if owner is None else owner[tree.face]
    chosen = np.ones(len(mesh), np.bool_) if asked is None else asked[tree.face]
    proper = _proper(tree.corners, slack)
    bounds = np.linspace(0, -(-len(mesh) // LEAF), _SHARES + 1).astype(int).tolist()

    def work(begin: int, end: int) -> Int:
        return np.asarray(_self_intersecting(tree.corners, faces, tree.boxes, proper, label, chosen, slack, begin, end))

    if len(mesh) < _SHARED_FROM:
        other = work(0, bounds[-1])
    else:  # always the same shares, so that the answer does not depend on the count of processors
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(work, bounds[:-1], bounds[1:]))
        other = found[0]
        for more in found[1:]:
            other = np.where(other >= 0, other, more)
    hit = other >= 0
    partner[tree.face[hit]] = tree.face[other[hit]]
    return partner


def self_intersecting(mesh: Mesh) -> Bool:
    """(m,) which faces of ``mesh`` run through another one of it; see :func:`partners`."""
    return np.asarray(partners(mesh) >= 0)
