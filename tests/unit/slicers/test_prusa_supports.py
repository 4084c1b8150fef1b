"""What PrusaSlicer is told of supports, and what is said of what it made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.case import Severity
from printprep.geometry.mesh import Mesh
from printprep.plan import Plan, SupportContact, Supports, SupportZone, ToolLoad
from printprep.profiles.load import Profiles
from printprep.slicers.job import used_tools
from printprep.slicers.prusa_settings import settings
from printprep.slicers.prusa_supports import bead, findings, modifiers

Cube = Callable[[float, tuple[float, float, float]], Mesh]

ZONES = tuple(
    SupportZone(part=part, kind=kind, why="x", at_mm=np.array([[x, 5.0, 3.0]]), area_mm2=0.3, step_mm=0.6)  # type: ignore[arg-type]
    for part, kind, x in (("a", "block", 1.0), ("a", "enforce", 9.0), ("elsewhere", "block", 4.0))
)
CONTACT = SupportContact(
    part="a",
    under_mm2=3.0,
    on_mm2=1.0,
    critical_mm2=0.0,
    critical_mm=None,
    thin_mm2=0.0,
    thin_mm=None,
    keep_out_mm2=0.0,
    keep_out_mm=None,
    places=(((1.0, 2.0, 3.0), 4.0),),
)
SUPPORTS = Supports(
    volume_mm3=2000.0,
    interface_mm3=300.0,
    soluble_mm3=0.0,
    out_of_reach_mm3=0.0,
    out_of_reach_mm=None,
    contacts=(CONTACT,),
)


@pytest.fixture
def plan(plan_of: Callable[..., Plan], cube: Cube) -> Plan:
    return plan_of({"a": (cube(10, (100, 100, 0)), 0, "pla")}, printer="prusa-xl")


def test_zones_move_with_their_part_and_the_blockers_come_last(plan: Plan, profiles: Profiles) -> None:
    moved = np.eye(4)
    moved[:3, 3] = 100, 0, 0
    plate = replace(plan.plates[0], case_to_plate=moved)
    made = modifiers(replace(plan, support_zones=ZONES), plate, profiles.process("standard").fdm)
    assert [volume.kind for volume in made] == ["SupportEnforcer", "SupportBlocker"]
    assert made[0].mesh.bounds_mm.mean(axis=0)[:2] == pytest.approx([109, 5])
    low, high = made[1].mesh.bounds_mm
    assert low == pytest.approx([101 - 1.3, 5 - 1.3, 2.8])
    assert high == pytest.approx([101 + 1.3, 5 + 1.3, 3.4])
    assert modifiers(plan, plate, profiles.process("standard").fdm) == []


def test_blockers_ask_for_supports_that_keep_to_their_edge(plan: Plan, profiles: Profiles) -> None:
    plate = plan.plates[0]
    assert settings(plan, plate, profiles)["support_material_style"] == "grid"
    assert settings(replace(plan, support_zones=ZONES[1:]), plate, profiles)["support_material_style"] == "grid"
    assert settings(replace(plan, support_zones=ZONES), plate, profiles)["support_material_style"] == "snug"


def test_soluble_supports_have_a_tool_no_gap_and_the_layers_of_the_part(plan: Plan, profiles: Profiles) -> None:
    load = ToolLoad(tool=1, material="bvoh", colour=(1, 2, 3))
    soluble = replace(plan, tools=(*plan.tools, load), support_tool=1)
    made = settings(soluble, plan.plates[0], profiles)
    assert made["support_material_interface_extruder"] == "2"
    assert made["support_material_extruder"] == "0"
    assert made["support_material_contact_distance"] == "0"
    assert made["support_material_synchronize_layers"] == "1"
    assert made["filament_soluble"] == "0,1,0,0,0"
    assert used_tools(soluble, plan.plates[0]) == (0, 1)
    assert settings(plan, plan.plates[0], profiles)["support_material_interface_extruder"] == "0"


def test_how_lines_of_support_are_laid_is_read_from_what_the_engine_resolved(profiles: Profiles) -> None:
    process = profiles.process("standard").fdm
    plain = bead({"support_material_extrusion_width": "0", "support_material_contact_distance": "0.2"}, process, 0.4)
    assert (plain.width_mm, plain.gap_mm, plain.interface_gap_mm) == pytest.approx((0.4, 0.2, 0.4))
    assert bead({"support_material_extrusion_width": "90%"}, process, 0.6).width_mm == pytest.approx(0.54)
    thin = bead({"support_material_contact_distance": "0.2", "thick_bridges": "0"}, process, 0.4)
    assert thin.interface_gap_mm == pytest.approx(0.2)
    soluble = bead({"support_material_contact_distance": "0"}, process, 0.4)
    assert (soluble.gap_mm, soluble.interface_gap_mm) == (0, 0)


def test_what_a_person_must_remove_is_said() -> None:
    (said,) = findings(SUPPORTS, Path("plate-1.gcode"))
    assert (said.code, said.severity, said.value) == ("supported", Severity.INFO, 4.0)
    assert "2.00 ml of support from plate-1.gcode; it holds on by 4.0 mm2: a 4.0 mm2" in said.message
    assert findings(replace(SUPPORTS, volume_mm3=0.0, contacts=()), Path("plate-1.gcode")) == ()


def test_a_touch_inside_a_zone_is_an_error_and_one_on_critical_surface_a_warning() -> None:
    touching = replace(
        CONTACT,
        keep_out_mm2=0.1,
        keep_out_mm=(7, 8, 9),
        critical_mm2=2.0,
        critical_mm=(4, 5, 6),
        thin_mm2=1.0,
        thin_mm=(1, 1, 1),
    )
    found = {f.code: f for f in findings(replace(SUPPORTS, contacts=(touching,)), Path("plate-1.gcode"))}
    assert found["support-in-keep-out"].severity is Severity.ERROR
    assert found["support-in-keep-out"].where_mm == (7, 8, 9)
    assert found["support-on-critical"].severity is Severity.WARNING
    assert found["support-on-critical"].where_mm == (4, 5, 6)
    assert found["support-on-thin"].severity is Severity.WARNING
    assert found["support-on-thin"].where_mm == (1, 1, 1)


def test_what_no_tool_reaches_is_said() -> None:
    found = findings(replace(SUPPORTS, out_of_reach_mm3=20.0, out_of_reach_mm=(1, 2, 3)), Path("plate-1.gcode"))
    assert [(f.code, f.severity, f.where_mm) for f in found[1:]] == [
        ("support-out-of-reach", Severity.WARNING, (1, 2, 3))
    ]
