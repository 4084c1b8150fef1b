"""What every printer link keeps: each row of PRINTERS runs through all of this."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from printprep.errors import ConnectionLost, PrinterError, ReplyTimeout
from printprep.printers import PRINTERS
from printprep.printers.dialects.events import Timings
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.link import Ending, PrinterLink, PrinterState, PrinterStatus
from printprep.printers.moonraker import MoonrakerLink
from printprep.printers.octoprint import OctoPrintLink
from printprep.printers.prusalink import PrusaLinkLink
from printprep.printers.sdcp import SdcpLink
from printprep.printers.serial import SerialLink
from printprep.printers.virtual import VirtualLink, VirtualPrinter
from printprep.printers.virtual_faults import Faults
from tests.contract import prusalink_server
from tests.contract.goo import goo_file
from tests.contract.prusalink import KEY, PrusaLink
from tests.contract.sdcp import BOARD, SdcpBoard

IMPATIENT = Timings(greeting_s=0.05, greetings=2)
HOUSEKEEPING = {"M115", "M110 N0", "M155 S2", "M155 S0", "M400", "M105"}
LINES = 3000
LAYERS = 40
JOB = ["M140 S45", "M104 S60", "G91", *(f"G1 X{(-1) ** n * 0.01} F60000" for n in range(LINES - 3))]


@dataclass
class Case:
    """A link, and what the printer behind it can tell."""

    link: PrinterLink
    printed: Callable[[], list[str] | None]  # all it accepted; None: it keeps no log
    targets_c: Callable[[], list[float]]
    layered: bool = False  # prints files of layers, no G-code


def heats(link: PrinterLink) -> list[float]:
    status = link.status()
    beds = [] if status.bed_c is None else [status.bed_c[1]]
    return [*(target for _, target in status.tools_c.values()), *beds]


def expected(case: Case) -> list[str]:
    return [f"layer {layer + 1}" for layer in range(LAYERS)] if case.layered else JOB


def read(log: Path) -> list[str]:
    return log.read_text(encoding="ascii").splitlines()


LINKS = (
    "serial",
    "virtual",
    pytest.param("octoprint", marks=pytest.mark.integration),
    pytest.param("moonraker", marks=pytest.mark.integration),
    "prusalink",
    pytest.param("prusalink-server", marks=[pytest.mark.integration, pytest.mark.long]),  # it waits 11 s after a print
    "sdcp",
)


@pytest.fixture(params=LINKS)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with CASES[request.param](request, tmp_path) as found:
        yield found
        found.link.close()


@contextmanager
def by_serial(_request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    log = tmp_path / "printed.log"
    with VirtualPrinter(log=log, advanced_ok=False) as printer:
        link = SerialLink(printer.port)
        yield Case(link, lambda: read(log), lambda: heats(link))


@contextmanager
def in_this_process(_request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    log = tmp_path / "printed.log"
    link = VirtualLink(log=log)
    yield Case(link, lambda: read(log), lambda: heats(link))


@contextmanager
def by_octoprint(request: pytest.FixtureRequest, _tmp_path: Path) -> Iterator[Case]:
    server = request.getfixturevalue("octoprint_server")
    link = OctoPrintLink(server.url, server.key)
    yield Case(link, lambda: None, lambda: heats(link))


@contextmanager
def by_moonraker(request: pytest.FixtureRequest, _tmp_path: Path) -> Iterator[Case]:
    server = request.getfixturevalue("moonraker_server")
    server.klippy.reset()
    server.klippy.printed.clear()
    server.klippy.tell()  # what another test left is not what Moonraker still believes
    link = MoonrakerLink(server.url, server.key)
    yield Case(link, lambda: list(server.klippy.printed), lambda: heats(link))


@contextmanager
def by_prusalink(_request: pytest.FixtureRequest, _tmp_path: Path) -> Iterator[Case]:
    with PrusaLink() as server:
        link = PrusaLinkLink(server.url, KEY)
        yield Case(link, lambda: list(server.printed), lambda: heats(link))


@contextmanager
def by_a_real_prusalink(request: pytest.FixtureRequest, _tmp_path: Path) -> Iterator[Case]:
    server = request.getfixturevalue("prusalink_server")
    before = len(read(server.log))
    link = PrusaLinkLink(server.url, prusalink_server.KEY)

    def printed() -> list[str]:
        lines = (line.strip() for line in read(server.log)[before:])
        return [line for line in lines if line in JOB]  # it asks the printer for much by itself

    board = server.einsy  # PrusaLink itself hears of its heaters once a second
    yield Case(link, printed, lambda: [board.hotends[0].target_c, board.bed.target_c])


@contextmanager
def by_sdcp(_request: pytest.FixtureRequest, _tmp_path: Path) -> Iterator[Case]:
    with SdcpBoard(layers=LAYERS) as board:
        link = SdcpLink(board.url, mainboard=BOARD, allow_insecure=True)
        yield Case(link, lambda: [f"layer {layer}" for layer in board.shown], lambda: heats(link), layered=True)


CASES = {
    "serial": by_serial,
    "virtual": in_this_process,
    "octoprint": by_octoprint,
    "moonraker": by_moonraker,
    "prusalink": by_prusalink,
    "prusalink-server": by_a_real_prusalink,
    "sdcp": by_sdcp,
}


@pytest.fixture
def job(case: Case, tmp_path: Path) -> Path:
    """A job with comments, blank lines and two layers, of LINES commands; or a file of LAYERS layers."""
    if case.layered:
        return goo_file(tmp_path / "job.goo", layers=LAYERS)
    path = tmp_path / "job.gcode"
    half = len(JOB) // 2
    text = ["; for nobody", "", ";LAYER_CHANGE", ";Z:0.2", *JOB[:half], "", ";LAYER_CHANGE", ";Z:0.4"]
    path.write_text("\n".join([*text, *(f"{line} ; remark" for line in JOB[half:]), ""]), encoding="ascii")
    return path


@pytest.fixture
def long_job(case: Case, tmp_path: Path) -> Path:
    """One that is still under way when somebody wants something."""
    if case.layered:
        return goo_file(tmp_path / "long.goo", layers=LAYERS)
    path = tmp_path / "long.gcode"
    path.write_text("\n".join([*JOB[:3], *(JOB[3:] * 40)]), encoding="ascii")
    return path


def test_the_suite_knows_every_link() -> None:
    assert set(PRINTERS) == {name.partition("-")[0] for name in CASES}


def test_every_line_once_and_in_order(case: Case, job: Path) -> None:
    case.link.connect()
    seen: list[PrinterStatus] = []
    outcome = case.link.print_file(job, seen.append)
    assert outcome.ending is Ending.FINISHED
    total = LAYERS if case.layered else LINES
    assert outcome.lines_total == outcome.lines_sent == outcome.lines_accepted == total
    assert outcome.layer == (LAYERS if case.layered else 2)
    assert seen[-1].progress == 1.0
    assert seen[-1].layers_total == outcome.layer
    assert [status.line for status in seen] == sorted(status.line for status in seen)
    printed = case.printed()
    if printed is not None:
        assert [line for line in printed if line not in HOUSEKEEPING and "SDCARD" not in line] == expected(case)


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
    assert outcome.lines_accepted == outcome.lines_total
    printed = case.printed()
    if printed is not None:
        assert PrinterState.PAUSED in states
        wanted = [line for line in expected(case) if line.startswith(("G1", "layer"))]
        assert [line for line in printed if line.startswith(("G1", "layer"))] == wanted


def test_cancel_leaves_the_heaters_off(case: Case, long_job: Path) -> None:
    case.link.connect()
    outcome = case.link.print_file(long_job, lambda _status: case.link.cancel())
    assert outcome.ending is Ending.CANCELLED
    assert outcome.lines_accepted < outcome.lines_total
    assert outcome.fault is None
    assert set(case.targets_c()) <= {0.0}


def test_what_was_cancelled_can_be_printed_again(case: Case, job: Path) -> None:
    case.link.connect()
    assert case.link.print_file(job, lambda _status: case.link.cancel()).ending is Ending.CANCELLED
    assert case.link.print_file(job).ending is Ending.FINISHED


def test_nothing_is_known_of_a_printer_before_it_answers(case: Case) -> None:
    with pytest.raises(PrinterError, match="not connected"):
        _ = case.link.identity


def test_close_may_come_at_any_time(case: Case) -> None:
    case.link.close()
    case.link.connect()
    case.link.close()
    case.link.close()


NOWHERE: dict[str, Callable[[str], PrinterLink]] = {
    "octoprint": lambda url: OctoPrintLink(url, "key"),
    "moonraker": lambda url: MoonrakerLink(url, "key"),
    "prusalink": lambda url: PrusaLinkLink(url, "key"),
    "sdcp": lambda url: SdcpLink(url, mainboard=BOARD, allow_insecure=True),
}


@pytest.mark.parametrize("kind", NOWHERE)
def test_a_server_that_is_not_there_is_connection_lost(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("printprep.printers.asking.RETRIES", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        link = NOWHERE[kind](f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(ConnectionLost, match=r"check|running there"):
        link.connect()


def test_a_port_that_is_not_there_is_connection_lost(tmp_path: Path) -> None:
    with pytest.raises(ConnectionLost, match="check"):
        SerialLink(str(tmp_path / "no-port")).connect()


def silent_serial(_monkeypatch: pytest.MonkeyPatch) -> Iterator[PrinterLink]:
    with VirtualPrinter(faults=Faults(mute=True)) as printer:
        yield SerialLink(printer.port, dialect=lambda: Marlin(timings=IMPATIENT))


def silent_virtual(_monkeypatch: pytest.MonkeyPatch) -> Iterator[PrinterLink]:
    yield VirtualLink(faults=Faults(mute=True), dialect=lambda: Marlin(timings=IMPATIENT))


@pytest.mark.parametrize("kind", NOWHERE)
def test_a_silent_server_is_reply_timeout(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("printprep.printers.asking.READ_TIMEOUT_S", 0.05)
    monkeypatch.setattr("printprep.printers.asking.RETRIES", 0)
    monkeypatch.setattr("printprep.printers.push.CONNECT_TIMEOUT_S", 0.05)
    with socket.socket() as listener:  # takes connections and says nothing
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        link = NOWHERE[kind](f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(ReplyTimeout):
            link.connect()


@pytest.mark.parametrize("silent", [silent_serial, silent_virtual])
def test_a_silent_printer_is_reply_timeout(silent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    links = silent(monkeypatch)
    link = next(links)
    with pytest.raises(ReplyTimeout):
        link.connect()
    link.close()
    links.close()
