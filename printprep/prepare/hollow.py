"""Hollow the parts that ask for it, and open every cavity to drain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import numpy as np

from printprep.case import Finding, Part, Severity
from printprep.casefile import Hollow
from printprep.errors import MeshError
from printprep.geometry.drain import drill
from printprep.geometry.hole import Hole
from printprep.geometry.hollow import MAX_POINTS, MIN_CAVITY_MM3, Cavity, GridTooCoarse, Hollowed, with_cavities
from printprep.geometry.hollow import hollow as hollow_out
from printprep.geometry.infill import infill
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Float, Mesh, as_point
from printprep.geometry.shells import apart
from printprep.geometry.solid import intersect
from printprep.geometry.wall import TOLERANCE_MM, Wall
from printprep.plan import Change
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.drains import Drains, hole_change, low_point, open_cavities, undrained
from printprep.prepare.thin import least
from printprep.profiles.models import Material
from printprep.progress import SILENT, Progress

WALL_AS_ASKED: Final = 0.95  # share of the area; less is a warning
LOOSE_MM3: Final = 1.0  # of another part in a cavity; less is rounding where two surfaces touch
DRAIN_MM: Final = 3.5
"""Diameter of a drain hole in a part that has no material yet."""

_APART: Final = 2.0  # between struts or ribs, at least this many diameters of a drain hole


def hollow(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Replace each part whose case asks for it by a shell with drain holes; runs after orient.

    The outer surface stays as it is but for the holes. Adds :class:`printprep.plan.Change` rows of the stages
    ``hollow`` (one a cavity) and ``drain`` (one a hole), whose volumes add up to the part's change of volume, and the
    findings ``hollowed``, ``wall-off``, ``no-cavity``, ``cavity-dropped``, ``neck-closed``, ``infilled``,
    ``infill-left-out``, ``hollow-refused``, ``part-in-cavity``, ``loose-in-cavity``, ``drain-hole``,
    ``drain-holes-missing``, ``sealed-cavity``, ``undrained-pocket`` and ``undrainable-cavity``.
    """
    wishes = {part.name: part for part in draft.case.parts if part.hollow is not None}
    if not wishes:
        return draft
    done: list[DraftPart] = []
    findings: list[Finding] = []
    plugged: list[tuple[str, Hole]] = []
    with progress.step("hollow") as step:
        for k, part in enumerate(draft.parts):
            step.advance(k / len(draft.parts), part.name)
            if part.name in wishes:
                changed, holes, found = _hollow_part(draft, part, wishes[part.name])
                done.append(changed)
                findings.extend(found)
                plugged.extend((part.name, hole) for hole in holes)
            else:
                done.append(part)
    return replace(draft, parts=tuple(done), plugged=tuple(plugged)).with_findings(*findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wants:
    """What a part asks for, with nothing left to default."""

    asked: Hollow
    material: Material | None
    resin: bool
    up: Float

    @property
    def diameter_mm(self) -> float:
        if self.asked.drain_diameter_mm is not None:
            return self.asked.drain_diameter_mm
        flow = (self.material.resin or self.material.fdm) if self.material is not None else None
        return flow.drain_diameter_mm if flow is not None else DRAIN_MM

    @property
    def neck_mm(self) -> float:
        if self.asked.neck_mm is not None:
            return self.asked.neck_mm
        return self.diameter_mm if self.resin and self.asked.drain_holes else 0.0


def _hollow_part(draft: Draft, part: DraftPart, wish: Part) -> tuple[DraftPart, tuple[Hole, ...], list[Finding]]:
    asked = wish.hollow
    assert asked is not None
    if not inspect(part.mesh, self_intersections=False).closed:
        why = "its surface is not closed, so it has no inside"
        return part, (), [_refused(part, f"{part.name} stays solid: {why}; let the repair close it, or drop the wish")]
    wants = _Wants(
        asked=asked,
        material=draft.profiles.material(part.material) if part.material is not None else None,
        resin=draft.printer.technology == "resin",
        up=np.ascontiguousarray(draft.rotation[2, :3]),
    )
    try:
        hollowed = hollow_out(part.mesh, asked.wall_mm, neck_mm=wants.neck_mm)
    except GridTooCoarse as error:
        return part, (), [_too_coarse(part, error)]
    findings = _of_necks(part, hollowed, wants)
    if not hollowed.cavities:
        return part, (), [*findings, _no_cavity(part, hollowed, wants)]
    drains = open_cavities(draft, part, wish, hollowed, wants.diameter_mm)
    findings += drains.findings
    if not drains.hollowed.cavities:
        return part, (), findings
    hollowed, filled = _with_infill(draft, part, drains, wants)
    holes = tuple(hole for found in drains.holes for hole in found)
    drilled = drill(hollowed, holes)
    findings = [
        *_of_cavities(part, hollowed, wants, part.mesh.volume_mm3 - drilled.mesh.volume_mm3),
        *filled,
        *findings,
    ]
    for cavity, found in zip(hollowed.cavities, drains.holes, strict=True):
        findings += undrained(part, cavity, found, wants.up, resin=wants.resin)
    findings += _parts_inside(draft, part, hollowed)
    changes = [_hollow_change(cavity, wants.up) for cavity in hollowed.cavities]
    changes += [hole_change(hole, mm3) for hole, mm3 in zip(holes, drilled.removed_mm3, strict=True)]
    shell = replace(part, mesh=drilled.mesh, changes=(*part.changes, *changes))
    return shell, holes if asked.plugs else (), findings


def _with_infill(draft: Draft, part: DraftPart, drains: Drains, wants: _Wants) -> tuple[Hollowed, list[Finding]]:
    """The cavities with the struts or ribs that the case asks for, clear of the holes, and what is to say of them."""
    asked, hollowed = wants.asked, drains.hollowed
    if asked.infill is None:
        return hollowed, []
    thickness_mm = max(asked.infill_thickness_mm, least(draft.printer).wall_mm)
    spacing_mm = max(asked.infill_spacing_mm, thickness_mm + _APART * wants.diameter_mm)
    findings: list[Finding] = []
    cavities: list[Cavity] = []
    for cavity, holes in zip(hollowed.cavities, drains.holes, strict=True):
        mouths = np.array([np.array(h.at_mm) - h.inward_mm * np.array(h.axis) for h in holes]).reshape(-1, 3)
        made = infill(cavity, asked.infill, spacing_mm, thickness_mm, wants.up, mouths, wants.diameter_mm)
        cavities.append(made.cavity if made is not None else cavity)
        what = f"{asked.infill} of {thickness_mm:g} mm, {spacing_mm:g} mm apart"
        if made is None:
            message = (
                f"the cavity of {cavity.volume_mm3 / 1000:.2f} ml in {part.name} has no {what}: it would shut off "
                "space from the drain holes, or there is no room for it; ask for another spacing"
            )
            finding = _info(part, "infill-left-out", message, value=round(cavity.volume_mm3, 3))
            findings.append(replace(finding, severity=Severity.WARNING, where_mm=low_point(cavity.mesh, wants.up)))
            continue
        shut = f"; {made.sealed_mm3:.1f} mm3 that they shut off are solid" if made.sealed_mm3 > 0 else ""
        message = f"{part.name} has {what}, in its cavity: {made.volume_mm3 / 1000:.2f} ml, open everywhere{shut}"
        findings.append(_info(part, "infilled", message, value=round(made.volume_mm3, 3)))
    return with_cavities(hollowed, tuple(cavities)), findings


def _refused(part: DraftPart, message: str) -> Finding:
    return Finding(code="hollow-refused", severity=Severity.ERROR, part=part.name, message=message)


def _too_coarse(part: DraftPart, error: GridTooCoarse) -> Finding:
    thinnest = 2.0 * error.step_mm
    return _refused(
        part,
        f"{part.name} stays solid: {error} ({MAX_POINTS / 1e6:g} million points); ask for a wall of {thinnest:.1f} mm "
        "or more",
    )


def _of_necks(part: DraftPart, hollowed: Hollowed, wants: _Wants) -> list[Finding]:
    """What was closed, filled again or left out."""
    findings: list[Finding] = []
    if hollowed.necks.closed:
        narrowest = min(hollowed.necks.closed, key=lambda neck: neck.width_mm)
        message = (
            f"{len(hollowed.necks.closed)} passages in {part.name} narrower than {wants.neck_mm:g} mm were closed, the "
            f"narrowest {max(narrowest.width_mm, 0):.1f} mm wide: what lies on their two sides drains by itself"
        )
        finding = _info(part, "neck-closed", message, value=round(narrowest.width_mm, 3), limit=wants.neck_mm)
        findings.append(replace(finding, where_mm=narrowest.at_mm))
    dropped_mm3 = sum(hollowed.dropped_mm3) + hollowed.necks.narrow_mm3
    if dropped_mm3 > 0:
        narrow = f" or narrower than {wants.neck_mm:g} mm throughout" if wants.neck_mm > 0 else ""
        message = (
            f"cavities of {part.name} below {MIN_CAVITY_MM3 / 1000:g} ml{narrow} are solid again, "
            f"{dropped_mm3:.1f} mm3 in all"
        )
        findings.append(_info(part, "cavity-dropped", message, value=round(dropped_mm3, 3)))
    return findings


def _no_cavity(part: DraftPart, hollowed: Hollowed, wants: _Wants) -> Finding:
    wall_mm = wants.asked.wall_mm
    if hollowed.deepest is None:
        message = (
            f"{part.name} stays solid: inside a wall of {wall_mm:g} mm no cavity is large enough to drain; ask for a "
            "thinner wall or smaller drain holes, or drop the wish"
        )
        return Finding(code="no-cavity", severity=Severity.WARNING, part=part.name, message=message, limit=2 * wall_mm)
    deepest_mm, where_mm = hollowed.deepest
    message = (
        f"{part.name} stays solid: no room for a cavity inside a wall of {wall_mm:g} mm, its thickest place is "
        f"{2 * deepest_mm:.1f} mm across; ask for a thinner wall or drop the wish"
    )
    finding = _info(part, "no-cavity", message, value=round(2 * deepest_mm, 3), limit=2 * wall_mm)
    return replace(finding, severity=Severity.WARNING, where_mm=where_mm)


def _of_cavities(part: DraftPart, hollowed: Hollowed, wants: _Wants, saved_mm3: float) -> list[Finding]:
    """What became of the inside, in findings; ``saved_mm3`` is of cavities and holes, less the infill."""
    asked, wall = wants.asked, _wall(hollowed)
    solid_mm3 = part.mesh.volume_mm3
    message = (
        f"{part.name} is hollow: {len(hollowed.cavities)} cavities; {(solid_mm3 - saved_mm3) / 1000:.2f} ml to print "
        f"instead of {solid_mm3 / 1000:.2f}, {saved_mm3 / 1000:.2f} ml or {100 * saved_mm3 / solid_mm3:.0f} % saved"
        f"{_money(wants, saved_mm3)}; wall {wall.min_mm:.2f}/{wall.mean_mm:.2f}/{wall.max_mm:.2f} mm (min/mean/max "
        f"measured) where {asked.wall_mm:g} mm was asked, {100 * wall.within:.1f} % of its area within "
        f"{TOLERANCE_MM:g} mm; grid {hollowed.step_mm:.2f} mm"
    )
    findings = [_info(part, "hollowed", message, value=round(saved_mm3, 3))]
    findings += [_loose(part, island) for cavity in hollowed.cavities for island in cavity.islands]
    if wall.min_mm < asked.wall_mm - TOLERANCE_MM or wall.within < WALL_AS_ASKED:
        message = (
            f"the wall of {part.name} is {wall.min_mm:.2f} to {wall.max_mm:.2f} mm thick where {asked.wall_mm:g} mm "
            f"was asked, and within {TOLERANCE_MM:g} mm of it on {100 * wall.within:.1f} % of its area only; a thicker "
            "wall or a smaller part allows a finer grid"
        )
        finding = _info(part, "wall-off", message, value=round(wall.min_mm, 3), limit=asked.wall_mm)
        findings.append(replace(finding, severity=Severity.WARNING))
    return findings


def _money(wants: _Wants, saved_mm3: float) -> str:
    """What the resin that is saved costs; of filament the slicer's infill decides, so nothing is said."""
    if wants.material is None or not wants.resin:
        return ""
    grams = saved_mm3 / 1000.0 * wants.material.density_g_cm3
    cost = (Decimal(str(grams)) / 1000 * wants.material.price_per_kg).quantize(Decimal("0.01"))
    return f" ({grams:.1f} g of {wants.material.name}, {cost} {wants.material.currency})"


def _loose(part: DraftPart, island: Mesh) -> Finding:
    message = (
        f"a void inside {part.name} keeps a wall of its own, {-island.volume_mm3:.0f} mm3 with the void, which would "
        "hang in the cavity without hold; fill the void, or leave the part solid"
    )
    where_mm = as_point(island.vertices[0])
    return Finding(code="loose-in-cavity", severity=Severity.ERROR, part=part.name, message=message, where_mm=where_mm)


def _wall(hollowed: Hollowed) -> Wall:
    """The wall over all cavities; means go by area."""
    walls, areas = [cavity.wall for cavity in hollowed.cavities], [cavity.area_mm2 for cavity in hollowed.cavities]
    return Wall(
        min_mm=min(wall.min_mm for wall in walls),
        mean_mm=float(np.average([wall.mean_mm for wall in walls], weights=areas)),
        max_mm=max(wall.max_mm for wall in walls),
        within=float(np.average([wall.within for wall in walls], weights=areas)),
    )


def _info(part: DraftPart, code: str, message: str, *, value: float, limit: float | None = None) -> Finding:
    return Finding(code=code, severity=Severity.INFO, part=part.name, message=message, value=value, limit=limit)


def _parts_inside(draft: Draft, part: DraftPart, hollowed: Hollowed) -> list[Finding]:
    """Other parts that reach into a cavity, where they would lose their hold."""
    findings: list[Finding] = []
    for cavity in hollowed.cavities:
        for other in draft.parts:
            if other.name == part.name or apart(cavity.mesh, other.mesh):
                continue
            try:
                shared = intersect(cavity.mesh, other.mesh)
            except MeshError:
                continue  # the other part is no solid, which is a finding of the repair
            if shared.volume_mm3 > LOOSE_MM3:
                message = (
                    f"{shared.volume_mm3:.0f} mm3 of {other.name} lie in the cavity of {part.name}: they fill it, "
                    f"or hang in it without hold; leave {part.name} solid, or ask for a wall that holds {other.name}"
                )
                finding = Finding(code="part-in-cavity", severity=Severity.ERROR, part=part.name, message=message)
                findings.append(replace(finding, value=other.name, where_mm=as_point(shared.vertices[0])))
    return findings


def _hollow_change(cavity: Cavity, up: Float) -> Change:
    wall = cavity.wall
    return Change(
        stage="hollow",
        what=(
            f"a cavity of {cavity.volume_mm3 / 1000:.2f} ml inside a wall of {wall.min_mm:.2f} to {wall.max_mm:.2f} mm"
        ),
        volume_mm3=-cavity.volume_mm3,
        area_mm2=cavity.area_mm2,
        where_mm=low_point(cavity.mesh, up),
        box_mm=(as_point(cavity.mesh.bounds_mm[0]), as_point(cavity.mesh.bounds_mm[1])),
    )
