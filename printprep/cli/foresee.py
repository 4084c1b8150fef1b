"""How long a print takes on one of the lab's printers: our own estimate, and what its finished prints have taught."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from printprep.printers.forecast import Forecast
    from printprep.printers.job import JobFile
    from printprep.profiles.models import Printer


def foresee(job: JobFile, name: str, printer: Printer) -> Forecast | None:
    """The forecast of a job on the printer ``name``; None where there is nothing to tell it from."""
    from printprep.printers.forecast import forecast

    told = forecast(job, printer)
    return None if told is None else told.paced(_learned(name, job))


def _learned(name: str, job: JobFile) -> float:
    """The factor on an estimate; 1 for a printer of no lab, or while its store is away."""
    from printprep.errors import PrintprepError
    from printprep.lab.pace import pace_on
    from printprep.printers.registry import VIRTUAL, load_printers

    try:
        known = name != VIRTUAL.name and name in load_printers()
        return pace_on(name, job.path).factor if known else 1.0
    except PrintprepError:
        return 1.0
