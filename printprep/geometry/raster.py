"""Polygons to pixels by exact coverage: the grey of a pixel is the share of it that the polygons cover.

Each edge adds the signed area to its right to the pixels that it passes, and one running sum along each row turns that
into the mean winding number of every pixel: no samples, so no bias. Holes run clockwise and take away. Where solids
overlap the sum is above one and is cut to one, which makes their union. The cut is exact but in pixels through which
outlines of two solids pass: parts that touch fill such a pixel together, as they should, while overlapping ones may
cover it twice and gain at most the overlap inside that pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.mesh import Float, Int

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A grid of pixels over the plate: column 0 at x = 0, row 0 at y = 0, as seen from above."""

    width_px: int
    height_px: int
    pixel_mm: tuple[float, float]

    @property
    def pixel_mm2(self) -> float:
        """Area of a pixel."""
        return self.pixel_mm[0] * self.pixel_mm[1]


def raster(points_mm: Float, loop_start: Int, panel: Panel, *, levels: int = 255) -> Image:
    """Draw the loops of one layer.

    Parameters
    ----------
    points_mm
        (p, 2) x y.
    loop_start
        (q + 1,) starts of the loops in ``points_mm``; outlines counter-clockwise, holes clockwise.
    panel
        What lies beyond its edges is not drawn.
    levels
        Steps of grey from nothing to full: 255 is all that a byte can say, 1 is black and white (full from half on).

    Returns
    -------
    (height_px, width_px) uint8, 255 is full; row 0 is y = 0.
    """
    image = np.zeros((panel.height_px, panel.width_px), np.uint8)
    if len(points_mm):
        scaled = points_mm / np.asarray(panel.pixel_mm)
        _draw(scaled, loop_start.astype(np.int32), levels, image)
    return image


def area_mm2(image: Image, panel: Panel) -> float:
    """Area that the grey of ``image`` stands for."""
    return float(image.sum(dtype=np.int64)) / 255.0 * panel.pixel_mm2


@njit(cache=True, nogil=True)
def _piece(row: npt.NDArray[np.float32], xa: float, xb: float, rise: float) -> None:
    """Add the part of an edge inside one row of pixels, from ``xa`` to ``xb``, that falls by ``rise`` of a pixel."""
    if xa > xb:
        xa, xb = xb, xa
    left, right = int(xa), int(xb)
    if left == right or (xb == right and right == left + 1):
        mean = (xa + xb) / 2 - left
        row[left] += rise * (1 - mean)
        row[left + 1] += rise * mean
        return
    slope = rise / (xb - xa)
    x = xa
    for column in range(left, right + 1):
        end = min(xb, column + 1.0)
        part = slope * (end - x)
        mean = (x + end) / 2 - column
        row[column] += part * (1 - mean)
        row[column + 1] += part * mean
        x = end


@njit(cache=True, nogil=True)
def _edge(grid: npt.NDArray[np.float32], x0: float, y0: float, x1: float, y1: float, width: float, row0: int) -> None:
    """Add one edge to ``grid``, whose first row is row ``row0`` of the panel."""
    if y0 == y1:
        return
    sign = 1.0  # an edge that falls has the inside of a counter-clockwise loop to its right
    if y0 < y1:
        x0, y0, x1, y1 = x1, y1, x0, y0
        sign = -1.0
    slope = (x0 - x1) / (y0 - y1)
    low, high = max(y1, float(row0)), min(y0, float(row0 + len(grid)))
    y, x = low, x1 + (low - y1) * slope
    while y < high:
        row = int(y)
        end = min(high, row + 1.0)
        x_end = x0 if end == y0 else x1 + (end - y1) * slope
        xa, xb = min(max(x, 0.0), width), min(max(x_end, 0.0), width)
        _piece(grid[row - row0], xa, xb, sign * (end - y))
        y, x = end, x_end


@njit(cache=True, nogil=True)
def _draw(points: Float, loop_start: Int, levels: int, image: Image) -> None:
    """Draw loops, given in pixels, on a black ``image``."""
    height, width = image.shape
    low, high = points[0, 1], points[0, 1]
    for i in range(len(points)):
        low, high = min(low, points[i, 1]), max(high, points[i, 1])
    row0, row1 = max(int(np.floor(low)), 0), min(int(np.ceil(high)), height)
    if row1 <= row0:
        return
    grid = np.zeros((row1 - row0, width + 2), np.float32)
    for loop in range(len(loop_start) - 1):
        a, b = loop_start[loop], loop_start[loop + 1]
        for i in range(a, b):
            j = i + 1 if i + 1 < b else a
            _edge(grid, points[i, 0], points[i, 1], points[j, 0], points[j, 1], float(width), row0)
    step = 255.0 / levels
    for row in range(row1 - row0):
        winding = 0.0
        value = np.uint8(0)
        for column in range(width):
            change = grid[row, column]
            if change != 0.0:
                winding += change
                cover = min(max(winding, 0.0), 1.0)
                value = np.uint8(int(cover * levels + 0.5) * step + 0.5)
            image[row0 + row, column] = value
