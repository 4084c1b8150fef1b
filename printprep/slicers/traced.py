"""Paths and masks of a layer, measured: how long an outline is, and the lines that fill an area."""

from __future__ import annotations

import cv2
import numpy as np

from printprep.geometry.mesh import Bool, Float
from printprep.geometry.strata import depth_mm, grown, runs
from printprep.slicers import prusa_habits as habit


def length_mm(loop: Float) -> float:
    """The way along a path (n, 2)."""
    step = np.diff(loop, axis=0)
    return float(np.hypot(step[:, 0], step[:, 1]).sum())


def outlines(mask: Bool, cell_mm: float) -> list[Float]:
    """The closed outlines of a mask."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    near = [cv2.approxPolyDP(loop, 1.0, closed=True)[:, 0, :] for loop in found]
    return [np.concatenate([loop, loop[:1]]).astype(np.float64) * cell_mm for loop in near if len(loop) > 2]


def lines(area: Bool, cell_mm: float) -> Float:
    """Lengths of lines that fill an area, a few that stand for all."""
    rows = int(np.count_nonzero(area.any(axis=1)))
    found = runs(area, max(rows // habit.LINES, 1))
    if not len(found):
        found = runs(area, 1)
    return np.asarray(found * cell_mm, np.float64)


def widened(skin: Bool, bare: Bool, least_mm: float, cell_mm: float) -> Bool:
    """Solid skin as it is filled: what is bare reaches into the filling beside it, and what is narrow is widened.

    Parameters
    ----------
    skin
        Inside the walls, not far below or above a bare surface.
    bare
        Of it, what is bare in this very layer.
    least_mm
        Half of the least width; what is narrower grows by it, in each layer of the skin again.
    cell_mm
        Edge of a cell.
    """
    wide = skin | grown(bare, habit.SKIN_MARGIN_MM, cell_mm)
    for _ in range(2):
        kept = grown(depth_mm(wide, cell_mm) > least_mm, least_mm, cell_mm)
        wide = wide | grown(wide & ~kept, least_mm, cell_mm)
    return wide
