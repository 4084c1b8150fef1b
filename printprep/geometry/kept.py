"""What a step of a repair left as it was: faces that are in both of two meshes need not be looked at again."""

from __future__ import annotations

import numpy as np

from printprep.geometry.intersect import partners
from printprep.geometry.mesh import Bool, Int, Mesh, join
from printprep.geometry.topology import duplicates
from printprep.geometry.weld import weld_vertices


def in_both(a: Mesh, b: Mesh) -> tuple[Bool, Bool]:
    """(m,) and (k,) which faces of two meshes are in the other one with the same corners, to the last bit.

    Either way round, and whatever the numbers of their vertices.
    """
    first = _first(a, b)
    again = first[len(a) :]
    shared = np.zeros(len(first), np.bool_)
    shared[again[again < len(a)]] = True
    return shared[first[: len(a)]], np.asarray(again < len(a))


def _first(a: Mesh, b: Mesh) -> Int:
    """(m + k,) for each face of ``a``, then of ``b``, the first of them with its corners."""
    return duplicates(weld_vertices(join([a, b])).faces)[0]


def crossing_again(before: Mesh, crossing: Bool, after: Mesh) -> Int:
    """As :func:`printprep.geometry.intersect.partners` of ``after``, from which faces of ``before`` (m,) are crossing.

    Two faces that are in both meshes and that nothing ran through do not run through each other now. So only the others
    are asked.
    """
    first = _first(before, after)
    known = np.ones(len(first), np.bool_)
    known[first[: len(before)][crossing]] = False
    again = first[len(before) :]
    return partners(after, asked=~((again < len(before)) & known[again]))
