"""A label changes only what it says, and the certificate measures it; where there is no place, a tab says it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from manifold3d import Manifold

from printprep.case import Case, Finding, Label, Part, Severity, Source
from printprep.casefile import Box, KeepOut, Limits
from printprep.errors import CaseError
from printprep.formats.threemf import read_prepared, write_prepared
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid, intersect, subtract
from printprep.plan import Change, Plan
from printprep.prepare.certify import certify
from printprep.prepare.draft import Draft
from printprep.prepare.intake import read_case
from printprep.prepare.label import label
from printprep.prepare.pipeline import begin, plan_of, prepare
from printprep.profiles.load import Profiles, load_profiles
from printprep.report.document import document

ENGRAVED = Label(text="CHD-0142 L", height_mm=5.0, depth_mm=0.6, style="engrave")
BALL = from_solid(Manifold.sphere(15.0, 96))


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def block(*size_mm: float) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices, made.faces)


def case_of(mesh: Mesh, asked: Label | None, *, critical: bool = False, keep_out: tuple[KeepOut, ...] = ()) -> Case:
    source = Source(file="a.stl", sha256="0" * 64)
    part = Part(name="bone", mesh=mesh, tissue="bone", source=source, critical=critical)
    limits = Limits(deviation_p95_mm=0.05, deviation_max_mm=0.1, volume_change_percent=0.1)
    return Case(id="CHD-0142", parts=(part,), label=asked, keep_out=keep_out, limits=limits)


def prepared(profiles: Profiles, case: Case, printer: str = "prusa-xl") -> Draft:
    return prepare(begin(case, profiles.printer(printer), profiles.process("draft"), profiles))


def codes(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.code for finding in findings}


def errors(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.code for finding in findings if finding.severity is Severity.ERROR}


def plan_in(tmp_path: Path, draft: Draft) -> Plan:
    plan = plan_of(draft)
    write_prepared(tmp_path / "prepared.3mf", plan)
    return read_prepared(tmp_path / "prepared.3mf", plan)


def test_nothing_is_written_that_was_not_asked_for(profiles: Profiles) -> None:
    for asked in (None, replace(ENGRAVED, style="none")):
        draft = begin(case_of(BALL, asked), profiles.printer("prusa-xl"), profiles.process("draft"), profiles)
        assert label(draft) is draft


@pytest.mark.parametrize("style", ["engrave", "emboss"])
def test_letters_are_a_measured_change_that_the_certificate_sets_aside(
    profiles: Profiles, tmp_path: Path, style: str
) -> None:
    case = case_of(block(80, 30, 14), replace(ENGRAVED, style=style))  # type: ignore[arg-type]
    draft = prepared(profiles, case)
    assert "labelled" in codes(draft.findings)
    (part,) = draft.parts
    (change,) = [c for c in part.changes if c.stage == "label"]
    assert change.volume_mm3 == pytest.approx(part.mesh.volume_mm3 - 80 * 30 * 14)
    assert (change.volume_mm3 < 0) == (style == "engrave")
    plan = plan_in(tmp_path, draft)
    found = certify(case, plan, "0" * 64)
    assert errors(found.findings) == set()
    assert found.parts[0].deviation.max_mm < 0.01
    unasked = certify(replace(case, label=None), plan, "0" * 64)
    assert {"deviation-over-limit", "volume-over-limit"} <= errors(unasked.findings)


def test_what_is_cut_deeper_or_elsewhere_than_the_label_is_found(profiles: Profiles, tmp_path: Path) -> None:
    case = case_of(block(80, 30, 14), ENGRAVED)
    plan = plan_in(tmp_path, prepared(profiles, case))
    part = plan.parts[0]
    (change,) = [c for c in plan.changes["bone"] if c.stage == "label"]
    assert change.where_mm is not None
    at = np.array(change.where_mm)
    deep = Manifold.sphere(2.0, 32)
    for place in (at, -at):  # a pit in the label, and one on the other side
        pit = from_solid(deep.translate(tuple(place)))
        worse = replace(plan, parts=(replace(part, mesh=subtract(part.mesh, pit)),))
        assert "deviation-over-limit" in errors(certify(case, worse, "0" * 64).findings)
    lied: dict[str, tuple[Change, ...]] = {"bone": (replace(change, volume_mm3=-500.0),)}
    assert "volume-over-limit" in errors(certify(case, replace(plan, changes=lied), "0" * 64).findings)


@pytest.mark.parametrize(
    ("mesh", "critical", "keep_out", "tied"),
    [
        (BALL, False, (), True),
        (block(30, 20, 10), False, (), True),
        (block(80, 30, 14), True, (), False),
        (block(80, 30, 14), False, (KeepOut(box=Box(lower_mm=(-99, -99, -99), upper_mm=(99, 99, 99))),), False),
        (block(80, 30, 14), False, (KeepOut(part="bone"),), False),
    ],
    ids=["round", "shorter than the label", "critical", "kept out", "kept out by name"],
)
def test_without_a_place_a_tab_stands_beside_and_no_anatomy_is_touched(
    profiles: Profiles, tmp_path: Path, mesh: Mesh, critical: bool, keep_out: tuple[KeepOut, ...], tied: bool
) -> None:
    case = case_of(mesh, ENGRAVED, critical=critical, keep_out=keep_out)
    draft = prepared(profiles, case)
    (said_of_tab,) = [finding for finding in draft.findings if finding.code == "label-on-tab"]
    assert ("is tied to bone by" in said_of_tab.message) is tied
    assert ("stands loose beside the body, because no part that may" in said_of_tab.message) is not tied
    plan = plan_in(tmp_path, draft)
    tab, bone = plan.parts
    assert (tab.name, tab.added, tab.material, tab.tissue) == ("label-tab", True, bone.material, None)
    assert tab.priority < bone.priority
    on_bed = [part.mesh.transformed(plan.plates[0].case_to_plate).bounds_mm for part in (tab, bone)]
    assert on_bed[0][0, 2] == pytest.approx(0.0, abs=1e-4)
    gap = np.maximum(on_bed[0][0] - on_bed[1][1], on_bed[1][0] - on_bed[0][1])[:2].max()
    assert gap < 0.0 if tied else 5.0 <= gap <= 9.0
    touched = intersect(tab.mesh, mesh).volume_mm3  # two round ends of 2 mm, half a millimetre deep and aslant
    assert 0.5 < touched < 8.0 if tied else touched == 0.0
    assert inspect(tab.mesh).bodies == 1
    found = certify(case, plan, "0" * 64)
    assert errors(found.findings) == set()
    assert found.parts[0].deviation.max_mm < 1e-4
    assert [(one.name, one.closed) for one in found.added] == [("label-tab", True)]
    said = document(case=case, plan=plan, certificate=found)
    assert [one["name"] for one in said["added"]] == ["label-tab"]
    assert [one["name"] for one in said["parts"]] == ["bone"]


def test_a_tab_stands_in_a_corner_that_the_body_leaves_free(profiles: Profiles) -> None:
    angle = from_solid(Manifold.cube((100, 20, 10)) + Manifold.cube((20, 100, 10)))  # an L: nothing grows
    draft = prepared(profiles, case_of(angle, replace(ENGRAVED, style="tab")))
    body = next(part.mesh for part in draft.parts if not part.added).transformed(draft.plates[0].case_to_plate)
    tab = next(part.mesh for part in draft.parts if part.added).transformed(draft.plates[0].case_to_plate)
    assert (tab.bounds_mm[0, :2] >= body.bounds_mm[0, :2] - 1e-6).all()
    assert (tab.bounds_mm[1, :2] <= body.bounds_mm[1, :2] + 1e-6).all()
    assert intersect(tab, body).volume_mm3 < 8.0  # the ends of the necks


def test_a_tab_that_nobody_asked_for_is_found(profiles: Profiles, tmp_path: Path) -> None:
    case = case_of(BALL, replace(ENGRAVED, style="tab"))
    plan = plan_in(tmp_path, prepared(profiles, case))
    assert errors(certify(case, plan, "0" * 64).findings) == set()
    assert errors(certify(replace(case, label=None), plan, "0" * 64).findings) == {"part-unknown"}
    above = tuple(replace(part, priority=99 if part.added else 1) for part in reversed(plan.parts))
    assert "priority-not-honoured" in errors(certify(case, replace(plan, parts=above), "0" * 64).findings)
    disowned = replace(plan, parts=tuple(replace(part, added=True) for part in plan.parts))
    assert ("part-unknown", "bone") in {(f.code, f.part) for f in certify(case, disowned, "0" * 64).findings}
    opened = tuple(
        replace(part, mesh=Mesh(part.mesh.vertices, part.mesh.faces[:-1])) if part.added else part
        for part in plan.parts
    )
    assert "part-not-closed" in errors(certify(case, replace(plan, parts=opened), "0" * 64).findings)


def test_a_label_longer_than_the_bed_says_what_to_change(profiles: Profiles) -> None:
    draft = prepared(profiles, case_of(BALL, replace(ENGRAVED, text="CHD-0142 " + "X" * 30, height_mm=20)))
    (finding,) = [f for f in draft.findings if f.code == "label-too-long"]
    assert finding.severity is Severity.ERROR
    assert "shorter text" in finding.message
    assert "bone, is 52 mm across" in finding.message
    assert finding.where_mm is not None
    assert not draft.plates


def test_small_letters_and_a_text_without_the_id_are_said(profiles: Profiles) -> None:
    found = prepared(profiles, case_of(BALL, replace(ENGRAVED, text="HEART", height_mm=3.0))).findings
    assert {"label-small", "label-without-id"} <= codes(found)


def pair(left: Mesh, right: Mesh, **asked: object) -> Case:
    source = Source(file="a.stl", sha256="0" * 64)
    parts = (
        Part(name="femur", mesh=left, tissue="bone", source=source, side="left"),
        Part(
            name="tibia",
            mesh=Mesh(right.vertices + np.array([0.0, 60.0, 0.0]), right.faces),
            tissue="bone",
            source=source,
            side="right",
        ),
    )
    label = replace(ENGRAVED, text="CHD-0142", marks=(("femur", "L"), ("tibia", "R")), **asked)  # type: ignore[arg-type]
    limits = Limits(deviation_p95_mm=0.05, deviation_max_mm=0.1, volume_change_percent=0.1)
    return Case(id="CHD-0142", parts=parts, label=label, limits=limits)


@pytest.mark.parametrize("style", ["engrave", "emboss"])
def test_parts_of_both_sides_bear_their_own_mark_beside_the_one_label(
    profiles: Profiles, tmp_path: Path, style: str
) -> None:
    case = pair(block(80, 30, 14), block(40, 30, 14), style=style)
    draft = prepared(profiles, case)
    assert [(f.part, f.value) for f in draft.findings if f.code == "labelled"] == [
        ("femur", "CHD-0142"),
        ("femur", "L"),
        ("tibia", "R"),
    ]
    assert {(p.name, c.stage) for p in draft.parts for c in p.changes if c.stage != "repair"} == {
        ("femur", "label"),
        ("femur", "side-mark"),
        ("tibia", "side-mark"),
    }
    plan = plan_in(tmp_path, draft)
    found = certify(case, plan, "0" * 64)
    assert errors(found.findings) == set()
    assert max(part.deviation.max_mm for part in found.parts) < 0.01
    assert case.label is not None
    switched = replace(case, label=replace(case.label, marks=(("femur", "L"),)))  # nobody asked for the other
    assert ("deviation-over-limit", "tibia") in {(f.code, f.part) for f in certify(switched, plan, "0" * 64).findings}


def test_a_part_that_cannot_bear_its_side_is_named(profiles: Profiles) -> None:
    found = prepared(profiles, pair(block(80, 30, 14), from_solid(Manifold.sphere(3.0, 48)))).findings
    (finding,) = [f for f in found if f.code == "side-unmarked"]
    assert (finding.part, finding.value, finding.severity) == ("tibia", "R", Severity.WARNING)
    assert "of the right side" in finding.message
    found = prepared(profiles, pair(block(80, 30, 14), block(40, 30, 14), style="tab")).findings
    assert [f.part for f in found if f.code == "side-unmarked"] == ["femur", "tibia"]


CASE = """
[case]
id = "CHD-0142"
units = "mm"
{header}
[[parts]]
name = "subclavian artery"
mesh = "a.stl"
side = "left"
critical = {critical}
[label]
{label}
"""


def written(tmp_path: Path, dissection: Path, *, label: str = "", header: str = "", critical: str = "false") -> Path:
    (tmp_path / "a.stl").write_bytes((dissection / "subclavian_artery_left.stl").read_bytes())
    (tmp_path / "case.toml").write_text(CASE.format(label=label, header=header, critical=critical), encoding="utf-8")
    return tmp_path


def test_the_text_is_the_id_and_the_side(tmp_path: Path, dissection: Path, profiles: Profiles) -> None:
    case = read_case(written(tmp_path, dissection), profiles)
    assert case.label == Label(text="CHD-0142 L", height_mm=5.0, depth_mm=0.6, style="engrave")
    mirrored = read_case(written(tmp_path, dissection, header='mirror = "left-right"'), profiles)
    assert mirrored.label is not None
    assert mirrored.label.text == "CHD-0142 L MIRRORED"
    assert "name-may-identify" not in codes(case.findings)
    named = read_case(written(tmp_path, dissection, label='text = "CHD-0142 Smith"'), profiles)
    assert [(f.code, f.value) for f in named.findings if f.severity is Severity.ERROR] == [
        ("name-may-identify", "smith")
    ]
    own = read_case(written(tmp_path, dissection, label='text = "X-1"\nheight_mm = 7.5\nstyle = "tab"'), profiles)
    assert own.label == Label(text="X-1", height_mm=7.5, depth_mm=0.6, style="tab")


@pytest.mark.parametrize(
    ("label", "critical", "said"),
    [
        ('style = "engraved"', "false", "engrave"),
        ('text = "Müller"', "false", "label.text"),
        ('part = "bone"', "false", "there is no part 'bone'"),
        ('part = "subclavian artery"', "true", "critical"),
        ("depth_mm = 9", "false", "label.depth_mm"),
    ],
)
def test_a_wrong_wish_is_refused_with_its_key(
    tmp_path: Path, dissection: Path, profiles: Profiles, label: str, critical: str, said: str
) -> None:
    with pytest.raises(CaseError, match=said):
        read_case(written(tmp_path, dissection, label=label, critical=critical), profiles)


def test_parts_of_both_sides_are_each_to_bear_their_own(tmp_path: Path, dissection: Path, profiles: Profiles) -> None:
    (tmp_path / "b.stl").write_bytes((dissection / "common_carotid_artery_left.stl").read_bytes())
    folder = written(tmp_path, dissection)
    text = (folder / "case.toml").read_text(encoding="utf-8")
    other = '[[parts]]\nname = "common carotid artery"\nmesh = "b.stl"\nside = "right"\n'
    (folder / "case.toml").write_text(text.replace("[label]", other + "[label]"), encoding="utf-8")
    label_of_both = read_case(folder, profiles).label
    assert label_of_both is not None
    assert label_of_both.text == "CHD-0142"
    assert label_of_both.marks == (("subclavian artery", "L"), ("common carotid artery", "R"))
