"""The certificate as a section of the page: for people, with the pictures of what deviates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from printprep.report.markup import fixed, gallery, swatch, table, yes
from printprep.report.pictures import Picture
from printprep.report.proof import IDENTICAL_MM

Json = dict[str, Any]

LOSS_SHOWN_MM3: Final = 0.05  # what the table rounds to 0.0; the document has it
CHANGES_SHOWN: Final = 12
"""More changes of a part than this are a click away."""


def certificate_section(document: Json, deviations: Mapping[str, Sequence[Picture]]) -> str:
    """The section; empty without a certificate.

    Parameters
    ----------
    document
        As :func:`printprep.report.document.document` makes it.
    deviations
        Pictures of the parts that are not identical, by name.
    """
    certificate = document["certificate"]
    if certificate is None:
        return ""
    limits = (document["case"] or {}).get("limits", {})
    colours = {part["name"]: part["colour"] for part in document["parts"]}
    return "".join(
        [
            _sentence(certificate, limits),
            _cards(certificate, limits),
            _parts(certificate, colours),
            _pictured(certificate, deviations),
            _pairs(certificate),
            _hashes(certificate),
        ]
    )


def _sentence(certificate: Json, limits: Json) -> str:
    verdict = "Every part is" if certificate["within_limits"] else '<strong class="no">Not every part is</strong>'
    return (
        f"<p>How far each printed surface is from the one that was asked for, measured both ways. {verdict} within the "
        f"limits: 95 % of the surface within {limits.get('deviation_p95_mm', 0):g} mm, all of it within "
        f"{limits.get('deviation_max_mm', 0):g} mm, volume within {limits.get('volume_change_percent', 0):g} %. What "
        "was changed on purpose is listed, and is not counted as a deviation.</p>"
    )


def _cards(certificate: Json, limits: Json) -> str:
    """The whole in a few figures."""
    whole = certificate["whole"]
    cards = [(f"{whole['identical']} of {whole['parts']}", "parts printed exactly as they came")]
    if whole["worst_part"]:
        cards.append(
            (
                f"{fixed(whole['deviation_max_mm'], 3)} mm",
                f"farthest from its source: {whole['worst_part']}, limit {limits.get('deviation_max_mm', 0):g} mm",
            )
        )
    cards.append((f"{fixed(whole['volume_mm3'], 2, 1e-3)} ml", "printed in all"))
    if whole["lost_mm3"]:
        cards.append((f"{fixed(whole['lost_mm3'], 1)} mm³", "that parts take from each other"))
    if whole["added"]:
        cards.append((f"{whole['added']}, {fixed(whole['added_mm3'], 2, 1e-3)} ml", "added, no anatomy"))
    cards.extend((str(row["count"]), f"{row['done']}, {_signed(row['volume_mm3'])} mm³") for row in whole["changes"])
    cells = "".join(f'<div class="figure"><b>{escape(v)}</b><span>{escape(what)}</span></div>' for v, what in cards)
    return f'<div class="figures">{cells}</div>'


def _parts(certificate: Json, colours: Mapping[str, Any]) -> str:
    """A row a part: each value with its limit."""
    rows = []
    for part in certificate["parts"]:
        checks = {check["what"]: check for check in part["checks"]}
        found = part["deviation_mm"]
        walls = [check for check in part["checks"] if check["by"] == "process"]
        rows.append(
            (
                swatch(colours.get(part["name"])) + escape(part["name"]),
                "identical" if part["identical"] else _against(checks.get("deviation-max"), found["max"], 3),
                "" if part["identical"] else _against(checks.get("deviation-p95"), found["p95"], 3),
                "" if part["identical"] else f"{_plain(found['outward'])} / {_plain(found['inward'])}",
                fixed(part["volume_source_mm3"], 2, 1e-3),
                fixed(part["volume_mm3"], 2, 1e-3),
                _against(checks.get("volume-change"), None, 2, unit=" %"),
                "".join(_against(wall, wall["value"], 2) for wall in walls[:1]) or "enough",
                yes(part["within_limits"]),
            )
        )
    columns = (
        "part", ">largest, mm", ">95 %, mm", ">out / in, mm", ">asked, ml", ">printed, ml", ">not asked for, %",
        ">thinnest wall, mm", "within limits",
    )  # fmt: skip
    return table(columns, rows)


def _against(check: Json | None, value: float | None, digits: int, unit: str = "") -> str:
    """A value with its limit below it, red when it is over."""
    if check is None:
        return fixed(value, digits)
    kind = "yes" if check["within"] else ("no" if check["by"] == "case" else "doubt")
    sign = "at least" if check["by"] == "process" else "limit"
    shown = "0" if check["value"] is not None and abs(check["value"]) < 0.5 * 10**-digits else None
    return (
        f'<span class="{kind}">{shown or fixed(check["value"], digits)}{unit}</span>'
        f'<br><span class="soft small">{sign} {check["limit"]:g}</span>'
    )


def _pictured(certificate: Json, deviations: Mapping[str, Sequence[Picture]]) -> str:
    """What was done to each part, with its pictures; parts that nothing was done to in one sentence."""
    same = [part["name"] for part in certificate["parts"] if part["identical"]]
    shown = [part for part in certificate["parts"] if not part["identical"]]
    text = ""
    if same:
        text += (
            f"<p><strong>Identical, number by number:</strong> {escape(', '.join(same))}. Nothing was done to them; "
            "the coordinates in prepared.3mf are those that came, to its rounding of 0.00002 mm.</p>"
        )
    for part in shown:
        pictures = deviations.get(part["name"], ())
        changes = _changes(part)
        text += f'<div class="part"><h3>{escape(part["name"])}</h3>{_where(part)}{gallery(pictures)}{changes}</div>'
    return text


def _where(part: Json) -> str:
    found = part["deviation_mm"]
    if not found["where_mm"] or found["max"] is None or found["max"] <= IDENTICAL_MM:
        return '<p class="soft">But for what was done on purpose, identical to its source. Numbers as in the table.</p>'
    place = ", ".join(fixed(x, 1) for x in found["where_mm"])
    return (
        f'<p class="soft">Farthest from its source at ({place}) mm: {fixed(found["max"], 3)} mm; on average '
        f"{fixed(found['mean'], 4)} mm over {found['samples']:,} points of both surfaces. Blue: material is missing; "
        "orange: there is too much. Numbers as in the table.</p>"
    )


def _changes(part: Json) -> str:
    rows = [
        (
            str(change["number"]),
            escape(change["stage"]),
            escape(change["what"]),
            _signed(change["volume_mm3"]),
            fixed(change["area_mm2"], 1) if change["area_mm2"] else "",
            "(" + ", ".join(fixed(x, 1) for x in change["where_mm"]) + ")" if change["where_mm"] else "",
        )
        for change in part["changes"]
    ]
    rows += [
        ("", "overlap", f"lost to {escape(lost['to'])}, which wins", f"-{fixed(lost['mm3'], 1)}", "", "")
        for lost in part["lost"]
        if lost["mm3"] is None or lost["mm3"] >= LOSS_SHOWN_MM3
    ]
    if not rows:
        return ""
    columns = (">no.", "stage", "what was done", ">mm³", ">new surface, mm²", "where, mm")
    shown = table(columns, rows[:CHANGES_SHOWN])
    if len(rows) > CHANGES_SHOWN:
        rest = table(columns, rows[CHANGES_SHOWN:])
        shown += f"<details><summary>{len(rows) - CHANGES_SHOWN} more changes</summary>{rest}</details>"
    return shown


def _pairs(certificate: Json) -> str:
    """Parts that share a wall or volume, and parts that cannot be told apart."""
    rows = [
        (
            escape(pair["low"]),
            escape(pair["high"]),
            fixed(pair["lost_mm3"], 2) if pair["lost_mm3"] else "",
            fixed(pair["coincident_mm2"], 1) if pair["coincident_mm2"] else "",
            "one material: not to be told apart" if pair["same_tool"] else "two tools",
        )
        for pair in certificate["pairs"]
    ]
    text = ""
    if rows:
        columns = ("part", "loses to", ">volume, mm³", ">shared wall, mm²", "printed of")
        text += f"<h3>Where parts meet</h3>{table(columns, rows)}"
    for one in certificate["merged"]:
        names = escape(", ".join(one["parts"]))
        text += f'<p class="soft">T{one["tool"]} prints of {escape(one["material"])}: {names}.</p>'
    return text


def _hashes(certificate: Json) -> str:
    rows = [
        (
            escape(part["name"]),
            f"<code>{escape(part['source_sha256'])}</code>",
            f"<code>{escape(part['printed_sha256'])}</code>",
        )
        for part in certificate["parts"]
    ]
    return (
        f'<p class="soft">Speaks of prepared.3mf, SHA-256 <code>{escape(certificate["prepared_sha256"])}</code></p>'
        "<details><summary>SHA-256 of every source file and every printed mesh</summary>"
        f"{table(('part', 'source file', 'printed mesh'), rows)}</details>"
    )


def _plain(value: float | None) -> str:
    return "-" if value is None else "0" if value < 5e-4 else fixed(value, 3)


def _signed(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:+,.1f}" if abs(value) >= LOSS_SHOWN_MM3 else "0"
