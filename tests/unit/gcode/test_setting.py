"""What a slicer's settings may say, and what only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from printprep.case import Severity
from printprep.gcode.guard import GuardLimits, guard
from printprep.gcode.setting import doubt, setting

LIMITS = GuardLimits(upper_mm=(250, 210, 200), nozzle_max_c=290, bed_max_c=110)


def said(tmp_path: Path, comment: str) -> list[tuple[str, str]]:
    path = tmp_path / "plate.gcode"
    path.write_text(f";{comment}\nG28\n")
    found = guard(path, LIMITS)
    assert not any(word in f.message for f in found for word in ("Mary", "Miller", "Smith"))
    return [(f.code, f.severity.value) for f in found]


@pytest.mark.parametrize(
    "comment",
    [
        " John_Smith = 1", " john_smith = 1", " patient_of = Mary Miller", " Miller_Mary=1974",
        " notes = Mary Miller", " print_notes = heart of Mary Miller", " start_gcode = G28 ; for Mary Miller\\nG29",
        " bed_shape = Mary Miller", " layer_height = Mary Miller", " filament_notes = mrn 12345",
    ],
)  # fmt: skip
def test_a_name_in_a_setting_or_as_one_is_found(tmp_path: Path, comment: str) -> None:
    [(code, severity)] = said(tmp_path, comment)
    assert (code, severity) == (
        ("gcode-strange-comment", "warning") if "john" in comment else ("gcode-identifying", "error")
    )


@pytest.mark.parametrize(
    "name",
    [
        "circle_compensation_manual_offset", "counter_coef_1", "different_settings_to_system", "enable_pre_heating",
        "extruder_clearance_dist_to_rod", "extruder_clearance_height_to_lid", "extruder_nozzle_stats",
        "filament_adhesiveness_category", "filament_dev_ams_drying_heat_distortion_temperature",
        "filament_metal_stickiness", "filament_mixed_gradient_curve", "filament_retract_length_nc",
        "filament_self_index", "fuzzy_skin_octaves", "has_filament_switcher", "impact_strength_z",
        "infill_instead_top_bottom_surfaces", "long_retractions_when_ec", "support_interface_not_for_body",
        "symmetric_infill_y_axis",
    ],
)  # fmt: skip
def test_settings_of_bambu_studio_are_settings(tmp_path: Path, name: str) -> None:
    assert setting(f" {name} = 1") == (name, "1")
    assert said(tmp_path, f" {name} = 1") == []


@pytest.mark.parametrize(
    "comment", [" print_settings_id = Mary Miller", " patient_of = 7", " printing object mary id:0 copy 0"]
)
def test_what_may_be_a_profile_or_a_thing_is_a_warning(tmp_path: Path, comment: str) -> None:
    assert said(tmp_path, comment) == [("gcode-strange-comment", "warning")]


@pytest.mark.parametrize(
    "comment",
    [
        " wipe_tower_no_sparse_layers = 0", " perimeter_extrusion_width = 0.45", " bed_shape = 0x0,250x0,250x210,0x210",
        " filament_settings_id = \"Prusament PLA @MK4\"", " gcode_flavor = marlin2", " overhang_1_4_speed = 0",
        " required_nozzle_HRC = 3", " textured_plate_temp = 65", " tree_support_branch_angle = 45", " raft_air_gap=0.3",
        " start_gcode = M104 S215 ; set temperature\\nG28 ; home all axes\\n", " fill_pattern = gyroid",
        ' compatible_printers_condition_cummulative = "printer_notes=~/.*MK4S.*/ and nozzle_diameter[0]==0.4"',
        " filament_multitool_ramming_flow = 10", " scarf_seam_entire_loop = 0", " prime_tower_rib_wall = 1",
        " scarf_angle_threshold = 155", " filament_colour = #FF8000;#1A5FB4",
    ],
)  # fmt: skip
def test_settings_of_five_slicers_say_nothing(tmp_path: Path, comment: str) -> None:
    assert said(tmp_path, comment) == []


def test_a_makers_long_notes_are_a_warning() -> None:
    notes = "List of materials:\\n\\nDas Filament\\nFiberlogy HD\\nHatchbox PLA\\nPlasty Mladec"
    assert doubt("filament_notes", notes, frozenset()) is Severity.WARNING


def test_words_that_the_lab_knows_are_none() -> None:
    assert doubt("notes", "Mary Miller", frozenset({"mary", "miller"})) is None


def test_name_and_value() -> None:
    assert setting(" layer_height = 0.2 ") == ("layer_height", "0.2")
    assert setting("a plain remark") is None
    assert setting(" layer_of_mary = 1") is None
