"""Struts are parts of their own that take nothing from the anatomy, and a wish that cannot be met says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.case import Case, Part, Severity, Source
from printprep.casefile import Box, ConnectWish, KeepOut
from printprep.errors import CaseError
from printprep.formats.threemf import read_prepared, write_prepared
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.solid import from_solid
from printprep.prepare.certify import certify
from printprep.prepare.draft import Draft
from printprep.prepare.intake import read_case
from printprep.prepare.pipeline import begin, plan_of, prepare
from printprep.profiles.load import Profiles, load_profiles


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def ball(radius: float, *at: float) -> Mesh:
    return from_solid(Manifold.sphere(radius, 64).translate(at))


BONE = from_solid(Manifold.cube((40, 40, 10), True))
TUMOUR = ball(8.0, 0, 0, 25)


def case_of(wish: dict[str, Any], tumour: Mesh = TUMOUR, *, critical: str = "", keep_out: bool = False) -> Case:
    source = Source(file="a.stl", sha256="0" * 64)
    meshes = {"bone": (BONE, "bone"), "tumour": (tumour, "tumour")}
    parts = tuple(
        Part(name=name, mesh=mesh, tissue=tissue, source=source, critical=name == critical)
        for name, (mesh, tissue) in meshes.items()
    )
    zone = KeepOut(box=Box(lower_mm=(-50, -50, 8), upper_mm=(50, 50, 10)))
    return Case(id="T-1", parts=parts, connect=(ConnectWish.model_validate(wish),), keep_out=(zone,) * keep_out)


JOIN = {"from": "tumour", "to": "bone"}


def prepared(profiles: Profiles, case: Case, printer: str = "prusa-xl") -> Draft:
    return prepare(begin(case, profiles.printer(printer), profiles.process("draft"), profiles))


def found(draft: Draft, code: str) -> list[str]:
    return [finding.message for finding in draft.findings if finding.code == code]


def test_struts_are_parts_of_their_own_below_all_anatomy(profiles: Profiles, tmp_path: Path) -> None:
    case = case_of(JOIN)
    draft = prepared(profiles, case)
    assert len(found(draft, "connected")) == 2
    plan = plan_of(draft)
    write_prepared(tmp_path / "prepared.3mf", plan)
    plan = read_prepared(tmp_path / "prepared.3mf", plan)
    struts = [part for part in plan.parts if part.added]
    assert [part.name for part in plan.parts if not part.added] == [p.name for p in plan.parts[len(struts) :]]
    assert {part.name for part in struts} == {"strut-1", "strut-2"}
    bone = plan.part("bone")
    assert {(part.material, part.tool) for part in struts} == {(bone.material, bone.tool)}
    assert set(plan.plates[0].parts) == {"bone", "tumour", "strut-1", "strut-2"}
    assert {name for load in plan.tools for name in load.parts} == set(plan.plates[0].parts)
    certificate = certify(case, plan, "0" * 64)
    assert [f for f in certificate.findings if f.severity is not Severity.INFO] == []
    assert {part.name: part.lost_to_mm3 for part in certificate.parts} == {"bone": {}, "tumour": {}}
    assert all(part.deviation.max_mm < 1e-4 for part in certificate.parts)
    assert [one.name for one in certificate.added] == [part.name for part in struts]
    without = certify(replace(case, connect=()), plan, "0" * 64)
    assert {f.part for f in without.findings if f.code == "part-unknown"} == {"strut-1", "strut-2"}


def test_a_strut_that_reaches_deeper_than_it_declares_is_found(profiles: Profiles) -> None:
    case = case_of(JOIN)
    plan = plan_of(prepared(profiles, case))
    assert all(0.5 < change.deep_mm < 2.0 for name in ("strut-1", "strut-2") for change in plan.changes[name])
    strut = plan.part("strut-1")
    deeper = Mesh(strut.mesh.vertices - [0.0, 0.0, 3.0], strut.mesh.faces)
    parts = tuple(replace(part, mesh=deeper) if part is strut else part for part in plan.parts)
    found = certify(case, replace(plan, parts=parts), "0" * 64).findings
    assert [(f.code, f.part) for f in found if f.severity is Severity.ERROR] == [("added-in-anatomy", "strut-1")]


def test_a_heavier_part_gets_thicker_struts_and_a_wish_goes_first(profiles: Profiles) -> None:
    def diameters(case: Case) -> list[float]:
        return [f.value for f in prepared(profiles, case).findings if f.code == "connected" and f.value]  # type: ignore

    light, heavy = diameters(case_of(JOIN)), diameters(case_of(JOIN, ball(45, 0, 0, 70)))
    assert light == [2.0, 2.0]
    assert min(heavy) > 2.5
    assert diameters(case_of({**JOIN, "diameter_mm": 4.0, "count": 1})) == [4.0]


def test_a_material_of_choice_takes_a_free_tool(profiles: Profiles) -> None:
    draft = prepared(profiles, case_of({**JOIN, "material": "petg"}))
    (tool,) = [load for load in draft.tools if load.material == "petg"]
    assert set(tool.parts) == {"strut-1", "strut-2"}
    assert [load.tool for load in draft.tools] == list(range(len(draft.tools)))
    full = prepared(profiles, case_of({**JOIN, "material": "petg"}), "ender-3")
    assert len(full.tools) == 1
    assert "shares tool" in found(full, "material-substituted")[0] or "no tool is free" in str(full.findings)


def test_loose_bodies_of_one_part_are_joined_to_the_largest(profiles: Profiles) -> None:
    pieces = join([TUMOUR, ball(4, 20, 0, 25), ball(3, -18, 0, 25)])
    draft = prepared(profiles, case_of({"from": "tumour", "to": "tumour", "count": 1}, pieces))
    assert len(found(draft, "connected")) == 2
    for part in (part for part in draft.parts if part.added):
        (change,) = part.changes
        assert change.where_mm is not None
        assert change.where_mm[2] == pytest.approx(25, abs=4)


def test_what_touches_needs_no_strut(profiles: Profiles) -> None:
    draft = prepared(profiles, case_of(JOIN, ball(8, 0, 0, 10)))
    assert found(draft, "connect-needless")
    assert not any(part.added for part in draft.parts)


def test_room_for_fewer_is_said(profiles: Profiles) -> None:
    draft = prepared(profiles, case_of({**JOIN, "count": 12}, ball(4, 0, 0, 15)))
    assert "of 12 struts" in found(draft, "connect-fewer")[0]


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (case_of(JOIN, keep_out=True), "it would meet a zone"),
        (case_of(JOIN, critical="tumour"), "tumour is critical"),
        (case_of({"from": "tumour", "to": "nerve"}), "there is no part nerve"),
        (case_of({"from": "tumour", "to": "tumour"}), "one body only"),
        (case_of({**JOIN, "diameter_mm": 20.0}, ball(2, 0, 0, 12)), "smaller diameter_mm"),
    ],
)
def test_what_is_impossible_says_why_and_stops(profiles: Profiles, case: Case, why: str) -> None:
    draft = prepared(profiles, case)
    assert why in found(draft, "connect-impossible")[0]
    assert not draft.plates


TOML = """
[case]
id = "T-1"
units = "mm"
[[parts]]
name = "subclavian artery"
mesh = "a.stl"
side = "left"
[[connect]]
from = "subclavian artery"
to = "{to}"
{more}
"""


def test_the_wish_is_read_from_case_toml(tmp_path: Path, dissection: Path, profiles: Profiles) -> None:
    (tmp_path / "a.stl").write_bytes((dissection / "subclavian_artery_left.stl").read_bytes())
    for to, more, said in (
        ("bone", "", r"connect\[0\].to: there is no part 'bone'"),
        ("subclavian artery", "counts = 2", "did you mean|count"),
        ("subclavian artery", "count = 0", r"connect\[0\].count"),
    ):
        (tmp_path / "case.toml").write_text(TOML.format(to=to, more=more), encoding="utf-8")
        with pytest.raises(CaseError, match=said):
            read_case(tmp_path, profiles)
    (tmp_path / "case.toml").write_text(TOML.format(to="subclavian artery", more="count = 3"), encoding="utf-8")
    (wish,) = read_case(tmp_path, profiles).connect
    assert (wish.from_part, wish.to, wish.count, wish.diameter_mm) == (
        "subclavian artery",
        "subclavian artery",
        3,
        None,
    )


def test_the_same_case_gives_the_same_struts(profiles: Profiles) -> None:
    one, two = (prepared(profiles, case_of(JOIN)) for _ in range(2))
    for a, b in zip(one.parts, two.parts, strict=True):
        assert np.array_equal(a.mesh.vertices, b.mesh.vertices)
