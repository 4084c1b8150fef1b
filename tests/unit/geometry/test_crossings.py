"""What still runs through itself is told by its places, their size, and the volume that it concerns."""

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry.crossings import crossings
from printprep.geometry.intersect import partners
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.solid import from_solid, intersect

BALL = from_solid(Manifold.sphere(10.0, 48))


def moved(mesh: Mesh, *offset: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(offset), mesh.faces)


def test_nothing_crosses_in_a_ball() -> None:
    assert crossings(BALL, partners(BALL)) is None


def test_two_places_are_told_apart_and_the_volume_between_is_counted_once() -> None:
    pair = join([BALL, moved(BALL, 17, 0, 0)])
    near = join([BALL, moved(BALL, 19, 0, 0)])
    mesh = join([pair, moved(near, 0, 100, 0)])
    partner = partners(mesh)
    found = crossings(mesh, partner)
    assert found is not None
    assert found.faces == int((partner >= 0).sum())
    assert found.places == 2
    assert abs(found.where_mm[1]) < 10  # the larger of the two lenses
    assert found.size_mm[1] == pytest.approx(2 * np.sqrt(100 - 8.5**2), abs=3.0)  # its rim
    both = intersect(BALL, moved(BALL, 17, 0, 0)).volume_mm3 + intersect(BALL, moved(BALL, 19, 0, 0)).volume_mm3
    assert found.twice_mm3 == pytest.approx(both, rel=0.02)
    assert found.inverted_mm3 == pytest.approx(0.0, abs=1e-9)


def test_a_fold_that_is_inside_out_is_counted_apart() -> None:
    vertices = BALL.vertices.copy()
    vertices[vertices[:, 2] > 9.0, 2] -= 26.0  # the cap goes through the bottom and out of it
    mesh = Mesh(vertices, BALL.faces)
    found = crossings(mesh, partners(mesh))
    assert found is not None
    assert found.places == 1
    assert found.twice_mm3 == pytest.approx(0.0, abs=1e-6)
    assert 300 < found.inverted_mm3 < 450
    assert found.where_mm[2] < -8
