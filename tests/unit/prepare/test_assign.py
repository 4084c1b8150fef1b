from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from printprep.case import Case, Finding, Part, Severity, Source
from printprep.errors import ProfileError
from printprep.geometry.mesh import Mesh
from printprep.prepare.assign import assign, by_priority, colour_difference
from printprep.prepare.draft import NEUTRAL, Draft, DraftPart
from printprep.profiles.load import Profiles, load_profiles

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
CORNERS_OF_FACES = ("013", "032", "467", "475", "045", "051", "237", "276", "026", "064", "157", "173")
FACES = np.array([[int(corner) for corner in face] for face in CORNERS_OF_FACES])
SOURCE = Source(file="x.stl", sha256="0")


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def part(name: str, tissue: str | None = "bone", edge_mm: float = 10, **more: Any) -> Part:
    return Part(name=name, mesh=Mesh(CORNERS * edge_mm, FACES), tissue=tissue, source=SOURCE, **more)


def draft(profiles: Profiles, parts: Sequence[Part], printer: str = "prusa-xl") -> Draft:
    return Draft(
        case=Case(id="T-1", parts=tuple(parts)),
        printer=profiles.printer(printer),
        process=profiles.process("standard"),
        profiles=profiles,
        parts=tuple(DraftPart(name=p.name, mesh=p.mesh) for p in parts),
    )


def apart_from_shrinkage(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Without what is said of every material."""
    return tuple(finding for finding in findings if finding.code != "shrinkage")


def codes(findings: Sequence[Finding]) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.part) for finding in apart_from_shrinkage(findings)]


def with_colours(profiles: Profiles, tissues: dict[str, tuple[tuple[int, int, int], str]]) -> Profiles:
    """The profiles with tissues of their own: {id: (colour, material class)}."""
    base = profiles.tissue("bone")
    made = {
        i: base.model_copy(update={"id": i, "colour": colour, "material_class": kind})
        for i, (colour, kind) in tissues.items()
    }
    return Profiles(
        printers=profiles.printers,
        materials=profiles.materials,
        processes=profiles.processes,
        tissues=made,
        labs=profiles.labs,
    )


def test_tissues_choose_the_first_material_of_their_class(profiles: Profiles) -> None:
    named = [part("b", "bone"), part("a", "aorta"), part("w", "bone", material="petg")]
    out = assign(draft(profiles, named))
    assert {p.name: p.material for p in out.parts} == {"b": "pla", "a": "tpu-95a", "w": "petg"}
    assert {p.name: p.colour for p in out.parts}["a"] == profiles.tissue("aorta").colour


def test_resin_printers_choose_resins(profiles: Profiles) -> None:
    for tissue, resin in (("bone", "resin-standard"), ("aorta", "resin-elastic-50a")):
        assert assign(draft(profiles, [part("p", tissue)], "elegoo-saturn")).parts[0].material == resin


def test_the_same_colour_and_material_share_a_tool_without_a_finding(profiles: Profiles) -> None:
    out = assign(draft(profiles, [part("t1", "bone"), part("t2", "bone"), part("v", "artery")]))
    assert [(t.tool, t.material, t.parts) for t in out.tools] == [(0, "pla", ("t1", "t2")), (1, "tpu-95a", ("v",))]
    assert apart_from_shrinkage(out.findings) == ()


def test_tools_and_priorities_do_not_depend_on_the_order_of_the_input(profiles: Profiles) -> None:
    parts = [part("bone", "bone", 30), part("clot", "thrombus", 5), part("lumen", "aorta-true-lumen"), part("x", None)]
    results = [assign(draft(profiles, order)) for order in itertools.permutations(parts)]
    assert len({tuple((p.name, p.tool, p.priority) for p in r.parts) for r in results}) == 1
    assert len({r.tools for r in results}) == 1
    assert [p.priority for p in results[0].parts] == [1, 2, 3, 4]


def test_more_needs_than_tools_merge_the_nearest_colours_of_one_class(profiles: Profiles) -> None:
    soft = {f"v{k}": ((200, 20 * k, 0), "flexible") for k in (0, 1, 4, 8, 12)}
    made = with_colours(profiles, {"bone": ((201, 0, 0), "rigid"), **soft})
    out = assign(draft(made, [part(t, t, 10 + k) for k, t in enumerate(made.tissues)]))
    assert len(out.tools) == 5
    shared = [t.parts for t in out.tools if len(t.parts) > 1]
    assert [set(names) for names in shared] == [{"v0", "v1"}]
    (found,) = apart_from_shrinkage(out.findings)
    assert (found.code, found.severity) == ("tissues-merged", Severity.WARNING)
    assert "v0" in found.message
    assert "v1" in found.message
    assert found.value == pytest.approx(colour_difference((200, 0, 0), (200, 20, 0)), abs=0.05)
    assert {p.name: p.colour for p in out.parts}["v0"] == (200, 0, 0)  # a part keeps its tissue's colour


def test_classes_merge_last_and_never_silently(profiles: Profiles) -> None:
    out = assign(draft(profiles, [part("b", "bone", 30), part("a", "aorta", 10)], "ender-3"))
    assert [(t.material, set(t.parts)) for t in out.tools] == [("pla", {"a", "b"})]
    assert codes(out.findings) == [("tissues-merged", None), ("material-substituted", "a")]
    assert out.findings[1].severity is Severity.WARNING
    assert "should be tpu-95a (flexible), is printed in pla (rigid)" in out.findings[1].message


def test_a_wish_decides_what_a_shared_tool_is_loaded_with(profiles: Profiles) -> None:
    wished = part("a", "aorta", 10, material="tpu-85a")
    out = assign(draft(profiles, [part("b", "bone", 30), wished], "ender-3"))
    assert out.tools[0].material == "tpu-85a"
    assert ("material-substituted", "b") in codes(out.findings)


def test_resin_has_one_material_for_all_and_says_so(profiles: Profiles) -> None:
    out = assign(draft(profiles, [part("b", "bone", 10), part("a", "aorta", 30)], "prusa-sl1s"))
    assert {(p.material, p.tool) for p in out.parts} == {("resin-elastic-50a", 0)}
    assert codes(out.findings) == [("tissues-merged", None), ("material-substituted", "b")]
    assert "prints one material at a time" in out.findings[0].message


@pytest.mark.parametrize(
    ("printer", "limits", "said"),
    [
        ("ender-3", {"nozzle_max_c": 240.0}, "needs a nozzle of 250 deg C, ender-3 has at most 240 deg C"),
        ("prusa-xl", {"bed_max_c": 70.0}, "needs a bed of 85 deg C, prusa-xl has at most 70 deg C"),
    ],
)
def test_more_heat_than_the_printer_has_is_an_error(
    printer: str, limits: dict[str, float], said: str, profiles: Profiles
) -> None:
    real = profiles.printer(printer)
    assert real.fdm is not None
    cold = real.model_copy(update={"fdm": real.fdm.model_copy(update=limits)})
    made = draft(profiles, [part("b", "bone", material="petg")], printer)
    out = assign(Draft(case=made.case, printer=cold, process=made.process, profiles=profiles, parts=made.parts))
    (found,) = apart_from_shrinkage(out.findings)
    assert (found.code, found.severity, found.part) == ("material-not-printable", Severity.ERROR, "b")
    assert said in found.message


def test_a_default_that_is_too_hot_is_replaced_by_one_that_is_not(profiles: Profiles) -> None:
    real = profiles.printer("ender-3")
    assert real.fdm is not None
    cold = real.model_copy(update={"fdm": real.fdm.model_copy(update={"nozzle_max_c": 220.0})})
    made = draft(profiles, [part("a", "aorta")], "ender-3")
    out = assign(Draft(case=made.case, printer=cold, process=made.process, profiles=profiles, parts=made.parts))
    assert out.parts[0].material == "pla"
    assert codes(out.findings) == [("material-substituted", "a")]


@pytest.mark.parametrize("material", ["tpu-95a", "tpu-85a"])
def test_soft_filament_through_a_multi_material_unit_is_warned_of(material: str, profiles: Profiles) -> None:
    out = assign(draft(profiles, [part("a", "aorta", material=material)], "prusa-mk4-mmu3"))
    (found,) = apart_from_shrinkage(out.findings)
    assert (found.code, found.severity) == ("material-not-printable", Severity.WARNING)
    assert codes(assign(draft(profiles, [part("a", "aorta", material=material)])).findings) == []


def test_a_material_of_the_other_technology_is_an_error_and_has_a_stand_in(profiles: Profiles) -> None:
    out = assign(draft(profiles, [part("b", "bone", material="pla")], "prusa-sl1s"))
    (found,) = apart_from_shrinkage(out.findings)
    assert (found.code, found.severity) == ("material-not-printable", Severity.ERROR)
    assert out.parts[0].material == "resin-standard"


def test_a_material_nobody_knows_is_refused(profiles: Profiles) -> None:
    with pytest.raises(ProfileError, match="did you mean"):
        assign(draft(profiles, [part("b", "bone", material="petgg")]))


def test_one_bed_cannot_please_materials_far_apart(profiles: Profiles) -> None:
    out = assign(draft(profiles, [part("b", "bone"), part("w", "bone", material="petg")]))
    (found,) = apart_from_shrinkage(out.findings)
    assert (found.code, found.value, found.limit) == ("bed-temperatures-differ", 25, 20)
    assert "kept at 85 deg C" in found.message


def test_an_unknown_tissue_is_neutral_and_stated_unless_its_material_is_named(profiles: Profiles) -> None:
    out = assign(draft(profiles, [part("x", None), part("y", None, material="petg")]))
    assert {p.colour for p in out.parts} == {NEUTRAL}
    assert ("material-assumed", "x") in codes(out.findings)
    assert ("material-assumed", "y") not in codes(out.findings)


def test_critical_then_tissue_then_small_wins(profiles: Profiles) -> None:
    parts = [
        part("critical", "skin", 50, critical=True),
        part("clot", "thrombus", 5),
        part("large-bone", "bone", 40),
        part("small-bone", "bone", 20),
    ]
    order = [p.name for p in by_priority(draft(profiles, parts))]
    assert order == ["large-bone", "small-bone", "clot", "critical"]


def test_an_unknown_part_wins_over_all_that_are_larger_and_over_nothing_smaller_of_that_rank(
    profiles: Profiles,
) -> None:
    parts = [part("bone", "bone", 40), part("x", None, 10), part("clot", "thrombus", 5), part("huge", None, 90)]
    assert [p.name for p in by_priority(draft(profiles, parts))] == ["huge", "bone", "x", "clot"]


def test_equal_parts_have_a_strict_order_by_name(profiles: Profiles) -> None:
    out = assign(draft(profiles, [part("b"), part("c"), part("a")]))
    assert [(p.name, p.priority) for p in out.parts] == [("a", 1), ("b", 2), ("c", 3)]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((255, 255, 255), (0, 0, 0), 100.0),  # L* from 100 to 0
        (
            (255, 0, 0),
            (0, 255, 0),
            170.6,
        ),  # published L*a*b* of the sRGB primaries: (53.2, 80.1, 67.2), (87.7, -86.2, 83.2)
        ((10, 20, 30), (10, 20, 30), 0.0),
    ],
)
def test_colour_difference_against_published_values(
    a: tuple[int, int, int], b: tuple[int, int, int], expected: float
) -> None:
    assert colour_difference(a, b) == pytest.approx(expected, abs=0.1)
    assert colour_difference(b, a) == pytest.approx(colour_difference(a, b))


@pytest.mark.parametrize(("edge_mm", "severity"), [(20.0, Severity.INFO), (500.0, Severity.WARNING)])
def test_shrinkage_is_said_and_over_the_limit_it_is_a_warning(
    profiles: Profiles, edge_mm: float, severity: Severity
) -> None:
    result = assign(draft(profiles, [part("bone", edge_mm=edge_mm)]))
    (found,) = [finding for finding in result.findings if finding.code == "shrinkage"]
    percent = profiles.material("pla").shrinkage_percent
    assert found.severity is severity
    assert found.value == pytest.approx(edge_mm * percent / 100)
