"""How large each connected surface of a mesh is: one pass over the faces, however many surfaces there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.topology import Edges, bodies, edges


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sizes:
    """The connected surfaces of a mesh, measured."""

    label: Int  # (m,) of each face; -1 for faces that name a vertex twice
    volume_mm3: Float  # (k,) signed; means nothing for an open surface
    area_mm2: Float  # (k,)
    box_mm3: Float  # (k,) of the bounding box: more than an open surface could enclose
    closed: Bool  # (k,) whether an even count of faces meets at every edge
    first: Int  # (k,) a face of each

    @property
    def voids(self) -> Bool:
        """(k,) which are sealed voids: closed, and their outside faces in."""
        return np.asarray(self.closed & (self.volume_mm3 < 0))

    @property
    def most_mm3(self) -> Float:
        """(k,) what each encloses, or at most could."""
        return np.where(self.closed, np.abs(self.volume_mm3), self.box_mm3)


@njit(cache=True, nogil=True)
def _measure(
    vertices: Float, faces: Int, label: Int, of_face: Int, uses: Int, count: int
) -> tuple[Float, Float, Float, Bool, Int]:
    """Volumes are against a vertex of the body's own, which keeps small ones exact."""
    volume, area, closed = np.zeros(count), np.zeros(count), np.ones(count, np.bool_)
    first = np.full(count, -1, np.int32)
    lower, upper = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    p, q, r, n = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for f in range(len(faces)):
        b = label[f]
        if b < 0:
            continue
        if first[b] < 0:
            first[b] = f
        o = vertices[faces[first[b], 0]]
        for k in range(3):
            p[k] = vertices[faces[f, 0], k] - o[k]
            q[k] = vertices[faces[f, 1], k] - o[k] - p[k]
            r[k] = vertices[faces[f, 2], k] - o[k] - p[k]
        n[0], n[1], n[2] = q[1] * r[2] - q[2] * r[1], q[2] * r[0] - q[0] * r[2], q[0] * r[1] - q[1] * r[0]
        volume[b] += (p[0] * n[0] + p[1] * n[1] + p[2] * n[2]) / 6.0
        area[b] += 0.5 * np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
        for c in range(3):
            if uses[of_face[f, c]] % 2 == 1:
                closed[b] = False
            for k in range(3):
                lower[b, k] = min(lower[b, k], vertices[faces[f, c], k])
                upper[b, k] = max(upper[b, k], vertices[faces[f, c], k])
    box = np.empty(count)
    for b in range(count):
        box[b] = (upper[b, 0] - lower[b, 0]) * (upper[b, 1] - lower[b, 1]) * (upper[b, 2] - lower[b, 2])
    return volume, area, box, closed, first


def sizes(mesh: Mesh, found: Edges | None = None) -> Sizes:
    """Measure every connected surface of ``mesh``, which is welded and finite; ``found`` are its edges, if known."""
    found = found or edges(mesh)
    label, count = bodies(found)
    volume, area, box, closed, first = _measure(mesh.vertices, mesh.faces, label, found.of_face, found.count, count)
    return Sizes(label=label, volume_mm3=volume, area_mm2=area, box_mm3=box, closed=closed, first=first)
