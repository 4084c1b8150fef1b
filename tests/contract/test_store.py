"""What every database behind the store must keep to: SQLite always, PostgreSQL on a cluster of the test's own."""

from __future__ import annotations

import datetime as dt
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from printprep.errors import LabError
from printprep.lab import line, queue, turn
from printprep.lab.jobfile import PrintFile
from printprep.lab.lease import this_agent
from printprep.lab.store import PlateState, State, Store, open_store
from printprep.lab.tables import JOBS, METADATA

FILE = PrintFile(
    file=Path("/builds/plate-1.gcode"),
    sha256="f" * 64,
    profile="prusa-xl",
    process="rush",
    case_id="CHD-0142",
    duration_s=3600.5,
    cost=Decimal("85.70"),
    currency="EUR",
)
CET = dt.timezone(dt.timedelta(hours=1))


def missing(what: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Callable[[], str]]:
    """Start a private cluster on a Unix socket and give a new database's URL at each call."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    if not binaries:
        missing("PostgreSQL is not installed; run .ci/system-packages test")
    if find_spec("psycopg") is None:
        missing("psycopg is not installed; pip install 'printprep[postgres]'")
    folder = Path(
        tempfile.mkdtemp(prefix="printprep-pg-")
    )  # the server refuses to run as root and to see pytest's 0700
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)

    def run(program: str, *arguments: str) -> None:
        command = [str(binaries[-1].with_name(program)), *arguments]
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)

    cluster = folder / "cluster"
    run("initdb", "-D", str(cluster), "-U", "lab", "--auth=trust", "--no-sync")
    run(
        "pg_ctl",
        "-D",
        str(cluster),
        "-l",
        str(folder / "log"),
        "-w",
        "-o",
        f"-k {folder} -c listen_addresses=",
        "start",
    )
    numbers = count(1)

    def new_database() -> str:
        name = f"lab{next(numbers)}"
        run("createdb", "-h", str(folder), "-U", "lab", name)
        return f"postgresql://lab@/{name}?host={folder}"

    try:
        yield new_database
    finally:
        run("pg_ctl", "-D", str(cluster), "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'lab.sqlite3'}"
    made: str = request.getfixturevalue("postgresql")()
    return made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url, now=lambda: dt.datetime(2026, 11, 22, 19, 0, tzinfo=CET)) as opened:
        yield opened


def test_the_migrations_make_the_tables_that_the_code_uses(store: Store, url: str) -> None:
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    with open_store(url) as again, again.reading() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM alembic_version")).scalar() == 1


def test_a_job_comes_back_as_it_went_in(store: Store) -> None:
    deadline = dt.datetime(2026, 11, 23, 7, 0, tzinfo=CET)
    added = queue.add(store, FILE, printer="größe-1", who="Åsa", deadline=deadline, priority=queue.RUSH)
    read, history = queue.show(store, added.id)
    assert read == added
    assert (read.cost, read.currency, read.estimate_s) == (Decimal("85.70"), "EUR", 3600.5)
    assert (read.file, read.sha256, read.case_id, read.who) == (FILE.file, FILE.sha256, "CHD-0142", "Åsa")
    assert (read.deadline, read.created_at) == (deadline, history[0].at)
    assert read.created_at == dt.datetime(2026, 11, 22, 18, 0, tzinfo=dt.UTC)
    assert read.created_at.tzinfo is dt.UTC
    assert read.state is State.QUEUED


def test_a_time_without_an_offset_is_refused(store: Store) -> None:
    with pytest.raises(LabError, match="aware times only"):
        queue.add(store, FILE, printer="a", who="ann", deadline=dt.datetime(2026, 11, 23, 7, 0))
    assert queue.jobs(store) == ()


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    queue.add(store, FILE, printer="a", who="ann")

    def half() -> None:
        with store.writing() as connection:
            connection.execute(sa.update(JOBS).values(printer="b"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert [job.printer for job in queue.jobs(store)] == ["a"]


def test_writers_at_once_give_a_line_without_gaps(url: str, store: Store) -> None:
    def add_four(who: str) -> None:
        with open_store(url) as own:
            for number in range(4):
                job = queue.add(own, FILE, printer="a", who=who, priority=number % 2 * queue.RUSH)
                if number == 3:
                    queue.cancel(own, job.id, who=who)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_four, ["ann", "bob", "eve", "kim"]))
    waiting = queue.jobs(store, states=[State.QUEUED])
    assert [job.position for job in waiting] == list(range(1, 13))
    assert [job.priority for job in waiting] == [queue.RUSH] * 4 + [queue.ROUTINE] * 8


def test_several_may_open_a_new_store_at_once(url: str) -> None:
    def open_and_look(_: int) -> int:
        with open_store(url) as own:
            return len(queue.jobs(own))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(open_and_look, range(8))) == [0] * 8


def test_the_database_itself_refuses_a_second_print_on_a_printer(store: Store) -> None:
    queue.add(store, FILE, printer="a", who="ann")
    second = queue.add(store, FILE, printer="a", who="ann")
    turn.hold(store, "a", this_agent())
    queue.clear_plate(store, "a", who="ann")
    turn.begin(store, queue.show(store, "1")[0], this_agent())

    def begin_without_looking() -> None:
        with store.writing() as connection:
            line.change(connection, second, State.PRINTING, store=store, who="ann", why="by a fault in the code")

    with pytest.raises(LabError, match="did not take the request"):
        begin_without_looking()
    assert [job.state for job in queue.jobs(store)] == [State.PRINTING, State.QUEUED]


def test_the_way_of_a_job(store: Store) -> None:
    me = this_agent()
    turn.hold(store, "a", me)
    first, second = (queue.add(store, FILE, printer="a", who="ann") for _ in range(2))
    queue.move(store, second.id, before=first.id, who="ann")
    queue.clear_plate(store, "a", who="bob")
    job = turn.look(store, "a", me).job
    assert job is not None
    assert job.id == second.id
    job = turn.begin(store, job, me)
    assert turn.tell(store, job, me, turn.Told(line=12, lines=2_700_000, layer=1)) is None
    ended = turn.end(store, job, me, State.DONE, why="printed", line=2_700_000)
    assert replace(ended, line=0) == replace(
        job, line=0, state=State.DONE, lines=2_700_000, layer=1, ended_at=store.now()
    )
    assert [plate.state for plate in queue.plates(store)] == [PlateState.USED]
    turn.let_go(store, "a", me)


def test_a_store_of_a_newer_printprep_is_refused(store: Store, url: str) -> None:
    with store.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LabError, match="newer printprep"):
        open_store(url)


def test_urls_that_lead_nowhere(tmp_path: Path) -> None:
    for wrong in ("oracle+none://x", f"sqlite:///{tmp_path}/no/folder.db", "postgres ql://"):
        with pytest.raises(LabError):
            open_store(wrong)
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"no database at all" * 100)
    with pytest.raises(LabError, match="not a database"):
        open_store(str(garbage))
