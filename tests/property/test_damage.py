"""Known solids, damaged at random: repair brings their volume back or refuses; it makes no other solid of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifold3d import Manifold
from scipy.spatial.transform import Rotation

from printprep.geometry.intersect import partners
from printprep.geometry.measure import deviation, inspect
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.repair import repair
from printprep.geometry.solid import from_solid, to_solid

TUBE = from_solid(
    Manifold.cylinder(20.0, 6.0, circular_segments=64) - Manifold.cylinder(20.0, 5.0, circular_segments=64)
)
TORUS = from_solid(
    Manifold.revolve(Manifold.sphere(3.0, 24).slice(0.0).translate((9.0, 0.0)), 48)  # round, with a hole through it
)
BONE = from_solid(Manifold.sphere(8.0, 40) + Manifold.sphere(6.0, 32).translate((10, 0, 0)) - Manifold.sphere(5.0, 32))
SOLIDS = {"tube of 1 mm wall": TUBE, "torus": TORUS, "bone with a marrow cavity": BONE}
seeds = st.integers(0, 2**32 - 1)


def damaged(mesh: Mesh, random: np.random.Generator) -> tuple[Mesh, float]:
    """A mesh with some of what goes wrong, turned at random, and the share of its area that is gone."""
    pose = Rotation.random(rng=random).as_matrix()
    faces = mesh.faces.copy()
    areas = mesh.face_areas_mm2
    gone = np.zeros(len(faces), np.bool_)
    if random.random() < 0.5:
        gone[random.integers(0, len(faces), 3)] = True
    turned = random.random(len(faces)) < random.choice([0.0, 0.3])
    faces[turned] = faces[turned][:, ::-1]
    repeats = faces[random.integers(0, len(faces), int(random.choice([0, 6])))]
    faces = np.concatenate([faces[~gone], repeats])
    corners = mesh.vertices[faces] @ pose.T
    if random.random() < 0.5:  # a soup that no longer meets at its corners
        corners = corners + random.uniform(-1e-4, 1e-4, corners.shape)
    soup = Mesh(corners.reshape(-1, 3), np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3))
    return soup, float(areas[gone].sum() / areas.sum())


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(SOLIDS)), seeds)
def test_a_damaged_solid_comes_back_or_is_refused(name: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    solid = SOLIDS[name]
    mesh, gone = damaged(solid, random)
    result = repair(mesh)
    if result.refusal is not None:
        assert result.mesh is mesh
        return
    assert to_solid(result.mesh).volume() == pytest.approx(solid.volume_mm3, rel=2e-3 + 2 * gone)
    assert inspect(result.mesh, self_intersections=False).closed
    assert result.deviation is None or result.deviation.max_mm < 0.1


@settings(max_examples=15, deadline=None)
@given(seeds, st.floats(0.5, 4.0), st.booleans())
def test_a_sphere_inside_is_a_cavity_when_it_faces_in_and_nothing_when_it_faces_out(
    seed: int, radius_mm: float, hollow: bool
) -> None:
    random = np.random.default_rng(seed)
    ball, inner = from_solid(Manifold.sphere(10.0, 32)), from_solid(Manifold.sphere(radius_mm, 24))
    inner = Mesh(inner.vertices + random.uniform(-2, 2, 3), inner.faces)
    result = repair(join([ball, inner.flipped() if hollow else inner]))
    assert result.refusal is None
    expected = ball.volume_mm3 - (inner.volume_mm3 if hollow else 0.0)
    assert result.mesh.volume_mm3 == pytest.approx(expected, rel=1e-9)


@settings(max_examples=10, deadline=None)
@given(seeds, st.floats(2.0, 19.0))
def test_two_balls_in_one_mesh_are_their_union(seed: int, apart_mm: float) -> None:
    ball = from_solid(Manifold.sphere(10.0, 32))
    way = np.random.default_rng(seed).normal(size=3)
    other = Mesh(ball.vertices + apart_mm * way / np.linalg.norm(way), ball.faces)
    result = repair(join([ball, other]))
    assert result.refusal is None
    assert result.mesh.volume_mm3 == pytest.approx((to_solid(ball) + to_solid(other)).volume(), rel=1e-6)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_crossings_with_asked_faces_are_those_of_all_crossings(seed: int) -> None:
    random = np.random.default_rng(seed)
    corners = random.uniform(-1, 1, (60, 1, 3)) + random.uniform(-0.4, 0.4, (60, 3, 3))
    soup = Mesh(corners.reshape(-1, 3), np.arange(180, dtype=np.int32).reshape(-1, 3))
    everything = partners(soup) >= 0
    asked = random.random(60) < 0.5
    some, rest = partners(soup, asked=asked) >= 0, partners(soup, asked=~asked) >= 0
    assert (some | rest == everything).all()
    assert (some[asked] == everything[asked]).all()


def test_the_known_solids_are_what_their_formulas_say() -> None:
    assert TUBE.volume_mm3 == pytest.approx(20 * np.pi * (36 - 25), rel=2e-3)
    assert TORUS.volume_mm3 == pytest.approx(2 * np.pi**2 * 9 * 9, rel=2e-2)
    assert deviation(TUBE, TUBE).max_mm == 0


def test_repeated_faces_that_came_apart_in_rounding_close_with_the_cracks() -> None:
    corners = np.concatenate([BONE.triangles, BONE.triangles[:40:8]])
    corners += np.random.default_rng(0).uniform(-1e-4, 1e-4, corners.shape)
    result = repair(Mesh(corners.reshape(-1, 3), np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3)))
    assert result.refusal is None
    assert result.mesh.volume_mm3 == pytest.approx(BONE.volume_mm3, rel=1e-4)
