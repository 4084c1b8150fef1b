"""Orders to a print that runs in another process: ``printprep printer stop|pause|resume|cancel|tune|status``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from printprep.cli.terminal import json_option, out, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from printprep.printers.journal import Account
    from printprep.printers.link import PrinterLink
    from printprep.printers.registry import NamedPrinter


def known_names(_ctx: click.Context, _param: click.Parameter | None, incomplete: str) -> list[str]:
    """Names that the shell may complete: the lab's printers, and those that print now."""
    from printprep.printers.orders import printing_now
    from printprep.printers.registry import load_printers

    return [name for name in sorted({*load_printers(), *printing_now()}) if name.startswith(incomplete)]


printer_name = click.argument("name", shell_complete=known_names)


@click.command("send")
@printer_name
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@click.pass_context
def send_to(ctx: click.Context, name: str, file: Path, as_json: bool) -> None:
    """Check FILE with the guard, then print it on NAME: `printprep send`, which has more options.

    \b
    Example:
      printprep printer send xl build/plate-1.gcode
    """
    from printprep.cli.send import send

    ctx.invoke(send, file=file, printer=name, as_json=as_json)


@click.command("stop")
@printer_name
@json_option
def stop(name: str, as_json: bool) -> None:
    """Emergency stop of printer NAME: M112, at once, whatever it breaks.

    The process that prints sends it before all that waits. When nobody prints from here, the printer's port is opened
    for it. Everything halts, heaters off; the printer has to be reset afterwards. `cancel` is the gentle way. PrusaLink
    and SDCP know no emergency stop: there the print is cancelled, which is said, and the command ends with 4.

    \b
    Example:
      printprep printer stop xl
    """
    _order(name, "stop", as_json, otherwise=_stop_alone)


@click.command("pause")
@printer_name
@json_option
def pause(name: str, as_json: bool) -> None:
    """Hold the print on NAME; it goes on with `resume`.

    \b
    Example:
      printprep printer pause xl
    """
    _order(name, "pause", as_json, otherwise=_through_its_server(lambda link: link.pause()))


@click.command("resume")
@printer_name
@json_option
def resume(name: str, as_json: bool) -> None:
    """Go on with a print that is held, also where the printer itself waits for a person.

    \b
    Example:
      printprep printer resume xl
    """
    _order(name, "resume", as_json, otherwise=_through_its_server(lambda link: link.resume()))


@click.command("cancel")
@printer_name
@json_option
def cancel(name: str, as_json: bool) -> None:
    """Give the print on NAME up: heaters off, head up.

    \b
    Example:
      printprep printer cancel xl
    """
    _order(name, "cancel", as_json, otherwise=_through_its_server(lambda link: link.cancel()))


@click.command("tune")
@printer_name
@click.option("--speed", type=float, metavar="PERCENT", help="Speed of all moves.")
@click.option("--flow", type=float, metavar="PERCENT", help="Flow of filament.")
@click.option("--tool", "tools", multiple=True, metavar="N=CELSIUS", help="Nozzle of a tool, from 0 on, such as 0=215.")
@click.option("--bed", type=float, metavar="CELSIUS", help="The bed.")
@json_option
def tune(
    name: str, speed: float | None, flow: float | None, tools: tuple[str, ...], bed: float | None, as_json: bool
) -> None:
    """Change speed, flow or temperatures of the print on NAME, within the limits of its material and printer.

    OctoPrint and Moonraker are told, and what they refuse is in `printer status`; PrusaLink and SDCP take no commands.

    \b
    Example:
      printprep printer tune xl --speed 80 --tool 0=215
    """
    wished_c = dict(map(_heat, tools))
    _order(name, "tune", as_json, speed_percent=speed, flow_percent=flow, tools_c=wished_c, bed_c=bed)


def _heat(text: str) -> tuple[str, float]:
    tool, _, heat = text.partition("=")
    try:
        return str(int(tool)), float(heat)
    except ValueError as exc:
        raise click.BadParameter(f"{text!r} is not N=CELSIUS, such as 0=215", param_hint="--tool") from exc


@click.command("status")
@click.argument("name", required=False, shell_complete=known_names)
@json_option
def status(name: str | None, as_json: bool) -> None:
    """How far the print on NAME is; without NAME, on each printer.

    \b
    Example:
      printprep printer status xl --json
    """
    if name is not None:
        told = _status_of(name)
        if as_json:
            print_json(told)
        else:
            out().print(in_words(told), markup=False)
        return
    all_told = [_status_of(one) for one in known_names(click.get_current_context(), None, "")]
    if as_json:
        print_json({"printers": all_told})
    for told in () if as_json else all_told:
        out().print(in_words(told), markup=False)


def _status_of(name: str) -> dict[str, Any]:
    from printprep.printers.orders import give_order

    return give_order(name, "status") or {"name": name, "state": "unknown", "message": _nobody_prints(name)}


def broke_off(name: str) -> Account | None:
    """What the journal tells of the last print on a printer, when that print has no end; while nobody prints there."""
    from printprep.errors import InputError
    from printprep.printers.journal import last_journal

    try:
        account = last_journal(name)
    except InputError:
        return None
    return account if account.ending is None else None


def _nobody_prints(name: str) -> str:
    """That nobody prints; and, where the last print broke off without an end, that its heaters may still be on."""
    quiet = "no process of this user prints on it"
    account = broke_off(name)
    if account is None:
        return quiet
    return (
        f"{quiet}, and its last print broke off without an end: {account.acknowledged:,} of {account.commands:,} "
        f"commands were answered. Its heaters may still be on, which `printprep printer test {name}` tells. Look at "
        f"the part: `printprep printer resume-file` takes the print up, `printprep printer stop {name}` switches "
        "the printer off"
    )


def in_words(told: dict[str, Any]) -> str:
    """A status from another process as a line."""
    words = [f"{told['name']}: {told['state']}"]
    if told.get("lines_total"):
        words.append(f"{told['line']:,} of {told['lines_total']:,} commands")
    if told.get("layers_total"):
        words.append(f"layer {told['layer']} of {told['layers_total']}")
    for tool, (now_c, wanted_c) in sorted((told.get("tools_c") or {}).items()):
        words.append(f"tool {tool} {now_c:.0f}/{wanted_c:.0f} °C")
    if told.get("bed_c"):
        words.append("bed {:.0f}/{:.0f} °C".format(*told["bed_c"]))
    return ", ".join([*words, *([told["message"]] if told.get("message") else [])])


def _order(
    name: str, order: str, as_json: bool, *, otherwise: Callable[[NamedPrinter], str] | None = None, **wishes: object
) -> None:
    """Give an order to the process that prints, or do ``otherwise`` when there is none."""
    from printprep.errors import PrinterError
    from printprep.printers.orders import give_order

    answer = give_order(name, order, **wishes)
    if answer is None:
        from printprep.printers.registry import find_printer

        named = find_printer(name)
        if otherwise is None:
            raise PrinterError(nobody(name))
        answer = {"done": otherwise(named)}
    say_done(name, order, answer, as_json=as_json)


def say_done(name: str, order: str, answer: dict[str, Any], *, as_json: bool) -> None:
    """Tell what became of an order."""
    if as_json:
        print_json({"name": name, "order": order, **answer})
    else:
        click.echo(answer["done"])


def nobody(name: str) -> str:
    """That there is no print to give an order to."""
    return f"no process of this user prints on {name} now; see `printprep printer list`"


def _stop_alone(named: NamedPrinter) -> str:
    """Open the printer's own way for one stop."""
    from printprep.printers import open_link
    from printprep.printers.dialects import DIALECTS
    from printprep.printers.link import STOPPED
    from printprep.printers.port import Port

    if named.link == "serial":
        port = Port(named.port or "", named.baud, dtr=named.dtr)
        try:
            port.stop(DIALECTS[named.firmware].manners.stop)
            port.drain()
        finally:
            port.close()
    elif named.link == "virtual":
        return "nobody prints on the virtual printer, so there is nothing to stop"
    else:
        link = open_link(named)
        try:
            link.connect()
            return f"{named.name} {link.emergency_stop()}"
        finally:
            link.close()
    return f"{named.name} {STOPPED}"


def _through_its_server(act: Callable[[PrinterLink], None]) -> Callable[[NamedPrinter], str]:
    """For printers that print by themselves: tell their server; for the others there is nothing to tell."""

    def tell(named: NamedPrinter) -> str:
        from printprep.errors import PrinterError
        from printprep.printers import open_link

        if named.link in ("serial", "virtual"):
            raise PrinterError(nobody(named.name))
        link = open_link(named)
        try:
            link.connect()
            act(link)
        finally:
            link.close()
        return f"{named.name} was told by its server"

    return tell
