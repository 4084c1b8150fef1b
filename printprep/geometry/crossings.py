"""Where a solid still runs through itself, how large the places are, and how much volume that concerns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from printprep.geometry.mesh import Int, Mesh, Point, as_point
from printprep.geometry.shells import enclosed


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossings:
    """Faces that run through others."""

    faces: int
    places: int  # sets of them that touch or cross each other
    where_mm: Point  # a face near the middle of the place of the most faces
    size_mm: Point  # edge lengths of the box around that place
    twice_mm3: float  # enclosed twice or more
    inverted_mm3: float  # enclosed the wrong way round


def crossings(mesh: Mesh, partner: Int) -> Crossings | None:
    """What crosses in a closed surface; None where nothing does.

    Parameters
    ----------
    mesh
        Closed, facing out, mm.
    partner
        (m,) of each face one that it runs through, or -1 (:func:`printprep.geometry.intersect.partners`).
    """
    hit = np.flatnonzero(partner >= 0)
    if not len(hit):
        return None
    # faces and vertices as one graph: a face is joined with its corners and with the face that it runs through
    n = len(mesh.vertices)
    one = np.concatenate([np.repeat(n + hit, 3), n + hit])
    two = np.concatenate([mesh.faces[hit].reshape(-1), n + partner[hit]])
    count = n + len(mesh)
    graph = coo_array((np.ones(len(one), np.int8), (one, two)), shape=(count, count))
    label = connected_components(graph, directed=False)[1][n + hit]
    names, sizes = np.unique(label, return_counts=True)
    largest = hit[label == names[np.argmax(sizes)]]
    corners = mesh.triangles[largest]
    lower, upper = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    nearest = largest[int(np.argmin(np.linalg.norm(corners.mean(axis=1) - (lower + upper) / 2, axis=1)))]
    pair = mesh.vertices[mesh.faces[[nearest, partner[nearest]]]]
    small = int(np.argmin(np.ptp(pair, axis=1).max(axis=1)))  # the middle of a long face is far from where it crosses
    volumes = enclosed(mesh)
    return Crossings(
        faces=len(hit),
        places=len(names),
        where_mm=as_point(pair[small].mean(axis=0)),
        size_mm=as_point(upper - lower),
        twice_mm3=max(volumes.signed_mm3 + volumes.negative_mm3 - volumes.solid_mm3, 0.0),
        inverted_mm3=volumes.negative_mm3,
    )
