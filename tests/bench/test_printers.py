"""How fast a file is streamed over a pty, against a bare loop that neither numbers, checks nor looks at answers."""

from __future__ import annotations

import os
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from printprep.printers.dialects.marlin import Marlin
from printprep.printers.link import Ending
from printprep.printers.serial import SerialLink
from printprep.printers.virtual import VirtualLink

pytestmark = pytest.mark.bench
LINES = 30_000


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "job.gcode"
    path.write_text(
        "".join(f"G1 X{n % 200}.125 Y{n % 170}.250 E{n / 50:.5f}\n" for n in range(LINES)), encoding="ascii"
    )
    return path


@contextmanager
def answering_at_once() -> Iterator[str]:
    """A pty whose far end says ok to every line, and nothing else."""
    controller, terminal = os.openpty()
    tty.setraw(terminal)

    def answer() -> None:
        while data := os.read(controller, 65_536):
            if data.endswith(b"\x04"):
                return
            lines = data.count(b"\n")
            asked = data.count(b" M105*")
            os.write(controller, b"ok\n" * (lines - asked) + b"ok T:20.0 /0.0\n" * asked)

    thread = threading.Thread(target=answer)
    thread.start()
    yield os.ttyname(terminal)
    os.write(terminal, b"\x04")
    thread.join()
    os.close(controller)
    os.close(terminal)


def bare_loop_s(job: Path) -> float:
    """The peer: write a line, wait for its ok."""
    with answering_at_once() as name, open(name, "r+b", buffering=0) as port, job.open("rb") as lines:
        began_s = time.perf_counter()
        for line in lines:
            port.write(line)
            while not port.read(64).endswith(b"\n"):
                pass
        return time.perf_counter() - began_s


def test_one_line_on_the_wire_against_a_bare_loop(benchmark: Any, job: Path) -> None:
    def stream() -> None:
        with answering_at_once() as name:
            link = SerialLink(name, dialect=lambda: Marlin(window=1))
            link.connect()
            assert link.print_file(job).ending is Ending.FINISHED
            link.close()

    bare_s = min(bare_loop_s(job) for _ in range(2))
    benchmark.pedantic(stream, rounds=2)
    own_s = benchmark.stats.stats.min
    benchmark.extra_info["lines_per_s"] = round(LINES / own_s)
    benchmark.extra_info["times_bare loop"] = round(bare_s / own_s, 2)


def test_the_virtual_printer_with_a_window(benchmark: Any, job: Path) -> None:
    def stream() -> None:
        link = VirtualLink()
        link.connect()
        assert link.print_file(job).lines_accepted == LINES
        link.close()

    bare_s = min(bare_loop_s(job) for _ in range(2))
    benchmark.pedantic(stream, rounds=2)
    own_s = benchmark.stats.stats.min
    benchmark.extra_info["lines_per_s"] = round(LINES / own_s)
    benchmark.extra_info["times_bare loop"] = round(bare_s / own_s, 2)
