"""The stage repairs, records and refuses; clean parts pass untouched."""

from pathlib import Path

import numpy as np
import pytest
from manifold3d import Manifold

import printprep
from printprep.case import Acceptance, Case, Part, Severity, Source
from printprep.formats import stl
from printprep.geometry.deviation import Deviation
from printprep.geometry.mend import Step
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.renew import Renewed
from printprep.geometry.repair import Repaired
from printprep.geometry.solid import from_solid, to_solid
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


def test_an_open_sheet_stops_the_run_and_comes_out_as_it_came() -> None:
    draft = repair(draft_of(SHEET))
    assert draft.parts[0].mesh is SHEET
    (finding,) = draft.findings
    assert (finding.code, finding.severity, finding.part) == ("not-a-solid", Severity.ERROR, "part")
    assert finding.where_mm is not None


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
