"""The virtual printer's firmware says what a Marlin says, and knows where its head is."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from printprep.errors import InputError
from printprep.gcode.estimate import estimate
from printprep.gcode.motion import CORNERING
from printprep.gcode.read import read_gcode
from printprep.printers.dialects.numbered import numbered
from printprep.printers.job import commands
from printprep.printers.virtual_faults import BadCable, Deed, Faults, read_faults, read_script
from printprep.printers.virtual_firmware import VirtualFirmware
from printprep.printers.virtual_hardware import hardware_of
from printprep.printers.virtual_motion import Heater
from printprep.profiles.load import load_profiles


def tell(printer: VirtualFirmware, *lines: str, now_s: float = 0.0) -> list[str]:
    return printer.feed("".join(f"{line}\n" for line in lines).encode(), now_s).decode().splitlines()


def test_lines_are_checked_as_marlin_does() -> None:
    printer = VirtualFirmware()
    assert printer.feed(numbered(0, b"M110 N0"), 0.0) == b"ok N0 P15 B31\n"
    assert printer.feed(numbered(1, b"G1 X1"), 0.0) == b"ok N1 P15 B31\n"
    assert tell(printer, "N7 G1 X1*97") == [
        "Error:Line Number is not Last Line Number+1, Last Line: 1",
        "Resend: 2",
        "ok",
    ]
    assert tell(printer, "N2 G1 X1*3")[0] == "Error:checksum mismatch, Last Line: 1"
    assert tell(printer, "N2 G1 X1")[0] == "Error:No Checksum with line number, Last Line: 1"
    assert printer.accepted == 2


def test_unknown_commands_are_answered() -> None:
    assert tell(VirtualFirmware(advanced_ok=False), "M98765") == ['echo:Unknown command: "M98765"', "ok"]


def test_it_says_who_it_is() -> None:
    answer = tell(VirtualFirmware(), "M115")
    assert answer[0].startswith("FIRMWARE_NAME:Marlin")
    assert "Cap:AUTOREPORT_TEMP:1" in answer
    assert answer[-1] == "ok P15 B31"


def test_temperatures_of_one_tool_and_of_many() -> None:
    assert tell(VirtualFirmware(), "M105") == ["ok T:22.00 /0.00 B:22.00 /0.00 @:0 B@:0"]
    assert tell(VirtualFirmware(tools=2), "M105") == [
        "ok T:22.00 /0.00 B:22.00 /0.00 T0:22.00 /0.00 T1:22.00 /0.00 @:0 B@:0"
    ]


def test_in_real_time_homing_takes_time_and_says_so() -> None:
    printer = VirtualFirmware(speed="real", advanced_ok=False)
    assert tell(printer, "G28", now_s=100.0) == ["echo:busy: processing"]
    assert printer.due(101.0) == b""
    assert printer.due(102.1) == b"echo:busy: processing\n"
    assert printer.due(120.1) == b"ok\n"


def test_in_real_time_the_planner_fills_up() -> None:
    printer = VirtualFirmware(speed="real", advanced_ok=False)
    answers = tell(printer, "G91", *["G1 X10 F600"] * 20, now_s=0.0)  # 1 s each
    assert answers.count("ok") == 1 + 15  # G91, and as many moves as the planner has places
    assert printer.due(1.1).count(b"ok") == 1


def test_heating_takes_time_and_m108_ends_the_wait() -> None:
    printer = VirtualFirmware(speed="real", advanced_ok=False)
    assert "ok" not in tell(printer, "M109 S200", now_s=0.0)
    assert 60.0 < printer.hotends[0].at(10.0) < 70.0
    assert "ok" in tell(printer, "M108", now_s=10.0)


def test_reports_come_by_themselves() -> None:
    printer = VirtualFirmware()
    tell(printer, "M155 S2")
    assert printer.due(2.1) == b" T:22.00 /0.00 B:22.00 /0.00 @:0 B@:0\n"
    assert printer.due(3.0) == b""


def test_position_is_tracked() -> None:
    printer = VirtualFirmware(tools=2)
    tell(
        printer,
        *("G28", "G1 X10 Y5.5 Z.2 F3000", "G91", "G1 X-2.5", "G90", "M83", "G1 E1.5", "G1 E-.5"),
        *("T1", "G92 E0", "M82", "G1 X0 E3"),
    )
    state = printer.state
    assert state["position_mm"] == [0.0, 5.5, 0.2, 3.0]
    assert state["extruded_mm"] == {"0": 1.0, "1": 3.0}
    assert state["tool"] == 1


def test_the_emergency_stop_switches_everything_off() -> None:
    printer = VirtualFirmware()
    tell(printer, "M140 S60", "M104 S200")
    tell(printer, "G1 X1", "M112", "G1 X2")  # jumps the queue: even the line before it is not carried out
    assert printer.halted
    assert printer.state["targets_c"] == [0.0]
    assert printer.state["bed_target_c"] == 0.0
    assert printer.accepted == 2


def test_a_reset_forgets_the_line_number() -> None:
    printer = VirtualFirmware(faults=Faults(reset_at=2))
    printer.feed(numbered(0, b"M110 N0") + numbered(1, b"M140 S60"), 0.0)
    assert printer.state["bed_target_c"] == 0.0
    assert b"Last Line: 0" in printer.feed(numbered(2, b"G1 X1"), 0.0)


def test_a_heater_nears_its_target_ever_slower() -> None:
    heater = Heater(rate_c_s=2.0, most_c=100.0)
    heater.set(102.0, 100.0)
    temperatures_c = [heater.at(100.0 + second) for second in range(0, 100, 10)]
    rises_c = [after - before for before, after in pairwise(temperatures_c)]
    assert temperatures_c[:2] == pytest.approx([22.0, 22.0 + 100.0 * (1.0 - math.exp(-0.2))])
    assert rises_c == sorted(rises_c, reverse=True)
    assert heater.at(heater.reached_s(100.0)) == pytest.approx(101.0)
    heater.set(0.0, 200.0)
    assert heater.at(250.0) == pytest.approx(22.0 + (heater.at(200.0) - 22.0) * math.exp(-1.0))


@pytest.mark.parametrize(("name", "rel"), [("ender-3", 1e-4), ("prusa-xl", 0.01)])  # Buddy's is planned as Marlin's
def test_by_its_own_clock_a_print_takes_what_is_estimated(data: Path, name: str, rel: float) -> None:
    printer = load_profiles().printer(name)
    assert printer.motion is not None
    assert printer.fdm is not None
    path = data / "gcode" / "ender-3.gcode"
    times = estimate(
        read_gcode(path), printer.motion, cornering=CORNERING.get(printer.firmware), timing=printer.timing,
        tool_change_s=printer.fdm.tool_change_s,
    )  # fmt: skip
    virtual = VirtualFirmware(hardware=hardware_of(printer))
    for command in [*commands(path), b"M400"]:
        virtual.feed(command + b"\n", 0.0)
    assert times.duration_s > 200.0
    assert virtual.state["printer_time_s"] == pytest.approx(times.duration_s, rel=rel)


def test_a_host_that_keeps_the_buffer_full_prints_in_the_time_of_the_estimate(data: Path) -> None:
    """In real time, looked at every 20 ms; a buffer is filled as soon as there is room."""
    path = data / "gcode" / "ender-3.gcode"
    moves = [line for line in commands(path) if line.startswith((b"G0 ", b"G1 ", b"G92", b"M83", b"M82", b"G90"))]
    hurried, real = VirtualFirmware(advanced_ok=False), VirtualFirmware(speed="real", advanced_ok=False)
    for line in [*moves, b"M400"]:
        hurried.feed(line + b"\n", 0.0)
    now_s, waiting, owed = 0.0, [*moves, b"M400"][::-1], 0
    while waiting or owed:
        now_s += 0.02
        owed -= real.due(now_s).count(b"ok")
        while waiting and owed < 8:
            owed += 1
            owed -= real.feed(waiting.pop() + b"\n", now_s).count(b"ok")
    assert now_s == pytest.approx(float(str(hurried.state["printer_time_s"])), rel=0.01)


def test_a_host_that_is_late_prints_slower() -> None:
    """A move that nothing follows yet ends at rest, and the next begins there."""
    lines = [b"G91\n", *[b"G1 X5 F6000\n"] * 20]
    prompt, late = VirtualFirmware(speed="real"), VirtualFirmware(speed="real")
    prompt.feed(b"".join(lines), 0.0)
    for n, line in enumerate(lines):
        late.feed(line, 0.3 * n)
    at_work_s = [printer._planner.idle_s(0.0) for printer in (prompt, late)]
    assert at_work_s[0] == pytest.approx(20 * 5 / 100, rel=0.2)
    assert at_work_s[1] == pytest.approx(0.3 * 20 + 0.141, abs=0.02)  # 5 mm from rest to rest at 1 m/s2


def test_a_bad_cable_is_repeatable() -> None:
    lines = [b"N%d G1 X1*33\n" % n for n in range(200)]
    carried = [[BadCable("7", 0.1, 0.1, 0.1).carry(line) for line in lines] for _ in range(2)]
    cable, again = BadCable("7", 0.1, 0.1, 0.1), BadCable("7", 0.1, 0.1, 0.1)
    assert carried[0] == carried[1]
    assert [cable.carry(line) for line in lines] == [again.carry(line) for line in lines]
    assert [cable.carry(line) for line in lines] != lines


def test_faults_from_the_command_line() -> None:
    assert read_faults({"seed": "7", "drop_ok": "0.01", "mute": "yes"}) == Faults(seed=7, drop_ok=0.01, mute=True)
    with pytest.raises(InputError, match="not a fault; known are seed"):
        read_faults({"dropp_ok": "1"})
    with pytest.raises(InputError, match="drop_ok"):
        read_faults({"drop_ok": "7"})


SCRIPT = """
seed = 3
drop_ok = 0.001
[[fault]]
do = "say"
text = "//action:pause"
at_line = 2
[[fault]]
do = "drop-ok"
at_line = 3
[[fault]]
do = "heater"
at_s = 60
"""


def test_a_script_of_faults(tmp_path: Path) -> None:
    path = tmp_path / "storm.toml"
    path.write_text(SCRIPT, encoding="utf-8")
    faults = read_script(path)
    assert (faults.seed, faults.drop_ok, len(faults.script)) == (3, 0.001, 3)
    printer = VirtualFirmware(faults=replace(faults, drop_ok=0.0), advanced_ok=False)
    assert tell(printer, "G1 X1") == ["ok"]
    assert tell(printer, "G1 X2") == ["//action:pause", "ok"]
    assert tell(printer, "G1 X3") == []
    assert tell(printer, "G1 X4", "M104 S200") == ["ok", "ok"]
    assert printer.due(61.0).startswith(b"Error:Thermal Runaway")
    assert printer.halted
    assert printer.state["targets_c"] == [0.0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("seed = ", "no script of faults"),
        ("dropp = 1", "not a fault"),
        ("[[fault]]\ndo = 'explode'\nat_line = 1", "known are drop"),
        ("[[fault]]\ndo = 'kill'", "either at_line or at_s"),
        ("[[fault]]\ndo = 'kill'\nat = 1", "known keys are at_line"),
        ("[[fault]]\ndo = 'kill'\nat_line = 'soon'", "fault 1"),
        ("fault = 3", "two brackets"),
    ],
)
def test_a_script_that_asks_for_what_there_is_not(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "storm.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=complaint):
        read_script(path)


def test_a_held_back_answer_comes_late() -> None:
    printer = VirtualFirmware(
        faults=Faults(script=(Deed(do="delay", at_line=1, delay_s=5.0),)), speed="real", advanced_ok=False
    )
    assert tell(printer, "G90", now_s=10.0) == []
    assert printer.due(14.9) == b""
    assert printer.due(15.1) == b"ok\n"


def test_a_full_printer_says_so() -> None:
    printer = VirtualFirmware(speed="real", advanced_ok=False)
    tell(printer, "G28", *["G1 X1"] * 31)
    assert not printer.full
    tell(printer, "G1 X1")
    assert printer.full


@pytest.mark.parametrize(
    ("dialect", "answers"),
    [
        ("klipper", ["ok B:22.0 /0.0 T0:22.0 /0.0", '// Unknown command:"M98765"', "ok"]),
        (
            "reprapfirmware",
            ["ok T:22.00 /0.00 B:22.00 /0.00 @:0 B@:0", "Warning: M98765: Command is not supported", "ok"],
        ),
        ("repetier", ["ok 0", "T:22.00 /0.00 B:22.00 /0.00 @:0 B@:0", "ok 0", "Unknown command:M98765"]),
        ("smoothieware", ["ok T:22.00 /0.00 B:22.00 /0.00 @:0 B@:0", "ok"]),
    ],
)
def test_each_dialect_answers_in_its_own_way(dialect: str, answers: list[str]) -> None:
    assert tell(VirtualFirmware(dialect=dialect), "M105", "M98765") == answers


def test_spoilt_lines_meet_different_manners() -> None:
    spoilt = "N1 G1 X1*3"
    assert tell(VirtualFirmware(dialect="reprapfirmware"), spoilt) == []
    assert tell(VirtualFirmware(dialect="klipper"), spoilt) == ["ok"]
    assert tell(VirtualFirmware(dialect="smoothieware"), spoilt) == ["rs N1"]
    assert tell(VirtualFirmware(dialect="repetier"), spoilt) == ["Error:Wrong checksum", "", "Resend:1", "ok"]
