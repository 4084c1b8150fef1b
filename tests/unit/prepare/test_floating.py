from __future__ import annotations

from pathlib import Path

import pytest
from manifold3d import Manifold

from printprep.case import Case, Finding, Part, Severity, Source
from printprep.casefile import Limits
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.solid import from_solid
from printprep.geometry.weld import weld_vertices
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.floating import floating
from printprep.prepare.intake import read_case
from printprep.prepare.thin import thin
from printprep.profiles.load import Profiles, load_profiles


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def box(size_mm: float, x_mm: float, y_mm: float = 0.0) -> Mesh:
    return from_solid(Manifold.cube((size_mm, size_mm, size_mm)).translate((x_mm, y_mm, 0)))


def found(profiles: Profiles, limits: Limits | None = None, **meshes: Mesh) -> list[Finding]:
    source = Source(file="x.stl", sha256="0")
    parts = tuple(Part(name=name, mesh=mesh, tissue="bone", source=source) for name, mesh in meshes.items())
    draft = Draft(
        case=Case(id="T-1", parts=parts, limits=limits or Limits()),
        printer=profiles.printer("prusa-xl"),
        process=profiles.process("standard"),
        profiles=profiles,
        parts=tuple(DraftPart(name=part.name, mesh=part.mesh) for part in parts),
    )
    return list(floating(draft).findings)


def test_one_cluster_has_nothing_to_report(profiles: Profiles) -> None:
    assert found(profiles, a=box(10, 0)) == []
    assert found(profiles, a=box(10, 0), b=box(10, 9.9), c=box(10, 19.9)) == []


def test_a_part_that_touches_no_other_is_named_with_its_gap(profiles: Profiles) -> None:
    (loose,) = found(profiles, a=box(10, 0), b=box(5, 12.5))
    assert (loose.code, loose.severity, loose.part) == ("floating-part", Severity.WARNING, "b")
    assert loose.value == pytest.approx(2.5)
    assert loose.where_mm is not None
    assert loose.where_mm[0] == pytest.approx(12.5)
    assert "the nearest is part a, 2.50 mm away" in loose.message


def test_a_loose_body_whose_neighbour_is_of_its_own_part_is_not_told_to_be_near_itself(profiles: Profiles) -> None:
    (loose,) = found(profiles, a=join([box(10, 0), box(5, 12.5)]))
    assert (loose.code, loose.part) == ("floating-body", "a")
    assert "the nearest is another body of part a, 2.50 mm away" in loose.message


def test_parts_that_hold_to_each_other_are_one_piece(profiles: Profiles) -> None:
    (loose,) = found(profiles, a=box(10, 0), b=box(5, 15), c=box(5, 20))
    assert "parts b, c hold together" in loose.message


def test_a_loose_body_of_a_part_is_named_with_its_size(profiles: Profiles) -> None:
    (loose,) = found(profiles, a=box(10, 0), vessel=join([box(6, 9), box(3, 25)]))
    assert (loose.code, loose.part) == ("floating-body", "vessel")
    assert loose.value == pytest.approx(10.0)
    assert "3.0 x 3.0 x 3.0 mm, 27.0 mm3" in loose.message


def test_a_second_body_that_another_part_holds_is_not_loose(profiles: Profiles) -> None:
    assert found(profiles, a=box(10, 0), vessel=join([box(6, 9), box(3, -2.5)])) == []


def test_touching_by_less_than_a_joint_is_said(profiles: Profiles) -> None:
    (loose,) = found(profiles, a=box(10, 0), b=box(5, 9.97, 9.97))
    assert loose.code == "floating-part"
    assert "less than 1 mm2" in loose.message


def test_of_many_loose_bodies_the_largest_are_named_and_the_others_counted(profiles: Profiles) -> None:
    many = join([box(10, 0), *(box(2 + 0.1 * i, 20.0 + 5 * i) for i in range(9))])
    loose = found(profiles, a=many)
    assert [finding.code for finding in loose] == ["floating-body"] * 5
    assert "4 smaller ones" in loose[-1].message


def test_of_a_cloud_of_bodies_it_is_said_that_only_the_largest_were_looked_at(profiles: Profiles) -> None:
    cloud = join([box(10, 0), *(box(2, 20.0 + 3 * (i % 15), 3.0 * (i // 15)) for i in range(210))])
    assert "only the 200 largest" in found(profiles, a=cloud)[-1].message


def test_crumbs_and_open_parts_are_left_to_others(profiles: Profiles) -> None:
    assert found(profiles, a=join([box(10, 0), box(0.5, 20)])) == []
    opened = box(5, 30)
    assert found(profiles, a=box(10, 0), b=Mesh(opened.vertices, opened.faces[1:])) == []
    assert found(profiles, a=Mesh(opened.vertices, opened.faces[:0])) == []


def test_the_demonstration_has_a_loose_branch_and_a_vertebra_that_nothing_holds(
    profiles: Profiles, dissection: Path
) -> None:
    case = read_case([dissection / "case.toml"], profiles)
    draft = Draft(
        case=case,
        printer=profiles.printer("prusa-xl"),
        process=profiles.process("standard"),
        profiles=profiles,
        parts=tuple(DraftPart(name=part.name, mesh=weld_vertices(part.mesh)) for part in case.parts),
    )
    by_part = {finding.part: finding for finding in thin(floating(draft)).findings if finding.code != "thin-wall"}
    assert {part: finding.code for part, finding in by_part.items()} == {
        "vertebra-T12": "floating-part",
        "subclavian-left": "floating-body",
        "false-lumen": "will-vanish",
    }
    assert by_part["subclavian-left"].value == pytest.approx(14.56, abs=0.1)
    assert "32.0 x 9.6 x 7.2 mm" in by_part["subclavian-left"].message
    assert all(finding.severity is Severity.WARNING for finding in by_part.values())


def test_how_much_has_to_touch_is_a_limit_of_the_case(profiles: Profiles) -> None:
    a, b = box(10, 0), box(2, 10, 4)  # 4 mm2
    assert found(profiles, a=a, b=b) == []
    (loose,) = found(profiles, Limits(contact_mm2=6.0), a=a, b=b)
    assert loose.code == "floating-part"
    assert "less than 6 mm2" in loose.message
    assert found(profiles, Limits(contact_mm2=3.0), a=a, b=b) == []
