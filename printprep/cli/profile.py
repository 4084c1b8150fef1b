"""``printprep profile``: what printers, materials, processes, tissues and labs there are and what they say."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from printprep.cli.terminal import json_option, out, print_json, table

if TYPE_CHECKING:
    from printprep.profiles.models import Lab, Material, Printer, Process, Tissue

Rows = Iterable[tuple[str, ...]]

directory_option = click.option(
    "--profiles",
    "directory",
    type=click.Path(path_type=Path),
    help="The lab's own folder of profiles, laid over the shipped ones (else $PRINTPREP_PROFILES).",
)


@click.group()
def profile() -> None:
    """Printers, materials, processes, tissues and labs: list, show, diff, validate.

    \b
    Example:
      printprep profile list materials
      printprep profile show prusa-xl --origin
    """


@profile.command("list")
@click.argument("kind", required=False)
@directory_option
@json_option
def list_(kind: str | None, directory: Path | None, as_json: bool) -> None:
    """List the profiles of KIND (printers, materials, processes, tissues, labs), or of all kinds.

    \b
    Example:
      printprep profile list tissues
    """
    from printprep.profiles.load import KINDS, kind_named, load_profiles

    profiles = load_profiles(directory)
    kinds = [kind_named(kind)] if kind else list(KINDS)
    if as_json:
        print_json({k: [p.model_dump(mode="json") for p in profiles.of_kind(k).values()] for k in kinds})
        return
    console = out()
    for k in kinds:
        columns, rows = _TABLES[k](profiles.of_kind(k).values())
        listed = table(k, columns, rows)
        listed.columns[0].no_wrap = True  # an id is there to be copied
        console.print(listed)


@profile.command()
@click.argument("name")
@click.option("--origin", is_flag=True, help="Also show the file that each value came from.")
@directory_option
@json_option
def show(name: str, origin: bool, directory: Path | None, as_json: bool) -> None:
    """Show every value of NAME, an id or kind/id, with all that it inherits.

    \b
    Example:
      printprep profile show materials/petg-clear --origin
    """
    from rich.markup import escape

    from printprep.profiles.diff import values
    from printprep.profiles.load import load_profiles

    profiles = load_profiles(directory)
    kind, found = profiles.find(name)
    origins = profiles.origin(kind, found.id)
    if as_json:
        document: dict[str, object] = {"kind": kind, "profile": found.model_dump(mode="json")}
        print_json(document | {"origin": dict(origins)} if origin else document)
        return
    rows = [
        (key, _shown(key, value), *([escape(origins.get(key, ""))] if origin else []))
        for key, value in values(found).items()
    ]
    out().print(table(f"{kind}/{found.id}", ("key", "value", *(["from"] if origin else [])), rows))


@profile.command()
@click.argument("a")
@click.argument("b")
@directory_option
@json_option
def diff(a: str, b: str, directory: Path | None, as_json: bool) -> None:
    """Show the values in which profile A differs from profile B, and the files they came from.

    \b
    Example:
      printprep profile diff processes/standard processes/rush
    """
    from dataclasses import asdict

    from rich.markup import escape

    from printprep.profiles.diff import diff_profiles
    from printprep.profiles.load import load_profiles

    differences = diff_profiles(load_profiles(directory), a, b)
    if as_json:
        print_json({"a": a, "b": b, "differences": [asdict(d) for d in differences]})
        return
    rows = [
        (
            d.key,
            _shown(d.key, d.a),
            _shown(d.key, d.b),
            *(f"[dim]{escape(f)}[/dim]" if f else "" for f in (d.a_from, d.b_from)),
        )
        for d in differences
    ]
    console = out()
    if rows:
        console.print(table(f"{a} and {b}", ("key", a, b, f"{a} from", f"{b} from"), rows))
    else:
        console.print(f"{a} and {b} say the same.", markup=False)


@profile.command()
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@json_option
def validate(directory: Path | None, as_json: bool) -> None:
    """Check every profile, with DIRECTORY laid over the shipped ones: keys, ranges, inheritance, synonyms.

    Exits with 2 when something is wrong.

    \b
    Example:
      printprep profile validate ~/lab/profiles
    """
    from dataclasses import asdict

    from rich.markup import escape

    from printprep.profiles.load import KINDS, check_profiles

    profiles, problems = check_profiles(directory)
    counts = {kind: len(profiles.of_kind(kind)) for kind in KINDS} if profiles else {}
    if as_json:
        print_json({"valid": not problems, "problems": [asdict(p) for p in problems], "counts": counts})
    elif problems:
        rows = [(escape(p.file), escape(p.key), escape(p.message)) for p in problems]
        out().print(table("Problems", ("file", "key", "what"), rows))
    else:
        out().print("All good: " + ", ".join(f"{kind} {count}" for kind, count in counts.items()) + ".")
    if problems:
        sys.exit(2)


def _swatch(colour: tuple[int, int, int]) -> str:
    return "[on rgb({},{},{})]    [/]".format(*colour)


def _shown(key: str, value: object) -> str:
    from rich.markup import escape

    if key == "colour" and isinstance(value, list):
        return f"{_swatch((value[0], value[1], value[2]))} {escape(str(value))}"
    if value is None:
        return "[dim]-[/dim]"
    if isinstance(value, list):
        return escape(", ".join(str(v) for v in value))
    return escape(str(value).strip("\n"))


def _printers(printers: Iterable[Printer]) -> tuple[tuple[str, ...], Rows]:
    from rich.markup import escape

    def head(p: Printer) -> str:
        if p.fdm is not None:
            shared = " on one nozzle" if p.fdm.shared_nozzle and p.fdm.tools > 1 else ""
            return f"{p.fdm.tools} tool{'s' if p.fdm.tools > 1 else ''}{shared}, {p.fdm.nozzle_mm:g} mm"
        assert p.resin is not None  # the model has one of them
        return f"{p.resin.width_px} x {p.resin.height_px} px of {p.resin.pixel_mm[0]:g} mm, {p.resin.format}"

    rows = (
        (
            p.id,
            escape(p.name),
            p.technology,
            p.firmware,
            f"{p.bed.width_mm:g} x {p.bed.depth_mm:g} x {p.bed.height_mm:g}",
            head(p),
        )
        for p in printers
    )
    return ("id", "name", "technology", "firmware", ">volume, mm", "head or panel"), rows


def _materials(materials: Iterable[Material]) -> tuple[tuple[str, ...], Rows]:
    rows = (
        (
            m.id, _swatch(m.colour), m.technology, m.material_class, m.shore or "-", f"{m.density_g_cm3:g}",
            f"{m.price_per_kg} {m.currency}", f"{m.fdm.nozzle_c:g} / {m.fdm.bed_c:g} deg C" if m.fdm else "-",
        )
        for m in materials
    )  # fmt: skip
    return ("id", "", "technology", "class", "Shore", ">g/cm3", ">per kg", ">nozzle / bed"), rows


def _processes(processes: Iterable[Process]) -> tuple[tuple[str, ...], Rows]:
    from rich.markup import escape

    rows = (
        (
            p.id, f"{p.fdm.layer_height_mm:g}", f"{p.resin.layer_height_mm:g}", str(p.fdm.perimeters),
            f"{p.fdm.infill_percent:g} %", escape(p.gives_up),
        )
        for p in sorted(processes, key=lambda p: p.fdm.layer_height_mm)
    )  # fmt: skip
    return ("id", ">layer, mm", ">resin layer, mm", ">perimeters", ">infill", "what it gives up"), rows


def _tissues(tissues: Iterable[Tissue]) -> tuple[tuple[str, ...], Rows]:
    from rich.markup import escape

    rows = (
        (
            t.id, _swatch(t.colour), escape(t.name), t.material_class, str(t.priority), "yes" if t.paired else "",
            "{:g} to {:g}".format(*t.size_mm) if t.size_mm else "-",
        )
        for t in tissues
    )  # fmt: skip
    return ("id", "", "name", "class", ">priority", "paired", ">longest edge, mm"), rows


def _labs(labs: Iterable[Lab]) -> tuple[tuple[str, ...], Rows]:
    from rich.markup import escape

    rows = (
        (
            lab.id, escape(lab.name), lab.currency, str(lab.labour_per_h), str(lab.energy_per_kwh),
            f"{100 * lab.failure_rate:g} %",
        )
        for lab in labs
    )  # fmt: skip
    return ("id", "name", "currency", ">labour per h", ">energy per kWh", ">prints that fail"), rows


_TABLES: dict[str, Callable[[Iterable[Any]], tuple[tuple[str, ...], Rows]]] = {
    "printers": _printers,
    "materials": _materials,
    "processes": _processes,
    "tissues": _tissues,
    "labs": _labs,
}
