"""An agent's turn at a printer: hold the lease, begin the next job, tell how far it is, end it.

Everything an agent writes is bound to its lease and its job: an agent that lost the printer cannot change a job that
somebody has settled since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from printprep.errors import IllegalTransition, LabError, NotAllowed
from printprep.lab import lease
from printprep.lab.lease import Agent
from printprep.lab.queue import (
    ON_PLATE,
    change,
    find,
    get,
    interrupt,
    lock,
    read_plate_of,
    set_plate,
)
from printprep.lab.store import Job, PlateState, State, Store, job_id, read_job, select_jobs
from printprep.lab.tables import JOBS

WHO: Final = "agent"
"""Name of agents in histories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What an agent finds at a printer."""

    job: Job | None  # first in line
    plate: PlateState


def hold(store: Store, printer: str, me: Agent) -> tuple[Job, ...]:
    """Take a printer; what another agent left under way there becomes interrupted and is returned.

    Raises
    ------
    NotAllowed
        Another agent has it.
    """
    with store.writing() as connection:
        lock(store, connection, printer)
        lease.take(connection, printer, me, store.now())
        return interrupt(store, connection, printer)


def let_go(store: Store, printer: str, me: Agent) -> None:
    """Give a printer back."""
    with store.writing() as connection:
        lease.release(connection, printer, me)


def look(store: Store, printer: str, me: Agent) -> Outlook:
    """What is first in line and whether the plate is clear; also a sign of life.

    Raises
    ------
    LabError
        The printer was given to another agent.
    """
    with store.writing() as connection:
        lock(store, connection, printer)
        if not lease.beat(connection, printer, me, store.now()):
            raise LabError(f"this agent has lost printer {printer} to another one")
        waiting = (JOBS.c.printer == printer) & (JOBS.c.state == State.QUEUED)
        query = select_jobs().where(waiting).order_by(JOBS.c.position).limit(1)
        row = connection.execute(query).mappings().one_or_none()
        return Outlook(job=None if row is None else read_job(row), plate=read_plate_of(connection, printer).state)


def begin(store: Store, job: Job, me: Agent) -> Job:
    """Take a job from the head of its line to the plate: from here on it is printing.

    Raises
    ------
    NotAllowed
        The plate is not clear, or this agent does not have the printer.
    IllegalTransition
        The job is no longer first in line.
    """
    with store.writing() as connection:
        lock(store, connection, job.printer)
        if not lease.beat(connection, job.printer, me, store.now()):
            raise NotAllowed(f"this agent does not have printer {job.printer}")
        plate = read_plate_of(connection, job.printer)
        if plate.state is not PlateState.CLEAR:
            raise NotAllowed(
                f"the plate of {job.printer} is {plate.state}; "
                f"printprep queue clear-plate {job.printer} --who NAME, once it is"
            )
        current = find(connection, job.id)
        if current.state is not State.QUEUED or current.position != 1:
            raise IllegalTransition(f"{job.id} is no longer first in line on {job.printer}")
        why = f"begun on a plate that {plate.who} cleared at {plate.at:%Y-%m-%d %H:%M:%S} UTC"
        values = {"agent": me.token, "started_at": store.now(), "line": 0, "layer": None}
        change(connection, current, State.PRINTING, store=store, who=WHO, why=why, **values)
        set_plate(store, connection, job.printer, PlateState.PRINTING, job.number)
        return get(connection, job.number)


def reject(store: Store, job: Job, why: str) -> None:
    """Fail a job that waits, before anything was sent; the plate stays as it is."""
    with store.writing() as connection:
        lock(store, connection, job.printer)
        change(connection, find(connection, job.id), State.FAILED, store=store, who=WHO, why=why)


def tell(store: Store, job: Job, me: Agent, *, line: int, lines: int | None, layer: int | None) -> str | None:
    """Write how far a job is, and that the agent is alive; answers who wants it cancelled, None: nobody.

    Raises
    ------
    LabError
        The job is no longer this agent's.
    """
    at = store.now()
    with store.writing() as connection:
        lock(store, connection, job.printer)
        mine = (JOBS.c.number == job.number) & (JOBS.c.agent == me.token) & JOBS.c.state.in_(ON_PLATE)
        values = {"line": line, "lines": lines, "layer": layer, "updated_at": at}
        if connection.execute(sa.update(JOBS).where(mine).values(values)).rowcount != 1:
            raise LabError(f"{job_id(job.number)} is no longer this agent's")
        lease.beat(connection, job.printer, me, at)
        cancel_by: str | None = connection.execute(
            sa.select(JOBS.c.cancel_by).where(JOBS.c.number == job.number)
        ).scalar_one()
        return cancel_by


def end(store: Store, job: Job, me: Agent, to: State, *, why: str, line: int, touched: bool = True) -> Job:
    """End a job that this agent printed.

    Parameters
    ----------
    store, job, me
    to : State
        Done, failed or cancelled.
    why : str
        Reason, kept with the job unless it is done.
    line : int
        Lines that the printer acknowledged.
    touched : bool
        False only when it is certain that nothing was sent: the plate is then as clear as it was.

    Raises
    ------
    LabError
        The job is no longer this agent's.
    """
    with store.writing() as connection:
        lock(store, connection, job.printer)
        current = find(connection, job.id)
        if current.agent != me.token or current.state not in ON_PLATE:
            raise LabError(f"{job.id} is {current.state} and no longer this agent's")
        change(connection, current, to, store=store, who=WHO, why=why, line=line)
        plate = PlateState.USED if touched else PlateState.CLEAR
        set_plate(store, connection, job.printer, plate, job.number if touched else None)
        return get(connection, job.number)
