"""Fragments of a surface that was cut along the lines where it crosses itself: which of them part void from matter.

What hangs together across edges of two faces is one fragment, and is not crossed by anything: what is in front of and
behind one of its faces is so everywhere.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.areas import face_areas_mm2, face_normals
from printprep.geometry.bvh import Tree, winding
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.topology import edges, joined

Rows = Bool | npt.NDArray[np.integer]

_STEP: Final = 1e-6  # of the longest side: how far beside a face to ask what is there, at most
_ASKED: Final = 5  # of the largest faces of a piece


def between(mesh: Mesh, tree: Tree, pieces: Mesh) -> Bool:
    """(m,) which faces of ``pieces`` have matter of ``mesh``, whose tree is given, behind them and void in front."""
    label, areas = _label(pieces), face_areas_mm2(pieces)
    asked = _largest(label, areas)
    front, back = (level > 0 for level in _beside(mesh, tree, pieces, asked, areas))
    votes = np.bincount(label[asked], weights=np.where(back & ~front, areas[asked], -areas[asked]))
    return np.asarray(votes[label] > 0)


def hidden(mesh: Mesh, tree: Tree, pieces: Mesh, near: Bool) -> Bool:
    """(m,) which faces of ``pieces`` do not part void from what ``mesh``, whose tree is given, encloses once.

    Each face that is ``near`` (m,) a crossing is asked. Elsewhere nothing crosses, so that faces that hang together are
    alike: a few of them are asked, and all where these disagree.
    """
    far, areas = np.flatnonzero(~near), face_areas_mm2(pieces)
    asked = near.copy()
    label = np.zeros(len(pieces), np.int32)
    if len(far):
        label[far] = _label(Mesh(pieces.vertices, pieces.faces[far]))
        asked[far[_largest(label[far], areas[far])]] = True
    found = np.zeros(len(pieces), np.bool_)
    found[asked] = _is_hidden(mesh, tree, pieces, asked, areas)
    if len(far):
        heard, count = far[asked[far]], int(label[far].max()) + 1
        yes = np.bincount(label[heard], weights=found[heard], minlength=count)
        votes = np.bincount(label[heard], minlength=count)
        found[far] = (yes == votes)[label[far]]
        doubt = far[((yes > 0) & (yes < votes))[label[far]]]
        found[doubt] = _is_hidden(mesh, tree, pieces, doubt, areas)
    return found


def _is_hidden(mesh: Mesh, tree: Tree, pieces: Mesh, asked: Rows, areas: Float) -> Bool:
    front, back = _beside(mesh, tree, pieces, asked, areas)
    return np.asarray((front != 0) | (back != 1))


def _beside(mesh: Mesh, tree: Tree, pieces: Mesh, asked: Rows, areas: Float) -> tuple[Int, Int]:
    """How often ``mesh`` goes around what is just in front of and just behind the middles of the asked faces.

    Of a small face nearer, because what crosses beside it is as near.
    """
    corners = pieces.vertices[pieces.faces[asked]]
    aside_mm = np.minimum(_STEP * float(mesh.size_mm.max()), 0.01 * np.sqrt(areas[asked]))
    aside, middle = aside_mm[:, None] * face_normals(corners), corners.mean(axis=1)
    return winding(tree, middle + aside), winding(tree, middle - aside)


@njit(cache=True, nogil=True)
def _ranked(label: Int, areas: Float, count: int) -> Int:
    """(count, _ASKED) the largest faces of each label, the largest first; -1 where there are fewer."""
    largest = np.full((count, _ASKED), -1, np.int32)
    for f in range(len(label)):
        row, to = largest[label[f]], _ASKED
        while to > 0 and (row[to - 1] < 0 or areas[row[to - 1]] < areas[f]):
            to -= 1
        for k in range(_ASKED - 1, to, -1):
            row[k] = row[k - 1]
        if to < _ASKED:
            row[to] = f
    return largest


def _largest(label: Int, areas: Float) -> Int:
    """The largest faces of each label."""
    ranked = _ranked(label, areas, int(label.max()) + 1).reshape(-1)
    return np.asarray(ranked[ranked >= 0])


def _label(pieces: Mesh) -> Int:
    """(m,) the piece of each face: what hangs together across edges of two faces, so that no piece is crossed."""
    found = edges(pieces)
    return joined(found, (found.count == 2) & (found.forward == 1))
