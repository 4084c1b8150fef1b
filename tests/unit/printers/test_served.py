"""What every link to a server does the same way, on a played PrusaLink or OctoPrint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from printprep.errors import FirmwareFault, InputError, PrinterError
from printprep.printers.job import read_job
from printprep.printers.link import Ending, PrinterState, PrinterStatus
from printprep.printers.prusalink import PrusaLinkLink
from printprep.printers.upload import packed
from tests.contract.prusalink import KEY, PrusaLink


class Tuned(PrusaLinkLink):
    """A link to a server that takes commands."""

    untunable = ""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.told: list[str] = []
        self.refuses = False

    def _script(self, commands: Sequence[str]) -> None:
        if self.refuses:
            raise PrinterError("not while it heats")
        self.told += commands


@pytest.fixture
def server() -> Iterator[PrusaLink]:
    with PrusaLink() as server:
        yield server


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.gcode"
    path.write_text("M104 S200\n" + "G1 X1\n" * 4000, encoding="ascii")
    return path


def test_the_outcome_names_the_bytes_that_were_printed(server: PrusaLink, job: Path) -> None:
    link = PrusaLinkLink(server.url, KEY)
    link.connect()
    assert link.print_file(job).sha256 == hashlib.sha256(job.read_bytes()).hexdigest()
    link.close()


def test_a_file_that_was_changed_since_it_was_counted_is_not_uploaded(job: Path) -> None:
    counted = read_job(job)
    job.write_text("M104 S999\n" + "G1 X1\n" * 4000, encoding="ascii")
    with pytest.raises(InputError, match="changed"), packed(counted):
        pass


def test_a_print_is_tuned_and_the_server_is_left_untuned(server: PrusaLink, job: Path) -> None:
    link = Tuned(server.url, KEY)
    link.connect()

    def watch(status: PrinterStatus) -> None:
        if status.state is PrinterState.PRINTING and not link.told:
            link.tell(b"M220 S80")

    assert link.print_file(job, watch).ending is Ending.FINISHED
    assert link.told == ["M220 S80", "M220 S100", "M221 S100"]
    with pytest.raises(PrinterError, match="prints nothing now"):
        link.tell(b"M220 S80")
    link.close()


def test_a_tuning_that_the_server_refuses_is_the_message(server: PrusaLink, job: Path) -> None:
    link = Tuned(server.url, KEY)
    link.connect()
    link.refuses = True
    messages: set[str] = set()

    def watch(status: PrinterStatus) -> None:
        messages.add(status.message)
        if status.state is PrinterState.PRINTING and len(messages) == 1:
            link.tell(b"M220 S80")

    assert link.print_file(job, watch).ending is Ending.FINISHED
    assert "M220 S80 was not taken: not while it heats" in messages
    link.close()


def test_a_server_that_takes_no_commands_says_so(server: PrusaLink) -> None:
    with pytest.raises(PrinterError, match="use the printer's own knob"):
        PrusaLinkLink(server.url, KEY).tell(b"M220 S80")


def test_a_cancel_at_each_look_is_asked_for_no_more_often_than_it_looks(server: PrusaLink, job: Path) -> None:
    link = PrusaLinkLink(server.url, KEY)
    link.connect()
    server.refuses["DELETE /api/v1/job"] = 409  # it is busy until the file has ended
    looks: list[PrinterState] = []

    def watch(status: PrinterStatus) -> None:
        looks.append(status.state)
        link.cancel()

    assert link.print_file(job, watch).ending is Ending.CANCELLED
    asked = sum(request.startswith("DELETE /api/v1/job") for request in server.asked)
    assert asked <= len(looks) + 1
    link.close()


def test_a_print_that_was_taken_and_never_begins_is_said(
    server: PrusaLink, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("printprep.printers.served.BEGIN_S", 1.0)
    monkeypatch.setattr(server, "_begin", lambda _name: None)
    link = PrusaLinkLink(server.url, KEY)
    link.connect()
    outcome = link.print_file(job)
    assert isinstance(outcome.fault, FirmwareFault)
    assert "does not begin it" in outcome.message
    link.close()


def test_a_short_print_that_was_over_before_the_first_look_has_ended_well(
    server: PrusaLink, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(_name: str) -> None:  # and, as a PrusaLink on a Raspberry Pi, without a job any more
        server.state, server.job = "FINISHED", None

    monkeypatch.setattr(server, "_begin", at_once)
    link = PrusaLinkLink(server.url, KEY)
    link.connect()
    assert link.print_file(job).ending is Ending.FINISHED
    link.close()


def test_a_file_that_the_server_notices_late_is_waited_for(
    server: PrusaLink, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, missed = server.answer, 0

    def late(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, object]:
        nonlocal missed
        if method == "GET" and path.startswith("/api/v1/files") and missed < 3:
            missed += 1
            return 404, {"text": "File you want was not found."}
        return answer(method, path, body, headers)

    monkeypatch.setattr(server, "answer", late)
    link = PrusaLinkLink(server.url, KEY)
    link.connect()
    assert link.print_file(job).ending is Ending.FINISHED
    assert missed == 3
    link.close()
