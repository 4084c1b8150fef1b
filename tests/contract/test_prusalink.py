"""PrusaLink's own ways; the server is played, see prusalink.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from printprep.errors import FirmwareFault, PrinterError
from printprep.printers.asking import Busy
from printprep.printers.link import Ending, PrinterState, PrinterStatus
from printprep.printers.prusalink import PrusaLinkLink, read_status
from tests.contract.prusalink import KEY, PASSWORD, USER, PrusaLink


@pytest.fixture
def server() -> Iterator[PrusaLink]:
    with PrusaLink() as server:
        yield server


@pytest.fixture
def link(server: PrusaLink) -> Iterator[PrusaLinkLink]:
    link = PrusaLinkLink(server.url, KEY)
    link.connect()
    yield link
    link.close()


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.gcode"
    path.write_text("M104 S200 ; Smith\n" + "G1 X1\n" * 3000, encoding="ascii")
    return path


def test_a_user_logs_in_by_digest_and_the_upload_is_sent_once(server: PrusaLink, job: Path) -> None:
    link = PrusaLinkLink(server.url, PASSWORD, user=USER)
    assert link.connect().version == "2.1.2"
    assert link.print_file(job).ending is Ending.FINISHED
    link.close()
    assert sum(request.startswith("PUT /api/v1/files") for request in server.asked) == 1
    assert server.printed[0] == "M104 S200", "comments stay in the house"
    assert server.files == {}, "what was printed is taken away"


@pytest.mark.parametrize(("key", "user"), [("wrong", None), ("wrong", USER)])
def test_a_wrong_key_says_where_the_right_one_is(server: PrusaLink, key: str, user: str | None) -> None:
    with pytest.raises(PrinterError, match="menu under Network") as refused:
        PrusaLinkLink(server.url, key, user=user).connect()
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize(
    ("start", "status", "words"),
    [
        ("PUT /api/v1/files", 507, "no room left"),
        ("PUT /api/v1/files", 415, "sliced for this printer"),
        ("PUT /api/v1/files", 409, "busy"),
        ("POST /api/v1/files", 409, "as the test wants"),
        ("PUT /api/v1/files", 500, "HTTP 500"),
    ],
)
def test_a_refusal_is_the_outcome(
    server: PrusaLink, link: PrusaLinkLink, job: Path, start: str, status: int, words: str
) -> None:
    server.refuses[start] = status
    outcome = link.print_file(job)
    assert outcome.ending is Ending.FAILED
    assert words in outcome.message
    assert server.printed == []


@pytest.mark.parametrize(("tries", "left"), [(2, 0), (99, 1)])
def test_a_file_that_the_printer_still_holds_is_deleted_a_little_later(
    server: PrusaLink,
    link: PrusaLinkLink,
    job: Path,
    monkeypatch: pytest.MonkeyPatch,
    tries: int,
    left: int,
) -> None:
    monkeypatch.setattr("printprep.printers.served.LET_GO_S", (0.01, 0.01, 0.01))
    refused: list[str] = []
    answer = server.answer

    def holding(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, object]:
        if method == "DELETE" and len(refused) < tries:
            refused.append(path)
            return 409, {"text": "File is busy"}
        return answer(method, path, body, headers)

    monkeypatch.setattr(server, "answer", holding)
    outcome = link.print_file(job)
    assert outcome.ending is Ending.FINISHED
    assert len(server.files) == left
    assert ("stays on the server" in outcome.message) is bool(left)


def test_no_drive_for_files_is_said(server: PrusaLink) -> None:
    server.storage = ""
    with pytest.raises(PrinterError, match="USB drive"):
        PrusaLinkLink(server.url, KEY).connect()


def test_the_end_of_an_earlier_print_is_not_ours(server: PrusaLink, link: PrusaLinkLink, job: Path) -> None:
    assert link.print_file(job).ending is Ending.FINISHED
    assert server.state == "FINISHED", "until somebody clears it"
    server.printed.clear()
    assert link.print_file(job).ending is Ending.FINISHED
    assert len(server.printed) == 3001


def test_somebody_at_the_printer_stops_it(server: PrusaLink, link: PrusaLinkLink, job: Path) -> None:
    def watch(_status: PrinterStatus) -> None:
        server.answer("DELETE", f"/api/v1/job/{server.job and server.job['id']}", b"", {})

    assert link.print_file(job, watch).ending is Ending.CANCELLED


@pytest.mark.parametrize("status", [404, 500])
def test_a_pause_that_is_refused_costs_no_print(server: PrusaLink, link: PrusaLinkLink, job: Path, status: int) -> None:
    messages: set[str] = set()

    def watch(seen: PrinterStatus) -> None:
        messages.add(seen.message)
        if seen.state is PrinterState.PRINTING and not server.refuses:
            server.refuses["PUT /api/v1/job"] = status
            link.pause()

    assert link.print_file(job, watch).ending is Ending.FINISHED
    assert any("as the test wants" in message for message in messages)
    assert sum(request.endswith("/pause") for request in server.asked) == 1


def test_an_error_on_its_display_ends_the_print(server: PrusaLink, link: PrusaLinkLink, job: Path) -> None:
    def watch(_status: PrinterStatus) -> None:
        server.state, server.message = "ERROR", "Heater Bed preheat error"

    outcome = link.print_file(job, watch)
    assert isinstance(outcome.fault, FirmwareFault)
    assert "Heater Bed preheat error" in outcome.message


def test_another_print_in_its_place_is_not_taken_for_ours(server: PrusaLink, link: PrusaLinkLink, job: Path) -> None:
    def watch(_status: PrinterStatus) -> None:
        if server.job is not None:
            server.job["id"] = 99

    outcome = link.print_file(job, watch)
    assert outcome.ending is Ending.FAILED
    assert "knows nothing of the print" in outcome.message


def test_an_emergency_stop_is_only_a_cancel_and_says_so(server: PrusaLink, link: PrusaLinkLink, job: Path) -> None:
    with pytest.raises(Busy, match="no print under way"):
        link.emergency_stop()

    def watch(status: PrinterStatus) -> None:
        if status.state is PrinterState.PRINTING:
            with pytest.raises(PrinterError, match="no emergency stop"):
                link.emergency_stop()

    assert link.print_file(job, watch).ending is Ending.CANCELLED


def test_attention_waits_for_a_person() -> None:
    seen = read_status({"printer": {"state": "ATTENTION"}}, "http://here").status
    assert (seen.state, seen.message) == (PrinterState.PAUSED, "it waits for a person; see its display")


@pytest.mark.parametrize("told", [{}, {"printer": {}}, {"printer": 5}])
def test_what_is_no_status_is_said(told: dict[str, object]) -> None:
    with pytest.raises(PrinterError, match="is it PrusaLink"):
        read_status(told, "http://here")
