"""Pictures of a file of G-code by itself: one layer from above, or the whole, in colours of tools or features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from printprep.errors import InputError
from printprep.gcode.beads import Beads, Role, Small
from printprep.gcode.canvas import Canvas
from printprep.gcode.preview import Rgb, fit, layer_picture, whole_picture
from printprep.report import feature_colours
from printprep.report.printed import LOOK
from printprep.report.raster import Camera

By = Literal["tool", "feature"]
Rows = npt.NDArray[np.int64]
COLOURS: Final = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
    (120, 120, 120), (180, 180, 180), (140, 86, 75),
)  # fmt: skip
"""Told apart without seeing red and green: Okabe and Ito, "Color Universal Design", 2008, and three more."""
WIDTH_PX: Final = 1600
MARGIN_MM: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """A picture and what its colours mean."""

    png: bytes
    legend: dict[str, tuple[int, int, int]]
    z_mm: float | None  # top of the layer, or of the last; None: the whole


def show(beads: Beads, *, by: By, layer: int | None = None, last: int | None = None) -> Shown:
    """Draw ``beads``: the layer of that number, from 1, from above; the layers up to ``last``, or all, from the side.

    Raises
    ------
    InputError
        There is no such layer or no such range, or nothing is printed at all.
    """
    rows = np.flatnonzero(beads.role != Role.CUSTOM)
    if layer is not None:
        for asked in (layer, last or layer):
            if not 1 <= asked <= len(beads.layer_z_mm):
                raise InputError(f"there is no layer {asked}: the file has 1 to {len(beads.layer_z_mm)} of the model")
        if last is not None and last < layer:
            raise InputError(f"layers {layer} to {last} are none; say the lower one first")
        rows = rows[(beads.layer[rows] >= layer - 1) & (beads.layer[rows] < (last or layer))]
    if not len(rows):
        raise InputError("nothing is printed there: the file has no line of plastic to show")
    index = beads.tool if by == "tool" else beads.feature
    used = np.unique(index[rows])
    rank, legend = _of_tools(used) if by == "tool" else _of_features(beads, used)
    palette = np.array(COLOURS if by == "tool" else list(feature_colours.COLOURS.values()), np.uint8)
    flat = layer is not None and last in (None, layer)
    drawn = (_layer if flat else _whole)(beads, rows, rank[index], palette)
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(drawn[:, :, ::-1]))
    top = last or layer
    z_mm = None if top is None else float(beads.layer_z_mm[top - 1])
    return Shown(png=bytes(encoded.tobytes()), legend=legend, z_mm=z_mm)


def _of_tools(used: Small) -> tuple[Small, dict[str, tuple[int, int, int]]]:
    """By tool the row of its colour, and the legend."""
    rank = np.zeros(256, np.uint8)
    rank[used] = np.arange(len(used)) % len(COLOURS)
    return rank, {f"T{k}": COLOURS[rank[k]] for k in used.tolist()}


def _of_features(beads: Beads, used: Small) -> tuple[Small, dict[str, tuple[int, int, int]]]:
    """By feature of the file the row of its colour, and the legend: the same for every engine."""
    order = list(feature_colours.COLOURS)
    rank = np.full(256, len(order) - 1, np.uint8)
    for k in used.tolist():
        rank[k] = order.index(feature_colours.name_of(beads.features[k]))
    shown = sorted({int(rank[k]) for k in used.tolist()})
    return rank, {order[k]: feature_colours.COLOURS[order[k]] for k in shown}


def _whole(beads: Beads, rows: Rows, index: Small, palette: Rgb) -> Rgb:
    height_px = WIDTH_PX * 3 // 4
    view = fit(beads, rows, Camera.along(LOOK, (0.0, 0.0, 1.0)), WIDTH_PX, height_px)
    return whole_picture(beads, rows, index, palette, view, np.full((height_px, WIDTH_PX, 3), 255, np.uint8))


def _layer(beads: Beads, rows: Rows, index: Small, palette: Rgb) -> Rgb:
    ends = np.concatenate([beads.start_mm[rows], beads.end_mm[rows]]).astype(np.float64)
    lower, upper = ends.min(axis=0) - MARGIN_MM, ends.max(axis=0) + MARGIN_MM
    pixel_mm = float((upper - lower).max()) / WIDTH_PX
    columns, lines = np.ceil((upper - lower) / pixel_mm).astype(int).tolist()
    canvas = Canvas(lower_mm=lower, shape=(lines, columns), pixel_mm=pixel_mm)
    paper = np.full((lines, columns, 3), 255, np.uint8)
    return layer_picture(beads, rows, index, palette, canvas, paper)[::-1]
