"""Hollow the parts that ask for it, and open every cavity to drain."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from printprep.case import Finding, Hollow, Part, Severity
from printprep.errors import MeshError
from printprep.geometry.drain import Hole, drill, find_holes
from printprep.geometry.hollow import MAX_POINTS, MIN_CAVITY_MM3, Cavity, GridTooCoarse, Hollowed
from printprep.geometry.hollow import hollow as hollow_out
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Float, Mesh, Point, as_point
from printprep.geometry.pockets import Pocket, pockets
from printprep.geometry.shells import apart
from printprep.geometry.solid import intersect
from printprep.geometry.wall import TOLERANCE_MM, Wall
from printprep.plan import Change
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.zones import zones_of
from printprep.progress import SILENT, Progress

WALL_AS_ASKED: Final = 0.95  # share of the area; less is a warning
LOOSE_MM3: Final = 1.0  # of another part in a cavity; less is rounding where two surfaces touch


def hollow(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Replace each part whose case asks for it by a shell with drain holes; runs after orient.

    The outer surface stays as it is but for the holes. Adds :class:`printprep.plan.Change` rows of the stages
    ``hollow`` (one a cavity) and ``drain`` (one a hole), whose volumes add up to the part's change of volume, and the
    findings ``hollowed``, ``wall-off``, ``no-cavity``, ``cavity-dropped``, ``hollow-refused``, ``part-in-cavity``,
    ``loose-in-cavity``, ``drain-hole``, ``drain-holes-missing``, ``sealed-cavity``, ``undrained-pocket``
    and ``undrainable-cavity``.
    """
    wishes = {part.name: part for part in draft.case.parts if part.hollow is not None}
    if not wishes:
        return draft
    done: list[DraftPart] = []
    findings: list[Finding] = []
    with progress.step("hollow") as step:
        for k, part in enumerate(draft.parts):
            step.advance(k / len(draft.parts), part.name)
            if part.name in wishes:
                changed, found = _hollow_part(draft, part, wishes[part.name])
                done.append(changed)
                findings.extend(found)
            else:
                done.append(part)
    return replace(draft, parts=tuple(done)).with_findings(*findings)


def _hollow_part(draft: Draft, part: DraftPart, wish: Part) -> tuple[DraftPart, list[Finding]]:
    asked = wish.hollow
    assert asked is not None
    if not inspect(part.mesh, self_intersections=False).closed:
        why = "its surface is not closed, so it has no inside"
        return part, [_refused(part, f"{part.name} stays solid: {why}; let the repair close it, or drop the wish")]
    try:
        hollowed = hollow_out(part.mesh, asked.wall_mm)
    except GridTooCoarse as error:
        thinnest = 2.0 * error.step_mm
        return part, [
            _refused(
                part,
                f"{part.name} stays solid: {error} ({MAX_POINTS / 1e6:g} million points); ask for a wall of "
                f"{thinnest:.1f} mm or more",
            )
        ]
    findings = _of_cavities(part, hollowed, asked)
    if not hollowed.cavities:
        return part, findings
    up = np.ascontiguousarray(draft.rotation[2, :3])
    findings += _parts_inside(draft, part, hollowed)
    holes, drained = _holes(draft, part, wish, hollowed, up)
    drilled = drill(hollowed, holes)
    changes = [_hollow_change(cavity, up) for cavity in hollowed.cavities]
    changes += [_drain_change(hole, mm3) for hole, mm3 in zip(holes, drilled.removed_mm3, strict=True)]
    shell = replace(part, mesh=drilled.mesh, changes=(*part.changes, *changes))
    return shell, [*findings, *drained]


def _refused(part: DraftPart, message: str) -> Finding:
    return Finding(code="hollow-refused", severity=Severity.ERROR, part=part.name, message=message)


def _of_cavities(part: DraftPart, hollowed: Hollowed, asked: Hollow) -> list[Finding]:
    """What became of the inside, in findings."""
    findings: list[Finding] = []
    if hollowed.dropped_mm3:
        message = (
            f"{len(hollowed.dropped_mm3)} cavities of {part.name} below {MIN_CAVITY_MM3 / 1000:g} ml were filled "
            f"again, {sum(hollowed.dropped_mm3):.1f} mm3 in all"
        )
        findings.append(_info(part, "cavity-dropped", message, value=round(sum(hollowed.dropped_mm3), 3)))
    if not hollowed.cavities:
        message = (
            f"{part.name} stays solid: no room for a cavity inside a wall of {asked.wall_mm:g} mm, its thickest place "
            f"is {2 * hollowed.thickest_mm:.1f} mm across; ask for a thinner wall or drop the wish"
        )
        finding = _info(part, "no-cavity", message, value=2 * hollowed.thickest_mm, limit=2 * asked.wall_mm)
        return [*findings, replace(finding, severity=Severity.WARNING)]
    volume_mm3 = sum(cavity.volume_mm3 for cavity in hollowed.cavities)
    wall = _wall(hollowed)
    message = (
        f"{part.name} is hollow: {len(hollowed.cavities)} cavities, {volume_mm3 / 1000:.2f} ml saved "
        f"({100 * volume_mm3 / part.mesh.volume_mm3:.0f} % of it), wall {wall.min_mm:.2f}/{wall.mean_mm:.2f}/"
        f"{wall.max_mm:.2f} mm (min/mean/max measured) where {asked.wall_mm:g} mm was asked, {100 * wall.within:.1f} % "
        f"of its area within {TOLERANCE_MM:g} mm; grid {hollowed.step_mm:.2f} mm"
    )
    findings.append(_info(part, "hollowed", message, value=round(volume_mm3, 3)))
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


def _holes(
    draft: Draft, part: DraftPart, wish: Part, hollowed: Hollowed, up: Float
) -> tuple[tuple[Hole, ...], list[Finding]]:
    """The holes of all cavities, with what is to say of them."""
    asked = wish.hollow
    assert asked is not None
    zones = zones_of(draft, part.name)  # a hole that ends at a neighbour drains nothing, and may mark it
    holes: list[Hole] = []
    findings: list[Finding] = []
    for k, cavity in enumerate(hollowed.cavities):
        found = find_holes(hollowed, k, up, asked.drain_holes, asked.drain_diameter_mm, zones)
        holes.extend(found)
        findings.extend(_drain_finding(part, wish, hole, n) for n, hole in enumerate(found))
        findings.extend(_pockets(part, pockets(cavity.mesh, up, found)))
        if len(found) < asked.drain_holes or not asked.drain_holes:
            findings.append(_too_few(part, cavity, asked, len(found), _low_point(cavity.mesh, up)))
    return tuple(holes), findings


def _drain_finding(part: DraftPart, wish: Part, hole: Hole, index: int) -> Finding:
    where = ("at the low point", "at the high point")[index] if index < 2 else "away from the others"
    critical = "; the part is critical, its wish to be hollow allows it" if wish.critical else ""
    return Finding(
        code="drain-hole",
        severity=Severity.WARNING if wish.critical else Severity.INFO,
        part=part.name,
        message=f"a drain hole of {hole.diameter_mm:g} mm {where} of a cavity of {part.name}, as oriented{critical}",
        value=hole.diameter_mm,
        where_mm=hole.at_mm,
    )


def _pockets(part: DraftPart, left: tuple[Pocket, ...]) -> list[Finding]:
    if not left:
        return []
    message = (
        f"{len(left)} low places in a cavity of {part.name} do not drain as oriented, the deepest "
        f"{left[0].depth_mm:.1f} mm; turn the part over when draining and rinsing it"
    )
    finding = _info(part, "undrained-pocket", message, value=round(left[0].depth_mm, 3))
    return [replace(finding, severity=Severity.WARNING, where_mm=left[0].at_mm)]


def _too_few(part: DraftPart, cavity: Cavity, asked: Hollow, found: int, where_mm: Point) -> Finding:
    size = f"cavity of {cavity.volume_mm3 / 1000:.2f} ml in {part.name}"
    if not asked.drain_holes:
        code, severity, message = (
            "sealed-cavity",
            Severity.WARNING,
            f"the {size} stays closed, as asked: it keeps what ",
        )
        message += "resin or support it holds"
    elif not found:
        code, severity = "undrainable-cavity", Severity.ERROR
        message = (
            f"no place for a drain hole of {asked.drain_diameter_mm:g} mm into the {size}: every way out meets a "
            "keep-out zone, another part or too narrow a space; ask for a smaller hole, move the zone, "
            "or leave the part solid"
        )
    else:
        code, severity = "drain-holes-missing", Severity.WARNING
        message = f"room for only {found} of {asked.drain_holes} drain holes into the {size}"
    return Finding(
        code=code,
        severity=severity,
        part=part.name,
        message=message,
        value=found,
        limit=asked.drain_holes,
        where_mm=where_mm,
    )


def _hollow_change(cavity: Cavity, up: Float) -> Change:
    wall = cavity.wall
    return Change(
        stage="hollow",
        what=(
            f"a cavity of {cavity.volume_mm3 / 1000:.2f} ml inside a wall of {wall.min_mm:.2f} to {wall.max_mm:.2f} mm"
        ),
        volume_mm3=-cavity.volume_mm3,
        area_mm2=cavity.area_mm2,
        where_mm=_low_point(cavity.mesh, up),
    )


def _drain_change(hole: Hole, removed_mm3: float) -> Change:
    return Change(
        stage="drain",
        what=f"a round hole of {hole.diameter_mm:g} mm through the wall",
        volume_mm3=-removed_mm3,
        area_mm2=4.0 * removed_mm3 / hole.diameter_mm,  # of a cylinder, from its volume
        where_mm=hole.at_mm,
        axis=hole.axis,
        reach_mm=hole.diameter_mm / 2.0,
        deep_mm=max(hole.inward_mm, hole.outward_mm),
    )


def _low_point(mesh: Mesh, up: Float) -> Point:
    return as_point(mesh.vertices[int(np.argmin(mesh.vertices @ up))])
