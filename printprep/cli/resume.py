"""``printprep printer resume-file``: a file that takes up a print that failed, on request only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from printprep.cli.printing import printer_name
from printprep.cli.terminal import console, json_option, print_findings, print_json

if TYPE_CHECKING:
    from printprep.printers.job import JobFile
    from printprep.printers.journal import Account


@click.command("resume-file")
@printer_name
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file to write.")
@click.option("--from-layer", type=click.IntRange(min=1), help="Layer to begin with; default: the journal's last one.")
@click.option(
    "--nozzle-at", type=click.FloatRange(min=0), metavar="MM", help="How high over the bed the nozzle stands NOW."
)
@click.option("--anyway", is_flag=True, help="The layer is right, though the nozzle stands far from its height.")
@json_option
def resume_file(
    name: str, file: Path, out: Path, from_layer: int | None, nozzle_at: float | None, anyway: bool, as_json: bool
) -> None:
    """Write a file that takes up the failed print of FILE on printer NAME. Nothing is sent.

    The journal of the last print on NAME proposes the layer that was under way. It is printed from its beginning. Look
    at the part first: is it fast on the bed, and is that layer the next that is wanted? Then bring the nozzle just onto
    the top of the part, by hand or by the printer's own menu, and say how high that is: --nozzle-at.

    X and Y are homed, Z never: the part stands there. Refused where that is not safe. A layer that is further from the
    nozzle than it is thick is asked about: it would be printed into the part, or into the air.

    \b
    Example:
      printprep printer resume-file left build/plate-1.gcode --nozzle-at 8.4 --out resume.gcode
      printprep send resume.gcode --printer left --nozzle-at 8.4
    """
    from printprep.errors import GcodeRefused, InputError
    from printprep.printers.job import read_job
    from printprep.printers.journal import last_journal
    from printprep.printers.registry import find_printer
    from printprep.printers.resume import check_printer, write_resume
    from printprep.printers.send import refuse_dangerous
    from printprep.profiles.load import load_profiles
    from printprep.safety import sending_guard

    profiles = load_profiles()
    printer = profiles.printer(find_printer(name).profile)
    check_printer(printer)
    whole = sending_guard(printer, profiles)(file)
    refuse_dangerous(file, whole)
    job = read_job(file)
    account = last_journal(name) if from_layer is None else None
    layer = from_layer or _proposed(job, account)
    if nozzle_at is None:
        told = "" if account is None or account.z_mm is None else f" (the journal was at {account.z_mm:g} mm)"
        raise InputError(f"say how high the nozzle stands now, in mm over the bed: --nozzle-at{told}")
    if not anyway:
        _ask_about_height(job, layer, nozzle_at, as_json=as_json)
    made = write_resume(job, layer, nozzle_at, printer, out, account.tunes if account else ())
    findings = sending_guard(printer, profiles, nozzle_at)(out)
    try:
        refuse_dangerous(out, findings)
    except GcodeRefused:  # half a way is worse than none: what may not be sent is not left lying there
        out.unlink(missing_ok=True)
        raise
    if as_json:
        print_json(
            {
                "file": str(out),
                "layer": made.layer,
                "layers": made.layers,
                "z_mm": made.z_mm,
                "nozzle_at_mm": made.nozzle_at_mm,
                "first_command": made.first_command,
                "commands": made.commands,
            }
        )
        return
    print_findings(findings, console())
    height = "" if made.z_mm is None else f" ({made.z_mm:g} mm)"
    click.echo(
        f"{out}: from layer {made.layer} of {made.layers}{height} on, {made.commands:,} commands of the job. "
        f"Send it: printprep send {out} --printer {name} --nozzle-at {nozzle_at:g}"
    )


def _ask_about_height(job: JobFile, layer: int, nozzle_at_mm: float, *, as_json: bool) -> None:
    from printprep.cli.send import somebody_answers
    from printprep.errors import InputError
    from printprep.printers.resume import far_from_layer

    why = far_from_layer(job, layer, nozzle_at_mm) if 1 <= layer <= len(job.layer_starts) else None
    if why is None:
        return
    if as_json or not somebody_answers():
        raise InputError(f"{why}. Name the layer that comes next (--from-layer), or say that this one does: --anyway")
    click.confirm(f"{why}. Does layer {layer} come next all the same?", abort=True, err=True)


def _proposed(job: JobFile, account: Account | None) -> int:
    """The layer that a journal proposes; InputError when it tells of another file, or of a print that ended well."""
    from printprep.errors import InputError

    assert account is not None
    if account.sha256 != job.sha256:
        raise InputError(
            f"the last print on {account.printer}, of {account.began:%d %B %H:%M} UTC, was of another file than "
            f"{job.path.name}; name the layer: --from-layer"
        )
    if account.ending == "finished":
        raise InputError(f"the last print on {account.printer} was finished; name the layer: --from-layer")
    if not account.layer:
        raise InputError(f"the last print on {account.printer} ended before its first layer; print it anew")
    return account.layer
