"""Who runs a printer: one agent at a time, held by a lease in the store.

An agent on this machine counts as gone as soon as its process is: its pid is free or belongs to a process that was
born later. While the process lives, it keeps the printer however long it is silent (a stopped process may go on
sending when it wakes). Of an agent on another machine only the heartbeat is known: it counts as gone when that is
older than :data:`LEASE_S`, so the clocks of machines that share a store must agree to some seconds.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from printprep.errors import NotAllowed
from printprep.lab.tables import LEASES

LEASE_S: Final = 90.0
"""How old the heartbeat of an agent on another machine may be before it counts as gone."""

_START_TIME = 19  # field 22 of /proc/PID/stat, counted after the command's closing parenthesis


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A process that may run printers."""

    host: str  # machine and pid namespace: where its pid means something
    pid: int
    born: str  # start of the process on the machine's own clock; empty where that is not known

    @property
    def token(self) -> str:
        """Short name, unique to the process."""
        return hashlib.sha256(f"{self.host} {self.pid} {self.born}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A printer in the hands of an agent."""

    printer: str
    agent: Agent
    heartbeat: dt.datetime

    def alive(self, here: str, now: dt.datetime) -> bool:
        """Whether the agent may still be sending, seen from the machine ``here`` (:func:`this_host`)."""
        if self.agent.host == here:
            return process_start(self.agent.pid) == self.agent.born
        return (now - self.heartbeat).total_seconds() < LEASE_S


def this_agent() -> Agent:
    """The process that asks."""
    pid = os.getpid()
    return Agent(host=this_host(), pid=pid, born=process_start(pid) or "")


def this_host() -> str:
    """Name of the machine with its boot and pid namespace, so that containers of one name are told apart."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    parts = [socket.gethostname()]
    if boot.exists() and namespace.is_symlink():
        parts += [boot.read_text("ascii").strip(), str(namespace.readlink())]
    return " ".join(parts)


def process_start(pid: int) -> str | None:
    """When the process of that pid started; empty where the system does not say, None if there is none or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    else:
        return None if fields[0] in "ZX" else fields[_START_TIME]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return ""  # somebody else's, but there
    return ""


def read_lease(connection: Connection, printer: str) -> Lease | None:
    """Who has the printer; None: nobody."""
    row = connection.execute(sa.select(LEASES).where(LEASES.c.printer == printer)).mappings().one_or_none()
    if row is None:
        return None
    agent = Agent(host=row["host"], pid=row["pid"], born=row["born"])
    return Lease(printer=printer, agent=agent, heartbeat=row["heartbeat"])


def take(connection: Connection, printer: str, me: Agent, now: dt.datetime) -> None:
    """Take the lease of a printer whose row the transaction has locked.

    Raises
    ------
    NotAllowed
        Another agent has it and may still be sending.
    """
    held = read_lease(connection, printer)
    if held is not None and held.agent != me and held.alive(me.host, now):
        age_s = (now - held.heartbeat).total_seconds()
        raise NotAllowed(
            f"printer {printer} is run by another agent, process {held.agent.pid} on {held.agent.host.split()[0]} "
            f"(heard of {age_s:.0f} s ago); end that one first"
        )
    values = {"agent": me.token, "host": me.host, "pid": me.pid, "born": me.born, "heartbeat": now}
    if held is None:
        connection.execute(sa.insert(LEASES).values(printer=printer, since=now, **values))
    else:
        since = {} if held.agent == me else {"since": now}
        connection.execute(sa.update(LEASES).where(LEASES.c.printer == printer).values(**values, **since))


def beat(connection: Connection, printer: str, me: Agent, now: dt.datetime) -> bool:
    """Say that the agent is alive; False: it has lost the printer and must stop."""
    mine = (LEASES.c.printer == printer) & (LEASES.c.agent == me.token)
    return connection.execute(sa.update(LEASES).where(mine).values(heartbeat=now)).rowcount == 1


def release(connection: Connection, printer: str, me: Agent) -> None:
    """Let the printer go; nothing happens if the agent does not have it."""
    connection.execute(sa.delete(LEASES).where((LEASES.c.printer == printer) & (LEASES.c.agent == me.token)))
