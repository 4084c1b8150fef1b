"""What an engine does not check although it should: bed, height, closed parts, a place for the wipe tower.

PrusaSlicer ends with exit code 0 for a plate beyond the bed or the build height and for a mesh with holes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.errors import DoesNotFit
from printprep.geometry.mesh import Mesh
from printprep.geometry.nest import footprint, free_spot
from printprep.geometry.topology import edges
from printprep.profiles.models import Bed, FdmProcess
from printprep.profiles.tower import MARGIN_MM, TowerSize, clearance_mm

TOLERANCE_MM: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """A wipe tower's place: its corner inside the brim, as the engine means it, and how large it may be."""

    x_mm: float
    y_mm: float
    size: TowerSize

    @property
    def place_mm(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of the place that was kept free for the tower and its brim."""
        left_mm, front_mm = self.x_mm - MARGIN_MM, self.y_mm - MARGIN_MM
        width_mm, depth_mm = self.size.place_mm
        return left_mm, front_mm, left_mm + width_mm, front_mm + depth_mm

    def holds(self, x0_mm: float, y0_mm: float, x1_mm: float, y1_mm: float) -> bool:
        """Whether a box lies on that place."""
        left_mm, front_mm, right_mm, back_mm = self.place_mm
        return left_mm <= x0_mm and x1_mm <= right_mm and front_mm <= y0_mm and y1_mm <= back_mm


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


def place_tower(meshes: Sequence[Mesh], bed: Bed, process: FdmProcess, size: TowerSize) -> Tower:
    """A free place for the wipe tower beside the parts.

    Parameters
    ----------
    meshes
        What stands on the plate, in the plate frame.
    bed, process
        Of the printer and the process.
    size
        Of the tower.

    Raises
    ------
    DoesNotFit
        There is no room for it.
    """
    outline = footprint(np.concatenate([mesh.vertices for mesh in meshes]))
    spot = free_spot(bed, outline, size.place_mm, gap_mm=clearance_mm(process))
    if spot is None:
        raise DoesNotFit(
            "no room on the bed for a wipe tower of {:.0f} x {:.0f} mm beside the parts; ".format(*size.place_mm)
            + "use a larger printer, a smaller scale, or fewer tools"
        )
    return Tower(x_mm=spot[0] + MARGIN_MM, y_mm=spot[1] + MARGIN_MM, size=size)
