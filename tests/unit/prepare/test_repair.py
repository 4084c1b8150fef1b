"""The stage repairs, records and refuses; clean parts pass untouched."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from manifold3d import Manifold

import printprep
from printprep.case import Case, Part, Severity, Source, stopping
from printprep.casefile import Acceptance
from printprep.formats import read_meshes, stl
from printprep.geometry import uncross
from printprep.geometry.deviation import Deviation
from printprep.geometry.mend import Step
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.renew import Renewed
from printprep.geometry.repair import Repaired
from printprep.geometry.solid import from_solid, to_solid
from printprep.geometry.weld import weld_vertices
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.inspect import inspect
from printprep.prepare.repair import repair
from printprep.profiles.load import load_profiles

DEMO = Path(printprep.__file__).parent / "demo" / "dissection"
PROFILES = load_profiles()
BALL = from_solid(Manifold.sphere(10.0, 32))
OPEN = Mesh(BALL.vertices, BALL.faces[BALL.triangles.mean(axis=1)[:, 2] < 9.0])
SHEET = Mesh(BALL.vertices, BALL.faces[BALL.triangles.mean(axis=1)[:, 2] < 0.0])
TURNED = Mesh(BALL.vertices, BALL.faces[:, ::-1])


def draft_of(mesh: Mesh, accept: tuple[Acceptance, ...] = ()) -> Draft:
    part = Part(name="part", mesh=mesh, tissue=None, source=Source(file="part.stl", sha256="0" * 64))
    return Draft(
        case=Case(id="T-1", parts=(part,), accept=accept),
        printer=PROFILES.printer("virtual"),
        process=PROFILES.process("draft"),
        profiles=PROFILES,
        parts=(DraftPart(name="part", mesh=mesh),),
    )


def test_a_clean_part_passes_untouched() -> None:
    mesh = stl.read(DEMO / "subclavian_artery_left.stl")[0].mesh
    draft = repair(draft_of(mesh))
    assert draft.parts[0].mesh is mesh
    assert draft.parts[0].changes == ()
    assert draft.findings == ()


def test_a_mended_part_records_every_step_and_the_invented_surface() -> None:
    draft = repair(draft_of(OPEN))
    part = draft.parts[0]
    to_solid(part.mesh)
    assert {change.stage for change in part.changes} == {"repair"}
    patched = next(finding for finding in draft.findings if finding.code == "patched")
    assert patched.severity is Severity.WARNING
    assert patched.value == pytest.approx(part.mesh.area_mm2 - OPEN.area_mm2)
    assert [finding.code for finding in draft.findings] == ["repaired", "patched"]
    share = float(patched.value or 0) / part.mesh.area_mm2
    assert f"as much as {share:.1%} of all its surface" in patched.message
    assert "mm across" in patched.message
    assert ("segment what is missing" in patched.message) == (share >= 0.1)


@pytest.mark.parametrize(("above_mm", "much"), [(19.0, True), (None, False)])
def test_who_has_much_surface_invented_is_told_to_have_it_looked_at(above_mm: float | None, much: bool) -> None:
    cube = from_solid(Manifold.cube((20, 20, 20)).refine(8))
    lowest = cube.triangles[:, :, 2].min(axis=1)
    kept = lowest < above_mm if above_mm is not None else np.arange(len(cube)) != 0
    draft = repair(draft_of(Mesh(cube.vertices, cube.faces[kept])))
    patched = next(finding for finding in draft.findings if finding.code == "patched")
    assert ("That is over 10%" in patched.message) is much
    across_mm = 20.0 if much else 2.5
    assert f"is {across_mm:.1f} mm across" in patched.message
    assert (patched.where_mm or (0, 0, 0))[2] == (
        20.0 if much else pytest.approx(cube.triangles[0, :, 2].mean(), abs=2)
    )


def test_what_still_crosses_is_said_with_its_places_and_volumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncross, "MOST_CROSSING", 0)  # all is left to the gate
    fine = from_solid(Manifold.sphere(10.0, 64))
    vertices = fine.vertices.copy()
    vertices[np.argmax(vertices[:, 2]), 2] -= 23.0  # a spike from the top through the bottom
    draft = repair(draft_of(join([Mesh(vertices + np.array([30.0 * i, 0, 0]), fine.faces) for i in range(2)])))
    assert not stopping(draft.findings)
    finding = next(finding for finding in draft.findings if finding.code == "self-intersection-left")
    assert "in 2 places, the largest of" in finding.message
    assert "0.00 mm3 (0.000% of the volume) are enclosed twice" in finding.message
    assert "inside out, which a slicer may fill or leave out" in finding.message
    assert (finding.where_mm or (0, 0, 0))[2] < 0


def test_an_open_sheet_stops_the_run_and_comes_out_as_it_came() -> None:
    draft = repair(draft_of(SHEET))
    assert draft.parts[0].mesh is SHEET
    (finding,) = draft.findings
    assert (finding.code, finding.severity, finding.part) == ("not-a-solid", Severity.ERROR, "part")
    assert finding.where_mm is not None


def halves(*objects: str) -> Draft:
    """Two halves of a ball, each an object of one file."""
    upper = Mesh(BALL.vertices, BALL.faces[BALL.triangles.mean(axis=1)[:, 2] >= 0.0])
    pieces = {"lower": (SHEET, objects[0]), "upper": (upper, objects[1])}
    sources = {n: Source(file="Smith.3mf", sha256="0" * 64, objects=(said,)) for n, (_, said) in pieces.items()}
    parts = tuple(Part(name=n, mesh=m, tissue=None, source=sources[n]) for n, (m, _) in pieces.items())
    draft = draft_of(SHEET)
    return replace(
        draft,
        case=replace(draft.case, parts=parts),
        parts=tuple(DraftPart(name=n, mesh=m) for n, (m, _) in pieces.items()),
    )


def test_pieces_of_one_file_are_refused_with_the_line_that_makes_them_one() -> None:
    lower, upper = repair(halves("liver_1", "liver_2")).findings
    assert (lower.code, upper.code) == ("not-a-solid", "not-a-solid")
    assert 'object = ["liver_1", "liver_2"]' in lower.message
    assert "the finding of lower lists" in upper.message


def test_names_of_objects_that_could_be_a_persons_are_not_said() -> None:
    for name in ("Smith", "4711", "1.2.1970"):
        for finding in repair(halves(f"liver {name}", "liver_2")).findings:
            assert name not in finding.message
            assert "a list of the objects that theirs name" in finding.message


def test_the_wall_that_closed_neighbours_share_is_taken_out_and_counted() -> None:
    low = from_solid(Manifold.cube((10, 10, 10)))
    mirrored = Mesh(low.vertices * [1, 1, -1], low.faces[:, ::-1])
    draft = repair(draft_of(weld_vertices(join([low, mirrored]))))
    assert draft.parts[0].mesh.volume_mm3 == pytest.approx(2000.0)
    assert "took out 2 pairs of faces that face each other" in " ".join(c.what for c in draft.parts[0].changes)


@pytest.mark.long
def test_ten_segments_of_a_liver_become_one_solid(data: Path) -> None:
    found = read_meshes(data / "samples" / "liver_male_segments.3mf")
    pieces = [o.placed() for o in found if o.name.endswith("_segment") or "_lobe_" in o.name]
    assert len(pieces) == 10
    liver = weld_vertices(join(pieces))
    draft = repair(draft_of(Mesh(liver.vertices * 0.5, liver.faces)))
    assert not stopping(draft.findings)
    to_solid(draft.parts[0].mesh)
    assert draft.parts[0].mesh.volume_mm3 == pytest.approx(204_821, rel=1e-4)
    patched = next(finding for finding in draft.findings if finding.code == "patched")
    assert float(patched.value or 0) < 1.0  # mm2 of crack between rims that are 0.04 mm apart at most
    assert max(change.rebuilt_mm for change in draft.parts[0].changes) < 0.1


def test_inside_out_is_said_once_and_turned_only_when_the_case_accepts_it() -> None:
    draft = repair(inspect(draft_of(TURNED)))
    assert [finding.code for finding in draft.findings] == ["inside-out"]
    assert draft.parts[0].mesh.volume_mm3 < 0
    accepted = Acceptance(code="inside-out", reason="the exporter winds clockwise, side checked")
    draft = repair(inspect(draft_of(TURNED, (accepted,))))
    assert draft.parts[0].mesh.volume_mm3 == pytest.approx(BALL.volume_mm3)
    assert [finding.code for finding in draft.findings] == ["inside-out", "repaired"]


def test_united_bodies_are_recorded_with_the_volume_that_was_counted_twice() -> None:
    draft = repair(draft_of(join([BALL, Mesh(BALL.vertices + np.array([8.0, 0.1, 0.2]), BALL.faces)])))
    (change,) = draft.parts[0].changes
    assert change.volume_mm3 == pytest.approx(draft.parts[0].mesh.volume_mm3 - 2 * BALL.volume_mm3)
    assert np.isfinite(change.volume_mm3)


def test_a_rebuilt_surface_is_a_warning_with_its_grid_and_its_deviation(monkeypatch: pytest.MonkeyPatch) -> None:
    far = Deviation(max_mm=0.3, p95_mm=0.01, mean_mm=0.001, where_mm=(1.0, 2.0, 3.0), samples=9)
    whole = Renewed(mesh=BALL, step_mm=0.25, wall_mm=0.6, volume_mm3=-1.5, why="it was tangled", deviation=far)
    step = Step(what="resolved 3 faces: rebuilt the surface in 1 places", rebuilt_mm=0.2, where_mm=(4.0, 5.0, 6.0))
    limits: list[float] = []

    def mended(mesh: Mesh, *, limit_mm: float, **_: object) -> Repaired:
        limits.append(limit_mm)
        last = Step(what="rebuilt the whole surface", rebuilt_mm=0.25)
        return Repaired(mesh=BALL, steps=(step, last), deviation=far, rebuilt=whole, judged=True)

    monkeypatch.setattr("printprep.prepare.repair.geometry.repair", mended)
    draft = repair(draft_of(OPEN))
    found = [finding for finding in draft.findings if finding.code == "rebuilt"]
    assert [finding.severity for finding in found] == [Severity.WARNING] * 2
    assert [finding.value for finding in found] == [0.25, 0.2]
    assert [finding.where_mm for finding in found] == [(1.0, 2.0, 3.0), (4.0, 5.0, 6.0)]
    assert "at most 0.300 mm" in found[0].message
    assert "it was tangled" in found[0].message
    assert limits == [draft.case.limits.deviation_max_mm]
