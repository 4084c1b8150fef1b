"""How slicers' own code ends a print: what it does, not what it looks like, is judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from printprep.case import Finding
from printprep.gcode.guard import GuardLimits, guard
from printprep.gcode.motion import MotionLimits
from printprep.profiles.models import Timing

MOTION = MotionLimits(max_speed_mm_s=(300, 300, 12, 100), max_acceleration_mm_s2=(4000, 4000, 200, 2500))
LIMITS = GuardLimits(
    upper_mm=(250, 210, 200), nozzle_max_c=290, bed_max_c=110, tools=2, motion=MOTION, timing=Timing(),
    homes_xy_alone=True,
)  # fmt: skip
START = "M140 S60\nM104 S215\nG28\nM190 S60\nM109 S215\nG90\nM83\n"
PRINT = "G1 X30 Y30 Z0.2 F3000\nG1 X60 E2 F1200\nG1 Z5.2 F600\nG1 X30 E2 F1200\n"
OFF = "M104 S0\nM140 S0\n"

CURA = f"{OFF};Retract the filament\nG92 E1\nG1 E-1 F300\nG28 X0 Y0\nM84\n"  # fdmprinter.def.json of 4.13
CURA_LIFTS = f"{OFF}G91\nG1 E-1 F300\nG1 Z+0.5 E-5 X-20 Y-20 F9000\nG28 X0 Y0\nM84\nG90\n"  # of Cura 2 and 3
PRUSA = "M104 S0 ; turn off temperature\nG28 X0  ; home X axis\nM84     ; disable motors\nM140 S0\n"  # Slic3r's, too


def check(tmp_path: Path, end: str, limits: GuardLimits = LIMITS, body: str = PRINT) -> list[Finding]:
    path = tmp_path / "plate.gcode"
    path.write_text(START + body + end)
    return list(guard(path, limits))


def codes(found: list[Finding]) -> list[str]:
    return [finding.code for finding in found]


@pytest.mark.parametrize("end", [CURA, CURA_LIFTS, PRUSA], ids=["cura", "cura lifts", "slic3r"])
def test_the_engines_own_ends_pass(tmp_path: Path, end: str) -> None:
    assert check(tmp_path, end) == []


def test_homing_x_and_y_below_the_top_of_the_print_is_an_error(tmp_path: Path) -> None:
    [found] = check(tmp_path, f"G1 X100 F3000\nG1 Z4 F600\n{CURA}")
    assert found.code == "gcode-homing-in-print"
    assert "'G28 X0 Y0': homes while the nozzle's tip is 1.20 mm below the top of what is printed" in found.message
    assert found.value == pytest.approx(1.2)


def test_homing_x_and_printing_on_is_an_error(tmp_path: Path) -> None:
    [found] = check(tmp_path, f"G28 X\nG1 X30 F3000\nG1 X60 E2 F1200\n{OFF}")
    assert found.message == "line 12: 'G28 X': homes, which may lift the nozzle, and prints on"


@pytest.mark.parametrize("home", ["G28", "G28 Z", "G28 X Y Z0"])
def test_homing_z_stays_an_error(tmp_path: Path, home: str) -> None:
    assert codes(check(tmp_path, f"G1 Z50 F600\n{home}\n{OFF}")) == ["gcode-homing-in-print"]


def test_where_nobody_knows_whether_z_stays_the_error_says_which_key_tells(tmp_path: Path) -> None:
    [found] = check(tmp_path, PRUSA, replace(LIMITS, homes_xy_alone=False))
    assert found.code == "gcode-homing-in-print"
    assert "fdm.homes_xy_alone" in found.message


@pytest.mark.parametrize(
    ("end", "cold"),
    [
        ("M104 S0\nG1 E-10 F1800\n", False),
        ("M104 S0\nG4 S30\nG1 E-2 F1800\n", False),
        ("M104 S0\nG1 E-6 F1800\nG1 E-4 F1800\n", False),
        ("M104 S0\nG1 E-11 F1800\n", True),  # no retraction is so long
        ("M104 S0\nG1 E-6 F1800\nG4 P10\nM140 S0\nG1 E-5 F1800\n", True),
        ("M104 S0\nG4 S120\nG1 E-2 F1800\n", True),  # 215 deg C have become less than 150 by then
        ("M104 S0\nG1 X200 F60\nG1 E-2 F1800\n", True),
        ("M104 S0\nG28 X\nG28 Y\nG28 X\nG28 Y\nG28 X\nG28 Y\nG1 E-2 F1800\n", True),
        ("M104 S0\nM190 R40\nG1 E-2 F1800\n", True),
        ("M104 S0\nG1 E2 F1800\n", True),  # it would stop feeding at any moment
        ("M104 S0\nG1 E-2 F1800\nG1 E2 F1800\n", True),
        ("M104 S215\nM104 T1 S0\nT1\nG1 E-2 F1800\nM104 T0 S0\n", True),  # that nozzle was never hot
        ("M104 S230\nM104 S0\nG1 E-2 F1800\n", False),
        ("M104 S150\nM109 S150\nM104 S0\nG1 E-2 F1800\n", True),  # it stood at the limit
    ],
)
def test_a_retraction_from_a_nozzle_that_was_switched_off(tmp_path: Path, end: str, cold: bool) -> None:
    assert codes(check(tmp_path, f"{end}{OFF}")) == (["gcode-cold-extrusion"] if cold else [])


def test_without_the_heaters_constants_a_nozzle_is_cold_at_once(tmp_path: Path) -> None:
    assert codes(check(tmp_path, CURA, replace(LIMITS, timing=None))) == ["gcode-cold-extrusion"]
    assert codes(check(tmp_path, CURA, replace(LIMITS, motion=None))) == ["gcode-cold-extrusion"]
