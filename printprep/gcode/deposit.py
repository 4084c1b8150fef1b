"""The deposit check: what the file lays down, compared with the sections of what it should be.

Two looks at each layer of the model. Along the outlines, how far the plastic's edge is from where it belongs, exactly
(:mod:`printprep.gcode.outline`): that shows a layer that was shifted, or beads that are too narrow or too wide. And on
a raster, which areas lack plastic, have some that belongs to nothing, are printed by the wrong tool, or begin in the
air: that shows what was lost, with its place, size and thickness. Sparse infill is no loss: inside, plastic is missed
only along the outline and where the surface looks up or down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from printprep.gcode.beads import Beads, Role
from printprep.gcode.canvas import Canvas, Image, lay, paint
from printprep.gcode.outline import gaps, samples
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.section import Sections, sections

STEP_MM: Final = 0.2  # between samples along an outline
PIXEL_MM: Final = 0.1
MOST_PIXELS: Final = 6_000_000  # of a layer; a larger plate gets larger pixels
MARGIN_MM: Final = 2.0
BAND_MM: Final = 0.35  # from the outline inwards, where plastic must be: less than one line of the finest nozzle
SKIN_MM: Final = 0.4  # narrower gaps between lines of a skin are how a slicer fills it
EDGE_MM: Final = 0.45  # a bead reaches so far over the border of two parts
STRAY_MM: Final = 0.3  # plastic beside the outline that is no rounding
OPEN_SHARE: Final = 0.6  # of the border of an area without beads: it lies open, and is no cell of infill
LEAST_MM2: Final = 0.1  # of a layer; a smaller spot is a corner that no round bead can fill

HELD_MM: Final = 0.35  # between a part and the top of what supports it, so that it comes off
SPAN: Final = 48  # layers that one worker takes at a time

Distances = npt.NDArray[np.float32]


class Kind(StrEnum):
    """What is wrong with a region."""

    LOST = "lost"  # of the part, without plastic
    WRONG_TOOL = "wrong-tool"
    ADDED = "added"  # plastic of the model where no part is
    FLOATING = "floating"  # starts with nothing below


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """A part as it should be printed; later ones of a sequence win where they overlap."""

    name: str
    tool: int
    mesh: Mesh  # plate frame, closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One connected area of one layer in which something is wrong."""

    kind: Kind
    part: int  # row of the solids; -1: of none
    layer: int
    area_mm2: float
    thickness_mm: float  # widest place of the part there; of what is added, of the spot
    depth_mm: float  # farthest point from plastic (lost), or from the part (added)
    box_mm: tuple[float, float, float, float]  # x0 y0 x1 y1
    centre_mm: tuple[float, float]
    tool: int  # that printed it; -1: none


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checked:
    """What was found about all parts of a plate."""

    spots: tuple[Spot, ...]  # by layer
    part: Int  # (s,) of each sample along the outlines, the row of its solid
    layer: Int  # (s,)
    gap_mm: Float  # (s,) positive: plastic is missing there
    weight_mm: Float  # (s,) length of outline that it stands for
    pixel_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Plate:
    """All that a layer looks up."""

    solids: Sequence[Solid]
    cuts: Sequence[Sections]
    beads: Beads
    rows: npt.NDArray[np.int64]  # of the beads, by layer
    first: npt.NDArray[np.int64]  # (k + 1,) where each layer starts in them
    canvas: Canvas

    def of_layer(self, layer: int) -> npt.NDArray[np.int64]:
        return self.rows[self.first[layer] : self.first[layer + 1]]


def check(beads: Beads, solids: Sequence[Solid], *, workers: int = 2) -> Checked:
    """Compare ``beads`` with the sections of ``solids``, layer by layer."""
    plate = _plate(beads, solids)
    count = len(beads.layer_z_mm)
    spans = [range(a, min(a + SPAN, count)) for a in range(0, count, SPAN)]
    with ThreadPoolExecutor(workers) as pool:
        done = list(pool.map(lambda span: _span(plate, span), spans))
    outlines = [row for _, rows in done for row in rows]
    empty = [np.zeros((0, 4))]
    table = np.concatenate(outlines or empty)
    return Checked(
        spots=tuple(spot for spots, _ in done for spot in spots),
        part=table[:, 0].astype(np.int32),
        layer=table[:, 1].astype(np.int32),
        gap_mm=np.ascontiguousarray(table[:, 2]),
        weight_mm=np.ascontiguousarray(table[:, 3]),
        pixel_mm=plate.canvas.pixel_mm,
    )


def _plate(beads: Beads, solids: Sequence[Solid]) -> _Plate:
    boxes = np.array([solid.mesh.bounds_mm[:, :2] for solid in solids]).reshape(-1, 2, 2)
    of_model = np.flatnonzero(beads.role == Role.PART)
    ends = np.concatenate([beads.start_mm[of_model], beads.end_mm[of_model], boxes.reshape(-1, 2)])
    lower, upper = ends.min(axis=0) - MARGIN_MM, ends.max(axis=0) + MARGIN_MM
    size = upper - lower
    pixel_mm = max(PIXEL_MM, float(np.sqrt(np.prod(size) / MOST_PIXELS)))
    shape = (int(np.ceil(size[1] / pixel_mm)), int(np.ceil(size[0] / pixel_mm)))
    rows = np.argsort(beads.layer, kind="stable")
    first = np.searchsorted(beads.layer[rows], np.arange(len(beads.layer_z_mm) + 1))
    return _Plate(
        solids=solids,
        cuts=[sections(solid.mesh, beads.middle_mm) for solid in solids],
        beads=beads,
        rows=rows,
        first=first,
        canvas=Canvas(lower_mm=lower.astype(np.float64), shape=shape, pixel_mm=pixel_mm),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Layer:
    """A layer, drawn."""

    wanted: Image  # row of the solid + 1
    laid: Image  # tool + 1, of the model's beads
    filled: Image  # 1 where anything is, supports and all
    top_mm: float


def _drawn(plate: _Plate, layer: int) -> _Layer:
    canvas = plate.canvas
    wanted = np.zeros(canvas.shape, np.uint8)
    for number, cuts in enumerate(plate.cuts):
        paint(cuts, layer, number + 1, canvas, wanted)
    laid, filled = np.zeros(canvas.shape, np.uint8), np.zeros(canvas.shape, np.uint8)
    rows = plate.of_layer(layer)
    role = plate.beads.role[rows]
    own, other = rows[role == Role.PART], rows[role != Role.PART]
    for which, image, colour in ((own, laid, plate.beads.tool[own] + 1), (other, filled, np.ones(len(other)))):
        lay(
            plate.beads.start_mm[which],
            plate.beads.end_mm[which],
            plate.beads.width_mm[which],
            colour.astype(np.uint8),
            canvas.lower_mm,
            canvas.pixel_mm,
            image,
        )
    filled[laid > 0] = 1
    return _Layer(wanted=wanted, laid=laid, filled=filled, top_mm=float(plate.beads.layer_z_mm[layer]))


def _span(plate: _Plate, span: range) -> tuple[list[Spot], list[Float]]:
    """Spots and outline samples of some layers that follow each other."""
    count = len(plate.beads.layer_z_mm)
    spots: list[Spot] = []
    outlines: list[Float] = []
    nothing = np.zeros(plate.canvas.shape, np.uint8)
    empty = _Layer(wanted=nothing, laid=nothing, filled=nothing, top_mm=0.0)
    heights_mm = plate.beads.layer_height_mm
    reach = int(np.ceil(HELD_MM / float(heights_mm.min()))) + 1
    below = [_drawn(plate, layer) for layer in range(max(span[0] - reach, 0), span[0])]
    here = _drawn(plate, span[0])
    for layer in span:
        above = _drawn(plate, layer + 1) if layer + 1 < count else empty
        floor_mm = here.top_mm - float(heights_mm[layer])
        below = [one for one in below if one.top_mm >= floor_mm - HELD_MM - 1e-3]
        spots.extend(_spots(plate, layer, below[-1] if below else empty, here, above))
        if layer:
            spots.extend(_floating(plate, layer, below, here))
        outlines.extend(_outlines(plate, layer, here))
        below.append(here)
        here = above
    return spots, outlines


def _outlines(plate: _Plate, layer: int, here: _Layer) -> Iterator[Float]:
    """Rows (part, layer, gap, weight) of the samples on the outside of all parts together."""
    rows = plate.of_layer(layer)
    rows = rows[plate.beads.role[rows] == Role.PART]
    beads = plate.beads.start_mm[rows], plate.beads.end_mm[rows], plate.beads.width_mm[rows]
    for number, cuts in enumerate(plate.cuts):
        points, loops = cuts.layer(layer)
        places, weight = samples(points, loops, STEP_MM)
        outside = _outside(plate.canvas, here.wanted, places, number + 1)
        places, weight = places[outside], weight[outside]
        if len(places):
            gap, _ = gaps(places, *beads)
            yield np.column_stack([np.full(len(gap), number), np.full(len(gap), layer), gap, weight])


def _outside(canvas: Canvas, wanted: Image, places: Float, colour: int) -> Bool:
    """(s,) whether a sample has its own part on one side and no part on the other."""
    at = np.floor((places - canvas.lower_mm) / canvas.pixel_mm).astype(int)
    own, none = np.zeros(len(at), np.bool_), np.zeros(len(at), np.bool_)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            seen = wanted[at[:, 1] + dy, at[:, 0] + dx]
            own |= seen == colour
            none |= seen == 0
    return own & none


def _spots(plate: _Plate, layer: int, below: _Layer, here: _Layer, above: _Layer) -> Iterator[Spot]:
    canvas = plate.canvas
    bare = (here.laid == 0).astype(np.uint8)
    exposed = ((below.wanted == 0) | (above.wanted == 0)).astype(np.uint8)
    for number, solid in enumerate(plate.solids):
        window = _window(here.wanted == number + 1)
        if window is None:
            continue
        part = (here.wanted[window] == number + 1).astype(np.uint8)
        inner_px = _distances(part)
        missing = part & bare[window]
        rim = missing & (inner_px * canvas.pixel_mm <= BAND_MM).astype(np.uint8)
        skin = _opened(missing & exposed[window], canvas.disc(SKIN_MM))
        lost = _opened(rim, np.ones((2, 2), np.uint8)) | skin
        if lost.any():
            lost |= _wholly(_opened(missing, canvas.disc(SKIN_MM)), lost, bare[window])
            far_px = _distances(bare[window])
            yield from _found(canvas, window, lost, Kind.LOST, number, layer, _width(inner_px), far_px)
        laid = here.laid[window]
        wrong = part & ((laid != 0) & (laid != solid.tool + 1)).astype(np.uint8)
        wrong = _opened(wrong, canvas.disc(EDGE_MM))
        if wrong.any():
            yield from _found(canvas, window, wrong, Kind.WRONG_TOOL, number, layer, _width(inner_px), inner_px, laid)
    yield from _strays(plate, layer, here)


def _strays(plate: _Plate, layer: int, here: _Layer) -> Iterator[Spot]:
    """Plastic of the model that belongs to no part."""
    canvas = plate.canvas
    window = _window(here.laid > 0)
    if window is None:
        return
    free = (here.wanted[window] == 0).astype(np.uint8)
    stray = _opened(free & (here.laid[window] > 0).astype(np.uint8), canvas.disc(STRAY_MM))
    if stray.any():
        far_px = _distances(free)
        width_px = _width(_distances(stray))
        yield from _found(canvas, window, stray, Kind.ADDED, -1, layer, width_px, far_px, here.laid[window])


def _floating(plate: _Plate, layer: int, below: Sequence[_Layer], here: _Layer) -> Iterator[Spot]:
    """Plastic of the model that begins in the air: connected areas with nothing within a support's gap below."""
    window = _window(here.laid > 0)
    if window is None:
        return
    laid = (here.laid[window] > 0).astype(np.uint8)
    under = np.zeros(laid.shape, np.uint8)
    for one in below:
        under |= one.filled[window]
    held = cv2.dilate(under, plate.canvas.disc(2.0 * EDGE_MM))
    count, label = cv2.connectedComponents(laid, connectivity=8)
    touches = np.zeros(count, np.bool_)
    touches[np.unique(label[held > 0])] = True
    touches[0] = True
    if not touches.all():
        floats = (~touches[label]).astype(np.uint8)
        width_px = _width(_distances(floats))
        yield from _found(plate.canvas, window, floats, Kind.FLOATING, -1, layer, width_px, width_px, here.laid[window])


def _wholly(missing: Image, lost: Image, bare: Image) -> Image:
    """The missing areas with something lost in them that no bead surrounds: all of such an area is lost, no infill."""
    found = np.zeros_like(lost)
    _, label = cv2.connectedComponents(missing, connectivity=4)
    for number in np.setdiff1d(label[lost > 0], [0]):
        mask = (label == number).astype(np.uint8)
        around = cv2.dilate(mask, np.ones((5, 5), np.uint8)) & (1 - mask)
        if bare[around > 0].mean() > OPEN_SHARE:
            found |= mask
    return found


def _opened(mask: Image, brush: Image) -> Image:
    """``mask`` without what is narrower than ``brush``, which goes back turned round, as it may not be symmetric."""
    rows, columns = brush.shape
    there = cv2.erode(mask, brush, anchor=(columns // 2, rows // 2))
    back = cv2.dilate(there, np.ascontiguousarray(brush[::-1, ::-1]), anchor=((columns - 1) // 2, (rows - 1) // 2))
    return np.asarray(back, np.uint8) & mask


def _distances(mask: Image) -> Distances:
    """Distance of each pixel of ``mask`` from the nearest pixel beyond it."""
    return np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, 5), np.float32)


def _width(inner_px: Distances) -> Distances:
    """Width of what has its middle line there, from distances to the nearest pixel beyond: of one pixel it is 1."""
    return np.asarray(2.0 * inner_px - 1.0)


def _window(mask: Bool) -> tuple[slice, slice] | None:
    """The rows and columns that hold all of ``mask``, with one pixel around; None: it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return (
        slice(max(int(rows[0]) - 1, 0), int(rows[-1]) + 2),
        slice(max(int(columns[0]) - 1, 0), int(columns[-1]) + 2),
    )


def _found(
    canvas: Canvas,
    window: tuple[slice, slice],
    mask: Image,
    kind: Kind,
    part: int,
    layer: int,
    thickness_px: Distances,
    depth_px: Distances,
    laid: Image | None = None,
) -> Iterator[Spot]:
    """The connected areas of ``mask``, the tiny ones left out."""
    count, label, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    origin = canvas.lower_mm + np.array([window[1].start, window[0].start]) * canvas.pixel_mm
    for k in range(1, count):
        area_mm2 = float(stats[k, cv2.CC_STAT_AREA]) * canvas.pixel_mm**2
        if area_mm2 < LEAST_MM2:
            continue
        x, y, w, h = (int(v) for v in stats[k, :4])
        inside = label[y : y + h, x : x + w] == k
        box = (y, y + h), (x, x + w)
        low = origin + np.array([x, y]) * canvas.pixel_mm
        centre = origin + (centres[k] + 0.5) * canvas.pixel_mm
        by = laid[box[0][0] : box[0][1], box[1][0] : box[1][1]][inside] if laid is not None else np.zeros(1, np.uint8)
        yield Spot(
            kind=kind,
            part=part,
            layer=layer,
            area_mm2=area_mm2,
            thickness_mm=float(thickness_px[y : y + h, x : x + w][inside].max()) * canvas.pixel_mm,
            depth_mm=float(depth_px[y : y + h, x : x + w][inside].max()) * canvas.pixel_mm,
            box_mm=(*low.tolist(), *(low + np.array([w, h]) * canvas.pixel_mm).tolist()),
            centre_mm=(float(centre[0]), float(centre[1])),
            tool=int(np.bincount(by).argmax()) - 1,
        )
