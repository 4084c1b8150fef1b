"""One dangerous or identifying line anywhere in a clean file of a real slicer is found, by its number."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from printprep.case import Finding
from printprep.gcode.guard import GuardLimits, guard
from printprep.profiles.load import load_profiles
from printprep.safety import guard_limits

CLEAN = (Path(__file__).parents[1] / "data" / "gcode" / "ender-3.gcode").read_text(encoding="ascii").split("\n")
PRINTS = CLEAN.index(";LAYER_CHANGE") + 30
COLD = max(i for i, line in enumerate(CLEAN) if line.startswith("M104"))
ANYWHERE = (  # with the code that must name it
    ("M500", "gcode-refused-command"), ("m502", "gcode-refused-command"),
    ("N7 M303 E0 S200*12", "gcode-refused-command"),
    ("M997", "gcode-refused-command"), ("M999", "gcode-refused-command"), ("M0092 X400", "gcode-refused-command"),
    ("M206 X50", "gcode-refused-command"), ("M428", "gcode-refused-command"), ("M851 Z-2", "gcode-refused-command"),
    ("M218 T1 X9", "gcode-refused-command"), ("M211 S0", "gcode-refused-command"),
    ("M290 Z-1", "gcode-refused-command"),
    ("M23 a.gco", "gcode-refused-command"), ("M24", "gcode-refused-command"), ("M28 a", "gcode-refused-command"),
    ('M98 P"a.g"', "gcode-refused-command"), ("M302 P1", "gcode-refused-command"), ("M112", "gcode-refused-command"),
    ("M118 A1 action:cancel", "gcode-refused-command"), ("M118 //action:pause", "gcode-refused-command"),
    (";@pause", "gcode-refused-command"), ("SAVE_CONFIG", "gcode-refused-command"),
    ("M81", "gcode-unknown-command"), ("G54", "gcode-unknown-command"), ("G53 G1 X900", "gcode-unknown-command"),
    ("PRINT_START", "gcode-unknown-command"), ("TURN_OFF_HEATERS", "gcode-unknown-command"),
    ("T-1", "gcode-unknown-command"), ("M862.9", "gcode-unknown-command"),
    ("M104 S270", "gcode-too-hot"), ("M109 R400", "gcode-too-hot"), ("M104 S236", "gcode-too-hot"),
    ("M140 S120", "gcode-too-hot"), ("M190 R300", "gcode-too-hot"), ("M141 S60", "gcode-too-hot"),
    ("G1 E400", "gcode-too-much-filament"), ("T3", "gcode-no-such-tool"),
    ("M203 X9999", "gcode-over-limits"), ("M220 S999", "gcode-over-limits"), ("M200 D2.85", "gcode-over-limits"),
    ("M207 S90", "gcode-over-limits"), ("M900 K50", "gcode-over-limits"),
    ("G1 X{machine_depth}", "gcode-rubbish"), ("@pause", "gcode-rubbish"), ("G1 X", "gcode-rubbish"),
    ("M104 S[temperature]", "gcode-rubbish"), ("(Ann Other)", "gcode-rubbish"),
    ("; John Smith", "gcode-identifying"), (";SMITH^JOHN", "gcode-identifying"),
    ("; Müller, Anna", "gcode-identifying"),
    ("; 12345678", "gcode-identifying"), ("; MRN12345678", "gcode-identifying"),
    ("; J. Smith 65y", "gcode-identifying"),
    ("G1 F1200 ; for Smith", "gcode-identifying"), ("M117 john smith", "gcode-identifying"),
    ("M486 AJohn Smith", "gcode-identifying"), ("; printing object Smith id:0 copy 0", "gcode-identifying"),
    ("; printing object smith-john id:0 copy 0", "gcode-identifying"), (";MESH:SmithJohn", "gcode-identifying"),
    ("; john smith", "gcode-strange-comment"),
    ("; nozzle_diameter = 0.6", "gcode-made-for-other"), ("; filament_type = ABS", "gcode-made-for-other"),
    ("; printer_model = MINI", "gcode-made-for-other"), (";TARGET_MACHINE.NAME:Ultimaker 3", "gcode-made-for-other"),
)  # fmt: skip
WHILE_PRINTING = (
    ("G1 X221", "gcode-off-bed"), ("g1y-3", "gcode-off-bed"), ("N3 G1 Z-0.1*7", "gcode-off-bed"),
    ("G0 Z251", "gcode-off-bed"), ("G28 X", "gcode-homing-in-print"),
    ("G29", "gcode-homing-in-print"), ("M600", "gcode-waits"), ("G4 S9999", "gcode-waits"),
)  # fmt: skip
TRICKS = (  # several lines; the last is the one that is found
    (["G91", "G1 X300", "G1 X-300", "G90"], 1, "gcode-off-bed"),
    (["G1 X200 Y150", "G2 X200 Y50 I0 J-50"], 1, "gcode-off-bed"),  # its ends are on the bed
    (["G92 X-300", "G1 X10"], 1, "gcode-off-bed"),
    (["G92 Z90", "G1 Z0.2"], 1, "gcode-off-bed"),
    (["G20", "G1 X10", "G21"], 1, "gcode-off-bed"),
    (["M84", "G1 X30"], 1, "gcode-not-homed"),
    (["M104 S0", "G1 E1"], 1, "gcode-cold-extrusion"),
    (["M82", "G92 E0", "G1 E300"], 2, "gcode-too-much-filament"),
)


@cache
def limits() -> GuardLimits:
    profiles = load_profiles()
    return guard_limits(profiles.printer("ender-3"), {0: profiles.material("pla")})


def look(lines: list[str]) -> tuple[Finding, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plate.gcode"
        path.write_text("\n".join(lines), encoding="utf-8")
        return guard(path, limits())


def found_at(lines: list[str], code: str, number: int) -> None:
    findings = look(lines)
    named = [f for f in findings if f.code == code and re.match(rf"line {number}:", f.message)]
    assert named, (lines[number - 1], number, findings)
    assert not any(re.search("smith|john|müller|anna|ann other|12345678", f.message, re.IGNORECASE) for f in findings)


def test_the_file_is_clean() -> None:
    assert look(CLEAN) == ()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ANYWHERE), st.integers(0, len(CLEAN) - 1))
def test_what_may_stand_nowhere(planted: tuple[str, str], at: int) -> None:
    found_at([*CLEAN[:at], planted[0], *CLEAN[at:]], planted[1], at + 1)


@pytest.mark.parametrize("planted", ANYWHERE, ids=[text for text, _ in ANYWHERE])
def test_each_of_them(planted: tuple[str, str]) -> None:
    at = len(CLEAN) // 2
    found_at([*CLEAN[:at], planted[0], *CLEAN[at:]], planted[1], at + 1)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(WHILE_PRINTING), st.integers(PRINTS, COLD - 2))
def test_what_a_print_must_not_do(planted: tuple[str, str], at: int) -> None:
    found_at([*CLEAN[:at], planted[0], *CLEAN[at:]], planted[1], at + 1)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TRICKS), st.integers(PRINTS, COLD - 2))
def test_what_several_lines_do_together(trick: tuple[list[str], int, str], at: int) -> None:
    lines, which, code = trick
    found_at([*CLEAN[:at], *lines, *CLEAN[at:]], code, at + 1 + which)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, len(CLEAN) - 1))
def test_a_file_that_was_cut_off_leaves_its_heaters_on(end: int) -> None:
    codes = {f.code for f in look(CLEAN[:end])} if any(re.match("[GMT]", line) for line in CLEAN[:end]) else set()
    heats = next(i for i, line in enumerate(CLEAN) if line.startswith("M140 S"))
    off = max(i for i, line in enumerate(CLEAN) if line.startswith("M140 S0"))
    assert ("gcode-heater-left-on" in codes) == (heats < end <= off)
