"""A G-code file as a job."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from printprep.errors import GcodeRefused, InputError
from printprep.printers.held import BLOCK, HeldFile
from printprep.printers.job import commands, read_job

TEXT = """; made for nobody
G28 ; home

;LAYER_CHANGE
;Z:0.2
G1 X1
  G1 X2   ; indented
M117 a b
;LAYER_CHANGE
;Z:0.4
G1 X3\r
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.gcode"
    path.write_bytes(TEXT.encode())
    return path


def test_comments_and_blank_lines_are_never_sent(job: Path) -> None:
    assert list(commands(job)) == [b"G28", b"G1 X1", b"G1 X2", b"M117 a b", b"G1 X3"]


def test_layers_are_found(job: Path) -> None:
    read = read_job(job)
    assert read.commands == 5
    assert [read.layer_at(n) for n in range(6)] == [0, 0, 1, 1, 1, 2]
    assert [read.z_at(n) for n in (1, 2, 5)] == [None, 0.2, 0.4]


def test_curas_layers_are_found(tmp_path: Path) -> None:
    path = tmp_path / "cura.gcode"
    path.write_text(";LAYER:0\nG1 X1\n;LAYER:1\nG1 X2\n", encoding="ascii")
    assert read_job(path).layer_starts == (0, 1)


@pytest.mark.parametrize("line", ["M110 N5", "M112", "N5 G1 X1*3", "M108", "G1 X1\rM500"])
def test_what_would_break_the_count_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.gcode"
    path.write_bytes(f"G28\n{line}\r\n".encode())
    with pytest.raises(GcodeRefused, match="command 2"):
        read_job(path)


@pytest.mark.parametrize("text", ["", "; only words\n\n"])
def test_a_file_without_commands_is_no_job(tmp_path: Path, text: str) -> None:
    path = tmp_path / "empty.gcode"
    path.write_text(text, encoding="ascii")
    with pytest.raises(InputError, match="holds no command"):
        read_job(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.gcode"):
        read_job(tmp_path / "nothing.gcode")


LONG = b"".join(b"G1 X%d\n" % n for n in range(3 * BLOCK // 8))


@pytest.fixture
def long_job(tmp_path: Path) -> Path:
    path = tmp_path / "long.gcode"
    path.write_bytes(LONG)
    return path


def test_a_file_that_is_deleted_or_replaced_is_still_printed(long_job: Path) -> None:
    job = read_job(long_job)
    other = long_job.with_name("other.gcode")
    other.write_bytes(b"M112\n")
    other.replace(long_job)
    assert b"\n".join(commands(job.file)) + b"\n" == LONG
    long_job.unlink()
    assert len(list(commands(job.file))) == job.commands


def spoil(path: Path, size: int, at: int) -> None:
    with path.open("rb+") as file:
        file.seek(at)
        file.write(b"\nM104 S300\n")
    os.truncate(path, size)


@pytest.mark.parametrize(
    ("size", "at"),
    [(len(LONG), 2 * BLOCK + 100), (BLOCK + 7, 0), (len(LONG) + 9, len(LONG) - 2), (0, 0), (2 * BLOCK, 2 * BLOCK)],
)
def test_no_command_of_a_changed_block_is_ever_sent(long_job: Path, size: int, at: int) -> None:
    job = read_job(long_job)
    sent = commands(job.file)
    first = [next(sent) for _ in range(10)]
    spoil(long_job, size, at)
    with pytest.raises(InputError, match=r"long\.gcode was changed while it was printed"):
        first.extend(sent)
    assert b"\n".join(first) == LONG[: len(b"\n".join(first))]
    assert len(b"\n".join(first)) >= BLOCK - 32 or min(size, at) < BLOCK


def test_what_is_appended_is_not_printed(long_job: Path) -> None:
    whole = BLOCK * (len(LONG) // BLOCK)
    os.truncate(long_job, whole)
    job = read_job(long_job)
    with long_job.open("ab") as file:
        file.write(b"M104 S300\n" * BLOCK)
    assert b"M104 S300" not in list(commands(job.file))
    assert job.file.bytes == whole


def test_the_sum_is_of_the_files_bytes(long_job: Path) -> None:
    assert HeldFile(long_job).sha256 == hashlib.sha256(LONG).hexdigest()
