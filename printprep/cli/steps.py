"""``check``, ``prepare``, ``slice`` and ``run``: the way of a case, up to a step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from printprep.cli.certified import certificate_table, whole_line
from printprep.cli.terminal import Positive, json_option, out, print_findings, print_json, progress, table

if TYPE_CHECKING:
    from printprep.run import RunResult

F = TypeVar("F", bound=Callable[..., Any])
UNITS = ["um", "mm", "cm", "m", "in"]


def case_options(command: F) -> F:
    """Add what every step takes: the sources and how to read them."""
    for option in reversed(
        [
            click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path)),
            click.option("--units", type=click.Choice(UNITS), help="Unit of files that have none (STL, OBJ, PLY)."),
            click.option("--scale", type=Positive(), help="Size of the print over life."),
            click.option("--case-id", help="Opaque id; never a name. Default: from the hash of the files."),
            click.option("--synthetic", is_flag=True, help="No patient: a demonstration or a test."),
        ]
    ):
        command = option(command)
    return command


def print_options(command: F) -> F:
    """Add where and how it is printed, and the folder for what is made."""
    for option in reversed(
        [
            click.option("--printer", required=True, help="Id of a printer profile: printprep profile list printers."),
            click.option("--process", default="standard", show_default=True, help="Id of a process profile."),
            click.option("--out", "folder", type=click.Path(path_type=Path), default=Path("build"), show_default=True),
            click.option("--supports/--no-supports", default=True, show_default=True),
            click.option("--slicer", help="Engine: prusaslicer, curaengine, slic3r, resin. Default: as the case says."),
            click.option("--timeout", "timeout_s", default=3600.0, show_default=True, help="For one plate, in s."),
        ]
    ):
        command = option(command)
    return command


@click.command()
@case_options
@json_option
def check(as_json: bool, **wish: Any) -> None:
    """Name the defects of meshes or of a whole case, and whether repair would mend them; writes nothing.

    \b
    Example:
      printprep check case.toml
      printprep check skull.stl jaw.stl --units m
    """
    finish(
        along_the_way(
            "repair", as_json, printer="virtual", process="standard", folder=Path(), past_errors=True, **wish
        ),
        as_json,
    )


@click.command()
@case_options
@print_options
@json_option
def prepare(as_json: bool, **wish: Any) -> None:
    """Repair, assign, orient, hollow and arrange; write prepared.3mf and its certificate.

    \b
    Example:
      printprep prepare case.toml --printer prusa-xl --out build
    """
    finish(along_the_way("certify", as_json, **wish), as_json)


@click.command("slice")
@case_options
@print_options
@json_option
def slice_(as_json: bool, **wish: Any) -> None:
    """Prepare, slice, guard and price, without a report.

    \b
    Example:
      printprep slice case.toml --printer ender-3 --process draft --no-supports
    """
    finish(along_the_way("price", as_json, **wish), as_json)


@click.command()
@case_options
@print_options
@json_option
def run(as_json: bool, **wish: Any) -> None:
    """The whole way: from meshes to checked print files and a report.

    \b
    Example:
      printprep run case.toml --printer prusa-xl --process standard --out build
      printprep run meshes/ --units mm --printer prusa-sl1s --json
    """
    finish(along_the_way("report", as_json, **wish), as_json)


def along_the_way(
    until: str,
    as_json: bool,
    *,
    sources: tuple[Path, ...],
    printer: str,
    process: str,
    folder: Path,
    supports: bool = True,
    timeout_s: float = 3600.0,
    past_errors: bool = False,
    **reading: Any,
) -> RunResult:
    """Run a case up to a step, with bars for a person."""
    from printprep.profiles.load import load_profiles
    from printprep.run import Request, run_case

    request = Request(
        sources=sources,
        printer=printer,
        process=process,
        out=folder,
        supports=supports,
        timeout_s=timeout_s,
        **reading,
    )
    with progress(as_json) as watcher:
        return run_case(request, load_profiles(), until, watcher, past_errors=past_errors)


def finish(result: RunResult, as_json: bool) -> None:
    """Print a result, and exit with 1 when findings ended the way."""
    from printprep.run import document_of

    document = document_of(result)
    if as_json:
        print_json(document)
    else:
        summary(result, document)
    if result.stopped:
        raise click.exceptions.Exit(1)


def summary(result: RunResult, document: dict[str, Any]) -> None:
    """What a person reads at the end, the most important last: parts, findings, plates, cost, verdict."""
    from rich.markup import escape

    console = out()
    if document["parts"]:
        console.print(parts_table(document["parts"], brief=document["certificate"] is not None))
    if document["orientations"]:
        console.print(orientations_table(document["orientations"]))
    if document["certificate"]:
        console.print(certificate_table(document))
    print_findings(result.findings, console)
    if document["certificate"]:
        console.print(whole_line(document), markup=False)
    for plate in document["plates"]:
        console.print(plate_line(plate))
    if document["estimate"] and document["estimate"]["cost"]:
        console.print(cost_table(document["estimate"]["cost"]))
    counts = f"errors: {_count(result, 'error')}, warnings: {_count(result, 'warning')}"
    if result.stopped:
        console.print(
            f"[bold red]Stopped[/bold red] ({counts}). Mend what is red, or accept it in case.toml with a reason."
        )
    elif result.plates:
        files = ", ".join(plate.file.name for plate in result.plates)
        console.print(f"[green]Ready[/green] in {escape(str(result.request.out))}: {escape(files)} ({counts}).")
    else:
        console.print(f"[green]Nothing stands against it[/green] ({counts}).")


def _count(result: RunResult, severity: str) -> int:
    """How many findings of that severity are open."""
    return sum(finding.severity == severity and finding.accepted is None for finding in result.findings)


def cost_table(cost: dict[str, Any]) -> Any:
    """The rows of a cost and their total, to the cent."""
    rows = [(name, f"{amount:.2f}") for name, amount in cost.items() if name != "currency"]
    return table(f"Cost, {cost['currency']}", ("what", ">amount"), rows)


def parts_table(parts: list[dict[str, Any]], *, brief: bool = False) -> Any:
    """The parts of a document as a table; what is not known yet, or ``brief`` leaves to another, has no column."""
    from rich.markup import escape

    def tool(part: dict[str, Any]) -> str:
        return "-" if part["tool"] is None else f"T{part['tool']}"

    def deviation(part: dict[str, Any]) -> str:
        return f"{part['deviation_mm']['max']:.3f}" if part["deviation_mm"] else "-"

    columns = {
        "part": [escape(part["name"]) for part in parts],
        "tissue": [escape(part["tissue"] or "-") for part in parts],
        "side": [part["side"] or "-" for part in parts],
        "material": [escape(part["material"] or "-") for part in parts],
        "tool": [tool(part) for part in parts],
        ">triangles": [f"{part['triangles']:,}" for part in parts],
        ">ml": [f"{part['volume_mm3'] / 1000:,.2f}" for part in parts],
        "closed": ["yes" if part["closed"] else "[red]no[/red]" for part in parts],
        ">max deviation mm": [deviation(part) for part in parts],
    }
    elsewhere = {">ml", "closed", ">max deviation mm"} if brief else set()
    known = {title: cells for title, cells in columns.items() if set(cells) != {"-"} and title not in elsewhere}
    return table("Parts", list(known), list(zip(*known.values(), strict=True)))


def orientations_table(orientations: list[dict[str, Any]]) -> Any:
    """The ways up to choose among, by ``[orient] choice`` in case.toml; an arrow marks the one taken."""
    from rich.markup import escape

    rows = [
        (
            ("> " if one["chosen"] else "  ") + str(one["number"] or "asked"),
            ", ".join(f"{x:.2f}" for x in one["up"]),
            f"{one['score']:.3f}",
            f"{one['support_mm3'] / 1000:.1f}",
            f"{one['marked_mm2']:.0f}",
            f"{one['height_mm']:.1f}",
            escape(one["reason"]),
        )
        for one in orientations
    ]
    columns = ("choice", "what points up", ">score", ">room for supports ml", ">marks mm2", ">height mm", "why")
    return table("Ways up", columns, rows)


def plate_line(plate: dict[str, Any]) -> str:
    """One line for one plate."""
    from rich.markup import escape

    from printprep.cli.times import layers_said
    from printprep.units import format_duration

    estimate = plate["estimate"]
    grams = sum(use["g"] for use in estimate["material"])
    layers = layers_said(plate["anatomy_layer_count"], plate["layer_count"])
    return (
        f"[bold]{escape(plate['file'])}[/bold]  {layers}, {format_duration(estimate['duration_s'])}, "
        f"{grams:.0f} g, sha256 {plate['sha256'][:12]}…"
    )
