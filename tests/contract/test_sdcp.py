"""SDCP's own ways; the board is played, see sdcp.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from printprep.errors import InputError, PrinterError, ReplyTimeout
from printprep.printers.link import Ending, PrinterState, PrinterStatus
from printprep.printers.sdcp import SdcpLink, discover, read_board_status
from tests.contract.goo import goo_file
from tests.contract.sdcp import BOARD, SdcpBoard


@pytest.fixture
def board() -> Iterator[SdcpBoard]:
    with SdcpBoard() as board:
        yield board


@pytest.fixture
def link(board: SdcpBoard) -> Iterator[SdcpLink]:
    link = SdcpLink(board.url, mainboard=BOARD, allow_insecure=True)
    link.connect()
    yield link
    link.close()


@pytest.fixture
def job(tmp_path: Path) -> Path:
    return goo_file(tmp_path / "job.goo", layers=40)


def test_a_board_is_found_by_its_datagram(board: SdcpBoard) -> None:
    port = board.finder.getsockname()[1]
    assert discover("127.0.0.1", port=port) == BOARD


def test_nobody_to_be_found(board: SdcpBoard) -> None:
    board.finder.close()
    with pytest.raises(ReplyTimeout, match="is it an SDCP printer"):
        discover("127.0.0.1", port=1, timeout_s=0.03)


def test_it_says_who_it_is(link: SdcpLink) -> None:
    assert (link.identity.firmware, link.identity.version) == ("ELEGOO Saturn 4", "V1.0.0")


def test_a_network_that_nobody_vouched_for_is_refused(board: SdcpBoard) -> None:
    with pytest.raises(PrinterError, match="asks nobody for a key"):
        SdcpLink(board.url, mainboard=BOARD).connect()


def test_layers_are_counted_and_the_file_goes_in_pieces(board: SdcpBoard, link: SdcpLink, job: Path) -> None:
    kept: dict[str, bytes] = {}
    seen: list[PrinterStatus] = []

    def watch(status: PrinterStatus) -> None:
        kept.update(board.files)
        seen.append(status)

    outcome = link.print_file(job, watch)
    assert outcome.ending is Ending.FINISHED
    assert list(kept.values()) == [job.read_bytes()]
    assert all(name.startswith("printprep-") for name in kept)
    assert board.files == {}
    assert any(0 < status.layer < 40 and status.z_mm == pytest.approx(status.layer * 0.05) for status in seen)


@pytest.mark.parametrize(
    ("code", "words"),
    [(1, "is busy"), (3, "other bytes"), (5, "another panel"), (7, "another machine"), (42, "Ack 42")],
)
def test_a_print_that_is_not_started(board: SdcpBoard, link: SdcpLink, job: Path, code: int, words: str) -> None:
    board.start_ack = code
    outcome = link.print_file(job)
    assert outcome.ending is Ending.FAILED
    assert words in outcome.message
    assert board.shown == []


@pytest.mark.parametrize(("code", "words"), [(-2, "out of order"), (-3, "cannot write"), (-4, "-4")])
def test_an_upload_that_is_refused(board: SdcpBoard, link: SdcpLink, job: Path, code: int, words: str) -> None:
    board.upload_error = code
    outcome = link.print_file(job)
    assert outcome.ending is Ending.FAILED
    assert words in outcome.message


def test_a_file_that_the_board_does_not_read_is_not_uploaded(tmp_path: Path) -> None:
    with SdcpBoard(kinds=("CTB",)) as board:
        link = SdcpLink(board.url, mainboard=BOARD, allow_insecure=True)
        link.connect()
        with pytest.raises(InputError, match="prints ctb, not goo"):
            link.print_file(goo_file(tmp_path / "job.goo", layers=3))
        link.close()


@pytest.mark.parametrize(("reason", "words"), [(8, "came off the plate"), (99, "ErrorStatusReason 99")])
def test_a_print_that_the_board_ends_says_why(
    board: SdcpBoard, link: SdcpLink, job: Path, reason: int, words: str
) -> None:
    def watch(status: PrinterStatus) -> None:
        if status.layer > 1 and not board.history:
            board.fail(reason)

    outcome = link.print_file(job, watch)
    assert outcome.ending is Ending.FAILED
    assert words in outcome.message
    assert "layer" in outcome.message


def test_a_board_that_hangs_up_is_called_again(board: SdcpBoard, link: SdcpLink, job: Path) -> None:
    hung_up = False

    def watch(status: PrinterStatus) -> None:
        nonlocal hung_up
        if status.layer > 1 and not hung_up:
            hung_up = True
            board.hang_up()

    assert link.print_file(job, watch).ending is Ending.FINISHED
    assert hung_up
    assert board.shown == list(range(1, 41))


def test_the_same_file_again_is_printed_again(board: SdcpBoard, link: SdcpLink, job: Path) -> None:
    assert link.print_file(job).ending is Ending.FINISHED
    assert link.print_file(job).ending is Ending.FINISHED
    assert len(board.shown) == 80


def test_an_emergency_stop_is_only_a_stop_and_says_so(board: SdcpBoard, link: SdcpLink, job: Path) -> None:
    def watch(status: PrinterStatus) -> None:
        if status.state is PrinterState.PRINTING and status.layer > 0 and board.info["Status"] == 3:
            with pytest.raises(PrinterError, match="no emergency stop"):
                link.emergency_stop()

    assert link.print_file(job, watch).ending is Ending.CANCELLED


@pytest.mark.parametrize(
    ("current", "code", "state"),
    [
        ([0], 0, PrinterState.READY),
        ([1], 3, PrinterState.PRINTING),
        (1, 2, PrinterState.PRINTING),
        ([1], 6, PrinterState.PAUSED),
        ([1], 7, PrinterState.CANCELLING),
        ([0], 9, PrinterState.READY),
        ([1], 99, PrinterState.PRINTING),
        (None, 0, PrinterState.OFFLINE),
    ],
)
def test_states(current: object, code: int, state: PrinterState) -> None:
    assert read_board_status({"CurrentStatus": current, "PrintInfo": {"Status": code}}).status.state is state
