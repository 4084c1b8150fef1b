"""What a run says to programs: one JSON document, of a complete run or of one that was stopped on the way.

Its shape is :data:`SCHEMA`. It holds no name of an input file and no path: files are named as they stand in the
folder of the build.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from importlib.resources import files
from typing import Any, Final

from printprep.case import Case, Finding, Part, stopping
from printprep.geometry.mesh import join
from printprep.geometry.shape import Survey, Thickness
from printprep.geometry.topology import edges
from printprep.plan import (
    COST_ROWS,
    Certificate,
    Cost,
    Estimate,
    Orientation,
    PartCertificate,
    Plan,
    PlannedPart,
    SlicedPlate,
    Supports,
)
from printprep.report.proof import changes_json as _changes
from printprep.report.proof import held_json, proof, thickness_json, worst_json
from printprep.report.rounding import money as _money
from printprep.report.rounding import number as _number
from printprep.report.rounding import point as _point
from printprep.report.rounding import value as _value

Json = dict[str, Any]

VERSION: Final = 1
"""Of the document's shape; it rises when a key changes its meaning or goes away."""

MOST_BODIES: Final = 20
"""Bodies of a part that are listed, the largest."""


def schema() -> Json:
    """The JSON schema of the document."""
    loaded: Json = json.loads((files("printprep.report") / "schema.json").read_text("utf-8"))
    return loaded


def document(
    *,
    case: Case | None,
    plan: Plan | None = None,
    certificate: Certificate | None = None,
    plates: Sequence[SlicedPlate] = (),
    estimate: Estimate | None = None,
    findings: Sequence[Finding] = (),
    timings_s: Mapping[str, float] | None = None,
    shapes: Mapping[str, tuple[Survey | None, Thickness | None]] | None = None,
) -> Json:
    """The document of what is known so far.

    Parameters
    ----------
    case
        What was asked for; None when it could not be read.
    plan, certificate, plates
        What has been made of it.
    estimate
        Of all plates together.
    findings
        All findings, settled with what the case accepts.
    timings_s
        Seconds by step.
    shapes
        By part: its bodies as they came, and its walls once it was a solid.
    """
    return {
        "version": VERSION,
        "verdict": "stopped" if stopping(tuple(findings)) else "ready",
        "case": case_json(case, plan) if case is not None else None,
        "findings": [finding_json(f) for f in findings],
        "parts": [_part(part, plan, certificate, (shapes or {}).get(part.name, (None, None))) for part in case.parts]
        if case is not None
        else [],
        "added": _added(plan, certificate),
        "removals": _removals(plan),
        "tools": _tools(plan),
        "orientations": [_orientation(one) for one in plan.orientations] if plan else [],
        "plates": [_plate(plate, plan) for plate in plates],
        "estimate": _estimate(estimate) if estimate is not None else None,
        "certificate": proof(certificate, plan) if certificate is not None else None,
        "timings_s": {step: _number(s) for step, s in (timings_s or {}).items()},
    }


def case_json(case: Case, plan: Plan | None) -> Json:
    """What was asked for, and with which printer and process it is done."""
    return {
        "id": case.id,
        "scale": _number(case.scale),
        "frame": case.frame,
        "mirrored": case.mirrored,
        "synthetic": case.synthetic,
        "deadline": case.deadline.isoformat() if case.deadline else None,
        "limits": case.limits.model_dump(),
        "printer": plan.printer if plan else None,
        "process": plan.process if plan else None,
        "supports": plan.supports if plan else None,
    }


def finding_json(finding: Finding) -> Json:
    """One finding, as it stands in the document."""
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "part": finding.part,
        "message": finding.message,
        "value": _value(finding.value),
        "limit": _value(finding.limit),
        "where_mm": _point(finding.where_mm),
        "accepted": finding.accepted,
    }


def _part(
    part: Part, plan: Plan | None, certificate: Certificate | None, shape: tuple[Survey | None, Thickness | None]
) -> Json:
    """A part as far as it has come: as it came, as planned, as certified."""
    pieces = plan.pieces(part.name) if plan else ()
    planned = _as_one(pieces) if pieces else None
    certified = next((p for p in certificate.parts if p.name == part.name), None) if certificate else None
    mesh = planned.mesh if planned else part.mesh
    return {
        "name": part.name,
        "tissue": part.tissue,
        "side": part.side,
        "critical": part.critical,
        **_assigned(planned),
        "triangles": certified.triangles if certified else len(mesh),
        "volume_mm3": _number(certified.volume_mm3 if certified else mesh.volume_mm3),
        "size_mm": [_number(edge, 3) for edge in mesh.size_mm],
        "closed": certified.closed if certified else _closed(part, planned),
        "bodies": _bodies(shape[0]) if shape[0] is not None else None,
        "thickness_mm": thickness_json(certified.thickness if certified else shape[1]),
        "pieces": _pieces(pieces, plan) if plan else [],
        **_certified(certified),
    }


def _bodies(survey: Survey) -> Json:
    """The bodies of a part as it came: how many, and the largest by area."""
    return {
        "count": survey.count,
        "specks": survey.specks,
        "largest": [
            {
                "number": body.number,
                "kind": str(body.kind),
                "triangles": body.triangles,
                "area_mm2": _number(body.area_mm2),
                "volume_mm3": None if body.volume_mm3 is None else _number(body.volume_mm3),
                "size_mm": [_number(edge, 3) for edge in body.size_mm],
                "where_mm": _point(body.where_mm),
                "inside": body.inside,
                "on": body.on,
                "on_mm2": _number(body.on_mm2),
                "twin": body.twin,
            }
            for body in survey.bodies[:MOST_BODIES]
        ],
    }


def _as_one(pieces: Sequence[PlannedPart]) -> PlannedPart:
    """A part as it is printed; of several pieces their surfaces where they stood in the case."""
    return pieces[0] if len(pieces) == 1 else replace(pieces[0], mesh=join([piece.mesh for piece in pieces]))


def _pieces(pieces: Sequence[PlannedPart], plan: Plan) -> list[Json]:
    return [
        {
            "name": piece.name,
            "piece": piece.piece,
            "plate": next((plate.index for plate in plan.plates if piece.name in plate.parts), None),
            "triangles": len(piece.mesh),
            "volume_mm3": _number(piece.mesh.volume_mm3),
            "size_mm": [_number(edge, 3) for edge in piece.mesh.size_mm],
        }
        for piece in pieces
        if piece.piece
    ]


def _added(plan: Plan | None, certificate: Certificate | None) -> list[Json]:
    """What was added to the anatomy as parts of their own: struts, a tab, supports."""
    if plan is None:
        return []
    certified = {one.name: one for one in certificate.added} if certificate else {}
    found = {part.source: plan.pieces(part.source) for part in plan.parts if part.added}
    return [
        {
            "name": name,
            **_assigned(pieces[0]),
            "volume_mm3": _number(sum(piece.mesh.volume_mm3 for piece in pieces)),
            "closed": certified[name].closed if name in certified else None,
            "pieces": _pieces(pieces, plan),
            "changes": _changes(plan.changes.get(name, ())),
        }
        for name, pieces in found.items()
    ]


def _removals(plan: Plan | None) -> list[Json]:
    """What a person must take off each part, of supports that are parts of their own."""
    return [
        {
            "part": row.part,
            "plate": row.plate,
            "contacts": row.contacts,
            "feet": row.feet,
            "under_mm2": _number(row.under_mm2, 2),
            "on_mm2": _number(row.on_mm2, 2),
            "critical_mm2": _number(row.critical_mm2, 2),
            "smallest_mm": _number(row.smallest_mm, 3),
        }
        for row in (plan.removals if plan else ())
    ]


def _assigned(planned: PlannedPart | None) -> Json:
    return {
        "material": planned.material if planned else None,
        "tool": planned.tool if planned else None,
        "colour": list(planned.colour) if planned else None,
        "priority": planned.priority if planned else None,
    }


def _certified(part: PartCertificate | None) -> Json:
    if part is None:
        return {
            "deviation_mm": None,
            "within_limits": None,
            "volume_source_mm3": None,
            "lost_to_mm3": {},
            "changes": [],
        }
    return {
        "deviation_mm": {
            "max": _number(part.deviation.max_mm),
            "p95": _number(part.deviation.p95_mm),
            "mean": _number(part.deviation.mean_mm),
            "where_mm": _point(part.deviation.where_mm),
        },
        "within_limits": part.within_limits,
        "volume_source_mm3": _number(part.volume_source_mm3),
        "lost_to_mm3": {name: _number(volume) for name, volume in part.lost_to_mm3.items()},
        "changes": _changes(part.changes),
    }


def _closed(part: Part, planned: PlannedPart | None) -> bool:
    """Whether every edge has two faces."""
    mesh = planned.mesh if planned else part.mesh
    return len(mesh) > 0 and bool((edges(mesh).count == 2).all())


def _tools(plan: Plan | None) -> list[Json]:
    return [
        {"tool": t.tool, "material": t.material, "colour": list(t.colour), "parts": list(t.parts)}
        for t in (plan.tools if plan else ())
    ]


def _orientation(one: Orientation) -> Json:
    """A way up that was measured, with every figure that its score comes of."""
    pose = one.pose
    figures = {f.name: getattr(pose, f.name) for f in fields(pose) if f.name not in ("up", "terms", "plain", "cups")}
    return {
        "number": one.number,
        "chosen": one.chosen,
        "fits": one.fits,
        "up": [_number(x, 6) for x in pose.up],
        **{name: _number(figure, 3 if name != "score" else 6) for name, figure in figures.items()},
        "cups": pose.cups,
        "terms": {name: _number(term) for name, term in pose.terms.items()},
        "reason": one.reason,
    }


def _plate(plate: SlicedPlate, plan: Plan | None) -> Json:
    """A plate; of its settings those that were asked for."""
    arranged = next((p for p in plan.plates if p.index == plate.index), None) if plan else None
    return {
        "index": plate.index,
        "file": plate.file.name,
        "printer": plate.printer,
        "process": plate.process,
        "engine": plate.engine,
        "sha256": plate.sha256,
        "layer_count": plate.layer_count,
        "anatomy_layer_count": plate.anatomy_layer_count,
        "layer_height_mm": _number(plate.layer_height_mm),
        "tool_changes": plate.tool_changes,
        "parts": list(arranged.parts) if arranged else [],
        "estimate": _estimate(plate.estimate),
        "supports": _supports(plate.supports),
        "held": [held_json(one) for one in plate.held],
        "worst": [worst_json(one) for one in plate.worst],
        "settings": [
            {"key": s.key, "requested": s.requested, "resolved": s.resolved}
            for s in plate.settings
            if s.requested is not None
        ],
        "extras": {key: _number(value) for key, value in plate.extras.items()},
    }


def _supports(supports: Supports | None) -> Json | None:
    """What a person must remove from a plate."""
    if supports is None:
        return None
    return {
        "volume_mm3": _number(supports.volume_mm3, 1),
        "interface_mm3": _number(supports.interface_mm3, 1),
        "soluble_mm3": _number(supports.soluble_mm3, 1),
        "contact_mm2": _number(supports.contact_mm2, 2),
        "out_of_reach_mm3": _number(supports.out_of_reach_mm3, 1),
        "out_of_reach_mm": _point(supports.out_of_reach_mm),
        "parts": [
            {
                "name": contact.part,
                "under_mm2": _number(contact.under_mm2, 2),
                "on_mm2": _number(contact.on_mm2, 2),
                "critical_mm2": _number(contact.critical_mm2, 2),
                "critical_mm": _point(contact.critical_mm),
                "thin_mm2": _number(contact.thin_mm2, 2),
                "thin_mm": _point(contact.thin_mm),
                "keep_out_mm2": _number(contact.keep_out_mm2, 2),
                "keep_out_mm": _point(contact.keep_out_mm),
                "places": [{"where_mm": _point(at_mm), "mm2": _number(mm2, 2)} for at_mm, mm2 in contact.places],
            }
            for contact in supports.contacts
        ],
    }


def _estimate(estimate: Estimate) -> Json:
    return {
        "duration_s": _number(estimate.duration_s),
        "duration_from": estimate.duration_from,
        "material": [
            {
                "material": use.material,
                "tool": use.tool,
                "mm3": _number(use.mm3, 1),
                "g": _number(use.g, 2),
                "cost": _money(use.cost),
            }
            for use in estimate.material
        ],
        "cost": _cost(estimate.cost),
    }


def _cost(cost: Cost | None) -> Json | None:
    if cost is None:
        return None
    rows = {row: _money(getattr(cost, row)) for row in COST_ROWS}
    return {**rows, "total": _money(cost.total), "currency": cost.currency}
