from __future__ import annotations

import numpy as np
import pytest
from manifold3d import Manifold
from scipy.ndimage import label

from printprep.geometry import bvh, voxel
from printprep.geometry.hollow import Hollowed, hollow
from printprep.geometry.infill import Pattern, infill
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Float, Mesh
from printprep.geometry.solid import from_solid

UP = np.array([0.36, 0.48, 0.8])
NONE = np.zeros((0, 3))
HEART = from_solid(  # two lobes far from the origin, so that nothing depends on where it is
    (Manifold.sphere(14, 48) + Manifold.sphere(10, 48).translate((15, 4, 0))).translate((90, -400, 33))
)


@pytest.fixture(scope="module")
def lobes() -> Hollowed:
    return hollow(HEART, 2.0, step_mm=0.7)


def share(pattern: Pattern, spacing: float, thick: float) -> float:
    """What the pattern fills of space: rods of three directions less their crossings, or walls less their windows."""
    if pattern == "lattice":
        radius = thick / 2
        crossing = 8 * np.sqrt(2) * radius**3  # counted three times where three rods meet: see Steinmetz solids
        both, three = 16 / 3 * radius**3, 8 * (2 - np.sqrt(2)) * radius**3
        assert crossing > three
        return float((3 * np.pi * radius**2 * spacing - 3 * both + three) / spacing**3)
    windows = 2 * np.pi * ((spacing - thick) / 3) ** 2 * thick
    return float((2 * thick * spacing**2 - thick**2 * spacing - windows) / spacing**3)


@pytest.mark.parametrize(("pattern", "spacing", "thick"), [("lattice", 6.0, 1.2), ("ribs", 7.0, 0.8)])
def test_a_pattern_fills_the_share_of_space_that_it_should(
    lobes: Hollowed, pattern: Pattern, spacing: float, thick: float
) -> None:
    (cavity,) = lobes.cavities
    made = infill(cavity, pattern, spacing, thick, UP, NONE, 3.0)
    assert made is not None
    assert made.volume_mm3 == pytest.approx(share(pattern, spacing, thick) * cavity.volume_mm3, rel=0.08)
    assert made.cavity.volume_mm3 + made.volume_mm3 + made.sealed_mm3 == pytest.approx(cavity.volume_mm3, rel=1e-9)
    found = inspect(made.cavity.mesh)
    assert found.closed
    assert found.bodies == 1
    assert found.self_intersecting_faces == 0
    assert made.cavity.wall == cavity.wall


@pytest.mark.parametrize("pattern", ["lattice", "ribs"])
def test_every_cell_is_reached_from_every_other(lobes: Hollowed, pattern: Pattern) -> None:
    made = infill(lobes.cavities[0], pattern, 7.0, 0.8, UP, NONE, 3.0)
    assert made is not None
    space = voxel.inside(made.cavity.mesh, voxel.Grid.around(made.cavity.mesh, 0.25))
    region, _ = label(space)
    cells = np.bincount(region[region > 0])
    assert cells.max() > 0.999 * cells.sum()  # the rest are single points in the sharp corners beside a strut


@pytest.mark.parametrize("pattern", ["lattice", "ribs"])
def test_nothing_stands_before_a_drain_hole(lobes: Hollowed, pattern: Pattern) -> None:
    cavity = lobes.cavities[0].mesh
    mouths = cavity.vertices[[0, len(cavity.vertices) // 2]]
    made = infill(lobes.cavities[0], pattern, 7.0, 1.0, UP, _inward(cavity, mouths), 4.0)
    assert made is not None
    bare, _, _ = bvh.nearest(bvh.build(cavity), made.cavity.mesh.vertices)
    struts = made.cavity.mesh.vertices[bare > 0.05]
    away = np.linalg.norm(struts[:, None] - _inward(cavity, mouths)[None], axis=2).min(axis=1)
    assert away.min() > 3.85  # of 4 mm, for a ball of facets


def _inward(cavity: Mesh, points: Float) -> Float:
    middle = cavity.vertices.mean(axis=0)
    return np.asarray(points + (middle - points) / np.linalg.norm(middle - points, axis=1)[:, None])


def test_struts_rise_from_the_plate() -> None:
    block = hollow(from_solid(Manifold.cube((30, 30, 30), True)), 2.0, step_mm=0.7).cavities[0]
    made = infill(block, "lattice", 9.0, 1.0, np.array([0.0, 0.0, 1.0]), NONE, 3.0)
    assert made is not None
    a, b, c = (made.cavity.mesh.vertices[made.cavity.mesh.faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    bare, _, _ = bvh.nearest(bvh.build(block.mesh), (a + b + c) / 3)
    strut = (bare > 0.3) & (np.linalg.norm(normal, axis=1) > 1e-9)
    steepest = np.abs(normal[strut, 2]) / np.linalg.norm(normal[strut], axis=1)
    assert steepest.max() < 0.84  # no face of a strut lies flat: cos 35 degrees is 0.82


def test_too_fine_a_pattern_is_made_coarser(lobes: Hollowed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("printprep.geometry.infill._MOST_CELLS", 4)
    made = infill(lobes.cavities[0], "lattice", 0.5, 0.8, UP, NONE, 1.0)
    assert made is not None
    assert made.spacing_mm > 8.0
