"""The serial link over a pty, and the commands that use it, as processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from printprep.errors import ConnectionLost, FirmwareFault, PrinterError, ReplyTimeout
from printprep.printers.dialects.events import Timings
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.link import Ending, PrinterState, PrinterStatus
from printprep.printers.serial import SerialLink
from printprep.printers.virtual import VirtualLink, VirtualPrinter
from printprep.printers.virtual_faults import Faults

pytestmark = pytest.mark.integration

PROGRAM = [sys.executable, "-c", "from printprep.cli.main import main; main()"]
MOVES = [f"G1 X{n % 200} Y{n % 150} E{n / 100:.2f}" for n in range(4000)]
IMPATIENT = Timings(reply_s=0.2, busy_s=0.5, resend_s=0.1, probes=3)
SAFE_START = "G90\nM83\nM140 S60\nM104 S200\nM190 S60\nM109 S200\nG28\n"


@pytest.fixture
def moves(tmp_path: Path) -> Path:
    path = tmp_path / "moves.gcode"
    path.write_text("\n".join(MOVES), encoding="ascii")
    return path


def impatient() -> Marlin:
    return Marlin(timings=IMPATIENT)


def test_a_port_is_opened_for_one_program_alone() -> None:
    with VirtualPrinter() as printer:
        first, second = SerialLink(printer.port), SerialLink(printer.port)
        first.connect()
        with pytest.raises(ConnectionLost, match="no other program has it"):
            second.connect()
        first.close()
        second.connect()
        second.close()


def test_a_bad_cable_over_a_real_pty(moves: Path, tmp_path: Path) -> None:
    rate = 0.001
    faults = Faults(seed=3, drop_line=rate, corrupt_line=rate, drop_ok=rate, corrupt_ok=rate, duplicate_ok=rate)
    link = VirtualLink(log=tmp_path / "log", faults=faults, dialect=impatient)
    link.connect()
    outcome = link.print_file(moves)
    link.close()
    printed = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("G1")]
    assert outcome.ending is Ending.FINISHED
    assert printed == MOVES
    assert outcome.repeated > 0


def test_a_plug_that_is_pulled_ends_the_print_with_its_line(moves: Path) -> None:
    printer = VirtualPrinter(speed="real")
    link = SerialLink(printer.start())
    link.connect()
    unplug = threading.Thread(target=printer.stop)
    outcome = link.print_file(moves, lambda _status: unplug.start() if unplug.ident is None else None)
    unplug.join()
    link.close()
    assert outcome.ending is Ending.FAILED
    assert isinstance(outcome.fault, ConnectionLost)
    assert "after command" in outcome.message
    assert outcome.lines_accepted < len(MOVES)


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        (Faults(kill_at=500), FirmwareFault),
        (Faults(reset_at=500), FirmwareFault),
        (Faults(silent_at=500), ReplyTimeout),
    ],
)
def test_a_fault_in_mid_print_is_an_outcome(moves: Path, faults: Faults, error: type[PrinterError]) -> None:
    link = VirtualLink(faults=faults, dialect=impatient)
    link.connect()
    outcome = link.print_file(moves)
    assert outcome.ending is Ending.FAILED
    assert isinstance(outcome.fault, error)
    assert 450 <= outcome.lines_accepted <= 500
    with pytest.raises(PrinterError, match="not ready"):
        link.print_file(moves)
    link.close()


@pytest.mark.parametrize("error", [ZeroDivisionError, PrinterError])
def test_a_watcher_that_fails_leaves_no_hot_printer(tmp_path: Path, moves: Path, error: type[Exception]) -> None:
    hot = tmp_path / "hot.gcode"
    hot.write_text("M104 S200\nM140 S60\n" + moves.read_text() * 10, encoding="ascii")
    link = VirtualLink()
    link.connect()

    def fail(_status: object) -> None:
        raise error

    with suppress(error):  # one of ours is the outcome, any other goes on up
        assert link.print_file(hot, fail).ending is Ending.FAILED
    assert link.printer.firmware.state["targets_c"] == [0.0] * 5
    assert link.printer.firmware.state["bed_target_c"] == 0.0
    assert link.status().state is PrinterState.READY
    link.close()


def test_a_cancel_that_comes_too_late_is_not_kept_for_the_next_print(moves: Path) -> None:
    link = VirtualLink()
    link.connect()
    told = []

    def late(status: PrinterStatus) -> None:
        if status.state is PrinterState.READY:
            told.append(status)
            link.cancel()

    assert link.print_file(moves, late).ending is Ending.FINISHED
    assert told
    assert link.print_file(moves).ending is Ending.FINISHED
    link.close()


def test_emergency_from_another_thread_stops_at_once(moves: Path) -> None:
    link = VirtualLink(speed="real")
    link.connect()
    stop = threading.Thread(target=link.emergency_stop)
    outcome = link.print_file(moves, lambda _status: stop.start() if stop.ident is None else None)
    stop.join()
    link.close()
    assert outcome.ending is Ending.FAILED
    assert isinstance(outcome.fault, FirmwareFault)
    assert link.printer.firmware.halted
    assert link.status().state is PrinterState.OFFLINE


@pytest.fixture
def virtual_process(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The virtual printer as a process, in real time; its port and its log."""
    log = tmp_path / "process.log"
    command = [*PROGRAM, "printer", "virtual", "--log", str(log), "--speed", "real", "--tools", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), log
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert (log.parent / "process.log.state.json").exists()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_ends_a_send_leaves_a_cold_printer(
    virtual_process: tuple[str, Path], tmp_path: Path, ending: signal.Signals
) -> None:
    port, log = virtual_process
    job = tmp_path / "job.gcode"
    job.write_text(SAFE_START + "G1 X10 Y10 E1 F600\nM104 S0\nM140 S0\n", encoding="ascii")
    command = [*PROGRAM, "send", str(job), "--port", port, "--profile", "ender-3"]
    if signal.getsignal(ending) is signal.SIG_IGN:  # under nohup, which a child would inherit and keep to
        signal.signal(ending, signal.SIG_DFL)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while "M104 S200" not in (log.read_text() if log.exists() else ""):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(ending)
        said, complaint = process.communicate(timeout=60)
    assert process.returncode == 4, complaint
    assert "cancelled" in said, complaint
    printed = log.read_text().splitlines()
    assert printed.index("M140 S0") > printed.index("M104 S0") > printed.index("M104 S200")
    assert "G1 X10 Y10 E1 F600" not in printed


HOT = "M104 S200\nM140 S60\n;LAYER_CHANGE\n;Z:0.2\n"


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.gcode"
    path.write_text(HOT + "\n".join(MOVES * 8), encoding="ascii")
    return path


def test_a_file_that_is_changed_in_mid_print_ends_cold_and_says_where(big: Path, tmp_path: Path) -> None:
    link = VirtualLink(log=tmp_path / "log")
    link.connect()
    size = big.stat().st_size

    def spoil(_status: PrinterStatus) -> None:
        with big.open("rb+") as file:
            file.seek(size - 1000)
            file.write(b"\nG1 X999 Y999\n")

    outcome = link.print_file(big, spoil)
    assert outcome.ending is Ending.FAILED
    assert "big.gcode was changed while it was printed (after command" in outcome.message
    assert "layer 1 of 1 at 0.2 mm" in outcome.message
    assert link.printer.firmware.state["targets_c"] == [0.0] * 5
    link.close()
    assert "G1 X999 Y999" not in (tmp_path / "log").read_text(encoding="ascii")


def test_a_file_that_vanishes_in_mid_print_is_printed(big: Path) -> None:
    link = VirtualLink()
    link.connect()
    outcome = link.print_file(big, lambda _status: big.unlink(missing_ok=True))
    link.close()
    assert outcome.ending is Ending.FINISHED
    assert outcome.lines_accepted == 2 + 8 * len(MOVES)
