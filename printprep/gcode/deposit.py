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

from printprep.gcode.beads import Beads
from printprep.gcode.canvas import Canvas, Image, paint
from printprep.gcode.outline import samples
from printprep.gcode.printed import Printed, Strips
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.section import Sections, sections

STEP_MM: Final = 0.2  # between samples along an outline
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
class Drawn:
    """A layer on a raster."""

    wanted: Image  # row of the solid + 1
    laid: Image  # tool + 1, of the model
    filled: Image  # 1 where anything is, supports and all
    top_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Area:
    """Where something is wrong in a window of a layer, before it is told apart into spots."""

    kind: Kind
    part: int  # row of the solids; -1: of none
    window: tuple[slice, slice]
    mask: Image
    thickness_px: Distances
    depth_px: Distances
    laid: Image | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """What is printed beside what should be; it can be looked at layer by layer."""

    solids: Sequence[Solid]
    cuts: Sequence[Sections]
    printed: Printed
    canvas: Canvas

    @classmethod
    def of(cls, laid: Beads | Printed, solids: Sequence[Solid]) -> Comparison:
        """Cut ``solids`` in the middle of each layer of ``laid``."""
        printed = Strips.of(laid) if isinstance(laid, Beads) else laid
        boxes = np.array([solid.mesh.bounds_mm[:, :2] for solid in solids]).reshape(-1, 2)
        return cls(
            solids=solids,
            cuts=[sections(solid.mesh, printed.middle_mm) for solid in solids],
            printed=printed,
            canvas=printed.canvas(boxes),
        )

    def __len__(self) -> int:
        return len(self.printed.layer_z_mm)

    def draw(self, layer: int, canvas: Canvas | None = None) -> Drawn:
        """A layer as it should be and as it is, on the raster of the check or on another."""
        canvas = canvas or self.canvas
        wanted = np.zeros(canvas.shape, np.uint8)
        for number, cuts in enumerate(self.cuts):
            paint(cuts, layer, number + 1, canvas, wanted)
        laid, filled = self.printed.draw(layer, canvas)
        return Drawn(wanted=wanted, laid=laid, filled=filled, top_mm=float(self.printed.layer_z_mm[layer]))

    def nothing(self) -> Drawn:
        """What is above the last layer."""
        empty = np.zeros(self.canvas.shape, np.uint8)
        return Drawn(wanted=empty, laid=empty, filled=empty, top_mm=0.0)

    def under(self, layer: int) -> list[Drawn]:
        """The layers that can hold a layer, the lowest first."""
        heights_mm = self.printed.layer_height_mm
        reach = int(np.ceil(HELD_MM / float(heights_mm.min()))) + 1
        return [self.draw(k) for k in range(max(layer - reach, 0), layer)]

    def areas(self, layer: int) -> list[Area]:
        """All that is wrong in one layer."""
        below, here = self.under(layer), self.draw(layer)
        above = self.draw(layer + 1) if layer + 1 < len(self) else self.nothing()
        found = list(_spots(self, layer, below[-1] if below else self.nothing(), here, above))
        return [*found, *(_floating(self, self.holding(layer, below), here) if layer else ())]

    def holding(self, layer: int, below: Sequence[Drawn]) -> list[Drawn]:
        """Those of ``below`` that are near enough to hold the layer."""
        floor_mm = float(self.printed.layer_z_mm[layer] - self.printed.layer_height_mm[layer])
        return [one for one in below if one.top_mm >= floor_mm - HELD_MM - 1e-3]


def check(laid: Beads | Printed, solids: Sequence[Solid], *, workers: int = 2) -> Checked:
    """Compare what is printed with the sections of ``solids``, layer by layer."""
    return look_through(Comparison.of(laid, solids), workers=workers)


def look_through(comparison: Comparison, *, workers: int = 2) -> Checked:
    """Look at every layer of ``comparison``."""
    count = len(comparison)
    spans = [range(a, min(a + SPAN, count)) for a in range(0, count, SPAN)]
    with ThreadPoolExecutor(workers) as pool:
        done = list(pool.map(lambda span: _span(comparison, span), spans))
    outlines = [row for _, rows in done for row in rows]
    empty = [np.zeros((0, 4))]
    table = np.concatenate(outlines or empty)
    return Checked(
        spots=tuple(spot for spots, _ in done for spot in spots),
        part=table[:, 0].astype(np.int32),
        layer=table[:, 1].astype(np.int32),
        gap_mm=np.ascontiguousarray(table[:, 2]),
        weight_mm=np.ascontiguousarray(table[:, 3]),
        pixel_mm=comparison.canvas.pixel_mm,
    )


def _span(comparison: Comparison, span: range) -> tuple[list[Spot], list[Float]]:
    """Spots and outline samples of some layers that follow each other."""
    spots: list[Spot] = []
    outlines: list[Float] = []
    below = comparison.under(span[0])
    here = comparison.draw(span[0])
    for layer in span:
        above = comparison.draw(layer + 1) if layer + 1 < len(comparison) else comparison.nothing()
        below = comparison.holding(layer, below)
        areas = [*_spots(comparison, layer, below[-1] if below else comparison.nothing(), here, above)]
        if layer:
            areas.extend(_floating(comparison, below, here))
        spots.extend(spot for area in areas for spot in _found(comparison.canvas, area, layer))
        outlines.extend(_outlines(comparison, layer, here))
        below.append(here)
        here = above
    return spots, outlines


def _outlines(comparison: Comparison, layer: int, here: Drawn) -> Iterator[Float]:
    """Rows (part, layer, gap, weight) of the samples on the outside of all parts together."""
    for number, cuts in enumerate(comparison.cuts):
        points, loops = cuts.layer(layer)
        places, weight = samples(points, loops, STEP_MM)
        outside = _outside(comparison.canvas, here.wanted, places, number + 1)
        places, weight = places[outside], weight[outside]
        if len(places):
            gap = comparison.printed.gaps(layer, places)
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


def _spots(comparison: Comparison, layer: int, below: Drawn, here: Drawn, above: Drawn) -> Iterator[Area]:
    canvas = comparison.canvas
    for number, solid in enumerate(comparison.solids):
        window = _around(comparison.cuts[number].layer(layer)[0], canvas)
        if window is None:
            continue
        part = (here.wanted[window] == number + 1).astype(np.uint8)
        inner_px = _distances(part)
        bare = (here.laid[window] == 0).astype(np.uint8)
        missing = part & bare
        rim = missing & (inner_px * canvas.pixel_mm <= BAND_MM).astype(np.uint8)
        looked_at = missing
        if comparison.printed.sparse:  # inside, only where the surface looks up or down
            looked_at = missing & ((below.wanted[window] == 0) | (above.wanted[window] == 0)).astype(np.uint8)
        skin = _opened(looked_at, canvas.disc(SKIN_MM))
        lost = _opened(rim, np.ones((2, 2), np.uint8)) | skin
        if lost.any():
            lost |= _wholly(_opened(missing, canvas.disc(SKIN_MM)), lost, bare)
            yield Area(
                kind=Kind.LOST,
                part=number,
                window=window,
                mask=lost,
                thickness_px=_width(inner_px),
                depth_px=_distances(bare),
            )
        laid = here.laid[window]
        wrong = part & ((laid != 0) & (laid != solid.tool + 1)).astype(np.uint8)
        wrong = _opened(wrong, canvas.disc(EDGE_MM))
        if wrong.any():
            yield Area(
                kind=Kind.WRONG_TOOL,
                part=number,
                window=window,
                mask=wrong,
                thickness_px=_width(inner_px),
                depth_px=inner_px,
                laid=laid,
            )
    yield from _strays(canvas, here)


def _strays(canvas: Canvas, here: Drawn) -> Iterator[Area]:
    """Plastic of the model that belongs to no part."""
    window = _window(here.laid)
    if window is None:
        return
    free = (here.wanted[window] == 0).astype(np.uint8)
    stray = _opened(free & (here.laid[window] > 0).astype(np.uint8), canvas.disc(STRAY_MM))
    if stray.any():
        yield Area(
            kind=Kind.ADDED,
            part=-1,
            window=window,
            mask=stray,
            thickness_px=_width(_distances(stray)),
            depth_px=_distances(free),
            laid=here.laid[window],
        )


def _floating(comparison: Comparison, below: Sequence[Drawn], here: Drawn) -> Iterator[Area]:
    """Plastic of the model that begins in the air: connected areas with nothing within a support's gap below."""
    window = _window(here.laid)
    if window is None:
        return
    laid = (here.laid[window] > 0).astype(np.uint8)
    under = np.zeros(laid.shape, np.uint8)
    for one in below:
        under |= one.filled[window]
    held = cv2.dilate(under, comparison.canvas.disc(2.0 * EDGE_MM))
    count, label = cv2.connectedComponents(laid, connectivity=8)
    touches = np.zeros(count, np.bool_)
    touches |= np.bincount(label[held > 0], minlength=count) > 0
    touches[0] = True
    if not touches.all():
        floats = (~touches[label]).astype(np.uint8)
        width_px = _width(_distances(floats))
        yield Area(
            kind=Kind.FLOATING,
            part=-1,
            window=window,
            mask=floats,
            thickness_px=width_px,
            depth_px=width_px,
            laid=here.laid[window],
        )


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


def _window(mask: Image) -> tuple[slice, slice] | None:
    """The rows and columns that hold all of ``mask``, with one pixel around; None: it is empty."""
    x, y, w, h = cv2.boundingRect(mask)
    return (slice(max(y - 1, 0), y + h + 1), slice(max(x - 1, 0), x + w + 1)) if w else None


def _around(points_mm: Float, canvas: Canvas) -> tuple[slice, slice] | None:
    """The rows and columns that hold a section, with pixels to spare; None: it is empty."""
    if not len(points_mm):
        return None
    x0, y0 = np.floor((points_mm.min(axis=0) - canvas.lower_mm) / canvas.pixel_mm).astype(int).tolist()
    x1, y1 = np.ceil((points_mm.max(axis=0) - canvas.lower_mm) / canvas.pixel_mm).astype(int).tolist()
    return slice(max(y0 - 2, 0), y1 + 3), slice(max(x0 - 2, 0), x1 + 3)


def _found(canvas: Canvas, area: Area, layer: int) -> Iterator[Spot]:
    """The connected areas of a mask, the tiny ones left out."""
    count, label, stats, centres = cv2.connectedComponentsWithStats(area.mask, connectivity=8)
    rows, columns = area.window
    origin = canvas.lower_mm + np.array([columns.start, rows.start]) * canvas.pixel_mm
    for k in range(1, count):
        area_mm2 = float(stats[k, cv2.CC_STAT_AREA]) * canvas.pixel_mm**2
        if area_mm2 < LEAST_MM2:
            continue
        x, y, w, h = (int(v) for v in stats[k, :4])
        box = np.s_[y : y + h, x : x + w]
        inside = label[box] == k
        low = origin + np.array([x, y]) * canvas.pixel_mm
        centre = origin + (centres[k] + 0.5) * canvas.pixel_mm
        by = area.laid[box][inside] if area.laid is not None else np.zeros(1, np.uint8)
        yield Spot(
            kind=area.kind,
            part=area.part,
            layer=layer,
            area_mm2=area_mm2,
            thickness_mm=float(area.thickness_px[box][inside].max()) * canvas.pixel_mm,
            depth_mm=float(area.depth_px[box][inside].max()) * canvas.pixel_mm,
            box_mm=(*low.tolist(), *(low + np.array([w, h]) * canvas.pixel_mm).tolist()),
            centre_mm=(float(centre[0]), float(centre[1])),
            tool=int(np.bincount(by).argmax()) - 1,
        )
