from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from printprep.gcode.estimate import GcodeTimes, estimate
from printprep.gcode.motion import Cornering, MotionLimits, move_times_s
from printprep.gcode.read import read_gcode
from printprep.gcode.trapezoid import trapezoid_s

LIMITS = MotionLimits(
    max_speed_mm_s=(200, 200, 10, 50),
    max_acceleration_mm_s2=(2000, 2000, 100, 5000),
    print_acceleration_mm_s2=1000,
    travel_acceleration_mm_s2=1000,
    jerk_mm_s=(0.001, 0.001, 0.001, 1000),
    steps_per_mm=(10000, 10000, 10000, 10000),  # so fine that whole steps and the least rate do not matter
    min_segment_s=0,
)


EXACT = replace(LIMITS, steps_ahead=True)  # Buddy's: without the error of Marlin's timer, some percent of such moves


def changed(**values: Any) -> MotionLimits:
    return replace(LIMITS, **values)


def times(tmp_path: Path, text: str, limits: MotionLimits = LIMITS, **options: object) -> GcodeTimes:
    path = tmp_path / "a.gcode"
    path.write_text(text)
    return estimate(read_gcode(path), limits, **options)  # type: ignore[arg-type]


def test_a_long_move_is_a_trapezoid(tmp_path: Path) -> None:
    # 100 mm at 100 mm/s and 1000 mm/s2: 0.1 s up, 0.1 s down, 90 mm at full speed
    assert times(tmp_path, "G1 X100 F6000\n", EXACT).duration_s == pytest.approx(1.1, rel=1e-4)


def test_a_short_move_is_a_triangle(tmp_path: Path) -> None:
    assert times(tmp_path, "G1 X4 F6000\n", EXACT).duration_s == pytest.approx(2 * math.sqrt(4 / 1000), rel=1e-3)


@pytest.mark.parametrize("cornering", [Cornering.SQUARE_CORNER, Cornering.STEP])
def test_pieces_of_a_straight_line_take_as_long_as_the_line(cornering: Cornering, tmp_path: Path) -> None:
    pieces = "".join(f"G1 X{x / 10:.1f}\n" for x in range(1, 1001))
    limits = changed(minimum_cruise_ratio=0)
    took = times(tmp_path, "G1 F6000\n" + pieces, limits, cornering=cornering).duration_s
    assert took == pytest.approx(1.1, rel=1e-3)


@pytest.mark.parametrize("blocks", [8, 16, 32])
def test_marlin_goes_only_as_fast_as_the_blocks_it_knows_let_it_stop(blocks: int, tmp_path: Path) -> None:
    pieces = "".join(f"G1 X{x / 10:.1f}\n" for x in range(1, 1001))
    took = times(tmp_path, "G1 F6000\n" + pieces, changed(planner_blocks=blocks)).duration_s
    known_mm = 0.1 * (blocks - 3)  # beyond the block under way
    cruise = math.sqrt(2 * 1000 * known_mm)
    # between stopping at the end of what is known and of one piece more, which is where most of each piece is
    slowest, fastest = 100 / cruise, 100 / math.sqrt(2 * 1000 * (known_mm + 0.1))
    assert fastest < took < slowest + 2 * cruise / 1000


def test_a_right_angle_stops_the_head_without_jerk_and_not_with_it(tmp_path: Path) -> None:
    text = "G1 X100 F6000\nG1 Y100\n"
    assert times(tmp_path, text).duration_s == pytest.approx(2.2, rel=1e-3)
    jerky = changed(jerk_mm_s=(20, 20, 1, 1000))
    # the corner is taken at 20 mm/s, at which each axis stops or starts; beginning and end are at rest all the same
    saved_s = 2 * (20 / 1000 - 20 * 20 / 2000 / 100)
    assert times(tmp_path, text, jerky).duration_s == pytest.approx(2.2 - saved_s, rel=1e-3)


def test_klipper_takes_a_right_angle_at_its_square_corner_velocity(tmp_path: Path) -> None:
    slow = times(tmp_path, "G1 X100 F6000\nG1 Y100\n", cornering=Cornering.SQUARE_CORNER).duration_s
    # one corner at 5 mm/s instead of 0 spares 2 * v / a less the ground that the ramps cover slower
    expected = 2 * 1.1 - 2 * (5 / 1000 - 25 / 2000 / 100)
    assert slow == pytest.approx(expected, rel=1e-4)


def test_junction_deviation_by_its_formula(tmp_path: Path) -> None:
    limits = changed(junction_deviation_mm=0.05)
    half = math.sqrt(0.5)
    v = math.sqrt(1000 * 0.05 * half / (1 - half))
    expected = 2 * 1.1 - 2 * (v / 1000 - v * v / 2000 / 100)
    assert times(tmp_path, "G1 X100 F6000\nG1 Y100\n", limits).duration_s == pytest.approx(expected, rel=1e-3)


def test_each_axis_keeps_its_own_limits(tmp_path: Path) -> None:
    assert times(tmp_path, "G1 Z10 F6000\n", EXACT).duration_s == pytest.approx(1 + 0.1, rel=1e-3)  # 10 mm/s, 100 mm/s2
    assert times(tmp_path, "G1 X300 F60000\n", EXACT).duration_s == pytest.approx(300 / 200 + 0.2, rel=1e-3)
    assert times(tmp_path, "M203 X50\nG1 X100 F6000\n", EXACT).duration_s == pytest.approx(100 / 50 + 0.05, rel=1e-3)
    assert times(tmp_path, "M204 T500\nG1 X100 F6000\n", EXACT).duration_s == pytest.approx(1.2, rel=1e-3)


def test_a_stop_between_two_moves_brakes(tmp_path: Path) -> None:
    assert times(tmp_path, "G1 X50 F6000\nG4 S3\nG1 X100\n").duration_s == pytest.approx(0.6 * 2 + 3, rel=1e-3)


def test_parts_add_up_and_are_named(tmp_path: Path) -> None:
    text = (
        "M83\nT0\n;LAYER_CHANGE\nG1 Z0.2\n;TYPE:Perimeter\nG1 X50 E2 F3000\nT1\nG1 X0 E3\n;LAYER_CHANGE\nG1 Z0.4\n"
        ";TYPE:Solid infill\nG1 X20 E1\nT1\nT0\nG1 X30 E-1\nG4 P1500\n"
    )
    result = times(tmp_path, text, tool_change_s=7)
    assert result.tool_changes == 2
    assert set(result.by_feature_s) == {"travel", "Perimeter", "Solid infill", "dwell", "tool change"}
    assert result.by_feature_s["dwell"] == 1.5
    assert result.by_feature_s["tool change"] == 14
    assert result.duration_s == pytest.approx(sum(result.by_feature_s.values()))
    assert sum(result.by_tool_s.values()) == pytest.approx(result.per_layer_s.sum())
    assert result.duration_s == pytest.approx(sum(result.by_tool_s.values()) + 1.5 + 14)
    area = math.pi * 1.75**2 / 4
    assert result.extruded_mm3 == pytest.approx({0: area * 1, 1: area * 4})


def test_homing_is_no_move(tmp_path: Path) -> None:
    assert times(tmp_path, "G1 X100 F6000\nG28\n").duration_s == pytest.approx(1.1, rel=1e-3)


def test_a_board_that_sets_its_speed_once_a_step_brakes_late(tmp_path: Path) -> None:
    coarse = changed(steps_per_mm=(80, 80, 400, 93))
    text = "M83\n" + "".join(f"G1 X{10 * (k % 2)} F6000\nG4 P1\n" for k in range(1, 41))
    least_mm_s = 120 / 80  # 120 steps/s
    smooth_s = 40 * (trapezoid_s(10, least_mm_s, 100, least_mm_s, 1000) + 0.001)
    assert 0.96 < times(tmp_path, text, coarse).duration_s / smooth_s < 0.99


def test_a_move_of_few_steps_waits_for_the_next(tmp_path: Path) -> None:
    coarse = changed(steps_per_mm=(80, 80, 400, 93))
    path = tmp_path / "a.gcode"
    path.write_text("G1 X10 F3000\nG1 X10.05\nG1 X10.1\n")
    tiny = move_times_s(read_gcode(path), coarse)
    assert tiny[1] == 0
    assert tiny[2] > 0


def test_short_moves_are_stretched_only_while_the_buffer_is_nearly_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    moves = "".join(f"G1 X{x / 2:.1f}\n" for x in range(1, 200))
    took = []
    for least_us in (20000, 0):
        path.write_text(f"M205 B{least_us}\nG1 F6000\n{moves}")
        took.append(move_times_s(read_gcode(path), changed(min_segment_s=1)))
    stretched, plain = took
    assert (stretched[2:4] > plain[2:4] + 0.001).all()
    assert stretched[40:] == pytest.approx(plain[40:])


def test_klipper_follows_what_the_file_sets_and_knows_no_m201(tmp_path: Path) -> None:
    def took(head: str) -> float:
        return times(tmp_path, f"{head}\nG1 X100 F6000\n", cornering=Cornering.SQUARE_CORNER).duration_s

    assert took("") == pytest.approx(1.1, rel=1e-4)
    assert took("SET_VELOCITY_LIMIT ACCEL=500") == pytest.approx(1.2, rel=1e-4)
    assert took("SET_VELOCITY_LIMIT ACCEL=5e2") == took("SET_VELOCITY_LIMIT ACCEL=.05E+4") == pytest.approx(1.2, 1e-4)
    assert took("set_velocity_limit velocity=50 accel=2000.5") == pytest.approx(100 / 50 + 50 / 2000.5, rel=1e-4)
    assert took("M204 S500") == pytest.approx(1.2, rel=1e-4)
    assert took("M204 P500 T4000") == pytest.approx(1.2, rel=1e-4)
    assert took("M201 X100\nM203 X10\nM205 X1") == pytest.approx(1.1, rel=1e-4)
    assert took("SET_VELOCITY_LIMIT ACCEL=\nSET_VELOCITY_LIMIT ACCEL=-5 =3 ACCEL") == pytest.approx(1.1, rel=1e-4)
    assert took("SET_VELOCITY_LIMITS ACCEL=500") == pytest.approx(1.1, rel=1e-4)
    long = f"0.{'5' * 400}"
    assert took(f"SET_VELOCITY_LIMIT VELOCITY={'9' * 400} SQUARE_CORNER_VELOCITY={long}") == pytest.approx(
        1.1, rel=1e-4
    )


def test_klipper_smooths_zigzag_by_its_cruise_ratio(tmp_path: Path) -> None:
    zigzag = "G1 F9000\n" + "".join(f"G1 X{k % 2} Y{k / 10}\n" for k in range(1, 60))
    calm, sharp = (
        times(tmp_path, f"SET_VELOCITY_LIMIT MINIMUM_CRUISE_RATIO={ratio}\n{zigzag}", cornering=Cornering.SQUARE_CORNER)
        for ratio in (0.5, 0)
    )
    assert calm.duration_s > 1.05 * sharp.duration_s


def test_reprapfirmware_reads_speeds_by_the_minute(tmp_path: Path) -> None:
    head = "M566 X1200 Y1200\nM203 X3000\n"
    took = times(tmp_path, f"{head}G1 X100 F6000\n", cornering=Cornering.STEP).duration_s
    assert took == pytest.approx(100 / 50 + 50 / 1000, rel=1e-4)
