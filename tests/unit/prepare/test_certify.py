"""The certificate measures what will be printed; no mutation of a plan gets past it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from manifold3d import Manifold

import printprep
from printprep.case import Case, Part, Severity, Source
from printprep.casefile import Hollow
from printprep.formats import stl
from printprep.geometry.mesh import Mesh, as_point, join
from printprep.geometry.repair import repair
from printprep.geometry.solid import from_solid, subtract
from printprep.plan import Certificate, Change, Plan, PlannedPart, Plate
from printprep.prepare.certify import certify

DEMO = Path(printprep.__file__).parent / "demo" / "dissection"
ARTERIES = ("brachiocephalic_trunk", "celiac_trunk", "common_carotid_artery_left", "superior_mesenteric_artery")
BALL = from_solid(Manifold.sphere(10.0, 64))


def case_of(meshes: dict[str, Mesh], hollow: Hollow | None = None, critical: str | None = None) -> Case:
    parts = tuple(
        Part(
            name=name,
            mesh=mesh,
            tissue=None,
            source=Source(file="x.stl", sha256="0" * 64),
            hollow=hollow,
            critical=name == critical,
        )
        for name, mesh in meshes.items()
    )
    return Case(id="T-1", parts=parts)


def plan_of(case: Case, changes: dict[str, tuple[Change, ...]] | None = None) -> Plan:
    parts = tuple(
        PlannedPart(
            name=part.name,
            mesh=part.mesh,
            tissue=None,
            material="pla",
            tool=0,
            colour=(200, 200, 200),
            priority=10 * i,
            critical=part.critical,
        )
        for i, part in enumerate(case.parts)
    )
    pose = np.array([[0, -1, 0, 100], [1, 0, 0, 90], [0, 0, 1, 5], [0, 0, 0, 1.0]])
    return Plan(
        case_id=case.id,
        printer="virtual",
        process="draft",
        parts=parts,
        tools=(),
        plates=(Plate(index=1, parts=tuple(part.name for part in parts), case_to_plate=pose),),
        changes=changes or {},
        findings=(),
    )


def with_mesh(plan: Plan, name: str, mesh: Mesh) -> Plan:
    parts = tuple(replace(part, mesh=mesh) if part.name == name else part for part in plan.parts)
    return replace(plan, parts=parts)


def errors(certificate: Certificate) -> set[tuple[str, str | None]]:
    return {(f.code, f.part) for f in certificate.findings if f.severity is Severity.ERROR}


@pytest.fixture(scope="module")
def arteries() -> Case:
    return case_of({name: stl.read(DEMO / f"{name}.stl")[0].mesh for name in ARTERIES})


def test_a_faithful_plan_is_certified_without_an_error(arteries: Case) -> None:
    certificate = certify(arteries, plan_of(arteries), "ab" * 32)
    assert errors(certificate) == set()
    assert certificate.within_limits
    assert certificate.prepared_sha256 == "ab" * 32
    for found in certificate.parts:
        assert found.closed
        assert found.deviation.max_mm == 0.0
        assert found.volume_mm3 == found.volume_source_mm3 > 0


def test_dropping_the_last_third_of_a_parts_triangles_is_caught(arteries: Case) -> None:
    name = "celiac_trunk"
    mesh = arteries.part(name).mesh
    cut = Mesh(mesh.vertices, mesh.faces[: int(0.7 * len(mesh))])
    certificate = certify(arteries, with_mesh(plan_of(arteries), name, cut), "")
    assert errors(certificate) >= {("deviation-over-limit", name), ("part-not-closed", name)}
    assert not certificate.within_limits


def test_swapping_two_parts_is_caught(arteries: Case) -> None:
    plan = plan_of(arteries)
    swapped = replace(plan, parts=(plan.parts[1], plan.parts[0], *plan.parts[2:]))
    assert errors(certify(arteries, swapped, "")) == {("priority-not-honoured", plan.parts[0].name)}


def test_swapping_the_meshes_of_two_parts_is_caught(arteries: Case) -> None:
    one, two = ARTERIES[:2]
    plan = with_mesh(plan_of(arteries), one, arteries.part(two).mesh)
    plan = with_mesh(plan, two, arteries.part(one).mesh)
    assert errors(certify(arteries, plan, "")) >= {("deviation-over-limit", one), ("deviation-over-limit", two)}


def test_a_wrong_unit_is_caught_and_named(arteries: Case) -> None:
    name = "superior_mesenteric_artery"
    mesh = arteries.part(name).mesh
    certificate = certify(arteries, with_mesh(plan_of(arteries), name, Mesh(mesh.vertices * 25.4, mesh.faces)), "")
    assert errors(certificate) >= {("deviation-over-limit", name), ("volume-over-limit", name)}
    assert any("25.4 times as large" in finding.message for finding in certificate.findings)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("centred", [False, True])
def test_a_flipped_axis_is_caught_even_about_the_parts_own_middle(arteries: Case, axis: int, centred: bool) -> None:
    name = "common_carotid_artery_left"
    mesh = arteries.part(name).mesh
    flipped = mesh.mirrored(axis)
    if centred:
        flipped = Mesh(flipped.vertices + (mesh.bounds_mm - flipped.bounds_mm).mean(axis=0), flipped.faces)
    assert ("deviation-over-limit", name) in errors(certify(arteries, with_mesh(plan_of(arteries), name, flipped), ""))


def test_a_part_that_moved_against_the_others_is_caught_at_a_fiftieth_of_a_millimetre(arteries: Case) -> None:
    name = "celiac_trunk"
    mesh = arteries.part(name).mesh
    moved = Mesh(mesh.vertices + np.array([0.0, 0.02, 0.0]), mesh.faces)
    assert errors(certify(arteries, with_mesh(plan_of(arteries), name, moved), "")) == {("parts-moved", name)}


def _stretched(plate: Plate) -> Plate:
    return replace(plate, case_to_plate=plate.case_to_plate @ np.diag([1.01, 1, 1, 1]))


def _mirroring(plate: Plate) -> Plate:
    return replace(plate, case_to_plate=plate.case_to_plate @ np.diag([-1.0, 1, 1, 1]))


@pytest.mark.parametrize("spoil", [_stretched, _mirroring])
def test_a_plate_that_is_no_rigid_motion_is_caught(arteries: Case, spoil: Callable[[Plate], Plate]) -> None:
    plan = plan_of(arteries)
    plan = replace(plan, plates=(spoil(plan.plates[0]),))
    assert errors(certify(arteries, plan, "")) == {("parts-moved", None)}


def test_missing_and_unknown_parts_are_caught(arteries: Case) -> None:
    plan = plan_of(arteries)
    renamed = replace(plan, parts=(replace(plan.parts[0], name="tumour"), *plan.parts[1:]))
    found = errors(certify(arteries, renamed, ""))
    assert {("part-missing", ARTERIES[0]), ("part-unknown", "tumour")} <= found
    unplaced = replace(plan, plates=(replace(plan.plates[0], parts=plan.plates[0].parts[1:]),))
    assert errors(certify(arteries, unplaced, "")) == {("part-missing", ARTERIES[0])}


def test_an_inside_out_print_is_no_solid(arteries: Case) -> None:
    name = "celiac_trunk"
    mesh = arteries.part(name).mesh
    turned = Mesh(mesh.vertices, mesh.faces[:, ::-1])
    assert ("part-not-closed", name) in errors(certify(arteries, with_mesh(plan_of(arteries), name, turned), ""))


def test_lost_volume_is_exact_and_shared_volume_goes_to_the_highest_priority_only() -> None:
    cube = from_solid(Manifold.cube((10, 10, 10)))
    meshes = {
        "low": cube,
        "middle": Mesh(cube.vertices * [0.5, 1.1, 1.2] - [0.1, 0.2, 0.3], cube.faces),
        "high": Mesh(cube.vertices * [0.3, 1.3, 1.4] - [0.2, 0.3, 0.4], cube.faces),
    }
    certificate = certify(case_of(meshes), plan_of(case_of(meshes)), "")
    lost = {part.name: part.lost_to_mm3 for part in certificate.parts}
    assert lost["low"]["high"] == pytest.approx(2.8 * 10 * 10)
    assert lost["low"]["middle"] == pytest.approx((4.9 - 2.8) * 10 * 10)
    assert lost["middle"]["high"] == pytest.approx((2.8 + 0.1) * 11.0 * 12.0)
    assert lost["high"] == {}
    found = [f for f in certificate.findings if f.code == "volume-lost-to-part"]
    assert {f.severity for f in found} == {Severity.WARNING}


def test_a_critical_part_that_loses_is_an_error_and_equal_priorities_are_too() -> None:
    meshes = {"nerve": BALL, "bone": Mesh(BALL.vertices + np.array([15.0, 0.1, 0.2]), BALL.faces)}
    case = case_of(meshes, critical="nerve")
    plan = plan_of(case)
    assert errors(certify(case, plan, "")) == {("volume-lost-to-part", "nerve")}
    equal = replace(plan, parts=tuple(replace(part, priority=1) for part in plan.parts))
    assert ("priority-not-honoured", "nerve") in errors(certify(case, equal, ""))


def _hollowed(wall_mm: float) -> tuple[Mesh, tuple[Change, ...]]:
    """The ball with a cavity and a drain hole of 3 mm at its lowest point."""
    inner = Mesh(BALL.vertices * (10.0 - wall_mm) / 10.0, BALL.faces)
    drill = from_solid(Manifold.cylinder(8.0, 1.5, 1.5, 32).translate((0, 0, -12)))
    printed = subtract(BALL, inner, drill)
    cavity = Change(
        stage="hollow",
        what="hollowed",
        volume_mm3=-inner.volume_mm3,
        area_mm2=inner.area_mm2,
        box_mm=(as_point(inner.bounds_mm[0]), as_point(inner.bounds_mm[1])),
    )
    hole_mm3 = printed.volume_mm3 - BALL.volume_mm3 + inner.volume_mm3
    at, axis = (0.0, 0.0, -10.0), (0.0, 0.0, -1.0)
    hole = Change(stage="drain", what="a hole", volume_mm3=hole_mm3, where_mm=at, axis=axis, reach_mm=1.5, deep_mm=4.0)
    return printed, (cavity, hole)


def test_a_wished_cavity_and_its_drain_hole_do_not_count_as_deviation() -> None:
    wish = Hollow(wall_mm=2.0, drain_diameter_mm=3.0)
    case = case_of({"ball": BALL}, hollow=wish)
    printed, changes = _hollowed(2.0)
    certificate = certify(case, with_mesh(plan_of(case, {"ball": changes}), "ball", printed), "")
    assert errors(certificate) == set()
    (found,) = certificate.parts
    assert found.deviation.max_mm < 1e-6
    assert found.changes == changes
    assert found.volume_mm3 == pytest.approx(printed.volume_mm3)


def test_a_cavity_that_nobody_declared_counts() -> None:
    case = case_of({"ball": BALL}, hollow=Hollow(wall_mm=2.0, drain_diameter_mm=3.0))
    printed, _ = _hollowed(2.0)
    found = errors(certify(case, with_mesh(plan_of(case), "ball", printed), ""))
    assert found >= {("deviation-over-limit", "ball"), ("volume-over-limit", "ball")}


def test_a_declared_cavity_does_not_hide_a_dent_in_the_skin() -> None:
    case = case_of({"ball": BALL}, hollow=Hollow(wall_mm=2.0, drain_diameter_mm=3.0))
    printed, changes = _hollowed(2.0)
    dent = from_solid(Manifold.sphere(3.0, 24).translate((0, 11.8, 0)))
    plan = with_mesh(plan_of(case, {"ball": changes}), "ball", subtract(printed, dent))
    assert ("deviation-over-limit", "ball") in errors(certify(case, plan, ""))


def _repaired(mesh: Mesh) -> Certificate:
    case = case_of({"part": mesh})
    result = repair(mesh)
    assert result.refusal is None
    changes = tuple(
        Change(stage="repair", what=s.what, volume_mm3=s.volume_mm3, area_mm2=s.area_mm2, where_mm=s.where_mm)
        for s in result.steps
    )
    return certify(case, with_mesh(plan_of(case, {"part": changes}), "part", result.mesh), "")


def test_a_repaired_part_is_faithful_outside_its_patches() -> None:
    opened = Mesh(BALL.vertices, BALL.faces[BALL.triangles.mean(axis=1)[:, 2] < 8.5])
    certificate = _repaired(opened)
    assert errors(certificate) == set()
    assert certificate.parts[0].deviation.max_mm < 1e-3
    assert "volume-unknown" in {finding.code for finding in certificate.findings}


def test_surface_inside_united_bodies_is_not_missed() -> None:
    certificate = _repaired(join([BALL, Mesh(BALL.vertices + np.array([9.0, 0.1, 0.2]), BALL.faces)]))
    assert errors(certificate) == set()
    assert certificate.parts[0].volume_source_mm3 == pytest.approx(certificate.parts[0].volume_mm3, rel=0.005)
