from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.errors import ProfileError
from printprep.geometry.mesh import Mesh, join
from printprep.plan import Plan
from printprep.profiles.load import Profiles
from printprep.slicers import prusa_habits, resin
from printprep.slicers.ahead import ahead, estimate_ahead, plate_ahead, range_s, with_process
from printprep.slicers.beside import beside_layers
from printprep.slicers.ledger import Ahead

MakeCube = Callable[[float, tuple[float, float, float]], Mesh]
MakePlan = Callable[..., Plan]


def told(plan: Plan, profiles: Profiles) -> Ahead:
    return plate_ahead(plan, plan.plates[0], profiles)


def test_a_cube_takes_its_walls_its_skins_and_a_share_of_the_rest(
    profiles: Profiles, cube: MakeCube, plan_of: MakePlan
) -> None:
    edge_mm = 30.0
    plan = replace(plan_of({"bone": (cube(edge_mm, (100.0, 100.0, 0.0)), 0, "pla")}, "ender-3"), supports=False)
    one = told(plan, profiles)
    walls = profiles.process(plan.process).fdm.perimeters
    line_mm2 = 0.2 * (0.45 - 0.2 * (1 - np.pi / 4))
    outer_mm = 4 * edge_mm * one.layer_count
    assert one.layer_count == 150
    assert one.by_feature_s["External perimeter"] > outer_mm / 30.0
    assert one.by_feature_s["External perimeter"] < 1.1 * outer_mm / 30.0
    inside_mm3 = (edge_mm - 2 * walls * 0.41) ** 2 * edge_mm
    skins_mm3 = (edge_mm - 2 * walls * 0.41) ** 2 * 0.2 * 9
    joins_mm3 = 141 * 2 * (edge_mm - 2 * walls * 0.41) * line_mm2
    expected_mm3 = walls * outer_mm * 0.96 * line_mm2 + skins_mm3 + 0.15 * (inside_mm3 - skins_mm3) + joins_mm3
    assert one.mm3[0] == pytest.approx(expected_mm3, rel=0.12)
    assert sum(one.by_feature_s.values()) == pytest.approx(one.duration_s)


def test_finer_layers_take_longer(profiles: Profiles, cube: MakeCube, plan_of: MakePlan) -> None:
    plan = plan_of({"bone": (cube(20.0, (100.0, 100.0, 0.0)), 0, "pla")}, "ender-3")
    times = [told(with_process(plan, name), profiles).duration_s for name in ("fine", "standard", "draft", "rush")]
    assert times == sorted(times, reverse=True)


def test_a_few_layers_tell_what_all_tell(profiles: Profiles, cube: MakeCube, plan_of: MakePlan) -> None:
    plan = plan_of({"bone": (cube(20.0, (100.0, 100.0, 0.0)), 0, "pla")}, "voron-2.4")
    few, many = (plate_ahead(plan, plan.plates[0], profiles, layers=layers).duration_s for layers in (24, 100))
    assert few == pytest.approx(many, rel=0.03)


def test_what_hangs_over_is_held_if_asked_for(profiles: Profiles, cube: MakeCube, plan_of: MakePlan) -> None:
    shape = join([cube(6.0, (107.0, 107.0, 0.0)), cube(20.0, (100.0, 100.0, 6.0))])
    plan = plan_of({"bone": (shape, 0, "pla")}, "ender-3")
    held, bare = (told(replace(plan, supports=wanted), profiles) for wanted in (True, False))
    assert held.by_feature_s["Support material"] > 0
    assert "Support material" not in bare.by_feature_s
    assert held.mm3[0] > bare.mm3[0]


def test_two_tools_change_once_a_layer(profiles: Profiles, cube: MakeCube, plan_of: MakePlan) -> None:
    parts = {
        "bone": (cube(10.0, (100.0, 100.0, 0.0)), 0, "pla"),
        "vessel": (cube(10.0, (111.0, 100.0, 0.0)), 1, "pla"),
    }
    plan = replace(plan_of(parts, "prusa-xl"), supports=False)
    one = told(plan, profiles)
    assert one.tool_changes == one.layer_count == 50
    fdm = profiles.printer("prusa-xl").fdm
    assert fdm is not None
    assert one.by_feature_s["tool change"] == pytest.approx(50 * fdm.tool_change_s)
    assert one.by_feature_s["Wipe tower"] > 0
    assert one.mm3[0] == pytest.approx(one.mm3[1], rel=0.05)


def test_layers_of_light_are_told_as_they_are_sliced(
    profiles: Profiles, cube: MakeCube, plan_of: MakePlan, tmp_path: Path
) -> None:
    plan = replace(
        plan_of({"heart": (cube(5.0, (10.0, 10.0, 0.0)), 0, "resin-standard")}, "prusa-sl1s"), supports=False
    )
    sliced = resin.slice_plate(plan, plan.plates[0], profiles, tmp_path).estimate
    one = estimate_ahead(plan, plan.plates[0], profiles)
    assert one.duration_s == pytest.approx(sliced.duration_s)
    assert one.material[0].mm3 == pytest.approx(sliced.material[0].mm3, rel=1e-3)


def test_what_is_told_lies_in_its_range_and_by_light_is_exact(profiles: Profiles) -> None:
    low_s, high_s = range_s(100.0, profiles.printer("ender-3"))
    assert low_s < 100.0 < high_s
    assert range_s(100.0, profiles.printer("prusa-sl1s")) == (100.0, 100.0)


def test_a_printer_by_light_is_not_told_by_lines(profiles: Profiles, cube: MakeCube) -> None:
    printer, process = profiles.printer("prusa-sl1s"), profiles.process("standard")
    with pytest.raises(ProfileError, match=r"prusa-sl1s has no \[fdm\]"):
        ahead([cube(5.0, (0.0, 0.0, 0.0))], [0], printer, process, {})


def test_what_stands_beside_the_layers_is_timed_as_in_a_file(
    profiles: Profiles, cube: MakeCube, plan_of: MakePlan
) -> None:
    plan = plan_of({"bone": (cube(10.0, (100.0, 100.0, 0.0)), 0, "pla")}, "prusa-mk4-mmu3")
    timing = profiles.printer("prusa-mk4-mmu3").timing
    one = told(plan, profiles).by_feature_s
    assert one["homing"] == timing.home_s
    assert one["levelling"] == timing.level_s
    assert one["heat-up"] > timing.nozzle_settle_s + timing.bed_settle_s + 30.0


def test_every_tool_is_heated_once_and_settles_at_each_change(profiles: Profiles) -> None:
    printer, pla = profiles.printer("prusa-xl"), profiles.material("pla")
    one, two, many = (beside_layers(printer, {0: pla, 3: pla}, [0, 3], n, 20.0) for n in (0, 1, 41))
    assert printer.fdm is not None
    settle_s = printer.timing.nozzle_settle_s
    assert "waiting for heat" not in one.by_feature_s
    assert two.by_feature_s["waiting for heat"] + two.by_feature_s["heat-up"] > one.by_feature_s["heat-up"] + 60.0
    assert many.duration_s - two.duration_s == pytest.approx(40 * (settle_s + printer.fdm.tool_change_s))
    assert (one.tool_changes, two.tool_changes, many.tool_changes) == (0, 1, 41)


def test_a_bridge_reaches_into_the_filling_beside_it(
    profiles: Profiles, cube: MakeCube, plan_of: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = join([cube(10.0, (100.0, 100.0, 0.0)), cube(10.0, (105.0, 100.0, 10.0))])
    plan = replace(plan_of({"bone": (step, 0, "pla")}, "ender-3"), supports=False)
    reaching_s = plate_ahead(plan, plan.plates[0], profiles, layers=100).by_feature_s["Bridge infill"]
    monkeypatch.setattr(prusa_habits, "SKIN_MARGIN_MM", 0.0)
    bare_s = plate_ahead(plan, plan.plates[0], profiles, layers=100).by_feature_s["Bridge infill"]
    assert reaching_s > 1.2 * bare_s > 0
