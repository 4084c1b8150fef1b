"""Storms against a printer that is not ours: OctoPrint's VirtualPrinter behind a pty, with its faults switched on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from printprep.printers.dialects.events import Timings
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.link import Ending
from printprep.printers.serial import SerialLink

SCRIPT = Path(__file__).parent / "octoprint_virtual.py"
IMPATIENT = Timings(reply_s=0.25, busy_s=0.5, resend_s=0.15, poll_s=1.0)


@contextmanager
def printer(python: Path, log: Path, *faults: float) -> Iterator[str]:
    command = [str(python), str(SCRIPT), str(log), *map(str, faults)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()
        process.wait(20)


def storm(python: Path, folder: Path, seed: int, lines: int) -> None:
    job, log = folder / "job.gcode", folder / f"{seed}.log"
    moves = [f"G1 X{n % 200}.{n % 1000:03d} Y{n % 97} E{n}.{n % 100:02d}" for n in range(lines)]
    job.write_text("\n".join(moves), encoding="ascii")
    with printer(python, log, seed, 40, lines, 0.01) as port:
        link = SerialLink(port, dialect=lambda: Marlin(timings=IMPATIENT))
        link.connect()
        outcome = link.print_file(job)
        link.close()
    assert outcome.ending is Ending.FINISHED, outcome.message
    assert log.read_text(encoding="ascii").splitlines() == moves
    assert outcome.lines_accepted == lines
    assert outcome.repeated > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 20))
def test_a_storm_of_octoprints_own(octoprint_installed: Path, tmp_path: Path, seed: int) -> None:
    storm(octoprint_installed.parent / "python", tmp_path, seed, 1000)
