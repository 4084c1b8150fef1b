"""``printprep send``: print a file, every line accounted for."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from printprep.cli.ports import asked_baud, read_baud
from printprep.cli.terminal import console, ending_signals, json_option, out, print_findings, print_json, progress

if TYPE_CHECKING:
    from printprep.case import Finding
    from printprep.printers.link import OnProgress, PrinterLink, PrinterStatus
    from printprep.printers.registry import NamedPrinter
    from printprep.printers.send import Guard, SendResult
    from printprep.profiles.load import Profiles
    from printprep.profiles.models import Printer


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--printer", help="Name of one of the lab's printers; 'virtual' always exists.")
@click.option("--port", help="Serial port, instead of a name.")
@click.option(
    "--baud", default="115200", callback=read_baud, show_default=True, help="Bits a second of the port, or auto."
)
@click.option(
    "--firmware", help="With --port: what the printer is spoken to as. Left out: as --profile says, or marlin."
)
@click.option("--profile", help="Id of the printer's profile: the file must be for it and keep to its limits.")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Virtual printer: every accepted command.")
@click.option(
    "--nozzle-at", type=click.FloatRange(min=0), metavar="MM", help="Of a resume file: how high the nozzle stands now."
)
@json_option
def send(
    file: Path,
    printer: str | None,
    port: str | None,
    baud: int | None,
    firmware: str | None,
    profile: str | None,
    log: Path | None,
    nozzle_at: float | None,
    as_json: bool,
) -> None:
    """Check FILE with the guard, then print it line by line; exit code 4 when it is refused or the print fails.

    Ctrl-C cancels the print: heaters off, head up; so do SIGTERM and a terminal that is closed. A second one is the
    emergency stop.

    \b
    Example:
      printprep send build/plate-1.gcode --printer virtual --log printed.log
      printprep send build/plate-1.gcode --port /dev/ttyACM0 --profile prusa-xl

    Without --profile nobody knows which printer is on a port: the file is held to the limits of the one it was made
    for, and a person at the terminal is asked before it is sent.
    """
    from printprep.printers.resume import check_height
    from printprep.printers.send import refuse_dangerous
    from printprep.profiles.load import load_profiles
    from printprep.safety import sending_guard

    profiles = load_profiles()
    named = _named(printer, port, baud, firmware, profiles.printer(profile) if profile else None)
    unsaid = port is not None and profile is None
    profile_of = None if unsaid else profiles.printer(profile or named.profile)
    if nozzle_at is not None:
        check_height(file, nozzle_at)
    guard = sending_guard(profile_of, profiles, nozzle_at)
    findings = guard(file)
    _show(file, named, findings, as_json)
    refuse_dangerous(file, findings)  # before a printer is bothered
    if unsaid and not as_json and somebody_answers():
        click.confirm(f"Is {port} the right printer?", abort=True, err=True)
    link = _opened(file, named, profile_of, profiles, log)
    result = _print(file, named, link, profile_of, profiles, guard, as_json)  # the file may have changed since
    _report(file, named, result, as_json)
    if result.outcome == "cancelled":
        raise click.exceptions.Exit(4)


def _show(file: Path, named: NamedPrinter, findings: tuple[Finding, ...], as_json: bool) -> None:
    """What the guard found: to people all of it, to programs what refuses the file."""
    from printprep.case import stopping
    from printprep.report.document import finding_json

    if stopping(findings) and as_json:
        refused = {"outcome": "refused", "findings": [finding_json(finding) for finding in findings]}
        print_json({"file": str(file), "printer": named.name, **refused})
    elif findings and not as_json:
        print_findings(findings, console())


def _opened(
    file: Path, named: NamedPrinter, profile: Printer | None, profiles: Profiles, log: Path | None
) -> PrinterLink:
    """The link, not connected yet, with what it has to know of this file and this printer."""
    from printprep.lab.ready import make_ready
    from printprep.printers import open_link

    link = open_link(named, log=log)
    make_ready(link, file, named.name, profile, profiles)
    return link


def _print(
    file: Path, named: NamedPrinter, link: PrinterLink, profile: Printer | None, profiles: Profiles, guard: Guard,
    as_json: bool,
) -> SendResult:  # fmt: skip
    from printprep.printers.control import Desk
    from printprep.printers.send import send_file
    from printprep.safety import tune_limits

    limits = tune_limits(file, profile, profiles)
    facts = {"file": str(file.absolute()), "profile": profile.id if profile else None}
    try:
        link.connect()
        with (
            interruptible(link) as insist,
            Desk(named.name, link, limits, facts) as desk,
            progress(as_json) as watcher,
        ):

            def see(status: PrinterStatus) -> None:
                desk.see(status)
                insist(status)

            return send_file(link, file, watcher, guard=guard, on_status=see)
    finally:
        link.close()


def somebody_answers() -> bool:
    """Whether a person sits at the terminal and can be asked."""
    return sys.stdin.isatty()


def _named(
    printer: str | None, port: str | None, baud: int | None, firmware: str | None, profile: Printer | None
) -> NamedPrinter:
    from printprep.errors import InputError
    from printprep.printers.registry import VIRTUAL, find_printer, new_printer

    if (printer is None) == (port is None):
        raise InputError("say where to print: either --printer NAME (printprep printer list) or --port PATH")
    if printer is not None:
        return find_printer(printer)
    return new_printer(
        name=name_of_port(port or ""),
        link="serial",
        profile=profile.id if profile else VIRTUAL.profile,
        port=port,
        baud=baud or asked_baud(port or ""),
        firmware=firmware or (profile.firmware if profile else VIRTUAL.firmware),
    )


def name_of_port(port: str) -> str:
    """What a port without a name is called in journals and orders: ``/dev/pts/5`` is ``pts-5``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", port.removeprefix("/dev/")).strip("-._")[-32:].strip("-._") or "port"


@contextmanager
def interruptible(link: PrinterLink) -> Iterator[OnProgress]:
    """Ctrl-C, SIGTERM and a closed terminal cancel safely, a second one stops at once.

    What is yielded wants to be told of the print, to cancel it again if the first time came before its first line.
    """
    asked = 0

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            link.cancel()
            with suppress(OSError):  # the terminal may be gone
                console().print("[yellow]Cancelling: heaters off, head up. Again: emergency stop.[/yellow]")
        else:
            link.emergency_stop()

    def insist(_status: PrinterStatus) -> None:
        if asked == 1:
            link.cancel()

    before = {number: signal.signal(number, on_signal) for number in ending_signals()}
    try:
        yield insist
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report(file: Path, named: NamedPrinter, result: SendResult, as_json: bool) -> None:
    if as_json:
        from printprep.report.document import finding_json

        account = asdict(result) | {"findings": [finding_json(finding) for finding in result.findings]}
        print_json({"file": str(file), "printer": named.name, **account})
        return
    from rich.markup import escape

    from printprep.printers.layerjob import holds_layers

    what = "layers" if holds_layers(file) else "commands"
    colour = "green" if result.outcome == "finished" else "yellow"
    who = "" if result.counted else " (as the server says)"
    out().print(
        f"[{colour}]{result.outcome}[/{colour}] on {escape(named.name)} ({escape(result.firmware)}): "
        f"{result.lines_total:,} {what} in the file, {result.lines_sent:,} sent, "
        f"{result.lines_accepted:,} acknowledged{who}, {result.repeated:,} repeated, in {result.duration_s:.1f} s"
    )
