"""Supports and a pad for resin from PrusaSlicer, which writes layers but never the supported mesh.

So the plate is sliced by it once with supports on the same pixels and layers, and the result is read back. It lifts
the parts off the bed to stand on supports and a pad.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from printprep.errors import SliceFailed
from printprep.formats import sl1, stl
from printprep.formats.layers import LayerFile, number
from printprep.geometry.mesh import Mesh
from printprep.plan import Setting
from printprep.profiles.models import Printer, Resin, ResinProcess
from printprep.progress import Step
from printprep.slicers.engine import check_ended_well, find_engine, run_engine
from printprep.slicers.honoured import compare
from printprep.slicers.prusa_settings import to_ini
from printprep.slicers.prusaslicer import HOW_TO_GET, PROGRAM

ELEVATION_MM: Final = 5.0  # between pad and part, room for the supports
PAD_MM: Final = 2.0


def settings(printer: Printer, resin: Resin, process: ResinProcess) -> dict[str, str]:
    """What the engine is asked for: our pixels and layers, nothing corrected or closed, supports and a pad."""
    width_mm, depth_mm = resin.width_px * resin.pixel_mm[0], resin.height_px * resin.pixel_mm[1]
    layer_mm = number(process.layer_height_mm)
    return {
        "printer_technology": "SLA",
        "printer_model": "SL1S",
        "bed_shape": f"0x0,{number(width_mm)}x0,{number(width_mm)}x{number(depth_mm)},0x{number(depth_mm)}",
        "display_width": number(width_mm),
        "display_height": number(depth_mm),
        "display_pixels_x": str(resin.width_px),
        "display_pixels_y": str(resin.height_px),
        "display_orientation": "portrait",
        "display_mirror_x": "1",
        "display_mirror_y": "0",
        "max_print_height": number(printer.bed.height_mm),
        "layer_height": layer_mm,
        "initial_layer_height": layer_mm,
        "gamma_correction": "1",
        "absolute_correction": "0",
        "elefant_foot_compensation": "0",
        "slice_closing_radius": "0",
        "supports_enable": "1",
        "support_object_elevation": number(ELEVATION_MM),
        "pad_enable": "1",
        "pad_around_object": "0",
        "pad_wall_thickness": number(PAD_MM),
        "hollowing_enable": "0",
    }


def command(program: str, ini: Path, mesh: Path, output: Path) -> list[str]:
    """The command line that slices ``mesh`` where it stands; all files go by their names in the engine's own folder."""
    return [
        program,
        "--export-sla",
        "--dont-arrange",
        "--loglevel=1",
        "--datadir=.",
        f"--load={ini.name}",
        f"--output={output.name}",
        mesh.name,
    ]


def supported_layers(
    mesh: Mesh, printer: Printer, resin: Resin, process: ResinProcess, folder: Path, *, timeout_s: float, step: Step
) -> tuple[LayerFile, tuple[Setting, ...]]:
    """Slice ``mesh`` (plate frame) with supports in ``folder``: the layers, and the settings as they were honoured.

    Raises
    ------
    SlicerNotFound, SliceTimeout, SliceFailed, SettingNotHonoured
        The engine is missing, did not end in time, failed, or did something else than it was asked for.
    """
    program = find_engine(PROGRAM, HOW_TO_GET)
    source, ini, output = folder / "plate.stl", folder / "plate.ini", folder / "supported.sl1"
    wanted = settings(printer, resin, process)
    stl.write(source, mesh)
    ini.write_text(to_ini(wanted), encoding="utf-8")

    def hear(line: str) -> None:
        done, arrow, what = line.partition("% => ")
        if arrow and done.strip().isdigit():
            step.advance(int(done) / 100.0, f"PrusaSlicer: {what}")

    ended = run_engine(command(program, ini, source, output), cwd=folder, timeout_s=timeout_s, on_line=hear)
    check_ended_well(ended, "PrusaSlicer", output)
    layers = sl1.read(output)
    resolved = compare(wanted, layers.settings)
    shape = layers.layer(0).shape
    if shape != (resin.height_px, resin.width_px):
        raise SliceFailed(f"PrusaSlicer's layers are {shape[1]} x {shape[0]} pixels, not those of {printer.id}")
    return layers, resolved
