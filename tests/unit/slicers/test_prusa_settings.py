from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from printprep.errors import ProfileError
from printprep.geometry.mesh import Mesh
from printprep.plan import Plan
from printprep.profiles.load import Profiles
from printprep.profiles.tower import TowerSize
from printprep.slicers.fit import Tower
from printprep.slicers.prusa_settings import (
    refused,
    settings,
    threshold_from_horizontal_deg,
    to_ini,
)

Cube = Callable[[float, tuple[float, float, float]], Mesh]


@pytest.fixture
def plan(plan_of: Callable[..., Plan], cube: Cube) -> Plan:
    bone, tumour = cube(20, (100, 100, 0)), cube(8, (106, 106, 6))
    return plan_of({"bone": (bone, 0, "pla"), "tumour": (tumour, 3, "tpu-95a")})


def with_raw(profiles: Profiles, where: str, raw: Mapping[str, str | int | float | bool]) -> Profiles:
    """The profiles with raw keys of PrusaSlicer on prusa-xl, standard or pla."""
    if where == "printer":
        xl = profiles.printers["prusa-xl"]
        changed = xl.model_copy(update={"slicer": {"prusaslicer": dict(raw)}})
        return replace(profiles, printers={**profiles.printers, "prusa-xl": changed})
    if where == "process":
        standard = profiles.processes["standard"]
        fdm = standard.fdm.model_copy(update={"slicer": {"prusaslicer": dict(raw)}})
        return replace(profiles, processes={**profiles.processes, "standard": standard.model_copy(update={"fdm": fdm})})
    pla = profiles.materials["pla"]
    assert pla.fdm is not None
    filament = pla.fdm.model_copy(update={"slicer": {"prusaslicer": dict(raw)}})
    return replace(profiles, materials={**profiles.materials, "pla": pla.model_copy(update={"fdm": filament})})


def test_every_tool_of_the_printer_has_a_value_and_an_unused_one_repeats_the_first(
    plan: Plan, profiles: Profiles
) -> None:
    asked = settings(plan, plan.plates[0], profiles)
    assert asked["temperature"] == "215,215,215,230,215"
    assert asked["nozzle_diameter"] == "0.4,0.4,0.4,0.4,0.4"
    assert asked["filament_type"] == "PLA;PLA;PLA;FLEX;PLA"
    assert asked["filament_colour"] == "#090900;#090900;#090900;#090903;#090900"
    assert asked["filament_density"] == "1.24,1.24,1.24,1.22,1.24"
    assert asked["retract_length"] == "0.8,0.8,0.8,1,0.8"


def test_one_bed_is_as_hot_as_the_hottest_material_on_the_plate(plan: Plan, profiles: Profiles) -> None:
    asked = settings(plan, plan.plates[0], profiles)
    assert asked["first_layer_bed_temperature"] == asked["bed_temperature"] == "60,60,60,60,60"
    soft_only = replace(plan.plates[0], parts=("tumour",))
    assert settings(plan, soft_only, profiles)["bed_temperature"] == "50,50,50,50,50"


@pytest.mark.parametrize(
    ("from_vertical_deg", "from_horizontal_deg"), [(45, 45), (60, 30), (50.5, 40), (90, 1), (0, 90)]
)
def test_overhang_turns_from_the_vertical_to_the_horizontal_and_never_into_automatic(
    from_vertical_deg: float, from_horizontal_deg: int
) -> None:
    assert threshold_from_horizontal_deg(from_vertical_deg) == from_horizontal_deg


def test_supports_are_switched_by_the_plan_and_use_the_tool_at_hand(plan: Plan, profiles: Profiles) -> None:
    without = settings(replace(plan, supports=False), plan.plates[0], profiles)
    assert (settings(plan, plan.plates[0], profiles)["support_material"], without["support_material"]) == ("1", "0")
    assert without["support_material_extruder"] == without["support_material_interface_extruder"] == "0"


def test_a_wipe_tower_comes_with_all_that_the_engine_wants_of_it(plan: Plan, profiles: Profiles) -> None:
    tower = Tower(x_mm=12.5, y_mm=200, size=TowerSize(width_mm=55, depth_mm=9))
    asked = settings(plan, plan.plates[0], profiles, tower)
    assert asked["wipe_tower"] == asked["use_relative_e_distances"] == "1"
    assert (asked["wipe_tower_x"], asked["wipe_tower_y"], asked["wipe_tower_width"]) == ("12.5", "200", "55")
    assert asked["layer_gcode"] == "G92 E0"
    matrix = asked["wiping_volumes_matrix"].split(",")
    assert len(matrix) == 25
    assert {matrix[k] for k in range(0, 25, 6)} == {"0"}
    assert set(matrix) == {"0", "15"}
    assert settings(plan, plan.plates[0], profiles)["wipe_tower"] == "0"


def test_raw_keys_lie_over_ours_process_over_material_over_printer(plan: Plan, profiles: Profiles) -> None:
    changed = with_raw(profiles, "printer", {"seam_position": "rear", "perimeters": 9, "layer_gcode": "G92 E0\nM117"})
    changed = with_raw(changed, "process", {"perimeters": 7, "thin_walls": True})
    asked = settings(plan, plan.plates[0], changed)
    assert (asked["seam_position"], asked["perimeters"], asked["thin_walls"]) == ("rear", "7", "1")
    assert asked["layer_gcode"] == "G92 E0\\nM117"


def test_a_raw_key_that_only_one_material_sets_is_an_error_not_a_guess(plan: Plan, profiles: Profiles) -> None:
    changed = with_raw(profiles, "material", {"filament_type": "PLA", "filament_spool_weight": 200})
    with pytest.raises(ProfileError, match=r"tpu-95a must set filament_spool_weight"):
        settings(plan, plan.plates[0], changed)


@pytest.mark.parametrize("where", ["printer", "process", "material"])
def test_a_program_at_export_is_left_out_and_reported(where: str, plan: Plan, profiles: Profiles) -> None:
    changed = with_raw(profiles, where, {"post_process": "/bin/evil", "printhost_apikey": "a1b2c3"})
    asked = settings(plan, plan.plates[0], changed)
    assert not {"post_process", "printhost_apikey"} & asked.keys()
    found = refused(plan, changed)
    assert [(f.code, f.value) for f in found] == [
        ("slicer-key-stripped", "post_process"),
        ("slicer-key-stripped", "printhost_apikey"),
    ]
    assert "a1b2c3" not in str(found)
    assert refused(plan, profiles) == ()


def test_a_plan_for_more_tools_than_the_printer_has_is_refused(plan: Plan, profiles: Profiles) -> None:
    with pytest.raises(ProfileError, match=r"loads tools \[0, 3\], printer ender-3 has 0 to 0"):
        settings(replace(plan, printer="ender-3"), plan.plates[0], profiles)
    with pytest.raises(ProfileError, match="elegoo-saturn has no"):
        settings(replace(plan, printer="elegoo-saturn"), plan.plates[0], profiles)


def test_a_layer_higher_than_the_nozzle_is_wide_is_refused(plan: Plan, profiles: Profiles) -> None:
    printer = profiles.printer(plan.printer)
    assert printer.fdm is not None
    fine = printer.model_copy(update={"fdm": printer.fdm.model_copy(update={"nozzle_mm": 0.25})})
    changed = replace(profiles, printers={**profiles.printers, plan.printer: fine})
    assert settings(plan, plan.plates[0], changed)["nozzle_diameter"].startswith("0.25")
    with pytest.raises(ProfileError, match=r"rush has layer_height_mm = 0\.32, .* prusa-xl is 0\.25 mm wide"):
        settings(replace(plan, process="rush"), plan.plates[0], changed)


def test_solid_infill_takes_the_only_kind_of_pattern_that_the_engine_allows(plan: Plan, profiles: Profiles) -> None:
    standard = profiles.processes["standard"]
    solid = standard.model_copy(update={"fdm": standard.fdm.model_copy(update={"infill_percent": 100.0})})
    changed = replace(profiles, processes={**profiles.processes, "standard": solid})
    asked = settings(plan, plan.plates[0], changed)
    assert (asked["fill_density"], asked["fill_pattern"]) == ("100%", "rectilinear")


def test_clear_material_gets_solid_shells_where_tissues_meet(
    plan: Plan, plan_of: Callable[..., Plan], cube: Cube, profiles: Profiles
) -> None:
    clear = plan_of({"liver": (cube(20, (100, 100, 0)), 0, "petg-clear")})
    assert settings(clear, clear.plates[0], profiles)["interface_shells"] == "1"
    assert settings(plan, plan.plates[0], profiles)["interface_shells"] == "0"


def test_a_materials_own_gcode_is_quoted_for_each_tool(plan: Plan, profiles: Profiles) -> None:
    raw: dict[str, str | int | float | bool] = {"filament_type": "PLA", "start_filament_gcode": 'M900 K0.1\nM117 "a"'}
    asked = settings(plan, plan.plates[0], with_raw(profiles, "material", raw))
    assert asked["start_filament_gcode"].split(";")[0] == '"M900 K0.1\\nM117 \\"a\\""'
    assert asked["start_filament_gcode"].split(";")[3] == '""'


def test_an_ini_file_holds_one_line_a_key(plan: Plan, profiles: Profiles) -> None:
    asked = settings(plan, plan.plates[0], profiles)
    lines = to_ini(asked).splitlines()
    assert len(lines) == len(asked)
    assert all(" = " in line for line in lines)


@pytest.mark.parametrize(
    "raw",
    [
        {"notes": "a\npost_process = /bin/evil"},
        {"notes = a\npost_process": "/bin/evil"},
        {" post_process": "/bin/evil"},
        {"notes": "a\rpost_process = /bin/evil"},
    ],
)
def test_no_raw_setting_smuggles_in_a_line_of_its_own(
    raw: dict[str, str | int | float | bool], plan: Plan, profiles: Profiles
) -> None:
    with pytest.raises(ProfileError, match="is refused"):
        to_ini(settings(plan, plan.plates[0], with_raw(profiles, "process", raw)))
