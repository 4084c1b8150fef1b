"""Printers: links that send, the dialects they speak, and the lab's printers by name.

Every link keeps the one contract of :class:`~printprep.printers.link.PrinterLink`. A new kind of link is one file, one
row of :data:`PRINTERS`, and passing ``tests/contract/test_printers.py``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from printprep.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from printprep.printers.job import JobFile
    from printprep.printers.journal import Journal
    from printprep.printers.link import PrinterLink
    from printprep.printers.registry import NamedPrinter


def _journal(printer: NamedPrinter) -> Callable[[JobFile], Journal]:
    from printprep.printers.journal import Journal

    return partial(Journal, printer.name)


def _serial(printer: NamedPrinter, _log: Path | None) -> PrinterLink:
    from printprep.printers.dialects import DIALECTS
    from printprep.printers.serial import SerialLink

    dialect, journal = DIALECTS[printer.firmware], _journal(printer)
    return SerialLink(
        printer.port or "", printer.baud, dialect, firmware=printer.firmware, dtr=printer.dtr, journal=journal
    )


def _octoprint(printer: NamedPrinter, _log: Path | None) -> PrinterLink:
    from printprep.printers.octoprint import OctoPrintLink

    return OctoPrintLink(printer.url or "", printer.key or "", allow_insecure=printer.allow_insecure)


def _moonraker(printer: NamedPrinter, _log: Path | None) -> PrinterLink:
    from printprep.printers.moonraker import MoonrakerLink

    return MoonrakerLink(printer.url or "", printer.key, allow_insecure=printer.allow_insecure)


def _prusalink(printer: NamedPrinter, _log: Path | None) -> PrinterLink:
    from printprep.printers.prusalink import PrusaLinkLink

    key, user = printer.key or "", printer.user
    return PrusaLinkLink(printer.url or "", key, user=user, allow_insecure=printer.allow_insecure)


def _sdcp(printer: NamedPrinter, _log: Path | None) -> PrinterLink:
    from printprep.printers.sdcp import SdcpLink

    return SdcpLink(printer.url or "", allow_insecure=printer.allow_insecure)


def _virtual(printer: NamedPrinter, log: Path | None) -> PrinterLink:
    from printprep.printers.virtual import VirtualLink
    from printprep.printers.virtual_hardware import hardware_of
    from printprep.profiles.load import load_profiles

    hardware = hardware_of(load_profiles().printer(printer.profile))
    return VirtualLink(log=log, hardware=hardware, journal=_journal(printer))


PRINTERS: dict[str, Callable[[NamedPrinter, Path | None], PrinterLink]] = {
    "serial": _serial,  # a port on this machine
    "octoprint": _octoprint,  # a server on the network
    "moonraker": _moonraker,  # Klipper's
    "prusalink": _prusalink,  # Prusa's, in the printer or beside it
    "sdcp": _sdcp,  # a resin printer's board on the network
    "virtual": _virtual,  # no printer at all; log: where it writes every accepted command
}
"""Every kind of link: from a named printer to a link that is not connected yet."""


def open_link(printer: NamedPrinter, *, log: Path | None = None) -> PrinterLink:
    """The link of a named printer, not connected yet; ``log`` is for the virtual printer only."""
    if log is not None and printer.link != "virtual":
        raise InputError(f"only the virtual printer writes a log; {printer.name} is {printer.link}")
    return PRINTERS[printer.link](printer, log)
