"""What a plate will take, before it is sliced: time, material and where the time goes.

By extrusion a few layers stand for all, and PrusaSlicer's ways of filling them are followed
(:mod:`printprep.slicers.drawn`); by light every layer is known. What :data:`RANGE` says was measured on 26 prints that
nothing was fitted to (seven shapes, four printers, six processes of which two with layers of 0.15 and 0.24 mm), against
our own time of PrusaSlicer's G-code: they took 0.92 to 1.17 of what was told, half of them more than 1.05; of 24 what
was told is within a tenth of what they took. The range is a little wider; of another 16 prints 14 lay in it and two
just below it (``make told``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from printprep.geometry.mesh import Mesh
from printprep.plan import Estimate, MaterialUse, Plan, PlannedPart, Plate
from printprep.profiles.load import Profiles
from printprep.profiles.models import FdmProcess, Material, Printer, Process
from printprep.slicers.cut import CutPlate, Zones, cut_plate
from printprep.slicers.drawn import Drawn
from printprep.slicers.ledger import Ahead
from printprep.slicers.prusa_habits import LAYERS
from printprep.slicers.resin import layers_ahead

FROM: Final = "sections"
RANGE: Final = (0.88, 1.2)
"""Least and most that a print by extrusion takes for what was told."""


def ahead(
    meshes: Sequence[Mesh],
    tools: Sequence[int],
    printer: Printer,
    process: Process,
    materials: dict[int, Material],
    *,
    supports: bool = True,
    zones: Zones | None = None,
    layers: int = LAYERS,
) -> Ahead:
    """Time and material of a plate on an extruding printer.

    Parameters
    ----------
    meshes
        What is printed, in the plate's frame, standing at z = 0; the later wins where they overlap.
    tools
        Of each mesh.
    printer, process
        Where and how.
    materials
        By tool.
    supports
        Whether overhangs get some.
    zones
        Where supports must, or must not, stand.
    layers
        How many stand for all.

    Raises
    ------
    ProfileError
        The printer does not extrude.
    """
    cut = cut_plate(meshes, process.fdm, zones, layers, supports=supports)
    return Drawn.of(cut, tools, printer, process.fdm, materials).told()


def cut_of(plan: Plan, plate: Plate, process: FdmProcess, *, layers: int = LAYERS) -> CutPlate:
    """A plate of a plan, cut for a process: it serves every printer and every filling with the same layers."""
    parts = _parts(plan, plate)
    meshes = [part.mesh.transformed(plate.motion(part)) for part in parts]
    return cut_plate(meshes, process, _zones(plan, plate, parts), layers, supports=plan.supports)


def plate_ahead(
    plan: Plan,
    plate: Plate,
    profiles: Profiles,
    *,
    layers: int = LAYERS,
    process: FdmProcess | None = None,
    cut: CutPlate | None = None,
) -> Ahead:
    """What a plate of a plan will take; see :func:`ahead`.

    Parameters
    ----------
    plan, plate, profiles
        What is printed.
    layers
        How many stand for all.
    process
        Another than the plan's.
    cut
        The plate, if it was cut already.
    """
    process = profiles.process(plan.process).fdm if process is None else process
    return Drawn.of(
        cut_of(plan, plate, process, layers=layers) if cut is None else cut,
        [part.tool for part in _parts(plan, plate)],
        profiles.printer(plan.printer),
        process,
        {load.tool: profiles.material(load.material) for load in plan.tools},
    ).told()


def _parts(plan: Plan, plate: Plate) -> list[PlannedPart]:
    return [part for part in plan.parts if part.name in plate.parts]


def _zones(plan: Plan, plate: Plate, parts: Sequence[PlannedPart]) -> Zones | None:
    motions = {part.name: plate.motion(part) for part in parts}
    zones = [zone for zone in plan.support_zones if zone.part in motions]
    if not zones:
        return None
    at_mm = {
        kind: np.concatenate(
            [
                np.zeros((0, 3)),
                *(
                    zone.at_mm @ motions[zone.part][:3, :3].T + motions[zone.part][:3, 3]
                    for zone in zones
                    if zone.kind == kind
                ),
            ]
        )
        for kind in ("enforce", "block")
    }
    return Zones(enforced_mm=at_mm["enforce"], blocked_mm=at_mm["block"], step_mm=max(zone.step_mm for zone in zones))


def estimate_ahead(
    plan: Plan,
    plate: Plate,
    profiles: Profiles,
    *,
    process: FdmProcess | None = None,
    cut: CutPlate | None = None,
) -> Estimate:
    """What a plate will take, by the way that its printer prints; not yet priced. See :func:`plate_ahead`.

    Raises
    ------
    DoesNotFit, ProfileError
        What slicing would find, too.
    """
    if profiles.printer(plan.printer).resin is not None:
        return layers_ahead(plan, plate, profiles)
    told = plate_ahead(plan, plate, profiles, process=process, cut=cut)
    names = {load.tool: load.material for load in plan.tools}
    uses = tuple(
        MaterialUse(
            material=names[tool], tool=tool, mm3=mm3, g=mm3 / 1000.0 * profiles.material(names[tool]).density_g_cm3
        )
        for tool, mm3 in sorted(told.mm3.items())
    )
    return Estimate(duration_s=told.duration_s, duration_from=FROM, material=uses)


def range_s(duration_s: float, printer: Printer) -> tuple[float, float]:
    """From where to where the time lies that was told as ``duration_s``; by light it is exact."""
    if printer.technology != "fdm":
        return duration_s, duration_s
    low, high = RANGE
    return low * duration_s, high * duration_s


def with_process(plan: Plan, process: str) -> Plan:
    """The plan with another process: nothing is oriented or placed anew."""
    return replace(plan, process=process)
