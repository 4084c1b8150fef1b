from __future__ import annotations

import numpy as np
import pytest
import trimesh

from printprep.geometry.mesh import Mesh, join
from printprep.geometry.voxel import Grid, inside, near_surface, step_for


def box(*size_mm: float) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices, made.faces)


def shifted(mesh: Mesh, *by_mm: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(by_mm), mesh.faces)


def volume_mm3(mesh: Mesh, step_mm: float = 0.5) -> float:
    grid = Grid.around(mesh, step_mm)
    return float(inside(mesh, grid).sum()) * step_mm**3


def test_the_grid_has_a_border_that_is_outside() -> None:
    grid = Grid.around(box(10, 10, 10), 0.5)
    mask = inside(box(10, 10, 10), grid)
    assert mask.sum() == 20**3
    for axis in range(3):
        assert not np.take(mask, [0, 1, -1, -2], axis=axis).any()


def test_every_point_of_a_ball_is_on_its_side() -> None:
    made = trimesh.creation.icosphere(subdivisions=4, radius=8.0)
    mesh = Mesh(made.vertices, made.faces)
    grid = Grid.around(mesh, 0.7)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    radius = np.linalg.norm(grid.points_mm(index), axis=-1)
    mask = inside(mesh, grid)
    assert mask[radius < 7.95].all()
    assert not mask[radius > 8.0].any()


def test_solids_that_overlap_count_once_and_inner_walls_are_voids() -> None:
    two = join([box(10, 10, 10), shifted(box(10, 10, 10), 5, 0, 0)])
    assert volume_mm3(two) == pytest.approx(1500.0, rel=0.05)
    inner = box(6, 6, 6)
    void = join([box(10, 10, 10), Mesh(inner.vertices, inner.faces[:, ::-1])])
    assert volume_mm3(void) == pytest.approx(1000.0 - 216.0, rel=0.05)


def test_a_marked_point_is_near_and_no_surface_is_missed() -> None:
    mesh = box(9, 7, 5)
    grid = Grid.around(mesh, 0.6)
    marked = grid.points_mm(np.argwhere(near_surface(mesh, grid)))
    beyond = np.maximum(np.abs(marked) - [4.5, 3.5, 2.5], -np.inf)
    signed = np.where((beyond > 0).any(axis=1), np.linalg.norm(np.maximum(beyond, 0), axis=1), beyond.max(axis=1))
    assert np.abs(signed).max() <= 0.87 * 0.6
    rng = np.random.default_rng(5)
    sides = rng.uniform([-4.5, -3.5, -2.5], [4.5, 3.5, 2.5], (300, 3))
    sides[:, 2] = 2.5
    nearest = np.linalg.norm(sides[:, None] - marked[None], axis=2).min(axis=1)
    assert nearest.max() <= 1.2 * 0.6


def test_the_step_grows_until_the_grid_fits() -> None:
    mesh = box(100, 100, 100)
    assert step_for(mesh, 2.0, 10**6) == 2.0
    coarse = step_for(mesh, 0.5, 10**6)
    assert coarse > 0.5
    assert 0.8e6 < Grid.around(mesh, coarse).count <= 10**6
