"""One surface laid on another by a turn and a shift: never mirrored, never scaled.

The axes of the two surfaces give four ways to begin; each is refined by taking the nearest point of the other surface
for every sample and the best motion for these pairs, again and again (Besl and McKay, A method for registration of 3-D
shapes, IEEE Trans. PAMI 14, 1992; the best motion by Kabsch, 1976). The least distance wins.
"""

from __future__ import annotations

from itertools import product
from typing import Final

import numpy as np

from printprep.geometry.bvh import Tree, build, nearest
from printprep.geometry.measure import sample
from printprep.geometry.mesh import Float, Mesh

SAMPLES: Final = 1500
FINE_SAMPLES: Final = 10_000
ROUNDS: Final = 30
FINE_ROUNDS: Final = 200
STILL: Final = 1e-9
"""Refining ends when the distance falls by less than this share of it."""


def aligned(mesh: Mesh, to: Mesh) -> tuple[Float, float]:
    """The motion that lays ``mesh`` on ``to`` best.

    Parameters
    ----------
    mesh, to
        Finite, with at least one face each, of about the same shape and size.

    Returns
    -------
    matrix, rms_mm
        (4, 4), a rotation and a shift; and the root mean square of the distances that are left.
    """
    if np.array_equal(mesh.faces, to.faces) and len(mesh.vertices) == len(to.vertices):
        known = _best_motion(mesh.vertices, to.vertices)  # corner by corner: nothing has to be searched
        left = float(np.sqrt(((_moved(known, mesh.vertices) - to.vertices) ** 2).sum(axis=1).mean()))
        if left <= 1e-3 * float(np.linalg.norm(to.size_mm)):
            return known, left
    tree = build(to)
    few, many = (sample(mesh, count, 0) for count in (SAMPLES, FINE_SAMPLES))
    coarse, fine = few.points[few.even], many.points[many.even]
    target = sample(to, FINE_SAMPLES, 1)
    begins = [np.eye(4), *_by_axes(fine, target.points[target.even])]
    tried = [_refined(begin, coarse, tree, ROUNDS) for begin in begins]
    best, _ = min(tried, key=lambda found: found[1])
    return _refined(best, fine, tree, FINE_ROUNDS)


def _by_axes(points: Float, target: Float) -> list[Float]:
    """The four turns that lay the principal axes of points on those of others, middle on middle."""
    middle, there = points.mean(axis=0), target.mean(axis=0)
    own = np.linalg.eigh(np.cov((points - middle).T))[1]
    other = np.linalg.eigh(np.cov((target - there).T))[1]
    motions = []
    for signs in product((1.0, -1.0), repeat=3):
        turn = other @ np.diag(signs) @ own.T
        if np.linalg.det(turn) < 0:
            continue
        motion = np.eye(4)
        motion[:3, :3] = turn
        motion[:3, 3] = there - turn @ middle
        motions.append(motion)
    return motions


def _refined(motion: Float, points: Float, tree: Tree, rounds: int) -> tuple[Float, float]:
    """A motion after some rounds, and the root mean square distance that it leaves, mm."""
    place = np.empty(len(tree.face), np.int64)
    place[tree.face] = np.arange(len(tree.face))
    rms = np.inf
    for _ in range(rounds):
        moved = _moved(motion, points)
        distance, face, weights = nearest(tree, moved)
        before, rms = rms, float(np.sqrt((distance**2).mean()))
        if before - rms <= STILL * max(rms, 1e-12):
            break
        feet = np.einsum("nk,nkc->nc", weights, tree.corners[place[face]])
        motion = _best_motion(points, feet)
    return motion, rms


def _best_motion(points: Float, to: Float) -> Float:
    """The rotation and shift (4, 4) that bring points (n, 3) nearest to others (n, 3), pair by pair."""
    middle, there = points.mean(axis=0), to.mean(axis=0)
    u, _, vt = np.linalg.svd((points - middle).T @ (to - there))
    turn = vt.T @ np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T)) or 1.0]) @ u.T
    motion = np.eye(4)
    motion[:3, :3] = turn
    motion[:3, 3] = there - turn @ middle
    return motion


def _moved(motion: Float, points: Float) -> Float:
    return np.asarray(points @ motion[:3, :3].T + motion[:3, 3])
