"""Layers drawn on a raster: sections of parts and beads of plastic, in pixels of a window of the plate."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.gcode.beads import Single, Small
from printprep.geometry.mesh import Float
from printprep.geometry.raster import Panel, raster
from printprep.geometry.section import Sections

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canvas:
    """A window of the plate: column 0 begins at its lower x, row 0 at its lower y."""

    lower_mm: Float  # (2,)
    shape: tuple[int, int]  # rows, columns
    pixel_mm: float

    def disc(self, diameter_mm: float) -> Image:
        """A brush of about that diameter."""
        size = max(2, round(diameter_mm / self.pixel_mm))
        return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).astype(np.uint8)

    def pixels(self, places_mm: Float) -> npt.NDArray[np.int64]:
        """(s, 2) the column and row of each place (s, 2)."""
        return np.floor((places_mm - self.lower_mm) / self.pixel_mm).astype(np.int64)


def paint(cuts: Sections, layer: int, colour: int, canvas: Canvas, image: Image) -> None:
    """Paint the section of one solid, as far as it lies in the window, over what is there."""
    points, loops = cuts.layer(layer)
    if not len(points):
        return
    edge = np.array(canvas.shape[::-1])
    first = np.floor((points.min(axis=0) - canvas.lower_mm) / canvas.pixel_mm).astype(int).clip(0, edge - 1)
    last = np.ceil((points.max(axis=0) - canvas.lower_mm) / canvas.pixel_mm).astype(int).clip(0, edge - 1)
    panel = Panel(
        width_px=int(last[0] - first[0]) + 1,
        height_px=int(last[1] - first[1]) + 1,
        pixel_mm=(canvas.pixel_mm, canvas.pixel_mm),
    )
    cover = raster(points - (canvas.lower_mm + first * canvas.pixel_mm), loops, panel, levels=1)
    image[first[1] : first[1] + panel.height_px, first[0] : first[0] + panel.width_px][cover > 0] = colour


@njit(cache=True, nogil=True)
def lay(start: Single, end: Single, width: Single, colour: Small, lower: Float, pixel_mm: float, image: Image) -> None:
    """Colour each pixel whose middle lies in a bead; the later bead wins."""
    height, columns = image.shape
    for i in range(len(start)):
        ax, ay = (start[i, 0] - lower[0]) / pixel_mm - 0.5, (start[i, 1] - lower[1]) / pixel_mm - 0.5
        bx, by = (end[i, 0] - lower[0]) / pixel_mm - 0.5, (end[i, 1] - lower[1]) / pixel_mm - 0.5
        radius = width[i] / 2.0 / pixel_mm
        dx, dy = bx - ax, by - ay
        length2 = dx * dx + dy * dy
        y0, y1 = max(int(np.ceil(min(ay, by) - radius)), 0), min(int(np.floor(max(ay, by) + radius)), height - 1)
        length = np.sqrt(length2)
        for y in range(y0, y1 + 1):
            # the part of the middle line that can reach this row bounds the columns to look at
            low, high = 0.0, 1.0
            if abs(dy) > 1e-12:
                t0, t1 = (y - radius - ay) / dy, (y + radius - ay) / dy
                low, high = max(0.0, min(t0, t1)), min(1.0, max(t0, t1))
                if low > high:
                    continue
            xa, xb = ax + low * dx, ax + high * dx
            x0 = max(int(np.ceil(min(xa, xb) - radius)), 0)
            x1 = min(int(np.floor(max(xa, xb) + radius)), columns - 1)
            for x in range(x0, x1 + 1):
                along = ((x - ax) * dx + (y - ay) * dy) / length2 if length > 0.0 else 0.0
                along = min(max(along, 0.0), 1.0)
                ex, ey = ax + along * dx - x, ay + along * dy - y
                if ex * ex + ey * ey <= radius * radius:
                    image[y, x] = colour[i]
