from __future__ import annotations

import numpy as np
import pytest
import trimesh

from printprep.geometry.hole import Hole
from printprep.geometry.mesh import Mesh
from printprep.geometry.pockets import pockets

UP = np.array([0.0, 0.0, 1.0])


def two_bowls(first_mm: float, second_mm: float) -> Mesh:
    """A flat cavity whose floor has two bowls, at x = -10 and x = 10, of the depths given."""
    made = trimesh.creation.box((40, 20, 10)).subdivide_to_size(1.0)
    vertices = np.array(made.vertices)
    floor = vertices[:, 2] < -4.999
    for x, depth in ((-10.0, first_mm), (10.0, second_mm)):
        away = np.hypot(vertices[:, 0] - x, vertices[:, 1])
        vertices[:, 2] -= np.where(floor & (away < 8.0), depth * (1.0 - away / 8.0), 0.0)
    return Mesh(vertices, made.faces)


def hole(x: float, z: float) -> Hole:
    return Hole(at_mm=(x, 0.0, z - 2.0), axis=(0.0, 0.0, -1.0), diameter_mm=3.0, inward_mm=3.0, outward_mm=1.0)


def test_the_bowl_without_a_hole_is_a_pocket_of_its_depth() -> None:
    (pocket,) = pockets(two_bowls(4.0, 3.0), UP, (hole(-10.0, -9.0),))
    assert pocket.depth_mm == pytest.approx(3.0, abs=0.3)
    assert pocket.at_mm == pytest.approx((10.0, 0.0, -8.0), abs=0.7)


def test_a_hole_in_the_higher_bowl_leaves_the_lower_one_full() -> None:
    (pocket,) = pockets(two_bowls(4.0, 3.0), UP, (hole(10.0, -8.0),))
    assert pocket.depth_mm == pytest.approx(4.0, abs=0.3)
    assert pocket.at_mm[0] == pytest.approx(-10.0, abs=0.7)


def test_a_hole_in_each_leaves_nothing() -> None:
    assert pockets(two_bowls(4.0, 3.0), UP, (hole(-10.0, -9.0), hole(10.0, -8.0))) == ()


def test_a_dent_that_is_not_deep_is_no_pocket() -> None:
    assert pockets(two_bowls(4.0, 0.5), UP, (hole(-10.0, -9.0),)) == ()


def test_turned_over_it_drains_elsewhere() -> None:
    top = Hole(at_mm=(0.0, 0.0, 7.0), axis=(0.0, 0.0, 1.0), diameter_mm=3.0, inward_mm=3.0, outward_mm=1.0)
    assert pockets(two_bowls(4.0, 3.0), -UP, (top,)) == ()
