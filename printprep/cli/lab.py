"""What the lab's commands share: the store, who asks, and how a job is shown."""

from __future__ import annotations

import datetime as dt
import getpass
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from printprep.cli.terminal import out, table

if TYPE_CHECKING:
    from printprep.lab.pace import Pace
    from printprep.lab.store import Job, PlateRecord

    Paces = Mapping[tuple[str, str | None], Pace]

F = TypeVar("F", bound=Callable[..., Any])

COLOURS = {
    "printing": "bold cyan", "paused": "yellow", "done": "green", "failed": "red", "interrupted": "bold red",
    "cancelled": "dim", "clear": "green", "used": "yellow", "unknown": "yellow",
}  # fmt: skip
"""Of states, of jobs and plates."""

NAME_LENGTH = 24
"""Characters of a file's name in a table."""

REASON_LENGTH = 100
"""Characters of a reason below a table; the history of `printprep queue show` has all."""

FREE = ("who", "by")
"""Columns that may take several lines."""


def store_option(command: F) -> F:
    """Add ``--store`` as ``store_url``."""
    return click.option(
        "--store",
        "store_url",
        envvar="PRINTPREP_STORE",
        metavar="URL",
        help="sqlite:////path/to/file or postgresql://user@host/name. [default: SQLite in your data folder]",
    )(command)


def who_option(command: F) -> F:
    """Add ``--who``, by default the user who is logged in."""
    return click.option("--who", default=current_user, metavar="NAME", help="Who asks. [default: you]")(command)


def current_user() -> str:
    """Who is logged in; empty where the system does not know, so that the store asks for a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def takes(job: Job, paces: Paces) -> str:
    """How long a job takes; once its printer has printed so, the range of 9 in 10."""
    span = range_s(job, paces)
    return duration(job.estimate_s) if span is None else f"{duration(span[0])} to {duration(span[1])}"


def range_s(job: Job, paces: Paces) -> tuple[float, float] | None:
    """The range of a job's time, by what its printer took before with its process; None: it is not known."""
    pace = paces.get((job.printer, job.process))
    return None if pace is None or job.estimate_s is None else pace.range_s(job.estimate_s)


def show_jobs(
    title: str, jobs: Sequence[Job], plates: Sequence[PlateRecord] = (), paces: Paces = MappingProxyType({})
) -> None:
    """Print jobs, and the plates they wait for, as tables."""
    from rich.markup import escape

    columns = ("id", "printer", "state", "", ">place", "file", "case", ">takes", "by", "who")
    rows = [
        (
            job.id,
            escape(job.printer),
            coloured(job.state),
            "[bold red]URGENT[/]" if job.urgent else "",
            progress_of(job) if job.position is None else str(job.position),
            escape(short(job.file.name)),
            job.case_id or "",
            takes(job, paces),
            moment(job.deadline),
            escape(job.who),
        )
        for job in jobs
    ]
    filled = [index for index in range(len(columns)) if index < 3 or any(row[index] for row in rows)]
    shown = table(title, [columns[i] for i in filled], [[row[i] for i in filled] for row in rows])
    for column in shown.columns:
        column.no_wrap = column.header not in FREE  # ids and names in pieces cannot be read
    out().print(shown)
    for job in jobs:
        reason = f"{job.cancel_by} asked to cancel" if job.cancel_by else job.reason or ""
        if reason:
            words = reason if len(reason) <= REASON_LENGTH else f"{reason[: REASON_LENGTH - 1]}…"
            out().print(f"{job.id} {job.state}: {words}", markup=False, soft_wrap=True)
    if plates:
        rows_of_plates = [(p.printer, coloured(p.state), escape(p.who or "nobody"), moment(p.at)) for p in plates]
        out().print(table("Plates", ("printer", "plate", "last cleared by", "since"), rows_of_plates))


def short(name: str) -> str:
    """A file's name for a table: a long one loses its middle."""
    if len(name) <= NAME_LENGTH:
        return name
    end = NAME_LENGTH // 2
    return f"{name[: NAME_LENGTH - end - 1]}…{name[-end:]}"


def job_document(job: Job, paces: Paces = MappingProxyType({})) -> dict[str, Any]:
    """A job for programs."""
    return {
        "id": job.id,
        "printer": job.printer,
        "state": job.state.value,
        "position": job.position,
        "priority": job.priority,
        "urgent": job.urgent,
        "file": job.file.name,
        "sha256": job.sha256,
        "profile": job.profile,
        "process": job.process,
        "case_id": job.case_id,
        "estimate_s": job.estimate_s,
        "range_s": range_s(job, paces),
        "cost": None if job.cost is None else {"total": str(job.cost), "currency": job.currency},
        "deadline": iso(job.deadline),
        "who": job.who,
        "created_at": iso(job.created_at),
        "updated_at": iso(job.updated_at),
        "started_at": iso(job.started_at),
        "ended_at": iso(job.ended_at),
        "progress": {"line": job.line, "lines": job.lines, "layer": job.layer},
        "reason": job.reason,
        "cancel_by": job.cancel_by,
    }


def plate_document(plate: PlateRecord) -> dict[str, Any]:
    """A plate for programs."""
    from printprep.lab.store import job_id

    job = None if plate.job is None else job_id(plate.job)
    return {
        "printer": plate.printer,
        "state": plate.state.value,
        "job": job,
        "cleared_by": plate.who,
        "since": iso(plate.at),
    }


def iso(time: dt.datetime | None) -> str | None:
    """A time for programs, with its offset."""
    return None if time is None else time.isoformat()


def moment(time: dt.datetime | None) -> str:
    """A time for people, on the clock of this machine."""
    return "" if time is None else f"{time.astimezone():%a %d %b %H:%M}"


def duration(seconds: float | None) -> str:
    """A duration for people; nothing where it is not known."""
    from printprep.units import format_duration

    return "" if seconds is None else format_duration(seconds)


def progress_of(job: Job) -> str:
    """How far a job is."""
    if not job.lines:
        return "" if not job.line else f"line {job.line:,}"
    return f"{100 * job.line / job.lines:.0f} %"


def coloured(state: str) -> str:
    """A state in its colour."""
    colour = COLOURS.get(state)
    return f"[{colour}]{state}[/]" if colour else state
