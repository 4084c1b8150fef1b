"""From a body larger than the bed to numbered pieces on plates, certified as the part that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from printprep.case import Case, Painted, Part, Severity, Source
from printprep.casefile import KeepOut, Sphere, Split
from printprep.errors import DoesNotFit
from printprep.formats.threemf import read_prepared, write_prepared
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import Manifold, from_solid
from printprep.plan import Plan, PlannedPart
from printprep.prepare.arrange import arrange
from printprep.prepare.certify import certify
from printprep.prepare.draft import Draft
from printprep.prepare.pipeline import begin, plan_of
from printprep.prepare.split import split
from printprep.profiles.load import load_profiles
from printprep.report.document import document

PROFILES = load_profiles()
ALLOWED = Split(allowed=True)


def block(size_mm: tuple[float, float, float]) -> Mesh:
    return from_solid(Manifold.cube(size_mm, True))


BAR = {"bone": block((400, 50, 40)), "core": block((330, 15, 12)), "tip": from_solid(Manifold.sphere(6.0, 32))}
BAR["tip"] = Mesh(BAR["tip"].vertices + np.array([190.0, 0.0, 22.0]), BAR["tip"].faces)


def draft(meshes: dict[str, Mesh], asked: Split, critical: str = "", zones: tuple[KeepOut, ...] = ()) -> Draft:
    source = Source(file="a.stl", sha256="0" * 64)
    parts = tuple(
        Part(name=name, mesh=mesh, tissue=None, source=source, critical=name == critical)
        for name, mesh in meshes.items()
    )
    case = Case(id="T", parts=parts, split=asked, keep_out=zones)
    start = begin(case, PROFILES.printer("ender-3"), PROFILES.process("standard"), PROFILES, supports=False)
    made = tuple(replace(p, material="pla", tool=0, priority=k) for k, p in enumerate(start.parts))
    return replace(start, parts=made)


def codes(done: Draft, severity: Severity) -> set[str]:
    return {finding.code for finding in done.findings if finding.severity is severity}


@pytest.fixture(scope="module")
def done() -> Draft:
    return arrange(split(draft(BAR, ALLOWED)))


@pytest.fixture(scope="module")
def plan(done: Draft, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    planned = plan_of(done)
    path = tmp_path_factory.mktemp("split") / "prepared.3mf"
    write_prepared(path, planned)
    return read_prepared(path, planned)


def test_a_body_that_fits_goes_through_untouched() -> None:
    start = draft({"bone": block((200, 100, 50))}, ALLOWED)
    assert split(start) is start


def test_without_leave_the_refusal_says_how_many_pieces_it_would_be() -> None:
    with pytest.raises(DoesNotFit, match=r"cut into 2 pieces: \[split\] allowed = true"):
        split(draft(BAR, Split()))
    with pytest.raises(DoesNotFit, match=r"largest case scale .*would not help: .*more than 24 pieces"):
        split(draft({"bone": block((9000, 9000, 9000))}, Split()))
    with pytest.raises(DoesNotFit, match="more than 24 pieces"):
        split(draft({"bone": block((9000, 9000, 9000))}, ALLOWED))


def test_pieces_are_numbered_and_what_is_not_cut_keeps_its_name(done: Draft) -> None:
    names = {part.name: (part.piece, part.piece_of) for part in done.parts}
    cut = {"bone.1": (1, "bone"), "bone.2": (2, "bone"), "core.1": (1, "core"), "core.2": (2, "core")}
    assert names == cut | {"tip": (names["tip"][0], None)}
    assert next(part.mesh for part in done.parts if part.name == "tip") is BAR["tip"]
    assert codes(done, Severity.INFO) == {"split", "arranged"}


def test_a_name_that_is_taken_is_not_given_twice() -> None:
    meshes = {"bone": BAR["bone"], "bone.1": BAR["tip"]}
    names = [part.name for part in split(draft(meshes, ALLOWED)).parts]
    assert sorted(names) == ["bone..1", "bone..2", "bone.1"]


def test_pins_join_the_host_and_what_lies_inside_it_is_named(done: Draft) -> None:
    (cut,) = done.cuts
    assert [pin.part for pin in cut.pins] == ["bone", "bone"]
    (warning,) = [f for f in done.findings if f.code == "pins-impossible"]
    assert "core" in warning.message
    bare = split(draft(BAR, Split(allowed=True, pins=False)))
    assert not bare.cuts[0].pins
    assert "pins-impossible" not in codes(bare, Severity.WARNING)


def test_too_thin_for_pins_is_said() -> None:
    thin = split(draft({"bone": block((400, 5, 5))}, ALLOWED))
    assert "pins-impossible" in codes(thin, Severity.WARNING)


def test_bodies_that_a_cut_leaves_apart_are_pieces_of_their_own_each_pinned_and_on_the_bed() -> None:
    fork = (
        Manifold.cube((60, 100, 30)) + Manifold.cube((390, 30, 30)) + Manifold.cube((390, 30, 30)).translate((0, 70, 0))
    )
    fork = fork - Manifold.cube((20, 10, 10)).translate((350, 10, 10))  # a cavity stays in the tine that it is in
    done = arrange(split(draft({"bone": from_solid(fork)}, ALLOWED)))
    assert {part.piece for part in done.parts} == {1, 2, 3}
    planned = plan_of(done)
    for part in planned.parts:
        stands = next(plate.motion(part) for plate in done.plates if part.name in plate.parts)
        assert part.mesh.transformed(stands).bounds_mm[0, 2] == pytest.approx(0.0, abs=1e-9)
    (cut,) = done.cuts
    assert len(cut.pins) == 4  # two in each tine
    (said,) = [f for f in done.findings if f.code == "split"]
    assert "pieces 1 and 2, 1 and 3;" in said.message or "pieces 1 and 3, 2 and 3;" in said.message
    assert codes(done, Severity.WARNING) == set()
    added_mm3 = sum(change.volume_mm3 for part in done.parts for change in part.changes)
    assert sum(part.mesh.volume_mm3 for part in done.parts) == pytest.approx(fork.volume() + added_mm3, rel=1e-9)


def test_what_was_loose_before_stays_with_the_piece_that_it_is_near() -> None:
    apart = {"bone": BAR["bone"], "loose": Mesh(BAR["tip"].vertices + np.array([0.0, 40.0, 0.0]), BAR["tip"].faces)}
    done = split(draft(apart, ALLOWED))
    assert {part.piece for part in done.parts} == {1, 2}
    assert "piece-in-bodies" not in codes(done, Severity.WARNING)  # floating names it


def test_more_bodies_than_pieces_may_be_made_stay_together_and_are_named() -> None:
    comb = Manifold.cube((60, 180, 20))
    for k in range(26):
        comb += Manifold.cube((390, 5, 20)).translate((0, 7 * k, 0))
    done = split(draft({"bone": from_solid(comb)}, ALLOWED))
    (warning,) = [f for f in done.findings if f.code == "piece-in-bodies"]
    assert (warning.severity, warning.value) == (Severity.WARNING, 26)
    assert "comes off the bed in 26 bodies" in warning.message


def test_what_is_painted_or_kept_out_by_name_is_not_cut() -> None:
    start = draft(BAR, ALLOWED, zones=(KeepOut(part="core"),))
    (error,) = [f for f in split(start).findings if f.severity is Severity.ERROR]
    assert (error.code, error.part) == ("split-through-critical", "core")
    middle = Painted(kind="critical", index=0, part="bone", mesh=block((150, 50, 40)))
    start = draft({"bone": BAR["bone"]}, ALLOWED)
    done = split(replace(start, case=replace(start.case, painted=(middle,))))
    assert codes(done, Severity.ERROR) == set()
    assert abs(done.cuts[0].plane.offset_mm) >= 75.0


def test_a_cut_that_has_to_cross_critical_anatomy_is_an_error() -> None:
    crossed = split(draft({"bone": BAR["bone"]}, ALLOWED, critical="bone"))
    (error,) = [f for f in crossed.findings if f.severity is Severity.ERROR]
    assert (error.code, error.part) == ("split-through-critical", "bone")
    assert not crossed.cuts[0].pins
    everywhere = KeepOut(sphere=Sphere(centre_mm=(0.0, 0.0, 0.0), radius_mm=190.0))
    assert "split-through-critical" in codes(split(draft(BAR, ALLOWED, zones=(everywhere,))), Severity.ERROR)


def test_volumes_add_up_to_the_source_and_the_declared_pins(done: Draft) -> None:
    for name, source in BAR.items():
        pieces = [part for part in done.parts if part.source == name]
        declared = sum(change.volume_mm3 for part in pieces for change in part.changes)
        assert sum(piece.mesh.volume_mm3 for piece in pieces) - declared == pytest.approx(source.volume_mm3, rel=1e-6)


def test_every_piece_stands_on_its_bed_clear_of_the_others(done: Draft) -> None:
    planned = plan_of(done)
    bed = done.printer.bed
    for plate in planned.plates:
        boxes = {}
        for number in {part.piece for part in planned.parts if part.name in plate.parts}:
            group = [part for part in planned.parts if part.piece == number]
            points = np.concatenate([part.mesh.transformed(plate.motion(part)).vertices for part in group])
            assert points.min(axis=0) == pytest.approx(np.maximum(points.min(axis=0), [2.0, 2.0, 0.0]), abs=1e-9)
            assert points[:, 2].min() == pytest.approx(0.0, abs=1e-9)
            assert (points.max(axis=0) <= [bed.width_mm - 2.0, bed.depth_mm - 2.0, bed.height_mm]).all()
            boxes[number] = points.min(axis=0)[:2], points.max(axis=0)[:2]
        (low_1, high_1), (low_2, high_2) = boxes[1], boxes[2]
        assert max((low_1 - high_2).max(), (low_2 - high_1).max()) >= 5.0 - 1e-9
    assert len(planned.plates) == 1


def test_the_pieces_are_certified_as_the_part(done: Draft, plan: Plan) -> None:
    certificate = certify(done.case, plan, "0" * 64)
    assert [part.name for part in certificate.parts] == list(BAR)
    assert certificate.within_limits
    assert not [f for f in certificate.findings if f.severity is Severity.ERROR]
    bone = certificate.parts[0]
    assert bone.closed
    assert bone.deviation.max_mm < 1e-3
    assert {change.stage for change in bone.changes} == {"split"}
    said = document(case=done.case, plan=plan, certificate=certificate)["parts"]
    assert [piece["name"] for piece in said[0]["pieces"]] == ["bone.1", "bone.2"]
    assert [(piece["name"], piece["plate"]) for piece in said[2]["pieces"]] == [("tip", 1)]


def test_a_plate_file_that_is_written_twice_is_the_same(done: Draft, tmp_path: Path) -> None:
    for name in ("a.3mf", "b.3mf"):
        write_prepared(tmp_path / name, plan_of(done))
    assert (tmp_path / "a.3mf").read_bytes() == (tmp_path / "b.3mf").read_bytes()


def shifted(part: PlannedPart, by_mm: tuple[float, float, float]) -> PlannedPart:
    return replace(part, mesh=Mesh(part.mesh.vertices + np.array(by_mm), part.mesh.faces))


def changed(plan: Plan, name: str, change: Callable[[PlannedPart], PlannedPart]) -> Plan:
    return replace(plan, parts=tuple(change(p) if p.name == name else p for p in plan.parts))


def torn(plan: Plan) -> Plan:
    plate = plan.plates[0]
    rest = tuple(name for name in plate.parts if name != "bone.1")
    return replace(plan, plates=(replace(plate, parts=rest), replace(plate, index=2, parts=("bone.1",))))


MUTATIONS: dict[str, tuple[Callable[[Plan], Plan], str]] = {
    "pulled apart": (lambda p: changed(p, "bone.2", lambda q: shifted(q, (0.05, 0, 0))), "deviation-over-limit"),
    "slid along the cut": (lambda p: changed(p, "bone.2", lambda q: shifted(q, (0, 0.05, 0))), "deviation-over-limit"),
    "a piece is gone": (
        lambda p: replace(p, parts=tuple(q for q in p.parts if q.name != "bone.2")),
        "deviation-over-limit",
    ),
    "a cut that nobody declared": (lambda p: replace(p, cuts=()), "deviation-over-limit"),
    "pins that nobody declared": (
        lambda p: replace(p, cuts=tuple(replace(cut, pins=()) for cut in p.cuts)),
        "deviation-over-limit",
    ),
    "a piece that was not cut": (
        lambda p: changed(p, "bone.2", lambda q: replace(q, mesh=BAR["bone"])),
        "volume-over-limit",
    ),
    "a piece open at its cut": (
        lambda p: changed(p, "bone.2", lambda q: replace(q, mesh=Mesh(q.mesh.vertices, q.mesh.faces[1:]))),
        "part-not-closed",
    ),
    "a piece on two plates": (torn, "parts-moved"),
    "a piece that is twice there": (
        lambda p: replace(p, parts=(*p.parts, p.part("bone.2"))),
        "part-missing",
    ),
    "a piece mirrored by its plate": (
        lambda p: replace(p, plates=(replace(p.plates[0], motions={1: np.diag([-1.0, 1, 1, 1])}),)),
        "parts-moved",
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_no_mutation_of_the_pieces_gets_past_the_certificate(done: Draft, plan: Plan, mutation: str) -> None:
    mutate, code = MUTATIONS[mutation]
    certificate = certify(done.case, mutate(plan), "0" * 64)
    assert code in {f.code for f in certificate.findings if f.severity is Severity.ERROR}
