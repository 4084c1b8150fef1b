"""What a link has to know of a file before it prints it: where a pause puts the head, and how long it will take.

The time is our own estimate, and what the printer's finished prints have taught the lab.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from printprep.errors import PrintprepError
from printprep.printers.forecast import Forecast, forecast
from printprep.printers.job import JobFile
from printprep.printers.link import PrinterLink
from printprep.printers.registry import VIRTUAL, load_printers
from printprep.printers.serial import SerialLink
from printprep.profiles.load import Profiles
from printprep.profiles.models import Printer
from printprep.safety import parking_of


def make_ready(
    link: PrinterLink,
    file: Path,
    name: str,
    printer: Printer | None,
    profiles: Profiles,
    store_url: str | None = None,
) -> None:
    """Tell a link what it has to know of ``file`` on the printer ``name``.

    A server parks by its own settings and knows its own display, so nothing is told to one. ``printer`` is None where
    nobody knows what is on a port: then the head stays where it is in a pause, and the display shows nothing of ours.
    """
    if isinstance(link, SerialLink):
        link.parking = parking_of(file, printer, profiles)
        link.foresee = None if printer is None else partial(foresee, name=name, printer=printer, store_url=store_url)


def foresee(job: JobFile, name: str, printer: Printer, store_url: str | None = None) -> Forecast | None:
    """The forecast of a job on the printer ``name``; None where there is nothing to tell it from."""
    told = forecast(job, printer)
    return None if told is None else told.paced(_learned(name, job, store_url))


def _learned(name: str, job: JobFile, store_url: str | None) -> float:
    """The factor on an estimate; 1 for a printer of no lab, or while its store is away."""
    from printprep.lab.pace import pace_on  # its database takes long to load, and a printer of no lab needs none

    try:
        known = name != VIRTUAL.name and name in load_printers()
        return pace_on(name, job.path, store_url).factor if known else 1.0
    except PrintprepError:
        return 1.0
