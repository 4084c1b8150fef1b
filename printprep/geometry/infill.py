"""What holds a thin wall from inside: struts or ribs across a cavity, open everywhere so that it still drains.

Both patterns are cut out of the cavity exactly, so what is left of the cavity's surface keeps its place to the bit and
its wall the thickness that was measured.

- ``lattice``: round struts along the edges of cubes that stand on a corner, so that every strut rises 35 degrees from
  the plate and none needs a support.
- ``ribs``: upright walls in two directions, with a round window between any two neighbouring cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from manifold3d import Manifold, OpType

from printprep.geometry import bvh
from printprep.geometry.hole import across, equal_area
from printprep.geometry.hollow import Cavity
from printprep.geometry.mesh import Float
from printprep.geometry.solid import from_solid, to_solid

Pattern = Literal["lattice", "ribs"]

SIDES: Final = 12  # of a strut's polygon
MOST_SEALED: Final = 0.1  # of a cavity's volume; an infill that shuts more of it off is none
_MOST_CELLS: Final = 30  # across a cavity; more would say nothing about its wall and take minutes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Infilled:
    """A cavity with its infill."""

    cavity: Cavity  # the space that is left: its volume, its surface with that of the infill
    volume_mm3: float  # of struts or ribs, exact
    sealed_mm3: float  # of corners that they shut off, which are solid now
    spacing_mm: float


def infill(
    cavity: Cavity, pattern: Pattern, spacing_mm: float, thickness_mm: float, up: Float, mouths: Float, clear_mm: float
) -> Infilled | None:
    """Put struts or ribs into ``cavity``.

    Parameters
    ----------
    pattern, spacing_mm, thickness_mm
        From one strut or rib to the next, middle to middle, and how thick they are. At most thirty cells go across.
    up
        (3,) unit: away from the bed.
    mouths
        (k, 3) where drain holes open into the cavity, mm; nothing comes nearer to them than ``clear_mm``.

    Returns
    -------
    Infilled or None
        None when too much of the cavity would be shut off from the holes, or nothing would be left of the infill.
    """
    solid = to_solid(cavity.mesh)
    frame = _cubes_on_a_corner(up) if pattern == "lattice" else np.stack([*across(up), up])
    corners = cavity.mesh.vertices @ frame.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    spacing_mm = max(spacing_mm, float((high - low).max()) / _MOST_CELLS)
    made = (_lattice if pattern == "lattice" else _ribs)(low, high, spacing_mm, thickness_mm)
    turned = made.transform(np.column_stack([frame.T, np.zeros(3)]))
    balls = [Manifold.sphere(clear_mm, SIDES * 2).translate(mouth.tolist()) for mouth in mouths]
    kept = Manifold.batch_boolean([turned, *balls], OpType.Subtract) if balls else turned
    cells = sorted((cell for cell in (solid - kept).decompose() if cell.volume() > 0), key=lambda cell: -cell.volume())
    if not cells:
        return None
    left = from_solid(cells[0])
    sealed_mm3 = float(sum(cell.volume() for cell in cells[1:]))
    shut = len(mouths) and (bvh.winding(bvh.build(left), mouths) == 0).any()
    taken_mm3 = cavity.volume_mm3 - left.volume_mm3 - sealed_mm3
    if shut or sealed_mm3 > MOST_SEALED * cavity.volume_mm3 or taken_mm3 <= 0:
        return None
    room = replace(cavity, mesh=left, volume_mm3=left.volume_mm3, area_mm2=left.area_mm2)
    return Infilled(cavity=room, volume_mm3=taken_mm3, sealed_mm3=sealed_mm3, spacing_mm=spacing_mm)


def _cubes_on_a_corner(up: Float) -> Float:
    """Three unit vectors at right angles, as rows, that all rise alike along ``up``."""
    one, two = across(up)
    angle = 2.0 * np.pi * np.arange(3)[:, None] / 3.0
    return np.asarray(up / np.sqrt(3.0) + np.sqrt(2.0 / 3.0) * (np.cos(angle) * one + np.sin(angle) * two))


def _steps(low: float, high: float, spacing_mm: float, shift: float = 0.0) -> Float:
    """Multiples of the spacing, moved by ``shift`` of it, from below ``low`` to above ``high``."""
    return np.asarray((np.arange(np.floor(low / spacing_mm) - 1, np.ceil(high / spacing_mm) + 2) + shift) * spacing_mm)


def _rods(low: Float, high: Float, axis: int, at: tuple[Float, Float], radius_mm: float, sides: int) -> list[Manifold]:
    """Round rods along an axis through the box, at all pairs of places on the two axes that follow it."""
    length = float(high[axis] - low[axis]) + 4.0 * radius_mm
    rod = Manifold.cylinder(length, radius_mm * equal_area(sides), -1.0, sides)
    rod = rod.translate((0, 0, float(low[axis]) - 2.0 * radius_mm))
    columns = np.roll(np.eye(3), axis + 1, axis=0).T  # x and y of the rod become the two following axes, z this one
    rods = []
    for one in at[0]:
        for two in at[1]:
            shift = columns @ np.array([one, two, 0.0])
            rods.append(rod.transform(np.column_stack([columns, shift])))
    return rods


def _lattice(low: Float, high: Float, spacing_mm: float, thickness_mm: float) -> Manifold:
    rods: list[Manifold] = []
    for axis in range(3):
        one, two = (axis + 1) % 3, (axis + 2) % 3
        at = _steps(low[one], high[one], spacing_mm), _steps(low[two], high[two], spacing_mm)
        rods += _rods(low, high, axis, at, thickness_mm / 2.0, SIDES)
    return Manifold.batch_boolean(rods, OpType.Add)


def _ribs(low: Float, high: Float, spacing_mm: float, thickness_mm: float) -> Manifold:
    """Walls across x and y, and windows as wide as two thirds of a cell through each of them."""
    size = high - low + 2.0 * spacing_mm
    walls, windows = [], []
    radius_mm = (spacing_mm - thickness_mm) / 3.0
    for axis, other in ((0, 1), (1, 0)):
        extent = size.copy()
        extent[axis] = thickness_mm
        for at in _steps(low[axis], high[axis], spacing_mm):
            corner = low - spacing_mm
            corner[axis] = at - thickness_mm / 2.0
            walls.append(Manifold.cube(extent.tolist()).translate(corner.tolist()))
        beside = _steps(low[other], high[other], spacing_mm, 0.5)
        height = _steps(low[2], high[2], spacing_mm, 0.5)
        places = (beside, height) if axis == 0 else (height, beside)
        windows += _rods(low - spacing_mm, high + spacing_mm, axis, places, radius_mm, 2 * SIDES)
    return Manifold.batch_boolean([Manifold.batch_boolean(walls, OpType.Add), *windows], OpType.Subtract)
