from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import trimesh

from printprep.case import Case, Finding, Part, Severity, Source
from printprep.casefile import Box, Critical, Hollow, KeepOut, Sphere
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.orient import rotation_to_up
from printprep.geometry.solid import union
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.hollow import hollow
from printprep.profiles.load import Profiles, load_profiles

ASKED = Hollow(wall_mm=3.0)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def block(size_mm: tuple[float, float, float], at_mm: tuple[float, float, float] = (0, 0, 0)) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices + np.array(at_mm), made.faces)


def draft(
    profiles: Profiles,
    meshes: dict[str, Mesh],
    asked: Hollow = ASKED,
    keep_out: tuple[KeepOut, ...] = (),
    critical: bool = False,
) -> Draft:
    """A case in which only the part ``a`` asks to be hollow."""
    source = Source(file="a.stl", sha256="0" * 64)
    parts = tuple(
        Part(
            name=name,
            mesh=mesh,
            tissue=None,
            source=source,
            hollow=asked if name == "a" else None,
            critical=critical and name == "a",
        )
        for name, mesh in meshes.items()
    )
    return Draft(
        case=Case(id="T", parts=parts, keep_out=keep_out),
        printer=profiles.printer("prusa-sl1s"),
        process=profiles.process("standard"),
        profiles=profiles,
        parts=tuple(DraftPart(name=name, mesh=mesh) for name, mesh in meshes.items()),
    )


def finding(done: Draft, code: str) -> Finding:
    found = [f for f in done.findings if f.code == code]
    assert found, f"no {code} among {[f.code for f in done.findings]}"
    return found[0]


CUBE = {"a": block((24, 24, 24))}


def test_a_case_without_wishes_passes_unchanged(profiles: Profiles) -> None:
    start = draft(profiles, {"b": block((10, 10, 10))})
    assert hollow(start) is start


def test_changes_add_up_to_the_volume_that_is_gone(profiles: Profiles) -> None:
    done = hollow(draft(profiles, CUBE))
    part = done.parts[0]
    assert [change.stage for change in part.changes] == ["hollow", "drain", "drain"]
    assert part.changes[0].volume_mm3 == pytest.approx(-(18.0**3), rel=0.01)
    assert sum(change.volume_mm3 for change in part.changes) == pytest.approx(part.mesh.volume_mm3 - 24.0**3, rel=1e-9)
    assert inspect(part.mesh).closed
    assert inspect(part.mesh).bodies == 1
    assert "5.8" in finding(done, "hollowed").message
    assert [f.severity for f in done.findings] == [Severity.INFO] * 3


def test_low_is_low_as_oriented(profiles: Profiles) -> None:
    start = replace(draft(profiles, CUBE), rotation=rotation_to_up([0.0, 1.0, 0.0]))
    low, high = (change.where_mm for change in hollow(start).parts[0].changes[1:])
    assert low is not None
    assert high is not None
    assert low[1] == pytest.approx(-12.0, abs=0.05)
    assert high[1] == pytest.approx(12.0, abs=0.05)


def test_a_part_too_thin_stays_solid_and_says_so(profiles: Profiles) -> None:
    done = hollow(draft(profiles, {"a": block((30, 30, 5))}))
    assert done.parts[0].mesh is done.case.parts[0].mesh
    assert done.parts[0].changes == ()
    assert finding(done, "no-cavity").severity is Severity.WARNING


def test_an_open_part_is_refused(profiles: Profiles) -> None:
    mesh = block((24, 24, 24))
    done = hollow(draft(profiles, {"a": Mesh(mesh.vertices, mesh.faces[:-1])}))
    assert finding(done, "hollow-refused").severity is Severity.ERROR


def test_zones_move_the_holes(profiles: Profiles) -> None:
    lower = KeepOut(box=Box(lower_mm=(-20, -20, -20), upper_mm=(20, 20, -4)))
    done = hollow(draft(profiles, CUBE, keep_out=(lower,)))
    heights = [change.where_mm[2] for change in done.parts[0].changes[1:] if change.where_mm]
    assert len(heights) == 2
    assert min(heights) > -4 + 1.75


EVERYWHERE = (KeepOut(sphere=Sphere(centre_mm=(0, 0, 0), radius_mm=40)),)


def test_a_cavity_nobody_can_reach_is_solid_again_in_resin(profiles: Profiles) -> None:
    done = hollow(draft(profiles, CUBE, keep_out=EVERYWHERE))
    problem = finding(done, "undrainable-cavity")
    assert problem.severity is Severity.WARNING
    assert problem.value == pytest.approx(18.0**3, rel=0.01)
    assert problem.where_mm is not None
    assert done.parts[0].mesh is done.case.parts[0].mesh
    assert done.parts[0].changes == ()


def test_it_stays_in_filament_or_when_the_case_says_so_and_may_be_refused(profiles: Profiles) -> None:
    start = draft(profiles, CUBE, keep_out=EVERYWHERE)
    for kept in (
        replace(start, printer=profiles.printer("prusa-xl")),
        draft(profiles, CUBE, Hollow(wall_mm=3.0, undrainable="keep"), keep_out=EVERYWHERE),
    ):
        done = hollow(kept)
        assert finding(done, "undrainable-cavity").severity is Severity.WARNING
        assert inspect(done.parts[0].mesh).bodies == 2
    refused = hollow(draft(profiles, CUBE, Hollow(wall_mm=3.0, undrainable="refuse"), keep_out=EVERYWHERE))
    assert finding(refused, "undrainable-cavity").severity is Severity.ERROR


def test_the_material_says_the_diameter_unless_the_case_does(profiles: Profiles) -> None:
    start = draft(profiles, CUBE)

    def diameters(asked: Hollow, material: str) -> list[object]:
        part = replace(start.parts[0], material=material)
        wished = replace(start.case.parts[0], hollow=asked)
        done = hollow(replace(start, parts=(part,), case=replace(start.case, parts=(wished,))))
        return [f.value for f in done.findings if f.code == "drain-hole"]

    assert diameters(ASKED, "resin-standard") == [3.5, 3.5]
    assert diameters(ASKED, "resin-elastic-50a") == [5.0, 5.0]
    assert diameters(Hollow(wall_mm=3.0, drain_diameter_mm=2.5), "resin-elastic-50a") == [2.5, 2.5]


def test_what_is_saved_is_said_in_millilitres_and_money(profiles: Profiles) -> None:
    start = draft(profiles, CUBE)
    done = hollow(replace(start, parts=(replace(start.parts[0], material="resin-standard"),)))
    said = finding(done, "hollowed")
    saved_mm3 = 24.0**3 - done.parts[0].mesh.volume_mm3
    assert said.value == pytest.approx(saved_mm3, abs=1e-3)
    assert f"{done.parts[0].mesh.volume_mm3 / 1000:.2f} ml to print instead of 13.82" in said.message
    assert f"{saved_mm3 / 1000 * 1.1:.1f} g of Standard resin, {saved_mm3 * 1.1 / 1e6 * 35:.2f} EUR" in said.message


def test_a_critical_zone_is_not_drilled_and_a_critical_part_is_with_a_warning(profiles: Profiles) -> None:
    start = draft(profiles, CUBE)
    below = Critical(box=Box(lower_mm=(-20, -20, -20), upper_mm=(20, 20, -4)))
    done = hollow(replace(start, case=replace(start.case, critical=(below,))))
    heights = [change.where_mm[2] for change in done.parts[0].changes[1:] if change.where_mm]
    assert len(heights) == 2
    assert min(heights) > -4 + 1.75
    assert finding(done, "drain-hole").severity is Severity.INFO


def dumbbell(bar_mm: float) -> Mesh:
    bar = trimesh.creation.box((40, bar_mm, bar_mm))
    return union(block((22, 22, 22), (-18, 0, 0)), block((22, 22, 22), (18, 0, 0)), Mesh(bar.vertices, bar.faces))


def test_chambers_behind_a_narrow_neck_are_closed_and_drained_each(profiles: Profiles) -> None:
    done = hollow(draft(profiles, {"a": dumbbell(6.5)}, Hollow(wall_mm=2.0)))
    neck = finding(done, "neck-closed")
    assert neck.limit == 3.5
    assert neck.value == pytest.approx(2.5, abs=0.6)
    assert neck.where_mm == pytest.approx((0, 0, 0), abs=7.5)
    assert [change.stage for change in done.parts[0].changes] == ["hollow"] * 2 + ["drain"] * 4
    left, right = (change.volume_mm3 for change in done.parts[0].changes[:2])
    assert left == pytest.approx(right, rel=0.1)
    assert inspect(done.parts[0].mesh).closed
    wide = hollow(draft(profiles, {"a": dumbbell(6.5)}, Hollow(wall_mm=2.0, neck_mm=0.0)))
    assert [change.stage for change in wide.parts[0].changes] == ["hollow", "drain", "drain"]
    assert "neck-closed" not in {f.code for f in wide.findings}


@pytest.mark.parametrize("pattern", ["lattice", "ribs"])
def test_infill_is_open_measured_and_clear_of_the_holes(
    profiles: Profiles, pattern: Literal["lattice", "ribs"]
) -> None:
    asked = Hollow(wall_mm=2.0, drain_diameter_mm=2.5, infill=pattern, infill_spacing_mm=7.0)
    done = hollow(draft(profiles, {"a": block((32, 32, 32))}, asked))
    said, mesh = finding(done, "infilled"), done.parts[0].mesh
    found = inspect(mesh)
    assert found.closed
    assert found.bodies == 1  # outside, cavity and infill are one surface: nothing loose, nothing shut off
    assert found.self_intersecting_faces == 0
    assert isinstance(said.value, float)
    assert 0.03 < said.value / 28.0**3 < 0.4
    assert sum(change.volume_mm3 for change in done.parts[0].changes) == pytest.approx(mesh.volume_mm3 - 32.0**3, abs=1)
    assert finding(done, "hollowed").value == pytest.approx(32.0**3 - mesh.volume_mm3, abs=1e-2)


def test_infill_that_would_shut_space_off_is_left_out(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("printprep.geometry.infill.MOST_SEALED", -1.0)
    done = hollow(draft(profiles, CUBE, Hollow(wall_mm=3.0, infill="lattice")))
    assert finding(done, "infill-left-out").severity is Severity.WARNING
    assert done.parts[0].changes[0].volume_mm3 == pytest.approx(-(18.0**3), rel=0.01)


def test_a_neighbour_is_not_drilled_at(profiles: Profiles) -> None:
    done = hollow(draft(profiles, CUBE | {"b": block((30, 30, 6), (0, 0, -15))}))
    low = done.parts[0].changes[1].where_mm
    assert low is not None
    assert low[2] > -11.9
    assert done.parts[1].mesh is done.case.parts[1].mesh


def test_further_holes_go_into_the_pockets_that_are_left(profiles: Profiles) -> None:
    legs = [block((14, 14, 24), (x, 0, -10)) for x in (-18, 18)]
    bar = union(block((50, 14, 14)), *legs)
    done = hollow(draft(profiles, {"a": bar}, Hollow(wall_mm=2.0, drain_holes=3)))
    at = [change.where_mm for change in done.parts[0].changes if change.stage == "drain"]
    low = sorted(where[0] for where in at if where and where[2] < -15)
    assert len(low) == 2  # a hole in each leg
    assert low[0] < -10 < 10 < low[1]
    assert not [f for f in done.findings if f.code == "undrained-pocket" and "as oriented" in f.message]


def test_a_second_low_place_is_a_warning(profiles: Profiles) -> None:
    """A bar on two wide legs, all hollow: one leg has the low hole, the other keeps its liquid."""
    legs = [block((14, 14, 24), (x, 0, -10)) for x in (-18, 18)]
    bar = union(block((50, 14, 14)), *legs)
    done = hollow(draft(profiles, {"a": bar}, Hollow(wall_mm=2.0)))
    pocket = finding(done, "undrained-pocket")
    assert pocket.severity is Severity.WARNING
    assert pocket.value == pytest.approx(15.0, abs=0.5)


def test_too_few_places_and_none_asked_for_are_said(profiles: Profiles) -> None:
    few = hollow(draft(profiles, {"a": block((12, 12, 12))}, Hollow(wall_mm=2.0, drain_holes=15)))
    assert finding(few, "drain-holes-missing").limit == 15
    none = hollow(draft(profiles, CUBE, Hollow(wall_mm=3.0, drain_holes=0)))
    assert finding(none, "sealed-cavity").severity is Severity.WARNING
    assert inspect(none.parts[0].mesh).bodies == 2


def test_a_part_in_the_cavity_is_an_error(profiles: Profiles) -> None:
    done = hollow(draft(profiles, CUBE | {"b": block((6, 6, 40))}))
    assert finding(done, "part-in-cavity").severity is Severity.ERROR
    assert finding(done, "part-in-cavity").value == "b"


def test_a_void_that_would_hang_in_the_cavity_is_an_error(profiles: Profiles) -> None:
    inner = block((4, 4, 4))
    done = hollow(draft(profiles, {"a": join([block((24, 24, 24)), Mesh(inner.vertices, inner.faces[:, ::-1])])}))
    assert finding(done, "loose-in-cavity").severity is Severity.ERROR


def test_holes_in_a_critical_part_are_a_warning(profiles: Profiles) -> None:
    assert finding(hollow(draft(profiles, CUBE, critical=True)), "drain-hole").severity is Severity.WARNING


def test_the_wall_is_declared_off_when_the_grid_is_coarse(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("printprep.geometry.hollow.STEPS_A_WALL", 2)
    thin = hollow(draft(profiles, {"a": block((14, 14, 14))}, Hollow(wall_mm=2.0)))
    assert finding(thin, "wall-off").limit == 2.0
