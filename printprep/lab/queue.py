"""The queue: what people do with jobs and plates. What an agent does is in :mod:`printprep.lab.turn`.

Every printer has its own line. A job's place in it is ``position``, from 1 and without gaps; ``priority`` only says
where :func:`add` puts it: behind all jobs of the same or a higher priority. After that a person may move it anywhere.
"""

from __future__ import annotations

import datetime as dt
import difflib
import logging
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from printprep.errors import IllegalTransition, InputError, LabError, NotAllowed, UnknownJob
from printprep.lab import spool
from printprep.lab.jobfile import PrintFile
from printprep.lab.lease import read_lease, this_host
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

TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.QUEUED: frozenset({State.PRINTING, State.FAILED, State.CANCELLED}),  # failed: refused before the first line
    State.PRINTING: frozenset({State.DONE, State.FAILED, State.CANCELLED, State.PAUSED, State.INTERRUPTED}),
    State.PAUSED: frozenset({State.PRINTING, State.FAILED, State.CANCELLED, State.INTERRUPTED}),
    State.INTERRUPTED: frozenset({State.QUEUED, State.DONE, State.FAILED, State.CANCELLED}),  # only by a person
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}
"""The state machine of a job: from each state the states that it may go to."""

ON_PLATE: Final = (State.PRINTING, State.PAUSED)
"""States in which an agent has the job under way."""

OPEN: Final = tuple(state for state, to in TRANSITIONS.items() if to)
"""States of jobs that have not ended."""

ENDED: Final = {State.DONE: "printed", State.FAILED: "given up as failed", State.CANCELLED: "cancelled"}
"""In plain words, after "it was"."""

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
        line = _line(connection, printer)
        position = 1 + sum(job.priority >= priority for job in line)
        _shift(connection, printer, position, +1)
        values = {
            "printer": printer, "profile": print_file.profile, "process": print_file.process,
            "case_id": print_file.case_id, "file": str(print_file.file), "sha256": print_file.sha256,
            "state": State.QUEUED, "position": position, "priority": priority, "estimate_s": print_file.duration_s,
            "cost": print_file.cost, "currency": print_file.currency, "deadline": deadline, "who": who,
            "created_at": at, "updated_at": at, "line": 0,
        }  # fmt: skip
        number = connection.execute(sa.insert(JOBS).values(values).returning(JOBS.c.number)).scalar_one()
        _record(connection, number, None, State.QUEUED, at, who, f"queued on {printer}")
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
        others = [j.number for j in _line(connection, job.printer) if j.number != job.number]
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
        _record(connection, job.number, job.state, job.state, at, who, f"moved from {job.position} to {index + 1}")
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
            _record(connection, job.number, job.state, job.state, store.now(), who, f"asked to stop: {reason}")
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
            _shift(connection, job.printer, 1, +1)
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


# What the operations above and the agent's turn are made of; all run inside Store.writing.


def change(connection: Connection, job: Job, to: State, *, store: Store, who: str, why: str, **values: Any) -> None:
    """Take ``job`` to another state, with its history, and close the gap it leaves in the line.

    Raises
    ------
    IllegalTransition
        The table does not allow it, or somebody else was faster.
    """
    if to not in TRANSITIONS[job.state]:
        if not TRANSITIONS[job.state]:
            ended = "" if job.ended_at is None else f" at {job.ended_at:%Y-%m-%d %H:%M} UTC"
            raise IllegalTransition(f"{job.id} has ended: it was {ENDED[job.state]}{ended}. Nothing was changed")
        raise IllegalTransition(f"{job.id} is {job.state}, and nothing leads from there to {to}. Nothing was changed")
    at = store.now()
    end = {} if TRANSITIONS[to] else {"ended_at": at}
    reason = None if to in (State.QUEUED, State.PRINTING, State.DONE) else why
    row = {"position": None, "cancel_by": None, "reason": reason, "updated_at": at, "state": to, **end, **values}
    here = (JOBS.c.number == job.number) & (JOBS.c.state == job.state)
    if connection.execute(sa.update(JOBS).where(here).values(row)).rowcount != 1:
        raise IllegalTransition(f"{job.id} is no longer {job.state} and did not become {to}; look at it again")
    if job.position is not None:
        _shift(connection, job.printer, job.position + 1, -1)
    _record(connection, job.number, job.state, to, at, who, why)


def recover(store: Store, connection: Connection, printer: str) -> tuple[Job, ...]:
    """Mark what a vanished agent left under way on a locked printer as interrupted, its plate as used."""
    lease = read_lease(connection, printer)
    if lease is not None and lease.alive(this_host(), store.now()):
        return ()
    return interrupt(store, connection, printer)


def interrupt(store: Store, connection: Connection, printer: str) -> tuple[Job, ...]:
    """Mark everything under way on a locked printer as interrupted, its plate as used."""
    query = select_jobs().where((JOBS.c.printer == printer) & JOBS.c.state.in_(ON_PLATE))
    why = "its agent went away in mid-print; look at the printer and decide"
    lost = [read_job(row) for row in connection.execute(query).mappings()]
    for job in lost:
        change(connection, job, State.INTERRUPTED, store=store, who="printprep", why=why)
        set_plate(store, connection, printer, PlateState.USED, job.number)
    return tuple(replace(job, state=State.INTERRUPTED) for job in lost)


def lock(store: Store, connection: Connection, printer: str) -> None:
    """Hold the row of a printer to the end of the transaction, so that its line has one writer; make it if need be."""
    query = sa.select(PLATES.c.printer).where(PLATES.c.printer == printer).with_for_update()
    if connection.execute(query).first() is not None:
        return
    try:
        with connection.begin_nested():
            values = {"printer": printer, "state": PlateState.UNKNOWN, "at": store.now()}
            connection.execute(sa.insert(PLATES).values(values))
    except IntegrityError:
        connection.execute(query)  # somebody else made it just now


def set_plate(store: Store, connection: Connection, printer: str, state: PlateState, job: int | None) -> None:
    """Note what is on a locked printer's plate; who cleared it last stays."""
    values = {"state": state, "job": job, "at": store.now()}
    connection.execute(sa.update(PLATES).where(PLATES.c.printer == printer).values(values))


def read_plate_of(connection: Connection, printer: str) -> PlateRecord:
    """The plate of a printer that :func:`lock` has made sure of."""
    query = sa.select(PLATES).where(PLATES.c.printer == printer)
    return read_plate(connection.execute(query).mappings().one())


def get(connection: Connection, number: int) -> Job:
    """The job of that number, which is there."""
    return read_job(connection.execute(select_jobs().where(JOBS.c.number == number)).mappings().one())


def find(connection: Connection, name: str) -> Job:
    """The job called ``J-0012`` (also ``j-12`` and ``12``); an UnknownJob with near matches if there is none."""
    match = re.fullmatch(r"(?:[Jj]-)?0*(\d{1,9})", name.strip())
    if match is not None:
        row = connection.execute(select_jobs().where(JOBS.c.number == int(match.group(1)))).mappings().one_or_none()
        if row is not None:
            return read_job(row)
    asked = name.strip().upper() if match is None else job_id(int(match.group(1)))
    latest = connection.execute(sa.select(JOBS.c.number).order_by(JOBS.c.number.desc()).limit(1000)).scalars()
    near = difflib.get_close_matches(asked, [job_id(number) for number in latest], n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; see printprep queue list"
    raise UnknownJob(f"there is no job {name!r}{hint}")


def find_locked(store: Store, connection: Connection, name: str) -> Job:
    """The job of that name with its printer's line locked, as it is after the lock was had."""
    lock(store, connection, find(connection, name).printer)
    return find(connection, name)


def _line(connection: Connection, printer: str) -> list[Job]:
    query = select_jobs().where((JOBS.c.printer == printer) & (JOBS.c.state == State.QUEUED))
    return [read_job(row) for row in connection.execute(query.order_by(JOBS.c.position)).mappings()]


def _shift(connection: Connection, printer: str, start: int, step: int) -> None:
    here = (JOBS.c.printer == printer) & (JOBS.c.state == State.QUEUED) & (JOBS.c.position >= start)
    connection.execute(sa.update(JOBS).where(here).values(position=JOBS.c.position + step))


def _record(
    connection: Connection, number: int, before: State | None, after: State, at: dt.datetime, who: str, why: str
) -> None:
    values = {"job": number, "at": at, "before": before, "after": after, "who": who, "why": why}
    connection.execute(sa.insert(EVENTS).values(values))


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
