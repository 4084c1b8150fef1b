"""What `printer status` says where nobody prints: whether the last print broke off with its heaters on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from printprep.cli.printer import printer
from printprep.printers.job import read_job
from printprep.printers.journal import Journal


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setenv("PRINTPREP_STATE", str(tmp_path))
    file = tmp_path / "job.gcode"
    file.write_text(";LAYER_CHANGE\n;Z:0.2\n" + "G1 X1\n" * 1000, encoding="ascii")
    return Journal("left", read_job(file), tmp_path / "prints")


def said() -> str:
    done = CliRunner().invoke(printer, ["status", "left", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["state"] == "unknown"
    return str(told["message"])


def test_a_print_whose_sender_died_is_told_with_the_way_on(journal: Journal) -> None:
    journal.note(430, 430, 450)  # no end is written: as after a kill -9
    message = said()
    assert "broke off without an end: 430 of 1,000 commands were answered" in message
    assert "heaters may still be on" in message
    for command in ("printer test left", "printer resume-file", "printer stop left"):
        assert f"`printprep {command}`" in message


@pytest.mark.parametrize("ending", ["finished", "cancelled", "failed"])
def test_a_print_that_ended_is_no_news(journal: Journal, ending: str) -> None:
    journal.note(430, 430, 450)
    journal.end(ending)
    assert said() == "no process of this user prints on it"
