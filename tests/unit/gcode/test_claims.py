"""What a file says that it was made for, Klipper's commands, and how much it feeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from printprep.case import Finding, Severity
from printprep.gcode.guard import GuardLimits, guard
from printprep.gcode.motion import MotionLimits
from printprep.profiles.load import load_profiles
from printprep.safety import guard_limits

LIMITS = GuardLimits(
    upper_mm=(250, 210, 200),
    nozzle_max_c=290,
    bed_max_c=110,
    tools=2,
    called=("MK4", "MK4IS"),
    nozzle_mm=0.4,
    filament_mm=1.75,
    filament_types={0: "PLA", 1: "PETG"},
    known_words=frozenset({"celiac", "trunk"}),
    motion=MotionLimits(),
)
START = "M140 S60\nM104 S215\nG28\nM190 S60\nM109 S215\nG90\nM83\nG1 X10 Y10 Z0.2 F3000\nG1 X60 E2 F1200\n"
END = "M104 S0\nM140 S0\nM84\n"


def check(tmp_path: Path, body: str, limits: GuardLimits = LIMITS, start: str = START, end: str = END) -> list[Finding]:
    path = tmp_path / "plate.gcode"
    path.write_text(start + body + end, encoding="utf-8")
    return list(guard(path, limits))


@pytest.mark.parametrize(
    ("line", "value", "limit"),
    [
        ("; nozzle_diameter = 0.6", 0.6, 0.4),
        ("; nozzle_diameter = 0.4,0.25", 0.25, 0.4),
        ("; filament_diameter = 2.85", 2.85, 1.75),
        ("; filament_type = PLA;FLEX", "FLEX", "PETG"),
        ("; printer_model = MINI", "MINI", "MK4, MK4IS"),
        (";TARGET_MACHINE.NAME:Creality Ender-3", "Creality Ender-3", "MK4, MK4IS"),
        ("M862.1 P0.6", 0.6, 0.4),
        ('M862.3 P "MK3S"', "MK3S", "MK4, MK4IS"),
    ],
)
def test_a_file_for_another_machine(tmp_path: Path, line: str, value: float | str, limit: float | str) -> None:
    (finding,) = check(tmp_path, f"{line}\n")
    assert (finding.code, finding.value, finding.limit) == ("gcode-made-for-other", value, limit)
    assert finding.message.startswith("line 10: the file is for ")
    silent = replace(LIMITS, called=(), nozzle_mm=None, filament_mm=None, filament_types={})
    assert check(tmp_path, f"{line}\n", silent) == []


@pytest.mark.parametrize(
    "line",
    [
        "; nozzle_diameter = 0.4,0.4", "; filament_diameter = 1.75", "; filament_type = PLA;PETG;ABS",
        "; filament_type = pla", "; printer_model = mk4", "; printer_model = ", "M862.1 P0.40", 'M862.3 P "MK4IS"',
        "M200 D1.75", "M200 D0", "M200 S0 D2.85",
    ],
)  # fmt: skip
def test_a_file_for_this_machine(tmp_path: Path, line: str) -> None:
    assert check(tmp_path, f"{line}\n") == []


@pytest.mark.parametrize(("mm3", "limit"), [((1.0, 4.0), 4.0), ((6.0, 90.0), 6.0), ((1.0, 90.0), None)])
def test_what_is_fed_must_fit_the_meshes(tmp_path: Path, mm3: tuple[float, float], limit: float | None) -> None:
    findings = check(tmp_path, "", replace(LIMITS, material_mm3=mm3))  # 2 mm of 1.75 mm are 4.81 mm3
    assert [(f.code, f.limit) for f in findings] == ([("gcode-wrong-amount", limit)] if limit else [])
    assert all(isinstance(f.value, float) and 4.8 < f.value < 4.82 for f in findings)


def test_a_relative_file_that_turns_absolute_feeds_too_little(tmp_path: Path) -> None:
    body = "".join(f"G1 X{10 + 50 * (i % 2)} E2\n" for i in range(50))
    bounds = replace(LIMITS, material_mm3=(100.0, 300.0))
    assert check(tmp_path, body, bounds) == []
    assert [f.code for f in check(tmp_path, f"M82\n{body}", bounds)] == ["gcode-wrong-amount"]


@pytest.mark.parametrize("text", ["; printing object celiac-trunk id:0 copy 0", ";MESH:celiac-trunk", "; celiac trunk"])
def test_words_of_the_case_are_known(tmp_path: Path, text: str) -> None:
    assert check(tmp_path, f"{text}\n") == []
    assert check(tmp_path, f"{text}\n", replace(LIMITS, known_words=frozenset())) != []


def test_a_remark_that_nobody_knows_is_a_warning_and_withheld(tmp_path: Path) -> None:
    (finding,) = check(tmp_path, "; wobble the gizmo\n")
    assert (finding.code, finding.severity) == ("gcode-strange-comment", Severity.WARNING)
    assert "gizmo" not in finding.message


def test_a_thumbnail_is_no_name(tmp_path: Path) -> None:
    lines = ["thumbnail begin 16x16 100", "A" * 78, "SmithJohn+B/9Q", "thumbnail end"]
    assert check(tmp_path, "".join(f"; {line}\n" for line in lines)) == []
    assert [f.code for f in check(tmp_path, "; SmithJohn\n")] == ["gcode-identifying"]


VORON = "PRINT_START BED=60 EXTRUDER=215\nM83\nG1 X20 Y20 Z0.2 F3000\nG1 X60 E2 F1200\n"


@pytest.fixture(scope="module")
def voron() -> GuardLimits:
    return guard_limits(load_profiles().printer("voron-2.4"), {})


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("SET_VELOCITY_LIMIT VELOCITY=900", "gcode-over-limits"),
        ("SET_VELOCITY_LIMIT ACCEL=90000", "gcode-over-limits"),
        ("SET_VELOCITY_LIMIT ACCEL={x}", "gcode-over-limits"),
        ("set_velocity_limit accel=90000", "gcode-over-limits"),
        ("SET_PRESSURE_ADVANCE ADVANCE=9", "gcode-over-limits"),
        ("SET_HEATER_TEMPERATURE HEATER=extruder TARGET=400", "gcode-refused-command"),
        ("SAVE_CONFIG", "gcode-refused-command"),
        ("FORCE_MOVE STEPPER=x DISTANCE=90", "gcode-refused-command"),
        ("SET_GCODE_OFFSET Z=-1", "gcode-refused-command"),
        ("UNLOAD_ALL", "gcode-unknown-command"),
        ("M900 K0.1", "gcode-unknown-command"),
        ("QUAD_GANTRY_LEVEL", "gcode-homing-in-print"),
        ("EXCLUDE_OBJECT_START NAME=John_Smith", "gcode-identifying"),
        ("RESPOND MSG='Smith'", "gcode-identifying"),
    ],
)
def test_klipper_by_its_note_and_its_profile(tmp_path: Path, voron: GuardLimits, line: str, code: str) -> None:
    findings = check(tmp_path, f"QUAD_GANTRY_LEVEL\n{VORON}{line}\n", voron, start="G28\n", end="PRINT_END\n")
    assert [f.code for f in findings] == [code]
    assert findings[0].message.startswith("line 7: ")


def test_a_start_macro_vouches_only_for_what_follows_it(tmp_path: Path, voron: GuardLimits) -> None:
    assert check(tmp_path, VORON, voron, start="", end="PRINT_END\n") == []
    early = check(tmp_path, VORON, voron, start="G1 X30 E1\n", end="PRINT_END\n")
    assert [f.code for f in early] == ["gcode-not-homed", "gcode-cold-extrusion"]
    off = check(tmp_path, VORON, voron, start="", end="G1 X9\n")
    assert off == [], "what a start macro heated, nobody knows"


def test_turning_off_the_heaters_is_an_end(tmp_path: Path, voron: GuardLimits) -> None:
    assert check(tmp_path, "", voron, end="TURN_OFF_HEATERS\n") == []
    early = {f.code for f in check(tmp_path, "TURN_OFF_HEATERS\nG1 X70 E1\n", voron)}
    assert early == {"gcode-cold-extrusion", "gcode-heater-off-in-print"}
