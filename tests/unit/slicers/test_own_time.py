"""Our own time of a file, as the printer's firmware would plan it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from printprep.cli.gcode import estimate
from printprep.errors import ProfileError
from printprep.profiles.load import Profiles
from printprep.slicers.own_time import times_on

ZIGZAG = "M83\nG90\n" + "".join(f"G1 X{10 + n % 2} Y{10 + n / 10:g} E1 F6000\n" for n in range(200))


@pytest.fixture
def gcode(tmp_path: Path) -> Path:
    path = tmp_path / "zigzag.gcode"
    path.write_text(ZIGZAG, encoding="ascii")
    return path


def test_klippers_g90_leaves_the_extruder_alone_and_marlins_does_not(gcode: Path, profiles: Profiles) -> None:
    klipper, marlin = (times_on(profiles.printer(name), gcode).extruded_mm3[0] for name in ("voron-2.4", "ender-3"))
    assert klipper == pytest.approx(200 * marlin)


def test_a_printer_of_light_has_no_moves_to_time(gcode: Path, profiles: Profiles) -> None:
    with pytest.raises(ProfileError, match=r"prusa-sl1s has no \[motion\]"):
        times_on(profiles.printer("prusa-sl1s"), gcode)


@pytest.mark.parametrize("printer", ["voron-2.4", "prusa-xl"])
def test_the_command_gives_the_same_time(gcode: Path, profiles: Profiles, printer: str) -> None:
    result = CliRunner().invoke(estimate, [str(gcode), "--printer", printer, "--json"])
    times = times_on(profiles.printer(printer), gcode)
    told = json.loads(result.stdout)
    assert told["duration_s"] == times.duration_s
    assert told["extruded_mm3"]["0"] == times.extruded_mm3[0]
