from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from pydantic import ValidationError

from printprep.case import Case, Part, Source
from printprep.casefile import Box, KeepOut, OrientWish
from printprep.errors import CaseError
from printprep.geometry.mesh import Mesh
from printprep.geometry.orient import rotation_to_up
from printprep.geometry.solid import from_solid, to_solid
from printprep.prepare.arrange import arrange
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.orient import orient
from printprep.profiles.load import Profiles, load_profiles
from printprep.profiles.models import Bed


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def block(size_mm: tuple[float, float, float]) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices, made.faces)


def draft(profiles: Profiles, meshes: dict[str, Mesh], bed_mm: tuple[float, float, float] = (200, 200, 200)) -> Draft:
    source = Source(file="a.stl", sha256="0" * 64)
    width, depth, height = bed_mm
    printer = profiles.printer("ender-3").model_copy(
        update={"bed": Bed(width_mm=width, depth_mm=depth, height_mm=height)}
    )
    return Draft(
        case=Case(id="T", parts=tuple(Part(name=n, mesh=m, tissue=None, source=source) for n, m in meshes.items())),
        printer=printer,
        process=profiles.process("standard"),
        profiles=profiles,
        parts=tuple(DraftPart(name=n, mesh=m) for n, m in meshes.items()),
    )


def test_a_tilted_block_is_laid_flat_and_says_why(profiles: Profiles) -> None:
    done = orient(draft(profiles, {"a": block((40, 30, 10)).transformed(rotation_to_up([0.6, 0, 0.8]))}))
    (finding,) = done.findings
    height = np.ptp(done.parts[0].mesh.transformed(done.rotation).vertices[:, 2])
    assert height == pytest.approx(10.0)
    assert np.linalg.det(done.rotation) == pytest.approx(1.0)
    assert done.rotation[:3, 3] == pytest.approx([0, 0, 0])
    assert finding.code == "oriented"
    assert isinstance(finding.value, float)
    assert isinstance(finding.limit, float)
    assert finding.value < finding.limit
    assert "overhang 0.0 against" in finding.message


def test_what_lies_well_is_kept_as_it_came(profiles: Profiles) -> None:
    done = orient(draft(profiles, {"a": block((40, 30, 10))}))
    assert (done.rotation == np.eye(4)).all()
    assert "kept as it came" in done.findings[0].message


def test_the_meshes_are_not_touched(profiles: Profiles) -> None:
    start = draft(profiles, {"a": block((10, 10, 40)), "b": block((30, 10, 10))})
    assert orient(start).parts == start.parts


def test_a_way_up_that_does_not_fit_is_passed_over(profiles: Profiles) -> None:
    plate = {"a": block((150, 150, 10))}
    flat, narrow = (orient(draft(profiles, plate, bed)) for bed in ((200, 200, 200), (200, 40, 200)))
    assert (flat.rotation == np.eye(4)).all()
    assert arrange(narrow).plates
    assert "better score do not fit" in narrow.findings[0].message


def test_when_none_fits_the_one_that_nearly_does_is_chosen(profiles: Profiles) -> None:
    done = orient(draft(profiles, {"a": block((300, 50, 50))}, (100, 100, 250)))
    assert "no way up fits" in done.findings[0].message
    height = np.ptp(done.parts[0].mesh.transformed(done.rotation).vertices[:, 2])
    assert height > 250  # upright nearly fits; lying it would be three times too long


def moved(mesh: Mesh, *by_mm: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(by_mm), mesh.faces)


def asking(start: Draft, **wish: object) -> Draft:
    return replace(start, case=replace(start.case, orient=OrientWish.model_validate(wish)))


def test_the_best_few_are_told_apart_and_one_is_taken(profiles: Profiles) -> None:
    done = orient(draft(profiles, {"a": block((40, 30, 10))}))
    assert [one.number for one in done.orientations] == [1, 2, 3, 4, 5]
    assert [one.chosen for one in done.orientations] == [True, False, False, False, False]
    assert done.orientations[0].pose.up == (0.0, 0.0, 1.0)
    assert "needs no supports; stands by itself up to a lean of" in done.orientations[0].reason


@pytest.mark.parametrize("wish", [{"up": (0.6, 0.0, 0.8)}, {"choice": 2}, {"keep": True}])
def test_a_person_decides_and_the_scores_stay(profiles: Profiles, wish: dict[str, object]) -> None:
    start = draft(profiles, {"a": block((10, 30, 40))})
    done = orient(asking(start, **wish))
    (chosen,) = [one for one in done.orientations if one.chosen]
    wanted = {"up": (0.6, 0.0, 0.8), "keep": (0.0, 0.0, 1.0), "choice": orient(start).orientations[1].pose.up}
    assert chosen.pose.up == pytest.approx(wanted[next(iter(wish))])
    assert done.rotation[2, :3] == pytest.approx(chosen.pose.up)
    assert len(done.orientations) >= 5
    assert "the case asks for it" in done.findings[0].message


def test_a_choice_that_there_is_not_is_refused(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("printprep.prepare.orient.SHOWN", 1)
    few = asking(draft(profiles, {"a": block((40, 30, 10))}), choice=2)
    with pytest.raises(CaseError, match="only 1 really different"):
        orient(few)


@pytest.mark.parametrize("wish", [{}, {"keep": False}, {"keep": True, "choice": 1}, {"up": (0, 0, 0)}, {"choice": 6}])
def test_the_table_says_exactly_one_thing(wish: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OrientWish.model_validate(wish)


def test_resin_and_extrusion_are_measured_each_by_its_own(profiles: Profiles) -> None:
    start = draft(profiles, {"a": block((40, 30, 6))})
    cube = draft(profiles, {"a": block((20, 20, 20))})
    assert (orient(replace(cube, printer=profiles.printer("prusa-sl1s"))).rotation == np.eye(4)).all()
    fdm, resin = orient(start), orient(replace(start, printer=profiles.printer("prusa-sl1s")))
    assert (fdm.rotation == np.eye(4)).all()
    assert resin.rotation[2, 2] == pytest.approx(0.0, abs=1e-6)  # on a narrow side: level, the film pulls at 1200 mm2
    assert resin.orientations[0].pose.contact_mm2 == pytest.approx(240.0)
    assert "largest layer 240 mm2" in resin.orientations[0].reason
    assert "needs no supports" in resin.orientations[0].reason
    assert "largest layer 240.1 against 1200.2 mm2" in resin.findings[0].message
    assert "overhang steeper than 60 deg" in resin.findings[0].message


def test_a_keep_out_zone_turns_the_body_and_is_said_when_nothing_helps(profiles: Profiles) -> None:
    start = draft(profiles, {"a": block((40, 30, 10))})
    under = Box(lower_mm=(-30, -30, -6), upper_mm=(30, 30, -4.9))
    everywhere = Box(lower_mm=(-90, -90, -90), upper_mm=(90, 90, 90))
    turned = orient(replace(start, case=replace(start.case, keep_out=(KeepOut(box=under),))))
    assert turned.rotation[2, 2] < 0.0  # it stands on its other side
    assert "keep-out-touched" not in {f.code for f in turned.findings}
    pinned = asking(replace(start, case=replace(start.case, keep_out=(KeepOut(box=everywhere),))), keep=True)
    (warning,) = [f for f in orient(pinned).findings if f.code == "keep-out-touched"]
    assert warning.value == pytest.approx(1200.0, rel=0.02)
    assert warning.message.endswith(("every way up that was measured does: none of it is free", "tip over do not"))


def test_a_critical_part_is_not_marked(profiles: Profiles) -> None:
    start = draft(profiles, {"cap": block((40, 40, 4)), "foot": moved(block((40, 40, 4)), 0, 0, 4)})
    source = start.case.parts[0]
    case = replace(start.case, parts=(replace(source, critical=True), *start.case.parts[1:]))
    done = orient(replace(start, case=case))
    assert done.rotation[2, 2] == pytest.approx(-1.0)  # the cap came below, its face on the bed
    assert done.orientations[0].pose.critical_mm2 < 1.0
    assert "touches nothing of critical surface" in done.orientations[0].reason


def test_what_two_parts_share_is_no_overhang(profiles: Profiles) -> None:
    foot, plate = block((20, 20, 20)), block((40, 40, 4))
    meshes = {"foot": foot, "plate": moved(plate, 0, 0, 12)}
    kept = orient(asking(draft(profiles, meshes), keep=True)).orientations
    (chosen,) = [one for one in kept if one.chosen]
    assert chosen.pose.overhang_mm2 <= 1600.0
    assert chosen.pose.support_mm3 == pytest.approx(1200 * 20, rel=0.01)


def test_what_tips_over_and_what_sucks_is_warned_of(profiles: Profiles) -> None:
    cup, hollow = (trimesh.creation.cylinder(r, 20.0, sections=64) for r in (15.0, 12.0))
    bowl = from_solid(
        to_solid(Mesh(cup.vertices, cup.faces)) - to_solid(moved(Mesh(hollow.vertices, hollow.faces), 0, 0, 3))
    )
    start = replace(draft(profiles, {"a": bowl}), printer=profiles.printer("prusa-sl1s"))
    (warning,) = [f for f in orient(asking(start, keep=True)).findings if f.code == "suction-cups"]
    assert warning.value == 1
    assert "suction-cups" not in {f.code for f in orient(start).findings}
    leaning = block((10, 10, 40))
    sheared = Mesh(leaning.vertices + np.outer(leaning.vertices[:, 2] * 0.6, [1, 0, 0]), leaning.faces)
    (tipped,) = [f for f in orient(asking(draft(profiles, {"a": sheared}), keep=True)).findings if f.code == "unstable"]
    assert float(str(tipped.value)) < 0.0


def test_a_body_that_fits_nowhere_is_told_soon_and_lies_well(profiles: Profiles) -> None:
    done = orient(draft(profiles, {"a": block((300, 290, 10))}, (100, 100, 250)))
    assert "no way up fits" in done.findings[0].message
    assert not any(one.fits for one in done.orientations)
    assert done.orientations[0].pose.terms["overhang"] < 0.2


def test_real_anatomy_hangs_over_less_than_it_came(profiles: Profiles, dissection: Path) -> None:
    made = trimesh.load_mesh(dissection / "vertebrae_T12.stl")
    mesh = Mesh(made.vertices, made.faces)
    one, two = (orient(draft(profiles, {"a": mesh})) for _ in range(2))
    assert (one.rotation == two.rotation).all()
    finding = one.findings[0]
    assert float(str(finding.value)) <= float(str(finding.limit))
