"""Every island stands on something, nothing goes deeper than a tip, nothing stands where it must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifold3d import Manifold

from printprep.geometry import bvh
from printprep.geometry.islands import starts
from printprep.geometry.measure import inspect, sample
from printprep.geometry.mesh import Bool, Float, Mesh, join
from printprep.geometry.orient import rotation_to_up
from printprep.geometry.scaffold import Pad, solid_of
from printprep.geometry.solid import from_solid
from printprep.geometry.support import ENCLOSED, KEEP_OUT, Body, Rules, Supports, stands, support
from printprep.geometry.trunks import Ground

PAD = Pad(thick_mm=1.0, edge_mm=2.0, foot_mm=2.0)
RULES = Rules(
    layer_mm=0.1,
    angle_deg=50.0,
    spacing_mm=3.5,
    load_ratio=15.0,
    tip_least_mm=0.2,
    sunk_mm=0.2,
    pillar_mm=1.0,
    clearance_mm=0.5,
    pad=PAD,
)
ON_PAD = Ground(floor_mm=1.0, lower_mm=(0.0, 0.0), upper_mm=(120.0, 120.0), foot_mm=2.0)
ON_BED = replace(ON_PAD, floor_mm=0.0)
LIFTED_MM = 6.0


def block(size: tuple[float, float, float], *at: float) -> Manifold:
    """A block by its size and the middle of its underside."""
    return Manifold.cube(size, True).translate((at[0], at[1], at[2] + size[2] / 2))


def standing(solid: Manifold, lift_mm: float = LIFTED_MM) -> Mesh:
    mesh = from_solid(solid)
    lower, upper = mesh.bounds_mm
    return Mesh(mesh.vertices - [*((lower + upper)[:2] / 2 - 60.0), lower[2] - lift_mm], mesh.faces)


def made_for(
    mesh: Mesh,
    *,
    rules: Rules = RULES,
    ground: Ground = ON_PAD,
    forbidden: Bool | None = None,
    critical: Bool | None = None,
    gap_mm: Callable[[Float], Float] | None = None,
) -> Supports:
    none = np.zeros(len(mesh), np.bool_)
    body = Body(
        mesh=mesh,
        tip_mm=np.full(len(mesh), 0.4),
        forbidden=none if forbidden is None else forbidden,
        critical=none if critical is None else critical,
        gap_mm=gap_mm,
    )
    return support(body, rules, ground)


def check(mesh: Mesh, made: Supports) -> None:
    """What holds for all supports: closed, every island held, nothing inside the body but tips."""
    found = inspect(made.mesh)
    assert found.closed
    assert not found.inside_out
    assert found.self_intersecting_faces == 0
    assert starts(join([mesh, made.mesh]), RULES.layer_mm, 0.1) == ()
    points = np.concatenate([made.mesh.vertices, sample(made.mesh, 20_000, 0).points])
    inside = points[bvh.winding(bvh.build(mesh), points) > 0]
    ends = [(trunk.contact_mm, trunk.tip_mm, trunk.sunk_mm) for trunk in made.trunks]
    ends += [(trunk.path_mm[-1], trunk.foot_tip_mm, trunk.foot_sunk_mm) for trunk in made.trunks if trunk.lands]
    at = np.array([end[0] for end in ends])
    reach = np.array([np.hypot(tip / 2.0, sunk) for _, tip, sunk in ends])
    deep = np.linalg.norm(inside[:, None] - at[None], axis=2) - reach
    assert deep.min(axis=1).max(initial=-1.0) < 0.1, "beyond the length of a tip"
    lower, upper = made.mesh.bounds_mm
    assert lower[2] == pytest.approx(0.0, abs=1e-9)
    assert (lower[:2] >= -PAD.edge_mm - PAD.foot_mm).all()
    assert upper[2] <= mesh.bounds_mm[1, 2] + 0.5


BRIDGE = block((4, 4, 12), -13, 0, 0) + block((4, 4, 12), 13, 0, 0) + block((30, 4, 3), 0, 0, 12)
TEE = block((4, 4, 15), 0, 0, 0) + block((24, 12, 3), 0, 0, 15)
TABLE = sum((block((3, 3, 14), x, y, 0) for x in (-10, 10) for y in (-7, 7)), block((24, 18, 2), 0, 0, 14))
CONE = Manifold.cylinder(15, 0.0, 8.0, 64)
SPHERE = Manifold.sphere(8.0, 96)
CUP = Manifold.cylinder(20, 10, 10, 64) - Manifold.cylinder(20, 8, 8, 64).translate((0, 0, 2))


@pytest.mark.parametrize(
    "solid", [BRIDGE, TEE, TABLE, CONE, SPHERE, CUP], ids=["bridge", "tee", "table", "cone", "sphere", "cup"]
)
def test_a_known_body_is_held_everywhere(solid: Manifold) -> None:
    mesh = standing(solid)
    made = made_for(mesh)
    assert made.trunks
    assert made.bare == ()
    assert (made.landed == -1).all(), "there is a way to the bed for all"
    check(mesh, made)


def test_a_bridge_that_stands_flat_is_held_in_its_middle_only() -> None:
    mesh = standing(BRIDGE, 0.0)
    made = made_for(mesh, ground=ON_BED, rules=replace(RULES, pad=replace(PAD, thick_mm=0.0)))
    at = np.array([trunk.contact_mm for trunk in made.trunks])
    assert at[:, 2] == pytest.approx(12.0), "not under the posts"
    assert np.abs(at[:, 0] - 60).max() <= 11.0
    gaps = np.diff(np.sort(np.unique(np.round(at[:, 0], 1))))
    assert gaps.max() <= 2 * RULES.spacing_mm
    check(mesh, made)


def test_a_cone_on_its_tip_is_held_there_and_by_some_more_so_that_it_cannot_tip() -> None:
    made = made_for(standing(CONE))
    assert len(made.trunks) >= 3
    assert made.trunks[0].contact_mm == pytest.approx([60, 60, LIFTED_MM], abs=0.05)
    assert made.trunks[0].out == pytest.approx([0, 0, -1], abs=1e-6)
    assert max(trunk.contact_mm[2] for trunk in made.trunks) <= LIFTED_MM + 6.1, "its slope carries the rest"


def test_contacts_are_as_dense_as_their_load_and_no_denser() -> None:
    plate = standing(block((24, 24, 4), 0, 0, 0))
    made = made_for(plate)
    at = np.array([trunk.contact_mm for trunk in made.trunks])
    away = np.linalg.norm(at[:, None] - at, axis=2) + 99.0 * np.eye(len(at))
    assert away.min() >= RULES.spacing_mm * 0.99
    x, y = np.meshgrid(np.linspace(48.5, 71.5, 40), np.linspace(48.5, 71.5, 40))
    grid = np.stack([x.ravel(), y.ravel()], axis=1)
    assert np.linalg.norm(grid[:, None] - at[None, :, :2], axis=2).min(axis=1).max() <= RULES.spacing_mm * 1.1
    soft = made_for(plate, rules=replace(RULES, load_ratio=5.0))
    assert len(soft.trunks) > 2 * len(made.trunks)


def test_a_finer_mesh_of_the_same_body_gets_the_same_supports() -> None:
    coarse, fine = (made_for(standing(Manifold.sphere(8.0, n))) for n in (96, 384))
    assert abs(len(fine.trunks) - len(coarse.trunks)) <= 0.1 * len(coarse.trunks) + 1
    assert fine.mesh.volume_mm3 == pytest.approx(coarse.mesh.volume_mm3, rel=0.05)


def test_the_same_body_gives_the_same_numbers() -> None:
    one, two = (made_for(standing(TABLE)) for _ in range(2))
    assert np.array_equal(one.mesh.vertices, two.mesh.vertices)
    assert np.array_equal(one.mesh.faces, two.mesh.faces)


def test_the_volume_is_that_of_what_was_put_there() -> None:
    trunk = made_for(standing(CONE)).trunks[0]
    trunk = replace(trunk, path_mm=np.array([trunk.path_mm[0], [*trunk.path_mm[0, :2], 0.0]]))
    alone = solid_of([trunk], [trunk.pillar_mm], [], replace(PAD, thick_mm=0.0))
    eighth = 8 / 2 * np.sin(2 * np.pi / 8)  # area of a regular octagon over its radius squared

    def frustum(low: float, high: float, height: float) -> float:
        return float(eighth * height / 3 * (low**2 + low * high + high**2))

    tip, pillar, foot = trunk.tip_mm / 2, 0.5, 1.0
    head = float(np.linalg.norm(trunk.contact_mm - trunk.path_mm[0]))
    straight = LIFTED_MM - head - 1.0
    expected = eighth * tip**2 * trunk.sunk_mm + frustum(tip, pillar, head) + eighth * pillar**2 * straight
    expected += frustum(pillar, foot, 0.7) + eighth * foot**2 * 0.3
    assert alone.volume_mm3 == pytest.approx(expected, rel=1e-6)


def test_thin_walls_get_small_tips_that_do_not_pierce_them() -> None:
    shell = standing(block((20, 20, 0.5), 0, 0, 0))
    made = made_for(shell)
    assert [trunk.tip_mm for trunk in made.trunks] == pytest.approx([0.25] * len(made.trunks))
    assert max(trunk.sunk_mm for trunk in made.trunks) == pytest.approx(0.15)
    check(shell, made)


def test_nothing_touches_or_crosses_a_zone() -> None:
    mesh = standing(block((40, 40, 4), 0, 0, 0))
    middle = np.array([60.0, 60.0, LIFTED_MM])

    def gap_mm(points: Float) -> Float:
        return np.asarray(np.linalg.norm(points - middle, axis=1) - 8.0)

    made = made_for(mesh, gap_mm=gap_mm)
    points = sample(made.mesh, 20_000, 0).points
    assert gap_mm(points[points[:, 2] > PAD.thick_mm + 1e-6]).min() >= 0.0, "but for the pad, which touches nothing"
    assert [one.reason for one in made.bare] == [KEEP_OUT]
    assert made.bare[0].area_mm2 == pytest.approx(np.pi * (8 + 0.2 - 1.5 * 3.5 + 0.5) ** 2, rel=0.5)
    assert np.linalg.norm(np.array(made.bare[0].where_mm) - middle) < 8.0


def test_critical_surface_is_spared_where_neighbours_carry_it_and_counted_where_not() -> None:
    narrow = standing(block((20, 20, 4), 0, 0, 0) + block((20, 3, 4), 0, 11.5, 0) + block((20, 3, 4), 0, -11.5, 0))
    middle = narrow.triangles.mean(axis=1)[:, 0] > 60.0
    made = made_for(narrow, critical=np.zeros(len(narrow), np.bool_))
    assert not made.on_critical.any()
    spared = made_for(narrow, critical=middle)
    of_half = np.array([trunk.contact_mm[0] > 60.5 for trunk in spared.trunks])
    assert 0 < spared.on_critical.sum() <= of_half.sum()
    assert of_half.sum() < sum(trunk.contact_mm[0] > 60.5 for trunk in made.trunks), "wider apart than elsewhere"


def test_a_closed_cavity_gets_none_and_is_told() -> None:
    hollow = block((24, 24, 24), 0, 0, 0) - block((20, 20, 20), 0, 0, 2)
    mesh = standing(hollow, 0.0)
    assert stands(mesh)
    made = made_for(mesh, ground=ON_BED)
    assert made.trunks == ()
    assert len(made.mesh) == 0
    (bare,) = made.bare
    assert bare.reason == ENCLOSED
    assert bare.area_mm2 == pytest.approx(18.0**2, rel=0.1), "a rim of 1 mm carries itself"
    assert bare.where_mm[2] == pytest.approx(22.0)


def test_over_the_body_itself_a_support_stands_on_it_when_a_tool_gets_there() -> None:
    wide = block((60, 60, 3), 0, 0, 0) + block((4, 4, 12), 0, 0, 3) + block((16, 16, 3), 0, 0, 15)
    mesh = standing(wide, 0.0)
    made = made_for(mesh, ground=ON_BED, rules=replace(RULES, pad=replace(PAD, thick_mm=0.0)))
    assert (made.landed >= 0).all(), "25 mm to the nearest edge, 12 mm of height to lean"
    assert all(trunk.path_mm[-1, 2] == pytest.approx(3.0) for trunk in made.trunks)
    assert made.contact_mm2.sum() == pytest.approx(len(made.trunks) * np.pi / 4 * 2 * 0.4**2)
    assert starts(join([mesh, made.mesh]), RULES.layer_mm, 0.1) == ()


def test_a_body_stands_by_itself_only_on_a_large_flat_underside() -> None:
    assert stands(standing(TABLE, 0.0)) is False
    assert stands(standing(CUP, 0.0))
    assert stands(standing(SPHERE, 0.0)) is False
    assert stands(standing(BRIDGE, 0.0)) is False


@settings(max_examples=5, deadline=None, derandomize=True)
@given(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1)).filter(lambda up: np.linalg.norm(up) > 0.1))
def test_any_way_up_every_island_is_held_and_zones_stay_free(up: tuple[float, float, float]) -> None:
    turned = TEE.transform(rotation_to_up(np.array(up) / np.linalg.norm(up))[:3])
    mesh = standing(turned)
    corner = mesh.vertices[int(mesh.vertices[:, 0].argmax())]

    def gap_mm(points: Float) -> Float:
        return np.asarray(np.linalg.norm(points - corner, axis=1) - 3.0)

    made = made_for(mesh, gap_mm=gap_mm)
    found = inspect(made.mesh)
    assert found.closed
    points = sample(made.mesh, 5_000, 0).points
    assert gap_mm(points[points[:, 2] > PAD.thick_mm + 1e-6]).min(initial=0.0) >= 0.0
    known = np.array([one.where_mm for one in made.bare]).reshape(-1, 3)
    for left in starts(join([mesh, made.mesh]), RULES.layer_mm):
        assert np.linalg.norm(known - left.at_mm, axis=1).min(initial=99.0) < 2.5, "or it is told"
