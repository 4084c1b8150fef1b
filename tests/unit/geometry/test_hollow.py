from __future__ import annotations

import numpy as np
import pytest
import trimesh

from printprep.geometry import bvh
from printprep.geometry.hollow import GridTooCoarse, Hollowed, hollow
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh, join


def of(made: trimesh.Trimesh) -> Mesh:
    return Mesh(made.vertices, made.faces)


def box(*size_mm: float) -> Mesh:
    return of(trimesh.creation.box(size_mm))


BALL = of(trimesh.creation.icosphere(subdivisions=4, radius=15.0))


@pytest.fixture(scope="module")
def ball() -> Hollowed:
    return hollow(BALL, 2.0)


def test_a_hollow_ball_has_a_ball_inside_and_an_exact_wall(ball: Hollowed) -> None:
    done = ball
    (cavity,) = done.cavities
    assert cavity.volume_mm3 == pytest.approx(4 / 3 * np.pi * 13.0**3, rel=0.01)
    assert cavity.area_mm2 == pytest.approx(4 * np.pi * 13.0**2, rel=0.01)
    assert cavity.wall.min_mm >= 1.95
    assert cavity.wall.mean_mm == pytest.approx(2.0, abs=0.005)
    assert cavity.wall.max_mm <= 2.05
    assert cavity.wall.within == 1.0
    assert done.mesh.volume_mm3 == pytest.approx(BALL.volume_mm3 - cavity.volume_mm3, rel=1e-9)


def test_the_wall_is_measured_not_believed(ball: Hollowed) -> None:
    done = ball
    shell = done.cavities[0].mesh
    radius = np.linalg.norm(shell.vertices, axis=1)  # a ball of facets: its surface lies 14.95 to 15 mm out
    assert radius.max() <= 13.0 + 0.01
    assert radius.min() >= 13.0 - 0.1


def test_the_outer_surface_comes_first_and_is_untouched(ball: Hollowed) -> None:
    done = ball
    assert done.outer == len(BALL)
    assert (done.mesh.triangles[: done.outer] == BALL.triangles).all()


@pytest.mark.parametrize("shape", [box(20, 16, 12), of(trimesh.creation.annulus(r_min=3, r_max=9, height=12))])
def test_the_result_is_closed_and_does_not_cut_itself(shape: Mesh) -> None:
    found = inspect(hollow(shape, 2.0).mesh)
    assert found.closed
    assert found.bodies == 2
    assert found.self_intersecting_faces == 0


def test_a_hollow_cube_has_a_cube_inside() -> None:
    done = hollow(box(30, 30, 30), 3.0)
    (cavity,) = done.cavities
    assert cavity.volume_mm3 == pytest.approx(24.0**3, rel=0.005)
    assert cavity.mesh.size_mm == pytest.approx([24.0, 24.0, 24.0], abs=0.01)
    assert cavity.wall.min_mm == pytest.approx(3.0, abs=0.01)
    assert 0.97 < cavity.wall.within < 1.0  # the grid cuts its edges off, and that is counted
    assert cavity.wall.max_mm < 3.3


def test_a_tube_gets_a_ring() -> None:
    done = hollow(of(trimesh.creation.annulus(r_min=3, r_max=9, height=14, sections=96)), 1.5)
    (cavity,) = done.cavities
    assert cavity.volume_mm3 == pytest.approx(np.pi * (7.5**2 - 4.5**2) * 11.0, rel=0.015)
    vertices, faces = len(cavity.mesh.vertices), len(cavity.mesh)
    assert vertices - faces // 2 == 0  # one handle


def test_a_void_of_the_part_keeps_its_own_wall() -> None:
    inner = box(6, 6, 6)
    part = join([box(24, 24, 24), Mesh(inner.vertices, inner.faces[:, ::-1])])
    (cavity,) = hollow(part, 2.0).cavities
    assert len(cavity.islands) == 1
    rounded = 6.0**3 + 6 * 36 * 2 + 3 * np.pi * 6 * 4 + 4 / 3 * np.pi * 8  # Steiner's formula
    assert cavity.volume_mm3 == pytest.approx(20.0**3 - rounded, rel=0.005)
    distance, _, _ = bvh.nearest(bvh.build(part), cavity.mesh.vertices)
    assert distance.min() > 1.95


def test_a_wall_thicker_than_the_part_leaves_it_solid() -> None:
    plate = box(40, 40, 3)
    done = hollow(plate, 2.0)
    assert done.cavities == ()
    assert done.mesh is plate
    assert done.deepest is not None
    deepest_mm, where = done.deepest
    assert deepest_mm == pytest.approx(1.5, abs=0.13)
    assert abs(where[2]) < 0.13


def test_small_cavities_are_dropped_and_listed() -> None:
    two = join([box(14, 14, 14), Mesh(box(8, 8, 8).vertices + np.array([20.0, 0, 0]), box(8, 8, 8).faces)])
    done = hollow(two, 2.0)
    assert len(done.cavities) == 1
    assert done.dropped_mm3 == pytest.approx((64.0,), rel=0.05)
    assert len(hollow(two, 2.0, min_cavity_mm3=10.0).cavities) == 2


def test_memory_is_bounded_by_a_coarser_grid_and_then_by_refusal() -> None:
    fine, coarse = hollow(BALL, 3.0), hollow(BALL, 3.0, max_points=30_000)
    assert coarse.step_mm > fine.step_mm
    assert coarse.cavities[0].wall.min_mm > 2.9
    with pytest.raises(GridTooCoarse, match=r"needs a grid of 0\.5 mm"):
        hollow(BALL, 1.0, max_points=30_000)
