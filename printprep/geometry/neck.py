"""Necks of a cavity: places so narrow that what is beyond them would not run out.

Where a ball of the neck's diameter fits, there is a chamber; what is between two chambers is a neck, and it is closed
by a wall at its narrowest place, found by flooding the clearance from its greatest values down (watershed: Vincent and
Soille 1991). Space in which the ball fits nowhere is filled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import edt
import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.ndimage import label, maximum
from skimage.segmentation import watershed

from printprep.geometry.mesh import Bool, Float, Point, as_point
from printprep.geometry.offset import Field
from printprep.geometry.voxel import Grid

_BLOCK: Final = 2  # points of the grid a side of the blocks that the clearance is looked at in
_ALL_AROUND: Final = np.ones((3, 3, 3), np.int8)
_NEIGHBOURS: Final = [
    (i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) > (0, 0, 0)
]  # half of the 26: each pair once


@dataclass(frozen=True, slots=True, kw_only=True)
class Neck:
    """A neck that was closed."""

    at_mm: Point  # the middle of its narrowest place
    width_mm: float  # the largest ball that passes, to a step of the grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Necks:
    """What was closed and filled."""

    closed: tuple[Neck, ...] = ()
    narrow_mm3: float = 0.0  # of space that was filled, too narrow everywhere; to the grid's step


NO_NECKS: Final = Necks()


def close_necks(field: Field, grid: Grid, neck_mm: float, wall_mm: float) -> Necks:
    """Close the necks narrower than ``neck_mm`` in ``field``, which is positive in the cavity and is changed.

    A wall of about ``wall_mm`` stands in each neck afterwards.
    """
    step = _BLOCK * grid.step_mm
    open_ = _pooled(field)
    clearance = edt.edt(open_, anisotropy=(step, step, step), black_border=False, order="C", parallel=2)
    clearance -= np.float32(step / 2.0)  # the boundary of the blocks is half a block beyond the cavity's
    space, spaces = label(open_, structure=_ALL_AROUND)
    chamber = _chambers(clearance, space, spaces, neck_mm / 2.0, step)
    held = np.zeros(spaces + 1, np.bool_)
    held[space[chamber > 0]] = True
    narrow = open_ & ~held[space]
    _fill(field, np.argwhere(narrow))
    narrow_mm3 = float(np.count_nonzero(narrow)) * step**3
    if chamber.max() <= np.count_nonzero(held):
        return Necks(narrow_mm3=narrow_mm3)  # one chamber in each space: no necks
    basin = watershed(-clearance, chamber, mask=open_ & ~narrow)  # type: ignore[no-untyped-call]
    at, pair, width = _borders(basin, clearance)
    closed = []
    for p in np.unique(pair):
        widest = np.flatnonzero(pair == p)[np.argmax(width[pair == p])]
        where = np.array(grid.origin_mm) + grid.step_mm * (_BLOCK * at[widest] + 0.5)
        closed.append(Neck(at_mm=as_point(where), width_mm=float(width[widest])))
    half_mm = max(wall_mm / 2.0, 1.8 * step)  # no less than what closes the corners between blocks
    _wall_in(field, _BLOCK * at + 0.5, half_mm / grid.step_mm, grid.step_mm)
    return Necks(closed=tuple(closed), narrow_mm3=narrow_mm3)


def _chambers(
    clearance: Field, space: npt.NDArray[np.signedinteger], spaces: int, radius_mm: float, step_mm: float
) -> npt.NDArray[np.int32]:
    """Where the middle of the ball may be, numbered from 1 by connected region.

    A region that is wider than the ball by less than a step counts only if it is the widest of its space: it would not
    tell a chamber from a bulge.
    """
    region, count = label(clearance >= radius_mm, structure=_ALL_AROUND)
    if not count:
        return np.asarray(region)
    numbers = np.arange(1, count + 1)
    widest = np.asarray(maximum(clearance, region, numbers))
    home = np.asarray(maximum(space, region, numbers)).astype(np.int64)  # all of a region is in one space
    best = np.zeros(spaces + 1)
    np.maximum.at(best, home, widest)
    first = np.zeros(count, np.bool_)
    first[[np.flatnonzero((home == h) & (widest == best[h]))[0] for h in np.unique(home)]] = True
    kept = first | (widest >= radius_mm + step_mm)
    renumbered = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)]).astype(np.int32)
    return np.asarray(renumbered[region])


def _borders(
    basin: npt.NDArray[np.int32], clearance: Field
) -> tuple[Float, npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Points half way between neighbours in two basins, (n, 3) in blocks, the pair of basins and the width of each."""
    points, pairs, widths = [], [], []
    for step in _NEIGHBOURS:
        ahead = tuple(slice(1, None) if s == 1 else slice(None, -1) if s == -1 else slice(None) for s in step)
        behind = tuple(slice(None, -1) if s == 1 else slice(1, None) if s == -1 else slice(None) for s in step)
        one, two = basin[behind], basin[ahead]
        at = np.argwhere((one != two) & (one > 0) & (two > 0))
        here = tuple(at.T)
        low, high = np.minimum(one[here], two[here]).astype(np.int64), np.maximum(one[here], two[here])
        pairs.append(low * (int(basin.max()) + 1) + high)
        widths.append(2.0 * np.minimum(clearance[behind][here], clearance[ahead][here]))
        first = np.array([1 if s == -1 else 0 for s in step])
        points.append(at + first + 0.5 * np.array(step))
    return np.concatenate(points), np.concatenate(pairs), np.concatenate(widths)


@njit(cache=True, nogil=True)
def _pooled(field: Field) -> Bool:
    """Which blocks of two points a side hold a point of the cavity."""
    nx, ny, nz = field.shape
    open_ = np.zeros(((nx + 1) // 2, (ny + 1) // 2, (nz + 1) // 2), np.bool_)
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if field[i, j, k] > 0:
                    open_[i // 2, j // 2, k // 2] = True
    return open_


@njit(cache=True, nogil=True)
def _fill(field: Field, blocks: npt.NDArray[np.int64]) -> None:
    """Close the points of whole blocks; their depth turns about, so that what is near the boundary stays near it."""
    for b in range(len(blocks)):
        for i in range(2 * blocks[b, 0], min(2 * blocks[b, 0] + 2, field.shape[0])):
            for j in range(2 * blocks[b, 1], min(2 * blocks[b, 1] + 2, field.shape[1])):
                for k in range(2 * blocks[b, 2], min(2 * blocks[b, 2] + 2, field.shape[2])):
                    field[i, j, k] = -abs(field[i, j, k])


@njit(cache=True, nogil=True)
def _wall_in(field: Field, points: Float, radius: float, step: float) -> None:
    """Close a ball of ``radius`` cells around each point (n, 3) in cells."""
    reach = int(np.ceil(radius)) + 2
    for p in range(len(points)):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        for i in range(max(int(x) - reach, 0), min(int(x) + reach + 1, field.shape[0])):
            for j in range(max(int(y) - reach, 0), min(int(y) + reach + 1, field.shape[1])):
                for k in range(max(int(z) - reach, 0), min(int(z) + reach + 1, field.shape[2])):
                    away = np.sqrt((i - x) ** 2 + (j - y) ** 2 + (k - z) ** 2)
                    field[i, j, k] = min(field[i, j, k], np.float32((away - radius) * step + 1e-4 * step))
