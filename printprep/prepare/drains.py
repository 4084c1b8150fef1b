"""Where the cavities of a hollow part are opened, and what is to say of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from printprep.case import Finding, Part, Severity
from printprep.casefile import Hollow
from printprep.geometry import bvh
from printprep.geometry.drain import find_holes
from printprep.geometry.hole import Hole
from printprep.geometry.hollow import Cavity, Hollowed
from printprep.geometry.mesh import Float, Mesh, Point, as_point
from printprep.geometry.pockets import pockets
from printprep.plan import Change
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.zones import zones_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Drains:
    """The holes of a part's cavities."""

    hollowed: Hollowed  # without the cavities that are filled again
    holes: tuple[tuple[Hole, ...], ...]  # by cavity
    findings: tuple[Finding, ...]


def open_cavities(draft: Draft, part: DraftPart, wish: Part, hollowed: Hollowed, diameter_mm: float) -> Drains:
    """Find holes for every cavity; what cannot be opened is filled, kept or refused, as the case or the material says.

    Resin that is shut in never cures: it seeps out through cracks, months later. So a cavity that cannot drain is made
    solid again, which costs millilitres. In filament it holds air, and stays.
    """
    asked = wish.hollow
    assert asked is not None
    resin = draft.printer.technology == "resin"
    way = asked.undrainable or ("fill" if resin else "keep")
    up = np.ascontiguousarray(draft.rotation[2, :3])
    zones = zones_of(draft, part.name)  # a hole at another part would drain nothing
    tree = bvh.build(Mesh(hollowed.mesh.vertices, hollowed.mesh.faces[: hollowed.outer]))
    holes: list[tuple[Hole, ...]] = []
    filled: set[int] = set()
    findings: list[Finding] = []
    for k, cavity in enumerate(hollowed.cavities):
        found = find_holes(hollowed, k, up, asked.drain_holes, diameter_mm, zones, hanging=resin, tree=tree)
        if asked.drain_holes and not found:
            findings.append(_undrainable(part, cavity, diameter_mm, way, low_point(cavity.mesh, up)))
            if way == "fill":
                filled.add(k)
                continue
        elif len(found) < asked.drain_holes or not asked.drain_holes:
            findings.append(_too_few(part, cavity, asked, len(found), low_point(cavity.mesh, up)))
        holes.append(found)
        findings.extend(_hole_finding(part, wish, hole, n) for n, hole in enumerate(found))
    return Drains(
        hollowed=hollowed.without(filled) if filled else hollowed, holes=tuple(holes), findings=tuple(findings)
    )


def undrained(part: DraftPart, cavity: Cavity, holes: tuple[Hole, ...], up: Float, *, resin: bool) -> list[Finding]:
    """A finding for the pockets of a cavity that keep their liquid, in the way that the part stands or hangs."""
    if not holes:
        return []
    findings = []
    then = "turn the part over when draining and rinsing it" if resin else "turn it over to empty it when it was washed"
    ways = [(up, "as oriented", then)]
    if resin:
        ways.append((-up, "as it hangs from the plate", "tilt the part before it is cured"))
    for way, how, advice in ways:
        left = pockets(cavity.mesh, np.ascontiguousarray(way), holes)
        if left:
            findings.append(
                Finding(
                    code="undrained-pocket",
                    severity=Severity.WARNING,
                    part=part.name,
                    message=f"{len(left)} low places in a cavity of {part.name} do not drain {how}, the deepest "
                    f"{left[0].depth_mm:.1f} mm; {advice}, or ask for more drain_holes",
                    value=round(left[0].depth_mm, 3),
                    where_mm=left[0].at_mm,
                )
            )
    return findings


def hole_change(hole: Hole, removed_mm3: float) -> Change:
    """What a hole did to the part."""
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


def low_point(mesh: Mesh, up: Float) -> Point:
    """The lowest vertex."""
    return as_point(mesh.vertices[int(np.argmin(mesh.vertices @ up))])


def _hole_finding(part: DraftPart, wish: Part, hole: Hole, index: int) -> Finding:
    where = (
        ("at the low point", "at the high point, which lets air in,")[index] if index < 2 else "into a further pocket"
    )
    critical = "; the part is critical, its wish to be hollow allows it" if wish.critical else ""
    return Finding(
        code="drain-hole",
        severity=Severity.WARNING if wish.critical else Severity.INFO,
        part=part.name,
        message=f"a drain hole of {hole.diameter_mm:g} mm {where} of a cavity of {part.name}, as oriented{critical}",
        value=hole.diameter_mm,
        where_mm=hole.at_mm,
    )


def _undrainable(part: DraftPart, cavity: Cavity, diameter_mm: float, way: str, where_mm: Point) -> Finding:
    done = {
        "fill": "it is solid again, because resin that is shut in never cures",
        "keep": "it stays closed and holds what is in it",
        "refuse": "the case refuses that",
    }[way]
    message = (
        f"no place for a drain hole of {diameter_mm:g} mm into the cavity of {cavity.volume_mm3 / 1000:.2f} ml in "
        f"{part.name}: every way out meets a keep-out zone, critical surface, another part or too narrow a space; "
        f"{done}. To open it, ask for a smaller hole or move the zone"
    )
    return Finding(
        code="undrainable-cavity",
        severity=Severity.ERROR if way == "refuse" else Severity.WARNING,
        part=part.name,
        message=message,
        value=round(cavity.volume_mm3, 3),
        where_mm=where_mm,
    )


def _too_few(part: DraftPart, cavity: Cavity, asked: Hollow, found: int, where_mm: Point) -> Finding:
    size = f"cavity of {cavity.volume_mm3 / 1000:.2f} ml in {part.name}"
    if asked.drain_holes:
        code, message = (
            "drain-holes-missing",
            f"room for only {found} of {asked.drain_holes} drain holes into the {size}",
        )
    else:
        code, message = "sealed-cavity", f"the {size} stays closed, as asked: it keeps what resin or support it holds"
    return Finding(
        code=code,
        severity=Severity.WARNING,
        part=part.name,
        message=message,
        value=found,
        limit=asked.drain_holes,
        where_mm=where_mm,
    )
