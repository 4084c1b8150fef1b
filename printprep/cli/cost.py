"""``printprep cost``: what a build costs, row by row."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from printprep.cli.terminal import json_option, out, print_json, table
from printprep.errors import InputError


@click.command()
@click.argument("build", type=click.Path(exists=True, path_type=Path), metavar="BUILD|REPORT")
@json_option
def cost(build: Path, as_json: bool) -> None:
    """What a build costs, row by row, exact to the cent; BUILD is its folder or its report.json.

    \b
    Example:
      printprep cost build
    """
    from printprep.plan import COST_ROWS
    from printprep.report.saved import NAME

    plates, case = read_costs(build / NAME if build.is_dir() else build)
    if as_json:
        print_json({"plates": plates, "estimate": case})
        return
    from rich.markup import escape

    from printprep.units import format_duration

    names = [*(str(plate["file"]) for plate in plates), *(["all"] if len(plates) > 1 else [])]
    costs = [plate["estimate"]["cost"] for plate in plates] + ([case["cost"]] if len(plates) > 1 else [])
    rows = [(text, *(f"{Decimal(str(one[row])):.2f}" for one in costs)) for row, text in COST_ROWS.items()]
    total = ("[bold]total[/]", *(f"[bold]{Decimal(str(one['total'])):.2f}[/]" for one in costs))
    columns = ("", *(f">{name}" for name in names))
    out().print(table(f"Cost, {case['cost']['currency']}", columns, [*rows, total]))
    materials = [
        (f"T{use['tool']}", escape(use["material"]), f"{use['g']:.1f} g", f"{Decimal(str(use['cost'])):.2f}")
        for use in case["material"]
    ]
    out().print(table("Material", ("tool", "material", ">mass", ">cost"), materials))
    out().print(f"{format_duration(case['duration_s'])} of printing.")


def read_costs(report: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Plates, each file with its estimate, and the estimate of the whole; an InputError if it is not priced."""
    from printprep.plan import COST_ROWS
    from printprep.report.saved import read_report

    document = read_report(report)
    try:
        plates = [{"file": plate["file"], "estimate": plate["estimate"]} for plate in document["plates"]]
        case = document["estimate"]
        for estimate in (*(plate["estimate"] for plate in plates), case):
            cost = estimate["cost"]
            if sum(Decimal(str(cost[row])) for row in COST_ROWS) != Decimal(str(cost["total"])):
                raise InputError(f"{report}: the rows do not add up to the total; run the case again")
    except (KeyError, TypeError, InvalidOperation) as exc:
        raise InputError(f"{report} holds no priced plates; run the case again") from exc
    return plates, case
