"""Pictures of single layers of a file: what was asked for beside what is printed, what is wrong in strong colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from printprep.gcode.beads import Role
from printprep.gcode.canvas import Canvas
from printprep.gcode.deposit import BAND_MM, Checked, Comparison, Drawn
from printprep.gcode.preview import layer_picture
from printprep.gcode.printed import Strips
from printprep.gcode.proof import OFF_MM, Proof
from printprep.gcode.spots import Kind
from printprep.gcode.worst import EVERYWHERE_MM, Worst, worst_layers
from printprep.geometry.mesh import Bool, Float
from printprep.plan import WorstLayer
from printprep.report.paper import INK, WHITE, write, write_scale
from printprep.report.pictures import Picture
from printprep.report.raster import OVERSAMPLE, Camera, Image, png

Rgb = tuple[int, int, int]
Box = tuple[float, float, float, float]

PANEL_PX: Final = 300
GAP_PX: Final = 12
HEAD_PX, FOOT_PX = 58, 34
AROUND_MM: Final = 2.0
EDGE_MM: Final = 16.0  # of the window on a part that is larger
OTHER: Final = (205, 208, 212)
"""Colour of supports, tower and brim."""
FAULTS: Final[Mapping[Kind, Rgb]] = {
    Kind.LOST: (226, 0, 122),
    Kind.ADDED: (0, 84, 255),
    Kind.WRONG_TOOL: (255, 205, 0),
    Kind.FLOATING: (116, 0, 196),
}
LEGEND: Final[Mapping[Kind, str]] = {
    Kind.LOST: "not printed",
    Kind.ADDED: "printed where no part is",
    Kind.WRONG_TOOL: "by the wrong tool",
    Kind.FLOATING: "begins in the air",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """What parts and tools are drawn in."""

    parts: Sequence[Rgb]  # in the order of the solids
    tools: Mapping[int, Rgb]


def worst_pictures(
    proof: Proof, checked: Checked, comparison: Comparison, colours: Colours, plate: int
) -> tuple[tuple[WorstLayer, Picture], ...]:
    """The layers of a plate's file that a person should look at, the gravest first, each with its picture."""
    names = [solid.name for solid in comparison.solids]
    return tuple(
        (
            WorstLayer(
                part=worst.part,
                layer=worst.layer + 1,
                z_mm=worst.z_mm,
                what=worst.what,
                severity=worst.severity,
                picture=f"plate-{plate}-worst-{number}.png",
            ),
            worst_picture(comparison, worst, colours, plate),
        )
        for number, worst in enumerate(worst_layers(proof, checked, comparison.printed, names), start=1)
    )


def worst_picture(comparison: Comparison, worst: Worst, colours: Colours, plate: int) -> Picture:
    """One layer: the whole of it, what was asked for and what is printed close by."""
    box = _window(comparison, worst)
    whole = _grown(_layer_box(comparison, worst), AROUND_MM)
    panels = [
        _overview(comparison, worst, colours, whole, box),
        _asked(comparison, worst.layer, colours, _canvas(box)),
    ]
    printed, seen = _printed(comparison, worst, colours, _canvas(box))
    panels.append(printed)
    width_px = 3 * PANEL_PX + 4 * GAP_PX
    height_px = HEAD_PX + PANEL_PX + FOOT_PX
    picture = np.ones((height_px * OVERSAMPLE, width_px * OVERSAMPLE, 3))
    for k, (panel, name) in enumerate(zip(panels, ("the layer", "asked for", "printed"), strict=True)):
        left, top = (GAP_PX + k * (PANEL_PX + GAP_PX)) * OVERSAMPLE, HEAD_PX * OVERSAMPLE
        edge = PANEL_PX * OVERSAMPLE
        picture[top : top + edge, left : left + edge] = panel
        cv2.rectangle(picture, (left, top), (left + edge - 1, top + edge - 1), (0.6, 0.63, 0.68), 1)
        write(picture, name, (GAP_PX + k * (PANEL_PX + GAP_PX) + PANEL_PX / 2, HEAD_PX - 12), 0.45)
    title = _title(comparison, worst, plate)
    _write_left(picture, title, GAP_PX, 18, 0.5)
    _legend(picture, seen, height_px - FOOT_PX / 2, supports=comparison.printed.sparse)
    return Picture(title, png(picture), width_px, height_px)


def _title(comparison: Comparison, worst: Worst, plate: int) -> str:
    of = f"{worst.part}, " if worst.part else ""
    return f"{of}plate {plate}, layer {worst.layer + 1} of {len(comparison)}, z {worst.z_mm:.2f} mm: {worst.what}"


def _canvas(box: Box) -> Canvas:
    edge_mm = max(box[2] - box[0], box[3] - box[1])
    pixels = PANEL_PX * OVERSAMPLE
    middle = np.array([box[0] + box[2], box[1] + box[3]]) / 2.0
    return Canvas(lower_mm=middle - edge_mm / 2.0, shape=(pixels, pixels), pixel_mm=edge_mm / pixels)


def _layer_box(comparison: Comparison, worst: Worst) -> Box:
    """All sections of a layer, and what is wrong there."""
    corners = [cuts.layer(worst.layer)[0] for cuts in comparison.cuts]
    if worst.box_mm is not None:
        corners.append(np.array(worst.box_mm).reshape(2, 2))
    points = np.concatenate([np.zeros((0, 2)), *corners])
    if not len(points):
        points = np.array([solid.mesh.bounds_mm[:, :2] for solid in comparison.solids]).reshape(-1, 2)
    return _box(points)


def _window(comparison: Comparison, worst: Worst) -> Box:
    """What is shown close by: the place that is wrong, or the whole part in that layer."""
    if worst.box_mm is not None:
        x0, y0, x1, y1 = worst.box_mm
        edge_mm = max(EVERYWHERE_MM, 2.0 * max(x1 - x0, y1 - y0))
        middle = (x0 + x1) / 2, (y0 + y1) / 2
        return (middle[0] - edge_mm / 2, middle[1] - edge_mm / 2, middle[0] + edge_mm / 2, middle[1] + edge_mm / 2)
    names = [solid.name for solid in comparison.solids]
    points, _ = comparison.cuts[names.index(worst.part)].layer(worst.layer) if worst.part in names else (np.zeros(0), 0)
    whole = _grown(_box(points) if len(points) else _layer_box(comparison, worst), AROUND_MM)
    if not len(points) or max(whole[2] - whole[0], whole[3] - whole[1]) <= EDGE_MM:
        return whole
    return _grown(_box(points[points[:, 0].argmax()][None]), EDGE_MM / 2.0)  # its edge, near enough to see beads


def _box(points: Float) -> Box:
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return (x0, y0, x1, y1)


def _grown(box: Box, by_mm: float) -> Box:
    return (box[0] - by_mm, box[1] - by_mm, box[2] + by_mm, box[3] + by_mm)


def _overview(comparison: Comparison, worst: Worst, colours: Colours, whole: Box, box: Box) -> Image:
    """All of the layer as it should be, pale, and where the other panels look."""
    canvas = _canvas(whole)
    drawn = comparison.draw(worst.layer, canvas)
    picture = _paper(canvas)
    for number, colour in enumerate(colours.parts):
        picture[drawn.wanted == number + 1] = 0.45 + 0.55 * np.array(colour) / 255.0
    _fill_faults(picture, comparison, worst, canvas)
    picture = np.ascontiguousarray(picture[::-1])
    corners = _pixels(np.array([[box[0], box[1]], [box[2], box[3]]]), canvas)
    cv2.rectangle(picture, corners[0].tolist(), corners[1].tolist(), INK, OVERSAMPLE)
    _scale(picture, canvas)
    return picture


def _asked(comparison: Comparison, layer: int, colours: Colours, canvas: Canvas) -> Image:
    drawn = comparison.draw(layer, canvas)
    picture = _paper(canvas)
    for number, colour in enumerate(colours.parts):
        picture[drawn.wanted == number + 1] = np.array(colour) / 255.0
    picture = np.ascontiguousarray(picture[::-1])
    _outlines(picture, comparison, layer, canvas)
    _scale(picture, canvas)
    return picture


def _printed(comparison: Comparison, worst: Worst, colours: Colours, canvas: Canvas) -> tuple[Image, frozenset[Kind]]:
    """What the file prints, with what is wrong over it, and what of that is seen."""
    drawn = comparison.draw(worst.layer, canvas)
    picture = _plastic(comparison, worst.layer, colours, canvas, drawn)
    seen = set()
    if worst.severity is not None:
        for kind, mask in _edges(drawn, canvas).items():
            picture[mask] = np.array(FAULTS[kind]) / 255.0
            seen |= {kind} if mask.any() else set()
    seen |= _fill_faults(picture, comparison, worst, canvas)
    picture = np.ascontiguousarray(picture[::-1])
    _outlines(picture, comparison, worst.layer, canvas)
    _scale(picture, canvas)
    return picture, frozenset(seen)


def _plastic(comparison: Comparison, layer: int, colours: Colours, canvas: Canvas, drawn: Drawn) -> Image:
    """Beads line by line, or what is lit."""
    palette = np.full((256, 3), OTHER, np.uint8)
    for tool, colour in colours.tools.items():
        palette[tool] = colour
    background = np.full((*canvas.shape, 3), 255, np.uint8)
    printed = comparison.printed
    if isinstance(printed, Strips):
        beads, rows = printed.beads, printed.of_layer(layer)
        index = np.where(beads.role == Role.PART, beads.tool, 254).astype(np.uint8)
        return layer_picture(beads, rows, index, palette, canvas, background) / 255.0
    for tool in np.unique(drawn.laid[drawn.laid > 0]).tolist():
        background[drawn.laid == tool] = palette[tool - 1]
    return background / 255.0


def _edges(drawn: Drawn, canvas: Canvas) -> dict[Kind, Bool]:
    """What is missing along the outlines, and what stands beyond them; finer differences are those of every bead."""
    asked = (drawn.wanted > 0).astype(np.uint8)
    rim = asked * (cv2.distanceTransform(asked, cv2.DIST_L2, 5) * canvas.pixel_mm <= BAND_MM).astype(np.uint8)
    brush = canvas.disc(2.0 * OFF_MM)
    missing, more = rim & (drawn.laid == 0), (1 - asked) & (drawn.laid > 0)
    return {
        Kind.LOST: cv2.morphologyEx(missing.astype(np.uint8), cv2.MORPH_OPEN, brush) > 0,
        Kind.ADDED: cv2.morphologyEx(more.astype(np.uint8), cv2.MORPH_OPEN, brush) > 0,
    }


def _fill_faults(picture: Image, comparison: Comparison, worst: Worst, canvas: Canvas) -> frozenset[Kind]:
    """Colour what the check found wrong in the layer; answers what of it lies in the picture."""
    seen = set()
    coarse = comparison.canvas
    at = [
        np.floor((canvas.lower_mm[k] + (np.arange(canvas.shape[1 - k]) + 0.5) * canvas.pixel_mm - coarse.lower_mm[k])
                 / coarse.pixel_mm).astype(np.int64)
        for k in (0, 1)
    ]  # fmt: skip
    for area in comparison.areas(worst.layer):
        mask = np.zeros(coarse.shape, np.bool_)
        mask[area.window] = area.mask > 0
        inside = np.outer((at[1] >= 0) & (at[1] < coarse.shape[0]), (at[0] >= 0) & (at[0] < coarse.shape[1]))
        rows, columns = (np.clip(at[1], 0, coarse.shape[0] - 1), np.clip(at[0], 0, coarse.shape[1] - 1))
        here = mask[np.ix_(rows, columns)] & inside
        if here.any():
            picture[here] = np.array(FAULTS[area.kind]) / 255.0
            seen.add(area.kind)
    return frozenset(seen)


def _outlines(picture: Image, comparison: Comparison, layer: int, canvas: Canvas) -> None:
    """The outlines that were asked for, as thin lines, on a picture whose row 0 is at the top."""
    for cuts in comparison.cuts:
        points, starts = cuts.layer(layer)
        for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            cv2.polylines(picture, [_pixels(points[a:b], canvas, 16)], True, (0.1, 0.1, 0.12), 1, cv2.LINE_AA, 4)


def _pixels(points_mm: Float, canvas: Canvas, per_px: int = 1) -> npt.NDArray[np.int32]:
    x = (points_mm[:, 0] - canvas.lower_mm[0]) / canvas.pixel_mm - 0.5
    y = canvas.shape[0] - (points_mm[:, 1] - canvas.lower_mm[1]) / canvas.pixel_mm - 0.5
    return np.round(np.column_stack([x, y]).clip(-1e6, 1e6) * per_px).astype(np.int32)


def _paper(canvas: Canvas) -> Image:
    return np.ones((*canvas.shape, 3))


def _scale(picture: Image, canvas: Canvas) -> None:
    px_per_mm = 1.0 / canvas.pixel_mm / OVERSAMPLE
    write_scale(picture, Camera(np.eye(3), np.zeros(3), px_per_mm, PANEL_PX, PANEL_PX))


def _legend(picture: Image, seen: frozenset[Kind], y_px: float, *, supports: bool) -> None:
    """Swatches and words: the outline, and each kind of wrong that is seen; what is not printed always.

    By light ``supports`` are parts like all others.
    """
    x_px = float(GAP_PX)
    shown = [kind for kind in FAULTS if kind is Kind.LOST or kind in seen]
    rows = [((30, 32, 36), "outline asked for"), *((FAULTS[kind], LEGEND[kind]) for kind in shown)]
    for k, (colour, text) in enumerate([*rows, *([(OTHER, "supports, tower, brim")] if supports else [])]):
        half = 1 if k == 0 else 6
        low, high = (x_px, y_px - half), (x_px + 14, y_px + half)
        ends = [tuple(round(v * OVERSAMPLE) for v in corner) for corner in (low, high)]
        cv2.rectangle(picture, ends[0], ends[1], tuple(c / 255.0 for c in colour), -1)
        x_px = _write_left(picture, text, x_px + 20, y_px, 0.42) + 22


def _write_left(picture: Image, text: str, left_px: float, y_px: float, size: float) -> float:
    """Write text from ``left_px`` on; answers where it ends."""
    scale = size * OVERSAMPLE
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, max(1, round(1.6 * scale)))
    write(picture, text, (left_px + width / OVERSAMPLE / 2, y_px), size, INK, WHITE)
    return left_px + width / OVERSAMPLE
