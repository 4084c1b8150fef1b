"""What is queued: a print file with its hash, and what the report of its build says of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from printprep.errors import InputError
from printprep.files import sha256_of
from printprep.opaque import is_opaque
from printprep.report.saved import NAME as REPORT
from printprep.report.saved import read_report


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintFile:
    """A file for a printer. What only a build's report knows is None for a file that stands alone."""

    file: Path  # absolute
    sha256: str
    profile: str | None = None  # id of the printer profile that it was made for
    process: str | None = None
    case_id: str | None = None
    duration_s: float | None = None
    cost: Decimal | None = None
    currency: str | None = None


def print_files(path: Path) -> tuple[PrintFile, ...]:
    """The plates of a build's folder in order, or the one file that ``path`` is.

    A file beside a report.json that names it is taken with the report's figures, and must still be the file that the
    report speaks of.

    Raises
    ------
    InputError
        No such file or build, an empty file, a report that is none, or a file that differs from its report.
    """
    if path.is_dir():
        plates = _plates(path)
        if not plates:
            raise InputError(
                f"{path} has no {REPORT} with plates: it is not a build; run the case first, or name a file"
            )
        return tuple(_checked(path / name, plate) for name, plate in plates.items())
    if not path.is_file():
        raise InputError(f"{path} is not a file; name a print file or the folder of a build")
    return (_checked(path, _plates(path.parent).get(path.name)),)


def _plates(folder: Path) -> dict[str, dict[str, Any]]:
    """Plates of a build's report by file name, each with its ``case_id``; empty when there is no report."""
    report = folder / REPORT
    if not report.is_file():
        return {}
    document = read_report(report)
    try:
        return {plate["file"]: {**plate, "case_id": document["case"]["id"]} for plate in document["plates"]}
    except (KeyError, TypeError) as exc:
        raise InputError(f"{report} does not say its case; run the case again") from exc


def _checked(file: Path, plate: dict[str, Any] | None) -> PrintFile:
    """The file with its report's figures; ``plate`` None: it stands alone."""
    if not file.is_file():
        raise InputError(f"{file} is named in {REPORT} and is not there; run the case again")
    if file.stat().st_size == 0:
        raise InputError(f"{file} is empty; slice it again")
    sha256 = sha256_of(file)
    if plate is None:
        return PrintFile(file=file.absolute(), sha256=sha256)
    if plate.get("sha256") != sha256:
        raise InputError(f"{file} is not the file that {REPORT} beside it speaks of; run the case again")
    estimate = plate.get("estimate") or {}
    cost = estimate.get("cost") or {}
    try:
        return PrintFile(
            file=file.absolute(),
            sha256=sha256,
            profile=plate.get("printer"),
            process=plate.get("process"),
            case_id=_opaque(plate.get("case_id")),
            duration_s=None if estimate.get("duration_s") is None else float(estimate["duration_s"]),
            cost=None if cost.get("total") is None else Decimal(str(cost["total"])),
            currency=cost.get("currency"),
        )
    except (ValueError, TypeError, InvalidOperation) as exc:
        raise InputError(f"{file.parent / REPORT} has an estimate that cannot be read; run the case again") from exc


def _opaque(case_id: Any) -> str | None:
    """The id if it may be stored: anything that could be a name is left out."""
    return case_id if isinstance(case_id, str) and is_opaque(case_id) else None
