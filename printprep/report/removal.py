"""What a person must remove: supports by light and by extrusion, in the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from printprep.report.document import Json
from printprep.report.markup import fixed, table


def by_light(removals: Sequence[Json]) -> str:
    """Of supports that are a part of their own: what to break off, part by part; nothing when there are none."""
    if not removals:
        return ""
    rows = [
        (
            escape(row["part"]),
            str(row["plate"]),
            str(row["contacts"]),
            fixed(row["under_mm2"], 2),
            str(row["feet"]),
            fixed(row["on_mm2"], 2),
            fixed(row["critical_mm2"], 2),
            fixed(row["smallest_mm"], 2),
        )
        for row in removals
    ]
    columns = (
        "part",
        ">plate",
        ">tips under it",
        ">under it, mm²",
        ">feet on it",
        ">standing on it, mm²",
        ">critical, mm²",
        ">smallest, mm",
    )
    whole = sum(row["contacts"] + row["feet"] for row in removals)
    return f"<p>{whole} places to break off, the smallest tips first, before the last cure.</p>{table(columns, rows)}"


def by_extrusion(supports: Json | None) -> str:
    """What a person must remove, part by part."""
    if not supports or not supports["volume_mm3"]:
        return ""
    rows = [
        (
            escape(part["name"]),
            fixed(part["under_mm2"], 1),
            fixed(part["on_mm2"], 1),
            fixed(part["critical_mm2"], 1),
            fixed(part["thin_mm2"], 1),
            fixed(part["keep_out_mm2"], 1),
            "; ".join(f"{fixed(p['mm2'], 1)} mm² at {_at(p['where_mm'])}" for p in part["places"][:3]),
        )
        for part in supports["parts"]
    ]
    columns = (
        "part",
        ">under it, mm²",
        ">standing on it, mm²",
        ">critical, mm²",
        ">on thin walls, mm²",
        ">keep-out, mm²",
        "largest places, mm",
    )
    dissolves = f", {fixed(supports['soluble_mm3'], 2, 1e-3)} ml of it soluble" if supports["soluble_mm3"] else ""
    hidden = supports["out_of_reach_mm3"]
    stays = f" {fixed(hidden, 1)} mm³ stand where no tool of 3 mm reaches." if hidden else ""
    return (
        f"<h4>Supports: what a person must remove</h4><p>{fixed(supports['volume_mm3'], 2, 1e-3)} ml{dissolves}, held "
        f"on by {fixed(supports['contact_mm2'], 1)} mm², measured in the file.{stays}</p>{table(columns, rows)}"
    )


def _at(point: Sequence[float]) -> str:
    return f"({', '.join(f'{x:.1f}' for x in point)})"
