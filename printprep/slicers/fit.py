"""What an engine does not check although it should: bed, height, closed parts, a place for the wipe tower.

PrusaSlicer ends with exit code 0 for a plate beyond the bed or the build height and for a mesh with holes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.errors import DoesNotFit
from printprep.geometry.mesh import Mesh
from printprep.geometry.nest import footprint, free_spot
from printprep.geometry.topology import edges
from printprep.profiles.models import Bed, Fdm, FdmProcess

TOLERANCE_MM: Final = 0.01
CLEARANCE_MM: Final = 5.0  # between the wipe tower and the parts
NARROWEST_TOWER_MM: Final = 55.0  # narrower ones tip over
TOWER_BRIM_MM: Final = 2.0  # as asked for
TOWER_MARGIN_MM: Final = 2.5  # as it comes out at most: whole lines

_LINE_OVER_NOZZLE: Final = 1.25  # width of a wipe tower's line
_RAMMING_MM: Final = 3.5  # depth a change takes on a shared nozzle besides its purge, measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """A wipe tower's place: its corner inside the brim, as the engine means it, and its width."""

    x_mm: float
    y_mm: float
    width_mm: float

    def holds(self, x0_mm: float, y0_mm: float, x1_mm: float, y1_mm: float) -> bool:
        """Whether a box lies on the square that was kept free for the tower and its brim."""
        low, edge_mm = TOWER_MARGIN_MM, self.width_mm + TOWER_MARGIN_MM
        inside_x = self.x_mm - low <= x0_mm and x1_mm <= self.x_mm + edge_mm
        return inside_x and self.y_mm - low <= y0_mm and y1_mm <= self.y_mm + edge_mm


def check_fits(meshes: Mapping[str, Mesh], bed: Bed, *, margin_mm: float = 0.0) -> None:
    """Check that every part stands on the bed, inside it with its brim, and under the build height.

    Parameters
    ----------
    meshes
        By part name, in the plate frame.
    bed
        Of the printer.
    margin_mm
        Room that a brim needs beside the parts.

    Raises
    ------
    DoesNotFit
        Which part, by how much, and what to do.
    """
    room = (bed.width_mm, bed.depth_mm, bed.height_mm)
    for name, mesh in meshes.items():
        lower, upper = mesh.bounds_mm
        for axis, letter in enumerate("xyz"):
            beside_mm = margin_mm if axis < 2 else 0.0
            low_mm, high_mm = float(lower[axis]) - beside_mm, float(upper[axis]) + beside_mm
            if low_mm < -TOLERANCE_MM or high_mm > room[axis] + TOLERANCE_MM:
                brim = f" with a brim of {margin_mm:g} mm" if beside_mm else ""
                raise DoesNotFit(
                    f"part {name}{brim} reaches from {letter} = {low_mm:.1f} to {high_mm:.1f} mm, the printer has "
                    f"0 to {room[axis]:g} mm; use a larger printer, a smaller scale or fewer parts a plate"
                )
    lowest_mm = min(float(mesh.bounds_mm[0, 2]) for mesh in meshes.values())
    if lowest_mm > 0.05:
        raise DoesNotFit(f"the plate floats {lowest_mm:.2f} mm above the bed; arrange the parts again")


def open_parts(meshes: Mapping[str, Mesh]) -> tuple[Finding, ...]:
    """A finding for each part whose surface has edges without a partner; an engine slices it without a word."""
    return tuple(
        Finding(
            code="slicer-open-part",
            severity=Severity.ERROR,
            part=name,
            message=f"part {name} has {count} edges without a partner; what is inside it is the slicer's guess: repair",
            value=float(count),
            limit=0.0,
        )
        for name, mesh in meshes.items()
        if (count := unpaired_edges(mesh))
    )


def unpaired_edges(mesh: Mesh) -> int:
    """Edges that are not run as often one way as the other; 0 is a closed, consistently wound surface."""
    found = edges(mesh)
    return int(np.count_nonzero(found.forward != found.backward))


def place_tower(meshes: Sequence[Mesh], bed: Bed, fdm: Fdm, process: FdmProcess, tools: int) -> Tower:
    """Shape of the wipe tower and a free place for it beside the parts.

    Parameters
    ----------
    meshes
        What stands on the plate, in the plate frame.
    bed, fdm, process
        Of the printer and the process.
    tools
        How many tools print on the plate.

    Raises
    ------
    DoesNotFit
        There is no room for it.
    """
    width_mm = NARROWEST_TOWER_MM
    while tower_depth_mm(fdm, process, tools, width_mm) > width_mm:
        width_mm += 5.0
    edge_mm = width_mm + 2 * TOWER_MARGIN_MM
    outline = footprint(np.concatenate([mesh.vertices for mesh in meshes]))
    spot = free_spot(bed, outline, edge_mm, gap_mm=max(CLEARANCE_MM, process.brim_mm + 2.0))
    if spot is None:
        raise DoesNotFit(
            f"no room on the bed for a wipe tower on a free square of {edge_mm:.0f} mm beside the parts; "
            "use a larger printer, a smaller scale, or fewer tools"
        )
    return Tower(x_mm=spot[0] + TOWER_MARGIN_MM, y_mm=spot[1] + TOWER_MARGIN_MM, width_mm=width_mm)


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
