"""The layers of a resin file as the deposit check looks at them: what is lit is printed.

The edge of what is lit is where the grey passes a half, between pixels by linear interpolation, so that it is known
better than to a pixel. A raster of larger pixels, each the mean of those that it holds, shows the areas.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numba import njit

from printprep.gcode.canvas import Canvas, Image
from printprep.gcode.outline import REACH_MM
from printprep.gcode.printed import PIXEL_MM
from printprep.geometry.mesh import Float

HALF: Final = 127.5
RAYS: Final = 16  # along which the edge is looked for: what lies between two of them is no more than 2 % nearer
STEP_PX: Final = 0.5
KEPT: Final = 8  # layers that stay unpacked, since each is looked at several times


class Lit:
    """Layers of light, as the plate is seen from above: row 0 at y = 0, column 0 at x = 0.

    Parameters
    ----------
    read
        The grey (h, w) of a layer, by its number from 0; from several threads at once.
    count
        Layers that ``read`` knows; those above them up to ``top_mm`` are dark.
    layer_mm
        Height of each.
    pixel_mm
        Width and depth of a pixel.
    shape
        Rows and columns of the panel.
    top_mm
        Of what should be printed.
    """

    sparse = False

    def __init__(
        self,
        read: Callable[[int], Image],
        *,
        count: int,
        layer_mm: float,
        pixel_mm: tuple[float, float],
        shape: tuple[int, int],
        top_mm: float = 0.0,
    ) -> None:
        every = max(count, int(np.ceil(top_mm / layer_mm - 0.5)), 1)
        self.layer_height_mm: Float = np.full(every, layer_mm)
        self.layer_z_mm: Float = np.arange(1, every + 1).astype(np.float64) * layer_mm
        self.middle_mm: Float = self.layer_z_mm - layer_mm / 2.0
        self.line_mm = max(pixel_mm)
        self._pixel_mm = np.array(pixel_mm)
        self._shape = shape
        self._read = lru_cache(KEPT)(lambda layer: read(layer) if layer < count else np.zeros(shape, np.uint8))

    def canvas(self, box_mm: Float) -> Canvas:  # noqa: ARG002 - no part reaches beyond the panel
        """A raster of the whole panel, since stray light may be anywhere."""
        coarse_mm = max(PIXEL_MM, float(self._pixel_mm.max()))
        rows, columns = self._shape
        shape = (round(rows * self._pixel_mm[1] / coarse_mm), round(columns * self._pixel_mm[0] / coarse_mm))
        return Canvas(lower_mm=np.zeros(2), shape=shape, pixel_mm=coarse_mm)

    def draw(self, layer: int, canvas: Canvas) -> tuple[Image, Image]:
        """1, for the only tool, where at least half of a pixel of ``canvas`` is lit; twice, as all of it is held."""
        grey = self._read(layer)
        x, y = canvas.lower_mm / self._pixel_mm
        fine = self._pixel_mm / canvas.pixel_mm
        if fine.max() <= 1.0 and not canvas.lower_mm.any():
            mean = cv2.resize(grey, None, fx=float(fine[0]), fy=float(fine[1]), interpolation=cv2.INTER_AREA)
            mean = mean[: canvas.shape[0], : canvas.shape[1]]
        else:  # a window, closer by
            a, b = 1.0 / fine
            matrix = np.array([[a, 0.0, x + a / 2 - 0.5], [0.0, b, y + b / 2 - 0.5]])
            size = (canvas.shape[1], canvas.shape[0])
            mean = cv2.warpAffine(grey, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        laid = np.zeros(canvas.shape, np.uint8)
        laid[: mean.shape[0], : mean.shape[1]] = mean > HALF
        return laid, laid

    def gaps(self, layer: int, places_mm: Float) -> Float:
        """(s,) distance of places from the edge of what is lit, to a fraction of a pixel; negative within."""
        found = np.empty(len(places_mm))
        _edges(self._read(layer), np.ascontiguousarray(places_mm), self._pixel_mm, REACH_MM, found)
        return found


@njit(cache=True, nogil=True)
def _grey(image: Image, x: float, y: float) -> float:
    """Grey between the middles of pixels; dark beyond the panel."""
    rows, columns = image.shape
    left, low = int(np.floor(x - 0.5)), int(np.floor(y - 0.5))
    u, v = x - 0.5 - left, y - 0.5 - low
    total = 0.0
    for dy in range(2):
        for dx in range(2):
            if 0 <= low + dy < rows and 0 <= left + dx < columns:
                share = (u if dx else 1.0 - u) * (v if dy else 1.0 - v)
                total += share * image[low + dy, left + dx]
    return total


@njit(cache=True, nogil=True)
def _edges(image: Image, places: Float, pixel: Float, reach_mm: float, gap: Float) -> None:
    step_mm = STEP_PX * min(pixel[0], pixel[1])
    steps = int(np.ceil(reach_mm / step_mm))
    for q in range(len(places)):
        x, y = places[q, 0], places[q, 1]
        here = _grey(image, x / pixel[0], y / pixel[1])
        lit = here >= HALF
        best = reach_mm
        before = np.full(RAYS, here)
        for s in range(1, steps + 1):
            for k in range(RAYS):
                angle = 2.0 * np.pi * k / RAYS
                dx, dy = np.cos(angle) * step_mm * s, np.sin(angle) * step_mm * s
                grey = _grey(image, (x + dx) / pixel[0], (y + dy) / pixel[1])
                if (grey >= HALF) != lit:
                    share = (before[k] - HALF) / (before[k] - grey)
                    best = min(best, (s - 1 + share) * step_mm)
                before[k] = grey
            if best < reach_mm:
                break
        gap[q] = -best if lit else best
