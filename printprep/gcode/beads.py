"""Beads: the extrusion moves of a file as strips of plastic, with width and height.

The width is not taken from a slicer's marks but from the filament that a move feeds: what a printer lays down is
volume, and a mark that says 0.45 mm over half the filament is a lie. A bead of cross-section ``A`` in a layer of height
``h`` is a rectangle with round ends, so its width is ``A / h + h (1 - pi / 4)``; one that spans air is a round thread
(Slic3r manual, "Flow math", https://manual.slic3r.org/advanced/flow-math). What is fed on a way shorter than that width
makes a dot, round ends and all, no wider than what is fed can fill.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.gcode.layout import Kind
from printprep.gcode.read import Gcode, read_gcode
from printprep.geometry.mesh import Bool, Float, Int

SHORTEST_MM: Final = 1e-3  # a shorter feeding move is a blob in place, not a bead
THIN_SHARE: Final = 0.75  # of the usual width: beads so thin for their height were made for a lower layer
UNKNOWN_HEIGHT_MM: Final = 0.2  # of the layers of a file that prints nothing
WIDEST_MM: Final = 5.0  # a wider bead is a purge, whatever the file calls it

Single = npt.NDArray[np.float32]
Small = npt.NDArray[np.uint8]


class Role(IntEnum):
    """What a bead is for."""

    PART = 0  # of the model, and what has no mark
    SUPPORT = 1
    TOWER = 2  # wipe or prime tower
    SKIRT = 3  # and brim, and draft shield
    CUSTOM = 4  # the profile's own start, end and purge lines


ROLES: Final = {
    **dict.fromkeys(("support material", "support material interface", "support", "support interface"), Role.SUPPORT),
    **dict.fromkeys(("support transition", "support-interface", "raft"), Role.SUPPORT),
    **dict.fromkeys(("wipe tower", "prime tower", "prime-tower"), Role.TOWER),
    **dict.fromkeys(("skirt", "brim", "skirt/brim"), Role.SKIRT),
    **dict.fromkeys(("custom", "start", "end"), Role.CUSTOM),
}
"""Roles by the names, in lower case, that PrusaSlicer, Orca, Bambu Studio, Cura and Slic3r write; others are PART."""


BRIDGES: Final = frozenset(
    (
        "bridge infill", "overhang perimeter", "internal bridge infill", "bridge", "overhang wall", "internal bridge",
        "infill (bridge)", "perimeter (bridge)",
    )
)  # fmt: skip
"""Features that are laid over air, in lower case; Cura does not mark them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beads:
    """Strips of plastic in the order of the file, n rows, and the layers that hold the model."""

    start_mm: Single  # (n, 2)
    end_mm: Single  # (n, 2)
    width_mm: Single
    layer: Int  # index into layer_z_mm
    tool: Small
    role: Small  # Role
    feature: Small  # index into features
    line: Int  # of the file, 1-based
    features: tuple[str, ...]  # as the slicer wrote them; the first is "" for none
    layer_z_mm: Float  # (k,) tops of the layers of the model, rising
    layer_height_mm: Float  # (k,)

    def __len__(self) -> int:
        return len(self.line)

    @property
    def middle_mm(self) -> Float:
        """(k,) heights half-way up each layer, where slicers cut the model."""
        return self.layer_z_mm - self.layer_height_mm / 2.0


def beads(gcode: Gcode, filament_mm: float = 1.75, top_mm: float = 0.0, bottom_mm: float = math.inf) -> Beads:
    """The beads of ``gcode``, in its layers of the model.

    Layers go by the height of what is printed of the model, not by marks: supports have layers of their own between
    them, which count to the model's layer that they reach into. Where the flow says that a layer is missing between two
    others, or there is none up to ``top_mm``, the top of what should be printed, it is there without a bead; likewise
    down to ``bottom_mm`` where something else is printed lower, such as a skirt or supports.
    """
    moves = gcode.moves
    end = moves.position_mm
    start = np.concatenate([np.zeros((min(len(end), 1), 3)), end[:-1]])
    length_mm = np.hypot(end[:, 0] - start[:, 0], end[:, 1] - start[:, 1])
    row = np.flatnonzero((moves.e_mm > 0) & (moves.kind != Kind.HOME) & (length_mm > SHORTEST_MM))
    role = _roles(gcode)[moves.feature[row]]
    z = np.round(end[row, 2], 4)
    section_mm2 = moves.e_mm[row] * (math.pi * filament_mm**2 / 4.0) / length_mm[row]
    own = role == Role.PART
    layer_z_mm, layer_height_mm = _layers(z[own], section_mm2[own], float(z.min(initial=np.inf)), top_mm, bottom_mm)
    layer = np.minimum(np.searchsorted(layer_z_mm, z - 1e-3), len(layer_z_mm) - 1).astype(np.int32)
    height_mm = layer_height_mm[layer]
    bridge = _bridges(gcode)[moves.feature[row]]
    width_mm = np.where(bridge, 2.0 * np.sqrt(section_mm2 / math.pi), _flat(section_mm2, height_mm))
    role[(width_mm > WIDEST_MM) & own] = Role.CUSTOM
    width_mm = _dots(row, length_mm[row], width_mm)
    return Beads(
        start_mm=start[row, :2].astype(np.float32),
        end_mm=end[row, :2].astype(np.float32),
        width_mm=np.minimum(width_mm, WIDEST_MM).astype(np.float32),
        layer=layer,
        tool=np.array(moves.tool[row]),
        role=role,
        feature=np.array(moves.feature[row]),
        line=np.array(moves.line[row]),
        features=gcode.features,
        layer_z_mm=layer_z_mm,
        layer_height_mm=layer_height_mm,
    )


def read_beads(
    path: Path, filament_mm: float, *, g90_sets_e: bool = True, top_mm: float = 0.0, bottom_mm: float = math.inf
) -> Beads:
    """The beads of a file, see :func:`printprep.gcode.read.read_gcode` and :func:`beads`."""
    return beads(read_gcode(path, g90_sets_e=g90_sets_e), filament_mm, top_mm, bottom_mm)


def role_of(feature: str) -> Role:
    """What beads of a feature are for, by the name that a slicer gives it."""
    return ROLES.get(feature.lower(), Role.PART)


def _flat(section_mm2: Float, height_mm: Float) -> Float:
    """Width of beads that lie on something."""
    return np.asarray(section_mm2 / height_mm + height_mm * (1.0 - math.pi / 4.0))


def _dots(row: npt.NDArray[np.intp], length_mm: Float, width_mm: Float) -> Float:
    """Widths, those of ways shorter than they are wide so that area and ends are no more than what is fed.

    A way is one bead, or several without a move between them. With the area ``a`` that its beads cover without their
    ends, and its length ``l``, a dot as wide as ``w`` covers ``l w + pi w^2 / 4 = a``.
    """
    if not len(row):
        return width_mm
    starts = np.flatnonzero(np.diff(row, prepend=-2) > 1)
    way_mm = np.add.reduceat(length_mm, starts)
    area_mm2 = np.add.reduceat(length_mm * width_mm, starts)
    round_mm = (np.sqrt(way_mm**2 + math.pi * area_mm2) - way_mm) * (2.0 / math.pi)
    round_mm[way_mm >= area_mm2 / way_mm] = np.inf
    of_way = np.repeat(round_mm, np.diff(starts, append=len(row)))
    return np.asarray(np.minimum(width_mm, of_way))


def _roles(gcode: Gcode) -> Small:
    """(f,) the role of each feature of the file."""
    return np.array([role_of(name) for name in gcode.features], np.uint8)


def _bridges(gcode: Gcode) -> Bool:
    """(f,) which features of the file are laid over air."""
    return np.array([name.lower() in BRIDGES for name in gcode.features], np.bool_)


def _layers(z: Float, section_mm2: Float, lowest_mm: float, top_mm: float, bottom_mm: float) -> tuple[Float, Float]:
    """Tops and heights of the layers, those that are missing among them."""
    tops, of_bead = np.unique(z, return_inverse=True)
    if not len(tops):
        count = max(math.ceil(top_mm / UNKNOWN_HEIGHT_MM), 1)
        return np.cumsum(np.full(count, UNKNOWN_HEIGHT_MM)), np.full(count, UNKNOWN_HEIGHT_MM)
    heights = np.diff(tops, prepend=0.0)
    usual_mm = float(np.median(heights[1:])) if len(tops) > 1 else float(heights[0])
    if lowest_mm < tops[0] - 1e-3:  # on a raft or on supports
        heights[0] = min(heights[0], usual_mm)
    rows = np.argsort(of_bead, kind="stable")
    middles = [float(np.median(part)) for part in np.split(section_mm2[rows], np.cumsum(np.bincount(of_bead))[:-1])]
    widths = _flat(np.array(middles), heights)
    # a bead narrower than high cannot be, however tall the gap below it makes it look
    lacks = (heights > 1.5 * usual_mm) & (widths < np.maximum(THIN_SHARE * np.median(widths), heights))
    found: list[tuple[float, float]] = []
    for top, height, lack in zip(tops.tolist(), heights.tolist(), lacks.tolist(), strict=True):
        count = round(height / usual_mm) if lack else 1
        found.extend((top - height + height * (k + 1) / count, height / count) for k in range(count))
    while top_mm - found[-1][0] > 0.5 * usual_mm + 1e-6:
        found.append((found[-1][0] + usual_mm, usual_mm))
    while (floor_mm := found[0][0] - found[0][1]) - 0.5 * usual_mm > bottom_mm + 1e-6:
        found.insert(0, (floor_mm, min(usual_mm, floor_mm)))
    table = np.array(found)
    return np.array(table[:, 0]), np.array(np.maximum(table[:, 1], 1e-3))
