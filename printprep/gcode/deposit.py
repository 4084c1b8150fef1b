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
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from printprep.gcode.beads import Beads
from printprep.gcode.canvas import Canvas, Image, paint
from printprep.gcode.outline import samples
from printprep.gcode.printed import Printed, Strips
from printprep.gcode.spots import (
    FAR_MM,
    OPEN_SHARE,
    Area,
    Around,
    Distances,
    Kind,
    Spot,
    Window,
    as_image,
    bare_sections,
    distances_of,
    edge_of,
    large_of,
    of_same_tool,
    opened,
    spots_of,
    wholly,
    width_of,
    window_around,
    window_of,
    within,
)
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.section import Sections, sections

STEP_MM: Final = 0.2  # between samples along an outline
BAND_MM: Final = 0.35  # from the outline inwards, where plastic must be: less than one line of the finest nozzle
SKIN_MM: Final = 0.4  # narrower gaps between lines of a skin are how a slicer fills it
EDGE_MM: Final = 0.45  # a bead reaches so far over the border of two parts
STRAY_MM: Final = 0.3  # plastic beside the outline that is no rounding
HELD_MM: Final = 0.35  # between a part and the top of what supports it, so that it comes off
SPAN: Final = 48  # layers that one worker takes at a time
ONE_BEAD: Final = 0.8  # lines: engines squeeze one in, and leave out what is thinner here and there
PRINTABLE: Final = 2.0  # lines: where less is beside each other, a slicer leaves out or adds what no pair of beads fits
CORNER: Final = 0.7  # of that: across what a round brush leaves over of a corner, as of a rib so thin


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """A part as it should be printed; later ones of a sequence win where they overlap."""

    name: str
    tool: int
    mesh: Mesh  # plate frame, closed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checked:
    """What was found about all parts of a plate."""

    spots: tuple[Spot, ...]  # by layer
    part: Int  # (s,) of each sample along the outlines, the row of its solid
    layer: Int  # (s,)
    gap_mm: Float  # (s,) positive: plastic is missing there
    weight_mm: Float  # (s,) length of outline that it stands for
    thin: Bool  # (s,) it lies on a spot that is lost and too thin to print, so nothing is wrong with a bead there
    narrow: Bool  # (s,) of the part there is less than any line is wide: plastic may be missing there
    pixel_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """A layer on a raster."""

    wanted: Image  # row of the solid + 1
    laid: Image  # tool + 1, of the model
    filled: Image  # 1 where anything is, supports and all
    top_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """What is printed beside what should be; it can be looked at layer by layer."""

    solids: Sequence[Solid]
    cuts: Sequence[Sections]
    printed: Printed
    canvas: Canvas
    line_mm: float  # width of the usual bead

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
            line_mm=printed.line_mm,
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
    empty = [np.zeros((0, 6))]
    table = np.concatenate(outlines or empty)
    return Checked(
        spots=tuple(spot for spots, _ in done for spot in spots),
        part=table[:, 0].astype(np.int32),
        layer=table[:, 1].astype(np.int32),
        gap_mm=np.ascontiguousarray(table[:, 2]),
        weight_mm=np.ascontiguousarray(table[:, 3]),
        thin=table[:, 4] > 0,
        narrow=table[:, 5] > 0,
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
        spots.extend(spot for area in areas for spot in spots_of(comparison.canvas, area, layer))
        outlines.extend(_outlines(comparison, layer, here, _thin(comparison.canvas, areas)))
        below.append(here)
        here = above
    return spots, outlines


def _thin(canvas: Canvas, areas: Sequence[Area]) -> Image | None:
    """1 on and beside what is lost because no bead is so thin; None: there is no such place."""
    found: Image | None = None
    for area in areas:
        if area.thin is not None and area.thin.any():
            found = np.zeros(canvas.shape, np.uint8) if found is None else found
            np.maximum(found[area.window], area.thin, out=found[area.window])
    return found


def _outlines(comparison: Comparison, layer: int, here: Drawn, thin: Image | None) -> Iterator[Float]:
    """Rows (part, layer, gap, weight, thin, narrow) of the samples on the outside of all parts together."""
    canvas = comparison.canvas
    for number, cuts in enumerate(comparison.cuts):
        points, loops = cuts.layer(layer)
        places, weight = samples(points, loops, STEP_MM)
        outside = _outside(canvas, here.wanted, places, number + 1)
        places, weight = places[outside], weight[outside]
        window = window_around(points, canvas)
        if window is not None and len(places):
            gap = comparison.printed.gaps(layer, places)
            column, row = (canvas.pixels(places) - [window[1].start, window[0].start]).T
            on_thin = np.zeros(len(gap)) if thin is None else thin[window][row, column]
            on_narrow = _narrow(comparison, as_image(here.wanted[window] == number + 1))[row, column]
            of = (np.full(len(gap), number), np.full(len(gap), layer))
            yield np.column_stack([*of, gap, weight, on_thin, on_narrow])


def _narrow(comparison: Comparison, part: Image) -> Image:
    """1 on ``part`` and beside it, where it is narrower than any line: no edge of plastic is to be expected there."""
    canvas, least_mm = comparison.canvas, ONE_BEAD * comparison.line_mm
    if least_mm < 2.0 * canvas.pixel_mm:  # no brush is so fine
        return np.zeros_like(part)
    return _beyond(canvas, part, part, least_mm)


def _beyond(canvas: Canvas, part: Image, mask: Image, width_mm: float) -> Image:
    """1 on and beside ``mask`` where ``part`` is narrower than ``width_mm``; sharp corners of what is wider are not."""
    wide = np.asarray(cv2.dilate(opened(part, canvas.disc(width_mm)), canvas.disc(CORNER * width_mm)), np.uint8)
    return np.asarray(cv2.dilate(mask & (1 - wide), np.ones((3, 3), np.uint8)), np.uint8)


def _outside(canvas: Canvas, wanted: Image, places: Float, colour: int) -> Bool:
    """(s,) whether a sample has its own part on one side and no part on the other."""
    at = canvas.pixels(places)
    own, none = np.zeros(len(at), np.bool_), np.zeros(len(at), np.bool_)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            seen = wanted[at[:, 1] + dy, at[:, 0] + dx]
            own |= seen == colour
            none |= seen == 0
    return own & none


def _spots(comparison: Comparison, layer: int, below: Drawn, here: Drawn, above: Drawn) -> Iterator[Area]:
    canvas, tools = comparison.canvas, [solid.tool for solid in comparison.solids]
    for number, solid in enumerate(comparison.solids):
        window = window_around(comparison.cuts[number].layer(layer)[0], canvas)
        if window is None:
            continue
        part = as_image(here.wanted[window] == number + 1)
        bare = as_image(here.laid[window] == 0)
        missing = part & bare
        one_body = bare & of_same_tool(here.wanted[window], number, tools)
        rim = missing & edge_of(part | one_body, BAND_MM / canvas.pixel_mm)
        looked_at = missing
        if comparison.printed.sparse:  # inside, only where the surface looks up or down
            looked_at = missing & as_image((below.wanted[window] == 0) | (above.wanted[window] == 0))
        skin = opened(looked_at, canvas.disc(SKIN_MM))
        lost = opened(rim, np.ones((2, 2), np.uint8)) | skin
        if lost.any():
            lost |= wholly(opened(missing, canvas.disc(SKIN_MM)), lost, bare)
            # no cell of infill is all of a section: what is left out within another part is lost with its inside
            lost |= bare & bare_sections(part, bare, lost, one_body, OPEN_SHARE)
            thin = _beyond(canvas, part, lost, PRINTABLE * comparison.line_mm)
            yield _lost(comparison, layer, number, window, (below, here, above), large_of(canvas, lost), thin)
        laid = here.laid[window]
        wrong = part & as_image((laid != 0) & (laid != solid.tool + 1))
        wrong = opened(wrong, canvas.disc(EDGE_MM))
        if wrong.any():
            inner_px = distances_of(part)
            yield Area(
                kind=Kind.WRONG_TOOL,
                part=number,
                window=window,
                mask=wrong,
                thickness_px=width_of(inner_px),
                depth_px=inner_px,
                laid=laid,
            )
    yield from _strays(canvas, here)


def _lost(
    comparison: Comparison,
    layer: int,
    number: int,
    window: Window,
    layers: tuple[Drawn, Drawn, Drawn],
    lost: Image,
    thin: Image,
) -> Area:
    """What is lost of a part, with all that is near it; where that is nothing, distances are not asked for."""
    below, here, above = layers
    no_px = np.zeros(lost.shape, np.float32)
    area = Area(kind=Kind.LOST, part=number, window=window, mask=lost, thickness_px=no_px, depth_px=no_px, thin=thin)
    if not lost.any():
        return area
    part, bare = as_image(here.wanted[window] == number + 1), as_image(here.laid[window] == 0)
    depth_px, beside_px = _from_plastic(comparison, layer, window, lost, layers)
    return replace(
        area,
        thickness_px=width_of(distances_of(part)),
        depth_px=depth_px,
        around=Around(
            beside_px=beside_px,
            below=as_image(below.laid[window] > 0),
            above=as_image(above.laid[window] > 0),
            section=bare_sections(part, bare, lost, as_image(here.wanted[window] > 0), 1.0 - OPEN_SHARE),
        ),
    )


def _from_plastic(
    comparison: Comparison, layer: int, window: Window, lost: Image, layers: tuple[Drawn, Drawn, Drawn]
) -> tuple[Distances, Distances]:
    """Distance of what is lost from the model's plastic in the layers below, here and above; and from that here.

    Beyond :data:`FAR_MM` of what is lost nothing is looked at.
    """
    pixel_mm, heights_mm = comparison.canvas.pixel_mm, comparison.printed.layer_height_mm
    reach_px = int(np.ceil(FAR_MM / pixel_mm))
    x, y, w, h = cv2.boundingRect(lost)
    part = np.s_[max(y - reach_px, 0) : y + h + reach_px, max(x - reach_px, 0) : x + w + reach_px]
    up_px = np.float32(heights_mm[layer] / pixel_mm)  # the far side of it from the plastic below it or above it
    near: list[Distances] = []
    for one, away_px in zip(layers, (up_px, np.float32(0.0), up_px), strict=True):
        bare = as_image(one.laid[window][part] == 0)
        far_px = np.full(bare.shape, FAR_MM / pixel_mm, np.float32)
        near.append(far_px if bare.all() else np.minimum(far_px, np.hypot(distances_of(bare), away_px)))
    depth_px, beside_px = np.zeros(lost.shape, np.float32), np.zeros(lost.shape, np.float32)
    depth_px[part], beside_px[part] = np.minimum.reduce(near), near[1]
    return depth_px, beside_px


def _strays(canvas: Canvas, here: Drawn) -> Iterator[Area]:
    """Plastic of the model that belongs to no part."""
    window = window_of(here.laid)
    if window is None:
        return
    free = as_image(here.wanted[window] == 0)
    stray = opened(free & as_image(here.laid[window] > 0), canvas.disc(STRAY_MM))
    if stray.any():
        yield Area(
            kind=Kind.ADDED,
            part=-1,
            window=window,
            mask=stray,
            thickness_px=width_of(distances_of(stray)),
            depth_px=distances_of(free),
            laid=here.laid[window],
        )


def _floating(comparison: Comparison, below: Sequence[Drawn], here: Drawn) -> Iterator[Area]:
    """Plastic of the model that begins in the air: connected areas with nothing within a support's gap below."""
    window = window_of(here.laid)
    if window is None:
        return
    laid = as_image(here.laid[window] > 0)
    under = np.zeros(laid.shape, np.uint8)
    for one in below:
        under |= one.filled[window]
    held = np.asarray(cv2.dilate(under, comparison.canvas.disc(2.0 * EDGE_MM)), np.uint8)
    free = window_of(laid & (1 - held))
    if free is None:
        return
    laid, held = laid[free], held[free]  # what reaches beyond is held at the rim of this window
    count, label = cv2.connectedComponents(laid, connectivity=8)
    touches = np.bincount(label[held > 0], minlength=count) > 0
    touches[0] = True
    if comparison.printed.sparse and below and not touches.all():  # lines of infill over a cell of it sag, no more
        edge = edge_of(as_image(below[-1].wanted[window] > 0), BAND_MM / comparison.canvas.pixel_mm)
        touches |= np.bincount(label[edge[free] > 0], minlength=count) == 0
    if not touches.all():
        floats = as_image(~touches[label])
        width_px = width_of(distances_of(floats))
        yield Area(
            kind=Kind.FLOATING,
            part=-1,
            window=within(window, free),
            mask=floats,
            thickness_px=width_px,
            depth_px=width_px,
            laid=here.laid[window][free],
        )
