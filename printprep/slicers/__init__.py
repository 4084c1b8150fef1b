"""Slicers: one driver an engine, one row a driver.

A driver is a module that answers :class:`Driver`: it says its version, and turns one plate of a plan into a file for
the printer. :data:`SLICERS` is the whole table; a new engine is one file, one row, and passing the contract test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from printprep.errors import SlicerNotFound
from printprep.plan import Plan, Plate, SlicedPlate
from printprep.profiles.load import Profiles
from printprep.profiles.models import Printer
from printprep.progress import SILENT, Progress


class Driver(Protocol):
    """What every driver can do."""

    def version(self) -> str:
        """Name and version of the engine, such as ``prusaslicer 2.5.0``; SlicerNotFound if it is not installed."""

    def slice_plate(
        self, plan: Plan, plate: Plate, profiles: Profiles, out_dir: Path, *, timeout_s: float, progress: Progress
    ) -> SlicedPlate:
        """Slice one plate into a file in ``out_dir``, whole or not at all."""


def _prusaslicer() -> Driver:
    from printprep.slicers import prusaslicer

    return prusaslicer


def _curaengine() -> Driver:
    from printprep.slicers import curaengine

    return curaengine


def _slic3r() -> Driver:
    from printprep.slicers import slic3r

    return slic3r


def _resin() -> Driver:
    from printprep.slicers import resin

    return resin


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicer:
    """A row of the table."""

    id: str
    technology: str  # of the printers it slices for: fdm or resin
    load: Callable[[], Driver]  # imports the driver; what it needs is heavy


SLICERS: Final[tuple[Slicer, ...]] = (
    Slicer(id="prusaslicer", technology="fdm", load=_prusaslicer),
    Slicer(id="curaengine", technology="fdm", load=_curaengine),
    Slicer(id="slic3r", technology="fdm", load=_slic3r),
    Slicer(id="resin", technology="resin", load=_resin),
)
"""Every driver; the first row of a technology is the one that is used unless another is named."""


def slice_plate(
    plan: Plan,
    plate: Plate,
    profiles: Profiles,
    out_dir: Path,
    *,
    slicer: str | None = None,
    timeout_s: float = 3600.0,
    progress: Progress = SILENT,
) -> SlicedPlate:
    """Slice ``plate`` with the driver that is named, or the first for the technology of the plan's printer.

    Parameters
    ----------
    plan, plate
        What to print; the plate is one of the plan's.
    profiles
        Where the plan's printer, process and materials are found.
    out_dir
        Folder for the file, ``plate-1.gcode`` or as the printer wants it; made if it is not there.
    slicer
        Id of a row of :data:`SLICERS`; None: the first of the printer's technology.
    timeout_s
        After so long the engine is stopped.

    Raises
    ------
    DoesNotFit
        The plate is larger than what the printer can build.
    SlicerError
        The engine is missing, failed, took too long, or did not honour a setting. No half file is left.
    """
    driver = _driver_for(profiles.printer(plan.printer), slicer)
    return driver.slice_plate(plan, plate, profiles, out_dir, timeout_s=timeout_s, progress=progress)


def check_slicer(printer: Printer, slicer: str | None = None) -> str:
    """Name and version of the engine that slices for ``printer``.

    Raises
    ------
    SlicerNotFound
        It is not installed, there is no such engine, or it is not for printers of that technology.
    """
    return _driver_for(printer, slicer).version()


def _driver_for(printer: Printer, slicer: str | None) -> Driver:
    fitting = [row for row in SLICERS if row.technology == printer.technology]
    for row in fitting:
        if slicer in (None, row.id):
            return row.load()
    known = ", ".join(row.id for row in fitting) or "none"
    raise SlicerNotFound(
        f"no slicer {slicer or ''} for {printer.technology} printers such as {printer.id}; there are: {known}; see "
        "printprep doctor"
    )
