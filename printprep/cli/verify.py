"""``printprep verify``: the files of a build are the ones that were certified, and nobody touched them since."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from printprep.cli.terminal import json_option, out, print_json, table


@click.command()
@click.argument("build", type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def verify(build: Path, as_json: bool) -> None:
    """Compare every file of a build with its lock; exit code 1 when one is missing or was changed.

    \b
    Example:
      printprep verify build
    """
    from printprep.lock import verify_lock

    states = verify_lock(build)
    bad = [state for state in states if state.state != "as locked"]
    if as_json:
        print_json({"files": [asdict(state) for state in states], "verified": not bad})
    else:
        rows = [(s.file, f"[{'red' if s in bad else 'green'}]{s.state}[/]", s.sha256[:16]) for s in states]
        out().print(
            table(f"Case {states[0].case_id}" if states else "Nothing locked", ("file", "state", "sha256"), rows)
        )
    if bad:
        raise click.exceptions.Exit(1)
