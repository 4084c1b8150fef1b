"""Islands: regions of a layer with nothing lit below them. They cure in the air and float away.

A new region can only begin where the surface has a lowest place, so of a body's many layers only those are drawn that
such a place lies just below.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import cv2
import numpy as np
from numba import njit

from printprep.geometry.columns import Long
from printprep.geometry.mesh import Bool, Float, Int, Mesh
from printprep.geometry.raster import Image, Panel, raster
from printprep.geometry.section import Sections, sections

CURED: Final = 128  # a pixel of at least this grey is taken as solid when islands are looked for
ISLAND_MM2: Final = 0.01  # smaller ones cure to nothing

_PIXEL_MM: Final = 0.1  # of the layers that are drawn to find them
_BORDER_MM: Final = 0.4
_AROUND_MM: Final = 6.0  # of a low place is drawn; all of the layer when that is not enough
_LIT: Final = 24  # below this a pixel may be rounded to black by a printer of few greys
_CURED_HERE: Final = 112  # a little less than what counts, so that rounding hides no island
_CHUNK: Final = 16  # layers that one thread looks at in a row
_BLOCK: Final = 256  # layers whose sections are held at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Island:
    """A region of a layer with nothing below it."""

    layer: int
    x_mm: float
    y_mm: float
    area_mm2: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Start:
    """An island and the place of the surface where it begins."""

    island: Island
    at_mm: Float  # (3,)


def find_islands(image: Image, below: Image, layer: int, panel: Panel) -> Iterator[Island]:
    """Regions of ``image`` that lie on nothing lit in the layer ``below``: they float when they cure."""
    x0, y0, width, height = cv2.boundingRect(image)
    if not width:
        return
    half = ((width + 1) // 2, (height + 1) // 2)  # four pixels as one: four times faster, and 0.1 mm of air is none
    crop = slice(y0, y0 + height), slice(x0, x0 + width)
    part, under = (_halved(layer_image[crop], half) for layer_image in (image, below))
    coarse = Panel(width_px=half[0], height_px=half[1], pixel_mm=(2 * panel.pixel_mm[0], 2 * panel.pixel_mm[1]))
    for island, _ in _afloat(part, under, layer, coarse, CURED, 1):
        x_mm, y_mm = island.x_mm + x0 * panel.pixel_mm[0], island.y_mm + y0 * panel.pixel_mm[1]
        yield Island(layer=layer, x_mm=x_mm, y_mm=y_mm, area_mm2=island.area_mm2)


def starts(mesh: Mesh, layer_mm: float, floor_mm: float = 0.0) -> tuple[Start, ...]:
    """Every island of a body that is printed in layers, with the lowest place of the surface in it.

    Parameters
    ----------
    mesh
        In its place over the bed, z up; bodies may overlap. Layer k shows it at ``(k + 1/2) * layer_mm``.
    layer_mm
        Height of the layers.
    floor_mm
        What begins no higher stands on the bed.
    """
    low = np.flatnonzero(_bottoms(mesh.vertices, mesh.faces))
    low = low[mesh.vertices[low, 2] > floor_mm]
    layer_of = np.maximum(np.ceil(mesh.vertices[low, 2] / layer_mm - 0.5), 0).astype(np.int64)  # the first above it
    layers = np.unique(np.concatenate([layer_of, layer_of + 1]))  # a sharp tip may leave no trace in the first
    layers = layers[(layers + 0.5) * layer_mm < mesh.bounds_mm[1, 2]]
    if not len(layers):
        return ()
    look = partial(_look, mesh.vertices[low], layer_of, layer_mm, mesh.bounds_mm[:, :2])
    result: list[Start] = []
    with ThreadPoolExecutor() as pool:
        for block in np.array_split(layers, math.ceil(len(layers) / _BLOCK)):
            wanted = np.unique(np.concatenate([block[block > 0] - 1, block]))
            cuts = sections(mesh, (wanted + 0.5) * layer_mm)
            chunks = [block[i : i + _CHUNK] for i in range(0, len(block), _CHUNK)]
            for some in pool.map(partial(look, cuts=cuts, wanted=wanted), chunks):
                result += some
    return tuple(result)


def _look(
    low: Float, layer_of: Long, layer_mm: float, bounds: Float, chunk: Long, cuts: Sections, wanted: Long
) -> list[Start]:
    """The islands of some layers, looked for around the low places ``low`` (n, 3) that begin in ``layer_of`` (n,)."""
    found: list[Start] = []
    for k in chunk.tolist():
        here = low[(layer_of == k) | (layer_of == k - 1)]
        row = int(np.searchsorted(wanted, k))
        for margin_mm in (_AROUND_MM, np.inf):
            window = np.array([here[:, :2].min(axis=0) - margin_mm, here[:, :2].max(axis=0) + margin_mm])
            origin, end = np.clip(window, bounds[0] - _BORDER_MM, bounds[1] + _BORDER_MM)
            width, height = (int(n) for n in np.ceil((end - origin) / _PIXEL_MM))
            panel = Panel(width_px=width, height_px=height, pixel_mm=(_PIXEL_MM, _PIXEL_MM))
            drawn = _drawn(cuts, row, origin, panel)
            below = _drawn(cuts, row - 1, origin, panel) if k else np.zeros_like(drawn)
            afloat = list(_either(drawn, below, k, panel))
            if not any(_cut_off(inside) for _, inside in afloat):
                break  # else something outside of the window may hold it
        for island, inside in afloat:
            at = _place(here, inside, origin, island, (k + 0.5) * layer_mm)
            x_mm, y_mm = float(island.x_mm + origin[0]), float(island.y_mm + origin[1])
            begun = Island(layer=k, x_mm=x_mm, y_mm=y_mm, area_mm2=island.area_mm2)
            found.append(Start(island=begun, at_mm=at))
    return found


def _drawn(cuts: Sections, row: int, origin: Float, panel: Panel) -> Image:
    points, loop_start = cuts.layer(row)
    return raster(points - origin, loop_start, panel)


def _cut_off(inside: Bool) -> bool:
    return bool(inside[0].any() or inside[-1].any() or inside[:, 0].any() or inside[:, -1].any())


def _halved(image: Image, size: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _place(candidates: Float, inside: Bool, origin: Float, island: Island, plane_mm: float) -> Float:
    """The lowest of the surface's low places in the region, else the region's pixel that is nearest to its middle."""
    pixel = np.floor((candidates[:, :2] - origin) / _PIXEL_MM).astype(np.int64)
    pixel = np.clip(pixel, 0, np.array(inside.shape[::-1]) - 1)
    here = candidates[inside[pixel[:, 1], pixel[:, 0]]]
    if len(here):
        return np.asarray(here[np.lexsort((here[:, 0], here[:, 1], here[:, 2]))[0]])
    rows, columns = np.nonzero(inside)
    centres = (np.stack([columns, rows], axis=1) + 0.5) * _PIXEL_MM
    nearest = centres[np.linalg.norm(centres - [island.x_mm, island.y_mm], axis=1).argmin()]
    return np.array([*(nearest + origin), plane_mm])


def _either(part: Image, under: Image, layer: int, panel: Panel) -> Iterator[tuple[Island, Bool]]:
    """Regions afloat by what surely cures, and besides by all that is lit: the beginning of a sharp tip."""
    taken = np.zeros(part.shape, np.bool_)
    for cured in (_CURED_HERE, _LIT):
        for island, inside in _afloat(part, under, layer, panel, cured, _LIT):
            if not taken[inside].any():
                taken |= inside
                yield island, inside


def _afloat(part: Image, under: Image, layer: int, panel: Panel, cured: int, lit: int) -> Iterator[tuple[Island, Bool]]:
    """Regions of ``part`` over nothing lit, in the panel's frame, and their pixels."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(
        (part >= cured).view(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    held = _held(np.asarray(labels, dtype=np.int32), np.asarray(under, dtype=np.uint8), count, lit)
    for region in range(1, count):
        area_mm2 = float(stats[region, cv2.CC_STAT_AREA]) * panel.pixel_mm2
        if not held[region] and area_mm2 >= ISLAND_MM2 * (1 - 1e-9):
            x_mm = float((centres[region][0] + 0.5) * panel.pixel_mm[0])
            y_mm = float((centres[region][1] + 0.5) * panel.pixel_mm[1])
            yield Island(layer=layer, x_mm=x_mm, y_mm=y_mm, area_mm2=area_mm2), np.asarray(labels == region)


@njit(cache=True, nogil=True)
def _held(labels: Int, below: Image, count: int, lit: int) -> Bool:
    """(count,) whether any pixel of a label lies on a pixel of the layer ``below`` that is ``lit``."""
    held = np.zeros(count, np.bool_)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if below[y, x] >= lit:
                held[labels[y, x]] = True
    return held


@njit(cache=True, nogil=True)
def _bottoms(vertices: Float, faces: Int) -> Bool:
    """(n,) vertices without a lower neighbour around which the surface looks down: matter begins there, not a hole."""
    lower = np.ones(len(vertices), np.bool_)
    up = np.zeros(len(vertices))
    for f in range(len(faces)):
        for k in range(3):
            lower[faces[f, k]] = False
    for f in range(len(faces)):
        a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        across = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        for k in range(3):
            i, j = faces[f, k], faces[f, (k + 1) % 3]
            up[i] += across
            if vertices[i, 2] > vertices[j, 2]:
                lower[i] = True
            elif vertices[j, 2] > vertices[i, 2]:
                lower[j] = True
    return ~lower & (up <= 0.0)
