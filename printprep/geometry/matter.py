"""What is matter and what is void, of a closed surface of many shells that may run through each other.

The count of all windings together does not say it: a body that folds through itself goes around the fold the wrong way
(-1), and where the fold lies in another body (+1) the sum is 0, as if nothing were there. So each shell counts for
itself: a body adds what it goes around the right way and nothing else, a cavity takes away what it goes around the
other way and nothing else. For a shell that nothing runs through this is its winding as it is, so all of these are
asked together in one tree; each of the others has a tree of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from printprep.geometry.bvh import Tree, build, winding
from printprep.geometry.intersect import partners
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.shells import Counted, by_body, pick


@dataclass(frozen=True, slots=True, eq=False)
class Matter:
    """What a closed surface encloses."""

    plain: Tree | None  # all shells that nothing runs through
    tangled: tuple[tuple[Tree, int], ...] = ()  # each of the others, and 1 for a body, -1 for a cavity

    def at(self, points: Float) -> Bool:
        """(n,) whether there is matter at each of ``points`` (n, 3) mm, none of them on the surface."""
        level = np.zeros(len(points), np.int64)
        if self.plain is not None:
            level += winding(self.plain, points)
        for tree, kind in self.tangled:
            lower, upper = tree.boxes[0, :3], tree.boxes[0, 3:]
            asked = np.flatnonzero(((points >= lower) & (points <= upper)).all(axis=1))
            level[asked] += kind * np.maximum(kind * winding(tree, points[asked]), 0)
        return np.asarray(level > 0)


def counted(mesh: Mesh, partner: Int | None = None) -> Counted:
    """How each shell of a closed surface counts: those that nothing runs through together, the others one by one.

    Parameters
    ----------
    mesh
        Closed, every shell wound alike, its outermost shells facing out, mm.
    partner
        (m,) of each face one that it runs through, or -1 (:func:`printprep.geometry.intersect.partners`), if known.
    """
    owner, kinds = np.zeros(len(mesh), np.int32), [0]
    groups = by_body(mesh)
    if len(groups) > 1:  # of one alone, what it goes around the wrong way is void by the sum as well
        partner = partners(mesh) if partner is None else partner
        for group in groups:
            if (partner[group] >= 0).any():
                owner[group] = len(kinds)
                kinds.append(1 if pick(mesh, group).volume_mm3 >= 0 else -1)
    return Counted(owner, np.array(kinds, np.int32))


def matter_of(mesh: Mesh, partner: Int | None = None) -> Matter:
    """What is matter, of a surface as for :func:`counted`; one that is inside out is taken the right way round."""
    whole = mesh if mesh.volume_mm3 >= 0 else mesh.flipped()
    found = counted(whole, partner)
    if len(found.kind) == 1:
        return Matter(build(whole))
    trees = [
        (build(pick(whole, np.flatnonzero(found.owner == i).astype(np.int32))), int(found.kind[i]))
        for i in range(1, len(found.kind))
    ]
    plain = found.owner == 0
    return Matter(build(Mesh(whole.vertices, whole.faces[plain])) if plain.any() else None, tuple(trees))
