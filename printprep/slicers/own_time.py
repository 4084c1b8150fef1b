"""Our own time of a file of G-code on one of the profiles' printers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from printprep.errors import ProfileError
from printprep.gcode.estimate import GcodeTimes, estimate
from printprep.gcode.layout import Chords
from printprep.gcode.motion import CHORDS, CORNERING
from printprep.gcode.read import read_gcode
from printprep.gcode.supports import anatomy_layers
from printprep.profiles.models import Printer


def times_on(printer: Printer, gcode: Path) -> GcodeTimes:
    """Read ``gcode`` and time it as the printer's firmware would plan it.

    Raises
    ------
    ProfileError
        The profile does not say how the printer moves and extrudes.
    InputError
        The file cannot be read, or is no G-code.
    """
    fdm = printer.fdm
    if printer.motion is None or fdm is None:
        raise ProfileError(f"{printer.id} has no [motion] and [fdm]: its profile must say what the firmware allows")
    read = read_gcode(gcode, g90_sets_e=printer.reads.g90_sets_e, chords=CHORDS.get(printer.firmware, Chords.MARLIN))
    times = estimate(
        read,
        printer.motion,
        cornering=CORNERING.get(printer.firmware),
        timing=printer.timing,
        shared_nozzle=fdm.shared_nozzle,
        tool_change_s=fdm.tool_change_s,
        filament_mm=fdm.filament_mm,
    )
    return replace(times, anatomy_layer_count=anatomy_layers(read))
