"""Paths and masks of a layer, measured: how long an outline is, and the lines that fill an area."""

from __future__ import annotations

import math

import cv2
import numpy as np

from printprep.geometry.mesh import Bool, Float
from printprep.geometry.strata import runs, window
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


def ridges(area: Bool, cell_mm: float) -> tuple[Bool, float]:
    """The narrow pieces of an area that a line runs along, and how far all these lines run.

    A piece is taken for a band of its area and its edge: half the edge is length and width together. The line ends half
    a width before either end; where it would be shorter than two widths there is none, so that a round piece has none.
    """
    near = window(area, 1)
    if near is None:
        return area, 0.0
    whole, area = np.zeros_like(area), area[near]
    _, label, figures, _ = cv2.connectedComponentsWithStats(area.astype(np.uint8), connectivity=8)
    found, nesting = cv2.findContours(area.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    half_mm = np.zeros(len(figures))
    for number, loop in enumerate(found):
        x, y = loop[0, 0]
        if nesting[0, number, 3] >= 0:  # a hole: its loop runs on the cells of the piece around it
            half_mm[label[y, x]] += cv2.arcLength(loop, True) / 2 * cell_mm
        else:  # through the middles of the outermost cells: half a cell on every side lies beyond
            half_mm[label[y, x]] += (cv2.arcLength(loop, True) / 2 + 2.0) * cell_mm
    area_mm2 = figures[:, cv2.CC_STAT_AREA] * cell_mm**2
    line_mm = np.sqrt(np.maximum(half_mm**2 - 4.0 * area_mm2, 0.0))
    wide_mm = (half_mm - line_mm) / 2
    kept = line_mm > 2.0 * wide_mm
    kept[0] = False
    whole[near] = kept[label]
    return whole, float(line_mm[kept].sum())


def joins_mm(area: Bool, cell_mm: float, apart_mm: float, *, closed: bool = False) -> float:
    """Along the edge of an area, what joins the ends of the lines that fill it, ``apart_mm`` from each other.

    Every other gap between ends is followed; the first and the last one are not, or always are where what is filled is
    ``closed``, and then an edge that no line meets is a loop. Parallel lines meet the edge once in ``apart_mm`` of its
    breadth, which is 2 / pi of its length.
    """
    found, nesting = cv2.findContours(area.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    edge_mm: dict[int, float] = {}
    for number, loop in enumerate(found):
        near = cv2.approxPolyDP(loop, 1.0, closed=True)[:, 0, :].astype(np.float64) * cell_mm
        outer = int(nesting[0, number, 3])
        piece = number if outer < 0 else outer
        edge_mm[piece] = edge_mm.get(piece, 0.0) + length_mm(np.concatenate([near, near[:1]]))
    around_mm = np.array(list(edge_mm.values()))
    last = np.minimum(math.pi * apart_mm / np.maximum(around_mm, 1e-9), 1.0)  # of the gaps, the first and the last
    return float((around_mm / 2 * (1.0 + last if closed else 1.0 - last)).sum())
