from __future__ import annotations

import numpy as np
import trimesh

from printprep.geometry import bvh, voxel
from printprep.geometry.foot import Ground, feet
from printprep.geometry.mesh import Mesh
from printprep.geometry.offset import deepest, depths

_made = trimesh.creation.icosphere(subdivisions=3, radius=10.0)
BALL = Mesh(_made.vertices + 0.003 * np.sin(37.0 * _made.vertices[:, ::-1]), _made.faces)
RANDOM = np.random.default_rng(5)


def test_feet_are_the_nearest_points_whatever_the_guess() -> None:
    points = RANDOM.uniform(-14, 14, (20_000, 3))  # more than one share of a thread
    distance, _, _ = bvh.nearest(bvh.build(BALL), points)
    ground = Ground.of(BALL)
    for guess in (None, RANDOM.integers(-1, len(BALL), len(points)).astype(np.int32)):
        found = feet(ground, points, guess)
        assert np.allclose(found.distance_mm, distance, rtol=0, atol=1e-12)
        assert np.allclose(np.linalg.norm(found.at - points, axis=1), distance, rtol=0, atol=1e-12)


def test_outside_of_what_is_wanted_the_answer_says_on_which_side() -> None:
    points = RANDOM.uniform(-14, 14, (5_000, 3))
    ground = Ground.of(BALL)
    exact = feet(ground, points).distance_mm
    found = feet(ground, points, least_mm=2.0, most_mm=5.0).distance_mm
    between = (exact >= 2.0) & (exact < 5.0)
    assert np.array_equal(found[between], exact[between])
    assert (found[exact < 2.0] < 2.0).all()
    assert (found[exact >= 5.0] == 5.0).all()


def test_slivers_and_points_on_the_surface_are_no_exception() -> None:
    flat = Mesh(
        np.array([[0.0, 0, 0], [5, 0, 0], [10, 1e-13, 0], [10, 4, 0], [0, 4, 0]]),
        np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [1, 1, 2]]),
    )
    points = np.vstack([RANDOM.uniform(-3, 12, (500, 3)), flat.vertices])
    distance, _, _ = bvh.nearest(bvh.build(flat), points)
    assert np.allclose(feet(Ground.of(flat), points).distance_mm, distance, rtol=0, atol=1e-12)


def test_depths_have_the_right_sign_everywhere_and_the_right_value_at_the_wall() -> None:
    grid, ground, wall_mm = voxel.Grid.around(BALL, 0.4), Ground.of(BALL), 2.0
    field = depths(ground, grid, voxel.inside(BALL, grid), wall_mm).field
    index = np.argwhere(np.ones(grid.shape, np.bool_))
    exact = feet(ground, grid.points_mm(index)).distance_mm.reshape(grid.shape)
    exact = np.where(voxel.inside(BALL, grid) > 0, exact, -exact) - wall_mm
    clear = np.abs(exact) > 0.02
    assert (np.sign(field)[clear] == np.sign(exact)[clear]).all()
    near = np.abs(exact) < 0.4
    assert np.count_nonzero(near) > 5000
    assert (field[near] - exact[near]).min() > -1e-3
    assert (field[near] - exact[near]).max() < 0.6 * 0.4**2 / wall_mm


def test_the_deepest_point_is_found() -> None:
    deep_mm, where = deepest(BALL, Ground.of(BALL), voxel.Grid.around(BALL, 0.4))
    assert abs(deep_mm - 9.9) < 0.4
    assert np.linalg.norm(where) < 0.5
    assert deepest(BALL, Ground.of(BALL), voxel.Grid.around(BALL, 40.0))[0] <= 10.0
