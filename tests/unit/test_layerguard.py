"""What keeps a file of layers from a resin printer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.case import Finding, Severity
from printprep.errors import InputError
from printprep.formats import chitu, sl1
from printprep.formats.layers import ResinJob, encode_png
from printprep.profiles.load import Profiles, load_profiles
from printprep.safety import sending_guard
from tests.contract.goo import goo_file

JOB = ResinJob(
    name="plate-1", printer="prusa-sl1s", material="resin-standard", layer_height_mm=0.05, layer_count=2,
    exposure_s=2.4, bottom_exposure_s=30, bottom_layers=1, fade_layers=6, duration_s=123.5, volume_mm3=4500,
    weight_g=4.95, width_px=2560, height_px=1620, width_mm=128, depth_mm=81, height_mm=150, mirror_x=True,
    mirror_y=False, lift_mm=6, lift_mm_s=1.2, retract_mm_s=3,
)  # fmt: skip
LAYER = encode_png(np.zeros((4, 4), np.uint8))


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def look(file: Path, printer: str, profiles: Profiles) -> dict[str, Finding]:
    found = sending_guard(profiles.printer(printer), profiles)(file)
    return {finding.code: finding for finding in reversed(found)}


def written(path: Path, **changes: object) -> Path:
    sl1.write(path, replace(JOB, **changes), [LAYER, LAYER])  # type: ignore[arg-type]
    return path


def test_a_file_of_its_own_goes_and_only_nobody_vouches_for_it(tmp_path: Path, profiles: Profiles) -> None:
    assert set(look(written(tmp_path / "plate-1.sl1"), "prusa-sl1s", profiles)) == {"not-certified"}
    saturn = replace(JOB, printer="elegoo-saturn", width_px=3840, height_px=2400)
    chitu.write(tmp_path / "plate-1.zip", saturn, [LAYER, LAYER])
    assert set(look(tmp_path / "plate-1.zip", "elegoo-saturn", profiles)) == {"not-certified"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"width_px": 1440, "height_px": 2560}, "a panel of 1440 x 2560"), ({"printer": "prusa-sl1"}, "for 'SL1'")],
)
def test_another_machine_is_refused(tmp_path: Path, profiles: Profiles, changes: dict[str, object], words: str) -> None:
    found = look(written(tmp_path / "plate-1.sl1", **changes), "prusa-sl1s", profiles)["wrong-printer"]
    assert found.severity is Severity.ERROR
    assert words in found.message


def test_another_format_is_refused(tmp_path: Path, profiles: Profiles) -> None:
    found = look(written(tmp_path / "plate-1.sl1"), "elegoo-saturn", profiles)["wrong-printer"]
    assert found.severity is Severity.ERROR
    assert "sl1; elegoo-saturn reads chitu-zip" in found.message
    assert look(goo_file(tmp_path / "a.goo", layers=2), "prusa-sl1s", profiles)["wrong-printer"].value == "goo"


def test_a_board_file_of_the_same_panel_goes_with_a_doubt_about_its_machine(tmp_path: Path, profiles: Profiles) -> None:
    found = look(goo_file(tmp_path / "a.goo", layers=2), "elegoo-saturn", profiles)
    assert found["wrong-printer"].severity is Severity.WARNING
    assert "Saturn 4" in found["wrong-printer"].message
    named = goo_file(tmp_path / "b.goo", layers=2, machine=b"ELEGOO Saturn")
    assert set(look(named, "elegoo-saturn", profiles)) == {"not-certified"}
    smaller = goo_file(tmp_path / "c.goo", layers=2, panel_px=(2560, 1620))
    assert look(smaller, "elegoo-saturn", profiles)["wrong-printer"].severity is Severity.ERROR


@pytest.mark.parametrize("name", ["Smith_John", "patient 12", "heart 1970-01-31"])
def test_a_name_in_it_does_not_leave(tmp_path: Path, profiles: Profiles, name: str) -> None:
    found = look(written(tmp_path / "plate-1.sl1", name=name), "prusa-sl1s", profiles)
    assert found["gcode-identifying"].severity is Severity.ERROR


def test_a_damaged_file_is_bad_input(tmp_path: Path, profiles: Profiles) -> None:
    path = tmp_path / "plate-1.sl1"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError):
        look(path, "prusa-sl1s", profiles)


def test_a_printer_that_extrudes_takes_no_layers(tmp_path: Path, profiles: Profiles) -> None:
    with pytest.raises(InputError, match="PrusaLink or SDCP"):
        look(written(tmp_path / "plate-1.sl1"), "prusa-mk4-mmu3", profiles)
