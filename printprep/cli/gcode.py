"""``estimate`` and ``guard``: what a G-code file will take, and whether it may leave the house."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from printprep.cli.ahead import Asked, print_variants
from printprep.cli.lab import store_option
from printprep.cli.steps import along_the_way, case_options, finish, print_options
from printprep.cli.terminal import json_option, out, print_findings, print_json
from printprep.cli.times import print_times


@click.command()
@case_options
@print_options
@click.option("--variants", is_flag=True, help="Of a case: many ways to print it, told without slicing.")
@click.option("--printers", metavar="A,B", help="With --variants: these printers, too.")
@click.option("--layers", metavar="MM,MM", help="With --variants: heights of layers, with --process instead of all.")
@click.option("--infills", metavar="%,%", help="With --variants: densities of the filling, likewise.")
@click.option(
    "--ways", type=click.IntRange(1, 5), help="With --variants: so many ways up, the best first.  [default: 3]"
)
@click.option("--material", "materials", multiple=True, help="Of a G-code file: id of a material, one for each tool.")
@store_option
@json_option
def estimate(
    as_json: bool,
    variants: bool,
    printers: str | None,
    layers: str | None,
    infills: str | None,
    ways: int | None,
    materials: tuple[str, ...],
    store_url: str | None,
    **wish: Any,
) -> None:
    """Time, material and cost: of a case, by slicing it; of a G-code or resin file, by reading it.

    A G-code file is timed move by move as the printer's firmware plans it, with its waits for heat, homing and changes
    of tool. --printer may then be a printer of the lab by name: what its earlier prints took narrows the range.

    \b
    Example:
      printprep estimate case.toml --printer prusa-xl --process draft
      printprep estimate case.toml --printer prusa-xl --variants
      printprep estimate case.toml --printer prusa-xl --variants --printers ender-3 --layers 0.1,0.2 --infills 10,20
      printprep estimate build/plate-1.gcode --printer prusa-xl --material pla --json
    """
    from printprep.gcode.source import SUFFIXES

    sources: tuple[Path, ...] = wish["sources"]
    asked = Asked(printers=printers, layers=layers, infills=infills, ways=ways)
    if asked and not variants:
        raise click.UsageError("--printers, --layers, --infills and --ways say which variants are told: add --variants")
    if variants:
        print_variants(as_json, asked, **wish)
    elif len(sources) == 1 and sources[0].suffix.lower() in SUFFIXES:
        print_times(sources[0], wish["printer"], materials, store_url, as_json)
    elif len(sources) == 1 and sources[0].suffix.lower() in (".sl1", ".sl1s", ".zip"):
        print_layers(sources[0], as_json)
    else:
        finish(along_the_way("price", as_json, **wish), as_json)


def print_layers(file: Path, as_json: bool) -> None:
    """Print what a file of layers says of its time and its resin, and how many layers are in it."""
    from printprep.formats import chitu, sl1
    from printprep.formats.layers import figures
    from printprep.units import format_duration

    layers = (chitu if file.suffix.lower() == chitu.SUFFIX else sl1).read(file)
    duration_s, volume_ml = figures(layers)
    if as_json:
        print_json(
            {"file": file.name, "duration_s": duration_s, "volume_ml": volume_ml, "layer_count": len(layers)}
        )  # fmt: skip
        return
    took = "time unknown" if duration_s is None else format_duration(duration_s)
    resin = "volume unknown" if volume_ml is None else f"{volume_ml:.1f} ml of resin"
    out().print(f"{file.name}: {took}, {len(layers)} layers, {resin}, as the file says", markup=False)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--printer", help="Id of the printer profile that it is for.  [default: its build's]")
@click.option(
    "--material", "materials", multiple=True, help="Id of a material, one for each tool.  [default: its build's]"
)
@click.option(
    "--case",
    type=click.Path(exists=True, path_type=Path),
    help="Of FILE, wherever it lies: a case.toml, its folder, or a build.  [default: the build beside it]",
)
@json_option
def guard(file: Path, printer: str | None, materials: tuple[str, ...], case: Path | None, as_json: bool) -> None:
    """Refuse a G-code file that could harm or that identifies; exit code 4.

    In the folder of its build, or with --case, the names of the case's parts are known, what the case accepts holds,
    and printer and materials are those of the build.

    \b
    Example:
      printprep guard build/plate-1.gcode
      printprep guard ~/edited.gcode --case cases/12/case.toml
      printprep guard build/plate-1.gcode --printer prusa-xl --material pla --material petg
    """
    from rich.markup import escape

    from printprep.case import settle, stopping
    from printprep.gcode.guard import guard as guard_gcode
    from printprep.profiles.load import load_profiles
    from printprep.report.document import finding_json
    from printprep.safety import guard_limits, refuse_pictures, vouched

    refuse_pictures(file)
    profiles = load_profiles()
    known = vouched(file, profiles, case)
    made_for = printer or known.printer
    if made_for is None:
        raise click.UsageError(f"{file.name} lies in no build: say which printer it is for, with --printer or --case")
    ids = dict(enumerate(materials)) or known.materials
    loaded = {tool: profiles.material(name) for tool, name in ids.items()}
    limits = guard_limits(profiles.printer(made_for), loaded, known_words=known.words)
    findings = settle(guard_gcode(file, limits), known.accept)
    if as_json:
        print_json({"findings": [finding_json(finding) for finding in findings]})
    elif findings:
        print_findings(findings, out())
    else:
        out().print(f"[green]{escape(file.name)} may be sent.[/green]")
    bad = len(stopping(findings))
    if bad and not as_json:
        out().print(f"[red]{escape(file.name)} must not be sent: {bad} reason{'s' * (bad > 1)}.[/red]")
    if bad:
        raise click.exceptions.Exit(4)
