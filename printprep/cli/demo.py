"""``printprep demo``: a real case, from segmented meshes to a print that is streamed line by line."""

from __future__ import annotations

import shutil
import time
from importlib.resources import as_file, files
from pathlib import Path

import click

from printprep.cli.steps import along_the_way, finish
from printprep.cli.terminal import console, out
from printprep.units import format_duration


@click.command()
@click.option("--out", "folder", type=click.Path(path_type=Path), default=Path("build/demo"), show_default=True)
@click.option("--printer", default="prusa-xl", show_default=True, help="Id of a printer profile.")
@click.option("--process", default="draft", show_default=True, help="Id of a process profile.")
@click.pass_context
def demo(ctx: click.Context, folder: Path, printer: str, process: str) -> None:
    """Take a real case (an aortic dissection at a child's size, synthetic) from meshes to a streamed print.

    \b
    Example:
      printprep demo --out build/demo
    """
    from rich.markup import escape

    started_s = time.perf_counter()
    with as_file(files("printprep") / "demo" / "dissection") as source:
        case = folder / "case"
        shutil.copytree(source, case, dirs_exist_ok=True)
    if printer_needs_a_slicer(printer) and shutil.which("prusa-slicer") is None:
        console().print("[yellow]PrusaSlicer is missing[/yellow]: printprep doctor says how to get it.")
        console().print("The demonstration goes on with a resin printer, which needs no slicer.")
        printer = "prusa-sl1s"
    result = along_the_way(
        "report", False, sources=(case / "case.toml",), printer=printer, process=process, folder=folder
    )
    finish(result, False)
    if result.plates[0].file.suffix == ".gcode":
        print_on_the_virtual_printer(ctx, result.plates[0].file)
    out().print(f"Look at [bold]{escape(str(folder / 'report.html'))}[/bold].")
    out().print(f"From meshes to the last line: {format_duration(time.perf_counter() - started_s)}.")


def printer_needs_a_slicer(printer_id: str) -> bool:
    """Whether files for that printer come from a slicer."""
    from printprep.profiles.load import load_profiles

    return load_profiles().printer(printer_id).technology == "fdm"


def print_on_the_virtual_printer(ctx: click.Context, file: Path) -> None:
    """Send the file over a pty to the project's own printer, as ``printprep send`` does."""
    from printprep.cli.send import send

    out().print("Printing on the virtual printer: every line numbered, checked and acknowledged over a pty.")
    ctx.invoke(send, file=file, printer="virtual", log=file.with_suffix(".printed.log"))
