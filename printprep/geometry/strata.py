"""Sections of a few layers that stand for all of them, and what can be measured on them by a grid.

A print has hundreds of layers and each is nearly like the next. So one layer stands for those around it; the first,
which is printed in its own way, stands for itself. Each is drawn on a grid of square cells, with the layers that bound
the solid skin above and below it: distances to the outline say how long inner walls are and where the inside begins,
and rows of cells say how long the lines of a filling are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.columns import columns
from printprep.geometry.mesh import Bool, Float, Int, Mesh, join
from printprep.geometry.overhang import overhangs
from printprep.geometry.raster import Image, Panel, raster
from printprep.geometry.section import Sections, sections

CELLS: Final = 320
"""Cells along the longer side of the grid, unless they would be finer than :data:`FINEST_MM`."""
FINEST_MM: Final = 0.2
NEAR_MM: Final = 0.3
"""What lies no lower below an overhang is the same surface."""
_LEDGE_CELLS: Final = 2.3  # that a ledge is asked over at least: shorter, only slopes along the grid would be seen
_MARGIN: Final = 6.0  # mm around the parts: brims and supports stand out of them

Single = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layers:
    """Some of the layers of a print, and how many each stands for; the first stands for itself."""

    at: Int  # (k,) from 0, rising
    count: Int  # (k,) they add up to all layers
    height_mm: Float  # (k,)
    first_mm: float
    layer_mm: float

    def __len__(self) -> int:
        return len(self.at)

    def middle_mm(self, at: Int) -> Float:
        """Height half-way up the layers ``at``, where they are cut."""
        return np.where(at < 1, (at + 0.5) * self.first_mm, self.first_mm + (at - 0.5) * self.layer_mm)


def choose_layers(top_mm: float, first_mm: float, layer_mm: float, most: int) -> Layers:
    """At most ``most`` layers (two where one is asked for) that stand for all those of a print ``top_mm`` high."""
    total = 1 + max(int(np.ceil((top_mm - first_mm) / layer_mm - 0.5)), 0)
    edges = np.unique(np.linspace(1, total, max(min(most, total), 2)).round().astype(np.int32))
    count = np.concatenate([[1], np.diff(edges)]).astype(np.int32)
    at = np.concatenate([[0], (edges[:-1] + edges[1:] - 1) // 2]).astype(np.int32)
    return Layers(
        at=at, count=count, height_mm=np.where(at == 0, first_mm, layer_mm), first_mm=first_mm, layer_mm=layer_mm
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stack:
    """The chosen layers of parts, cut and drawn."""

    layers: Layers
    outlines: tuple[Sections, ...]  # by part
    owner: tuple[Image, ...]  # by layer: 0 where nothing is, else 1 + the part that is printed there
    bodies: dict[int, Bool]  # all parts, by number of a layer: those chosen and those that close the solid skins
    corner_mm: tuple[float, float]  # of the grid
    cell_mm: float

    def body(self, number: int) -> Bool:
        """All parts in a layer, by its number; nothing below the first."""
        return self.bodies[number] if number >= 0 else np.zeros_like(self.bodies[0])

    def top(self, number: int) -> Bool:
        """Of a layer the cells with nothing right above."""
        return self.body(number) & ~self.body(number + 1)

    def bottom(self, number: int) -> Bool:
        """Of a layer the cells with nothing right below."""
        return self.body(number) & ~self.body(number - 1)


def cut_stack(
    meshes: Sequence[Mesh], layers: Layers, *, top_layers: int, bottom_layers: int, cells: int = CELLS
) -> Stack:
    """Cut and draw the ``layers`` of ``meshes``, of which the later wins where they overlap.

    Parameters
    ----------
    meshes
        Closed, z up, standing at z = 0.
    layers
        From :func:`choose_layers`.
    top_layers, bottom_layers
        How many solid layers close the parts.
    cells
        Along the longer side of the grid, at most.
    """
    body = join(list(meshes))
    lower, upper = body.bounds_mm
    corner = lower[:2] - _MARGIN
    size = upper[:2] + _MARGIN - corner
    cell_mm = max(float(size.max()) / cells, FINEST_MM)
    panel = Panel(
        width_px=int(np.ceil(size[0] / cell_mm)), height_px=int(np.ceil(size[1] / cell_mm)), pixel_mm=(cell_mm, cell_mm)
    )
    outlines = tuple(sections(mesh, layers.middle_mm(layers.at)) for mesh in meshes)
    around = np.arange(-max(bottom_layers, 1), max(top_layers, 1) + 1)
    numbers = np.unique(layers.at[:, None] + around)
    numbers = numbers[numbers >= 0].astype(np.int32)
    whole = sections(body, layers.middle_mm(numbers))
    owner = []
    for k in range(len(layers)):
        image = np.zeros((panel.height_px, panel.width_px), np.uint8)
        for number, cuts in enumerate(outlines, start=1):
            image[_draw(cuts, k, panel, corner)] = number
        owner.append(image)
    return Stack(
        layers=layers,
        outlines=outlines,
        owner=tuple(owner),
        bodies={int(number): _draw(whole, row, panel, corner) for row, number in enumerate(numbers)},
        corner_mm=(float(corner[0]), float(corner[1])),
        cell_mm=cell_mm,
    )


def _draw(cuts: Sections, k: int, panel: Panel, corner: Float) -> Bool:
    points, loop_start = cuts.layer(k)
    return raster(points - corner, loop_start, panel, levels=1) > 0


def depth_mm(mask: Bool, cell_mm: float) -> Single:
    """By cell the way to the edge of ``mask``, 0 outside; exact to a fraction of a cell."""
    depth = np.zeros(mask.shape, np.float32)
    near = window(mask, 1)
    if near is not None:
        distance = cv2.distanceTransform(mask[near].astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        depth[near] = np.maximum(distance - 0.5, 0.0) * cell_mm
    return depth


def grown(mask: Bool, by_mm: float, cell_mm: float) -> Bool:
    """``mask`` and what is no farther than ``by_mm`` from it, to 2 %: it is asked hundreds of times."""
    cells = by_mm / cell_mm + 0.5
    near = window(mask, int(cells) + 1)
    if near is None or cells < 1.0:
        return mask
    distance = cv2.distanceTransform((~mask[near]).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    wide = np.zeros_like(mask)
    wide[near] = distance <= cells
    return wide


def window(mask: Bool, beside: int) -> tuple[slice, slice] | None:
    """The rows and columns that hold ``mask`` and so many cells ``beside`` it; None: it is empty.

    What is far from it costs time and says nothing.
    """
    rows, columns_ = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    (top, low), (left, right) = ((max(int(at[0]) - beside, 0), int(at[-1]) + beside + 1) for at in (rows, columns_))
    return slice(top, low), slice(left, right)


def area_deeper_mm2(depth: Single, than_mm: float, cell_mm: float) -> float:
    """Area that lies deeper than that; cells on the border count in part."""
    return float(np.clip((depth - than_mm) / cell_mm + 0.5, 0.0, 1.0)[depth > 0].sum()) * cell_mm**2


def small_areas(mask: Bool, below_mm2: float, cell_mm: float) -> Bool:
    """The connected areas of ``mask`` that are smaller than ``below_mm2``."""
    found = np.zeros_like(mask)
    near = window(mask, 0)
    if near is not None:
        _, label, figures, _ = cv2.connectedComponentsWithStats(mask[near].astype(np.uint8), connectivity=4)
        small = figures[:, cv2.CC_STAT_AREA] * cell_mm**2 < below_mm2
        small[0] = False
        found[near] = small[label]
    return found


@njit(cache=True, nogil=True)
def runs(mask: npt.NDArray[np.bool_], stride: int) -> Int:
    """Lengths in cells of what each ``stride``-th row of ``mask`` (h, w) holds in one piece."""
    found = np.empty(mask.size // 2 + 1, np.int32)
    n = 0
    for i in range(stride // 2, mask.shape[0], stride):
        length = 0
        for j in range(mask.shape[1]):
            if mask[i, j]:
                length += 1
            elif length:
                found[n] = length
                n, length = n + 1, 0
        if length:
            found[n] = length
            n += 1
    return found[:n].copy()


@njit(cache=True, nogil=True)
def chains(mask: npt.NDArray[np.bool_], stride: int) -> int:
    """How many paths to and fro fill ``mask`` (h, w) with every ``stride``-th row.

    A path goes on from a piece of a row to one that touches it in the next; where pieces part or meet, one goes on.
    """
    width = mask.shape[1]
    begun = 0
    before_end = np.empty(width // 2 + 1, np.int32)
    before_start = np.empty(width // 2 + 1, np.int32)
    start, end = np.empty(width // 2 + 1, np.int32), np.empty(width // 2 + 1, np.int32)
    before = 0
    for i in range(stride // 2, mask.shape[0], stride):
        n, inside = 0, False
        for j in range(width):
            if mask[i, j] and not inside:
                start[n], inside = j, True
            elif inside and not mask[i, j]:
                end[n], inside = j, False
                n += 1
        if inside:
            end[n] = width
            n += 1
        a, b, joined = 0, 0, 0
        while a < before and b < n:
            if before_start[a] < end[b] and start[b] < before_end[a]:
                a, b, joined = a + 1, b + 1, joined + 1
            elif before_end[a] <= end[b]:
                a += 1
            else:
                b += 1
        begun += n - joined
        before_start, start = start, before_start
        before_end, end = end, before_end
        before = n
    return begun


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Propped:
    """What hangs over, by points, and how far down supports under each reach."""

    cell: Int  # (n, 2) row and column of the stack's grid
    low_mm: Float  # (n,) where they stand
    high_mm: Float  # (n,) what they hold
    slope: Float  # (n,) of it: how far it rises over a mm, 0 where it is level


def propped(
    meshes: Sequence[Mesh], stack: Stack, angle_deg: float, floor_mm: float, also_mm: Float | None = None
) -> Propped:
    """The overhangs of ``meshes`` steeper than ``angle_deg`` from the vertical and above ``floor_mm``.

    Each layer is asked what the one below it holds, so a ledge as short as the slope is long in one layer counts.
    ``also_mm`` (n, 3) are points that are held whatever their angle.
    """
    body = join(list(meshes))
    grid = columns(body, stack.cell_mm, _MARGIN)
    ledge_mm = stack.layers.layer_mm * math.tan(math.radians(angle_deg))
    reach_mm = max(ledge_mm, _LEDGE_CELLS * grid.step_mm)
    over = overhangs(body, grid, angle_deg, reach_mm=reach_mm, floor_mm=floor_mm)
    at_mm = over.points_mm if also_mm is None else np.concatenate([over.points_mm, also_mm])
    place = ((at_mm[:, :2] - np.array(grid.origin_mm)) / grid.step_mm).round().astype(np.int64)
    place = np.clip(place, 0, np.array(grid.shape) - 1)
    low_mm = _landing(grid.start, grid.top_mm, place[:, 0] * grid.shape[1] + place[:, 1], at_mm[:, 2] - NEAR_MM)
    cell = ((at_mm[:, :2] - np.array(stack.corner_mm)) / stack.cell_mm).astype(np.int32)
    slope = np.zeros(len(at_mm))
    slope[: len(over)] = over.steep / math.tan(math.radians(angle_deg))
    return Propped(
        cell=np.clip(cell[:, ::-1], 0, np.array(stack.owner[0].shape) - 1),
        low_mm=low_mm,
        high_mm=at_mm[:, 2],
        slope=slope,
    )


@njit(cache=True, nogil=True)
def _landing(start: npt.NDArray[np.int64], top: Float, column: npt.NDArray[np.int64], high: Float) -> Float:
    """The highest top below each point in its column; 0 where there is none."""
    low = np.zeros(len(high))
    for i in range(len(high)):
        for q in range(start[column[i]], start[column[i] + 1]):
            if top[q] < high[i]:
                low[i] = max(low[i], top[q])
    return low


def standing_at(
    stack: Stack,
    supports: Propped,
    k: int,
    *,
    snap_mm: float,
    gap_mm: float,
    next_to_mm: float,
    closed_below: float = math.inf,
) -> tuple[Bool, Bool]:
    """Where supports stand in layer ``k``, and where they are right below a part or right above one.

    Parameters
    ----------
    stack
        The layers.
    supports
        What is held.
    k
        Row of the stack's layers.
    snap_mm
        Edge of the squares that supports are made of, if one is touched.
    gap_mm
        Between a part and supports beside it.
    next_to_mm
        How far from a part supports are closed.
    closed_below
        Below surfaces of no more slope than that.
    """
    layers, shape = stack.layers, stack.owner[k].shape
    middle = float(layers.middle_mm(layers.at[k : k + 1])[0])
    here = (supports.low_mm < middle) & (middle < supports.high_mm)
    under = (supports.high_mm - middle < next_to_mm) & (supports.slope <= closed_below)
    on = (middle - supports.low_mm < next_to_mm) & (supports.low_mm > 0)
    close = here & (under | on)
    free = ~grown(stack.owner[k] > 0, gap_mm, stack.cell_mm)
    areas = []
    for rows in (here, close):
        mask = np.zeros(shape, bool)
        mask[supports.cell[rows, 0], supports.cell[rows, 1]] = True
        areas.append(_snapped(mask, snap_mm, stack.cell_mm) & free)
    return areas[0], areas[1]


def _snapped(mask: Bool, snap_mm: float, cell_mm: float) -> Bool:
    """All cells of every square of which ``mask`` has one."""
    side = max(round(snap_mm / cell_mm), 1)
    if side == 1 or not mask.any():
        return mask
    rows, columns_ = (-(-n // side) for n in mask.shape)
    padded = np.zeros((rows * side, columns_ * side), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    squares = padded.reshape(rows, side, columns_, side).any(axis=(1, 3))
    return np.asarray(squares.repeat(side, axis=0).repeat(side, axis=1)[: mask.shape[0], : mask.shape[1]])
