from __future__ import annotations

import math
from pathlib import Path

import pytest

from printprep.gcode.estimate import GcodeTimes, estimate
from printprep.gcode.motion import Cornering, MotionLimits
from printprep.gcode.read import read_gcode

LIMITS = MotionLimits(
    max_speed_mm_s=(200, 200, 10, 50),
    max_acceleration_mm_s2=(2000, 2000, 100, 5000),
    print_acceleration_mm_s2=1000,
    travel_acceleration_mm_s2=1000,
    jerk_mm_s=(0.001, 0.001, 0.001, 1000),
)


def times(tmp_path: Path, text: str, limits: MotionLimits = LIMITS, **options: object) -> GcodeTimes:
    path = tmp_path / "a.gcode"
    path.write_text(text)
    return estimate(read_gcode(path), limits, **options)  # type: ignore[arg-type]


def test_a_long_move_is_a_trapezoid(tmp_path: Path) -> None:
    # 100 mm at 100 mm/s and 1000 mm/s2: 0.1 s up, 0.1 s down, 90 mm at full speed
    assert times(tmp_path, "G1 X100 F6000\n").duration_s == pytest.approx(1.1, rel=1e-4)


def test_a_short_move_is_a_triangle(tmp_path: Path) -> None:
    assert times(tmp_path, "G1 X4 F6000\n").duration_s == pytest.approx(2 * math.sqrt(4 / 1000), rel=1e-3)


def test_pieces_of_a_straight_line_take_as_long_as_the_line(tmp_path: Path) -> None:
    pieces = "".join(f"G1 X{x / 10:.1f}\n" for x in range(1, 1001))
    assert times(tmp_path, "G1 F6000\n" + pieces).duration_s == pytest.approx(1.1, rel=1e-3)


def test_a_right_angle_stops_the_head_without_jerk_and_not_with_it(tmp_path: Path) -> None:
    text = "G1 X100 F6000\nG1 Y100\n"
    assert times(tmp_path, text).duration_s == pytest.approx(2.2, rel=1e-3)
    jerky = MotionLimits(**{**{n: getattr(LIMITS, n) for n in LIMITS.__slots__}, "jerk_mm_s": (20, 20, 1, 1000)})
    # every move enters and leaves at 20 mm/s: (100-20)/1000 s each way over 9.6 mm in all, the rest at 100 mm/s
    assert times(tmp_path, text, jerky).duration_s == pytest.approx(2 * (0.16 + (100 - 9.6) / 100), rel=1e-3)


def test_klipper_takes_a_right_angle_at_its_square_corner_velocity(tmp_path: Path) -> None:
    slow = times(tmp_path, "G1 X100 F6000\nG1 Y100\n", cornering=Cornering.SQUARE_CORNER).duration_s
    # one corner at 5 mm/s instead of 0 spares 2 * v / a less the ground that the ramps cover slower
    expected = 2 * 1.1 - 2 * (5 / 1000 - 25 / 2000 / 100)
    assert slow == pytest.approx(expected, rel=1e-4)


def test_junction_deviation_by_its_formula(tmp_path: Path) -> None:
    limits = MotionLimits(**{**{n: getattr(LIMITS, n) for n in LIMITS.__slots__}, "junction_deviation_mm": 0.05})
    half = math.sqrt(0.5)
    v = math.sqrt(1000 * 0.05 * half / (1 - half))
    expected = 2 * 1.1 - 2 * (v / 1000 - v * v / 2000 / 100)
    assert times(tmp_path, "G1 X100 F6000\nG1 Y100\n", limits).duration_s == pytest.approx(expected, rel=1e-3)


def test_each_axis_keeps_its_own_limits(tmp_path: Path) -> None:
    assert times(tmp_path, "G1 Z10 F6000\n").duration_s == pytest.approx(1 + 0.1, rel=1e-3)  # 10 mm/s, 100 mm/s2
    assert times(tmp_path, "G1 X300 F60000\n").duration_s == pytest.approx(300 / 200 + 0.2, rel=1e-3)
    assert times(tmp_path, "M203 X50\nG1 X100 F6000\n").duration_s == pytest.approx(100 / 50 + 0.05, rel=1e-3)
    assert times(tmp_path, "M204 T500\nG1 X100 F6000\n").duration_s == pytest.approx(1.2, rel=1e-3)


def test_a_stop_between_two_moves_brakes(tmp_path: Path) -> None:
    assert times(tmp_path, "G1 X50 F6000\nG4 S3\nG1 X100\n").duration_s == pytest.approx(0.6 * 2 + 3, rel=1e-3)


def test_parts_add_up_and_are_named(tmp_path: Path) -> None:
    text = (
        "M83\nT0\n;LAYER_CHANGE\nG1 Z0.2\n;TYPE:Perimeter\nG1 X50 E2 F3000\nT1\nG1 X0 E3\n;LAYER_CHANGE\nG1 Z0.4\n"
        ";TYPE:Solid infill\nG1 X20 E1\nT1\nT0\nG1 X30 E-1\nG4 P1500\n"
    )
    result = times(tmp_path, text, tool_change_s=7, heat_up_s=120)
    assert result.tool_changes == 2
    assert set(result.by_feature_s) == {"travel", "Perimeter", "Solid infill", "dwell", "tool change", "heat-up"}
    assert result.by_feature_s["dwell"] == 1.5
    assert result.by_feature_s["tool change"] == 14
    assert result.duration_s == pytest.approx(sum(result.by_feature_s.values()))
    assert sum(result.by_tool_s.values()) == pytest.approx(result.per_layer_s.sum())
    assert result.duration_s == pytest.approx(sum(result.by_tool_s.values()) + 1.5 + 14 + 120)
    area = math.pi * 1.75**2 / 4
    assert result.extruded_mm3 == pytest.approx({0: area * 1, 1: area * 4})


def test_homing_is_no_move(tmp_path: Path) -> None:
    assert times(tmp_path, "G1 X100 F6000\nG28\n").duration_s == pytest.approx(1.1, rel=1e-3)
