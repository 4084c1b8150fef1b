"""Our own time of a file of G-code on one of the profiles' printers."""

from __future__ import annotations

from pathlib import Path

from printprep.errors import ProfileError
from printprep.gcode.estimate import GcodeTimes, estimate
from printprep.gcode.motion import Cornering
from printprep.gcode.read import read_gcode
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
    fdm, klipper = printer.fdm, printer.firmware == "klipper"
    if printer.motion is None or fdm is None:
        raise ProfileError(f"{printer.id} has no [motion] and [fdm]: its profile must say what the firmware allows")
    return estimate(
        read_gcode(gcode, g90_sets_e=not klipper),
        printer.motion,
        cornering=Cornering.SQUARE_CORNER if klipper else None,
        tool_change_s=fdm.tool_change_s,
        heat_up_s=fdm.heat_up_s,
        filament_mm=fdm.filament_mm,
    )
