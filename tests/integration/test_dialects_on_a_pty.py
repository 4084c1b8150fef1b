"""Every dialect over a real pty, and every numbered one over a bad cable as well; the command that plays them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from printprep.printers.dialects import DIALECTS
from printprep.printers.dialects.events import Timings
from printprep.printers.link import Ending
from printprep.printers.serial import SerialLink
from printprep.printers.virtual import VirtualPrinter
from printprep.printers.virtual_faults import Faults

pytestmark = pytest.mark.integration

MOVES = [f"G1 X{n % 200} Y{n % 150} E{n / 100:.2f}" for n in range(1500)]
IMPATIENT = Timings(reply_s=0.4, busy_s=0.5, resend_s=0.2)
RATE = 0.002
STORM = Faults(
    seed=3,
    drop_line=RATE,
    corrupt_line=RATE,
    duplicate_line=RATE,
    drop_ok=RATE,
    corrupt_ok=RATE,
    duplicate_ok=RATE,
    split=0.01,
    merge=0.01,
)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "moves.gcode"
    path.write_text("\n".join(MOVES), encoding="ascii")
    return path


def printed(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if line.startswith("G1")]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_job_to_its_end(dialect: str, job: Path, tmp_path: Path) -> None:
    faults = STORM if DIALECTS[dialect].manners.ordered else None
    with VirtualPrinter(dialect=dialect, log=tmp_path / "log", tools=1, faults=faults) as printer:
        link = SerialLink(printer.port, dialect=lambda: DIALECTS[dialect](timings=IMPATIENT, count_to=400))
        link.connect()
        outcome = link.print_file(job)
        link.close()
    assert outcome.ending is Ending.FINISHED, outcome.message
    assert printed(tmp_path / "log") == MOVES
    assert (outcome.repeated > 0) == (faults is not None)


def test_the_command_plays_a_dialect_with_a_script(job: Path, tmp_path: Path) -> None:
    script, log = tmp_path / "storm.toml", tmp_path / "log"
    script.write_text('[[fault]]\ndo = "heater"\nat_line = 700\n', encoding="utf-8")
    program = [sys.executable, "-c", "from printprep.cli.main import main; main()", "printer", "virtual"]
    command = [*program, "--dialect", "klipper", "--tools", "1", "--log", str(log), "--faults", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        link = SerialLink(process.stdout.readline().strip(), dialect=DIALECTS["klipper"])
        assert link.connect().firmware == "Klipper"
        outcome = link.print_file(job)
        link.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert outcome.ending is Ending.FAILED
    assert "not heating at expected rate" in outcome.message
    assert printed(log) == MOVES[: len(printed(log))]
    done = len(printed(log))
    assert 700 * 32 / 33 - 10 < done < 700  # of its lines one in 33 is a question, and some are the greeting's
    assert done - 1 <= outcome.lines_accepted <= done
