"""What a plate takes beside its layers: heat, homing, levelling, the purge line, changes of tools, the way to rest.

The profile's own G-code for these is filled in, read and timed as that of a finished file, so that what is told ahead
and what a file is found to take stand on one model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from printprep.errors import ProfileError
from printprep.gcode.estimate import GcodeTimes
from printprep.profiles.models import FdmMaterial, Material, Printer
from printprep.slicers.dressed import CUSTOM, MODES, Dress
from printprep.slicers.own_time import times_on


def beside_layers(
    printer: Printer, materials: Mapping[int, Material], used: Sequence[int], changes: int, top_mm: float
) -> GcodeTimes:
    """Time a file that has no layers, only what stands beside them.

    Parameters
    ----------
    printer
        Where; its G-code is timed.
    materials
        By tool.
    used
        The tools that print, of which the first begins.
    changes
        How often the tool changes, spread over the tools in turn.
    top_mm
        Height of the print, above which the head goes to rest.

    Raises
    ------
    ProfileError
        The printer or a material is not for extrusion, or the G-code has a placeholder that is unknown.
    """
    tools, dress = sorted(set(used)), _dress(printer, materials, used)
    lines = [f"{CUSTOM}\n{dress.start(tools[0])}{MODES}"]
    if len(tools) > 1:
        for number in range(changes):
            before, after = (tools[(number + step) % len(tools)] for step in (0, 1))
            layer = number // (len(tools) - 1)
            lines.append(dress.change(before, after, layer, top_mm))
    lines.append(f"G92 Z{top_mm:.3f}\n{dress.end(top_mm)}")
    with TemporaryDirectory(prefix="printprep-") as folder:
        path = Path(folder) / "beside.gcode"
        path.write_text("".join(lines), encoding="utf-8")
        return times_on(printer, path)


def _dress(printer: Printer, materials: Mapping[int, Material], used: Sequence[int]) -> Dress:
    """The printer's G-code with the materials' temperatures; a tool without a material has that of the first."""
    if printer.fdm is None:
        raise ProfileError(f"printer {printer.id} has no [fdm]: what it takes cannot be told")
    filaments: dict[int, FdmMaterial] = {}
    for tool in used:
        fdm = materials[tool].fdm
        if fdm is None:
            raise ProfileError(f"material {materials[tool].id} of tool {tool} has no [fdm]: it cannot be extruded")
        filaments[tool] = fdm
    first = filaments[used[0]]
    return Dress(
        printer=printer,
        fdm=printer.fdm,
        filaments=tuple(filaments.get(tool, first) for tool in range(printer.fdm.tools)),
        used=tuple(sorted(set(used))),
        bed_c=max(filament.bed_c for filament in filaments.values()),
    )
