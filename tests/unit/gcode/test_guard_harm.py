"""What would harm a print, a printer or a person, one command or one sequence at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from printprep.case import Finding, Severity
from printprep.gcode import read
from printprep.gcode.guard import GuardLimits, guard
from printprep.gcode.motion import MotionLimits
from printprep.profiles.firmware import READS

MOTION = MotionLimits(
    max_speed_mm_s=(300, 300, 12, 100),
    max_acceleration_mm_s2=(4000, 4000, 200, 2500),
    print_acceleration_mm_s2=4000,
    travel_acceleration_mm_s2=4000,
    jerk_mm_s=(8, 8, 2, 10),
)
LIMITS = GuardLimits(upper_mm=(250, 210, 200), nozzle_max_c=290, bed_max_c=110, tools=2, motion=MOTION)
START = "M140 S60\nM104 S215\nG28\nM190 S60\nM109 S215\nG90\nM83\n"
PRINT = "G1 X10 Y10 Z0.2 F3000\nG1 X60 E2 F1200\n"
END = "M104 S0\nM140 S0\nM84\n"


def check(tmp_path: Path, body: str, limits: GuardLimits = LIMITS, start: str = START, end: str = END) -> list[Finding]:
    path = tmp_path / "plate.gcode"
    path.write_text(start + body + end)
    return list(guard(path, limits))


def only(findings: list[Finding], code: str) -> Finding:
    assert [f.code for f in findings] == [code]
    return findings[0]


@pytest.mark.parametrize("off", ["M84", "M18", "M84 X", "M18 Y0", "M84 X Y Z E", "m84"])
def test_a_move_after_the_motors_were_off_is_not_homed(tmp_path: Path, off: str) -> None:
    finding = only(check(tmp_path, f"{PRINT}{off}\nG1 X70 E1\n"), "gcode-not-homed")
    assert "line 11: 'G1 X70 E1': moves after the motors were switched off" in finding.message


@pytest.mark.parametrize("off", ["M84 S120", "M18 S0", "M84 E"])
def test_a_timeout_and_the_extruders_motor_leave_the_axes_homed(tmp_path: Path, off: str) -> None:
    assert check(tmp_path, f"{PRINT}{off}\nG1 X70 E1\n") == []


def test_homing_again_before_anything_is_printed_mends_it(tmp_path: Path) -> None:
    assert check(tmp_path, f"M84\nG28\n{PRINT}") == []
    only(check(tmp_path, f"M84\nG28 X\n{PRINT}"), "gcode-not-homed")


def test_motors_off_under_a_klipper_macro(tmp_path: Path) -> None:
    limits = replace(LIMITS, start_macros=frozenset({"PRINT_START"}))
    only(check(tmp_path, f"{PRINT}M84\nG1 X70 E1\n", limits, start="PRINT_START\nM83\n"), "gcode-not-homed")


@pytest.mark.parametrize("home", ["G28", "G28 X Y", "G28 W", "G28 Z", "G28 X0", "G29", "G80", "G34"])
def test_homing_or_probing_through_the_print(tmp_path: Path, home: str) -> None:
    finding = only(check(tmp_path, f"{PRINT}{home}\nG1 X70 Y10 Z0.2 E1\n"), "gcode-homing-in-print")
    assert finding.message.startswith(f"line 10: '{home}': ")
    assert finding.severity is Severity.ERROR


def test_homing_and_probing_before_the_print(tmp_path: Path) -> None:
    assert check(tmp_path, f"G28 X Y\nG28 Z\nG29\nG80\nG1 E2\nG28 W\n{PRINT}") == []


@pytest.mark.parametrize(
    "line",
    [
        "M220 S301", "M220 S9", "M220 S-50", "M221 S201", "M221 S49 T1", "M201 X4100", "M201 Z2000", "M203 X301",
        "M203 E500", "M203 Z40", "M204 S20000", "M204 P8100", "M204 R90000", "M205 X80", "M205 Z5", "M205 J1",
        "M205 T300", "M566 X600", "M566 Z200", "M203Y999", "M203 Y 999",
    ],
)  # fmt: skip
def test_beyond_the_printers_limits(tmp_path: Path, line: str) -> None:
    finding = only(check(tmp_path, f"{line}\n{PRINT}"), "gcode-over-limits")
    assert line in finding.message
    assert isinstance(finding.value, float)
    assert finding.limit


@pytest.mark.parametrize(
    "line",
    [
        "M220 S100", "M220 B", "M220 R", "M220 S300", "M221 S95", "M201 X4000 Y4000 Z200 E2500",
        "M203 X300 Y300 Z12 E100", "M204 P4000 R1200 T4000", "M204 S800", "M205 X8.00 Y8.00 Z2.00 E10.00",
        "M205 S0 T0", "M205 J0.02", "M302 S155", "M302 P0", "M141 S0", "M1005 S9999",
    ],
)  # fmt: skip
def test_within_the_printers_limits(tmp_path: Path, line: str) -> None:
    assert check(tmp_path, f"{line}\n{PRINT}") == []


def test_klipper_takes_an_acceleration_at_its_word(tmp_path: Path) -> None:
    assert check(tmp_path, f"M204 S5000\n{PRINT}") == [], "M201 of Marlin holds it down"
    only(check(tmp_path, f"M204 S5000\n{PRINT}", replace(LIMITS, holds_acceleration=False)), "gcode-over-limits")
    assert check(tmp_path, f"M203 X999\n{PRINT}", replace(LIMITS, motion=None)) == []


@pytest.mark.parametrize("line", ["M302", "M302 P1", "M302 S0", "M302 S149", "M302 P1 S170"])
def test_cold_extrusion_is_not_let_loose(tmp_path: Path, line: str) -> None:
    finding = only(check(tmp_path, f"{line}\n{PRINT}"), "gcode-refused-command")
    assert "fed below 150 deg C" in finding.message


@pytest.mark.parametrize("line", ["M141 S60", "M191 S40", "M191 R40"])
def test_a_chamber_that_nobody_can_heat(tmp_path: Path, line: str) -> None:
    assert "no chamber heater" in only(check(tmp_path, f"{line}\n{PRINT}"), "gcode-too-hot").message
    assert check(tmp_path, f"{line}\n{PRINT}", replace(LIMITS, chamber_max_c=60)) == []
    only(check(tmp_path, f"{line}\n{PRINT}", replace(LIMITS, chamber_max_c=39)), "gcode-too-hot")


@pytest.mark.parametrize(
    "body",
    ["G1 E201\n", "G1 X60.01 E500\n", "G1 E120\nG1 E120\n", "G1 E120\nG1 E-50\nG1 E120\n", "M82\nG92 E0\nG1 E300\n"],
)
def test_filament_poured_on_one_spot(tmp_path: Path, body: str) -> None:
    finding = only(check(tmp_path, PRINT + body), "gcode-too-much-filament")
    assert finding.limit == 200
    assert "on one spot" in finding.message


def test_a_filament_change_and_a_long_bead_are_not_too_much(tmp_path: Path) -> None:
    assert check(tmp_path, PRINT + "G1 E-90\nG1 E20\nG1 E-20\nT0\nG1 E80\nG1 X70 E2\nG1 E150\n") == []
    assert check(tmp_path, PRINT + "".join(f"G1 X{10 + 200 * (i % 2)} E190\n" for i in range(50))) == []


def test_more_than_a_spool_holds(tmp_path: Path) -> None:
    body = "G1 X210\n" + "".join(f"G1 X{10 + 200 * (i % 2)} E390\n" for i in range(10_300))
    assert "4017 m in all" in only(check(tmp_path, body), "gcode-too-much-filament").message


def test_a_bed_switched_off_while_printing_is_a_warning(tmp_path: Path) -> None:
    finding = only(check(tmp_path, f"{PRINT}M140 S0\nG1 E-1\nG1 X70\nG1 X80 E1\nG1 X90 E1\n"),
                   "gcode-heater-off-in-print")  # fmt: skip
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("line 13: 'G1 X80 E1': ")
    assert check(tmp_path, PRINT, start="M104 S215\nG28\nM109 S215\nG90\nM83\n") == [], "a material for a cold bed"


def test_a_nozzle_switched_off_while_printing_feeds_cold(tmp_path: Path) -> None:
    only(check(tmp_path, f"{PRINT}M104 S0\nG1 X70 E1\n"), "gcode-cold-extrusion")


@pytest.mark.parametrize("line", ["M0", "M1", "M600", "M0 Click to continue!", "M1 S10"])
def test_waiting_for_a_person_is_a_warning(tmp_path: Path, line: str) -> None:
    findings = check(tmp_path, f"{PRINT}{line}\nG1 X70 E1\n")
    assert only(findings, "gcode-waits").severity is Severity.WARNING


def test_a_sub_code_is_not_its_command(tmp_path: Path) -> None:
    limits = replace(LIMITS, allowed=frozenset({"G1", "G28", "G90", "M83", "M84", "M104", "M109", "M140", "M190"}))
    for line in ("G1.1 X999", "M104.1 S400"):  # a board without sub-codes carries out what stands before the dot
        only(check(tmp_path, f"{PRINT}{line}\n", limits), "gcode-unknown-command")


@pytest.mark.parametrize("line", ["M104 S400 $", "G28 Smith", "M140 S60 John", "T0 Smith", "M84 (x)"])
def test_words_where_numbers_belong_are_rubbish(tmp_path: Path, line: str) -> None:
    assert "gcode-rubbish" in {f.code for f in check(tmp_path, f"{line}\n")}


@pytest.mark.parametrize(
    ("firmware", "reads"),
    [
        ("marlin", "as X1 and E3"),
        ("prusa-buddy", "as X1 and E3"),
        ("klipper", "as X1 and E3"),
        ("smoothieware", "as X1 and E3"),
        ("reprapfirmware", "as X1e3"),
        ("repetier", "as X1e3 and E3"),
    ],
)
def test_a_number_that_firmwares_read_in_three_ways_is_refused_everywhere(
    tmp_path: Path, firmware: str, reads: str
) -> None:
    limits = replace(LIMITS, exponent=READS[firmware].exponent)
    finding = only(check(tmp_path, f"{PRINT}G1 X1E3 F1200\n", limits), "gcode-rubbish")
    assert f"'X1E3' is read {reads} by this firmware and otherwise by others" in finding.message
    assert check(tmp_path, f"{PRINT}G1 X1 E3 F1200\n", limits) == []


def test_a_comment_is_not_repeated(tmp_path: Path) -> None:
    findings = check(tmp_path, "G1 X999 ; for Alice\nG1 X1\n")
    assert [f.code for f in findings] == ["gcode-identifying", "gcode-off-bed"]
    assert not any("Alice" in f.message for f in findings)


def test_what_was_poured_at_the_end_of_a_block_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for block_bytes in (20, 26, 32, 40, 4096):
        monkeypatch.setattr(read, "BLOCK_BYTES", block_bytes)
        finding = only(check(tmp_path, "G1 E300 F60\nG1 X5 F600\n"), "gcode-too-much-filament")
        assert "line 8" in finding.message
