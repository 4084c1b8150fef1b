"""What Prusa's Buddy firmware does besides planning as Marlin does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from printprep.gcode.motion import MotionLimits, move_times_s
from printprep.gcode.read import read_gcode

MK4 = MotionLimits(
    max_speed_mm_s=(300, 300, 40, 100),
    max_acceleration_mm_s2=(4000, 4000, 200, 2500),
    print_acceleration_mm_s2=4000,
    travel_acceleration_mm_s2=4000,
    jerk_mm_s=(8, 8, 2, 10),
    steps_per_mm=(100, 100, 400, 380),
    planner_blocks=32,
    steps_ahead=True,
    shaper_ahead_s=0.008,
    min_segment_s=0,
)


def seconds(tmp_path: Path, text: str, limits: MotionLimits) -> float:
    path = tmp_path / "a.gcode"
    path.write_text(text)
    return float(move_times_s(read_gcode(path), limits).sum())


@pytest.mark.parametrize(("piece_mm", "rests"), [(0.1, 10), (0.6, 1)])
def test_pieces_whose_steps_are_all_computed_ahead_end_at_rest(piece_mm: float, rests: int, tmp_path: Path) -> None:
    count = 10 * 31  # the buffer holds 31
    text = "M83\n" + "".join(f"G1 X{k * piece_mm:.2f} F3000\n" for k in range(1, count + 1))
    took = [seconds(tmp_path, text, replace(MK4, restart_s=s)) for s in (0.0, 1.0)]
    assert took[1] - took[0] == pytest.approx(rests, abs=1e-3)


def test_each_wait_costs_a_start(tmp_path: Path) -> None:
    text = "".join(f"G1 X{10 * (k % 2)} F3000\nG4 P1\n" for k in range(1, 6))
    took = [seconds(tmp_path, text, replace(MK4, restart_s=s)) for s in (0.0, 0.02)]
    assert took[1] - took[0] == pytest.approx(5 * 0.02, abs=1e-4)


def test_motors_that_share_x_and_y_slow_a_slant_down_and_no_straight_line(tmp_path: Path) -> None:
    core = replace(MK4, core_xy=True)
    for text, ratio in (("G1 X200 Y200 F18000\n", 2**0.5), ("G1 X200 F18000\n", 1.0)):
        long = text.replace("200", "20000")  # so long that speeding up does not matter
        assert seconds(tmp_path, long, core) / seconds(tmp_path, long, MK4) == pytest.approx(ratio, rel=2e-2)
