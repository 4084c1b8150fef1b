"""The lab's store: where it is, its transactions, and its rows as frozen objects.

SQLite in the user's data folder by default, PostgreSQL by URL when several hosts share the lab; the same statements run
on both. The schema is brought up to date on opening. Everything that changes runs in :meth:`Store.writing`, one
transaction: on SQLite it takes the write lock at once, on PostgreSQL :func:`printprep.lab.line.lock` holds the row of
the printer that is changed, so two people and an agent never undo each other.

No patient data: a job knows its case by the opaque id only.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, RowMapping
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from printprep.errors import LabError
from printprep.lab.spool import spool_folder
from printprep.lab.tables import JOBS

Clock = Callable[[], dt.datetime]
T = TypeVar("T")

SCHEMA: Final = "0002"
"""The newest revision under migrations/versions."""

BUSY_TIMEOUT_S: Final = 20.0
"""How long SQLite waits for another process's transaction; they are all short."""

_SCHEMA_LOCK: Final = 0x7072_696E  # any number, the same in every process: PostgreSQL's advisory lock for migrations


class State(StrEnum):
    """Where a job is; :data:`printprep.lab.line.TRANSITIONS` says where it may go."""

    QUEUED = "queued"
    PRINTING = "printing"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its agent died in mid-print: a person looks and decides, nothing restarts by itself


class PlateState(StrEnum):
    """What is on a printer's plate, as far as is known."""

    UNKNOWN = "unknown"  # a new printer: not clear until a person says so
    CLEAR = "clear"  # a person cleared it
    PRINTING = "printing"
    USED = "used"  # a print, whole or not, stands on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file to print on one printer."""

    number: int
    printer: str  # its name in the lab
    profile: str | None  # id of the printer profile that the file was made for
    process: str | None
    case_id: str | None
    file: Path  # within the store's spool; absolute in records of an earlier printprep
    sha256: str
    state: State
    position: int | None  # in the printer's queue, from 1
    priority: int
    estimate_s: float | None
    cost: Decimal | None
    currency: str | None
    deadline: dt.datetime | None
    who: str
    created_at: dt.datetime
    updated_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    line: int  # acknowledged by the printer
    lines: int | None
    layer: int | None
    reason: str | None
    cancel_by: str | None
    agent: str | None

    @property
    def id(self) -> str:
        """What people call it."""
        return job_id(self.number)

    @property
    def urgent(self) -> bool:
        """Whether it came as a rush, before all routine jobs."""
        return self.priority > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a job's history."""

    at: dt.datetime
    before: State | None  # None: it was added
    after: State
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateRecord:
    """A printer's plate."""

    printer: str
    state: PlateState
    job: int | None
    who: str | None
    at: dt.datetime


class Store:
    """An open store. ``now`` gives the time, aware; ``spool`` is the folder of the jobs' files."""

    def __init__(self, engine: Engine, now: Clock) -> None:
        self._engine = engine
        self._place = engine.url.render_as_string(hide_password=True)
        self.now = now
        self.spool = spool_folder(engine.url)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view; nothing is changed."""
        with self._mapped(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that changes: committed as a whole at the end of the block, or not at all."""
        with self._mapped(), self._engine.connect() as plain:
            connection = plain.execution_options(printprep_writes=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as exc:
            detail = str(getattr(exc, "orig", None) or exc).strip()
            raise LabError(
                f"the store {self._place} did not take the request: {detail}; "
                "is its folder, or its server, there and open to you? another one: --store URL"
            ) from exc


def utc_now() -> dt.datetime:
    """The time, aware, UTC."""
    return dt.datetime.now(dt.UTC)


def default_url() -> URL:
    """SQLite in the user's data folder; the folder is made, for this user only."""
    import platformdirs

    folder = platformdirs.user_data_path("printprep")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return URL.create("sqlite", database=str(folder / "lab.sqlite3"))


def open_store(url: str | None = None, *, now: Clock = utc_now) -> Store:
    """Open the store and bring its schema up to date.

    Parameters
    ----------
    url
        ``sqlite:////path/to/file``, ``postgresql://user@host/name``, or a bare path of an SQLite file; None: the
        user's own, :func:`default_url`.
    now
        The clock, giving aware times.

    Raises
    ------
    LabError
        A URL that is none, a missing driver, a server that does not answer, a file that is no store or one written by
        a newer printprep.
    """
    parsed = default_url() if url is None else _parse(url)
    try:
        engine = sa.create_engine(parsed, **_options(parsed))
    except (ArgumentError, NoSuchModuleError, ImportError) as exc:
        raise LabError(
            f"the store {parsed.render_as_string(hide_password=True)} cannot be used: {exc}; "
            "PostgreSQL needs a driver (pip install 'printprep[postgres]')"
        ) from exc
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    store = Store(engine, now)
    try:
        _migrate(store)
    except LabError:
        store.close()
        raise
    return store


def _parse(url: str) -> URL:
    if "://" not in url:
        return URL.create("sqlite", database=str(Path(url).expanduser().absolute()))
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError) as exc:
        raise LabError(
            "the store's URL cannot be read; write sqlite:////path/to/file or postgresql://user@host/name"
        ) from exc
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}}
    return {"pool_pre_ping": True}


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # transactions are begun by _begin_sqlite, not by the driver's guess at the first INSERT
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # FULL: a commit survives a power cut, else a job that was begun could look as if it still waited
    connection.execute("PRAGMA synchronous = FULL")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    # a writer takes the lock at once: one that read first and then wants to write could only fail
    writes = connection.get_execution_options().get("printprep_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(store: Store) -> None:
    """Bring the schema up to :data:`SCHEMA`; Alembic is only loaded when there is something to do."""
    with store.reading() as connection:
        if _revision(connection) == SCHEMA:
            return
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    with store.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
        if _revision(connection) == SCHEMA:
            return  # somebody else was faster
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as exc:
            raise LabError(f"the store was written by a newer printprep ({exc}); update this one") from exc


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def job_id(number: int) -> str:
    """What people call the job of that number."""
    return f"J-{number:04d}"


def read_job(row: RowMapping) -> Job:
    """A row of the table of jobs as an object."""
    values = {name: row[name] for name in (f.name for f in fields(Job))}
    return Job(**{**values, "file": Path(values["file"]), "state": State(values["state"])})


def read_event(row: RowMapping) -> Event:
    """A row of the history as an object."""
    before = None if row["before"] is None else State(row["before"])
    return Event(at=row["at"], before=before, after=State(row["after"]), who=row["who"], why=row["why"])


def read_plate(row: RowMapping) -> PlateRecord:
    """A row of the table of plates as an object."""
    return PlateRecord(
        printer=row["printer"], state=PlateState(row["state"]), job=row["job"], who=row["who"], at=row["at"]
    )


def select_jobs() -> sa.Select[Any]:
    """All jobs; narrow it with ``where`` and read its mappings with :func:`read_job`."""
    return sa.select(JOBS)
