"""Write the case's id and side on the print, or on a tab beside it when no place is fit for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from printprep.case import Case, Finding, Label, Severity
from printprep.errors import MeshError
from printprep.geometry.label import (
    CLEARANCE_MM,
    FLAT_MM,
    MARGIN,
    Place,
    emboss,
    engrave,
    find_place,
)
from printprep.geometry.letters import outlines, width_mm
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh, as_point
from printprep.geometry.zones import Zones
from printprep.plan import Change
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.tab import on_tab
from printprep.prepare.zones import keep_out_parts, trees_of, zones_of
from printprep.progress import SILENT, Progress

STAGES: Final = ("label", "side-mark")
"""What the changes are called that letters make: the label, and the L or R of a part among parts of both sides."""


def label(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Engrave or emboss the label on the flattest fit place, else add a tab; runs after hollow and split.

    Of a body that was cut, one piece carries it; cut faces lie on another piece and so are no place for it.

    Without a ``[label]`` table nothing is written: a mark changes anatomy, and that is the case's choice. Where parts
    are of both sides each of them bears its own L or R beside the one label. Adds a :class:`printprep.plan.Change` of
    the stage ``label`` or ``side-mark`` for each, whose volume is exact, and the findings ``labelled``,
    ``label-on-tab``, ``label-small``, ``label-too-long``, ``label-without-id`` and ``side-unmarked``.
    """
    asked = draft.case.label
    if asked is None or asked.style == "none":
        return draft
    with progress.step("label"):
        draft = draft.with_findings(*_of_text(draft, asked))
        written = _somewhere(draft, _candidates(draft, asked.part), asked, "label") if asked.style != "tab" else None
        draft = written or on_tab(draft, asked, "" if asked.style == "tab" else f"no place {_wanted(asked)}")
        for name, mark in asked.marks:
            draft = _side_marked(draft, replace(asked, text=mark, part=name))
        return draft


def letters(asked: Label | None, part: str, stage: str) -> Label | None:
    """What a part may bear by a change of that stage; None: nothing."""
    if asked is None or asked.style not in ("engrave", "emboss"):
        return None
    if stage == "side-mark":
        return next((replace(asked, text=mark) for name, mark in asked.marks if name == part), None)
    return asked if stage == "label" else None


def _side_marked(draft: Draft, asked: Label) -> Draft:
    """The draft with the mark of one part on it, or a finding that it could not be."""
    if asked.style != "tab":
        written = _somewhere(draft, _candidates(draft, asked.part), asked, "side-mark")
        if written is not None:
            return written
    side = {"L": "left", "R": "right"}[asked.text]
    why = "the label is wished for on a tab" if asked.style == "tab" else f"no place {_wanted(asked)}"
    where = next(as_point(part.mesh.bounds_mm.mean(axis=0)) for part in draft.parts if part.source == asked.part)
    finding = Finding(
        code="side-unmarked",
        severity=Severity.WARNING,
        part=asked.part,
        message=f"{asked.part} is of the {side} side, another part is not, and it bears no {asked.text}: {why}; mark "
        "it by hand before the parts come apart",
        value=asked.text,
        where_mm=where,
    )
    return draft.with_findings(finding)


def _somewhere(draft: Draft, parts: list[DraftPart], asked: Label, stage: str) -> Draft | None:
    """The draft with letters on the first of the parts that has a place for them."""
    trees = trees_of(draft)
    found = (_write(draft, part, asked, zones_of(draft, part.name, trees=trees), stage) for part in parts)
    return next((written for written in found if written is not None), None)


def reach_mm(asked: Label) -> float:
    """How far from its middle a label may change the surface."""
    size = np.array([width_mm(asked.text, asked.height_mm), asked.height_mm]) + 2 * MARGIN * asked.height_mm
    return float(np.linalg.norm(size)) / 2


def most_mm3(asked: Label) -> float:
    """The most volume that its letters can take away or add."""
    return float(outlines(asked.text, asked.height_mm).area()) * (asked.depth_mm + FLAT_MM)


def _candidates(draft: Draft, name: str | None) -> list[DraftPart]:
    """Parts that may be written on, the largest first: it is the least altered by it."""
    parts = [
        part
        for part in draft.parts
        if not part.added
        and not draft.case.part(part.source).critical
        and part.source not in keep_out_parts(draft)
        and name in (None, part.source)
        and inspect(part.mesh, self_intersections=False).closed
    ]
    return sorted(parts, key=lambda part: (-part.mesh.area_mm2, part.name))


def _write(draft: Draft, part: DraftPart, asked: Label, zones: Zones, stage: str) -> Draft | None:
    """The draft with letters on ``part``; None when it has no place for them."""
    up = np.ascontiguousarray(draft.rotation[2, :3])
    place = find_place(part.mesh, asked.text, asked.height_mm, asked.depth_mm, up, zones)
    if place is None:
        return None
    cut = engrave if asked.style == "engrave" else emboss
    try:
        mesh = cut(part.mesh, place, asked.text, asked.height_mm, asked.depth_mm)
    except MeshError:
        return None  # no solid for the booleans, which the certificate says; a tab stands in
    change = replace(_change(part.mesh, mesh, place, asked), stage=stage)
    marked = replace(part, mesh=mesh, changes=(*part.changes, change))
    parts = tuple(marked if other.name == part.name else other for other in draft.parts)
    how = "engraved" if asked.style == "engrave" else "embossed"
    finding = Finding(
        code="labelled",
        severity=Severity.INFO,
        part=part.name,
        message=f'"{asked.text.upper()}" is {how} {asked.depth_mm:g} mm on {part.name}, {asked.height_mm:g} mm high, '
        f"on a place flat to {place.off_mm:.2f} mm; {change.volume_mm3:+.1f} mm3",
        value=asked.text.upper(),
        where_mm=place.at_mm,
    )
    return replace(draft, parts=parts).with_findings(finding)


def _change(before: Mesh, after: Mesh, place: Place, asked: Label) -> Change:
    verb = "engraved" if asked.style == "engrave" else "embossed"
    outline = outlines(asked.text, asked.height_mm)
    edge_mm = sum(
        float(np.linalg.norm(np.diff(ring, axis=0, append=ring[:1]), axis=1).sum()) for ring in outline.to_polygons()
    )
    return Change(
        stage="label",
        what=f'"{asked.text.upper()}" {verb} {asked.depth_mm:g} mm in letters of {asked.height_mm:g} mm',
        volume_mm3=after.volume_mm3 - before.volume_mm3,
        area_mm2=outline.area() + edge_mm * asked.depth_mm,
        where_mm=place.at_mm,
        axis=place.z,
    )


def _wanted(asked: Label) -> str:
    on = f"on {asked.part}" if asked.part else "on a part that is not critical"
    margin = 2 * MARGIN * asked.height_mm
    return (
        f"of {width_mm(asked.text, asked.height_mm) + margin:.0f} x {asked.height_mm + margin:.0f} mm {on} is flat to "
        f"{FLAT_MM:g} mm, thick enough for letters of {asked.depth_mm:g} mm and {CLEARANCE_MM:g} mm clear of others"
    )


def _of_text(draft: Draft, asked: Label) -> list[Finding]:
    """What a person should know of the text itself."""
    findings = []
    least = draft.profiles.lab().label_height_mm
    if asked.height_mm < least:
        message = f"letters of {asked.height_mm:g} mm are smaller than the {least:g} mm the lab calls readable"
        findings.append(
            Finding(code="label-small", severity=Severity.WARNING, message=message, value=asked.height_mm, limit=least)
        )
    if not _says_case(draft.case, asked):
        message = f'the label says "{asked.text.upper()}", which does not hold the case id {draft.case.id}'
        findings.append(Finding(code="label-without-id", severity=Severity.WARNING, message=message, value=asked.text))
    return findings


def _says_case(case: Case, asked: Label) -> bool:
    return case.id.upper() in asked.text.upper()
