"""The stage: what is lifted, what is added to the plan, what is said, and that the layers hold together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.case import Case, Finding, Part, Severity, Source, settle, stopping
from printprep.casefile import Acceptance, Hollow, KeepOut, Sphere
from printprep.errors import DoesNotFit, ProfileError
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid, union
from printprep.plan import Plan, are_supports
from printprep.prepare.arrange import arrange, room
from printprep.prepare.assign import assign
from printprep.prepare.certify import certify
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.lift import lifted
from printprep.prepare.pipeline import plan_of
from printprep.prepare.support import rules_of, support
from printprep.profiles.load import Profiles, load_profiles
from printprep.profiles.models import ResinSupports
from printprep.slicers import resin

BALL = from_solid(Manifold.sphere(6.0, 64).translate((100, 50, 30)))
TAB_PLATE = from_solid(Manifold.cube((40.0, 12.0, 2.0)).translate((80, 62, 24)))
TEE = from_solid(Manifold.cube((6, 6, 14)) + Manifold.cube((22, 6, 3)).translate((-8, 0, 14)))


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def placed(
    profiles: Profiles,
    meshes: dict[str, tuple[Mesh, str]],
    *,
    printer: str = "prusa-sl1s",
    critical: bool = False,
    keep_out: tuple[KeepOut, ...] = (),
) -> Draft:
    """A draft on its way, arranged as it came: parts by name with their tissues."""
    source = Source(file="a.stl", sha256="0" * 64)
    parts = tuple(
        Part(name=name, mesh=mesh, tissue=tissue, source=source, critical=critical)
        for name, (mesh, tissue) in meshes.items()
    )
    start = Draft(
        case=Case(id="T", parts=parts, keep_out=keep_out),
        printer=profiles.printer(printer),
        process=profiles.process("draft"),
        profiles=profiles,
        parts=tuple(DraftPart(name=name, mesh=mesh) for name, (mesh, _) in meshes.items()),
    )
    return arrange(assign(start))


def codes(draft: Draft) -> list[str]:
    return [f.code for f in draft.findings if f.code.startswith("support")]


def test_a_ball_is_lifted_on_to_a_pad_and_its_supports_are_a_part(profiles: Profiles) -> None:
    before = placed(profiles, {"ball": (BALL, "bone")})
    done = support(before)
    wish = done.process.resin.supports
    (plate,) = done.plates
    assert plate.parts == ("ball", "supports-1")
    lift = plate.case_to_plate - before.plates[0].case_to_plate
    assert lift[2, 3] == pytest.approx(wish.elevation_mm + wish.pad_mm)
    assert np.count_nonzero(lift) == 1, "straight up, and nothing else"
    added = next(part for part in done.parts if part.name == "supports-1")
    assert added.added
    assert added.priority < min(part.priority for part in done.parts if not part.added)
    assert added.mesh.transformed(plate.case_to_plate).bounds_mm[0, 2] == pytest.approx(0.0, abs=1e-6)
    assert codes(done) == ["supported"]
    (row,) = done.removals
    assert (row.part, row.plate, row.feet, row.on_mm2, row.critical_mm2) == ("ball", 1, 0, 0.0, 0.0)
    assert row.contacts == done.findings[-1].value
    assert row.under_mm2 == pytest.approx(row.contacts * np.pi / 4 * 0.4**2)
    assert f"{row.contacts} from ball" in done.findings[-1].message


def test_what_lies_flat_stays_on_the_bed(profiles: Profiles) -> None:
    tee = Mesh(TEE.vertices * [1, 1, -1] + [0, 0, 17], TEE.faces[:, ::-1])  # upside down: on its bar
    done = support(placed(profiles, {"tee": (tee, "bone")}))
    assert done.plates[0].case_to_plate[2, 3] == pytest.approx(0.0)
    assert codes(done) == []
    assert done.plates[0].parts == ("tee",)


def test_extruding_printers_and_prints_without_supports_are_left_alone(profiles: Profiles) -> None:
    extruded = placed(profiles, {"ball": (BALL, "bone")}, printer="ender-3")
    assert support(extruded) is extruded
    bare = replace(placed(profiles, {"ball": (BALL, "bone")}), supports=False)
    assert support(bare) is bare
    assert room(bare).bed.height_mm == bare.printer.bed.height_mm


def test_vessels_and_soft_resin_get_other_tips(profiles: Profiles) -> None:
    bone, vessel = (support(placed(profiles, {"ball": (BALL, tissue)})) for tissue in ("bone", "artery"))
    wish = bone.process.resin.supports
    assert bone.removals[0].smallest_mm == pytest.approx(wish.tip_mm)
    assert vessel.parts[0].material == "resin-elastic-50a"
    assert vessel.removals[0].smallest_mm == pytest.approx(wish.tip_fragile_mm * 1.25)
    assert vessel.removals[0].contacts > bone.removals[0].contacts, "it tears at less"
    rules = rules_of(vessel, wish, on_pad=True)
    pull_n = 2.0 * 0.03 * rules.load_ratio**2  # on the square of spacing around a tip of 1 mm
    assert pull_n == pytest.approx(np.pi / 4 * 1.6)


def test_critical_and_forbidden_surface_is_said(profiles: Profiles) -> None:
    critical = support(placed(profiles, {"ball": (BALL, "bone")}, critical=True))
    assert codes(critical) == ["supported", "support-on-critical"]
    warning = critical.findings[-1]
    assert warning.severity is Severity.WARNING
    assert warning.where_mm is not None
    assert np.linalg.norm(np.array(warning.where_mm) - [100, 50, 30]) == pytest.approx(6.0, abs=0.1)
    (row,) = critical.removals
    assert row.critical_mm2 == row.under_mm2 > 0
    assert warning.value == round(row.critical_mm2, 3)
    assert f"{row.contacts} supports touch" in warning.message
    zone = KeepOut(sphere=Sphere(centre_mm=(100, 50, 24), radius_mm=3.0))
    kept = support(placed(profiles, {"ball": (BALL, "bone")}, keep_out=(zone,)))
    assert "support-impossible" in codes(kept)
    told = next(f for f in kept.findings if f.code == "support-impossible")
    assert told.where_mm == pytest.approx((100, 50, 24), abs=0.3)
    assert "begins in the air" in told.message
    made = next(part.mesh for part in kept.parts if are_supports(part.name))
    above = made.vertices[made.vertices[:, 2] > 24 - 4.9]
    assert np.linalg.norm(above - [100, 50, 24], axis=1).min() >= 3.0


def test_a_body_that_nothing_may_hold_is_an_error(profiles: Profiles) -> None:
    everywhere = KeepOut(sphere=Sphere(centre_mm=(100, 50, 30), radius_mm=90.0))
    kept = support(placed(profiles, {"ball": (BALL, "bone")}, keep_out=(everywhere,)))
    (told,) = [f for f in kept.findings if f.severity is Severity.ERROR]
    assert told.code == "support-impossible"
    assert "so it stays in the vat" in told.message


def test_an_island_that_cannot_be_held_is_an_error_though_the_rest_stands(profiles: Profiles) -> None:
    hook = Manifold.cube((30, 6, 6)).translate((85, 47, 40)) + Manifold.cube((6, 6, 20)).translate((109, 47, 24))
    mesh = from_solid(hook + Manifold.cube((6, 6, 40)).translate((85, 47, 6)))
    zone = KeepOut(sphere=Sphere(centre_mm=(112, 50, 24), radius_mm=4.5))
    done = support(placed(profiles, {"hook": (mesh, "bone")}, keep_out=(zone,)))
    assert "supported" in codes(done), "the other leg has supports"
    (told,) = [f for f in done.findings if f.severity is Severity.ERROR]
    assert (told.code, told.limit) == ("support-impossible", 1.0)
    assert "what cures there comes off in the vat; orient the body otherwise, or move the zone" in told.message
    assert told.where_mm == pytest.approx((112, 50, 24), abs=4.3)
    accepted = settle(done.findings, (Acceptance(code="support-impossible", reason="the hook is cut off"),))
    assert stopping(accepted) == ()


def test_the_ceiling_of_a_cavity_is_told_with_its_area_and_what_carries_it(profiles: Profiles) -> None:
    shell = Manifold.cube((30, 30, 20)) - Manifold.cube((26, 26, 16)).translate((2, 2, 2))
    done = support(placed(profiles, {"shell": (from_solid(shell.translate((80, 40, 0))), "bone")}))
    (told,) = [f for f in done.findings if f.code == "support-impossible"]
    assert told.severity is Severity.WARNING
    assert 400 < float(told.value or 0) <= 26 * 26, "what is near the walls holds itself"
    assert told.where_mm is not None
    assert told.where_mm[2] == pytest.approx(18.0, abs=0.1)
    assert 'infill = "ribs" or "lattice"' in told.message


def test_the_ceiling_of_a_cavity_is_told_of_a_print_without_supports_too(profiles: Profiles) -> None:
    shell = Manifold.cube((30, 30, 20)) - Manifold.cube((26, 26, 16)).translate((2, 2, 2))
    arm = Manifold.cube((31, 6, 3)).translate((29, 12, 17))  # hangs over outside, as whoever wants no supports sees
    before = placed(profiles, {"shell": (from_solid((shell + arm).translate((80, 40, 0))), "bone")})
    done = support(replace(before, supports=False))
    (told,) = [f for f in done.findings if f.code.startswith("support")]
    (same,) = [
        f for f in support(before).findings if f.code == "support-impossible" and "ceiling of a cavity" in f.message
    ]
    assert (told.code, told.where_mm, told.value) == ("support-impossible", same.where_mm, same.value)
    assert (done.parts, done.plates, done.removals) == (before.parts, before.plates, ())


def test_a_ceiling_that_its_infill_does_not_carry_is_told_what_else_to_do(profiles: Profiles) -> None:
    shell = Manifold.cube((30, 30, 20)) - Manifold.cube((26, 26, 16)).translate((2, 2, 2))
    draft = placed(profiles, {"shell": (from_solid(shell.translate((80, 40, 0))), "bone")})
    wish = Hollow(wall_mm=2.0, infill="lattice")
    case = replace(draft.case, parts=tuple(replace(part, hollow=wish) for part in draft.case.parts))
    (told,) = [f for f in support(replace(draft, case=case)).findings if f.code == "support-impossible"]
    assert "say a smaller infill_spacing_mm" in told.message
    assert '"lattice"' not in told.message


def test_the_pull_of_the_film_is_the_profiles(profiles: Profiles) -> None:
    draft = placed(profiles, {"ball": (BALL, "bone")})
    wish = draft.process.resin.supports
    weak = rules_of(draft, wish.model_copy(update={"peel_mpa": 4 * wish.peel_mpa}), on_pad=True)
    assert weak.load_ratio == pytest.approx(rules_of(draft, wish, on_pad=True).load_ratio / 2)


def test_a_body_too_high_for_its_lift_is_refused_with_what_to_do(profiles: Profiles) -> None:
    tower = from_solid(Manifold.cylinder(149.0, 4.0, 10.0, 32).translate((0, 0, 24)))
    with pytest.raises(DoesNotFit, match="left to supports and pad"):
        placed(profiles, {"tower": (tower, "bone")})
    start = placed(profiles, {"ball": (BALL, "bone")})
    stretched = replace(start, parts=(replace(start.parts[0], mesh=tower),))
    with pytest.raises(DoesNotFit, match="print without supports"):
        support(stretched)


def test_the_plan_certifies_and_its_layers_hold_together_and_are_the_same_twice(
    profiles: Profiles, tmp_path: Path
) -> None:
    def plates(folder: Path) -> str:
        done = support(placed(profiles, {"ball": (BALL, "bone"), "tee": (TEE, "bone")}))
        plan = plan_of(done)
        assert [f.code for f in certify(done.case, plan, "0" * 64).findings if f.severity is Severity.ERROR] == []
        made = resin.slice_plate(plan, plan.plates[0], profiles, folder)
        assert [f.code for f in made.findings] == []
        assert made.extras["raster_mm3"] == pytest.approx(made.extras["mesh_mm3"], rel=0.01)
        return made.sha256

    assert plates(tmp_path / "a") == plates(tmp_path / "b")


def test_a_loose_tab_that_lies_flat_does_not_hold_the_body(profiles: Profiles) -> None:
    before = placed(profiles, {"ball": (BALL, "bone"), "plate": (TAB_PLATE, "bone")})
    loose = tuple(replace(part, added=part.name == "plate") for part in before.parts)
    (plate,) = before.plates
    wish = before.process.resin.supports
    assert lifted(replace(before, parts=loose), plate, wish).lift_mm == wish.lift_mm
    lies = tuple(part for part in before.parts if part.name == "plate")
    assert lifted(replace(before, parts=lies), plate, wish).lift_mm == 0.0


def test_a_support_that_goes_through_a_thin_wall_is_noticed(profiles: Profiles) -> None:
    """It is nowhere deeper in the wall than a tip may be."""
    sheet = from_solid(Manifold.cube((30.0, 30.0, 0.8)).rotate((30.0, 0.0, 0.0)).translate((0.0, 0.0, 5.0)))
    done = support(placed(profiles, {"sheet": (sheet, "bone")}))
    plan = plan_of(done)
    at = sheet.bounds_mm.mean(axis=0)
    bar = from_solid(Manifold.cylinder(6.0, 0.5, 0.5, 16, True).translate(at.tolist()))

    def errors(plan: Plan) -> list[Finding]:
        return [f for f in certify(done.case, plan, "0" * 64).findings if f.severity is Severity.ERROR]

    assert errors(plan) == []
    parts = tuple(replace(p, mesh=union(p.mesh, bar)) if p.added else p for p in plan.parts)
    (found,) = errors(replace(plan, parts=parts))
    assert (found.code, found.part) == ("added-in-anatomy", "supports-1")
    assert found.value == pytest.approx(np.pi / 4.0 * 0.8 / np.cos(np.pi / 6), rel=0.05)
    assert found.where_mm == pytest.approx(at, abs=0.1)


def test_keys_out_of_order_or_bounds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="must rise"):
        ResinSupports(tip_mm=0.4, pillar_mm=0.4, tip_fragile_mm=0.5)
    folder = tmp_path / "processes"
    folder.mkdir()
    (folder / "mine.toml").write_text(
        'inherits = "standard"\nname = "Mine"\ngives_up = "-"\n[resin.supports]\nelevation_mm = 1\n'
    )
    monkeypatch.setenv("PRINTPREP_PROFILES", str(tmp_path))
    with pytest.raises(ProfileError, match="elevation_mm"):
        load_profiles()
