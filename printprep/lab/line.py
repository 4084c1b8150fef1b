"""What the queue's operations and the agent's turn are made of; all of it runs inside ``Store.writing``."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from printprep.errors import IllegalTransition, UnknownJob
from printprep.lab.lease import read_lease, this_host
from printprep.lab.store import (
    Job,
    PlateRecord,
    PlateState,
    State,
    Store,
    job_id,
    read_job,
    read_plate,
    select_jobs,
)
from printprep.lab.tables import EVENTS, JOBS, PLATES

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
        shift(connection, job.printer, job.position + 1, -1)
    record(connection, job.number, job.state, to, at, who, why)


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


def queued(connection: Connection, printer: str) -> list[Job]:
    """The jobs that wait for a printer, in order."""
    query = select_jobs().where((JOBS.c.printer == printer) & (JOBS.c.state == State.QUEUED))
    return [read_job(row) for row in connection.execute(query.order_by(JOBS.c.position)).mappings()]


def shift(connection: Connection, printer: str, start: int, step: int) -> None:
    """Move the jobs from position ``start`` on by ``step``."""
    here = (JOBS.c.printer == printer) & (JOBS.c.state == State.QUEUED) & (JOBS.c.position >= start)
    connection.execute(sa.update(JOBS).where(here).values(position=JOBS.c.position + step))


def record(
    connection: Connection, number: int, before: State | None, after: State, at: dt.datetime, who: str, why: str
) -> None:
    """Write down what happened to a job."""
    values = {"job": number, "at": at, "before": before, "after": after, "who": who, "why": why}
    connection.execute(sa.insert(EVENTS).values(values))
