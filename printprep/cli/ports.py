"""``printprep printer ports|baud``: which serial ports there are, and which rate a printer on one of them speaks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from printprep.cli.terminal import console, json_option, out, print_json, table

if TYPE_CHECKING:
    from printprep.printers.ports import PortFound


def read_baud(_ctx: click.Context, _param: click.Parameter, value: str) -> int | None:
    """A rate, or None for ``auto``: find it."""
    if value == "auto":
        return None
    if not value.isdigit():
        raise click.BadParameter(f"{value!r} is neither a rate, such as 115200, nor auto")
    return int(value)


def asked_baud(port: str) -> int:
    """Try the usual rates on a port, telling which."""
    from printprep.printers.dialects.marlin import Marlin
    from printprep.printers.ports import find_baud

    return find_baud(port, lambda timings: Marlin(timings=timings), tell=console().print)


@click.command("ports")
@json_option
def ports(as_json: bool) -> None:
    """List the serial ports that something is plugged into, with what USB says of it.

    Write a printer down by the name under /dev/serial/by-id: it stays whatever else is plugged in.

    \b
    Example:
      printprep printer ports
      printprep printer add xl --profile prusa-xl --port /dev/serial/by-id/usb-Prusa_Research_XL-if00
    """
    import os

    from printprep.printers.ports import find_ports
    from printprep.printers.registry import load_printers

    taken = {os.path.realpath(named.port): named.name for named in load_printers().values() if named.port}
    found = [(port, taken.get(os.path.realpath(port.device))) for port in find_ports()]
    if as_json:
        print_json({"ports": [{**asdict(port), "usb_id": port.usb_id, "printer": name} for port, name in found]})
    elif not found:
        click.echo("nothing is plugged into a serial port; check the cable (some carry power only) and the power")
    else:
        out().print(table("Ports", ("name", "device", "USB id", "is", "printer"), [_row(*one) for one in found]))


def _row(port: PortFound, printer: str | None) -> tuple[str, ...]:
    from rich.markup import escape

    return tuple(escape(text) for text in (port.name, port.device, port.usb_id, port.product, printer or ""))


@click.command("baud")
@click.argument("port")
@json_option
def baud(port: str, as_json: bool) -> None:
    """Try the usual rates on PORT until a printer answers. Nothing moves; some boards restart at each try.

    \b
    Example:
      printprep printer baud /dev/ttyUSB0
    """
    rate = asked_baud(port)
    if as_json:
        print_json({"port": port, "baud": rate})
    else:
        click.echo(rate)
