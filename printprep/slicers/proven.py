"""Whether a sliced plate still holds the anatomy: its file against the parts that it was made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from printprep.case import Finding
from printprep.casefile import Limits
from printprep.errors import ProfileError
from printprep.gcode.beads import read_beads
from printprep.gcode.deposit import Solid, check
from printprep.gcode.proof import Proof, prove
from printprep.geometry.mesh import as_point
from printprep.plan import Plan, PlannedPart, Plate
from printprep.profiles.models import Printer
from printprep.progress import SILENT, Progress


def solids_of(parts: Iterable[PlannedPart], plate: Plate) -> tuple[Solid, ...]:
    """The parts that stand on ``plate`` as they should be printed, in the order in which the later one wins."""
    return tuple(
        Solid(name=part.name, tool=part.tool, mesh=part.mesh.transformed(plate.motion(part)))
        for part in parts
        if part.name in plate.parts
    )


def prove_plate(
    file: Path, plan: Plan, plate: Plate, printer: Printer, limits: Limits, progress: Progress = SILENT
) -> Proof:
    """Compare what ``file`` lays down with the parts of ``plate``; places are in the plate's frame.

    Raises
    ------
    ProfileError
        The printer does not extrude.
    InputError
        The file cannot be read, or is no G-code.
    """
    if printer.fdm is None:
        raise ProfileError(f"{printer.id} does not extrude: only a file of G-code can be proved so")
    with progress.step(f"prove plate {plate.index}"):
        parts = [part for part in plan.parts if part.name in plate.parts]
        solids = solids_of(parts, plate)
        top_mm = max((float(solid.mesh.bounds_mm[1, 2]) for solid in solids), default=0.0)
        laid = read_beads(file, printer.fdm.filament_mm, g90_sets_e=printer.firmware != "klipper", top_mm=top_mm)
        critical = frozenset(part.name for part in parts if part.critical)
        return prove(laid, solids, check(laid, solids), limits, critical)


def in_case_frame(finding: Finding, plan: Plan, plate: Plate) -> Finding:
    """``finding`` of a proof with its place in the case's frame, as that of all others is."""
    if finding.where_mm is None:
        return finding
    part = next((part for part in plan.parts if part.name == finding.part), None)
    motion = plate.motion(part) if part is not None else plate.case_to_plate
    return replace(finding, where_mm=as_point((np.linalg.inv(motion) @ [*finding.where_mm, 1.0])[:3]))
