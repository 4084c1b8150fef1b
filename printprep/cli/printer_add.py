"""``printprep printer add``: a printer and the way to it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click

from printprep.cli.terminal import console

if TYPE_CHECKING:
    from printprep.printers.registry import NamedPrinter

SERVERS: Final = ("octoprint", "moonraker", "prusalink", "sdcp")
_NOT_YET: Final = "asked for when all else is said"
KEY_AT: Final = {
    "moonraker": "Key (Moonraker: fetch-apikey.sh)",
    "prusalink": "Key (PrusaLink: menu of the printer, Network)",
}


@click.command("add")
@click.argument("name")
@click.option("--profile", required=True, help="Id of a printer profile, such as prusa-xl.")
@click.option("--port", help="Serial port, such as /dev/ttyACM0 or /dev/serial/by-id/…")
@click.option("--baud", type=int, default=115_200, show_default=True, help="Bits a second of the serial port.")
@click.option("--octoprint", metavar="URL", help="Address of an OctoPrint server, instead of a port.")
@click.option("--moonraker", metavar="URL", help="Address of a Moonraker server, with its port.")
@click.option("--prusalink", metavar="URL", help="Address of a Prusa printer.")
@click.option("--sdcp", metavar="URL", help="Address of a resin printer that speaks SDCP.")
@click.option(
    "--key",
    envvar="PRINTPREP_KEY",
    help="Key of the server. Left out: OctoPrint asks a person in its window, the others' is asked for here.",
)
@click.option("--user", help="PrusaLink: of the log-in, when --key is its password. OctoPrint: who is to confirm.")
@click.option("--wait", type=click.IntRange(1, 3600), default=300, show_default=True, help="Seconds to confirm a key.")
@click.option(
    "--allow-insecure", is_flag=True, help="Accept a server that asks for no key, or a public one without TLS."
)
@click.option("--replace", is_flag=True, help="Write a name that is taken anew.")
def add(
    name: str,
    profile: str,
    port: str | None,
    baud: int,
    key: str | None,
    user: str | None,
    wait: int,
    allow_insecure: bool,
    replace: bool,
    **urls: str | None,
) -> None:
    """Write a printer down under NAME, for its owner's eyes only.

    A name that is taken is kept unless --replace says otherwise, and no two names may have the same port or server.

    \b
    Example:
      printprep printer add xl --profile prusa-xl --port /dev/ttyACM0 --baud 115200
      printprep printer add voron --profile voron-2.4 --octoprint http://octopi.local
      printprep printer add voron --profile voron-2.4 --moonraker http://voron.local:7125
      printprep printer add mk4 --profile prusa-mk4-mmu3 --prusalink http://192.168.1.9 --user maker
      printprep printer add saturn --profile elegoo-saturn --sdcp http://192.168.1.7 --allow-insecure
    """
    from printprep.errors import InputError
    from printprep.printers.registry import add_printer, new_printer, refuse_taken
    from printprep.profiles.load import load_profiles

    said = {link: urls[link] for link in SERVERS if urls[link] is not None}
    if len(said) + (port is not None) != 1:
        choices = ", ".join(f"--{link}" for link in SERVERS)
        raise InputError(f"say where the printer is, in one way: --port, or one of {choices}")
    known = load_profiles().printer(profile)
    if port is not None:
        if known.resin is not None:
            raise InputError(f"{profile} prints files of layers, which go over no serial port; use --prusalink, --sdcp")
        named = new_printer(name=name, link="serial", profile=profile, port=port, baud=baud, firmware=known.firmware)
    else:
        link, url = next(iter(said.items()))
        named = new_printer(
            name=name,
            link=link,
            profile=profile,
            url=url,
            user=user if link == "prusalink" else None,
            key=key or _NOT_YET,
            allow_insecure=allow_insecure,
        )
        _refuse_wrong_kind(named, resin=known.resin is not None)
        refuse_taken(named, replace=replace)  # before a person is asked for anything
        named = named.model_copy(update={"key": key or _key(named, user, wait)})
    path = add_printer(named, replace=replace)
    console().print(f"{name} is written down in {path}. Try it: printprep printer test {name}", markup=False)


def _refuse_wrong_kind(named: NamedPrinter, *, resin: bool) -> None:
    """Raise InputError for a link that no printer of that kind has, or an address that is none."""
    from printprep.errors import ConnectionLost, InputError
    from printprep.printers.asking import ServerAddress, refuse_public_plain_http

    ServerAddress.of(named.url or "")
    if not named.allow_insecure:
        with suppress(ConnectionLost):  # a server that is off now may still be written down
            refuse_public_plain_http(named.url or "")
    if resin and named.link in ("octoprint", "moonraker"):
        raise InputError(
            f"{named.profile} prints with resin and layers; {named.link} sends G-code. Use --prusalink, --sdcp"
        )
    if not resin and named.link == "sdcp":
        raise InputError(f"{named.profile} extrudes; SDCP sends layers. Use --octoprint, --moonraker or --prusalink")
    if named.link == "sdcp" and not named.allow_insecure:
        raise InputError(
            "SDCP asks nobody for a key, so anybody on the printer's network may drive it; say --allow-insecure if "
            "nobody else is on it"
        )


def _key(named: NamedPrinter, user: str | None, wait_s: int) -> str | None:
    """The key of a server: from a person in OctoPrint's window, or at this terminal."""
    if named.link == "sdcp" or (named.link == "moonraker" and named.allow_insecure):
        return None
    if named.link == "octoprint":
        from printprep.printers.octoprint_key import ask_for_key

        console().print(
            f"Open {named.url} and allow printprep to have a key there ({wait_s} s; Ctrl-C gives up).", markup=False
        )
        return ask_for_key(named.url or "", user=user, allow_insecure=named.allow_insecure, wait_s=wait_s)
    words = f"Password of {user}" if user else KEY_AT[named.link]
    return str(click.prompt(words, hide_input=True, err=True))
