"""A G-code file as a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from printprep.errors import GcodeRefused, InputError
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
