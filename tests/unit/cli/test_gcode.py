"""``estimate``, ``guard``, ``preview``, ``send`` on binary G-code, and on files of resin printers, which are none."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from printprep.cli.gcode import estimate, guard
from printprep.cli.preview import preview
from printprep.cli.send import send
from printprep.errors import InputError
from printprep.formats import chitu, sl1
from printprep.formats.layers import ResinJob, encode_png
from printprep.gcode.bgcode import Encoding, Kind, Packing
from tests.unit.gcode.binary import File, gcode, table

JOB = ResinJob(
    name="plate-1", printer="prusa-sl1s", material="resin-standard", layer_height_mm=0.05, layer_count=2,
    exposure_s=2.4, bottom_exposure_s=30, bottom_layers=6, fade_layers=6, duration_s=5400, volume_mm3=12_340,
    weight_g=4.95, width_px=64, height_px=40, width_mm=3.2, depth_mm=2.0, height_mm=150, mirror_x=True,
    mirror_y=False, lift_mm=6, lift_mm_s=1.2, retract_mm_s=3,
)  # fmt: skip


def run(command: click.Command, *arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "160"}).invoke(command, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(params=["plate-1.sl1", "plate-1.zip"])
def plate(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name: str = request.param
    path = tmp_path / name
    kind = sl1 if path.suffix == sl1.SUFFIX else chitu
    image = np.full((40, 64), 255, np.uint8)
    kind.write(path, JOB, [encode_png(kind.to_panel(image, mirror_x=True, mirror_y=False))] * 2)
    return path


def test_estimate_reads_time_layers_and_millilitres(plate: Path) -> None:
    text = run(estimate, str(plate), "--printer", "prusa-sl1s")
    assert "2 layers, 12.3 ml of resin" in text
    document = json.loads(run(estimate, str(plate), "--printer", "prusa-sl1s", "--json"))
    assert document == {"file": plate.name, "duration_s": 5400, "volume_ml": 12.34, "layer_count": 2}


def test_guard_says_what_a_resin_file_is(plate: Path) -> None:
    with pytest.raises(InputError, match=r"holds pictures and numbers only, is checked by `printprep verify`"):
        run(guard, str(plate), "--printer", "prusa-sl1s")


def test_guard_knows_a_zip_by_its_bytes(plate: Path) -> None:
    renamed = plate.rename(plate.with_name("plate.gcode"))
    with pytest.raises(InputError, match=r"plate\.gcode is no G-code: a resin"):
        run(guard, str(renamed), "--printer", "prusa-xl")


def test_send_says_where_it_goes(plate: Path) -> None:
    with pytest.raises(InputError, match="goes to a resin printer by USB"):
        run(send, str(plate), "--printer", "virtual")


@pytest.fixture
def packed(tmp_path: Path, data: Path) -> Path:
    """A real file of PrusaSlicer as it would write it in binary."""
    lines = (data / "gcode" / "prusaslicer.gcode").read_text().splitlines(keepends=True)
    path = tmp_path / "plate.bgcode"
    blocks = [
        table(Kind.FILE, Producer="PrusaSlicer 2.8.1"),
        *(gcode("".join(lines[k : k + 600]), Packing.DEFLATE, Encoding(2)) for k in range(0, len(lines), 600)),
    ]
    path.write_bytes(File(blocks=blocks).data)
    return path


def test_binary_gcode_is_read_like_text(packed: Path, data: Path) -> None:
    text = data / "gcode" / "prusaslicer.gcode"
    of_text, of_binary = (
        json.loads(run(estimate, str(path), "--printer", "prusa-mk4-mmu3", "--json")) for path in (text, packed)
    )
    for key in ("duration_s", "by_feature_s", "extruded_mm3", "layer_count"):
        assert of_binary[key] == of_text[key], key
    assert of_text["slicer"]["finished"] is True
    assert of_binary["slicer"]["name"] == "PrusaSlicer 2.8.1"
    assert "Made by PrusaSlicer 2.8.1" in run(estimate, str(packed), "--printer", "prusa-mk4-mmu3")


def test_binary_gcode_is_guarded_and_drawn_like_text(packed: Path, data: Path, tmp_path: Path) -> None:
    text = data / "gcode" / "prusaslicer.gcode"
    found = [
        CliRunner().invoke(guard, [str(path), "--printer", "prusa-mk4-mmu3", "--json"]).stdout
        for path in (text, packed)
    ]
    of_text, of_binary = ([f["code"] for f in json.loads(shown)["findings"]] for shown in found)
    assert of_binary == of_text
    assert of_text, "the default start code homes no bed and names a date"
    pictures = []
    for path in (text, packed):
        run(preview, str(path), "--printer", "prusa-mk4-mmu3", "--layer", "3", "--out", str(tmp_path / "a.png"))
        pictures.append((tmp_path / "a.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_a_file_that_was_cut_short_is_said(tmp_path: Path, data: Path) -> None:
    whole = (data / "gcode" / "prusaslicer.gcode").read_bytes()
    path = tmp_path / "cut.gcode"
    path.write_bytes(whole[: len(whole) // 2])
    assert "cut short" in run(estimate, str(path), "--printer", "prusa-mk4-mmu3")


def test_brackets_in_a_file_are_words_and_no_markup(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "[bold"
    folder.mkdir()
    path = folder / "[red]x[].gcode"
    text = (data / "gcode" / "prusaslicer.gcode").read_text().replace(";TYPE:Perimeter", ";TYPE:[/x]")
    path.write_text(text)
    drawn = run(preview, str(path), "--printer", "ender-3", "--layer", "2", "--out", str(folder / "[/].png"))
    assert "other" in drawn, "a name that no engine writes"
    assert "[/].png" in drawn
    timed = run(estimate, str(path), "--printer", "ender-3")
    assert "[red]x[].gcode" in timed
    assert "[/x]" in timed
    refused = CliRunner(env={"COLUMNS": "160"}).invoke(guard, [str(path), "--printer", "ender-3"])
    assert refused.exit_code == 4
    assert "[red]x[].gcode must not be sent" in refused.output
