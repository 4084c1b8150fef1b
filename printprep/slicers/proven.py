"""Whether a sliced plate still holds the anatomy: its file against the parts that it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np

from printprep.case import Finding
from printprep.casefile import Limits
from printprep.errors import InputError, ProfileError
from printprep.formats import chitu, sl1
from printprep.formats.layers import LayerFile
from printprep.gcode.beads import read_beads
from printprep.gcode.deposit import Checked, Comparison, Solid, look_through
from printprep.gcode.lit import Lit
from printprep.gcode.printed import Printed, Strips
from printprep.gcode.proof import Proof, prove
from printprep.geometry.mesh import as_point
from printprep.plan import Matrix, Plan, PlannedPart, Plate
from printprep.profiles.models import Printer, Resin
from printprep.progress import SILENT, Progress

LAYERED: Final[dict[str, ModuleType]] = {sl1.SUFFIX: sl1, ".sl1s": sl1, chitu.SUFFIX: chitu}
"""Files that are pictures of layers, by suffix; all others are taken for G-code."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proved:
    """The verdict on a file, and what it was compared with, to look at single layers."""

    proof: Proof
    checked: Checked
    comparison: Comparison


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
        The file is none for such a printer.
    InputError
        The file cannot be read.
    """
    with progress.step(f"prove plate {plate.index}"):
        critical = frozenset(part.name for part in plan.parts if part.critical)
        with proving(file, solids_of(plan.parts, plate), printer, limits, critical) as proved:
            return proved.proof


@contextmanager
def proving(
    file: Path,
    solids: Sequence[Solid],
    printer: Printer,
    limits: Limits,
    critical: frozenset[str] = frozenset(),
) -> Iterator[Proved]:
    """Compare what ``file`` prints with ``solids``, and keep it open to look at its layers; see :func:`prove_plate`."""
    top_mm = max((float(solid.mesh.bounds_mm[1, 2]) for solid in solids), default=0.0)
    bottom_mm = min((float(solid.mesh.bounds_mm[0, 2]) for solid in solids), default=0.0)
    with _printed(file, printer, bottom_mm, top_mm) as printed:
        comparison = Comparison.of(printed, solids)
        checked = look_through(comparison)
        yield Proved(proof=prove(printed, solids, checked, limits, critical), checked=checked, comparison=comparison)


@contextmanager
def _printed(file: Path, printer: Printer, bottom_mm: float, top_mm: float) -> Iterator[Printed]:
    layered = LAYERED.get(file.suffix.lower())
    if (layered is None) != (printer.fdm is not None):
        kind = "a resin file of layers" if layered else "G-code"
        raise ProfileError(f"{file.name} is {kind}, and {printer.id} prints none; name the printer that it is for")
    if printer.fdm is not None:
        beads = read_beads(
            file, printer.fdm.filament_mm, g90_sets_e=printer.reads.g90_sets_e, top_mm=top_mm, bottom_mm=bottom_mm
        )
        yield Strips.of(beads)
        return
    assert printer.resin is not None
    assert layered is not None
    opened: LayerFile = layered.read(file)
    with opened.reading() as read:
        first = read(0)
        _check_panel(file, first.shape, printer.resin)
        yield Lit(
            read,
            count=len(opened),
            layer_mm=_layer_mm(opened),
            pixel_mm=printer.resin.pixel_mm,
            shape=(first.shape[0], first.shape[1]),
            top_mm=top_mm,
        )


def _check_panel(file: Path, shape: tuple[int, ...], resin: Resin) -> None:
    if shape != (resin.height_px, resin.width_px):
        raise InputError(
            f"{file.name} has layers of {shape[1]} x {shape[0]} pixels, the panel has {resin.width_px} x "
            f"{resin.height_px}: it is for another printer; slice it for this one"
        )


def _layer_mm(file: LayerFile) -> float:
    said = file.settings.get("layerHeight", "")
    try:
        layer_mm = float(said)
    except ValueError:
        layer_mm = 0.0
    if not 0.0 < layer_mm < 1.0:
        raise InputError(f"{file.path.name} says {said or 'nothing'} for its layerHeight in mm; slice it again")
    return layer_mm


def in_case_frame(finding: Finding, plan: Plan, plate: Plate) -> Finding:
    """``finding`` of a proof with its place in the case's frame, as that of all others is."""
    part = next((part for part in plan.parts if part.name == finding.part), None)
    return moved_back(finding, plate.motion(part) if part is not None else plate.case_to_plate)


def moved_back(finding: Finding, case_to_plate: Matrix) -> Finding:
    """``finding`` with its place moved from the plate into the case's frame."""
    if finding.where_mm is None:
        return finding
    return replace(finding, where_mm=as_point((np.linalg.inv(case_to_plate) @ [*finding.where_mm, 1.0])[:3]))
