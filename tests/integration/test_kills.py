"""kill -9 of the sender at a random moment: the journal says what the printer certainly has."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from printprep.printers.journal import last_journal
from printprep.printers.virtual import VirtualPrinter
from printprep.printers.virtual_faults import Faults

LINES = 6000
WINDOW = 32  # the most lines on the wire at once
SENDER = """
import sys
from functools import partial
from pathlib import Path
from printprep.printers.dialects.events import Timings
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.journal import Journal
from printprep.printers.serial import SerialLink

port, file, folder = sys.argv[1:]
patient = Timings(reply_s=0.3, busy_s=0.5, resend_s=0.1)
link = SerialLink(port, dialect=lambda: Marlin(timings=patient), journal=lambda job: Journal("left", job, Path(folder)))
link.connect()
link.print_file(Path(file))
"""


def moves() -> list[str]:
    return [f"G1 X{n % 200} Y{n % 150} E{n}" for n in range(LINES)]


def kill_once(number: int, folder: Path) -> None:
    chance = random.Random(f"kill {number}")
    file, log = folder / "job.gcode", folder / "printed.log"
    layers = [[";LAYER_CHANGE", f";Z:{n / 500:.1f}", *moves()[n : n + 100]] for n in range(0, LINES, 100)]
    file.write_text("\n".join(line for layer in layers for line in layer), encoding="ascii")
    moment = chance.randrange(1, LINES * 3 // 4)
    rate = 0.002 if number % 2 else 0.0  # every second time over a bad cable
    faults = Faults(seed=number, drop_line=rate, corrupt_line=rate, drop_ok=rate, duplicate_ok=rate)
    with VirtualPrinter(log=log, advanced_ok=number % 5 > 0, faults=faults) as printer:
        command = [sys.executable, "-c", SENDER, printer.port, str(file), str(folder)]
        with subprocess.Popen(command) as sender:
            while printer.firmware.accepted < moment and sender.poll() is None:
                pass
            assert sender.poll() in (None, 0)
            sender.kill()
            killed = sender.wait() == -signal.SIGKILL  # or it was quicker
    printed = [line for line in log.read_text(encoding="ascii").splitlines() if line.startswith("G1")]
    account = last_journal("left", folder)
    assert printed == moves()[: len(printed)]
    assert account.certain <= len(printed) <= account.sent
    assert len(printed) - account.acknowledged <= WINDOW
    assert account.sent - account.acknowledged <= WINDOW
    assert len(printed) - account.certain <= WINDOW  # proved by each ok that has a number, or by a question
    if account.ending is None:
        assert killed
    else:  # the last word may be written before the signal comes
        assert (account.ending, account.certain) == ("finished", LINES)
    assert account.layer == (account.acknowledged + 99) // 100


@pytest.mark.integration
@pytest.mark.parametrize("number", range(5))
def test_the_last_certain_line_after_a_kill(number: int, tmp_path: Path) -> None:
    kill_once(number, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("number", range(5, 105))
def test_the_last_certain_line_after_a_hundred_kills(number: int, tmp_path: Path) -> None:
    kill_once(number, tmp_path)
