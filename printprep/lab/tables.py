"""The tables of the lab's store. A change here needs a new file under migrations/versions; a test compares the two."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)


class UtcTime(TypeDecorator[dt.datetime]):
    """An aware time, stored as UTC. SQLite keeps no offset, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        """Convert to UTC; a ValueError for a time without an offset, which could be anybody's."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no offset; the store takes aware times only")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        """Read as UTC."""
        if value is None:
            return None
        read: dt.datetime = value
        return read.replace(tzinfo=dt.UTC) if read.tzinfo is None else read.astimezone(dt.UTC)


class Amount(TypeDecorator[Decimal]):
    """An exact amount of money, stored as its digits: SQLite's own numbers are binary fractions."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Digits of the amount."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """Read back exactly."""
        return None if value is None else Decimal(value)


class Word(TypeDecorator[str]):
    """A word of an enumeration, stored as plain text whatever the driver makes of enumerations."""

    impl = String(16)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Plain text."""
        return None if value is None else str(value)


METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

JOBS = Table(
    "jobs",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("printer", String(64), nullable=False),  # its name in the lab
    Column("profile", String(64)),  # id of the printer profile that the file was made for
    Column("process", String(64)),
    Column("case_id", String(32)),  # opaque
    Column("file", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("state", Word, nullable=False),
    Column("position", Integer),  # in the printer's queue, from 1; null once it has left the queue
    Column("priority", Integer, nullable=False),
    Column("estimate_s", Float),
    Column("cost", Amount),
    Column("currency", String(3)),
    Column("deadline", UtcTime),
    Column("who", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("line", Integer, nullable=False),  # acknowledged by the printer
    Column("lines", Integer),  # in all
    Column("layer", Integer),
    Column("reason", Text),
    Column("cancel_by", String(64)),  # who asked the agent to cancel a print under way
    Column("agent", String(64)),  # the agent that prints it
    sqlite_autoincrement=True,  # a number is never given twice, also after the last job was taken out
)
Index("ix_jobs_printer_state", JOBS.c.printer, JOBS.c.state)
Index(
    "ux_jobs_one_print",  # whatever the code does, the database refuses a second print on a printer
    JOBS.c.printer,
    unique=True,
    sqlite_where=text("state IN ('printing', 'paused')"),
    postgresql_where=text("state IN ('printing', 'paused')"),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("job", Integer, ForeignKey("jobs.number"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("before", Word),  # null: it was added
    Column("after", Word, nullable=False),
    Column("who", String(64), nullable=False),
    Column("why", Text, nullable=False),
)

PLATES = Table(
    "plates",
    METADATA,
    Column("printer", String(64), primary_key=True),
    Column("state", Word, nullable=False),
    Column("job", Integer, ForeignKey("jobs.number")),  # whose print stands on it
    Column("who", String(64)),  # the person who cleared it last
    Column("at", UtcTime, nullable=False),
)

PRINTS = Table(
    "prints",  # what prints that ended well really took, from which the factor of a printer and process is learned
    METADATA,
    Column("job", Integer, ForeignKey("jobs.number"), primary_key=True),
    Column("printer", String(64), nullable=False),
    Column("process", String(64)),
    Column("estimate_s", Float, nullable=False),
    Column("actual_s", Float, nullable=False),  # without pauses
)
Index("ix_prints_printer_process", PRINTS.c.printer, PRINTS.c.process)

LEASES = Table(
    "leases",
    METADATA,
    Column("printer", String(64), primary_key=True),
    Column("agent", String(64), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("born", String(64), nullable=False),  # start of the process, so that a reused pid is not taken for it
    Column("since", UtcTime, nullable=False),
    Column("heartbeat", UtcTime, nullable=False),
)
