"""The wall of hollow known solids, however they are turned, moved and scaled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifold3d import CrossSection, Manifold
from scipy.spatial.transform import Rotation

from printprep.geometry.hollow import hollow
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid

WALL_MM = 2.0
CUBE = from_solid(Manifold.cube((14, 14, 14), True))
BALL = from_solid(Manifold.sphere(8, 64))
RING = from_solid(CrossSection.circle(5, 48).translate((11, 0)).revolve(96))
TUBE = from_solid(Manifold.cylinder(16, 10, 10, 96) - Manifold.cylinder(16, 3, 3, 96))


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 2.0))
@pytest.mark.parametrize(
    ("solid", "cavity_mm3", "handles"),
    [
        (CUBE, 10.0**3, 0),
        (BALL, 4 / 3 * np.pi * 6.0**3, 0),
        (RING, 2 * np.pi**2 * 11 * 3.0**2, 1),
        (TUBE, np.pi * (8.0**2 - 5.0**2) * 12, 1),
    ],
)
def test_the_wall_is_what_was_asked(solid: Mesh, cavity_mm3: float, handles: int, seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(rng=random).as_matrix() * scale
    pose[:3, 3] = random.uniform(-500, 500, 3)
    done = hollow(solid.transformed(pose), WALL_MM * scale, min_cavity_mm3=10.0)
    (cavity,) = done.cavities
    wall = cavity.wall
    assert wall.min_mm >= 0.985 * WALL_MM * scale
    assert wall.mean_mm == pytest.approx(WALL_MM * scale, rel=0.01)
    assert wall.max_mm <= 1.10 * WALL_MM * scale
    assert cavity.volume_mm3 == pytest.approx(cavity_mm3 * scale**3, rel=0.02)
    assert len(cavity.mesh.vertices) - len(cavity.mesh) // 2 == 2 - 2 * handles
    found = inspect(done.mesh)
    assert (found.closed, found.self_intersecting_faces) == (True, 0)
    assert (done.mesh.triangles[: done.outer] == solid.transformed(pose).triangles).all()
