"""The certificate in a terminal: a row a part, green within the limits, yellow to look at, red over them."""

from __future__ import annotations

from typing import Any

from printprep.cli.terminal import table

Json = dict[str, Any]
LOSS_SHOWN_MM3 = 0.05
DONE_SHOWN = 3
"""What was done to a part, in so many words; the report has the rest."""


def certificate_table(document: Json) -> Any:
    """What will be printed against what was asked for, of a document that has a certificate."""
    certificate, limits = document["certificate"], document["case"]["limits"]
    rows = [_row(part) for part in certificate["parts"]]
    columns = ("part", "verdict", ">largest", ">95 %", ">ml asked", ">printed", ">unasked", ">wall", "done to it")
    title = (
        f"Printed against asked for: largest deviation <= {limits['deviation_max_mm']:g} mm, 95 % <= "
        f"{limits['deviation_p95_mm']:g} mm, volume that nobody asked for <= {limits['volume_change_percent']:g} %"
    )
    return table(title, columns, rows)


def whole_line(document: Json) -> str:
    """The whole in one line."""
    whole = document["certificate"]["whole"]
    said = [f"{whole['identical']} of {whole['parts']} parts exactly as they came"]
    if whole["worst_part"]:
        said.append(f"farthest from its source: {whole['worst_part']}, {whole['deviation_max_mm']:.3f} mm")
    said.append(f"{(whole['volume_mm3'] or 0) / 1000:,.2f} ml of anatomy")
    if whole["added"]:
        said.append(f"{whole['added']} added parts, {(whole['added_mm3'] or 0) / 1000:,.2f} ml")
    if whole["lost_mm3"]:
        said.append(f"{whole['lost_mm3']:,.1f} mm3 lost to each other")
    return "; ".join(said)


def _row(proof: Json) -> tuple[str, ...]:
    from rich.markup import escape

    checks = {check["what"]: check for check in proof["checks"]}
    walls = [check for check in proof["checks"] if check["by"] == "process"]
    asked = proof["volume_source_mm3"]
    return (
        escape(proof["name"]),
        _verdict(proof),
        _value(checks.get("deviation-max"), 3),
        _value(checks.get("deviation-p95"), 3),
        "[dim]open[/dim]" if asked is None else f"{asked / 1000:,.2f}",
        f"{(proof['volume_mm3'] or 0) / 1000:,.2f}",
        _value(checks.get("volume-change"), 2, " %"),
        _value(walls[0], 2) if walls else "[green]ok[/green]",
        escape(_done(proof)),
    )


def _verdict(proof: Json) -> str:
    if not proof["within_limits"]:
        return "[bold red]over[/bold red]"
    return "[green]as it came[/green]" if proof["identical"] else "[green]within[/green]"


def _value(check: Json | None, digits: int, unit: str = "") -> str:
    """A value, green within its limit; over it red, or yellow when the limit is the process's."""
    if check is None or check["value"] is None:
        return "-"
    value = 0.0 if abs(check["value"]) < 0.5 * 10**-digits else check["value"]
    colour = "green" if check["within"] else "bold red" if check["by"] == "case" else "yellow"
    return f"[{colour}]{value:.{digits}f}{unit}[/{colour}]"


def _done(proof: Json) -> str:
    """What was done, the most at once."""
    counts: dict[str, int] = {}
    for change in proof["changes"]:
        counts[change["stage"]] = counts.get(change["stage"], 0) + 1
    said = [f"{stage} {count}x" if count > 1 else stage for stage, count in counts.items()]
    lost = [one for one in proof["lost"] if (one["mm3"] or 0) >= LOSS_SHOWN_MM3]
    if lost:
        takers = lost[0]["to"] if len(lost) == 1 else f"{len(lost)} parts"
        said.append(f"{sum(one['mm3'] for one in lost):.1f} mm3 lost to {takers}")
    more = [f"{len(said) - DONE_SHOWN} more"] if len(said) > DONE_SHOWN else []
    return ", ".join([*said[:DONE_SHOWN], *more]) or "nothing"
