from __future__ import annotations

from typing import Any

import pytest
from manifold3d import Manifold

from printprep.case import Case, Finding, Part, Severity, Source, settle, stopping
from printprep.casefile import Acceptance
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.thin import least, thin
from printprep.profiles.load import Profiles, load_profiles


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def fin(thickness_mm: float, height_mm: float = 6.0) -> Mesh:
    solid = Manifold.cube((10, thickness_mm, height_mm + 1)).translate((0, 5, 9))
    return from_solid(Manifold.cube((10, 10, 10)) + solid)


def found(profiles: Profiles, mesh: Mesh, printer: str = "prusa-xl", **more: Any) -> dict[str, Finding]:
    part = Part(name="p", mesh=mesh, tissue="bone", source=Source(file="x.stl", sha256="0"), **more)
    draft = Draft(
        case=Case(id="T-1", parts=(part,)),
        printer=profiles.printer(printer),
        process=profiles.process("standard"),
        profiles=profiles,
        parts=(DraftPart(name="p", mesh=mesh),),
    )
    return {finding.code: finding for finding in thin(draft).findings}


def test_a_wall_of_less_than_two_lines_is_thin_and_of_less_than_one_line_vanishes(profiles: Profiles) -> None:
    assert found(profiles, fin(0.85)) == {}
    assert set(found(profiles, fin(0.6))) == {"thin-wall"}
    assert set(found(profiles, fin(0.3))) == {"thin-wall", "will-vanish"}


def test_a_finding_says_how_thin_against_which_limit_and_where(profiles: Profiles) -> None:
    wall = found(profiles, fin(0.6))["thin-wall"]
    assert (wall.part, wall.severity) == ("p", Severity.WARNING)
    assert wall.value == pytest.approx(0.6, abs=1e-3)
    assert wall.limit == 0.8
    assert wall.where_mm is not None
    assert wall.where_mm[2] == pytest.approx(16.0, abs=0.6)
    assert "thinner than 0.8 mm, two lines of a 0.4 mm nozzle" in wall.message
    assert "in one place" in wall.message


def test_in_a_critical_part_it_is_an_error_that_the_case_may_accept(profiles: Profiles) -> None:
    errors = tuple(found(profiles, fin(0.3), critical=True).values())
    assert [finding.severity for finding in errors] == [Severity.ERROR, Severity.ERROR]
    accepted = tuple(Acceptance(code=code, reason="shown only") for code in ("thin-wall", "will-vanish"))
    assert stopping(settle(errors, accepted)) == ()


def test_a_part_that_vanishes_as_a_whole_is_an_error(profiles: Profiles) -> None:
    gone = found(profiles, from_solid(Manifold.cube((20, 20, 0.3))))["will-vanish"]
    assert gone.severity is Severity.ERROR
    assert "most of the part" in gone.message


def test_resin_holds_less(profiles: Profiles) -> None:
    assert found(profiles, fin(0.45), "prusa-sl1s") == {}
    assert set(found(profiles, fin(0.3), "prusa-sl1s")) == {"thin-wall"}
    assert set(found(profiles, fin(0.08), "prusa-sl1s")) == {"thin-wall", "will-vanish"}


def test_the_limits_come_from_the_nozzle_or_the_pixel(profiles: Profiles) -> None:
    printer = profiles.printer("prusa-xl")
    assert printer.fdm is not None
    wide = printer.model_copy(update={"fdm": printer.fdm.model_copy(update={"nozzle_mm": 0.6})})
    assert (least(wide).wall_mm, least(wide).trace_mm) == (1.2, 0.6)
    light = profiles.printer("prusa-sl1s")
    assert light.resin is not None
    assert (least(light).wall_mm, least(light).trace_mm) == (0.4, 2 * max(light.resin.pixel_mm))
    coarse = light.model_copy(update={"resin": light.resin.model_copy(update={"pixel_mm": (0.25, 0.3)})})
    assert (least(coarse).wall_mm, least(coarse).wall) == (0.6, "two pixels")


def test_sharp_edges_and_corners_of_a_solid_are_not_thin(profiles: Profiles) -> None:
    assert found(profiles, from_solid(Manifold.cube((10, 10, 10)))) == {}
    assert found(profiles, from_solid(Manifold.cylinder(10, 5, 0.0, 64))) == {}


def test_parts_without_a_face_are_left_to_others(profiles: Profiles) -> None:
    assert found(profiles, Mesh(fin(0.3).vertices, fin(0.3).faces[:0])) == {}
