from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from printprep.lab.jobfile import PrintFile
from printprep.lab.queue import add
from printprep.lab.store import Job, Store, open_store

START = dt.datetime(2026, 11, 22, 18, 0, tzinfo=dt.UTC)


class Clock:
    """A clock that a test winds."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> dt.datetime:
        return self.time

    def wind(self, seconds: float) -> None:
        self.time += dt.timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with open_store(str(tmp_path / "lab.sqlite3"), now=clock) as opened:
        yield opened


@pytest.fixture
def queued(store: Store, tmp_path: Path) -> Callable[..., Job]:
    """Queue a small file of its own."""

    def queue(printer: str = "a", **values: object) -> Job:
        file = tmp_path / "plate-1.gcode"
        file.write_text("G28\n")
        return add(store, PrintFile(file=file, sha256="0" * 64), printer=printer, who="ann", **values)  # type: ignore[arg-type]

    return queue
