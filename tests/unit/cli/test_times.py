"""``estimate`` on G-code."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from printprep.cli.gcode import estimate
from printprep.errors import ProfileError
from printprep.lab.jobfile import PrintFile
from printprep.lab.queue import add
from printprep.lab.store import open_store
from printprep.lab.tables import PRINTS

GCODE = """M140 S60
M104 S215
G28
M190 S60
M109 S215
G90
M83
;LAYER_CHANGE
G1 Z0.2 F600
;TYPE:Perimeter
G1 X100 Y10 E20 F3000
G1 X10 E20
;LAYER_CHANGE
G1 Z0.4
;TYPE:Solid infill
G1 X100 E10
M600
G1 X10 Y60 E10
M0
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plate-1.gcode"
    path.write_text(GCODE)
    return path


def run(*arguments: str, config: Path | None = None) -> str:
    environment = {"COLUMNS": "160"} | ({} if config is None else {"PRINTPREP_CONFIG": str(config)})
    result = CliRunner(env=environment).invoke(estimate, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return click.unstyle(result.output)


def test_the_document_adds_up(file: Path) -> None:
    document = json.loads(run(str(file), "--printer", "ender-3", "--material", "pla", "--json"))
    assert document["duration_s"] == pytest.approx(sum(document["by_feature_s"].values()))
    assert document["assumed"] == ["timing.nozzle", "timing.bed"]  # nobody measured how fast they warm
    low_s, high_s = document["range_s"]
    assert low_s < document["duration_s"] == document["expected_s"] < high_s
    assert document["learned"]["prints"] == 0
    assert {"Perimeter", "Solid infill", "travel", "heat-up", "homing", "filament change"} == set(
        document["by_feature_s"]
    )
    (tool,) = document["tools"]
    assert tool["moving_s"] + tool["waiting_s"] == pytest.approx(document["duration_s"])
    assert tool["mm"] == pytest.approx(60)
    assert tool["g"] == pytest.approx(60 * 2.405 * 1.24e-3, rel=1e-3)
    assert tool["cost"] == {"amount": "0.01", "currency": "EUR"}
    assert len(document["per_layer_s"]) == document["layer_count"] == 2
    assert sum(document["per_layer_s"]) == pytest.approx(tool["moving_s"], abs=0.01)
    assert document["waits_for_person"] == 2


def test_layers_of_supports_alone_are_not_counted_as_the_prints(tmp_path: Path) -> None:
    path = tmp_path / "plate-1.gcode"
    path.write_text(GCODE + ";LAYER_CHANGE\nG1 Z0.5\n;TYPE:Support material\nG1 X100 E10\n")
    document = json.loads(run(str(path), "--printer", "ender-3", "--json"))
    assert (document["layer_count"], document["anatomy_layer_count"]) == (3, 2)
    assert "2 layers, and 1 of supports alone" in run(str(path), "--printer", "ender-3")


def test_people_see_a_table_and_what_is_missing(file: Path) -> None:
    text = run(str(file), "--printer", "voron-2.4")
    assert "9 of 10 such prints within" in text
    assert "no print of this printer is known yet" in text
    assert "Solid infill" in text
    assert "--material ID" in text
    assert "waits 2 times for a person" in text
    assert "EUR" in run(str(file), "--printer", "voron-2.4", "--material", "pla")


def test_tools_that_no_material_was_said_for_are_named(tmp_path: Path) -> None:
    two = tmp_path / "two.gcode"
    two.write_text(GCODE.replace(";LAYER_CHANGE\nG1 Z0.4", "T1\nG1 X40 E20\n;LAYER_CHANGE\nG1 Z0.4"))
    said = run(str(two), "--printer", "prusa-xl", "--material", "pla")
    assert "T1 told as pla, the last --material" in said
    assert "told as" not in run(str(two), "--printer", "prusa-xl", "--material", "pla", "--material", "petg")


def test_a_printer_by_name_brings_what_its_prints_took(file: Path, tmp_path: Path) -> None:
    (tmp_path / "printers.toml").write_text(
        '[printers.left]\nlink = "serial"\nprofile = "ender-3"\nport = "/dev/ttyX"\n'
    )
    store_url = str(tmp_path / "lab.sqlite3")
    with open_store(store_url, now=lambda: dt.datetime(2026, 11, 22, tzinfo=dt.UTC)) as store:
        for _ in range(6):
            job = add(store, PrintFile(file=file, sha256="0" * 64, duration_s=1000), printer="left", who="ann")
            row = {"job": job.number, "printer": "left", "process": "draft", "estimate_s": 1000, "actual_s": 1200}
            with store.writing() as connection:
                connection.execute(sa.insert(PRINTS).values(row))
    wish = (str(file), "--printer", "left", "--store", store_url)
    document = json.loads(run(*wish, "--json", config=tmp_path))
    assert (document["printer"], document["profile"], document["learned"]["prints"]) == ("left", "ender-3", 6)
    assert 1.1 < document["learned"]["factor"] < 1.2
    assert document["range_s"][0] < document["expected_s"] < document["range_s"][1]
    assert "learned from 6 prints" in run(*wish, config=tmp_path)


def test_an_unknown_printer_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="nowhere"):
        run(str(file), "--printer", "nowhere", config=tmp_path)
