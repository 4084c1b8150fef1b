"""The certificate as a document: what will be printed against what was asked for, each value beside its limit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any, Final

from printprep.geometry.shape import Thickness
from printprep.plan import (
    AddedCertificate,
    Certificate,
    Change,
    Held,
    Pair,
    PartCertificate,
    Plan,
    SlicedPlate,
    ToolLoad,
    WorstLayer,
)
from printprep.report.rounding import number, point

Json = dict[str, Any]

IDENTICAL_MM: Final = 1e-4
"""Nearer than this is the rounding of a coordinate in prepared.3mf: the surfaces are the same."""
DONE: Final = {
    "repair": "mended",
    "connect": "connected",
    "hollow": "hollowed",
    "drain": "drilled",
    "split": "cut",
    "label": "lettered",
    "side-mark": "lettered",
    "support": "supported",
}
"""What a stage did, as people say it; of any other stage its name stands."""


def certificate_schema() -> Json:
    """The JSON schema of certificate.json."""
    loaded: Json = json.loads((files("printprep.report") / "certificate_schema.json").read_text("utf-8"))
    return loaded


def proof(certificate: Certificate, plan: Plan | None) -> Json:
    """The certificate; ``plan`` says how many pieces a part has, and which parts share a material."""
    tools = plan.tools if plan is not None else ()
    return {
        "case_id": certificate.case_id,
        "within_limits": certificate.within_limits,
        "prepared_sha256": certificate.prepared_sha256,
        "whole": _whole(certificate, plan),
        "parts": [_part(part, len(plan.pieces(part.name)) if plan else 1) for part in certificate.parts],
        "added": [_added(one) for one in certificate.added],
        "pairs": [_pair(pair) for pair in certificate.pairs],
        "merged": [_merged(tool, certificate) for tool in tools if len(_anatomy(tool, certificate)) > 1],
    }


def changes_json(changes: Sequence[Change]) -> list[Json]:
    """Changes, numbered in their order from 1 as on the pictures."""
    return [
        {
            "number": k,
            "stage": change.stage,
            "what": change.what,
            "volume_mm3": number(change.volume_mm3),
            "area_mm2": number(change.area_mm2),
            "where_mm": point(change.where_mm),
        }
        for k, change in enumerate(changes, start=1)
    ]


def printed_json(plates: Sequence[SlicedPlate]) -> list[Json]:
    """What the files of the plates hold of the anatomy, plate by plate; only of those that were proved."""
    return [
        {
            "plate": plate.index,
            "file": plate.file.name,
            "sha256": plate.sha256,
            "holds": all(one.holds for one in plate.held),
            "parts": [held_json(one) for one in plate.held],
            "worst": [worst_json(one) for one in plate.worst],
        }
        for plate in plates
        if plate.held
    ]


def held_json(held: Held) -> Json:
    """How a file holds one part."""
    return {
        "part": held.part,
        "outline_mm": number(held.outline_mm, 1),
        "p95_mm": number(held.p95_mm, 4),
        "max_mm": number(held.max_mm, 4),
        "lost_mm3": number(held.lost_mm3, 3),
        "wrong_tool_mm3": number(held.wrong_tool_mm3, 3),
        "holds": held.holds,
    }


def worst_json(worst: WorstLayer) -> Json:
    """A layer to look at."""
    return {
        "part": worst.part,
        "layer": worst.layer,
        "z_mm": number(worst.z_mm, 3),
        "what": worst.what,
        "severity": worst.severity,
        "picture": worst.picture,
    }


def thickness_json(thickness: Thickness | None) -> Json | None:
    """Walls of a solid in figures; None of what is none."""
    if thickness is None:
        return None
    return {
        "min": number(thickness.min_mm),
        "p05": number(thickness.p05_mm),
        "median": number(thickness.median_mm),
        "where_mm": point(thickness.where_mm),
        "points": thickness.points,
    }


def _whole(certificate: Certificate, plan: Plan | None) -> Json:
    """Of all parts together."""
    parts = certificate.parts
    worst = max(parts, key=lambda part: part.deviation.max_mm, default=None)
    known = [part for part in parts if part.comparable]
    return {
        "parts": len(parts),
        "identical": sum(_identical(part) for part in parts),
        "worst_part": worst.name if worst is not None and worst.deviation.max_mm > IDENTICAL_MM else None,
        "deviation_max_mm": number(worst.deviation.max_mm) if worst is not None else None,
        "deviation_p95_mm": number(max((part.deviation.p95_mm for part in parts), default=0.0)),
        "volume_source_mm3": number(sum(part.volume_source_mm3 for part in known)),
        "volume_mm3": number(sum(part.volume_mm3 for part in parts)),
        "volume_unknown": [part.name for part in parts if not part.comparable],
        "lost_mm3": number(sum(sum(part.lost_to_mm3.values()) for part in parts)),
        "added": len(certificate.added),
        "added_mm3": number(sum(one.volume_mm3 for one in certificate.added)),
        "supports": plan.supports if plan is not None else None,
        "changes": _by_stage(change for part in parts for change in part.changes),
    }


def _by_stage(changes: Iterable[Change]) -> list[Json]:
    """How often each stage changed the anatomy, and by how much in all."""
    by: dict[str, list[Change]] = {}
    for change in changes:
        by.setdefault(change.stage, []).append(change)
    return [
        {
            "stage": stage,
            "done": DONE.get(stage, stage),
            "count": len(found),
            "volume_mm3": number(sum(change.volume_mm3 for change in found)),
            "area_mm2": number(sum(change.area_mm2 for change in found)),
        }
        for stage, found in by.items()
    ]


def _part(part: PartCertificate, pieces: int) -> Json:
    found = part.deviation
    return {
        "name": part.name,
        "within_limits": part.within_limits,
        "identical": _identical(part),
        "closed": part.closed,
        "source_sha256": part.source_sha256,
        "printed_sha256": part.printed_sha256,
        "triangles_source": part.source_triangles,
        "triangles": part.triangles,
        "pieces": pieces,
        "deviation_mm": {
            "max": number(found.max_mm),
            "p95": number(found.p95_mm),
            "mean": number(found.mean_mm),
            "outward": None if found.outward_mm is None else number(found.outward_mm),
            "inward": None if found.inward_mm is None else number(found.inward_mm),
            "where_mm": point(found.where_mm),
            "samples": found.samples,
        },
        "volume_source_mm3": number(part.volume_source_mm3) if part.comparable else None,
        "volume_mm3": number(part.volume_mm3),
        "wished_mm3": number(part.wished_mm3),
        "thickness_mm": thickness_json(part.thickness),
        "checks": [
            {
                "what": check.what,
                "value": number(check.value),
                "limit": number(check.limit),
                "unit": check.unit,
                "within": check.within,
                "by": check.by,
            }
            for check in part.checks
        ],
        "changes": changes_json(part.changes),
        "lost": [
            {"to": name, "mm3": number(mm3), "percent": number(100.0 * mm3 / max(part.volume_mm3, 1e-9))}
            for name, mm3 in part.lost_to_mm3.items()
        ],
    }


def _identical(part: PartCertificate) -> bool:
    return part.deviation.max_mm <= IDENTICAL_MM and not part.changes


def _added(one: AddedCertificate) -> Json:
    return {
        "name": one.name,
        "closed": one.closed,
        "triangles": one.triangles,
        "volume_mm3": number(one.volume_mm3),
        "deep_mm": number(one.deep_mm),
        "deepest_in": one.deepest_in,
        "changes": changes_json(one.changes),
    }


def _pair(pair: Pair) -> Json:
    return {
        "low": pair.low,
        "high": pair.high,
        "coincident_mm2": number(pair.coincident_mm2, 2),
        "lost_mm3": number(pair.lost_mm3),
        "same_tool": pair.same_tool,
    }


def _merged(tool: ToolLoad, certificate: Certificate) -> Json:
    """Parts of the anatomy that one tool prints."""
    return {"tool": tool.tool, "material": tool.material, "parts": _anatomy(tool, certificate)}


def _anatomy(tool: ToolLoad, certificate: Certificate) -> list[str]:
    names = {part.name for part in certificate.parts}
    return [name for name in tool.parts if name in names]
