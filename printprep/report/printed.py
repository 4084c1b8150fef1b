"""A plate as its file will print it, bead by bead: the last picture before the printer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from printprep.gcode.beads import Role, read_beads
from printprep.gcode.preview import fit, whole_picture
from printprep.plan import Plan
from printprep.profiles.models import Printer
from printprep.report.pictures import Picture
from printprep.report.raster import OVERSAMPLE, Camera, png

OTHER: Final = (178, 182, 188)
"""Colour of supports, tower and brim."""
LOOK: Final = (-0.24, 0.76, -0.60)
"""From the front, the right and above, as the bed is seen."""


def printed_view(
    file: Path, plan: Plan, plate: int, printer: Printer, *, size_px: tuple[int, int] = (900, 620)
) -> Picture:
    """What ``file`` prints, each tool in the colour of the tissue it stands for, the rest in grey."""
    assert printer.fdm is not None
    beads = read_beads(file, printer.fdm.filament_mm, g90_sets_e=printer.reads.g90_sets_e)
    palette = np.full((256, 3), OTHER, np.uint8)
    for load in plan.tools:
        palette[load.tool] = load.colour
    index = np.where(beads.role == Role.PART, beads.tool, 254).astype(np.uint8)
    rows = np.flatnonzero(beads.role != Role.CUSTOM)
    width_px, height_px = (OVERSAMPLE * size for size in size_px)
    view = fit(beads, rows, Camera.along(LOOK, (0.0, 0.0, 1.0)), width_px, height_px)
    drawn = whole_picture(beads, rows, index, palette, view, np.full((height_px, width_px, 3), 255, np.uint8))
    title = f"plate {plate} as its file prints it, line by line; supports, tower and brim in grey"
    return Picture(title, png(drawn.astype(np.float64) / 255.0), *size_px)
