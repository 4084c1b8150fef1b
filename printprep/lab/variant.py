"""A case as one kind of printer with one process would print it: told ahead, or made the whole way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from printprep.case import Finding, stopping
from printprep.errors import PrintprepError, exit_code
from printprep.files import sha256_of
from printprep.lab.jobfile import PrintFile
from printprep.plan import Estimate
from printprep.profiles.load import load_profiles
from printprep.progress import SILENT, Progress

if TYPE_CHECKING:
    from printprep.run import Request, RunResult

GIVEN_UP: Final = frozenset({"tissues-merged", "material-substituted"})
"""Codes of findings that say what a printer, not the process, takes from a print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be printed in a rush, before a printer and a process are chosen."""

    sources: tuple[Path, ...]
    out: Path  # each variant gets a folder in it
    units: str | None = None
    scale: float | None = None
    case_id: str | None = None
    synthetic: bool = False
    supports: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A case as one kind of printer with one process would print it, or why it would not."""

    profile: str  # id of a printer profile
    process: str
    files: tuple[PrintFile, ...] = ()
    estimate: Estimate | None = None
    losses: tuple[str, ...] = ()  # what the printer takes from the print
    problem: str | None = None
    exit_code: int = 1  # that the problem alone would have
    sliced: bool = False  # and certified, proven and guarded; else the estimate is told ahead
    plates: int = 0
    least: float = 1.0  # of the estimate it takes at least, and at most: 1 once it is sliced
    most: float = 1.0

    @property
    def range_s(self) -> tuple[float, float]:
        """From where to where the estimate lies; without one 0."""
        duration_s = 0.0 if self.estimate is None else self.estimate.duration_s
        return self.least * duration_s, self.most * duration_s


def tell_variant(wish: Wish, profile: str, process: str, progress: Progress = SILENT) -> Variant:
    """Prepare a case for one printer and process, and tell ahead what it takes; a problem is part of the answer.

    It runs in a process of its own and reads the profiles itself. What is the same for all printers, up to the repaired
    meshes, it keeps for the next variant.
    """
    from printprep.variants import told_case

    request = _request(wish, profile, process)
    try:
        return _told(told_case(_mended(wish, profile, process, progress), request, progress))
    except PrintprepError as exc:
        return Variant(profile=profile, process=process, problem=str(exc), exit_code=exit_code(exc))


def make_whole(wish: Wish, variant: Variant, progress: Progress = SILENT) -> Variant:
    """Take a variant the whole way: sliced, certified, proven, guarded and locked, so that it may be sent.

    A problem that only shows on this way is part of the answer.
    """
    from printprep.run import run_case

    request = _request(wish, variant.profile, variant.process)
    try:
        return _made(run_case(request, load_profiles(), progress=progress))
    except PrintprepError as exc:
        return replace(variant, files=(), estimate=None, problem=str(exc), exit_code=exit_code(exc))


def _request(wish: Wish, profile: str, process: str) -> Request:
    from printprep.run import Request

    return Request(
        sources=wish.sources,
        printer=profile,
        process=process,
        out=wish.out.absolute() / f"{profile}-{process}",
        units=wish.units,
        scale=wish.scale,
        case_id=wish.case_id,
        synthetic=wish.synthetic,
        supports=wish.supports,
    )


_kept: dict[Wish, RunResult] = {}
"""The last case that this process read and mended."""


def _mended(wish: Wish, profile: str, process: str, progress: Progress) -> RunResult:
    from printprep.run import run_case

    if wish not in _kept:
        _kept.clear()
        _kept[wish] = run_case(_request(wish, profile, process), load_profiles(), "repair", progress)
    return _kept[wish]


def _told(result: RunResult) -> Variant:
    """A result that was only prepared, as a variant, or its problem."""
    from printprep.slicers.ahead import range_s

    profile, process = result.printer.id, result.process.id
    if result.stopped or result.estimate is None or result.plan is None:
        return Variant(profile=profile, process=process, problem=_problem(result))
    low, high = range_s(1.0, result.printer)
    return Variant(
        profile=profile,
        process=process,
        estimate=result.estimate,
        losses=_losses(result),
        plates=len(result.plan.plates),
        least=low,
        most=high,
    )


def _made(result: RunResult) -> Variant:
    """A result as a variant, with its files or its problem."""
    profile, process = result.printer.id, result.process.id
    if result.stopped or result.estimate is None or result.case is None:
        return Variant(profile=profile, process=process, problem=_problem(result), sliced=bool(result.plates))
    files = tuple(
        PrintFile(
            file=plate.file.absolute(),
            sha256=sha256_of(plate.file),
            profile=profile,
            process=process,
            case_id=result.case.id,
            duration_s=plate.estimate.duration_s,
            cost=None if plate.estimate.cost is None else plate.estimate.cost.total,
            currency=None if plate.estimate.cost is None else plate.estimate.cost.currency,
        )
        for plate in result.plates
    )
    return Variant(
        profile=profile,
        process=process,
        files=files,
        estimate=result.estimate,
        losses=_losses(result),
        sliced=True,
        plates=len(files),
    )


def _losses(result: RunResult) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.message for finding in result.findings if finding.code in GIVEN_UP))


def _problem(result: RunResult) -> str:
    return "; ".join(map(_said, stopping(result.findings))) or "nothing was sliced"


def _said(finding: Finding) -> str:
    """A finding that ends the way, with its limit and what lets it pass."""
    limit = "" if finding.limit is None or str(finding.limit) in finding.message else f" (limit {finding.limit:g})"
    hint = "" if finding.code in finding.message else f"; or accept {finding.code} with a reason in case.toml"
    return f"{finding.message}{limit}{hint}"
