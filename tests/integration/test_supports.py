"""The real PrusaSlicer and supports: what it honours of blockers and enforcers, and which tool lays what dissolves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.case import Case, Part, Severity, Source
from printprep.casefile import KeepOut, Sphere, SupportsWish
from printprep.gcode.read import read_gcode
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid
from printprep.plan import Plan, SlicedPlate
from printprep.prepare.arrange import arrange
from printprep.prepare.assign import assign
from printprep.prepare.pipeline import begin, plan_of
from printprep.prepare.steer import steer
from printprep.profiles.load import Profiles, load_profiles
from printprep.slicers import prusaslicer

pytestmark = pytest.mark.integration

ARM = from_solid(Manifold.cube((10, 10, 15)) + Manifold.cube((40, 10, 5)).translate((10, 0, 10)))
BALL = from_solid(Manifold.sphere(12, 96).translate((0, 0, 12)) + Manifold.cylinder(3, 5, 5, 64))
BRIDGE = from_solid(
    Manifold.cube((6, 6, 8))
    + Manifold.cube((6, 6, 8)).translate((36, 0, 0))
    + Manifold.cube((42, 6, 2)).translate((0, 0, 6))
)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


@pytest.fixture(autouse=True)
def _installed(engine: Callable[[str], str]) -> None:
    engine("prusa-slicer")


def planned(
    profiles: Profiles,
    mesh: Mesh,
    *,
    keep_out: Sphere | None = None,
    critical: bool = False,
    material: str | None = None,
    printer: str = "prusa-xl",
) -> Plan:
    part = Part(
        name="a", mesh=mesh, tissue="bone", source=Source(file="x.stl", sha256="0"), side="left", critical=critical
    )
    case = Case(
        id="T-1",
        parts=(part,),
        keep_out=(KeepOut(sphere=keep_out),) if keep_out else (),
        supports=SupportsWish(material=material),
    )
    draft = begin(case, profiles.printer(printer), profiles.process("draft"), profiles)
    for stage in (assign, arrange, steer):
        draft = stage(draft)
    return plan_of(draft)


def cut(plan: Plan, profiles: Profiles, out: Path) -> SlicedPlate:
    return prusaslicer.slice_plate(plan, plan.plates[0], profiles, out, timeout_s=300)


def contact_mm2(plate: SlicedPlate) -> float:
    assert plate.supports is not None
    return plate.supports.contact_mm2


def test_no_support_touches_a_keep_out_zone_and_without_blockers_one_would(profiles: Profiles, tmp_path: Path) -> None:
    plan = planned(profiles, ARM, keep_out=Sphere(centre_mm=(38, 5, 10), radius_mm=6))
    kept = cut(plan, profiles, tmp_path)
    assert kept.supports is not None
    assert [contact.keep_out_mm2 for contact in kept.supports.contacts] == [0.0]
    assert contact_mm2(kept) > 150
    told_nothing = cut(replace(plan, support_zones=()), profiles, tmp_path)
    (error,) = (finding for finding in told_nothing.findings if finding.severity is Severity.ERROR)
    assert error.code == "support-in-keep-out"
    assert error.where_mm is not None
    assert np.linalg.norm(np.subtract(error.where_mm, (38, 5, 10))) < 6
    assert isinstance(error.value, float)
    assert error.value == pytest.approx(108, rel=0.1)  # of the ball's shadow on an arm 10 mm wide


def test_a_long_bridge_is_supported_that_the_engine_leaves_to_itself(profiles: Profiles, tmp_path: Path) -> None:
    plan = planned(profiles, BRIDGE)
    assert contact_mm2(cut(replace(plan, support_zones=()), profiles, tmp_path)) == 0
    made = cut(plan, profiles, tmp_path)
    assert contact_mm2(made) == pytest.approx(30 * 6, rel=0.15)
    assert made.anatomy_layer_count is not None
    assert made.anatomy_layer_count == pytest.approx(8 / 0.28, abs=1)
    assert made.layer_count >= made.anatomy_layer_count


def test_critical_surface_that_prints_without_is_left_alone(profiles: Profiles, tmp_path: Path) -> None:
    assert contact_mm2(cut(planned(profiles, BALL, critical=True), profiles, tmp_path)) < 0.5
    assert contact_mm2(cut(planned(profiles, BALL), profiles, tmp_path)) > 20


@pytest.mark.parametrize("printer", ["prusa-xl", "prusa-mk4-mmu3"])
def test_what_dissolves_is_laid_by_its_own_tool_next_to_the_part(
    printer: str, profiles: Profiles, tmp_path: Path
) -> None:
    plate = cut(planned(profiles, BALL, material="bvoh", printer=printer), profiles, tmp_path)
    gcode = read_gcode(plate.file)
    moves = gcode.moves
    lays = (moves.e_mm > 0) & (moves.layer >= 0)
    tools = {
        name: set(moves.tool[lays & (moves.feature == gcode.features.index(name))].tolist())
        for name in ("External perimeter", "Support material", "Support material interface")
    }
    assert tools == {"External perimeter": {0}, "Support material": {0}, "Support material interface": {1}}
    assert plate.supports is not None
    assert 0 < plate.supports.soluble_mm3 == pytest.approx(plate.supports.interface_mm3)
    assert {use.material for use in plate.estimate.material} == {"pla", "bvoh"}


def test_a_thin_branch_that_a_support_holds_on_to_is_named(profiles: Profiles, tmp_path: Path) -> None:
    branch = Manifold.cylinder(25, 0.6, 0.6, 32).rotate((0, 90, 0)).translate((9, 5, 10))
    plate = cut(planned(profiles, from_solid(Manifold.cube((10, 10, 15)) + branch)), profiles, tmp_path)
    (warning,) = (finding for finding in plate.findings if finding.code == "support-on-thin")
    assert warning.where_mm is not None
    assert 11 < warning.where_mm[0] < 33


def test_supports_come_out_the_same_each_time(profiles: Profiles, tmp_path: Path) -> None:
    plan = planned(profiles, ARM, keep_out=Sphere(centre_mm=(38, 5, 10), radius_mm=6))
    one, other = cut(plan, profiles, tmp_path / "one"), cut(plan, profiles, tmp_path / "other")
    assert one.sha256 == other.sha256
    assert one.supports == other.supports
