"""Overhang, islands and what stands above, of known solids however they are turned and moved."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifold3d import Manifold
from scipy.spatial.transform import Rotation

from printprep.geometry import bvh
from printprep.geometry.bridging import hanging
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.minima import beginnings
from printprep.geometry.solid import from_solid
from printprep.geometry.vertical import first_above, first_below

CALM = settings(max_examples=15, deadline=None)
BLOCK = from_solid(Manifold.cube((30, 20, 10), center=True))
BALL = from_solid(Manifold.sphere(8, 48))
DUMBBELL = from_solid(
    Manifold.sphere(6, 32).translate((-15, 0, 0))
    + Manifold.sphere(6, 32).translate((15, 0, 0))
    + Manifold.cylinder(30, 2, 2, 32, center=True).rotate((0, 90, 0))
)
seeds = st.integers(0, 2**32 - 1)


def turned(mesh: Mesh, seed: int) -> Mesh:
    """Turned at random, 20 mm above the bed."""
    random = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(rng=random).as_matrix()
    matrix[:3, 3] = *random.uniform(50, 200, 2), 0.0
    there = mesh.transformed(matrix)
    lift = np.eye(4)
    lift[2, 3] = 20.0 - there.bounds_mm[0, 2]
    return there.transformed(lift)


def down_deg(mesh: Mesh) -> Float:
    """How far each face looks down, from the vertical."""
    a, b, c = (mesh.triangles[:, k] for k in range(3))
    normal = np.cross(b - a, c - a)
    return np.asarray(np.degrees(np.arcsin(-normal[:, 2] / np.linalg.norm(normal, axis=1))))


@CALM
@given(seeds, st.floats(20, 70))
@pytest.mark.parametrize("solid", [BLOCK, BALL, DUMBBELL])
def test_the_area_of_overhang_is_that_of_the_faces(solid: Mesh, seed: int, angle_deg: float) -> None:
    mesh = turned(solid, seed)
    found = hanging(mesh, angle_deg=angle_deg, layer_mm=0.2, bridge_mm=10)
    leans = down_deg(mesh)
    expected = mesh.face_areas_mm2[leans > angle_deg + 0.01].sum()
    assert found.area_mm2.sum() == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert (found.angle_deg > angle_deg - 1e-6).all()


@CALM
@given(seeds)
def test_a_convex_body_in_the_air_is_one_island_at_its_lowest_point(seed: int) -> None:
    for solid in (BLOCK, BALL):
        mesh = turned(solid, seed)
        found = hanging(mesh, angle_deg=45, layer_mm=0.2, bridge_mm=10)
        assert found.islands_mm[:, 2] == pytest.approx([20.0])
        near = np.linalg.norm(found.at_mm - found.islands_mm[0], axis=1) < 1.0
        assert found.fails[near].all()


@CALM
@given(seeds)
def test_two_balls_on_a_bar_are_one_or_two_islands_by_how_they_lie(seed: int) -> None:
    mesh = turned(DUMBBELL, seed)
    ends = beginnings(mesh, 0.2)
    assert 1 <= len(ends) <= 2
    assert ends[0, 2] == pytest.approx(20.0)
    if len(ends) == 2:
        assert 25 < np.linalg.norm(ends[1] - ends[0]) < 45


@CALM
@given(seeds)
def test_what_is_straight_above_and_below_a_ball(seed: int) -> None:
    mesh = turned(BALL, seed)
    centre = mesh.bounds_mm.mean(axis=0)
    random = np.random.default_rng(seed)
    offset = random.uniform(-5, 5, (50, 2))
    below = np.column_stack([centre[:2] + offset, np.full(50, 3.0)])
    half_mm = np.sqrt(64 - (offset**2).sum(axis=1))
    gap_mm, face = first_above(bvh.build(mesh), below)
    assert gap_mm == pytest.approx(centre[2] - half_mm - 3, abs=0.1)
    assert (down_deg(mesh)[face] > 0).all()
    gap_mm, face = first_below(bvh.build(mesh), below + np.array([0, 0, 60]))
    assert gap_mm == pytest.approx(63 - centre[2] - half_mm, abs=0.1)
    assert (down_deg(mesh)[face] < 0).all()
