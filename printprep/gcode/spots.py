"""Areas of a layer in which something is wrong, as masks of a raster, and the spots that they are told apart into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from printprep.gcode.canvas import Canvas, Image
from printprep.geometry.mesh import Bool, Float

LEAST_MM2: Final = 0.1  # of a layer; a smaller spot is a corner that no round bead can fill
FAR_MM: Final = 3.0  # of what is lost; how much farther plastic is does not matter
OPEN_SHARE: Final = 0.6  # of the border of an area without beads: it lies open, and is no cell of infill
EMPTY_SHARE: Final = 0.95  # of a section without plastic: all that is in it is the edge of a bead beside it

Distances = npt.NDArray[np.float32]
Window = tuple[slice, slice]  # rows and columns


class Kind(StrEnum):
    """What is wrong with a region."""

    LOST = "lost"  # of the part, without plastic
    WRONG_TOOL = "wrong-tool"
    ADDED = "added"  # plastic of the model where no part is
    FLOATING = "floating"  # starts with nothing below


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """How far what is lost in a layer parts what is printed below it from what is printed above."""

    beside_mm: float  # farthest point from plastic of the same layer
    below_mm2: float  # of it with plastic in the layer below
    above_mm2: float
    section_mm2: float  # of it in sections without any plastic


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One connected area of one layer in which something is wrong."""

    kind: Kind
    part: int  # row of the solids; -1: of none
    layer: int
    area_mm2: float
    thickness_mm: float  # widest place of the part there; of what is added, of the spot
    depth_mm: float  # farthest point from plastic (lost), or from the part (added)
    box_mm: tuple[float, float, float, float]  # x0 y0 x1 y1
    centre_mm: tuple[float, float]
    tool: int  # that printed it; -1: none
    between: Between | None = None  # of what is lost


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Around:
    """What is printed around what is lost, in a window of a layer."""

    beside_px: Distances  # from plastic of the same layer
    below: Image  # 1 where the layer below has plastic
    above: Image
    section: Image  # 1 in sections of the part without any plastic


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Area:
    """Where something is wrong in a window of a layer, before it is told apart into spots."""

    kind: Kind
    part: int  # row of the solids; -1: of none
    window: Window
    mask: Image
    thickness_px: Distances
    depth_px: Distances
    laid: Image | None = None
    thin: Image | None = None  # 1 on and beside what is lost because no bead is so thin
    around: Around | None = None  # of what is lost


def opened(mask: Image, brush: Image) -> Image:
    """``mask`` without what is narrower than ``brush``, which goes back turned round, as it may not be symmetric."""
    rows, columns = brush.shape
    there = cv2.erode(mask, brush, anchor=(columns // 2, rows // 2))
    back = cv2.dilate(there, np.ascontiguousarray(brush[::-1, ::-1]), anchor=((columns - 1) // 2, (rows - 1) // 2))
    return np.asarray(back, np.uint8) & mask


def as_image(which: Bool) -> Image:
    """1 where ``which`` holds; the same memory."""
    return which.view(np.uint8)


def edge_of(mask: Image, reach_px: float) -> Image:
    """1 beyond ``mask``, and on it as far as ``reach_px`` from there, as :func:`distances_of` says it at more cost."""
    size = 2 * int(np.ceil(reach_px)) + 1
    middle = np.ones((size, size), np.uint8)
    middle[size // 2, size // 2] = 0
    return np.asarray(cv2.dilate(1 - mask, as_image(distances_of(middle) <= reach_px)), np.uint8)


def large_of(canvas: Canvas, mask: Image) -> Image:
    """The connected areas of ``mask`` that are large enough for a spot."""
    found = np.zeros(mask.shape, np.uint8)
    window = window_of(mask)
    if window is not None:
        there = mask[window]
        _, label = cv2.connectedComponents(there, connectivity=8)
        pixels = np.bincount(label[there > 0])
        found[window] = (pixels * canvas.pixel_mm**2 >= LEAST_MM2)[label]
    return found


def of_same_tool(wanted: Image, number: int, tools: Sequence[int]) -> Image:
    """1 on other parts by the tool of part ``number``: engines make one body of them.

    Infill goes through where neither has plastic at the border; where the other has its wall, this one's is missed.
    """
    same = np.zeros(256, np.uint8)
    same[1 : len(tools) + 1] = [tool == tools[number] for tool in tools]
    same[number + 1] = 0
    return np.asarray(cv2.LUT(wanted, same), np.uint8)


def distances_of(mask: Image) -> Distances:
    """Distance of each pixel of ``mask`` from the nearest pixel beyond it."""
    far_px = float(np.hypot(*mask.shape))  # OpenCV says 1e38 of a mask without a zero
    return np.asarray(np.minimum(cv2.distanceTransform(mask, cv2.DIST_L2, 5), far_px), np.float32)


def width_of(inner_px: Distances) -> Distances:
    """Width of what has its middle line there, from distances to the nearest pixel beyond: of one pixel it is 1."""
    return np.asarray(2.0 * inner_px - 1.0)


def window_of(mask: Image) -> Window | None:
    """The rows and columns that hold all of ``mask``, with one pixel around; None: it is empty."""
    x, y, w, h = cv2.boundingRect(mask)
    return (slice(max(y - 1, 0), y + h + 1), slice(max(x - 1, 0), x + w + 1)) if w else None


def within(window: Window, inner: Window) -> Window:
    """The window ``inner`` of what ``window`` cuts out, in the whole image."""
    rows, columns = (
        slice(whole.start + part.start, min(whole.start + part.stop, whole.stop))
        for whole, part in zip(window, inner, strict=True)
    )
    return rows, columns


def window_around(points_mm: Float, canvas: Canvas) -> Window | None:
    """The rows and columns that hold a section, with pixels to spare; None: it is empty."""
    if not len(points_mm):
        return None
    x0, y0 = np.floor((points_mm.min(axis=0) - canvas.lower_mm) / canvas.pixel_mm).astype(int).tolist()
    x1, y1 = np.ceil((points_mm.max(axis=0) - canvas.lower_mm) / canvas.pixel_mm).astype(int).tolist()
    return slice(max(y0 - 2, 0), y1 + 3), slice(max(x0 - 2, 0), x1 + 3)


def bare_sections(part: Image, bare: Image, lost: Image, beside: Image, most: float) -> Image:
    """1 in the connected areas of ``part`` with something lost and next to no plastic.

    Not in those of whose border more than the share ``most`` lies in ``beside``.
    """
    _, label = cv2.connectedComponents(part, connectivity=8)
    every = np.bincount(label[part > 0])
    empty = np.bincount(label[part & bare > 0], minlength=len(every)) >= EMPTY_SHARE * every
    found = np.zeros_like(part)
    for number in np.unique(label[lost > 0]):
        window = window_of(as_image(label == number)) if empty[number] else None
        if window is not None:
            section = as_image(label[window] == number)
            border = cv2.dilate(section, np.ones((3, 3), np.uint8)) > section
            if beside[window][border].sum() <= most * border.sum():
                found[window] |= section
    return found


def wholly(missing: Image, lost: Image, bare: Image) -> Image:
    """The missing areas with something lost in them that no bead surrounds: all of such an area is lost, no infill."""
    found = np.zeros_like(lost)
    _, label = cv2.connectedComponents(missing, connectivity=4)
    for number in np.setdiff1d(label[lost > 0], [0]):
        mask = (label == number).astype(np.uint8)
        around = cv2.dilate(mask, np.ones((5, 5), np.uint8)) & (1 - mask)
        if bare[around > 0].mean() > OPEN_SHARE:
            found |= mask
    return found


def spots_of(canvas: Canvas, area: Area, layer: int) -> Iterator[Spot]:
    """The connected areas of a mask, the tiny ones left out."""
    window = window_of(area.mask)
    if window is None:
        return
    count, label, stats, centres = cv2.connectedComponentsWithStats(area.mask[window], connectivity=8)
    rows, columns = within(area.window, window)
    origin_px = np.array([columns.start, rows.start])
    for k in range(1, count):
        area_mm2 = float(stats[k, cv2.CC_STAT_AREA]) * canvas.pixel_mm**2
        if area_mm2 < LEAST_MM2:
            continue
        x, y, w, h = (int(v) for v in stats[k, :4])
        inside = label[y : y + h, x : x + w] == k
        box = within(window, np.s_[y : y + h, x : x + w])
        # from pixels of the whole raster, so that areas of two layers that touch have the very same edge
        low, high, centre = (
            canvas.lower_mm + (origin_px + at_px) * canvas.pixel_mm
            for at_px in ((x, y), (x + w, y + h), centres[k] + 0.5)
        )
        by = area.laid[box][inside] if area.laid is not None else np.zeros(1, np.uint8)
        yield Spot(
            kind=area.kind,
            part=area.part,
            layer=layer,
            area_mm2=area_mm2,
            thickness_mm=float(area.thickness_px[box][inside].max()) * canvas.pixel_mm,
            depth_mm=float(area.depth_px[box][inside].max()) * canvas.pixel_mm,
            box_mm=(*low.tolist(), *high.tolist()),
            centre_mm=(float(centre[0]), float(centre[1])),
            tool=int(np.bincount(by).argmax()) - 1,
            between=_between(area.around, box, inside, canvas.pixel_mm) if area.around else None,
        )


def _between(around: Around, box: Window, inside: Bool, pixel_mm: float) -> Between:
    pixel_mm2 = pixel_mm**2
    return Between(
        beside_mm=float(around.beside_px[box][inside].max()) * pixel_mm,
        below_mm2=float(around.below[box][inside].sum()) * pixel_mm2,
        above_mm2=float(around.above[box][inside].sum()) * pixel_mm2,
        section_mm2=float(around.section[box][inside].sum()) * pixel_mm2,
    )
