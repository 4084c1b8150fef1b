"""Defects are counted as they are, none invented; deviation is what a brute-force search finds."""

from pathlib import Path

import numpy as np
import pytest
from manifold3d import Manifold

import printprep
from printprep.formats import stl
from printprep.geometry.bvh import build, nearest, winding
from printprep.geometry.intersect import self_intersecting
from printprep.geometry.measure import deviation, inspect, sample
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.solid import from_solid
from printprep.geometry.topology import edges
from printprep.geometry.weld import weld_vertices

DEMO = Path(printprep.__file__).parent / "demo" / "dissection"
SMALL = Path(__file__).parents[2] / "data" / "small"
CUBE = from_solid(Manifold.cube((1, 1, 1)))
BALL = from_solid(Manifold.sphere(10.0, 64))


def moved(mesh: Mesh, *offset: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(offset), mesh.faces)


def read(path: Path) -> Mesh:
    return stl.read(path)[0].mesh


@pytest.mark.parametrize("path", sorted(DEMO.glob("*.stl")), ids=lambda path: path.stem)
def test_the_dissection_case_has_no_defect(path: Path) -> None:
    found = inspect(read(path))
    assert found.clean
    assert found.where_mm == {}


def test_the_skull_has_the_defects_that_its_sources_name() -> None:
    found = inspect(read(SMALL / "skull_metres.stl"))
    assert not found.closed
    assert found.open_edges > 0
    assert found.misoriented_edges > 0
    assert set(found.where_mm) >= {"open_edges", "misoriented_edges"}


def test_the_scaphoid_is_clean_and_the_jaw_is_not_closed() -> None:
    assert inspect(read(SMALL / "scaphoid_metres.stl")).clean
    assert inspect(read(SMALL / "jaw_metres.stl")).open_edges == 4


def test_a_missing_face_opens_three_edges_at_its_place() -> None:
    found = inspect(Mesh(BALL.vertices, BALL.faces[1:]))
    assert (found.open_edges, found.nonmanifold_edges, found.misoriented_edges) == (3, 0, 0)
    gone = BALL.triangles[0]
    assert np.linalg.norm(gone.mean(axis=0) - np.array(found.where_mm["open_edges"])) < np.ptp(gone, axis=0).max()


def test_a_turned_face_is_misoriented_at_its_three_edges() -> None:
    faces = BALL.faces.copy()
    faces[5] = faces[5][::-1]
    assert inspect(Mesh(BALL.vertices, faces)).misoriented_edges == 3


def test_repeated_faces_count_either_way_round() -> None:
    extra = np.array([BALL.faces[7], BALL.faces[9][::-1], BALL.faces[9][[1, 2, 0]]])
    found = inspect(Mesh(BALL.vertices, np.concatenate([BALL.faces, extra])))
    assert found.duplicate_faces == 3
    assert found.nonmanifold_edges == 6


def test_faces_without_area_are_degenerate() -> None:
    line = Mesh(np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2.0]]), np.array([[0, 1, 2], [0, 1, 1]], np.int32))
    assert inspect(line).degenerate_faces == 2


def test_inside_out_is_only_said_of_a_closed_surface() -> None:
    turned = Mesh(CUBE.vertices, CUBE.faces[:, ::-1])
    assert inspect(turned).inside_out
    assert not inspect(Mesh(turned.vertices, turned.faces[1:])).inside_out
    assert not inspect(CUBE).inside_out


def test_numbers_that_are_none_are_counted_and_nothing_crashes_on_them() -> None:
    vertices = CUBE.vertices.copy()
    vertices[3, 1] = np.nan
    found = inspect(Mesh(vertices, CUBE.faces))
    assert found.non_finite == 1
    assert not found.closed


def test_bodies_are_counted_by_edges() -> None:
    assert inspect(join([CUBE, moved(CUBE, 3, 0, 0), moved(CUBE, 0, 5, 0)])).bodies == 3


@pytest.mark.parametrize("offset", [(0.3, 0.4, 0.5), (0.5, 0.5, 0.5), (0.25, 0, 0), (0.5, 0, 0.5)])
def test_bodies_that_run_through_each_other_intersect(offset: tuple[float, float, float]) -> None:
    assert self_intersecting(join([CUBE, moved(CUBE, *offset)])).sum() >= 4


@pytest.mark.parametrize("offset", [(1.0, 1.0, 0), (1.0, 1.0, 1.0), (2.0, 0, 0), (1.0000001, 0.5, 0.25)])
def test_bodies_that_only_touch_by_an_edge_or_not_at_all_do_not(offset: tuple[float, float, float]) -> None:
    found = self_intersecting(weld_vertices(join([CUBE, moved(CUBE, *offset)])))
    assert found.sum() == 0


def test_faces_that_overlap_in_one_plane_intersect() -> None:
    assert self_intersecting(join([CUBE, moved(CUBE, 1.0, 0.25, 0.25)])).any()


def test_a_fold_onto_a_neighbour_is_an_intersection_and_a_flat_fan_is_none() -> None:
    vertices = np.array([[0, 0, 0], [4, 0, 0], [4, 3, 0], [1, 1, 0], [2, -2, 0.0]])
    fold = Mesh(vertices, np.array([[0, 1, 2], [1, 0, 3]], np.int32))
    flat = Mesh(vertices, np.array([[0, 1, 2], [1, 0, 4]], np.int32))
    assert self_intersecting(fold).all()
    assert not self_intersecting(flat).any()


def test_a_rotated_and_rounded_flat_grid_has_no_intersection() -> None:
    n = 30
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    points = np.stack([x.ravel(), y.ravel(), np.zeros(n * n)], axis=1) * 0.37
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    quads = np.stack([corner, corner + 1, corner + n, corner + n + 1], axis=1)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [1, 3, 2]]]).astype(np.int32)
    rounded = (points @ turn.T).astype(np.float32).astype(np.float64)
    assert not self_intersecting(Mesh(rounded, faces)).any()


def test_the_nearest_point_is_that_of_a_search_over_fine_samples() -> None:
    rng = np.random.default_rng(4)
    points = rng.normal(size=(60, 3)) * 8
    distance, face, weights = nearest(build(BALL), points)
    on_face = np.einsum("ni,nij->nj", weights, BALL.vertices[BALL.faces[face]])
    assert np.allclose(np.linalg.norm(on_face - points, axis=1), distance)
    dense = sample(BALL, 200_000).points
    brute = np.array([np.linalg.norm(dense - point, axis=1).min() for point in points])
    assert (distance <= brute + 1e-12).all()
    assert (brute - distance).max() < 0.1


def test_winding_tells_inside_outside_cavity_and_inversion() -> None:
    hollow = join([BALL, Mesh(BALL.vertices * 0.5, BALL.faces[:, ::-1])])
    points = np.array([[0, 0, 0], [7.5, 0, 0], [0, -7, 1], [20, 0, 0], [0, 0, 11.0]])
    assert winding(build(hollow), points).tolist() == [0, 1, 1, 0, 0]
    assert winding(build(Mesh(BALL.vertices, BALL.faces[:, ::-1])), points).tolist() == [-1, -1, -1, 0, 0]


def test_deviation_of_a_scaled_ball_is_the_difference_of_radii_everywhere() -> None:
    found = deviation(BALL, Mesh(BALL.vertices * 1.05, BALL.faces), samples=20_000)
    assert found.max_mm == pytest.approx(0.5, rel=0.01)
    assert found.mean_mm == pytest.approx(0.5, rel=0.01)
    assert found.where_mm is not None
    assert found.samples >= 20_000 + 2 * len(BALL.vertices)


def test_deviation_sees_what_is_missing_in_either_of_the_two() -> None:
    both = join([BALL, moved(CUBE, 30, 0, 0)])
    for a, b in ((BALL, both), (both, BALL)):
        found = deviation(a, b, samples=2_000)
        assert found.max_mm == pytest.approx(21.0, abs=0.2)
        assert found.where_mm is not None
        assert found.where_mm[0] >= 30


def test_deviation_from_itself_is_nothing() -> None:
    found = deviation(BALL, Mesh(BALL.vertices.copy(), BALL.faces.copy()))
    assert (found.max_mm, found.p95_mm, found.mean_mm, found.where_mm) == (0.0, 0.0, 0.0, None)


def test_deviation_is_the_same_each_time() -> None:
    other = Mesh(BALL.vertices * [1.0, 1.1, 0.9], BALL.faces)
    assert deviation(BALL, other, samples=1_000, seed=7) == deviation(BALL, other, samples=1_000, seed=7)


def test_the_edges_of_the_latest_meshes_are_found_once() -> None:
    one, two, three = (Mesh(CUBE.vertices + i, CUBE.faces) for i in range(3))
    found = edges(one)
    assert edges(two) is edges(two)
    assert edges(one) is found
    edges(three)
    assert edges(one) is not found
    assert (edges(one).of_face == found.of_face).all()
