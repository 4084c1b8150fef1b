"""An agent's turn at a printer: hold the lease, begin the next job, tell how far it is, end it.

Everything an agent writes is bound to its lease and its job: an agent that lost the printer cannot change a job that
somebody has settled since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from printprep.errors import IllegalTransition, NotAllowed
from printprep.lab import lease
from printprep.lab.lease import Agent
from printprep.lab.line import ON_PLATE, change, find, get, interrupt, lock, read_plate_of, set_plate
from printprep.lab.pace import learn
from printprep.lab.queue import tidy
from printprep.lab.store import Job, PlateState, State, Store, read_job, select_jobs
from printprep.lab.tables import JOBS

WHO: Final = "agent"
"""Name of agents in histories."""

BEAT_S: Final = 10.0
"""How often a waiting agent says that it is alive; far more often than :data:`printprep.lab.lease.LEASE_S`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What an agent finds at a printer."""

    job: Job | None  # first in line
    plate: PlateState


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How far a print is."""

    line: int = 0  # acknowledged by the printer
    lines: int | None = None  # in all
    layer: int | None = None
    paused: bool = False
    message: str = ""  # the last thing that a person should know


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
    """What is first in line and whether the plate is clear; now and then also a sign of life.

    Raises
    ------
    NotAllowed
        The printer was given to another agent.
    """
    now = store.now()
    with store.reading() as connection:
        held = lease.read_lease(connection, printer)
        waiting = (JOBS.c.printer == printer) & (JOBS.c.state == State.QUEUED)
        query = select_jobs().where(waiting).order_by(JOBS.c.position).limit(1)
        row = connection.execute(query).mappings().one_or_none()
        outlook = Outlook(job=None if row is None else read_job(row), plate=read_plate_of(connection, printer).state)
    if held is None or held.agent != me:
        raise NotAllowed(f"this agent has lost printer {printer} to another one")
    if (now - held.heartbeat).total_seconds() > BEAT_S:
        with store.writing() as connection:
            lease.beat(connection, printer, me, now)
    return outlook


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
    tidy(store)


def tell(store: Store, job: Job, me: Agent, told: Told) -> str | None:
    """Write how far a job is, and that the agent is alive; answers who wants it cancelled, None: nobody.

    Raises
    ------
    NotAllowed
        The job is no longer this agent's.
    """
    at = store.now()
    with store.writing() as connection:
        current = _mine(store, connection, job, me)
        to = State.PAUSED if told.paused else State.PRINTING
        if current.state is not to:
            why = told.message or ("paused" if told.paused else "resumed")
            change(connection, current, to, store=store, who=WHO, why=why, cancel_by=current.cancel_by)
        values = {"line": told.line, "lines": told.lines, "layer": told.layer, "updated_at": at}
        connection.execute(sa.update(JOBS).where(JOBS.c.number == job.number).values(values))
        lease.beat(connection, job.printer, me, at)
        return current.cancel_by


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
    NotAllowed
        The job is no longer this agent's.
    """
    with store.writing() as connection:
        current = _mine(store, connection, job, me)
        if current.state is State.PAUSED and to is State.DONE:  # it was resumed since the store heard of it last
            change(connection, current, State.PRINTING, store=store, who=WHO, why="resumed")
            current = get(connection, job.number)
        change(connection, current, to, store=store, who=WHO, why=why, line=line)
        plate = PlateState.USED if touched else PlateState.CLEAR
        set_plate(store, connection, job.printer, plate, job.number if touched else None)
        ended = get(connection, job.number)
        if to is State.DONE and ended.ended_at is not None:
            learn(connection, ended, ended.ended_at)
    tidy(store)
    return ended


def _mine(store: Store, connection: Connection, job: Job, me: Agent) -> Job:
    """The job as the store has it, its printer locked; a NotAllowed if this agent does not have it under way."""
    lock(store, connection, job.printer)
    current = get(connection, job.number)
    if current.agent != me.token or current.state not in ON_PLATE:
        raise NotAllowed(f"{job.id} is {current.state} and no longer this agent's")
    return current
