from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from printprep.lab.jobfile import PrintFile
from printprep.lab.queue import add
from printprep.lab.store import Job, Store, open_store

START = dt.datetime(2026, 11, 22, 18, 0, tzinfo=dt.UTC)


@pytest.fixture
def times() -> list[dt.datetime]:
    """The time, the only item."""
    return [START]


@pytest.fixture
def wind(times: list[dt.datetime]) -> Callable[[float], None]:
    """Let seconds pass."""

    def pass_s(seconds: float) -> None:
        times[0] += dt.timedelta(seconds=seconds)

    return pass_s


@pytest.fixture
def store(tmp_path: Path, times: list[dt.datetime]) -> Iterator[Store]:
    with open_store(str(tmp_path / "lab.sqlite3"), now=lambda: times[0]) as opened:
        yield opened


@pytest.fixture
def queued(store: Store, tmp_path: Path) -> Callable[..., Job]:
    """Queue a small file of its own."""

    def queue(printer: str = "a", duration_s: float | None = None, **values: object) -> Job:
        file = tmp_path / "plate-1.gcode"
        file.write_text("G28\n")
        asked = PrintFile(file=file, sha256="0" * 64, duration_s=duration_s, process="draft")
        return add(store, asked, printer=printer, who="ann", **values)  # type: ignore[arg-type]

    return queue
