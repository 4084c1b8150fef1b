"""Storms against a printer that is not ours: OctoPrint's VirtualPrinter behind a pty, with its faults switched on."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from printprep.printers.dialects.events import Timings
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.link import Ending
from printprep.printers.serial import SerialLink

SCRIPT = Path(__file__).parent / "octoprint_virtual.py"
IMPATIENT = Timings(greeting_s=0.5, greetings=20, reply_s=0.1, long_reply_s=2.0, resend_s=0.05, poll_s=1.0, probes=9)
RUNS = 200
LINES = 5000
AT_ONCE = 10  # most of a storm is waiting for what got lost
ERRORS = ("resend", "missing_lineno", "checksum_mismatch")


class Printers:
    """Printers one after another, in a process of OctoPrint's."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def switch_on(self, **wish: Any) -> str:
        """The port of a new one."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def printers(octoprint: Path) -> Iterator[Printers]:
    command = [str(octoprint.parent / "python"), str(SCRIPT)]
    ours = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ours) as process:
        yield Printers(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)


def weather(seed: int, lines: int) -> dict[str, Any]:
    """What goes wrong: the odd storms with a printer whose count is right, whose cable may spoil lines as well."""
    chance = random.Random(f"octoprint {seed}")
    counts = seed % 2 == 1
    ratio = chance.choice([0, 1, 3]) if counts else 0
    errors = (*ERRORS, "resend_with_timeout") if counts else ERRORS
    hit = [] if ratio else [f"{n}:{chance.choice(errors)}" for n in range(1, lines) if chance.random() < 0.01]
    spoilt = ("corrupt_line",) if counts else ()
    kinds = ("drop_line", "duplicate_line", *spoilt, "drop_ok", "duplicate_ok", "corrupt_ok", "split", "merge")
    settings = {
        "simulated_errors": hit,
        "resend_ratio": ratio,
        "okFormatString": chance.choice(["ok", "ok N{lastN} P15 B{buffer}"]),
        "simulateReset": chance.choice([True, False]),
        "brokenResend": chance.random() < 0.1,
        "brokenM29": chance.choice([True, False]),
        "sendWait": chance.choice([True, False]),
        "waitInterval": 0.2,
        "commandBuffer": chance.choice([1, 4, 16]),
        "rxBuffer": chance.choice([64, 128, 1024]),
        "throttle": 0.0,
        "enable_eeprom": False,
    }
    cable: dict[str, float] = {"seed": seed, **{kind: chance.uniform(0.0, 0.01) for kind in kinds}}
    words = chance.choice([True, False])
    return {"settings": settings, "cable": cable, "late": 0.002, "counts": counts, "words": words}


def storm(there: Printers, folder: Path, seed: int, lines: int) -> None:
    job, log = folder / f"{lines}.gcode", folder / f"{seed}.log"
    moves = [f"G1 X{n % 200}.{n % 1000:03d} Y{n % 97} E{n}.{n % 100:02d}" for n in range(lines)]
    job.write_text("\n".join(moves), encoding="ascii")
    port = there.switch_on(log=str(log), **weather(seed, lines))
    link = SerialLink(port, dialect=lambda: Marlin(timings=IMPATIENT, count_to=1000 + seed))
    link.connect()
    outcome = link.print_file(job)
    link.close()
    assert outcome.ending is Ending.FINISHED, f"storm {seed}: {outcome.message}"
    assert log.read_text(encoding="ascii").splitlines() == moves, f"storm {seed}"
    assert outcome.lines_accepted == lines
    assert outcome.repeated > 0


@pytest.mark.integration
def test_storms_of_octoprints_own(octoprint_installed: Path, tmp_path: Path) -> None:
    with printers(octoprint_installed) as there:
        for seed in range(4):
            storm(there, tmp_path, seed, 300)


@pytest.mark.long
def test_two_hundred_storms_of_octoprints_own(octoprint_installed: Path, tmp_path: Path) -> None:
    """200 jobs of 5,000 lines each, a few at a time."""

    def some(first: int) -> None:
        folder = tmp_path / str(first)
        folder.mkdir()
        with printers(octoprint_installed) as there:
            for seed in range(first, RUNS, AT_ONCE):
                storm(there, folder, seed, LINES)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(some, range(AT_ONCE)))
