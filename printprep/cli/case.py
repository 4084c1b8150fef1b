"""``printprep case``: write a case.toml, and the schema that editors complete it by."""

from __future__ import annotations

from pathlib import Path

import click

from printprep.cli.steps import UNITS
from printprep.cli.terminal import json_option, out, print_findings, print_json, progress


@click.group()
def case() -> None:
    """Write a case.toml that says every key, or print its schema.

    \b
    Example:
      printprep case new CHD-0142
      printprep case schema > case.schema.json
    """


@case.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.argument("meshes", metavar="[MESH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--units", type=click.Choice(UNITS), help="Unit of files that have none (STL, OBJ, PLY).")
@json_option
def new(folder: Path, meshes: tuple[Path, ...], units: str | None, as_json: bool) -> None:
    """Write DIR/case.toml for the meshes named, or for those in DIR; a file that is there is never overwritten.

    Names, tissues and sides come from the names of files and objects. A unit that is not said is proposed from the
    size of the anatomy, with a word to check it.

    \b
    Example:
      printprep case new CHD-0142
      printprep case new CHD-0142 scans/aorta.stl scans/heart.3mf --units mm
    """
    from printprep.errors import CaseError
    from printprep.files import write_text
    from printprep.formats import FORMATS
    from printprep.prepare.intake.casefile import FILE_NAME
    from printprep.prepare.intake.read import survey
    from printprep.prepare.intake.template import case_template
    from printprep.profiles.load import load_profiles
    from printprep.report.document import finding_json

    path = folder / FILE_NAME
    if path.exists():
        raise CaseError(f"{path} is there already; edit it, or name another folder")
    profiles = load_profiles()
    there = folder.is_dir() and any(p.suffix.lower() in FORMATS for p in folder.iterdir())
    sources = meshes or ((folder,) if there else ())
    with progress(as_json) as watcher:
        found = survey(sources, profiles, watcher) if sources else None
    write_text(path, case_template(folder, found, profiles, units=units))
    findings = found.findings if found else ()
    names = [one.name for one in found.objects] if found else []
    if as_json:
        print_json({"file": str(path), "parts": names, "findings": [finding_json(finding) for finding in findings]})
        return
    print_findings(findings, out())
    what = (
        f"with {len(names)} parts: {', '.join(names)}" if names else "with an example of a part: name your meshes in it"
    )
    click.echo(f"wrote {path} {what}")


@case.command()
def schema() -> None:
    """Print the JSON schema of a case.toml, which editors complete and check by.

    \b
    Example:
      printprep case schema > case.schema.json
    """
    from printprep.casefile import CaseFile

    print_json(CaseFile.model_json_schema())
