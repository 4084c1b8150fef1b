"""Supports for PrusaSlicer: the modifiers that steer them, and what they touch in the G-code that came out.

Seen with 2.5: a blocker takes the contact away where it covers the overhang of a layer, whatever passes below it; an
enforcer wins over a blocker, and over the engine's habit of leaving every bridge to itself. Supports have one setting
for the object, none for a volume, so their density cannot follow the part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.gcode.read import Gcode
from printprep.gcode.supports import Bead, Standing, measure, support_lines
from printprep.geometry import bvh
from printprep.geometry.access import access
from printprep.geometry.boxes import boxes
from printprep.geometry.mesh import Bool, Mesh, Point
from printprep.geometry.thickness import walls
from printprep.plan import Plan, Plate, SupportContact, Supports
from printprep.profiles.load import Profiles
from printprep.profiles.models import FdmProcess
from printprep.slicers.fit import Tower
from printprep.slicers.prusa_project import Volume

BLOCK_BESIDE_MM: Final = 1.0
"""A blocker reaches beyond its zone by this: two lines, so that the last one beside it does not lie under the zone."""

ENFORCE_BESIDE_MM: Final = 0.4
"""An enforcer, by a line: below a vessel's tip there is no support narrower than that."""

THIN_LINES: Final = 4
"""A wall or branch thinner than so many lines gives way before the support on it does. Ours; a lab will know better."""

SAID_MM2: Final = 0.5
SAID_MM3: Final = 1.0


def modifiers(plan: Plan, plate: Plate, process: FdmProcess) -> list[Volume]:
    """The blockers and enforcers of a plate, in the plate frame; blockers last."""
    found: list[Volume] = []
    layer_mm = process.layer_height_mm
    for kind, beside_mm in (("enforce", ENFORCE_BESIDE_MM), ("block", BLOCK_BESIDE_MM)):
        for zone in plan.support_zones:
            if zone.kind != kind or zone.part not in plate.parts:
                continue
            motion = plate.motion(plan.part(zone.part))
            points = zone.at_mm @ motion[:3, :3].T + motion[:3, 3]
            mesh = boxes(points, zone.step_mm, beside_mm=beside_mm, below_mm=layer_mm, above_mm=2.0 * layer_mm)
            if not len(mesh):
                continue
            found.append(
                Volume(
                    name=f"{kind} {zone.part}",
                    mesh=mesh,
                    kind="SupportEnforcer" if kind == "enforce" else "SupportBlocker",
                )
            )
    return found


def measured(
    gcode: Gcode,
    plan: Plan,
    plate: Plate,
    profiles: Profiles,
    meshes: Mapping[str, Mesh],
    lines: Bead,
    tower: Tower | None,
) -> Supports:
    """What the supports of a plate touch and hold.

    Parameters
    ----------
    gcode
        As it leaves the house.
    plan, plate, profiles
        What was asked.
    meshes
        The parts in the plate frame.
    lines
        How the engine was asked to lay supports.
    tower
        The wipe tower's place.
    """
    fdm = profiles.printer(plan.printer).fdm
    assert fdm is not None
    parts = [
        Standing(
            name=name,
            tree=bvh.build(mesh),
            to_case=np.asarray(np.linalg.inv(plate.motion(plan.part(name))), np.float64),
            critical=plan.part(name).critical or (not plan.part(name).added and plan.critical),
            thin=_thin(mesh, THIN_LINES * fdm.nozzle_mm),
        )
        for name, mesh in meshes.items()
    ]
    soluble = {load.tool for load in plan.tools if profiles.material(load.material).material_class == "soluble"}
    return measure(
        support_lines(gcode, fdm.filament_mm, None if tower is None else tower.place_mm),
        parts,
        lines,
        reach=access(list(meshes.values())),
        keep_out=plan.keep_out,
        soluble=frozenset(soluble),
    )


def _thin(mesh: Mesh, less_than_mm: float) -> Bool:
    """(m,) faces where the solid is thinner than that."""
    found = walls(mesh, cap_mm=less_than_mm)
    thin = np.zeros(len(mesh), np.bool_)
    thin[found.spread.face[np.isfinite(found.thickness_mm)]] = True
    return thin


def bead(resolved: Mapping[str, str], process: FdmProcess, nozzle_mm: float) -> Bead:
    """How the engine lays supports, by its settings as it resolved them.

    A width of 0 is the nozzle's. Where it bridges over a support with thick lines, as wide as the nozzle, these hang
    below their layer, and it keeps its gap from them; over soluble supports, without a gap, it does not.
    """
    said = resolved.get("support_material_extrusion_width", "0")
    width_mm = float(said.rstrip("%")) * (nozzle_mm / 100.0 if said.endswith("%") else 1.0)
    gap_mm = float(resolved.get("support_material_contact_distance", "0.2"))
    thick = gap_mm > 0 and resolved.get("thick_bridges", "1") == "1"
    return Bead(
        width_mm=width_mm or nozzle_mm,
        layer_mm=process.layer_height_mm,
        gap_mm=gap_mm,
        interface_gap_mm=gap_mm + (max(0.0, nozzle_mm - process.layer_height_mm) if thick else 0.0),
    )


def findings(supports: Supports, file: Path) -> tuple[Finding, ...]:
    """What a person must remove, and where a support touches what it should not."""
    found: list[Finding] = []
    if supports.volume_mm3 > 0:
        found.append(_to_remove(supports, file))
    for contact in supports.contacts:
        found += _touching(contact, file.name)
    if supports.out_of_reach_mm3 >= SAID_MM3:
        found.append(
            Finding(
                code="support-out-of-reach",
                severity=Severity.WARNING,
                message=(
                    f"{supports.out_of_reach_mm3:.1f} mm3 of support in {file.name} stand in cavities or clefts that "
                    "no tool of 3 mm reaches: they stay inside"
                ),
                value=supports.out_of_reach_mm3,
                limit=SAID_MM3,
                where_mm=supports.out_of_reach_mm,
            )
        )
    return tuple(found)


def _touching(contact: SupportContact, file: str) -> Iterator[Finding]:
    """What the supports of one part touch and should not."""
    hold_on = f"mm2 of support in {file} hold on to"
    yield from _over(
        contact.part,
        (contact.keep_out_mm2, 0.0, contact.keep_out_mm),
        code="support-in-keep-out",
        message=f"{contact.keep_out_mm2:.2f} mm2 of support in {file} touch part {contact.part} inside a keep-out "
        "zone; turn the body, or make the zone smaller",
        severity=Severity.ERROR,
    )
    yield from _over(
        contact.part,
        (contact.critical_mm2, SAID_MM2, contact.critical_mm),
        code="support-on-critical",
        message=f"{contact.critical_mm2:.1f} {hold_on} critical surface of part {contact.part}: their marks have to be "
        "smoothed",
    )
    yield from _over(
        contact.part,
        (contact.thin_mm2, SAID_MM2, contact.thin_mm),
        code="support-on-thin",
        message=f"{contact.thin_mm2:.1f} {hold_on} walls or branches of part {contact.part} thinner than {THIN_LINES} "
        "lines, which break before the support does: cut it away in pieces, or ask for supports that dissolve",
    )


def _over(
    part: str,
    touched: tuple[float, float, Point | None],
    *,
    code: str,
    message: str,
    severity: Severity = Severity.WARNING,
) -> Iterator[Finding]:
    """A finding if an area in mm2 is no less than its limit; ``touched`` is both, and the place."""
    area_mm2, limit_mm2, where_mm = touched
    if area_mm2 > 0 and area_mm2 >= limit_mm2:
        yield Finding(
            code=code,
            severity=severity,
            part=part,
            message=message,
            value=area_mm2,
            limit=limit_mm2,
            where_mm=where_mm,
        )


def _to_remove(supports: Supports, file: Path) -> Finding:
    most = sorted(supports.contacts, key=lambda contact: -(contact.under_mm2 + contact.on_mm2))
    named = ", ".join(f"{contact.part} {contact.under_mm2 + contact.on_mm2:.1f} mm2" for contact in most[:3])
    dissolves = f", {supports.soluble_mm3 / 1000:.2f} ml of it soluble" if supports.soluble_mm3 else ""
    return Finding(
        code="supported",
        severity=Severity.INFO,
        message=(
            f"a person has to remove {supports.volume_mm3 / 1000:.2f} ml of support from {file.name}{dissolves}; it "
            f"holds on by {supports.contact_mm2:.1f} mm2" + (f": {named}" if named else "")
        ),
        value=round(supports.contact_mm2, 3),
    )
