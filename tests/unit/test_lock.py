"""The lock of a build, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from printprep.errors import CaseError
from printprep.files import sha256_of
from printprep.lock import NAME, read_lock, verify_lock

LOCK: dict[str, Any] = {
    "case": "CHD-0142",
    "printer": "ender-3",
    "tools": [{"tool": 0, "material": "pla", "parts": ["bone"]}],
    "files": {"plate-1.gcode": "0" * 64},
}


def write(folder: Path, **changes: object) -> None:
    (folder / NAME).write_text(json.dumps(LOCK | changes), encoding="utf-8")


def test_what_a_guard_needs_is_read_back(tmp_path: Path) -> None:
    write(tmp_path)
    lock = read_lock(tmp_path)
    assert (lock.case_id, lock.printer, lock.materials) == ("CHD-0142", "ender-3", {0: "pla"})


def test_every_file_has_its_state(tmp_path: Path) -> None:
    (tmp_path / "same").write_text("same")
    (tmp_path / "other").write_text("other")
    write(tmp_path, files={"same": sha256_of(tmp_path / "same"), "other": "0" * 64, "gone": "0" * 64})
    assert {s.file: s.state for s in verify_lock(tmp_path)} == {
        "same": "as locked",
        "other": "changed",
        "gone": "missing",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"files": {"../other-case/plate-1.gcode": "0" * 64}},
        {"files": {"/etc/hostname": "0" * 64}},
        {"files": {"..": "0" * 64}},
        {"files": {"plate-1.gcode": 7}},
        {"files": []},
        {"tools": [{"tool": 0}]},
        {"tools": None},
        {"printer": None},
        {"case": 7},
    ],
)
def test_what_is_no_lock_of_ours_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    write(tmp_path, **changes)
    with pytest.raises(CaseError, match="not a lock that printprep wrote"):
        read_lock(tmp_path)


def test_a_folder_without_a_lock_is_no_build(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="has no case"):
        read_lock(tmp_path)
