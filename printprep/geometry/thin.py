"""Places where a wall is thinner than a limit, and how much of the solid is lost with them.

Every sharp edge is thin at its very tip. What a person must know is how far the solid would draw back if nothing
thinner than the limit were printed: the distance from the surface to the nearest ball of that diameter which fits into
the solid (what an opening by a ball leaves, in the words of mathematical morphology). A blunted edge draws back by a
fraction of the limit, a sheet by half its width, a thin branch by its length. Patches that draw back less than they may
are left out, and so are specks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from printprep.geometry.areas import face_normals
from printprep.geometry.mesh import Bool, Float, Int, Mesh, Point, as_point
from printprep.geometry.near import clear
from printprep.geometry.thickness import Walls
from printprep.geometry.topology import bodies, edges

Index = npt.NDArray[np.int64]

FITS: Final = 0.9
"""A ball fits when nothing comes nearer to its centre than this share of its radius: a rough surface is no edge."""

LEAST_SHARE: Final = 0.05
"""The minimum of a patch is of so much of its area, so that one bad triangle does not speak for it."""


PROBES: Final = 5000
"""At so many points of a patch its loss is measured; it changes by no more than the way from one to the next."""


NEAREST: Final = (8, 64)
"""Of a sample so many places are asked, one count after the other, whether a ball fits under them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A connected place, both sides of its wall taken together, that is thinner than a limit."""

    faces: Int  # (k,) of the mesh, each wholly or partly in it
    area_mm2: float  # of its surface, both sides
    least_mm: float  # 5 % of its area are no thicker
    loss_mm: float  # how far the solid draws back there if nothing thinner than the limit is printed
    where_mm: Point  # of the greatest loss


def patches(walls: Walls, limit_mm: float, *, area_mm2: float, loss_mm: float) -> tuple[Patch, ...]:
    """Places thinner than ``limit_mm``, the greatest loss first.

    Parameters
    ----------
    walls
        Measured with a cap of at least ``limit_mm``.
    limit_mm
        What a wall needs.
    area_mm2
        Patches of less surface, both sides counted, are specks and left out.
    loss_mm
        Patches that draw back by less than this are the tips of edges and left out.

    Raises
    ------
    ValueError
        The walls were measured up to less than the limit.
    """
    if walls.cap_mm < limit_mm:
        raise ValueError(f"walls were measured up to {walls.cap_mm:g} mm, which is less than {limit_mm:g} mm")
    thin = walls.thickness_mm < limit_mm
    if float(walls.spread.area_mm2[thin].sum()) < area_mm2:
        return ()
    at = np.flatnonzero(thin)
    label = _label(walls, at)
    areas = np.bincount(label, weights=walls.spread.area_mm2[at])
    kept = areas[label] >= area_mm2
    at, label = at[kept], label[kept]
    if not len(at):
        return ()
    by = np.argsort(label, kind="stable")
    places = np.split(at[by], np.flatnonzero(np.diff(label[by])) + 1)
    probes = [place[:: 1 + len(place) // PROBES] for place in places]
    losses = np.split(_loss(walls, thin, np.concatenate(probes), limit_mm), np.cumsum([len(p) for p in probes])[:-1])
    found = [
        _patch(walls, place, probe[int(np.argmax(loss))], float(loss.max()))
        for place, probe, loss in zip(places, probes, losses, strict=True)
        if float(loss.max()) >= loss_mm
    ]
    return tuple(sorted(found, key=lambda patch: (-patch.loss_mm, patch.where_mm)))


def _label(walls: Walls, at: Index) -> Index:
    """(k,) number of the place that each thin sample is in: joined over edges, and to the wall's other side."""
    mesh, face = walls.spread.mesh, walls.spread.face[at]
    faces, row = np.unique(face, return_inverse=True)
    along, count = bodies(edges(Mesh(mesh.vertices, mesh.faces[faces])))
    number = np.full(len(mesh), -1, np.int64)
    number[faces] = along
    here, there = number[face], number[walls.across[at]]
    joined = (here >= 0) & (there >= 0)
    graph = coo_array((np.ones(int(joined.sum())), (here[joined], there[joined])), shape=(count, count))
    group = connected_components(graph, directed=False)[1]
    return np.asarray(group[along[row]], dtype=np.int64)


def _loss(walls: Walls, thin: Bool, at: Index, limit_mm: float) -> Float:
    """(k,) distance of samples from the nearest ball of diameter ``limit_mm`` in the solid; inf if there is none.

    Under most places that are not thin a ball fits, so only the few nearest of each sample are asked whether one does;
    all are where none of these has one.
    """
    radius = limit_mm / 2.0
    over = walls.spread
    centres = over.points[~thin] - radius * face_normals(over.tree.corners)[over.row[~thin]]
    far = np.full(len(at), np.inf)
    if not len(centres):
        return far
    probes, left = over.points[at], np.arange(len(at))
    fits = np.full(len(centres), -1, np.int8)  # not asked yet
    around = cKDTree(centres, compact_nodes=False, balanced_tree=False)
    for count in NEAREST:
        if count >= len(centres):
            break
        away, which = (np.asarray(found) for found in around.query(probes[left], k=count))
        asked = np.unique(which)
        asked = asked[fits[asked] < 0]
        fits[asked] = clear(over.tree, centres[asked], FITS * radius)
        first = np.argmax(fits[which] > 0, axis=1)
        rows = np.arange(len(left))
        settled = fits[which[rows, first]] > 0
        far[left[settled]] = away[rows, first][settled]
        left = left[~settled]
    if len(left):
        asked = np.flatnonzero(fits < 0)
        fits[asked] = clear(over.tree, centres[asked], FITS * radius)
        if (fits > 0).any():
            far[left] = cKDTree(centres[fits > 0]).query(probes[left])[0]
    return np.asarray(np.maximum(far - radius, 0.0))


def _patch(walls: Walls, at: Index, worst: int, loss_mm: float) -> Patch:
    thickness, areas = walls.thickness_mm[at], walls.spread.area_mm2[at]
    by = np.argsort(thickness, kind="stable")
    share = np.cumsum(areas[by])
    least = float(thickness[by][np.searchsorted(share, LEAST_SHARE * share[-1])])
    points = walls.spread.points[at]
    # in a part that is thin everywhere no ball fits at all: it is lost as far as it reaches
    reach = float(np.linalg.norm(np.ptp(points, axis=0))) / 2.0
    return Patch(
        faces=np.unique(walls.spread.face[at]),
        area_mm2=float(areas.sum()),
        least_mm=least,
        loss_mm=loss_mm if np.isfinite(loss_mm) else reach,
        where_mm=as_point(walls.spread.points[worst]),
    )
