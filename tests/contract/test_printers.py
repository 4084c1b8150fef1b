"""What every printer link keeps: each row of PRINTERS runs through all of this."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from printprep.errors import ConnectionLost, PrinterError, ReplyTimeout
from printprep.printers import PRINTERS, PrinterLink, PrinterState, PrinterStatus
from printprep.printers.dialects.events import Timings
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.link import Ending
from printprep.printers.octoprint import OctoPrintLink
from printprep.printers.serial import SerialLink
from printprep.printers.virtual import VirtualLink, VirtualPrinter
from printprep.printers.virtual_faults import Faults

IMPATIENT = Timings(greeting_s=0.05, greetings=2)
LINES = 3000
JOB = ["M140 S45", "M104 S60", "G91", *(f"G1 X{(-1) ** n * 0.01} F60000" for n in range(LINES - 3))]


@dataclass
class Case:
    """A link, and what the printer behind it can tell."""

    link: PrinterLink
    printed: Callable[[], list[str] | None]  # all it accepted; None: it keeps no log
    targets_c: Callable[[], list[float]]


def heats(link: PrinterLink) -> list[float]:
    status = link.status()
    beds = [] if status.bed_c is None else [status.bed_c[1]]
    return [*(target for _, target in status.tools_c.values()), *beds]


def read(log: Path) -> list[str]:
    return log.read_text(encoding="ascii").splitlines()


@pytest.fixture(params=["serial", "virtual", pytest.param("octoprint", marks=pytest.mark.integration)])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    log = tmp_path / "printed.log"
    if request.param == "virtual":
        virtual = VirtualLink(log=log)
        yield Case(virtual, lambda: read(log), lambda: heats(virtual))
        virtual.close()
    elif request.param == "serial":
        with VirtualPrinter(log=log, advanced_ok=False) as printer:
            serial = SerialLink(printer.port)
            yield Case(serial, lambda: read(log), lambda: heats(serial))
            serial.close()
    else:
        server = request.getfixturevalue("octoprint_server")
        octoprint = OctoPrintLink(server.url, server.key)
        yield Case(octoprint, lambda: None, lambda: heats(octoprint))
        octoprint.close()


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job with comments, blank lines and two layers, of LINES commands."""
    path = tmp_path / "job.gcode"
    half = len(JOB) // 2
    text = ["; for nobody", "", ";LAYER_CHANGE", ";Z:0.2", *JOB[:half], "", ";LAYER_CHANGE", ";Z:0.4"]
    path.write_text("\n".join([*text, *(f"{line} ; remark" for line in JOB[half:]), ""]), encoding="ascii")
    return path


def test_the_suite_knows_every_link() -> None:
    assert set(PRINTERS) == {"serial", "virtual", "octoprint"}


def test_every_line_once_and_in_order(case: Case, job: Path) -> None:
    case.link.connect()
    seen: list[PrinterStatus] = []
    outcome = case.link.print_file(job, seen.append)
    assert outcome.ending is Ending.FINISHED
    assert outcome.lines_total == outcome.lines_sent == outcome.lines_accepted == LINES
    assert outcome.layer == 2
    assert seen[-1].progress == 1.0
    assert seen[-1].layers_total == 2
    assert [status.line for status in seen] == sorted(status.line for status in seen)
    printed = case.printed()
    if printed is not None:
        housekeeping = {"M115", "M110 N0", "M155 S2", "M155 S0", "M400", "M105"}
        assert [line for line in printed if line not in housekeeping] == JOB


def test_pause_and_resume_lose_nothing(case: Case, job: Path) -> None:
    case.link.connect()
    states: list[PrinterState] = []

    def watch(status: PrinterStatus) -> None:
        states.append(status.state)
        if len(states) == 1:
            case.link.pause()
        elif status.state is PrinterState.PAUSED:
            case.link.resume()

    outcome = case.link.print_file(job, watch)
    assert outcome.ending is Ending.FINISHED
    assert outcome.lines_accepted == LINES
    printed = case.printed()
    if printed is not None:
        assert PrinterState.PAUSED in states
        assert [line for line in printed if line.startswith("G1")] == JOB[3:]


def test_cancel_leaves_the_heaters_off(case: Case, tmp_path: Path) -> None:
    long_job = tmp_path / "long.gcode"
    long_job.write_text("\n".join([*JOB[:3], *(JOB[3:] * 40)]), encoding="ascii")
    case.link.connect()
    outcome = case.link.print_file(long_job, lambda _status: case.link.cancel())
    assert outcome.ending is Ending.CANCELLED
    assert outcome.lines_accepted < outcome.lines_total
    assert outcome.fault is None
    assert set(case.targets_c()) == {0.0}


def test_nothing_is_known_of_a_printer_before_it_answers(case: Case) -> None:
    with pytest.raises(PrinterError, match="not connected"):
        _ = case.link.identity


def test_close_may_come_at_any_time(case: Case) -> None:
    case.link.close()
    case.link.connect()
    case.link.close()
    case.link.close()


def nobody_there(kind: str, tmp_path: Path) -> PrinterLink:
    if kind == "octoprint":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return OctoPrintLink(f"http://127.0.0.1:{free.getsockname()[1]}", "key")
    return SerialLink(str(tmp_path / "no-port"))


@pytest.mark.parametrize("kind", ["serial", "octoprint"])
def test_an_unreachable_printer_is_connection_lost(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ConnectionLost, match=r"check|is OctoPrint running"):
        nobody_there(kind, tmp_path).connect()


def silent_serial(_monkeypatch: pytest.MonkeyPatch) -> Iterator[PrinterLink]:
    with VirtualPrinter(faults=Faults(mute=True)) as printer:
        yield SerialLink(printer.port, dialect=lambda: Marlin(timings=IMPATIENT))


def silent_virtual(_monkeypatch: pytest.MonkeyPatch) -> Iterator[PrinterLink]:
    yield VirtualLink(faults=Faults(mute=True), dialect=lambda: Marlin(timings=IMPATIENT))


def silent_octoprint(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrinterLink]:
    monkeypatch.setattr("printprep.printers.asking.READ_TIMEOUT_S", 0.05)
    monkeypatch.setattr("printprep.printers.asking.RETRIES", 0)
    with socket.socket() as listener:  # takes connections and says nothing
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield OctoPrintLink(f"http://127.0.0.1:{listener.getsockname()[1]}", "key")


@pytest.mark.parametrize("silent", [silent_serial, silent_virtual, silent_octoprint])
def test_a_silent_printer_is_reply_timeout(silent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    links = silent(monkeypatch)
    link = next(links)
    with pytest.raises(ReplyTimeout):
        link.connect()
    link.close()
    links.close()
