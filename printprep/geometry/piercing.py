"""Whether two triangles run through each other.

Signs of determinants decide, and a sign counts only when the determinant is larger than its rounding error (the static
filters of Shewchuk, Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates, 1997). What
merely touches within rounding is therefore no intersection; what overlaps in one plane is.
"""

from __future__ import annotations

from numba import njit

from printprep.geometry.mesh import Float, Int

_ERROR_3D = 7.771561172376103e-16  # (7 + 56 eps) eps with eps = 2^-53
_ERROR_2D = 3.3306690738754716e-16  # (3 + 16 eps) eps


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
def pair(f: Int, g: Int, t: Float, u: Float, v: Float, w: Float, slack: float) -> bool:
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
