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
from printprep.printers.forecast import forecast
from printprep.printers.job import read_job
from printprep.printers.registry import add_printer, new_printer
from printprep.printers.virtual import VirtualPrinter
from printprep.printers.virtual_faults import Faults
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


def laid(layers: int) -> str:
    """A square of so many layers for a printer with one nozzle."""
    start = "G90\nM83\nM140 S60\nM104 S215\nG28\nM190 S60\nM109 S215\n"
    squares = [
        f";LAYER_CHANGE\n;Z:{z:.1f}\nG1 X50 Y50 Z{z:.1f} F6000\nG1 X90 E2 F1200\nG1 Y90 E2\nG1 X50 E2\nG1 Y50 E2\n"
        for z in (0.2 * (n + 1) for n in range(layers))
    ]
    return f"{start}{''.join(squares)}M104 S0\nM140 S0\nM84\n"


def test_the_agents_prints_tell_the_display_how_far_they_are(tmp_path: Path, queued: Callable[..., Job]) -> None:
    (tmp_path / PREPARED).write_bytes(b"parts")
    job, file = queued(), tmp_path / "plate-1.gcode"
    file.write_text(laid(60), encoding="ascii")
    lock = {
        "case": "CHD-0142",
        "printer": "prusa-mk4-mmu3",
        "tools": [{"tool": 0, "material": "pla"}],
        "files": {name: sha256_of(tmp_path / name) for name in (PREPARED, file.name)},
        "accept": [],
    }
    (tmp_path / NAME).write_text(json.dumps(lock), encoding="utf-8")
    profiles = load_profiles()
    told = forecast(read_job(file), profiles.printer("prusa-mk4-mmu3"))  # and its kernels are loaded
    assert told is not None
    log = tmp_path / "log"
    with VirtualPrinter(dialect="prusa-buddy", tools=1, log=log, faults=Faults(delay_s=0.002)) as device:
        add_printer(new_printer(name="left", link="serial", profile="prusa-mk4-mmu3", port=device.port), tmp_path)
        with LinkPress(profiles, tmp_path).open("left") as printer:
            outcome = printer.print(job, file, lambda _told: None)
    assert outcome.state is State.DONE, outcome.why
    shown = [line for line in log.read_text(encoding="ascii").splitlines() if line.startswith("M73 ")]
    assert f"M73 P0 R{round(told.duration_s / 60)}" in shown
    assert len(shown) > 2
