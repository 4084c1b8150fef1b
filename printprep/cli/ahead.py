"""What every process would take, told without slicing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from printprep.cli.steps import along_the_way, finish
from printprep.cli.terminal import out, print_json, table

if TYPE_CHECKING:
    from printprep.plan import Estimate
    from printprep.run import RunResult


def print_variants(as_json: bool, **wish: Any) -> None:
    """Prepare a case, and print what it takes with each process, as it stands on the plate."""
    from printprep.run import told_ahead

    result = along_the_way("prepare", as_json, **wish)
    if result.stopped or result.plan is None:
        finish(result, as_json)
        raise click.exceptions.Exit(1)
    order = sorted(result.profiles.processes.values(), key=lambda p: (p.fdm.layer_height_mm, p.id))
    told = {process.id: told_ahead(result, process.id) for process in order}
    if as_json:
        print_json({"variants": [document(result, name, estimate) for name, estimate in told.items()]})
        return
    rows = [row(result, document(result, name, estimate)) for name, estimate in told.items()]
    columns = ("process", ">time", ">from", ">to", ">g", ">cost", "what it gives up")
    out().print(table(f"{result.printer.id}, told from sections, as prepared for {result.process.id}", columns, rows))


def document(result: RunResult, process: str, estimate: Estimate) -> dict[str, Any]:
    """One variant for programs."""
    from printprep.slicers.ahead import range_s

    low_s, high_s = range_s(estimate.duration_s, result.printer, result.profiles.process(process))
    cost = estimate.cost
    return {
        "printer": result.printer.id,
        "process": process,
        "duration_s": estimate.duration_s,
        "duration_from_s": low_s,
        "duration_to_s": high_s,
        "material": [
            {"material": use.material, "tool": use.tool, "mm3": use.mm3, "g": use.g} for use in estimate.material
        ],
        "cost": None if cost is None else {"total": str(cost.total), "currency": cost.currency},
        "gives_up": result.profiles.process(process).gives_up,
    }


def row(result: RunResult, variant: dict[str, Any]) -> tuple[str, ...]:
    """One variant for people; bold is the process that was asked for."""
    from printprep.units import format_duration

    mark = "[bold]" if variant["process"] == result.process.id else ""
    cost = variant["cost"]
    return (
        mark + variant["process"],
        *(format_duration(variant[key]) for key in ("duration_s", "duration_from_s", "duration_to_s")),
        f"{sum(use['g'] for use in variant['material']):.0f}",
        "" if cost is None else f"{cost['total']} {cost['currency']}",
        variant["gives_up"],
    )
