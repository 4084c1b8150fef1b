"""Only what is declared is set aside: whatever else is done to a hollow, drilled, lettered part is found.

One block goes the real way: hollowed, drained, engraved, written, read back. Then something is done to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from manifold3d import Manifold

from printprep.case import Case, Label, Part, Severity, Source
from printprep.casefile import Hollow
from printprep.formats.threemf import read_prepared, write_prepared
from printprep.geometry.mesh import Float, Mesh, Point, join
from printprep.geometry.repair import repair
from printprep.geometry.solid import from_solid, subtract, union
from printprep.plan import TAB, Certificate, Change, Plan, PlannedPart
from printprep.prepare.certify import certify
from printprep.prepare.faithful import compare, field_of
from printprep.prepare.pipeline import begin, plan_of, prepare
from printprep.profiles.load import load_profiles

LABEL = Label(text="T-1", height_mm=5.0, depth_mm=0.6, style="engrave")
WALL_MM, DRAIN_MM = 2.0, 3.0


@dataclass(frozen=True)
class Real:
    """A case and its plan, as read back from the file."""

    case: Case
    plan: Plan

    def certified(self, plan: Plan | None = None) -> Certificate:
        return certify(self.case, plan or self.plan, "ab" * 32)

    def with_mesh(self, change: Callable[[Mesh], Mesh]) -> Plan:
        (part,) = self.plan.parts
        return replace(self.plan, parts=(replace(part, mesh=change(part.mesh)),))

    def with_changes(self, change: Callable[[Change], Change | None]) -> Plan:
        kept = [change(one) for one in self.plan.changes["bone"]]
        return replace(self.plan, changes={"bone": tuple(one for one in kept if one is not None)})

    def of(self, stage: str) -> Change:
        return next(change for change in self.plan.changes["bone"] if change.stage == stage)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    made = trimesh.creation.box((42.0, 30.0, 24.0)).subdivide().subdivide().subdivide().subdivide()
    part = Part(
        name="bone",
        mesh=Mesh(np.asarray(made.vertices, np.float64), np.asarray(made.faces, np.int32)),
        tissue="bone",
        source=Source(file="a.stl", sha256="0" * 64),
        hollow=Hollow(wall_mm=WALL_MM, drain_diameter_mm=DRAIN_MM),
    )
    case = Case(id="T-1", parts=(part,), label=LABEL)
    profiles = load_profiles()
    draft = prepare(begin(case, profiles.printer("prusa-sl1s"), profiles.process("standard"), profiles, supports=False))
    plan = plan_of(draft)
    file = tmp_path_factory.mktemp("real") / "prepared.3mf"
    write_prepared(file, plan)
    return Real(case, read_prepared(file, plan))


def errors(certificate: Certificate) -> set[str]:
    return {f.code for f in certificate.findings if f.severity is Severity.ERROR}


def ball(at_mm: Point, radius_mm: float) -> Mesh:
    return from_solid(Manifold.sphere(radius_mm, 24).translate(at_mm))


def far_corner(real: Real) -> Float:
    """A vertex of the skin that is far from every declared place."""
    places = np.array([c.where_mm for c in real.plan.changes["bone"] if c.stage in ("drain", "label")])
    vertices = real.case.part("bone").mesh.vertices
    away = np.linalg.norm(vertices[:, None] - places[None], axis=2).min(axis=1)
    return np.asarray(vertices[int(np.argmax(away))])


def test_what_was_done_to_it_is_all_declared_and_nothing_else_is_found(real: Real) -> None:
    certificate = real.certified()
    assert errors(certificate) == set()
    assert {change.stage for change in real.plan.changes["bone"]} == {"hollow", "drain", "label"}
    (found,) = certificate.parts
    assert found.deviation.max_mm < 1e-3  # among the letters, where nobody asks
    assert found.deviation.outward_mm == pytest.approx(0.0, abs=1e-3)
    assert found.deviation.inward_mm == pytest.approx(0.0, abs=1e-3)
    assert [(check.what, check.within) for check in found.checks] == [
        ("deviation-max", True),
        ("deviation-p95", True),
        ("volume-change", True),
    ]


@pytest.mark.parametrize("off_mm", [1.0, -1.0])
def test_a_vertex_moved_far_from_what_is_declared_is_found_with_its_place_and_direction(
    real: Real, off_mm: float
) -> None:
    at = far_corner(real)

    def moved(mesh: Mesh) -> Mesh:
        vertices = mesh.vertices.copy()
        nearest = int(np.argmin(np.linalg.norm(vertices - at, axis=1)))
        vertices[nearest] += off_mm * at / np.linalg.norm(at)
        return Mesh(vertices, mesh.faces)

    certificate = real.certified(real.with_mesh(moved))
    assert "deviation-over-limit" in errors(certificate)
    deviation = certificate.parts[0].deviation
    assert deviation.where_mm == pytest.approx(at, abs=0.7)
    assert deviation.outward_mm is not None
    assert deviation.inward_mm is not None
    assert (deviation.outward_mm > 0.5) == (off_mm > 0)
    assert (deviation.inward_mm > 0.5) == (off_mm < 0)


def test_a_dent_at_the_rim_of_a_hole_is_no_part_of_the_hole(real: Real) -> None:
    hole = real.of("drain")
    assert hole.axis is not None
    aside = np.cross(hole.axis, [1.0, 0.0, 0.0] if abs(hole.axis[0]) < 0.9 else [0.0, 1.0, 0.0])
    at = np.array(hole.where_mm) + 2.6 * aside / np.linalg.norm(aside)
    plan = real.with_mesh(lambda mesh: subtract(mesh, ball(tuple(at.tolist()), 0.9)))
    assert "deviation-over-limit" in errors(real.certified(plan))


def test_a_declared_hole_that_is_elsewhere_is_found(real: Real) -> None:
    def elsewhere(change: Change) -> Change:
        if change is not real.of("drain"):
            return change
        assert change.where_mm is not None
        return replace(change, where_mm=tuple((np.array(change.where_mm) + np.array([4.0, 4.0, 4.0])).tolist()))

    assert errors(real.certified(real.with_changes(elsewhere))) >= {"deviation-over-limit", "change-not-found"}


def test_a_second_hole_that_nobody_declared_is_found(real: Real) -> None:
    at = far_corner(real) * np.array([1.0, 0.5, 1.0])
    plan = real.with_mesh(lambda mesh: subtract(mesh, ball(tuple(at.tolist()), 3.0)))
    assert errors(real.certified(plan)) >= {"deviation-over-limit", "volume-unaccounted"}


def test_a_hole_is_found_whose_declaration_is_dropped(real: Real) -> None:
    hole = real.of("drain")
    plan = real.with_changes(lambda change: None if change is hole else change)
    assert errors(real.certified(plan)) >= {"deviation-over-limit", "volume-unaccounted"}


def test_a_bubble_in_the_wall_of_a_hollow_part_is_found_by_its_volume(real: Real) -> None:
    """It is too near to the skin to be a cavity, and 0.5 mm deep at most: within the limit of the deviation."""
    at = far_corner(real) * np.array([20.0 / 21.0, 0.5, 1.0])
    plan = real.with_mesh(lambda mesh: subtract(mesh, ball(tuple(at.tolist()), 0.5)))
    assert errors(real.certified(plan)) & {"volume-unaccounted", "deviation-over-limit"}


def test_a_cavity_that_nobody_declared_is_found(real: Real) -> None:
    cavity = real.of("hollow")
    plan = real.with_changes(lambda change: None if change is cavity else change)
    assert errors(real.certified(plan)) >= {"deviation-over-limit", "volume-over-limit", "volume-unaccounted"}


def test_a_cavity_larger_than_declared_is_found(real: Real) -> None:
    def smaller(change: Change) -> Change:
        return replace(change, area_mm2=change.area_mm2 / 2) if change.stage == "hollow" else change

    assert "deviation-over-limit" in errors(real.certified(real.with_changes(smaller)))


def test_letters_elsewhere_are_found(real: Real) -> None:
    def elsewhere(change: Change) -> Change:
        if change.stage != "label":
            return change
        assert change.where_mm is not None
        return replace(change, where_mm=tuple((-np.array(change.where_mm)).tolist()))

    assert errors(real.certified(real.with_changes(elsewhere))) >= {"deviation-over-limit", "change-not-found"}


def test_a_bump_among_engraved_letters_is_no_letter(real: Real) -> None:
    label = real.of("label")
    assert label.where_mm is not None
    plan = real.with_mesh(lambda mesh: union(mesh, ball(label.where_mm or (0, 0, 0), 0.55)))
    assert errors(real.certified(plan)) >= {"deviation-over-limit", "volume-unaccounted"}


def test_a_part_that_is_swapped_for_its_twin_of_the_same_box_is_found(real: Real) -> None:
    plan = real.with_mesh(lambda mesh: mesh.mirrored(0))
    assert "deviation-over-limit" in errors(real.certified(plan))


def _with_added(plan: Plan, name: str, mesh: Mesh) -> Plan:
    (bone,) = plan.parts
    tab = PlannedPart(
        name=name, mesh=mesh, tissue=None, material="pla", tool=0, colour=(1, 1, 1), priority=bone.priority - 1
    )
    plate = replace(plan.plates[0], parts=(name, *plan.plates[0].parts))
    return replace(plan, parts=(replace(tab, added=True), bone), plates=(plate,))


@pytest.mark.parametrize(("deep_mm", "found"), [(0.4, False), (1.6, True)])
def test_what_is_added_may_touch_the_anatomy_and_not_run_into_it(real: Real, deep_mm: float, found: bool) -> None:
    lower, upper = real.case.part("bone").mesh.bounds_mm
    mesh = from_solid(Manifold.cube((6, 6, 6), True).translate((upper[0] + 3.0 - deep_mm, upper[1] - 6, upper[2] - 6)))
    certificate = real.certified(_with_added(real.plan, TAB, mesh))
    assert ("added-in-anatomy" in errors(certificate)) == found
    (added,) = certificate.added
    assert added.deep_mm == pytest.approx(min(deep_mm, WALL_MM / 2), abs=0.05)  # the wall is hollow behind
    assert added.deepest_in == "bone"
    assert lower[0] < upper[0]


def test_a_void_in_the_wall_is_no_part_of_the_cavity_that_is_declared(real: Real) -> None:
    lower, upper = real.case.part("bone").mesh.bounds_mm
    deepest = np.array(real.of("hollow").box_mm).reshape(2, 3)
    assert deepest[0] == pytest.approx(lower + WALL_MM, abs=0.1)
    assert deepest[1] == pytest.approx(upper - WALL_MM, abs=0.1)
    at = far_corner(real)
    at = at + 1.5 * np.sign(lower + upper - 2.0 * at)  # deeper than half the wall: only its place tells
    void = real.with_mesh(lambda mesh: subtract(mesh, ball((at[0], at[1], at[2]), 0.3)))
    found = next(f for f in real.certified(void).findings if f.code == "deviation-over-limit")
    assert found.where_mm == pytest.approx(at, abs=0.35)
    nowhere = real.with_changes(lambda change: replace(change, box_mm=None))
    assert "deviation-over-limit" in errors(real.certified(nowhere)), "a cavity without a place is none"


def test_parts_that_share_a_wall_are_named_as_a_pair(real: Real) -> None:
    left = from_solid(Manifold.cube((10, 10, 10)))
    right = Mesh(left.vertices + np.array([10.0, 0.0, 0.0]), left.faces)
    source = Source(file="a.stl", sha256="0" * 64)
    parts = tuple(Part(name=n, mesh=m, tissue=None, source=source) for n, m in (("left", left), ("right", right)))
    (bone,) = real.plan.parts
    planned = tuple(
        replace(bone, name=part.name, mesh=part.mesh, priority=k, tool=k) for k, part in enumerate(parts, start=1)
    )
    plan = replace(
        real.plan,
        parts=planned,
        changes={},
        plates=(replace(real.plan.plates[0], parts=("left", "right")),),
    )
    (pair,) = certify(Case(id="T", parts=parts), plan, "").pairs
    assert (pair.low, pair.high, pair.same_tool, pair.lost_mm3) == ("left", "right", False, 0.0)
    assert pair.coincident_mm2 == pytest.approx(100.0, rel=0.05)


def test_the_hash_of_what_is_printed_changes_with_a_hundredth_of_a_millimetre(real: Real) -> None:
    def nudged(mesh: Mesh) -> Mesh:
        vertices = mesh.vertices.copy()
        vertices[7, 0] += 0.01
        return Mesh(vertices, mesh.faces)

    one, again = (real.certified().parts[0].printed_sha256 for _ in range(2))
    other = real.certified(real.with_mesh(nudged)).parts[0].printed_sha256
    assert one == again != other
    assert len(one) == 64


def test_the_field_for_pictures_says_the_same_as_the_figures(real: Real, tmp_path: Path) -> None:
    at = far_corner(real)
    tool = ball(tuple(at.tolist()), 1.2)
    plan = real.with_mesh(lambda mesh: subtract(mesh, tool))
    found = field_of(real.case.part("bone"), plan.parts[0], plan.changes["bone"], (), LABEL)
    assert found is not None
    certified = real.certified(plan).parts[0].deviation
    lost = found.of_source(real.case.part("bone").mesh.vertices)
    printed = found.of_printed(plan.parts[0].mesh.vertices)
    assert max(np.nanmax(np.abs(lost)), np.nanmax(np.abs(printed))) == pytest.approx(certified.max_mm, abs=1e-3)
    assert np.nanmin(lost) < -0.5  # material is missing
    assert np.nanmin(printed) < -0.5
    assert np.isnan(printed).any()  # cavity, holes and letters
    assert field_of(real.case.part("bone"), replace(plan.parts[0], mesh=found.source), (), (), None) is None


def test_a_patch_is_the_patch_also_after_a_file_has_rounded_it(tmp_path: Path) -> None:
    """Coordinates that no float32 holds, far from where the plate puts them."""
    made = trimesh.creation.icosphere(subdivisions=4, radius=12.0)
    vertices = np.asarray(made.vertices, np.float64) + np.array([311.123456789, -201.98765, 455.55555])
    top = vertices[made.faces].mean(axis=1)[:, 2] > 455.55555 + 10.8
    part = Part(
        name="ball",
        mesh=Mesh(vertices, np.asarray(made.faces[~top], np.int32)),
        tissue="bone",
        source=Source(file="a.stl", sha256="0" * 64),
    )
    profiles = load_profiles()
    case = Case(id="T-1", parts=(part,))
    draft = prepare(begin(case, profiles.printer("prusa-xl"), profiles.process("standard"), profiles, supports=False))
    plan = plan_of(draft)
    write_prepared(tmp_path / "prepared.3mf", plan)
    certificate = certify(case, read_prepared(tmp_path / "prepared.3mf", plan), "")
    assert errors(certificate) == set()
    (found,) = certificate.parts
    assert [change.stage for change in found.changes] == ["repair"]
    assert found.deviation.max_mm < 1e-3
    assert found.deviation.inward_mm is not None  # the patch gives it an inside


def test_a_fold_inside_out_within_another_body_is_no_skin() -> None:
    """Its walls part nothing: the body around it is matter on both sides."""
    one = from_solid(Manifold.sphere(10.0, 48))
    vertices = one.vertices.copy()
    vertices[vertices[:, 2] > 9.0, 2] -= 26.0  # the cap goes through the bottom and out of it
    mesh = join([Mesh(vertices, one.faces), Mesh(one.vertices - np.array([0.0, 0.0, 14.0]), one.faces)])
    part = Part(name="bone", mesh=mesh, tissue="bone", source=Source(file="a.stl", sha256="0" * 64))
    mended = repair(mesh).mesh
    printed = PlannedPart(name="bone", mesh=mended, tissue="bone", material="pla", tool=0, colour=(0, 0, 0), priority=1)
    found = compare(part, printed, (Change(stage="repair", what="united its bodies"),))
    assert found.deviation.max_mm < 1e-3
    assert found.deviation.outward_mm == pytest.approx(0.0, abs=1e-3)
    assert found.deviation.inward_mm == pytest.approx(0.0, abs=1e-3)
