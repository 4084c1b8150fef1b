"""One plate as a job for an engine that extrudes: what is looked up before it runs, and checked after it ran.

An engine's exit code 0 proves little. Before: bed, height, and a place for the wipe tower. After: that every tool
prints, that the layers reach the top, that the first layer lies on the bed, and that the tower came out no larger than
the place that was kept for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.errors import DoesNotFit, ProfileError, SliceFailed
from printprep.geometry.mesh import Mesh
from printprep.plan import MaterialUse, Plan, PlannedPart, Plate, ToolLoad
from printprep.profiles.load import Profiles
from printprep.profiles.models import Fdm, FdmProcess, Printer
from printprep.profiles.tower import TowerSize, tower_size
from printprep.slicers.fit import TOLERANCE_MM, Tower, check_fits, place_tower

Box = tuple[float, float, float, float]  # x0, y0, x1, y1, mm

LONGEST_S: Final = 60 * 86400.0
"""A plate that prints for two months is a wrong figure."""

TOWER_FEATURES: Final = ("Wipe tower", "PRIME-TOWER")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One plate with everything that its slicing looks up."""

    plan: Plan
    plate: Plate
    profiles: Profiles
    printer: Printer
    fdm: Fdm
    process: FdmProcess
    parts: tuple[PlannedPart, ...]  # of the plate, by rising priority
    meshes: dict[str, Mesh]  # by part, in the plate frame
    tools: tuple[int, ...]  # that its parts are assigned to
    tower: Tower | None

    @property
    def top_mm(self) -> float:
        """Height of the highest part."""
        return max(float(mesh.bounds_mm[1, 2]) for mesh in self.meshes.values())

    @property
    def air_mm(self) -> float:
        """Height between bed and top in which no part has anything, as between bodies that lie far apart."""
        spans = [mesh.vertices[mesh.faces][:, :, 2] for mesh in self.meshes.values()]
        lower = np.concatenate([span.min(axis=1) for span in spans])
        upper = np.concatenate([span.max(axis=1) for span in spans])
        order = np.argsort(lower)
        reached = np.maximum.accumulate(np.maximum(upper[order], 0.0))
        return float(np.maximum(lower[order][1:] - reached[:-1], 0.0).sum())


@dataclass(slots=True)
class Copied:
    """What was seen while the G-code was copied."""

    sha256: str = ""
    tools: dict[int, int] = field(default_factory=dict)  # tool: how often it is called
    layer_count: int = 0
    top_mm: float = 0.0
    first_layer: dict[str, Box] = field(default_factory=dict)  # feature: its extrusions' box


def job_of(
    plan: Plan,
    plate: Plate,
    profiles: Profiles,
    engine: str,
    size: Callable[[Fdm, FdmProcess, int], TowerSize | None] = tower_size,
) -> Job:
    """Look everything up, and a place for the wipe tower.

    Parameters
    ----------
    plan, plate, profiles
        What to print.
    engine
        Its name, for messages.
    size
        How large a tower the engine needs by printer, process and count of tools.

    Raises
    ------
    ProfileError
        The printer does not extrude.
    SliceFailed
        The plate is empty.
    DoesNotFit
        A part or the tower does not fit the bed or the height.
    """
    printer = profiles.printer(plan.printer)
    parts = tuple(sorted((p for p in plan.parts if p.name in plate.parts), key=lambda part: part.priority))
    if printer.fdm is None or printer.motion is None:
        raise ProfileError(f"printer {printer.id} has no [fdm] and [motion]: {engine} cannot slice for it")
    if not parts:
        raise SliceFailed(f"plate {plate.index} of case {plan.case_id} has no parts")
    process = profiles.process(plan.process).fdm
    meshes = {part.name: part.mesh.transformed(plate.motion(part)) for part in parts}
    check_fits(meshes, printer.bed, margin_mm=process.brim_mm)
    tools = used_tools(plan, plate)
    tower = None
    if (wanted := size(printer.fdm, process, len(tools))) is not None:
        tower = place_tower(list(meshes.values()), printer.bed, process, wanted)
    return Job(
        plan=plan,
        plate=plate,
        profiles=profiles,
        printer=printer,
        fdm=printer.fdm,
        process=process,
        parts=parts,
        meshes=meshes,
        tools=tools,
        tower=tower,
    )


def used_tools(plan: Plan, plate: Plate) -> tuple[int, ...]:
    """The 0-based tools that print on ``plate``, rising: those of its parts, and of soluble supports."""
    tools = {part.tool for part in plan.parts if part.name in plate.parts}
    return tuple(sorted(tools if plan.support_tool is None else tools | {plan.support_tool}))


def loads_of_all_tools(plan: Plan, fdm: Fdm) -> tuple[ToolLoad, ...]:
    """A load for every tool of the printer; the engine wants one, so a tool without a part repeats the first load."""
    by_tool = {load.tool: load for load in plan.tools}
    if not by_tool or max(by_tool) >= fdm.tools:
        raise ProfileError(
            f"case {plan.case_id} loads tools {sorted(by_tool)}, printer {plan.printer} has 0 to {fdm.tools - 1}; "
            "assign the parts again for this printer"
        )
    return tuple(by_tool.get(tool, plan.tools[0]) for tool in range(fdm.tools))


def check_layers(plan: Plan, process: FdmProcess, fdm: Fdm) -> None:
    """Refuse layers that this printer's nozzle cannot lay down, before the engine does."""
    for key in ("layer_height_mm", "first_layer_height_mm"):
        height_mm = getattr(process, key)
        if height_mm > fdm.nozzle_mm:
            raise ProfileError(
                f"process {plan.process} has {key} = {height_mm:g}, and the nozzle of {plan.printer} is "
                f"{fdm.nozzle_mm:g} mm wide; take a finer process or a printer with a wider nozzle"
            )


def verify(job: Job, copied: Copied, anatomy_layer_count: int) -> None:
    """Check the G-code against the plate: its tools, its layers, its first layer's place.

    Raises
    ------
    SliceFailed
        A tool or layers are missing: anatomy would be.
    DoesNotFit
        The first layer leaves the bed, or the wipe tower runs into a part.
    """
    wanted = {part.tool for part in job.parts}
    if job.fdm.tools > 1 and (missing := wanted - copied.tools.keys()):
        lost = [part.name for part in job.parts if part.tool in missing]
        raise SliceFailed(
            f"tools {sorted(missing)} never print: {', '.join(lost)} vanished from the G-code; a part of higher "
            "priority covers them, or they are thinner than a line"
        )
    filled_mm = job.top_mm - job.air_mm
    layers = 1 + max(0.0, filled_mm - job.process.first_layer_height_mm) / job.process.layer_height_mm
    if anatomy_layer_count < 0.98 * layers - 2 or copied.top_mm < job.top_mm - 3 * job.process.layer_height_mm:
        raise SliceFailed(
            f"{anatomy_layer_count} layers up to {copied.top_mm:.2f} mm for parts of {job.top_mm:.2f} mm: "
            f"about {layers:.0f} were due; anatomy is missing, repair the parts"
        )
    tower = next((copied.first_layer[name] for name in TOWER_FEATURES if name in copied.first_layer), None)
    if job.tower is not None and tower is not None and not job.tower.holds(*tower):
        raise SliceFailed(
            f"the wipe tower came out as {tower[2] - tower[0]:.1f} x {tower[3] - tower[1]:.1f} mm, more than the "
            f"{' x '.join(f'{v:.0f}' for v in job.tower.size.place_mm)} mm that were free for it; use fewer tools"
        )
    _check_on_bed(job, copied.first_layer)


def _check_on_bed(job: Job, first_layer: Mapping[str, Box]) -> None:
    """Refuse a first layer that leaves the bed, with the box of all that has its place by the parts on it."""
    bed = job.printer.bed
    for feature, (x0, y0, x1, y1) in first_layer.items():
        if min(x0, y0) >= -TOLERANCE_MM and x1 <= bed.width_mm + TOLERANCE_MM and y1 <= bed.depth_mm + TOLERANCE_MM:
            continue
        boxes = np.array([box for name, box in first_layer.items() if name not in TOWER_FEATURES])
        drawn = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()) if len(boxes) else None
        raise DoesNotFit(
            f"{feature.lower()} of the first layer reaches from ({x0:.1f}, {y0:.1f}) to ({x1:.1f}, {y1:.1f}) mm, "
            f"the bed is {bed.width_mm:g} x {bed.depth_mm:g} mm; use a larger printer or a smaller scale",
            drawn_mm=drawn,
        )


def uses_of(job: Job, fed_mm3: Mapping[int, float], engine: str) -> tuple[MaterialUse, ...]:
    """Material by tool from what goes through each.

    Raises
    ------
    SliceFailed
        Nothing goes through a tool that has parts to print.
    """
    loads = loads_of_all_tools(job.plan, job.fdm)
    uses = []
    for tool, mm3 in sorted(fed_mm3.items()):
        if mm3 > 0:
            material = job.profiles.material(loads[tool].material)
            uses.append(MaterialUse(material=material.id, tool=tool, mm3=mm3, g=mm3 * material.density_g_cm3 / 1000.0))
    if unfed := {part.tool for part in job.parts} - {use.tool for use in uses}:
        raise SliceFailed(f"{engine} feeds no filament through tools {sorted(unfed)}, which have parts to print")
    return tuple(uses)


def least_s(job: Job, uses: tuple[MaterialUse, ...]) -> float:
    """The time that the material needs at least, at the fastest flow that any of it allows."""
    fastest_mm3_s = max(f.max_flow_mm3_s for use in uses if (f := job.profiles.material(use.material).fdm))
    return sum(use.mm3 for use in uses) / fastest_mm3_s


def implausible(job: Job, engine: str, said_s: float | None, at_least_s: float, own_s: float) -> Finding | None:
    """A finding when what the engine says of the time cannot be."""
    if said_s is not None and at_least_s <= said_s <= LONGEST_S and math.isfinite(said_s):
        return None
    said = "nothing" if said_s is None else f"{said_s:.0f} s"
    return Finding(
        code="slicer-time-implausible",
        severity=Severity.WARNING,
        message=(
            f"{engine} says that plate {job.plate.index} takes {said}, "
            f"but its material alone needs {at_least_s:.0f} s; our own estimate of {own_s:.0f} s stands in"
        ),
        value=said_s,
        limit=at_least_s,
    )


def stripped(plan: Plan, profiles: Profiles, engine: str, keys: AbstractSet[str], why: str) -> tuple[Finding, ...]:
    """A finding for each raw key of the plan's profiles for ``engine`` that is one of ``keys``, and so is left out."""
    process, printer = profiles.process(plan.process), profiles.printer(plan.printer)
    sources = {f"printer {printer.id}": printer.slicer, f"process {process.id}": process.fdm.slicer}
    for load in plan.tools:
        fdm = profiles.material(load.material).fdm
        sources[f"material {load.material}"] = fdm.slicer if fdm else {}
    return tuple(
        Finding(
            code="slicer-key-stripped",
            severity=Severity.WARNING,
            message=f"{where} sets {key} {why} and was left out",
            value=key,
        )
        for where, slicer in sources.items()
        for key in sorted(keys & slicer.get(engine, {}).keys())
    )


def untested(engine: str, tested: str) -> tuple[Finding, ...]:
    """A finding when an engine is not of the version that its driver was tested with."""
    if engine.split()[-1].startswith(f"{tested}."):
        return ()
    return (
        Finding(
            code="slicer-version-untested",
            severity=Severity.WARNING,
            message=f"{engine} is not the version this driver was tested with ({tested}); look at the result",
            value=engine,
            limit=tested,
        ),
    )
