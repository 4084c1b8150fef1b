from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from printprep.gcode.estimate import GcodeTimes, estimate
from printprep.gcode.heat import cooling_s, heating_s
from printprep.gcode.motion import MotionLimits
from printprep.gcode.read import read_gcode
from printprep.profiles.models import Heater, Timing

NOZZLE = Heater(power_w=40, capacity_j_k=16.7, loss_w_k=0.068)
TIMING = Timing(nozzle_settle_s=10, bed_settle_s=10, home_s=20, level_s=60, filament_change_s=100)


def times(tmp_path: Path, text: str, timing: Timing = TIMING, **options: object) -> GcodeTimes:
    path = tmp_path / "a.gcode"
    path.write_text(text)
    return estimate(read_gcode(path), MotionLimits(), timing=timing, **options)  # type: ignore[arg-type]


def by_steps_s(heater: Heater, ambient_c: float, start_c: float, end_c: float, power_w: float) -> float:
    """The same by small steps of time."""
    now_c, passed_s, step_s = start_c, 0.0, 0.01
    while (end_c - now_c) * (end_c - start_c) > 0:
        now_c += step_s * (power_w - heater.loss_w_k * (now_c - ambient_c)) / heater.capacity_j_k
        passed_s += step_s
    return passed_s


def test_heating_and_cooling_follow_the_balance_of_power() -> None:
    assert heating_s(NOZZLE, 25, 25, 215) == pytest.approx(by_steps_s(NOZZLE, 25, 25, 215, 40), rel=1e-3)
    assert cooling_s(NOZZLE, 25, 215, 150) == pytest.approx(by_steps_s(NOZZLE, 25, 215, 150, 0), rel=1e-3)
    assert heating_s(NOZZLE, 25, 215, 200) == cooling_s(NOZZLE, 25, 200, 215) == 0
    assert heating_s(NOZZLE, 25, 25, 25 + 40 / 0.068) == math.inf
    assert cooling_s(NOZZLE, 25, 200, 25) == math.inf


def test_bed_and_nozzle_heat_at_the_same_time(tmp_path: Path) -> None:
    both = times(tmp_path, "M140 S60\nM104 S215\nM190 S60\nM109 S215\nG1 X10 E1\n").by_feature_s["heat-up"]
    bed_s = heating_s(TIMING.bed, 25, 25, 60)
    assert bed_s > heating_s(NOZZLE, 25, 25, 215)  # so the nozzle is hot when the bed is, and only has to settle
    assert both == pytest.approx(bed_s + 20, rel=1e-6)


def test_a_wait_in_mid_print_is_as_long_as_the_heater_fell(tmp_path: Path) -> None:
    text = "M109 S215\n;LAYER_CHANGE\nG1 Z0.2\nM83\nG1 X10 E1\nM104 S150\nG4 S{dwell}\nM109 S215\nG1 X20 E1\n"
    for dwell_s in (5, 40, 4000):
        waited_s = times(tmp_path, text.format(dwell=dwell_s)).by_feature_s["waiting for heat"]
        reached_c = max(25 + 190 * math.exp(-dwell_s * 0.068 / 16.7), 150)
        assert waited_s == pytest.approx(10 + heating_s(NOZZLE, 25, reached_c, 215), rel=1e-3)


def test_klipper_waits_for_cooling_and_marlin_does_not(tmp_path: Path) -> None:
    text = "M109 S215\n;LAYER_CHANGE\nG1 Z0.2\nM83\nG1 X10 E1\nM109 S190\nG1 X20 E1\n"
    assert "waiting for heat" not in times(tmp_path, text).by_feature_s
    klipper = times(tmp_path, text, TIMING.model_copy(update={"waits_for_cooling": True}))
    assert klipper.by_feature_s["waiting for heat"] == pytest.approx(10 + cooling_s(NOZZLE, 25, 215, 190), rel=1e-6)


def test_homing_levelling_changes_and_persons_are_counted(tmp_path: Path) -> None:
    text = "G28\nG28 Z\nG29\nT0\nT1\nM600\nM0\nG4 P500\nT1\nT0\nM83\nG1 X10 E1\n"
    result = times(tmp_path, text, tool_change_s=7)
    rest = {
        name: result.by_feature_s[name] for name in ("homing", "levelling", "tool change", "filament change", "dwell")
    }
    assert rest == {"homing": 40, "levelling": 60, "tool change": 14, "filament change": 100, "dwell": 0.5}
    assert result.for_person == 2
    assert result.waiting_s == {0: 40 + 60 + 7, 1: 7 + 100 + 0.5}
    assert result.duration_s == pytest.approx(sum(result.waiting_s.values()) + sum(result.by_tool_s.values()))


def test_tools_of_one_nozzle_share_its_heat(tmp_path: Path) -> None:
    text = "T0\nM109 S215\nT1\nM109 S215\nM83\nG1 X10 E1\n"
    own, shared = (times(tmp_path, text, shared_nozzle=one).by_feature_s["heat-up"] for one in (False, True))
    assert own - shared == pytest.approx(heating_s(NOZZLE, 25, 25, 215), rel=1e-6)


def test_what_cannot_get_so_hot_does_not_wait_for_ever(tmp_path: Path) -> None:
    assert np.isfinite(times(tmp_path, "M109 S9000\nM190 S1e9\nM109 R0\nG1 X1 E1\n").duration_s)


def test_a_target_out_of_reach_takes_as_long_as_coming_near_it(tmp_path: Path) -> None:
    weak = Timing(nozzle=Heater(power_w=10, capacity_j_k=16.7, loss_w_k=0.068), nozzle_settle_s=10)
    hottest_c = 25 + 10 / 0.068
    waited_s = times(tmp_path, "M109 S300\n", weak).by_feature_s["heat-up"]
    assert waited_s == pytest.approx(10 + heating_s(weak.nozzle, 25, 25, hottest_c - 1), rel=1e-6)
    cools = Timing(nozzle_settle_s=10, waits_for_cooling=True)
    reached = times(tmp_path, "M109 S215\nM109 S10\n", cools).by_feature_s["heat-up"]
    heated_s = 10 + heating_s(cools.nozzle, 25, 25, 215)
    assert reached == pytest.approx(heated_s + 10 + cooling_s(cools.nozzle, 25, 215, 26), rel=1e-3)


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        ("", True), (" P1", True), (" P1 X10 Y10 W50 H20 C", False), (" L20 R180 F20 B180", True), (" S0", True),
        (" X10 Y10", True), (" A", False), (" L1", False), (" F10", False), (" D", False), (" P3.2", False),
        (" P9 X10 Y-4 W32 H4", False), (" S1", False), (" S2", False),
    ],
)  # fmt: skip
def test_only_a_levelling_of_the_bed_takes_its_time(tmp_path: Path, words: str, whole: bool) -> None:
    assert times(tmp_path, f"G28\nG29{words}\n").by_feature_s.get("levelling", 0.0) == (60.0 if whole else 0.0)


def test_waiting_for_a_falling_temperature_and_for_the_moves(tmp_path: Path) -> None:
    """M109 R waits like S; M400 takes no time of its own."""
    assert times(tmp_path, "M109 R215\n").by_feature_s == times(tmp_path, "M109 S215\n").by_feature_s
    assert times(tmp_path, "G28\nM400\n").by_feature_s == times(tmp_path, "G28\n").by_feature_s
