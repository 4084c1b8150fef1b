"""Layers of a resin plate: sections to rasters to PNG in threads, and what the rasters themselves show to be wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from printprep.errors import SliceTimeout
from printprep.formats.layers import Image, LayerFile, encode_png
from printprep.geometry.islands import Island, find_islands
from printprep.geometry.mesh import Float
from printprep.geometry.raster import Panel, raster
from printprep.geometry.section import Sections
from printprep.progress import Step

PROBES: Final = 12  # layers that are compared to find how far an engine has raised the parts
CHUNK: Final = 24  # layers that one thread makes in a row


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendered:
    """All layers of a plate, packed."""

    pngs: tuple[bytes, ...]
    area_mm2: Float  # (layers,) as lit, supports included
    anatomy_mm2: Float  # (layers,) of the parts alone
    missing_mm2: Float  # (layers,) of the parts, in which the supported layers of an engine had nothing
    islands: tuple[Island, ...]
    edge_layers: int  # layers that light the outermost pixels, so that something may be cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How layers are made."""

    cuts: Sections
    panel: Panel
    levels: int  # of grey
    turn: Callable[[Image], Image]  # to the way of the file
    supported: LayerFile | None = None  # an engine's layers, with supports
    raised: int = 0  # layers by which the parts stand higher in ``supported``

    @property
    def count(self) -> int:
        """Layers in all."""
        return max(len(self.supported or ()), self.raised + len(self.cuts))


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
        anatomy_mm2=np.concatenate([piece.anatomy_mm2 for piece in pieces]),
        missing_mm2=np.concatenate([piece.missing_mm2 for piece in pieces]),
        islands=tuple(island for piece in pieces for island in piece.islands),
        edge_layers=sum(piece.edge_layers for piece in pieces),
    )


def _piece(recipe: Recipe, start: int, deadline_s: float) -> Rendered:
    """The layers from ``start`` on that one thread makes."""
    stop = min(start + CHUNK, recipe.count)
    unit_mm2 = recipe.panel.pixel_mm2 / 255.0
    pngs, area, anatomy, missing, islands, edge = [], [], [], [], list[Island](), 0
    below: Image | None = None
    reading = recipe.supported.reading() if recipe.supported is not None else nullcontext(None)
    with reading as theirs:
        for layer in range(max(start - 1, 0), stop):
            if time.monotonic() > deadline_s:
                raise SliceTimeout(
                    f"the {recipe.count} layers were not done in time; give more time, or a process of coarser layers"
                )
            own = _own(recipe, layer - recipe.raised)
            own_sum = cv2.sumElems(own)[0]  # exact, and faster than numpy's
            image, image_sum, lost = own, own_sum, 0.0
            if theirs is not None:
                supported = theirs(layer) if layer < len(recipe.supported or ()) else np.zeros_like(own)
                image = np.maximum(own, supported)
                image_sum = cv2.sumElems(image)[0]
                lost = image_sum - cv2.sumElems(supported)[0]
            if layer >= start:
                pngs.append(encode_png(recipe.turn(image)))
                area.append(image_sum * unit_mm2)
                anatomy.append(own_sum * unit_mm2)
                missing.append(lost * unit_mm2)
                edge += bool(image[0].any() or image[-1].any() or image[:, 0].any() or image[:, -1].any())
                if below is not None:
                    islands += find_islands(image, below, layer, recipe.panel)
            below = image
    return Rendered(
        pngs=tuple(pngs),
        area_mm2=np.array(area),
        anatomy_mm2=np.array(anatomy),
        missing_mm2=np.array(missing),
        islands=tuple(islands),
        edge_layers=edge,
    )


def lift(recipe: Recipe, supported: LayerFile, expected: int) -> Recipe:
    """The recipe with an engine's ``supported`` layers, set where they hold most of the parts.

    The engine raises the parts by about ``expected`` layers, but rounds in its own way: the neighbours are tried on a
    few layers, and the one that lacks least is taken, of equal ones the nearest.
    """
    probes = np.unique(np.linspace(0, len(recipe.cuts) - 1, PROBES).astype(int)).tolist()
    wanted = {layer: _own(recipe, layer) for layer in probes}
    lacking: dict[int, int] = {}
    with supported.reading() as theirs:
        for raised in sorted(range(max(expected - 2, 0), expected + 3), key=lambda r: abs(r - expected)):
            held = ((theirs(k + raised) if k + raised < len(supported) else None, own) for k, own in wanted.items())
            lacking[raised] = sum(
                int(own.sum(dtype=np.int64) if image is None else cv2.subtract(own, image).sum(dtype=np.int64))
                for image, own in held
            )
    return replace(recipe, supported=supported, raised=min(lacking, key=lambda raised: lacking[raised]))


def _own(recipe: Recipe, layer: int) -> Image:
    """The parts' own raster; black below and above them."""
    if not 0 <= layer < len(recipe.cuts):
        return np.zeros((recipe.panel.height_px, recipe.panel.width_px), np.uint8)
    points, loop_start = recipe.cuts.layer(layer)
    return raster(points, loop_start, recipe.panel, levels=recipe.levels)
