"""``printprep verify``: a build is the one that was certified; a file for a printer holds the anatomy of its case."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from printprep.cli.terminal import json_option, out, print_findings, print_json, progress, table

if TYPE_CHECKING:
    from printprep.verify import Verified


@click.command()
@click.argument("what", type=click.Path(exists=True, path_type=Path), metavar="BUILD|FILE")
@click.option(
    "--case",
    type=click.Path(exists=True, path_type=Path),
    help="Of FILE, wherever it lies: a case.toml, its folder, or a build.  [default: the build beside it]",
)
@click.option("--plate", type=click.IntRange(min=1), help="That FILE is of.  [default: by the lock, or its name]")
@click.option(
    "--pictures", type=click.Path(file_okay=False, path_type=Path), help="Write pictures of the worst layers there."
)
@json_option
def verify(what: Path, case: Path | None, plate: int | None, pictures: Path | None, as_json: bool) -> None:
    """Hold a build against its lock, or what a file prints against the anatomy; exit code 1 when something is wrong.

    Of a folder: every file of the build is still the one that was certified. Of a file for a printer, G-code or resin:
    what it lays down, layer by layer, is what should be printed; a file that was edited or sliced by hand too.

    \b
    Example:
      printprep verify build
      printprep verify build/plate-1.gcode --case case.toml
      printprep verify ~/edited.gcode --case cases/12/case.toml --pictures looked-at --json
    """
    if what.is_dir():
        if case is not None or plate is not None or pictures is not None:
            raise click.UsageError("--case, --plate and --pictures are for a FILE; a build is held against its lock")
        verify_build(what, as_json)
    else:
        verify_file(what, case, plate, pictures, as_json)


def verify_build(build: Path, as_json: bool) -> None:
    """Compare every file of a build with its lock."""
    from rich.markup import escape

    from printprep.lock import verify_lock

    states = verify_lock(build)
    bad = [state for state in states if state.state != "as locked"]
    if as_json:
        print_json({"files": [asdict(state) for state in states], "verified": not bad})
    else:
        rows = [(escape(s.file), f"[{'red' if s in bad else 'green'}]{s.state}[/]", s.sha256[:16]) for s in states]
        out().print(
            table(f"Case {states[0].case_id}" if states else "Nothing locked", ("file", "state", "sha256"), rows)
        )
    if bad:
        raise click.exceptions.Exit(1)


def verify_file(file: Path, case: Path | None, plate: int | None, pictures: Path | None, as_json: bool) -> None:
    """Compare what a file prints with the sections of the parts that it should hold."""
    from printprep.profiles.load import load_profiles
    from printprep.verify import asked_for, verifying

    asked = asked_for(file, case)
    with progress(as_json) as watcher, verifying(file, asked, load_profiles(), plate=plate, progress=watcher) as found:
        worst = _pictured(found, pictures)
        if as_json:
            print_json(_document(found, worst))
        else:
            _say(found, worst, pictures)
        if not found.holds:
            raise click.exceptions.Exit(1)


def _pictured(found: Verified, folder: Path | None) -> list[dict[str, Any]]:
    """The layers to look at; their pictures are written if there is a folder for them."""
    from printprep.files import write_bytes
    from printprep.report.proof import worst_json
    from printprep.report.worst import Colours, worst_pictures

    if folder is None:
        return []
    tools = {part.tool: part.colour for part in reversed(found.parts) if not part.added}
    colours = Colours(parts=[part.colour for part in found.parts], tools=tools)
    proved = found.proved
    shown = worst_pictures(proved.proof, proved.checked, proved.comparison, colours, found.plate)
    folder.mkdir(parents=True, exist_ok=True)
    for one, picture in shown:
        write_bytes(folder / one.picture, picture.png)
    return [worst_json(one) for one, _ in shown]


def _document(found: Verified, worst: list[dict[str, Any]]) -> dict[str, Any]:
    from printprep.report.document import finding_json
    from printprep.report.verified import proof_json

    lock = found.asked.lock
    return {
        "verified": found.holds,
        "file": found.file.name,
        "sha256": found.sha256,
        "state": found.state,
        "build": str(found.asked.folder),
        "case": lock.case_id,
        "printer": lock.printer,
        "plate": found.plate,
        "limits": found.asked.limits.model_dump(),
        **proof_json(found.proved.proof, {part.name: part.tool for part in found.parts}),
        "findings": [finding_json(finding) for finding in found.findings],
        "worst": worst,
    }


def _say(found: Verified, worst: list[dict[str, Any]], pictures: Path | None) -> None:
    """A row a part, then what is wrong, then the verdict."""
    from rich.markup import escape

    from printprep.lock import NAME as LOCK
    from printprep.lock import PREPARED

    proof, limits, console = found.proved.proof, found.asked.limits, out()
    tools = {part.name: part.tool for part in found.parts}
    rows = [
        (
            escape(one.part),
            "[green]holds[/green]" if one.holds else "[bold red]does not[/bold red]",
            f"T{tools[one.part]}",
            f"{one.outline_mm / 1000:.2f}",
            f"{one.p95_mm:.3f}",
            f"{one.lost_mm3:.2f}",
            f"{one.wrong_tool_mm3:.2f}",
        )
        for one in proof.held
    ]
    title = (
        f"{found.file.name}, plate {found.plate} of case {found.asked.lock.case_id}, {found.state}: {proof.layers} "
        f"layers; 95 % of an outline within {limits.deviation_p95_mm:g} mm, nothing lost deeper than "
        f"{limits.deviation_max_mm:g} mm"
    )
    columns = ("part", "in the file", "tool", ">outline m", ">95 % mm", ">not printed mm3", ">wrong tool mm3")
    console.print(table(title, columns, rows))
    print_findings(found.findings, console)
    console.print(f"Held against {escape(PREPARED)}, as {escape(str(found.asked.folder / LOCK))} says.", soft_wrap=True)
    for one in worst:
        console.print(escape(f"{(pictures or Path()) / one['picture']}: layer {one['layer']}, {one['what']}"))
    if found.holds:
        console.print(f"[green]{escape(found.file.name)} holds the anatomy.[/green]")
    else:
        console.print(f"[bold red]{escape(found.file.name)} does not hold the anatomy[/bold red] as it was asked for.")
