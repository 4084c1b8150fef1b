"""Pictures of a file as it will be printed: a layer from above, bead by bead, or the whole from any side.

Both show every bead in a colour of its own index: the tool, the feature, or what is wrong with it. The whole is a depth
buffer of all beads, shaded by the normals of that buffer, so that hidden infill costs a comparison and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.gcode.beads import Beads, Single, Small
from printprep.gcode.canvas import Canvas
from printprep.geometry.mesh import Float

Rgb = npt.NDArray[np.uint8]
Depths = npt.NDArray[np.float32]

EDGE: Final = 0.62  # brightness of a bead at its edge, so that one can be told from the next
BACK: Final = 255  # index of what no bead covers
LIGHT: Final = np.array([-0.35, 0.45, 0.82])  # right, up, to the camera; of unit length
DARKEST: Final = 0.35
FOLD: Final = 0.25  # how much what lies behind its neighbourhood is darkened
_EMPTY: Final = -1e9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """A parallel projection: ``axes`` has right, up and towards the camera in its rows."""

    axes: Float  # (3, 3)
    px_per_mm: float
    origin_mm: Float  # (2,) right and up of the picture's lower left corner
    shape: tuple[int, int]  # rows, columns


def fit(beads: Beads, rows: npt.NDArray[np.int64], axes: Float, width_px: int, height_px: int) -> View:
    """The view along ``axes`` with all of the beads ``rows`` in it."""
    seen = _ends(beads, rows) @ axes[:2].T
    lower, upper = seen.min(axis=0) - 1.0, seen.max(axis=0) + 1.0
    scale = float(min(width_px / (upper[0] - lower[0]), height_px / (upper[1] - lower[1])))
    middle = (lower + upper) / 2.0
    origin = middle - np.array([width_px, height_px]) / scale / 2.0
    return View(axes=axes, px_per_mm=scale, origin_mm=origin, shape=(height_px, width_px))


def layer_picture(
    beads: Beads, rows: npt.NDArray[np.int64], index: Small, palette: Rgb, canvas: Canvas, background: Rgb
) -> Rgb:
    """The beads ``rows`` from above, row 0 at the lowest y, over ``background`` of the canvas's shape.

    Parameters
    ----------
    index
        (n,) of every bead, a row of ``palette`` (p, 3) RGB.
    """
    colour = np.full(canvas.shape, BACK, np.uint8)
    bright = np.zeros(canvas.shape, np.float32)
    _stripes(
        beads.start_mm[rows],
        beads.end_mm[rows],
        beads.width_mm[rows],
        index[rows],
        canvas.lower_mm,
        canvas.pixel_mm,
        colour,
        bright,
    )
    picture = background.copy()
    drawn = colour != BACK
    picture[drawn] = (palette[colour[drawn]] * bright[drawn, None]).astype(np.uint8)
    return picture


def whole_picture(
    beads: Beads, rows: npt.NDArray[np.int64], index: Small, palette: Rgb, view: View, background: Rgb
) -> Rgb:
    """The beads ``rows`` seen along ``view``, row 0 at the top, over ``background`` of the view's shape."""
    depth = np.full(view.shape, _EMPTY, np.float32)
    colour = np.full(view.shape, BACK, np.uint8)
    ends = (_ends(beads, rows) @ view.axes.T).reshape(2, -1, 3)
    ends[:, :, :2] = (ends[:, :, :2] - view.origin_mm) * view.px_per_mm
    ends[:, :, 1] = view.shape[0] - ends[:, :, 1]
    radius = np.maximum(beads.width_mm[rows] / 2.0 * view.px_per_mm, 0.6).astype(np.float32)
    _splat(ends[0].astype(np.float32), ends[1].astype(np.float32), radius, index[rows], depth, colour)
    picture = background.copy()
    drawn = colour != BACK
    picture[drawn] = (palette[colour[drawn]] * _shade(depth, drawn, view.px_per_mm)[drawn, None]).astype(np.uint8)
    return picture


def _ends(beads: Beads, rows: npt.NDArray[np.int64]) -> Float:
    """(2 k, 3) the starts, then the ends of the beads ``rows``, at the middle of their height."""
    z = beads.middle_mm[beads.layer[rows]]
    return np.concatenate([np.column_stack([beads.start_mm[rows], z]), np.column_stack([beads.end_mm[rows], z])])


def _shade(depth: Depths, drawn: npt.NDArray[np.bool_], px_per_mm: float) -> Depths:
    """Brightness by the slope of the depth, darker in folds."""
    filled = np.where(drawn, depth, np.nan)
    floor = float(np.nanmin(filled)) if drawn.any() else 0.0
    smooth = cv2.GaussianBlur(np.where(drawn, depth, floor).astype(np.float32), (0, 0), 1.2)
    share = cv2.GaussianBlur(drawn.astype(np.float32), (0, 0), 1.2)
    smooth = (smooth - floor * (1.0 - share)) / np.maximum(share, 1e-3)
    down, right = np.gradient(smooth * px_per_mm)
    normal = np.stack([-right, down, np.ones_like(right)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lit = np.clip(normal @ LIGHT, 0.0, 1.0)
    wide = cv2.GaussianBlur(np.where(drawn, depth, floor).astype(np.float32), (0, 0), 8.0)
    behind = np.clip((wide - depth) * px_per_mm / 40.0, 0.0, 1.0)
    return np.asarray((DARKEST + (1.0 - DARKEST) * lit) * (1.0 - FOLD * behind), np.float32)


@njit(cache=True, nogil=True)
def _stripes(
    start: Single,
    end: Single,
    width: Single,
    index: Small,
    lower: Float,
    pixel_mm: float,
    colour: Small,
    bright: Depths,
) -> None:
    """Colour each pixel whose middle lies in a bead, brightest in the bead's middle; the later bead wins."""
    height, columns = colour.shape
    for i in range(len(start)):
        ax, ay = (start[i, 0] - lower[0]) / pixel_mm - 0.5, (start[i, 1] - lower[1]) / pixel_mm - 0.5
        bx, by = (end[i, 0] - lower[0]) / pixel_mm - 0.5, (end[i, 1] - lower[1]) / pixel_mm - 0.5
        radius = max(width[i] / 2.0 / pixel_mm, 0.7)
        dx, dy = bx - ax, by - ay
        length2 = max(dx * dx + dy * dy, 1e-12)
        for y in range(max(int(min(ay, by) - radius), 0), min(int(max(ay, by) + radius) + 2, height)):
            low, high = 0.0, 1.0
            if abs(dy) > 1e-9:
                t0, t1 = (y - radius - ay) / dy, (y + radius - ay) / dy
                low, high = max(0.0, min(t0, t1)), min(1.0, max(t0, t1))
                if low > high:
                    continue
            xa, xb = ax + low * dx, ax + high * dx
            for x in range(max(int(min(xa, xb) - radius), 0), min(int(max(xa, xb) + radius) + 2, columns)):
                along = min(max(((x - ax) * dx + (y - ay) * dy) / length2, 0.0), 1.0)
                ex, ey = ax + along * dx - x, ay + along * dy - y
                off2 = (ex * ex + ey * ey) / (radius * radius)
                if off2 <= 1.0:
                    colour[y, x] = index[i]
                    bright[y, x] = 1.0 - (1.0 - EDGE) * off2


@njit(cache=True, nogil=True)
def _splat(start: Single, end: Single, radius: Single, index: Small, depth: Depths, colour: Small) -> None:
    """Draw each bead as a row of discs, half a pixel apart; what is nearest to the camera stays."""
    height, columns = depth.shape
    for i in range(len(start)):
        dx, dy, dz = end[i, 0] - start[i, 0], end[i, 1] - start[i, 1], end[i, 2] - start[i, 2]
        steps = int(np.sqrt(dx * dx + dy * dy)) + 1
        r = radius[i]
        for s in range(steps + 1):
            t = s / steps
            x, y, z = start[i, 0] + t * dx, start[i, 1] + t * dy, start[i, 2] + t * dz
            for row in range(max(int(np.ceil(y - r)), 0), min(int(np.floor(y + r)) + 1, height)):
                for column in range(max(int(np.ceil(x - r)), 0), min(int(np.floor(x + r)) + 1, columns)):
                    if z > depth[row, column] and (column - x) ** 2 + (row - y) ** 2 <= r * r:
                        depth[row, column] = z
                        colour[row, column] = index[i]
