"""Cutting a body to the bed together with what is no anatomy: struts across a cut, a label on a piece, a tab."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from manifold3d import Manifold

from printprep.case import Case, Label, Part, Severity, Source
from printprep.casefile import ConnectWish, Hollow, Limits, Split
from printprep.formats.threemf import read_prepared, write_prepared
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid
from printprep.plan import TAB, Certificate, Plan
from printprep.prepare.certify import certify
from printprep.prepare.draft import Draft
from printprep.prepare.orient import orient
from printprep.prepare.pipeline import STAGES, begin, plan_of, prepare
from printprep.profiles.load import load_profiles
from printprep.report.document import document, schema

PROFILES = load_profiles()
LYING = tuple(stage for stage in STAGES if stage is not orient)
ENGRAVED = Label(text="CHD-0142 L", height_mm=5.0, depth_mm=0.6, style="engrave")


def bar(from_mm: float, to_mm: float) -> Mesh:
    made = from_solid(Manifold.cube((to_mm - from_mm, 50, 40), True))
    return Mesh(made.vertices + np.array([(from_mm + to_mm) / 2.0, 0.0, 0.0]), made.faces)


def case_of(meshes: dict[str, Mesh], label: Label | None = None, *connect: ConnectWish) -> Case:
    source = Source(file="a.stl", sha256="0" * 64)
    parts = tuple(Part(name=name, mesh=mesh, tissue="bone", source=source) for name, mesh in meshes.items())
    limits = Limits(deviation_p95_mm=0.05, deviation_max_mm=0.1, volume_change_percent=0.1)
    return Case(id="CHD-0142", parts=parts, label=label, split=Split(allowed=True), connect=connect, limits=limits)


def made(case: Case, path: Path) -> tuple[Draft, Plan, Certificate]:
    draft = prepare(begin(case, PROFILES.printer("ender-3"), PROFILES.process("draft"), PROFILES), LYING)
    plan = plan_of(draft)
    write_prepared(path, plan)
    read = read_prepared(path, plan)
    return draft, read, certify(case, read, "0" * 64)


def errors(certificate: Certificate) -> list[str]:
    return [finding.code for finding in certificate.findings if finding.severity is Severity.ERROR]


def said(case: Case, plan: Plan, certificate: Certificate) -> dict[str, Any]:
    found = document(case=case, plan=plan, certificate=certificate)
    jsonschema.validate(found, schema())
    return found


@pytest.fixture(scope="module")
def strutted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Plan, Certificate]:
    wish = ConnectWish.model_validate({"from": "left", "to": "right", "diameter_mm": 12.0, "count": 1})
    case = case_of({"left": bar(-190, -60), "right": bar(60, 190)}, None, wish)
    _, plan, certificate = made(case, tmp_path_factory.mktemp("strut") / "prepared.3mf")
    return case, plan, certificate


def test_a_strut_across_a_cut_is_cut_and_still_allowed(strutted: tuple[Case, Plan, Certificate]) -> None:
    case, plan, certificate = strutted
    assert len(plan.pieces("strut-1")) == 2
    assert all(piece.added for piece in plan.pieces("strut-1"))
    assert errors(certificate) == []
    (one,) = certificate.added
    assert one.name == "strut-1"
    assert one.closed
    assert {change.stage for change in one.changes} >= {"connect", "split"}
    (shown,) = said(case, plan, certificate)["added"]
    assert [piece["name"] for piece in shown["pieces"]] == ["strut-1.1", "strut-1.2"]


def test_what_is_wrong_with_a_piece_of_a_strut_is_found(strutted: tuple[Case, Plan, Certificate]) -> None:
    case, plan, _ = strutted

    def changed(**values: Any) -> list[str]:
        parts = tuple(replace(part, **values) if part.name == "strut-1.2" else part for part in plan.parts)
        return errors(certify(case, replace(plan, parts=parts), "0" * 64))

    mesh = plan.part("strut-1.2").mesh
    assert changed(added=False) != []
    assert "part-unknown" in changed(piece_of="beam")
    assert "part-unknown" in changed(piece=1)
    assert "part-not-closed" in changed(mesh=Mesh(mesh.vertices, mesh.faces[1:]))
    assert "part-not-closed" in changed(mesh=Mesh(mesh.vertices, mesh.faces[:, ::-1]))
    assert "priority-not-honoured" in changed(priority=99)
    nowhere = tuple(
        replace(plate, parts=tuple(name for name in plate.parts if name != "strut-1.2")) for plate in plan.plates
    )
    assert "part-missing" in errors(certify(case, replace(plan, plates=nowhere), "0" * 64))
    assert set(errors(certify(replace(case, connect=()), plan, "0" * 64))) == {"part-unknown"}


def test_the_label_is_on_one_piece_and_not_on_a_cut_face(tmp_path: Path) -> None:
    case = case_of({"bone": bar(-200, 200)}, ENGRAVED)
    draft, plan, certificate = made(case, tmp_path / "prepared.3mf")
    (finding,) = [f for f in draft.findings if f.code == "labelled"]
    assert finding.part in {piece.name for piece in plan.pieces("bone")}
    assert finding.where_mm is not None
    assert all(abs(cut.plane.above_mm(np.array([finding.where_mm]))[0]) > 1.0 for cut in plan.cuts)
    assert errors(certificate) == []
    assert [change.stage for change in certificate.parts[0].changes].count("label") == 1
    assert "deviation-over-limit" in errors(certify(replace(case, label=None), plan, "0" * 64))


def test_a_part_that_the_case_names_is_labelled_though_it_was_cut(tmp_path: Path) -> None:
    case = case_of({"bone": bar(-200, 200)}, replace(ENGRAVED, part="bone"))
    draft, _, certificate = made(case, tmp_path / "prepared.3mf")
    assert "labelled" in {f.code for f in draft.findings}
    assert errors(certificate) == []


def test_a_tab_stands_as_a_body_of_its_own_beside_the_pieces(tmp_path: Path) -> None:
    case = case_of({"bone": bar(-200, 200)}, replace(ENGRAVED, style="tab"))
    draft, plan, certificate = made(case, tmp_path / "prepared.3mf")
    assert errors(certificate) == []
    assert [one.name for one in certificate.added] == [TAB]
    (plate,) = [plate for plate in plan.plates if TAB in plate.parts]
    tab = plan.part(TAB)
    assert tab.piece == 0
    low = tab.mesh.transformed(plate.motion(tab)).bounds_mm[0, 2]
    assert low == pytest.approx(0.0, abs=1e-3)
    assert any(TAB in f.message for f in draft.findings if f.code == "arranged")
    assert said(case, plan, certificate)["added"][0]["pieces"] == []


def test_a_hollow_body_with_plugs_is_cut_and_every_change_is_accounted_for(tmp_path: Path) -> None:
    case = case_of({"bone": bar(-150, 150)})
    hollow = Hollow(wall_mm=6.0, plugs=True)
    case = replace(case, parts=(replace(case.parts[0], hollow=hollow),))
    draft, plan, certificate = made(case, tmp_path / "prepared.3mf")
    assert errors(certificate) == []
    assert len(plan.pieces("bone")) == 2
    assert {part.name for part in plan.parts if part.added} == {"plug-1", "plug-2"}
    stages = [change.stage for change in plan.changes["bone"]]
    assert (stages.count("hollow"), stages.count("drain")) == (1, 2)
    (proof,) = certificate.parts
    assert proof.deviation.max_mm < 0.1
    assert 0.3 < proof.volume_mm3 / proof.volume_source_mm3 < 0.7
    assert {f.code for f in draft.findings} >= {"hollowed", "plugs", "split"}
