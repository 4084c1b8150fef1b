"""What a plate will take, before it is sliced: time, material and where the time goes.

By extrusion a few layers stand for all, and PrusaSlicer's ways of filling them are followed
(:mod:`printprep.slicers.drawn`); by light every layer is known. What :data:`RANGE` and :data:`RANGE_THICK` say was
measured on small samples of the test data on five printers, with and without supports, one with two tools, against our
own time of PrusaSlicer's G-code: ten in layers up to 0.28 mm took 0.85 to 1.09 of what was told, seven in thicker
ones 0.95 to 1.43, the more the more supports they have. The ranges are wider than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from printprep.geometry.mesh import Mesh
from printprep.plan import Estimate, MaterialUse, Plan, PlannedPart, Plate
from printprep.profiles.load import Profiles
from printprep.profiles.models import Material, Printer, Process
from printprep.slicers.drawn import Drawn, Zones
from printprep.slicers.ledger import Ahead
from printprep.slicers.prusa_habits import LAYERS
from printprep.slicers.resin import layers_ahead

FROM: Final = "sections"
RANGE: Final = (0.75, 1.2)
"""Least and most that a print by extrusion takes for what was told."""
RANGE_THICK: Final = (0.85, 1.6)
"""The same in layers higher than :data:`THICK_MM`, whose supports are told too low."""
THICK_MM: Final = 0.3


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
    return Drawn.of(meshes, tools, printer, process.fdm, materials, supports, zones, layers).told()


def plate_ahead(plan: Plan, plate: Plate, profiles: Profiles, *, layers: int = LAYERS) -> Ahead:
    """What a plate of a plan will take; see :func:`ahead`."""
    parts = [part for part in plan.parts if part.name in plate.parts]
    return ahead(
        [part.mesh.transformed(plate.motion(part)) for part in parts],
        [part.tool for part in parts],
        profiles.printer(plan.printer),
        profiles.process(plan.process),
        {load.tool: profiles.material(load.material) for load in plan.tools},
        supports=plan.supports,
        zones=_zones(plan, plate, parts),
        layers=layers,
    )


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


def estimate_ahead(plan: Plan, plate: Plate, profiles: Profiles) -> Estimate:
    """What a plate will take, by the way that its printer prints; not yet priced.

    Raises
    ------
    DoesNotFit, ProfileError
        What slicing would find, too.
    """
    if profiles.printer(plan.printer).resin is not None:
        return layers_ahead(plan, plate, profiles)
    told = plate_ahead(plan, plate, profiles)
    names = {load.tool: load.material for load in plan.tools}
    uses = tuple(
        MaterialUse(
            material=names[tool], tool=tool, mm3=mm3, g=mm3 / 1000.0 * profiles.material(names[tool]).density_g_cm3
        )
        for tool, mm3 in sorted(told.mm3.items())
    )
    return Estimate(duration_s=told.duration_s, duration_from=FROM, material=uses)


def range_s(duration_s: float, printer: Printer, process: Process) -> tuple[float, float]:
    """From where to where the time lies that was told as ``duration_s``; by light it is exact."""
    if printer.technology != "fdm":
        return duration_s, duration_s
    low, high = RANGE_THICK if process.fdm.layer_height_mm > THICK_MM else RANGE
    return low * duration_s, high * duration_s


def with_process(plan: Plan, process: str) -> Plan:
    """The plan with another process: nothing is oriented or placed anew."""
    return replace(plan, process=process)
