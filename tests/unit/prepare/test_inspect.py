"""Defects become findings with the right severity, and clean parts none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from manifold3d import Manifold

import printprep
from printprep.case import Case, Part, Severity, Source
from printprep.formats import stl
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.solid import from_solid
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.inspect import inspect
from printprep.profiles.load import load_profiles

DEMO = Path(printprep.__file__).parent / "demo" / "dissection"
SMALL = Path(__file__).parents[2] / "data" / "small"
PROFILES = load_profiles()
BALL = from_solid(Manifold.sphere(10.0, 32))


def draft_of(**meshes: Mesh) -> Draft:
    parts = tuple(
        Part(name=name, mesh=mesh, tissue=None, source=Source(file=f"{name}.stl", sha256="0" * 64))
        for name, mesh in meshes.items()
    )
    return Draft(
        case=Case(id="T-1", parts=parts),
        printer=PROFILES.printer("virtual"),
        process=PROFILES.process("draft"),
        profiles=PROFILES,
        parts=tuple(DraftPart(name=part.name, mesh=part.mesh) for part in parts),
    )


def severities(draft: Draft) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in inspect(draft).findings}


def test_clean_parts_have_no_finding_and_stay_the_same_object() -> None:
    mesh = stl.read(DEMO / "celiac_trunk.stl")[0].mesh
    draft = inspect(draft_of(celiac=mesh))
    assert draft.findings == ()
    assert draft.parts[0].mesh is mesh


def test_the_skull_has_open_edges_and_inconsistent_winding() -> None:
    found = severities(draft_of(skull=stl.read(SMALL / "skull_metres.stl")[0].mesh))
    assert found["open-edges"] is Severity.WARNING
    assert found["inconsistent-winding"] is Severity.WARNING
    assert "inside-out" not in found


def test_every_kind_of_defect_has_its_code_part_count_and_place() -> None:
    faces = np.concatenate([BALL.faces[2:], BALL.faces[200:201], np.array([[4, 4, 5]], np.int32)])
    findings = {finding.code: finding for finding in inspect(draft_of(ball=Mesh(BALL.vertices, faces))).findings}
    assert set(findings) == {"open-edges", "duplicate-faces", "non-manifold", "degenerate-faces"}
    assert all(finding.part == "ball" and finding.where_mm is not None for finding in findings.values())
    assert findings["duplicate-faces"].value == 1


@pytest.mark.parametrize(
    ("mesh", "code"),
    [
        (Mesh(BALL.vertices, BALL.faces[:, ::-1]), "inside-out"),
        (Mesh(np.where(BALL.vertices > 9.9, np.nan, BALL.vertices), BALL.faces), "non-finite"),
        (Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32)), "empty-mesh"),
    ],
)
def test_what_only_a_person_can_decide_is_an_error(mesh: Mesh, code: str) -> None:
    assert severities(draft_of(part=mesh))[code] is Severity.ERROR


def test_specks_and_sealed_cavities_are_named() -> None:
    speck = Mesh(BALL.vertices * 0.01 + 30.0, BALL.faces)
    cavity = Mesh(BALL.vertices * 0.5, BALL.faces[:, ::-1])
    found = severities(draft_of(ball=join([BALL, speck, cavity])))
    assert found == {"many-bodies": Severity.INFO, "specks": Severity.WARNING, "cavities": Severity.INFO}


def test_parts_that_run_through_each_other_are_said_once_and_are_no_defect_of_a_part() -> None:
    findings = inspect(draft_of(a=BALL, b=Mesh(BALL.vertices + 5.0, BALL.faces))).findings
    assert [finding.code for finding in findings] == ["parts-overlap"]
    assert findings[0].severity is Severity.INFO
    assert findings[0].part is None


def test_vertices_that_a_file_repeats_are_made_one_before_looking() -> None:
    soup = Mesh(BALL.triangles.reshape(-1, 3), np.arange(3 * len(BALL), dtype=np.int32).reshape(-1, 3))
    draft = inspect(draft_of(ball=soup))
    assert draft.findings == ()
    assert len(draft.parts[0].mesh.vertices) == len(BALL.vertices)


def test_findings_of_earlier_stages_stay() -> None:
    earlier = inspect(draft_of(a=Mesh(BALL.vertices, BALL.faces[1:])))
    again = inspect(replace(earlier, parts=()))
    assert again.findings == earlier.findings


def test_a_solid_within_a_solid_is_named_with_its_volume_and_place() -> None:
    core = Mesh(BALL.vertices * 0.5, BALL.faces)
    (_, nested) = inspect(draft_of(ball=join([BALL, core]))).findings
    assert (nested.code, nested.severity, nested.value) == ("nested-bodies", Severity.WARNING, 1)
    assert f"1 solid of {core.volume_mm3:.3f} mm3 wholly inside another" in nested.message
    assert nested.where_mm == pytest.approx((0.0, 0.0, 0.0), abs=1e-6)


def test_surfaces_that_lie_on_each_other_are_named_with_their_area_and_those_that_are_there_twice() -> None:
    again = Mesh(BALL.vertices + 0.004, BALL.faces)
    found = {finding.code: finding for finding in inspect(draft_of(ball=join([BALL, again]))).findings}
    coincident = found["coincident-surfaces"]
    assert coincident.severity is Severity.WARNING
    assert coincident.value == pytest.approx(BALL.area_mm2, rel=0.01)
    assert "1 of its separate surfaces lie on another within 0.02 mm" in coincident.message
    assert "1 of them as copies" in coincident.message


def test_each_part_keeps_what_its_bodies_are_and_one_without_a_face_has_none() -> None:
    draft = inspect(draft_of(a=BALL, b=Mesh(BALL.vertices, BALL.faces[:0])))
    first, second = (part.survey for part in draft.parts)
    assert first is not None
    assert first.bodies[0].volume_mm3 == pytest.approx(BALL.volume_mm3)
    assert second is None
