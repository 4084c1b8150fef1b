"""The queue: what people do with jobs and plates. What an agent does is in :mod:`printprep.lab.turn`.

Every printer has its own line. A job's place in it is ``position``, from 1 and without gaps; ``priority`` only says
where :func:`add` puts it: behind all jobs of the same or a higher priority. After that a person may move it anywhere.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from printprep.errors import IllegalTransition, InputError, LabError, NotAllowed
from printprep.lab import spool
from printprep.lab.jobfile import PrintFile
from printprep.lab.line import (
    ON_PLATE,
    OPEN,
    TRANSITIONS,
    change,
    find,
    find_locked,
    get,
    lock,
    queued,
    read_plate_of,
    record,
    recover,
    shift,
)
from printprep.lab.store import (
    Event,
    Job,
    PlateRecord,
    PlateState,
    State,
    Store,
    job_id,
    read_event,
    read_job,
    read_plate,
    select_jobs,
)
from printprep.lab.tables import EVENTS, JOBS, PLATES

LOG: Final = logging.getLogger(__name__)

ROUTINE: Final = 0
RUSH: Final = 10
"""Priorities: a rush goes before all routine jobs and behind the rushes that came before it."""


def take_in(
    store: Store,
    print_files: Iterable[PrintFile],
    *,
    printer: str,
    who: str,
    deadline: dt.datetime | None = None,
    priority: int = ROUTINE,
) -> tuple[Job, ...]:
    """Queue files in order, each copied into the store's spool: what happens to the originals then does not matter.

    Parameters are those of :func:`add`.

    Raises
    ------
    InputError
        A file was changed since it was looked at, or the build that it lies in does not vouch for it.
    LabError
        The spool cannot be written to.
    """
    with spool.held(store.spool):
        kept = [spool.keep(store.spool, print_file) for print_file in print_files]
        return tuple(
            add(store, print_file, printer=printer, who=who, deadline=deadline, priority=priority)
            for print_file in kept
        )


def tidy(store: Store) -> None:
    """Take the files out of the spool that no open job needs any more."""
    if not store.spool.is_dir():
        return
    try:
        with spool.held(store.spool):
            spool.sweep(store.spool, {job.file for job in open_jobs(store)})
    except (LabError, OSError) as exc:
        LOG.warning("the spool %s was not tidied: %s", store.spool, exc)  # the next time


def add(
    store: Store,
    print_file: PrintFile,
    *,
    printer: str,
    who: str,
    deadline: dt.datetime | None = None,
    priority: int = ROUTINE,
) -> Job:
    """Queue a file where it stands, behind the jobs of its priority or a higher one; see also :func:`take_in`.

    Parameters
    ----------
    store : Store
    print_file : PrintFile
        The file, its hash and what its build says of it.
    printer : str
        Name in the lab.
    who : str
        Who asks.
    deadline : datetime, optional
        When it must be finished, aware.
    priority : int
        :data:`ROUTINE` or :data:`RUSH`.
    """
    who = _person(who)
    at = store.now()
    with store.writing() as connection:
        lock(store, connection, printer)
        line = queued(connection, printer)
        position = 1 + sum(job.priority >= priority for job in line)
        shift(connection, printer, position, +1)
        values = {
            "printer": printer, "profile": print_file.profile, "process": print_file.process,
            "case_id": print_file.case_id, "file": str(print_file.file), "sha256": print_file.sha256,
            "state": State.QUEUED, "position": position, "priority": priority, "estimate_s": print_file.duration_s,
            "cost": print_file.cost, "currency": print_file.currency, "deadline": deadline, "who": who,
            "created_at": at, "updated_at": at, "line": 0,
        }  # fmt: skip
        number = connection.execute(sa.insert(JOBS).values(values).returning(JOBS.c.number)).scalar_one()
        record(connection, number, None, State.QUEUED, at, who, f"queued on {printer}")
        return get(connection, number)


def jobs(store: Store, *, printer: str | None = None, states: Iterable[State] | None = None) -> tuple[Job, ...]:
    """Jobs by printer: what is under way, then the line in order, then what has ended, the latest first."""
    query = select_jobs()
    if printer is not None:
        query = query.where(JOBS.c.printer == printer)
    if states is not None:
        query = query.where(JOBS.c.state.in_(list(states)))
    with store.reading() as connection:
        found = [read_job(row) for row in connection.execute(query).mappings()]
    return tuple(sorted(found, key=_order))


def open_jobs(store: Store) -> tuple[Job, ...]:
    """Jobs that have not ended."""
    return jobs(store, states=OPEN)


def show(store: Store, name: str) -> tuple[Job, tuple[Event, ...]]:
    """A job by its id, with its history from the first event on; an UnknownJob with near matches if there is none."""
    with store.reading() as connection:
        job = find(connection, name)
        query = sa.select(EVENTS).where(EVENTS.c.job == job.number).order_by(EVENTS.c.id)
        return job, tuple(read_event(row) for row in connection.execute(query).mappings())


def plates(store: Store) -> tuple[PlateRecord, ...]:
    """All plates that the store knows of, by printer."""
    with store.reading() as connection:
        query = sa.select(PLATES).order_by(PLATES.c.printer)
        return tuple(read_plate(row) for row in connection.execute(query).mappings())


def move(
    store: Store,
    name: str,
    *,
    who: str,
    position: int | None = None,
    before: str | None = None,
    after: str | None = None,
) -> Job:
    """Move a waiting job within its printer's line: to a position from 1 (1 is first), before or after another job.

    Raises
    ------
    NotAllowed
        The job, or the one it is moved beside, does not wait in that line.
    InputError
        Not exactly one place is named.
    """
    who = _person(who)
    if sum(wish is not None for wish in (position, before, after)) != 1:
        raise InputError("name exactly one place: a position, a job to be before, or a job to be after")
    with store.writing() as connection:
        job = find_locked(store, connection, name)
        _waiting(job, job.printer)
        others = [j.number for j in queued(connection, job.printer) if j.number != job.number]
        if position is not None:
            index = min(max(position, 1) - 1, len(others))
        else:
            beside = find(connection, before or after or "")
            _waiting(beside, job.printer)
            if beside.number == job.number:
                raise InputError(f"{job.id} cannot be moved beside itself")
            index = others.index(beside.number) + (after is not None)
        at = store.now()
        for place, number in enumerate([*others[:index], job.number, *others[index:]], start=1):
            connection.execute(sa.update(JOBS).where(JOBS.c.number == number).values(position=place, updated_at=at))
        record(connection, job.number, job.state, job.state, at, who, f"moved from {job.position} to {index + 1}")
        return get(connection, job.number)


def cancel(store: Store, name: str, *, who: str, why: str = "") -> Job:
    """Cancel a job. One under way is stopped by its agent, with a safe park; until then ``cancel_by`` is set.

    Raises
    ------
    IllegalTransition
        It has ended already.
    """
    who = _person(who)
    reason = why or f"cancelled by {who}"
    with store.writing() as connection:
        recover(store, connection, find_locked(store, connection, name).printer)
        job = find(connection, name)
        if job.state in ON_PLATE:
            connection.execute(sa.update(JOBS).where(JOBS.c.number == job.number).values(cancel_by=who))
            record(connection, job.number, job.state, job.state, store.now(), who, f"asked to stop: {reason}")
        else:
            change(connection, job, State.CANCELLED, store=store, who=who, why=reason)
        cancelled = get(connection, job.number)
    tidy(store)
    return cancelled


def settle(store: Store, name: str, to: State, *, who: str, why: str = "") -> Job:
    """Decide what became of an interrupted job: done, failed, cancelled, or queued again (first in line).

    Raises
    ------
    IllegalTransition
        It is not interrupted.
    """
    who = _person(who)
    with store.writing() as connection:
        recover(store, connection, find_locked(store, connection, name).printer)
        job = find(connection, name)
        if job.state is not State.INTERRUPTED:
            raise IllegalTransition(
                f"{job.id} is {job.state}; only a job that was interrupted is settled by a person. Nothing was changed"
            )
        again: dict[str, Any] = {}
        if to is State.QUEUED:
            shift(connection, job.printer, 1, +1)
            again = {"position": 1, "line": 0, "layer": None, "started_at": None, "ended_at": None, "agent": None}
        change(connection, job, to, store=store, who=who, why=why or f"settled as {to} by {who}", **again)
        settled = get(connection, job.number)
    tidy(store)
    return settled


def clear_plate(store: Store, printer: str, *, who: str) -> PlateRecord:
    """Note that a person has cleared a printer's plate, so that the next job may start.

    Raises
    ------
    NotAllowed
        A print is under way there.
    """
    who = _person(who)
    with store.writing() as connection:
        lock(store, connection, printer)
        recover(store, connection, printer)
        plate = read_plate_of(connection, printer)
        if plate.state is PlateState.PRINTING:
            name = "a job" if plate.job is None else job_id(plate.job)
            raise NotAllowed(f"{name} is being printed on {printer}; wait for its end or cancel it")
        values = {"state": PlateState.CLEAR, "job": None, "who": who, "at": store.now()}
        connection.execute(sa.update(PLATES).where(PLATES.c.printer == printer).values(values))
        return read_plate_of(connection, printer)


def _waiting(job: Job, printer: str) -> None:
    if job.state is not State.QUEUED:
        raise NotAllowed(f"{job.id} is {job.state}; only a job that waits has a place in the line")
    if job.printer != printer:
        raise NotAllowed(f"{job.id} waits on {job.printer}, not on {printer}; each printer has its own line")


def _order(job: Job) -> tuple[str, int, int]:
    """Under way or to be decided, then the line, then what has ended, the latest first."""
    if job.state is State.QUEUED:
        return job.printer, 1, job.position or 0
    return job.printer, 0 if TRANSITIONS[job.state] else 2, -job.number


def _person(who: str) -> str:
    name = who.strip()
    if not 1 <= len(name) <= 64:
        raise InputError("say who does it: a name or initials of 1 to 64 characters (--who)")
    return name
