"""A zone that touches only a corner of a large face: every stage sees it, and decides as on a fine mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.case import Case, Part, Source
from printprep.casefile import Critical, KeepOut, OrientWish, Sphere
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid
from printprep.geometry.zones import Zones
from printprep.prepare.arrange import arrange
from printprep.prepare.assign import assign
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.orient import orient
from printprep.prepare.steer import steer
from printprep.prepare.support import support
from printprep.profiles.load import Profiles, load_profiles

ARM = Manifold.cube((10, 10, 30)) + Manifold.cube((40, 10, 10)).translate((10, 0, 20))
END = Sphere(centre_mm=(50, 10, 20), radius_mm=4.0)  # a corner of the arm's underside, which is one face of 40 x 10 mm


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def both(solid: Manifold) -> tuple[Mesh, Mesh]:
    """A body of as few triangles as it can have, and the same of many."""
    return from_solid(solid), from_solid(solid.refine_to_length(1.0))


def drafted(
    profiles: Profiles,
    mesh: Mesh,
    printer: str,
    *,
    keep_out: tuple[KeepOut, ...] = (),
    critical: tuple[Critical, ...] = (),
    wish: OrientWish | None = None,
) -> Draft:
    part = Part(name="arm", mesh=mesh, tissue="bone", source=Source(file="x.stl", sha256="0" * 64))
    return assign(
        Draft(
            case=Case(id="T", parts=(part,), keep_out=keep_out, critical=critical, orient=wish),
            printer=profiles.printer(printer),
            process=profiles.process("draft"),
            profiles=profiles,
            parts=(DraftPart(name="arm", mesh=mesh),),
        )
    )


def test_the_slicer_is_told_of_it(profiles: Profiles) -> None:
    for zones, why in (
        ({"keep_out": (KeepOut(sphere=END),)}, "keep-out"),
        ({"critical": (Critical(sphere=END),)}, "critical"),
    ):
        areas = []
        for mesh in both(ARM):
            start = drafted(profiles, mesh, "prusa-xl", **zones)
            told = {zone.why: zone.area_mm2 for zone in steer(arrange(start)).support_zones}
            areas.append(told.get(why, 0.0))
        if why == "keep-out":
            assert areas[0] == pytest.approx(np.pi * 5.5**2 / 4.0, rel=0.15)  # 1.5 mm beyond the zone
        assert areas[0] == pytest.approx(areas[1], rel=0.02)


@pytest.mark.parametrize("kind", ["keep_out", "critical"])
def test_supports_by_light_stand_beside_it(profiles: Profiles, kind: str) -> None:
    zone = Zones(spheres=np.array([[*END.centre_mm, END.radius_mm]]))
    contacts = []
    for mesh in both(ARM):
        zones = {"keep_out": (KeepOut(sphere=END),)} if kind == "keep_out" else {"critical": (Critical(sphere=END),)}
        placed = arrange(drafted(profiles, mesh, "prusa-sl1s", **zones))
        done = support(placed)
        (added,) = (part for part in done.parts if part.added)
        on = added.mesh.vertices[np.abs(added.mesh.vertices[:, 2] - 20.0) < 0.3]
        assert len(on)
        if kind == "keep_out":
            assert zone.gap_mm(on).min() > 0.0
        (row,) = done.removals
        assert row.critical_mm2 <= 0.2  # one tip: the arm's end, where no contact is near enough to carry it
        contacts.append(row.contacts)
    assert contacts[0] == pytest.approx(contacts[1], rel=0.1)


def test_the_way_up_spares_it(profiles: Profiles) -> None:
    cube = Manifold.cube((20, 20, 20))
    corner = KeepOut(sphere=Sphere(centre_mm=(20, 20, 0), radius_mm=4.0))
    kept, chosen = [], []
    for mesh in both(cube):
        start = drafted(profiles, mesh, "prusa-xl", keep_out=(corner,))
        done = orient(replace(start, case=replace(start.case, orient=OrientWish(keep=True))))
        (warning,) = (finding for finding in done.findings if finding.code == "keep-out-touched")
        kept.append(float(str(warning.value)))
        done = orient(start)
        assert "keep-out-touched" not in {finding.code for finding in done.findings}
        chosen.append(done.rotation)
    assert kept[0] == pytest.approx(np.pi * 16.0 / 4.0, rel=0.05)
    assert kept[0] == pytest.approx(kept[1], rel=0.03)
    np.testing.assert_allclose(chosen[0], chosen[1], atol=1e-9)


def test_a_critical_corner_is_measured_alike(profiles: Profiles) -> None:
    corner = Critical(sphere=Sphere(centre_mm=(20, 20, 0), radius_mm=4.0))
    found = []
    for mesh in both(Manifold.cube((20, 20, 20))):
        start = drafted(profiles, mesh, "prusa-xl", critical=(corner,), wish=OrientWish(keep=True))
        (pose,) = (one.pose for one in orient(start).orientations if one.chosen)
        found.append(pose.critical_mm2)
    assert found[0] == pytest.approx(np.pi * 16.0 / 4.0, rel=0.05)
    assert found[0] == pytest.approx(found[1], rel=0.03)
