"""What a case would take in many ways, told without slicing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from printprep.cli.steps import along_the_way, finish
from printprep.cli.terminal import out, print_json, progress, table

if TYPE_CHECKING:
    from printprep.profiles.load import Profiles
    from printprep.variants import Told

WAYS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says of variants, as texts of lists."""

    printers: str | None = None
    layers: str | None = None
    infills: str | None = None
    ways: int | None = None

    def __bool__(self) -> bool:
        return any(one is not None for one in (self.printers, self.layers, self.infills, self.ways))


def print_variants(as_json: bool, asked: Asked, **wish: Any) -> None:
    """Repair a case, and print what it takes in each of the ways asked for, the quickest first."""
    from printprep.variants import Wishes, told_variants

    result = along_the_way("repair", as_json, **wish)
    if result.stopped:
        finish(result, as_json)
        raise click.exceptions.Exit(1)
    layers_mm, infills = numbers(asked.layers, "--layers"), numbers(asked.infills, "--infills")
    order = sorted(result.profiles.processes.values(), key=lambda p: (p.fdm.layer_height_mm, p.id))
    own = bool(layers_mm or infills)
    others = [name.strip() for name in asked.printers.split(",")] if asked.printers else []
    wishes = Wishes(
        printers=tuple(dict.fromkeys(result.profiles.printer(name).id for name in (result.printer.id, *others))),
        processes=(result.process.id,) if own else tuple(process.id for process in order),
        ways=WAYS if asked.ways is None else asked.ways,
        layers_mm=layers_mm,
        infills_percent=infills,
    )
    with progress(as_json) as watcher:
        found = told_variants(result, wishes, watcher)
    if as_json:
        print_json({"variants": [document(one, result.profiles) for one in found]})
    else:
        columns = ("printer", "process", ">layer", ">infill", ">way up", ">time", ">from", ">to", ">g", ">cost", "")
        title = f"{len(found)} variants told from sections, oriented for {result.process.id}"
        out().print(table(title, columns, [row(one, result.profiles) for one in found]))
    if all(one.problem for one in found):
        raise click.exceptions.Exit(1)


def numbers(text: str | None, option: str) -> tuple[float, ...]:
    """A list of positive numbers as it is written on the command line."""
    if text is None:
        return ()
    try:
        found = tuple(float(one) for one in text.split(","))
    except ValueError as exc:
        raise click.BadParameter(f"{text!r} is no list of numbers such as 0.1,0.2", param_hint=option) from exc
    high = 100.0 if option == "--infills" else 1.0
    if not all((option == "--infills" and one == 0) or 0 < one <= high for one in found):
        raise click.BadParameter(f"{text!r}: each is above 0 and no more than {high:g}", param_hint=option)
    return found


def document(one: Told, profiles: Profiles) -> dict[str, Any]:
    """One variant for programs."""
    estimate = one.estimate
    cost = None if estimate is None else estimate.cost
    low_s, high_s = (None, None) if one.range_s is None else one.range_s
    return {
        "printer": one.printer,
        "process": one.process,
        "layer_height_mm": one.layer_mm,
        "infill_percent": one.infill_percent,
        "way_up": one.way,
        "up": None if one.up is None else list(one.up),
        "duration_s": None if estimate is None else estimate.duration_s,
        "duration_from_s": low_s,
        "duration_to_s": high_s,
        "material": [
            {"material": use.material, "tool": use.tool, "mm3": use.mm3, "g": use.g}
            for use in (() if estimate is None else estimate.material)
        ],
        "cost": None if cost is None else {"total": str(cost.total), "currency": cost.currency},
        "gives_up": profiles.process(one.process).gives_up,
        "problem": one.problem,
    }


def row(one: Told, profiles: Profiles) -> tuple[str, ...]:
    """One variant for people."""
    from rich.markup import escape

    from printprep.units import format_duration

    said = document(one, profiles)
    infill = "" if one.infill_percent is None else f"{one.infill_percent:g} %"
    what = (one.printer, one.process, f"{one.layer_mm:g}", infill, str(one.way or "asked"))
    if one.problem is not None:
        return (*what, "", "", "", "", "", f"[red]{escape(one.problem)}[/]")
    cost = said["cost"]
    return (
        *what,
        *(format_duration(said[key]) for key in ("duration_s", "duration_from_s", "duration_to_s")),
        f"{sum(use['g'] for use in said['material']):.0f}",
        "" if cost is None else f"{cost['total']} {cost['currency']}",
        "",
    )
