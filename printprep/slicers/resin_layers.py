"""Layers of a resin plate: sections to rasters to PNG in threads, and what the rasters themselves show to be wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from printprep.errors import SliceTimeout
from printprep.formats.layers import Image, encode_png
from printprep.geometry.islands import Island, find_islands
from printprep.geometry.mesh import Float
from printprep.geometry.raster import Panel, raster
from printprep.geometry.section import Sections
from printprep.progress import Step

CHUNK: Final = 24  # layers that one thread makes in a row


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendered:
    """All layers of a plate, packed."""

    pngs: tuple[bytes, ...]
    area_mm2: Float  # (layers,) as lit
    islands: tuple[Island, ...]
    edge_layers: int  # layers that light the outermost pixels, so that something may be cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How layers are made."""

    cuts: Sections
    panel: Panel
    levels: int  # of grey
    turn: Callable[[Image], Image]  # to the way of the file

    @property
    def count(self) -> int:
        """Layers in all."""
        return len(self.cuts)


def render(recipe: Recipe, step: Step, *, timeout_s: float) -> Rendered:
    """Make all layers. Equal recipes give equal bytes, whatever the count of threads.

    Raises
    ------
    SliceTimeout
        The layers were not done in time.
    """
    deadline_s = time.monotonic() + timeout_s
    starts = range(0, recipe.count, CHUNK)
    pieces: list[Rendered] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        try:
            for piece in pool.map(lambda start: _piece(recipe, start, deadline_s), starts):
                pieces.append(piece)
                step.advance(min(len(pieces) * CHUNK / recipe.count, 1.0), "rasters")
        finally:  # Ctrl-C must not wait for the layers that nobody will read
            pool.shutdown(wait=False, cancel_futures=True)
    return Rendered(
        pngs=tuple(png for piece in pieces for png in piece.pngs),
        area_mm2=np.concatenate([piece.area_mm2 for piece in pieces]),
        islands=tuple(island for piece in pieces for island in piece.islands),
        edge_layers=sum(piece.edge_layers for piece in pieces),
    )


def _piece(recipe: Recipe, start: int, deadline_s: float) -> Rendered:
    """The layers from ``start`` on that one thread makes."""
    stop = min(start + CHUNK, recipe.count)
    unit_mm2 = recipe.panel.pixel_mm2 / 255.0
    pngs, area, islands, edge = [], [], list[Island](), 0
    below: Image | None = None
    for layer in range(max(start - 1, 0), stop):
        if time.monotonic() > deadline_s:
            raise SliceTimeout(
                f"the {recipe.count} layers were not done in time; give more time, or a process of coarser layers"
            )
        image = raster(*recipe.cuts.layer(layer), recipe.panel, levels=recipe.levels)
        if layer >= start:
            pngs.append(encode_png(recipe.turn(image)))
            area.append(cv2.sumElems(image)[0] * unit_mm2)  # exact, and faster than numpy's
            edge += bool(image[0].any() or image[-1].any() or image[:, 0].any() or image[:, -1].any())
            if below is not None:
                islands += find_islands(image, below, layer, recipe.panel)
        below = image
    return Rendered(pngs=tuple(pngs), area_mm2=np.array(area), islands=tuple(islands), edge_layers=edge)
