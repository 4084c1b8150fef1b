"""PrusaLink as it is, before a played MK3S; see prusalink_server.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from printprep.errors import ConnectionLost, PrinterError
from printprep.printers.link import Ending, PrinterState, PrinterStatus
from printprep.printers.prusalink import PrusaLinkLink
from tests.contract.prusalink_server import KEY, PASSWORD, USER, PrusaLinkServer

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("prusalink")]  # half a minute to start: once is enough


@pytest.fixture
def link(prusalink_server: PrusaLinkServer) -> Iterator[PrusaLinkLink]:
    link = PrusaLinkLink(prusalink_server.url, KEY)
    link.connect()
    yield link
    link.close()


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "Smith_John.gcode"
    path.write_text("; Smith\nG91\n" + "G1 X1 F9000\nG1 X-1\n" * 2000, encoding="ascii")
    return path


def moves(server: PrusaLinkServer) -> int:
    return sum(line.startswith(b"G1") for line in server.log.read_bytes().splitlines())


def test_it_says_who_it_is_to_a_key_and_to_a_user(prusalink_server: PrusaLinkServer) -> None:
    for key, user in ((KEY, None), (PASSWORD, USER)):
        link = PrusaLinkLink(prusalink_server.url, key, user=user)
        assert link.connect().version == "0.8.1, firmware 3.14.0-8094"
        link.close()
    with pytest.raises(PrinterError, match="menu under Network") as refused:
        PrusaLinkLink(prusalink_server.url, "F" * 16).connect()
    assert "F" * 16 not in str(refused.value)


def test_pause_and_resume_in_mid_print(prusalink_server: PrusaLinkServer, link: PrusaLinkLink, job: Path) -> None:
    before = moves(prusalink_server)
    states: list[PrinterState] = []

    def watch(status: PrinterStatus) -> None:
        states.append(status.state)
        if PrinterState.PAUSED not in states:
            link.pause()
        elif status.state is PrinterState.PAUSED:
            assert prusalink_server.einsy.saved
            link.resume()

    assert link.print_file(job, watch).ending is Ending.FINISHED
    assert PrinterState.PAUSED in states
    assert moves(prusalink_server) - before == 4000
    assert not list(prusalink_server.gcodes.glob("*.gcode")), "what was printed stays on the server"


def test_a_stop_is_a_cancel_and_says_so(prusalink_server: PrusaLinkServer, link: PrusaLinkLink, job: Path) -> None:
    said: list[str] = []

    def watch(status: PrinterStatus) -> None:
        if status.state is PrinterState.PRINTING and not said:
            with pytest.raises(PrinterError, match="no emergency stop") as stopped:
                link.emergency_stop()
            said.append(str(stopped.value))

    assert link.print_file(job, watch).ending is Ending.CANCELLED
    assert "at its plug" in said[0]


@pytest.mark.long
def test_a_server_that_is_killed_in_mid_print_is_the_outcome(
    prusalink_server: PrusaLinkServer, link: PrusaLinkLink, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("printprep.printers.served.OUTAGE_S", 2.0)
    killed: list[bool] = []

    def watch(status: PrinterStatus) -> None:
        if status.state is PrinterState.PRINTING and not killed:
            killed.append(True)
            prusalink_server.kill()

    outcome = link.print_file(job, watch)
    prusalink_server.again()
    assert outcome.ending is Ending.FAILED
    assert isinstance(outcome.fault, ConnectionLost)
