"""Walls and contacts of known solids, however they are turned, moved and scaled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifold3d import Manifold
from scipy.spatial.transform import Rotation

from printprep.geometry.contact import clusters
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.solid import from_solid
from printprep.geometry.thickness import walls
from printprep.geometry.thin import patches

CALM = settings(max_examples=12, deadline=None)
PLATE = from_solid(Manifold.cube((12, 9, 1.0)))
TUBE = from_solid(Manifold.cylinder(12, 6, 6, 64) - Manifold.cylinder(12, 5, 5, 64))
CAVITY = from_solid(Manifold.cube((10, 10, 10)) - Manifold.cube((8, 6, 6)).translate((1, 2, 2)))
BALL = from_solid(Manifold.sphere(5.0, 48))
FIN = from_solid(Manifold.cube((10, 10, 10)) + Manifold.cube((10, 0.5, 6)).translate((0, 5, 9)))
seeds = st.integers(0, 2**32 - 1)
scales = st.floats(0.2, 5.0)


def pose(seed: int, scale: float) -> Float:
    random = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(rng=random).as_matrix() * scale
    matrix[:3, 3] = random.uniform(-500, 500, 3)
    return matrix


@CALM
@given(seeds, scales)
@pytest.mark.parametrize(
    ("solid", "thickness_mm", "tolerance"),
    [(PLATE, 1.0, 1e-6), (TUBE, 1.0, 2e-3), (CAVITY, 1.0, 1e-6), (BALL, 10, 0.05)],
)
def test_the_thinnest_wall_of_a_known_solid(
    solid: Mesh, thickness_mm: float, tolerance: float, seed: int, scale: float
) -> None:
    found = walls(solid.transformed(pose(seed, scale)), spacing_mm=scale).thickness_mm
    assert found.min() == pytest.approx(thickness_mm * scale, rel=tolerance)


@CALM
@given(seeds, scales)
def test_a_thin_place_scales_with_its_solid(seed: int, scale: float) -> None:
    measured = walls(FIN.transformed(pose(seed, scale)), cap_mm=0.8 * scale, spacing_mm=0.5 * scale)
    (patch,) = patches(measured, 0.8 * scale, area_mm2=2 * scale**2, loss_mm=scale)
    assert patch.least_mm == pytest.approx(0.5 * scale, rel=1e-6)
    assert patch.loss_mm == pytest.approx(5.0 * scale, rel=0.2)
    assert patch.area_mm2 == pytest.approx(100 * scale**2, rel=0.2)


@CALM
@given(seeds, st.floats(0.1, 5.0))
def test_the_gap_between_two_bodies_does_not_depend_on_the_pose(seed: int, gap_mm: float) -> None:
    matrix = pose(seed, 1.0)
    far = from_solid(Manifold.cube((4, 4, 4)).translate((12 + gap_mm, 1, -1)))
    _, loose = clusters([PLATE.transformed(matrix), far.transformed(matrix)][::-1], 1.0)
    assert loose.gap_mm == pytest.approx(gap_mm, abs=1e-6)
