"""What CuraEngine is asked for, and how its words and its file are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.errors import ProfileError, SettingNotHonoured, SliceFailed
from printprep.geometry.mesh import Mesh
from printprep.plan import Plan, SupportZone
from printprep.profiles.load import Profiles
from printprep.slicers.cura_definitions import read_definitions
from printprep.slicers.cura_settings import Requested, cura_tower, left_out, settings
from printprep.slicers.curaengine import command, compared, lines_of, models, resolved, said_of_itself
from printprep.slicers.dressed import LAYER
from printprep.slicers.job import Job, job_of

Cube = Callable[[float, tuple[float, float, float]], Mesh]
SAID = (
    ' -s layer_height="0.2" -s speed_print="40" -e0 -s layer_height="0.2" -s speed_print="40" '
    '-e1 -s layer_height="0.2" -s speed_print="20" -g -e0 -l "0" -s layer_height="0.9"'
)
REQUESTED = Requested(
    common={"layer_height": 0.2, "speed_print": 40.0},
    tools=({"layer_height": 0.2, "speed_print": 40.0}, {"layer_height": 0.2, "speed_print": 20.0}),
    said=frozenset({"layer_height"}),
)


@pytest.fixture
def plan(plan_of: Callable[..., Plan], cube: Cube) -> Plan:
    """Two parts by the tools 1 and 3 of five; the first one gives way."""
    return plan_of({"bone": (cube(10, (100, 100, 0)), 1, "pla"), "artery": (cube(8, (110, 100, 0)), 3, "tpu-95a")})


@pytest.fixture
def job_for(profiles: Profiles) -> Callable[..., Job]:
    return lambda plan, book=profiles: job_of(plan, plan.plates[0], book, "CuraEngine", cura_tower)


@pytest.fixture
def asked(job_for: Callable[..., Job], cura_definitions: Callable[[], Path]) -> Callable[..., Requested]:
    definitions = read_definitions(cura_definitions())
    return lambda *words: settings(job_for(*words), definitions)


def test_each_tool_that_prints_has_its_own_material_and_speeds_that_it_flows_at(
    plan: Plan, asked: Callable[..., Requested]
) -> None:
    requested = asked(plan)
    pla, tpu = requested.tools
    assert (pla["material_print_temperature"], tpu["material_print_temperature_layer_0"]) == (215, 235)
    assert pla["speed_infill"] == 80
    assert tpu["speed_infill"] == pytest.approx(4 / (0.4 * 0.2))
    assert tpu["speed_wall_0"] == 30
    assert all(tool["material_bed_temperature"] == 60 for tool in requested.tools)
    assert (pla["cool_fan_speed"], tpu["cool_fan_speed"]) == (100, 60)
    assert (requested.common["machine_extruder_count"], requested.common["infill_pattern"]) == (2, "gyroid")
    assert pla["infill_line_distance"] == pytest.approx(0.4 * 100 / 15)  # by Cura's own formula


def test_the_support_angle_is_from_the_vertical_for_both(plan: Plan, asked: Callable[..., Requested]) -> None:
    assert asked(plan).common["support_angle"] == 45
    assert asked(replace(plan, supports=False)).common["support_enable"] is False


def test_the_tower_is_round_and_stands_where_room_was_kept(plan: Plan, job_for: Callable[..., Job]) -> None:
    job = job_for(plan)
    assert job.tower is not None
    assert job.tower.size.width_mm == job.tower.size.depth_mm >= 20


def test_raw_keys_of_a_profile_win_and_those_that_place_parts_are_left_out(
    plan: Plan, asked: Callable[..., Requested], profiles: Profiles, job_for: Callable[..., Job]
) -> None:
    real = profiles.printers["prusa-xl"]
    raw = {"curaengine": {"speed_wall_0": 12.5, "center_object": True, "machine_end_gcode": "M502"}}
    book = replace(profiles, printers={**profiles.printers, "prusa-xl": real.model_copy(update={"slicer": raw})})
    requested = asked(plan, book)
    assert [tool["speed_wall_0"] for tool in requested.tools] == [12.5, 12.5]
    assert requested.common["center_object"] is False
    assert requested.common["machine_end_gcode"] == ""
    assert [f.value for f in left_out(job_for(plan, book))] == ["center_object", "machine_end_gcode"]


def test_a_pattern_that_cura_has_not_is_refused_by_name(
    plan: Plan, asked: Callable[..., Requested], profiles: Profiles
) -> None:
    real = profiles.processes["standard"]
    other = real.model_copy(update={"fdm": real.fdm.model_copy(update={"infill_pattern": "honeycomb"})})
    with pytest.raises(ProfileError, match="no infill pattern 'honeycomb'"):
        asked(plan, replace(profiles, processes={**profiles.processes, "standard": other}))


def test_the_part_that_wins_comes_first_and_modifiers_last(plan: Plan, job_for: Callable[..., Job]) -> None:
    zones = tuple(
        SupportZone(part="bone", kind=kind, why="x", at_mm=np.array([[105.0, 105.0, 5.0]]), area_mm2=1, step_mm=1)
        for kind in ("block", "enforce")
    )
    found = models(job_for(replace(plan, support_zones=zones)))
    assert [model.name for model in found] == ["artery", "bone", "modifier", "modifier"]
    assert [model.settings["extruder_nr"] for model in found[:2]] == [1, 0]
    assert {key for model in found[2:] for key in model.settings} == {
        "extruder_nr", "infill_mesh_order", "support_mesh", "support_mesh_drop_down", "anti_overhang_mesh",
    }  # fmt: skip
    assert [model.settings["infill_mesh_order"] for model in found] == [1, 2, 3, 4]  # no two alike: ties are mixed up


def test_the_command_says_every_setting_and_names_no_folder(
    plan: Plan, asked: Callable[..., Requested], job_for: Callable[..., Job], tmp_path: Path
) -> None:
    words = command("CuraEngine", asked(plan), models(job_for(plan)), tmp_path / "plate.gcode")
    assert words[:6] == ["CuraEngine", "slice", "-v", "-p", "-o", "plate.gcode"]
    assert words.index("-e0") < words.index("-e1") < words.index("part-1.stl")
    assert sum(word.startswith("layer_height=") for word in words) == 3
    assert str(tmp_path) not in " ".join(words)


def test_what_it_took_is_read_from_its_log_and_compared() -> None:
    common, tools = resolved(["Loaded", SAID])
    assert common == {"layer_height": "0.2", "speed_print": "40"}
    assert tools[1]["speed_print"] == "20"
    rows = compared(REQUESTED, [SAID], (1, 3))
    assert [(r.key, r.requested, r.resolved) for r in rows] == [
        ("layer_height", "0.2", "0.2"),
        ("speed_print", None, "40"),
        ("tool 3: speed_print", None, "20"),
    ]


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        (
            SAID.replace('layer_height="0.2"', 'layer_height="0.1"', 1),
            SettingNotHonoured,
            "requested '0.2', took '0.1'",
        ),
        (SAID.replace('-s speed_print="20"', ""), SettingNotHonoured, "tool 3: speed_print: requested '20', took None"),
        ("nothing", SliceFailed, "does not say which settings it took"),
    ],
)
def test_another_value_is_named(said: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compared(REQUESTED, [said], (1, 3))


def test_its_own_time_and_filament_are_read() -> None:
    words = ["Print time (s): 805", "Print time (hr|min|s): 0h 13m 25s", "Filament (mm^3): 704", "Filament2: 609"]
    assert said_of_itself(words) == (805.0, {0: 704.0, 1: 609.0})
    assert said_of_itself([]) == (None, {})


def test_its_lines_lose_their_placeholders_and_files_become_parts(tmp_path: Path) -> None:
    raw = tmp_path / "raw.gcode"
    raw.write_text(
        ";FLAVOR:Marlin\n;TIME:6666\n;MINX:2.1e+06\n\nT0\n;LAYER_COUNT:2\n;LAYER:0\n;MESH:part-1.stl\n"
        ";TYPE:SKIN\nG1 X1 E1\n;TIME_ELAPSED:9.1\n;MESH:NONMESH\n;End of Gcode\n"
    )
    assert list(lines_of(raw, {"part-1.stl": "bone"})) == [
        "T0", f"{LAYER};LAYER:0", ";MESH:bone", ";TYPE:SKIN", "G1 X1 E1", ";MESH:NONMESH",
    ]  # fmt: skip
