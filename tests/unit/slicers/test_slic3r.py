"""What Slic3r is asked for, what it cannot, and how its file is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from printprep.errors import ProfileError, SliceFailed
from printprep.geometry.mesh import Mesh
from printprep.geometry.zones import Zones
from printprep.plan import OUT_OF_REACH, Plan, SupportZone
from printprep.profiles.load import Profiles
from printprep.slicers.dressed import LAYER
from printprep.slicers.job import Job, job_of
from printprep.slicers.slic3r import command, lines_of, parse
from printprep.slicers.slic3r_project import carved, write_project
from printprep.slicers.slic3r_settings import left_out, refuse_what_it_cannot, settings

Cube = Callable[[float, tuple[float, float, float]], Mesh]
JobFor = Callable[..., Job]


@pytest.fixture
def plan(plan_of: Callable[..., Plan], cube: Cube) -> Plan:
    return plan_of({"bone": (cube(10, (100, 100, 0)), 1, "pla"), "artery": (cube(8, (110, 100, 0)), 3, "tpu-95a")})


@pytest.fixture
def job_for(profiles: Profiles) -> JobFor:
    return lambda plan, book=profiles: job_of(plan, plan.plates[0], book, "Slic3r", lambda _f, _p, _t: None)


def test_lists_have_a_value_for_each_tool_that_prints(plan: Plan, job_for: JobFor) -> None:
    asked = settings(job_for(plan))
    assert asked["temperature"] == "215,230"
    assert asked["filament_max_volumetric_speed"] == "15,4"
    assert asked["support_material_threshold"] == "45%"  # from the horizontal
    assert asked["dont_support_bridges"] == "0"
    assert (asked["post_process"], asked["start_gcode"], asked["skirts"]) == ("", ";", "0")
    assert settings(job_for(replace(plan, supports=False)))["support_material"] == "0"


def test_raw_keys_win_and_those_that_run_programs_are_left_out(plan: Plan, job_for: JobFor, profiles: Profiles) -> None:
    real = profiles.printers["prusa-xl"]
    raw = {"slic3r": {"perimeter_speed": 12.5, "post_process": "/bin/sh", "octoprint_apikey": "x"}}
    book = replace(profiles, printers={**profiles.printers, "prusa-xl": real.model_copy(update={"slicer": raw})})
    asked = settings(job_for(plan, book))
    assert (asked["perimeter_speed"], asked["post_process"]) == ("12.5", "")
    assert "octoprint_apikey" not in asked
    assert [f.value for f in left_out(job_for(plan, book))] == ["octoprint_apikey", "post_process"]


def test_a_pattern_that_slic3r_has_not_is_refused_by_name(plan: Plan, job_for: JobFor, profiles: Profiles) -> None:
    real = profiles.processes["standard"]
    other = real.model_copy(update={"fdm": real.fdm.model_copy(update={"infill_pattern": "lightning"})})
    with pytest.raises(ProfileError, match="no infill pattern 'lightning'"):
        settings(job_for(plan, replace(profiles, processes={**profiles.processes, "standard": other})))


def test_what_it_does_less_well_is_a_finding(
    plan: Plan, job_for: JobFor, plan_of: Callable[..., Plan], cube: Cube
) -> None:
    assert [f.code for f in refuse_what_it_cannot(job_for(plan))] == ["slicer-cannot"]
    alone = plan_of({"bone": (cube(10, (100, 100, 0)), 0, "pla")})
    assert refuse_what_it_cannot(job_for(alone)) == ()
    for why, said in ((OUT_OF_REACH, "may stay in clefts"), ("critical", "critical surface may bear marks")):
        blocked = replace(alone, support_zones=(zone("block", why),))
        assert [said in f.message for f in refuse_what_it_cannot(job_for(blocked))] == [True]
        assert refuse_what_it_cannot(job_for(replace(blocked, supports=False))) == ()
    assert refuse_what_it_cannot(job_for(replace(alone, support_zones=(zone("enforce", "island"),)))) == ()


def zone(kind: Literal["block", "enforce"], why: str) -> SupportZone:
    return SupportZone(part="bone", kind=kind, why=why, at_mm=np.zeros((1, 3)), area_mm2=1.0, step_mm=1.0)


def test_one_nozzle_for_several_materials_is_refused(plan: Plan, job_for: JobFor) -> None:
    with pytest.raises(SliceFailed, match="lays no wipe tower"):
        refuse_what_it_cannot(job_for(replace(plan, printer="prusa-mk4-mmu3")))


def test_what_later_parts_take_is_cut_out_and_the_rest_is_left_as_it_is(cube: Cube) -> None:
    low, high, apart = cube(10, (0, 0, 0)), cube(4, (3, 3, 3)), cube(5, (10, 0, 0))
    found = carved({"low": low, "apart": apart, "high": high})
    assert found["low"].volume_mm3 == pytest.approx(1000 - 64)
    assert found["apart"] is apart  # a shared wall is no overlap
    assert found["high"] is high
    opened = Mesh(low.vertices, low.faces[:-1])
    assert carved({"low": opened, "high": high})["low"] is opened


def test_the_project_holds_every_part_with_its_tool_and_a_name_that_cannot_break_it(cube: Cube, tmp_path: Path) -> None:
    write_project(tmp_path / "x.amf", [("a<b", cube(1, (0, 0, 0)), 1), ("c", cube(2, (5, 0, 0)), 2)])
    text = (tmp_path / "x.amf").read_text()
    assert text.count("<vertex>") == 16
    assert text.count("<triangle>") == 24
    assert '<metadata type="name">a&lt;b</metadata>\n<metadata type="slic3r.extruder">1</metadata>' in text
    assert "<v1>8</v1>" in text.partition('slic3r.extruder">2')[2]
    with pytest.raises(ValueError, match="at least one volume"):
        write_project(tmp_path / "x.amf", [])


def test_the_command_moves_nothing_and_names_no_folder(tmp_path: Path) -> None:
    words = command("/usr/bin/slic3r", tmp_path / "a.ini", tmp_path / "a.amf", tmp_path / "a.gcode")
    assert "--dont-arrange" in words
    assert words[-1] == "a.amf"
    assert str(tmp_path) not in " ".join(words)


def test_comments_become_marks(tmp_path: Path) -> None:
    raw = tmp_path / "raw.gcode"
    raw.write_text(
        "; generated by Slic3r 1.3.0 on 2026-11-22\n\nM107 ; disable fan\nT0 ; change extruder\n;LAYER_CHANGE\n;Z:0.2\n"
        "G1 X1 Y1 F9000 ; move to first perimeter point\nG1 X2 Y1 E1 ; perimeter\nG1 X3 Y1 E1 ; perimeter (bridge)\n"
        "G1 F600\nG1 X4 Y1 E1 ; support material interface\n; layer_height = 0.2\n"
    )
    assert list(lines_of(raw)) == [
        "M107", "T0", f"{LAYER};LAYER_CHANGE", ";Z:0.2", "G1 X1 Y1 F9000", ";TYPE:Perimeter", "G1 X2 Y1 E1",
        ";TYPE:Overhang perimeter", "G1 X3 Y1 E1", "G1 F600", ";TYPE:Support material interface", "G1 X4 Y1 E1",
    ]  # fmt: skip


def test_its_figures_and_settings_are_read_and_half_a_file_is_refused(tmp_path: Path) -> None:
    raw = tmp_path / "raw.gcode"
    raw.write_text(
        "G1 X1\n; filament used = 232.4mm (0.6cm3)\n; filament used = 187.1mm (0.4cm3)\n; total filament cost = 0.0\n\n"
        "; layer_gcode = ;LAYER_CHANGE\\nG92 E0\n; notes = \n; layer_height = 0.2\n"
    )
    figures = parse(raw)
    assert figures.filament_mm == (232.4, 187.1)
    assert figures.config["layer_height"] == "0.2"
    assert figures.config["notes"] == ""
    raw.write_text("G1 X1\nG1 X2\n")
    with pytest.raises(SliceFailed, match="stops before its end"):
        parse(raw)


def test_keep_out_zones_are_refused_unless_there_are_no_supports(
    plan_of: Callable[..., Plan], cube: Cube, job_for: JobFor
) -> None:
    alone = plan_of({"bone": (cube(10, (100, 100, 0)), 0, "pla")})
    kept = replace(alone, keep_out=Zones(spheres=np.array([[100.0, 100.0, 0.0, 2.0]])))
    with pytest.raises(SliceFailed, match="cannot be told where no support may stand"):
        refuse_what_it_cannot(job_for(kept))
    assert refuse_what_it_cannot(job_for(replace(kept, supports=False))) == ()
