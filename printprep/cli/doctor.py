"""``printprep doctor``: every program that printprep can drive, its version, and how to get what is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from glob import glob
from typing import Final

import click

from printprep.cli.terminal import json_option, out, print_json, table
from printprep.errors import SlicerNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that printprep can drive, and what it is good for."""

    name: str
    use: str
    executable: str
    version: tuple[str, ...]  # arguments that make it say its version
    package: str  # of Debian and Ubuntu
    needed: bool = False  # without it a case cannot be printed by extrusion


PROGRAMS: Final = (
    Program(
        name="PrusaSlicer",
        use="slices for extruding printers",
        executable="prusa-slicer",
        version=("--help",),
        package="prusa-slicer",
        needed=True,
    ),
    Program(
        name="CuraEngine",
        use="a second slicer",
        executable="CuraEngine",
        version=("help",),
        package="cura-engine",
    ),
    Program(name="Slic3r", use="a third slicer", executable="slic3r", version=("--version",), package="slic3r"),
    Program(
        name="PostgreSQL",
        use="a lab of several hosts; tests",
        executable="postgres",
        version=("--version",),
        package="postgresql",
    ),
    Program(name="Chromium", use="tests of pages", executable="chromium", version=("--version",), package="chromium"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of one program."""

    name: str
    use: str
    version: str | None
    path: str | None
    needed: bool
    get: str | None  # how to get it, when it is missing


def find(program: Program) -> Found:
    """Look for a program and ask it for its version."""
    beside_path = glob(f"/usr/lib/postgresql/*/bin/{program.executable}")  # Debian keeps servers off the PATH
    path = shutil.which(program.executable) or next(iter(sorted(beside_path)), None)
    return Found(
        name=program.name,
        use=program.use,
        version=None if path is None else version_of(path, program.version),
        path=path,
        needed=program.needed,
        get=None if path else f"apt-get install --no-install-recommends {program.package}",
    )


def version_of(path: str, arguments: tuple[str, ...]) -> str:
    """The first thing that looks like a version in what the program says."""
    try:
        said = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        return f"does not answer ({type(exc).__name__})"
    text = re.sub(r"^\[.*?\].*$", "", said.stdout + said.stderr, flags=re.MULTILINE)  # PrusaSlicer's trace lines
    match = re.search(r"\d+\.\d+(?:\.\d+)*", text)
    return match.group() if match else "says no version"


def cura_definitions() -> Found:
    """Look for CuraEngine's machine definitions, which its own package lacks."""
    from printprep.slicers.cura_definitions import find_definitions

    path: str | None
    try:
        path = str(find_definitions())
    except SlicerNotFound:
        path = None
    return Found(
        name="Cura definitions",
        use="machines for CuraEngine",
        version="present" if path else None,
        path=path,
        needed=False,
        get=None if path else "apt-get download cura && dpkg-deb -x cura_*.deb .cache/cura",
    )


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """List every engine, its version, and how to get what is missing.

    \b
    Example:
      printprep doctor
    """
    found = [find(program) for program in PROGRAMS]
    found.insert(2, cura_definitions())
    python = ".".join(str(n) for n in sys.version_info[:3])
    if as_json:
        print_json({"python": python, "programs": [asdict(f) for f in found]})
    else:
        rows = [
            (
                f"[green]{f.version}[/green]" if f.version else "[red]missing[/red]" if f.needed else "missing",
                f.name,
                f.use,
                f.path or f.get or "",
            )
            for f in found
        ]
        out().print(table(f"Python {python}", ("version", "program", "for", "where, or how to get it"), rows))
        out().print("Resin printers need no slicer; extruding printers need PrusaSlicer.")
    if any(f.needed and f.version is None for f in found):
        raise click.exceptions.Exit(1)
