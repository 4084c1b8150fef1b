"""``printprep printer``: the lab's printers by name, and the virtual one for everybody."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from printprep.cli import ports, printing
from printprep.cli.monitor import monitor
from printprep.cli.printer_add import add
from printprep.cli.resume import resume_file
from printprep.cli.terminal import ending_signals, json_option, out, print_json, table

if TYPE_CHECKING:
    from printprep.printers.registry import NamedPrinter


@click.group()
def printer() -> None:
    """The lab's printers: add, list, test, stop, pause and the like; and the virtual printer.

    \b
    Example:
      printprep printer add xl --profile prusa-xl --port /dev/ttyACM0
      printprep printer test xl
    """


for order in (
    add,
    printing.send_to,
    printing.stop,
    printing.pause,
    printing.resume,
    printing.cancel,
    printing.tune,
    printing.status,
    resume_file,
    ports.ports,
    ports.baud,
    monitor,
):
    printer.add_command(order)


@printer.command("list")
@json_option
def list_printers(as_json: bool) -> None:
    """List the lab's printers, and what they do now; "broke off" is a print whose process died: see `status`.

    \b
    Example:
      printprep printer list --json
    """
    from printprep.printers.orders import printing_now
    from printprep.printers.registry import load_printers

    printers, busy = load_printers().values(), printing_now()
    broken = {p.name for p in printers if p.name not in busy and printing.broke_off(p.name)}
    if as_json:
        rows = [
            {
                **p.model_dump(exclude={"key"}, exclude_none=True),
                "has_key": p.key is not None,
                "printing": p.name in busy,
                "broke_off": p.name in broken,
            }
            for p in printers
        ]
        print_json({"printers": rows})
        return
    out().print(
        table("Printers", ("name", "profile", "link", "where", "now"), [_row(p, busy, broken) for p in printers])
    )


def _row(named: NamedPrinter, busy: tuple[str, ...], broken: set[str]) -> tuple[str, ...]:
    from rich.markup import escape

    where = escape(named.port or named.url or "in this computer")
    now = "printing" if named.name in busy else "[bold red]broke off[/]" if named.name in broken else ""
    return named.name, escape(named.profile), named.link, where, now


@printer.command("test")
@click.argument("name")
@json_option
def test(name: str, as_json: bool) -> None:
    """Connect to a printer, ask who it is and how warm, and let it go. Nothing moves.

    \b
    Example:
      printprep printer test virtual
    """
    from printprep.printers import open_link
    from printprep.printers.registry import find_printer

    named = find_printer(name)
    link = open_link(named)
    try:
        identity = link.connect()
        status = link.status()
    finally:
        link.close()
    tools = {str(tool): {"actual_c": a, "target_c": t} for tool, (a, t) in sorted(status.tools_c.items())}
    bed = None if status.bed_c is None else {"actual_c": status.bed_c[0], "target_c": status.bed_c[1]}
    if as_json:
        print_json(
            {
                "name": name,
                "firmware": identity.firmware,
                "version": identity.version,
                "capabilities": dict(identity.capabilities),
                "state": status.state,
                "tools": tools,
                "bed": bed,
            }
        )
        return
    from rich.markup import escape

    heat = [(f"tool {tool}", f"{t['actual_c']:.1f} °C", f"{t['target_c']:.0f} °C") for tool, t in tools.items()]
    if bed is not None:
        heat.append(("bed", f"{bed['actual_c']:.1f} °C", f"{bed['target_c']:.0f} °C"))
    said = escape(f"{identity.firmware} {identity.version}, {status.state}")
    out().print(f"[green]{escape(name)} answers[/green]: {said}")
    out().print(table("Temperatures", ("heater", ">now", ">wanted"), heat))


@printer.command("virtual")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Every accepted command, one a line.")
@click.option("--speed", type=click.Choice(["fast", "real"]), default="fast", show_default=True)
@click.option("--tools", type=click.IntRange(1, 16), help="Hotends; left out: as the profile says.")
@click.option(
    "--profile",
    default="virtual",
    show_default=True,
    help="Printer that it moves, heats and talks as: id of a profile.",
)
@click.option(
    "--dialect",
    metavar="FIRMWARE",
    help="Whose manners it has: marlin, prusa-buddy, klipper, reprapfirmware, repetier, smoothieware or chitu; left "
    "out: as the profile says.",
)
@click.option(
    "--faults",
    multiple=True,
    metavar="FILE|KEY=VALUE",
    help="What goes wrong: drop_ok=0.01, kill_at=500 …, or a TOML file with such keys and [[fault]] tables.",
)
def virtual(
    log: Path | None, speed: str, tools: int | None, profile: str, dialect: str | None, faults: tuple[str, ...]
) -> None:
    """Run a virtual printer and print the path of its port; Ctrl-C switches it off.

    A print takes as long on it as `printprep estimate` says of the profile, by its own clock: with --speed real that is
    everybody's, with --speed fast it jumps, and LOG.state.json tells it in the end (printer_time_s).

    A file of faults holds rates (drop_line, corrupt_ok, split … from 0 to 1, seed) and things that happen once: do is
    drop, duplicate, corrupt (the next line; with -ok the next answer), delay, reset, kill, heater, silent or say; when
    is at_line or at_s.

    \b
    Example:
      printprep printer virtual --log printed.log --faults drop_ok=0.01 --faults seed=7
      printprep printer virtual --profile ender-3 --speed real
      printprep printer virtual --dialect klipper --faults storm.toml
      printprep send build/plate-1.gcode --port /dev/pts/5 --profile virtual
    """
    from printprep.errors import InputError
    from printprep.printers.dialects import DIALECTS
    from printprep.printers.virtual import VirtualPrinter
    from printprep.printers.virtual_faults import read_faults, read_script
    from printprep.printers.virtual_hardware import hardware_of
    from printprep.profiles.load import load_profiles

    plays = load_profiles().printer(profile)
    dialect = dialect or plays.firmware
    if dialect not in DIALECTS:
        raise InputError(f"--dialect {dialect}: known are {', '.join(DIALECTS)}")
    scripts = [fault for fault in faults if "=" not in fault]
    wishes = dict(fault.split("=", 1) for fault in faults if "=" in fault)
    if any(not Path(script).is_file() for script in scripts):
        raise InputError(f"--faults {scripts[0]}: write KEY=VALUE, such as drop_ok=0.01, or name a file of faults")
    if scripts and (wishes or len(scripts) > 1):
        raise InputError("--faults takes one file, or KEY=VALUE as often as you like, not both")
    trouble = read_script(Path(scripts[0])) if scripts else read_faults(wishes)
    over = threading.Event()
    for number in ending_signals():
        signal.signal(number, lambda _number, _frame: over.set())
    with VirtualPrinter(
        log=log,
        dialect=dialect,
        speed="real" if speed == "real" else "fast",
        tools=tools or (plays.fdm.tools if plays.fdm else 1),
        hardware=hardware_of(plays),
        faults=trouble,
    ) as p:
        click.echo(p.port)
        over.wait()
