"""Where supports must and may not stand: known solids, zones and printers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.case import Case, Finding, Part, Severity, Source
from printprep.casefile import Box, KeepOut, SupportsWish
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid
from printprep.plan import Plate
from printprep.prepare.assign import assign
from printprep.prepare.draft import Draft
from printprep.prepare.pipeline import begin, plan_of
from printprep.prepare.steer import steer
from printprep.profiles.load import Profiles, load_profiles

ARM = from_solid(Manifold.cube((10, 10, 30)) + Manifold.cube((40, 10, 10)).translate((10, 0, 20)))
FOOT = from_solid(Manifold.cube((60, 10, 1)).translate((-5, 20, 0)))
TO_BED = np.array([[0.0, -1, 0, 100], [1, 0, 0, 80], [0, 0, 1, 0], [0, 0, 0, 1]])  # a quarter turn about z


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def keep_out(*corners: tuple[float, float, float]) -> tuple[KeepOut, ...]:
    return (KeepOut(box=Box(lower_mm=corners[0], upper_mm=corners[1])),)


def steered(
    profiles: Profiles,
    parts: Mapping[str, Mesh],
    *,
    zones: tuple[KeepOut, ...] = (),
    critical: bool = False,
    printer: str = "prusa-xl",
    supports: bool = True,
) -> Draft:
    source = Source(file="x.stl", sha256="0")
    case = Case(
        id="T-1",
        parts=tuple(
            Part(name=name, mesh=mesh, tissue="bone", source=source, critical=critical) for name, mesh in parts.items()
        ),
        keep_out=zones,
    )
    draft = begin(case, profiles.printer(printer), profiles.process("standard"), profiles, supports=supports)
    plate = Plate(index=1, parts=tuple(parts), case_to_plate=TO_BED)
    return steer(replace(assign(draft), plates=(plate,)))


def areas(draft: Draft) -> dict[tuple[str, str], float]:
    return {(zone.kind, zone.why): zone.area_mm2 for zone in draft.support_zones}


def said(draft: Draft, code: str) -> Finding:
    (finding,) = (finding for finding in draft.findings if finding.code == code)
    return finding


def test_what_would_not_print_is_supported_and_its_place_is_in_the_frame_of_the_case(profiles: Profiles) -> None:
    draft = steered(profiles, {"arm": ARM})
    assert areas(draft) == {("enforce", "would not print without"): pytest.approx(400)}
    (zone,) = draft.support_zones
    assert zone.at_mm.min(axis=0) == pytest.approx([10, 0, 20], abs=0.7)
    assert zone.at_mm.max(axis=0) == pytest.approx([50, 10, 20], abs=0.7)
    assert "a support under 400.0 mm2" in said(draft, "supports-steered").message


def test_nothing_is_supported_in_a_zone_and_it_is_said_what_would_need_it(profiles: Profiles) -> None:
    draft = steered(profiles, {"arm": ARM}, zones=keep_out((30, -1, 15), (60, 11, 35)))
    assert areas(draft)["block", "keep-out"] == pytest.approx(215, abs=10)  # 20 mm of the arm, and 1.5 mm beside
    finding = said(draft, "unsupported-overhang")
    assert finding.severity is Severity.WARNING
    assert finding.value == pytest.approx(areas(draft)["block", "keep-out"])
    assert finding.where_mm is not None
    assert finding.where_mm[0] > 28


def test_an_island_in_a_zone_is_an_error(profiles: Profiles) -> None:
    tip = from_solid(
        Manifold.cube((10, 10, 40))
        + Manifold.cube((30, 10, 4)).translate((10, 0, 36))
        + Manifold.cylinder(16, 0.5, 2, 32).translate((30, 5, 20))
    )
    draft = steered(profiles, {"arm": tip}, zones=keep_out((25, 0, 18), (35, 10, 24)))
    assert said(draft, "unsupported-overhang").severity is Severity.ERROR


def test_no_support_stands_on_what_nothing_may_touch(profiles: Profiles) -> None:
    low = FOOT.transformed(np.array([[1.0, 0, 0, 0], [0, 1, 0, -20], [0, 0, 1, 0], [0, 0, 0, 1]]))
    zones = keep_out((20, -5, 0.5), (30, 15, 2))
    draft = steered(profiles, {"arm": ARM, "foot": low}, zones=zones)
    assert areas(draft)["block", "above keep-out"] == pytest.approx(130, abs=15)  # 10 mm, and 1.5 mm on both sides
    assert "a keep-out zone forbids it" in said(draft, "unsupported-overhang").message


def test_critical_surface_is_left_alone_unless_it_would_not_print(profiles: Profiles) -> None:
    ball = from_solid(Manifold.sphere(15, 96).translate((0, 0, 15)) + Manifold.cylinder(3, 5, 5, 64))
    assert areas(steered(profiles, {"ball": ball}, critical=True)) == {
        ("block", "critical"): pytest.approx(333, rel=0.1)
    }
    assert areas(steered(profiles, {"ball": ball})) == {}
    assert set(areas(steered(profiles, {"arm": ARM}, critical=True))) == {("enforce", "would not print without")}


def test_a_cavity_is_kept_free_where_it_prints_without(profiles: Profiles) -> None:
    cavity = from_solid(Manifold.cube((30, 30, 30)) - Manifold.sphere(10, 64).translate((15, 15, 15)))
    found = areas(steered(profiles, {"block": cavity}))
    assert set(found) == {("block", "out of reach"), ("enforce", "would not print without")}
    assert found["block", "out of reach"] > found["enforce", "would not print without"]


def test_without_supports_or_by_light_nothing_is_said(profiles: Profiles) -> None:
    for draft in (
        steered(profiles, {"arm": ARM}, supports=False),
        steered(profiles, {"arm": ARM}, printer="prusa-sl1s"),
    ):
        assert draft.support_zones == ()
        assert "supports-steered" not in {finding.code for finding in draft.findings}


def test_the_plan_carries_the_zones_only_with_supports(profiles: Profiles) -> None:
    draft = steered(profiles, {"arm": ARM}, critical=True)
    plan = plan_of(draft)
    assert plan.support_zones == draft.support_zones
    assert plan.part("arm").critical
    bare = plan_of(steered(profiles, {"arm": ARM}, critical=True, supports=False))
    assert bare.support_zones == ()
    assert not bare.supports


@pytest.mark.parametrize(
    ("printer", "material", "tool", "why"),
    [
        ("prusa-xl", "bvoh", 1, None),
        ("prusa-mk4-mmu3", "bvoh", 1, None),
        ("ender-3", "bvoh", None, "take all 1 tools"),
        ("prusa-xl", "pla", None, "does not dissolve"),
        ("prusa-sl1s", "bvoh", None, "resin printer"),
        ("prusa-xl", None, None, None),
    ],
)
def test_soluble_supports_take_a_free_tool(
    printer: str, material: str | None, tool: int | None, why: str | None, profiles: Profiles
) -> None:
    part = Part(name="a", mesh=ARM, tissue="bone", source=Source(file="x.stl", sha256="0"))
    case = Case(id="T-1", parts=(part,), supports=SupportsWish(material=material))
    draft = assign(begin(case, profiles.printer(printer), profiles.process("standard"), profiles))
    assert draft.support_tool == tool
    assert [load.material for load in draft.tools][1:] == ([] if tool is None else ["bvoh"])
    messages = [finding.message for finding in draft.findings if finding.code == "support-material-unused"]
    assert [why in message for message in messages if why] == ([True] if why else [])
    assert len(messages) == (why is not None)
