"""Send a file to a printer: guard first, then every line, then the account of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from printprep.case import Finding, stopping
from printprep.errors import GcodeRefused, PrinterError
from printprep.files import sha256_of
from printprep.printers.layerjob import holds_layers
from printprep.printers.link import (
    Ending,
    OnProgress,
    PrinterLink,
    PrinterStatus,
    PrintOutcome,
    unwatched,
)
from printprep.progress import SILENT, Progress, Step

Guard = Callable[[Path], tuple[Finding, ...]]
SHOWN: Final = 3  # findings that a refusal names


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """The account of one file that went to a printer. Lines are commands: comments and blank lines are never sent."""

    lines_total: int  # in the file
    lines_sent: int
    lines_accepted: int  # acknowledged by the firmware
    repeated: int  # lines that went over the wire again because the firmware asked
    counted: bool  # False: a server in between kept the count
    duration_s: float
    outcome: Ending
    layer: int  # the last one
    sha256: str  # of the file
    firmware: str
    findings: tuple[Finding, ...]  # of the guard, none of them stopping
    message: str = ""


def send_file(
    link: PrinterLink,
    path: Path,
    progress: Progress = SILENT,
    *,
    guard: Guard,
    on_status: OnProgress = unwatched,
) -> SendResult:
    """Print a file on a connected printer and account for every line.

    Parameters
    ----------
    link
        Connected.
    path
        The G-code.
    progress
        Is told once per tenth of a second: line, layer, temperatures.
    guard
        Looks at the file before anything is sent, usually :func:`printprep.gcode.guard.guard` with the printer's
        limits; a finding of severity error that nobody accepted refuses the file.
    on_status
        Sees the same as ``progress``, in full.

    Raises
    ------
    GcodeRefused
        If the guard found something dangerous or identifying.
    PrinterError
        If the print failed, with the command it failed after, or if a line is unaccounted for.
    """
    before = sha256_of(path)
    findings = guard(path)
    refuse_dangerous(path, findings)
    if sha256_of(path) != before:
        raise GcodeRefused(f"{path.name} is not sent: it was changed while it was checked; send it again")
    with progress.step("print") as step:
        outcome = link.print_file(path, lambda status: _tell(status, step, on_status))
    if outcome.ending is Ending.FAILED:
        raise outcome.fault or PrinterError(outcome.message or "the print failed for an unknown reason")
    if outcome.ending is Ending.FINISHED:
        check_account(path, outcome)
        if (outcome.sha256 or sha256_of(path)) != before:
            raise PrinterError(
                f"{path.name} was changed while it was printed: what was printed was not what was checked"
            )
    return SendResult(
        lines_total=outcome.lines_total,
        lines_sent=outcome.lines_sent,
        lines_accepted=outcome.lines_accepted,
        repeated=outcome.repeated,
        counted=outcome.counted,
        duration_s=outcome.duration_s,
        outcome=outcome.ending,
        layer=outcome.layer,
        sha256=before,
        firmware=link.identity.firmware,
        findings=findings,
        message=outcome.message,
    )


def refuse_dangerous(path: Path, findings: tuple[Finding, ...]) -> None:
    """Raise GcodeRefused, naming the first few, when findings stop the file."""
    bad = stopping(findings)
    if bad:
        shown = "; ".join(f"{finding.code}: {finding.message}" for finding in bad[:SHOWN])
        more = f" (and {len(bad) - SHOWN} more; see printprep guard)" if len(bad) > SHOWN else ""
        raise GcodeRefused(f"{path.name} is not sent: {shown}{more}")


def check_account(path: Path, outcome: PrintOutcome) -> None:
    """Raise PrinterError unless every command of the file was sent once and acknowledged."""
    if not outcome.lines_total == outcome.lines_sent == outcome.lines_accepted:
        kind = "layers" if holds_layers(path) else "commands"
        raise PrinterError(
            f"{path.name}: {outcome.lines_total} {kind} in the file, {outcome.lines_sent} sent, "
            f"{outcome.lines_accepted} acknowledged; the print cannot be trusted"
        )


def describe(status: PrinterStatus) -> str:
    """A status as one short line: ``4,120 of 80,233 lines, layer 12 of 240, tool 0 210/210 °C, bed 60/60 °C``."""
    words = [f"{status.line:,} of {status.lines_total:,} lines"]
    if status.layers_total:
        words.append(f"layer {status.layer} of {status.layers_total}")
    hot = {tool: pair for tool, pair in status.tools_c.items() if pair[1] > 0}
    words += [f"tool {tool} {actual:.0f}/{target:.0f} °C" for tool, (actual, target) in sorted(hot.items())]
    if status.bed_c is not None and status.bed_c[1] > 0:
        words.append(f"bed {status.bed_c[0]:.0f}/{status.bed_c[1]:.0f} °C")
    if status.message:
        words.append(status.message)
    return ", ".join(words)


def _tell(status: PrinterStatus, step: Step, on_status: OnProgress) -> None:
    step.advance(status.progress, describe(status))
    on_status(status)
