"""What the agent prints with, on the virtual printer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from printprep.files import sha256_of
from printprep.lab.press import LinkPress
from printprep.lab.store import Job, State
from printprep.lock import NAME, PREPARED
from printprep.profiles.load import load_profiles

REASON = "the beeper of this printer"
JOB = (
    "G90\nM83\nM140 S60\nM104 S200\nG28\nM190 S60\nM109 S200\nM355 S1\nG1 X20 Y20 Z0.2 F3000\nG1 X40 E1 F1200\n"
    "M104 S0\nM140 S0\nM84\n"
)


@pytest.mark.parametrize("accepts", [True, False])
def test_what_was_printed_in_spite_of_a_finding_stands_in_the_history_with_its_reason(
    tmp_path: Path, queued: Callable[..., Job], accepts: bool
) -> None:
    (tmp_path / PREPARED).write_bytes(b"parts")
    job, file = queued(), tmp_path / "plate-1.gcode"
    file.write_text(JOB, encoding="ascii")
    lock = {
        "case": "CHD-0142",
        "printer": "ender-3",
        "tools": [{"tool": 0, "material": "pla"}],
        "files": {name: sha256_of(tmp_path / name) for name in (PREPARED, file.name)},
        "accept": [{"code": "gcode-unknown-command", "reason": REASON, "value": "M355"}] if accepts else [],
    }
    (tmp_path / NAME).write_text(json.dumps(lock), encoding="utf-8")
    with LinkPress(load_profiles(), tmp_path).open("virtual") as printer:
        outcome = printer.print(job, file, lambda _told: None)
    if accepts:
        assert outcome.state is State.DONE, outcome.why
        assert outcome.why == (
            f"printed: 13 commands, each acknowledged; in spite of gcode-unknown-command, because: {REASON}"
        )
    else:
        assert outcome.state is State.FAILED
        assert "gcode-unknown-command" in outcome.why
