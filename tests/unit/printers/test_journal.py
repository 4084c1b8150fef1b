"""The journal of a print: what it tells after a crash."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from printprep.errors import InputError
from printprep.printers.job import JobFile, read_job
from printprep.printers.journal import KEPT, RECORD, Journal, journals, last_journal, read_journal


@pytest.fixture
def job(tmp_path: Path) -> JobFile:
    path = tmp_path / "Jane Doe.gcode"
    layers = (f";LAYER_CHANGE\n;Z:{n / 5}\n" + "G1 X1\n" * 100 for n in range(1, 11))
    path.write_text("".join(layers), encoding="ascii")
    return read_job(path)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def begun(job: JobFile, folder: Path, clock: Clock | None = None) -> Journal:
    return Journal("left", job, folder, clock=clock or Clock())


def test_what_was_noted_last_is_what_is_read(job: JobFile, tmp_path: Path) -> None:
    clock = Clock()
    journal = begun(job, tmp_path, clock)
    clock.now_s += 12.5
    for accepted in range(431):
        journal.note(accepted, accepted, accepted + 20)
    account = read_journal(journal.path)  # while it is written: as after a kill -9
    assert (account.certain, account.sent, account.layer, account.z_mm) == (430, 450, 5, 1.0)
    assert (account.printer, account.sha256, account.commands) == ("left", job.sha256, 1000)
    assert account.printed_s == 12.5
    assert account.ending is None
    journal.end("cancelled")
    assert read_journal(journal.path).ending == "cancelled"
    assert read_journal(journal.path).certain == 430


def test_it_is_its_owners_alone_and_names_nobody(job: JobFile, tmp_path: Path) -> None:
    journal = begun(job, tmp_path / "prints")
    journal.note(5, 5, 9)
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
    assert b"Jane" not in journal.path.read_bytes()
    assert "Jane" not in journal.path.name


def test_it_grows_with_layers_and_seconds_and_not_with_lines(job: JobFile, tmp_path: Path) -> None:
    clock = Clock()
    journal = begun(job, tmp_path, clock)
    before = journal.path.stat().st_size
    for accepted in range(1001):  # ten layers
        journal.note(accepted, accepted, accepted)
        clock.now_s += 0.01  # and ten seconds
    journal.end("finished")
    records = (journal.path.stat().st_size - before) // RECORD
    assert 10 <= records <= 10 + 11 + 2


@pytest.mark.parametrize("lost", range(1, RECORD + 3))
def test_a_torn_tail_costs_its_record_alone(job: JobFile, tmp_path: Path, lost: int) -> None:
    clock = Clock()
    journal = begun(job, tmp_path, clock)
    for accepted in (10, 20, 30):
        clock.now_s += 2.0
        journal.note(accepted, accepted, accepted + 4)
    os.truncate(journal.path, journal.path.stat().st_size - lost)
    assert read_journal(journal.path).certain == (20 if lost <= RECORD else 10)


def test_a_spoilt_record_is_passed_over(job: JobFile, tmp_path: Path) -> None:
    clock = Clock()
    journal = begun(job, tmp_path, clock)
    for accepted in (10, 20, 30):
        clock.now_s += 2.0
        journal.note(accepted, accepted, accepted + 4)
    data = bytearray(journal.path.read_bytes())
    data[-RECORD + 12] ^= 1
    journal.path.write_bytes(data)
    assert read_journal(journal.path).certain == 20


def test_what_the_operator_changed_is_kept_in_order(job: JobFile, tmp_path: Path) -> None:
    journal = begun(job, tmp_path)
    journal.note(1, 1, 5)
    journal.tuned("M220 S80")
    journal.note(2, 2, 6)
    journal.tuned("M104 T1 S215")
    account = read_journal(journal.path)
    assert account.tunes == ("M220 S80", "M104 T1 S215")
    assert account.certain == 2


def test_no_record_straddles_a_page(job: JobFile, tmp_path: Path) -> None:
    journal = begun(job, tmp_path)
    journal.note(1, 1, 5)
    journal.end("failed")
    data = journal.path.read_bytes()
    assert len(data) % RECORD == 0
    ends = [at + 1 for at, byte in enumerate(data) if byte == ord("\n")]
    assert len(ends) == 3
    assert all(end % RECORD == 0 for end in ends)


def test_the_newest_is_found_by_the_printers_name(job: JobFile, tmp_path: Path) -> None:
    for name, accepted in (("left", 1), ("right", 2), ("left", 3), ("left.two", 4)):
        journal = Journal(name, job, tmp_path)
        journal.note(accepted, accepted, accepted)
        journal.end("failed")
    assert last_journal("left", tmp_path).certain == 3
    assert last_journal("left.two", tmp_path).certain == 4
    assert len(journals(folder=tmp_path)) == 4
    with pytest.raises(InputError, match="no journal of a print on middle"):
        last_journal("middle", tmp_path)


def test_old_ones_are_forgotten(job: JobFile, tmp_path: Path) -> None:
    for _ in range(KEPT + 3):
        begun(job, tmp_path).end("finished")
    assert len(journals("left", tmp_path)) == KEPT


@pytest.mark.parametrize("data", [b"", b"hello\n", b"\0" * 640, b"00000000 job {}".ljust(127) + b"\n"])
def test_what_is_no_journal_is_said_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.journal"
    path.write_bytes(data)
    with pytest.raises(InputError, match="no journal of a print"):
        read_journal(path)


def test_a_folder_that_cannot_be_written_is_refused_before_the_print(job: JobFile, tmp_path: Path) -> None:
    (tmp_path / "prints").write_text("a file")
    with pytest.raises(InputError, match="PRINTPREP_STATE"):
        begun(job, tmp_path / "prints")


def test_a_disk_that_is_full_ends_the_journal_and_not_the_print(job: JobFile, tmp_path: Path) -> None:
    journal = begun(job, tmp_path)
    journal.note(5, 5, 9)
    os.close(journal._file)
    journal._file = os.open("/dev/full", os.O_WRONLY)
    journal.note(6, 6, 10)
    journal.note(7, 7, 11)
    assert "no longer written (No space left" in journal.failure or "Illegal seek" in journal.failure
    journal.end("finished")
    assert read_journal(journal.path).certain == 5
