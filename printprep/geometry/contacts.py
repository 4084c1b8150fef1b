"""Where supports touch: points spread over overhangs so that none is farther from one than its load allows.

Lowest first, because what is printed first carries the rest: the beginning of every island, then up along each region,
the rim of a level one before its middle. A point that must not be touched gets no contact and may be carried by its
neighbours; so may surface that matters most, for which the spacing is stretched before it is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from printprep.geometry import bvh
from printprep.geometry.columns import Long
from printprep.geometry.islands import Start
from printprep.geometry.mesh import Bool, Float, Int
from printprep.geometry.overhang import Overhang

STRETCH: Final = 1.5
"""Times the spacing, a neighbour's contact still carries a point that is better not touched."""

_SAME_MM: Final = 1.0  # an island this near to a region begins it
_STEP_MM: Final = 0.25  # heights nearer than this are one: on a level underside the rim comes first


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sites:
    """Places that need support, islands first, in no other order."""

    points_mm: Float  # (n, 3) on the surface
    normals: Float  # (n, 3) unit
    face: Int  # (n,)
    steep: Float  # (n,) 0: level, 1: carries itself
    height_mm: Float  # (n,) of the matter above
    region: Int  # (n,)
    edge_mm: Float  # (n,)
    islands: int  # the first so many are islands
    cell_mm2: float

    def __len__(self) -> int:
        return len(self.points_mm)


def sites(over: Overhang, starts: Sequence[Start], tree: bvh.Tree, least_mm: float) -> Sites:
    """Islands and overhangs together; regions shorter than ``least_mm`` in which no island begins carry themselves."""
    at = np.array([start.at_mm for start in starts]).reshape(-1, 3)
    count = int(over.region.max(initial=-1)) + 1
    region, normals = np.empty(len(at), np.int32), np.tile([0.0, 0.0, -1.0], (len(at), 1))
    height = np.ones(len(at))
    for k, point in enumerate(at):  # islands are few
        away = np.linalg.norm(over.points_mm - point, axis=1)
        near = int(away.argmin()) if len(away) else -1
        if near >= 0 and away[near] <= _SAME_MM:
            region[k], height[k] = over.region[near], over.height_mm[near]
        else:
            region[k] = count
            count += 1
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(low, over.region, over.points_mm)
    np.maximum.at(high, over.region, over.points_mm)
    counts = np.linalg.norm(np.where(np.isfinite(low), high - low, 0.0), axis=1) >= least_mm
    counts[region] = True
    kept = counts[over.region]
    _, face, _ = bvh.nearest(tree, at)
    return Sites(
        points_mm=np.concatenate([at, over.points_mm[kept]]),
        normals=np.concatenate([normals, over.normals[kept]]),
        face=np.concatenate([face, over.face[kept]]).astype(np.int32),
        steep=np.concatenate([np.zeros(len(at)), over.steep[kept]]),
        height_mm=np.concatenate([height, over.height_mm[kept]]),
        region=np.concatenate([region, over.region[kept]]).astype(np.int32),
        edge_mm=np.concatenate([np.zeros(len(at)), over.edge_mm[kept]]),
        islands=len(at),
        cell_mm2=over.cell_mm2,
    )


def choose(found: Sites, spacing_mm: Float, forbidden: Bool, critical: Bool, tip_mm: float) -> Long:
    """Rows of ``found`` that get a contact, in the order in which they were chosen.

    Parameters
    ----------
    spacing_mm
        (n,) how far the next contact of its region may be from each place.
    forbidden
        (n,) places that nothing may touch.
    critical
        (n,) places that are touched only where no other contact is within the stretched spacing.
    tip_mm
        Islands nearer to each other than this share a contact.
    """
    z = np.floor(found.points_mm[:, 2] / _STEP_MM)
    rim = np.where(found.edge_mm < found.cell_mm2**0.5 - 1e-9, 2, np.where(found.edge_mm <= 1.0, 0, 1))
    island = np.arange(len(found)) < found.islands
    x, y = np.round(found.points_mm[:, 0], 6), np.round(found.points_mm[:, 1], 6)
    order = np.lexsort((x, y, rim, z, ~island))
    order = order[~forbidden[order]]
    # islands come first whatever they lie on, then what matters least
    passes = np.concatenate([order[island[order]], order[~island[order] & ~critical[order]]])
    passes = np.concatenate([passes, order[~island[order] & critical[order]]])
    reach = np.where(island, tip_mm, np.where(critical, STRETCH, 1.0) * spacing_mm)
    return _greedy(passes, found.points_mm, found.region, reach)


def carried(found: Sites, contacts_mm: Float, region: Int, spacing_mm: Float) -> Bool:
    """(n,) places with a contact of their region within the stretched spacing; an island needs its own."""
    held = _covered(found.points_mm, found.region, STRETCH * spacing_mm, contacts_mm, region)
    return np.asarray(held)


@njit(cache=True, nogil=True)
def _greedy(order: Long, points: Float, region: Int, reach: Float) -> Long:
    """Take each place in turn that no earlier one of its region is within reach of; buckets in x and y."""
    chosen = np.empty(len(order), np.int64)
    count = 0
    if not len(order):
        return chosen[:0]
    cell = max(reach.max(), 0.1)
    x0, y0 = points[:, 0].min(), points[:, 1].min()
    nx = int((points[:, 0].max() - x0) / cell) + 1
    ny = int((points[:, 1].max() - y0) / cell) + 1
    first = np.full((nx, ny), -1, np.int64)
    after = np.full(len(order), -1, np.int64)
    for q in order:
        i, j = int((points[q, 0] - x0) / cell), int((points[q, 1] - y0) / cell)
        free = True
        for a in range(max(i - 1, 0), min(i + 2, nx)):
            for b in range(max(j - 1, 0), min(j + 2, ny)):
                c = first[a, b]
                while c >= 0 and free:
                    p = chosen[c]
                    if region[p] == region[q]:
                        dx, dy = points[p, 0] - points[q, 0], points[p, 1] - points[q, 1]
                        dz = points[p, 2] - points[q, 2]
                        free = dx * dx + dy * dy + dz * dz > reach[q] * reach[q]
                    c = after[c]
        if free:
            chosen[count] = q
            after[count] = first[i, j]
            first[i, j] = count
            count += 1
    return chosen[:count].copy()


@njit(cache=True, nogil=True)
def _covered(points: Float, region: Int, reach: Float, contacts: Float, of_region: Int) -> Bool:
    """(n,) whether a contact of the same region is within reach."""
    count = 0
    for k in range(len(of_region)):
        count = max(count, of_region[k] + 1)
    for k in range(len(region)):
        count = max(count, region[k] + 1)
    first = np.full(count, -1, np.int64)
    after = np.full(len(of_region), -1, np.int64)
    for k in range(len(of_region)):
        after[k] = first[of_region[k]]
        first[of_region[k]] = k
    held = np.zeros(len(points), np.bool_)
    for q in range(len(points)):
        k = first[region[q]]
        while k >= 0 and not held[q]:
            dx, dy = contacts[k, 0] - points[q, 0], contacts[k, 1] - points[q, 1]
            dz = contacts[k, 2] - points[q, 2]
            held[q] = dx * dx + dy * dy + dz * dz <= reach[q] * reach[q]
            k = after[k]
    return held
