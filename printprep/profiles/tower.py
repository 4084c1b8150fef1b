"""The wipe tower that a plate of several tools needs: how wide and how deep, by the printer and the process.

Said once for the stage that keeps its place free and for the driver that puts it there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from printprep.profiles.models import Fdm, FdmProcess

NARROWEST_MM: Final = 55.0  # narrower ones tip over
BRIM_MM: Final = 2.0  # as asked for
MARGIN_MM: Final = 2.5  # as it comes out at most: whole lines
CLEARANCE_MM: Final = 5.0  # between the tower and the parts, their brim not counted

_LINE_OVER_NOZZLE: Final = 1.25  # width of a wipe tower's line
_RAMMING_MM: Final = 3.5  # depth a change takes on a shared nozzle besides its purge, measured


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerSize:
    """How large a wipe tower may come out, its brim not counted."""

    width_mm: float  # x, as the engine is asked
    depth_mm: float  # y, at most

    @property
    def place_mm(self) -> tuple[float, float]:
        """Width and depth of the place that it needs, its brim included."""
        return self.width_mm + 2.0 * MARGIN_MM, self.depth_mm + 2.0 * MARGIN_MM


def tower_size(fdm: Fdm, process: FdmProcess, tools: int) -> TowerSize | None:
    """The tower for a plate on which ``tools`` tools print; None: a change leaves nothing, or there is none."""
    if tools < 2 or not (fdm.shared_nozzle or fdm.purge_mm3 > 0):
        return None
    width_mm = NARROWEST_MM
    while tower_depth_mm(fdm, process, tools, width_mm) > width_mm:
        width_mm += 5.0
    return TowerSize(width_mm=width_mm, depth_mm=tower_depth_mm(fdm, process, tools, width_mm))


def clearance_mm(process: FdmProcess) -> float:
    """Between the place of a tower and the parts, whose brim stands out of them."""
    return max(CLEARANCE_MM, process.brim_mm + 2.0)


def tower_depth_mm(fdm: Fdm, process: FdmProcess, tools: int, width_mm: float) -> float:
    """Depth that a wipe tower takes at most, without its brim.

    Every layer may change ``tools - 1`` times, and each change lays ``purge_mm3`` in lines as high as the layer over
    the tower's width. A line is a rectangle between two half rounds. The engine decides by itself: after slicing the
    real extent is checked.
    """
    line_mm = _LINE_OVER_NOZZLE * fdm.nozzle_mm
    height_mm = min(process.layer_height_mm, process.first_layer_height_mm)
    section_mm2 = height_mm * (line_mm - height_mm * (1 - math.pi / 4))
    lines = math.ceil(fdm.purge_mm3 / (section_mm2 * (width_mm - 3 * line_mm))) + 2
    return (tools - 1) * (lines * line_mm + (_RAMMING_MM if fdm.shared_nozzle else 0.0)) + 2 * line_mm
