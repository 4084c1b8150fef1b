"""Welding is exact, keeps order, and says nothing of its own."""

import numpy as np
import pytest

from printprep.geometry.mesh import Mesh
from printprep.geometry.weld import weld, weld_close, weld_vertices

TETRAHEDRON = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float64)
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.int32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_soup_becomes_its_mesh_with_vertices_in_order_of_first_appearance(dtype: type) -> None:
    mesh = weld(TETRAHEDRON[FACES].astype(dtype))
    assert mesh.vertices.tolist() == TETRAHEDRON[[0, 2, 1, 3]].tolist()
    assert np.array_equal(mesh.triangles, TETRAHEDRON[FACES])


def test_minus_zero_is_zero_and_neighbouring_floats_are_not_equal() -> None:
    soup = TETRAHEDRON[FACES].astype(np.float32)
    soup[0][soup[0] == 0] = -0.0
    assert len(weld(soup).vertices) == 4
    soup[0, 0, 0] = np.nextafter(np.float32(0), np.float32(1))
    assert len(weld(soup).vertices) == 5


def test_a_view_into_records_of_fifty_bytes_welds_like_a_copy() -> None:
    rng = np.random.default_rng(1)
    records = np.zeros(40_000, dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])
    records["corners"] = rng.integers(0, 20, (40_000, 3, 3))
    mesh = weld(records["corners"])
    assert len(mesh.vertices) == len(np.unique(records["corners"].reshape(-1, 3), axis=0))
    assert np.array_equal(mesh.triangles, records["corners"])


def test_the_table_grows_over_more_points_than_were_expected() -> None:
    soup = np.random.default_rng(2).random((70_000, 3, 3))
    mesh = weld(soup)
    assert len(mesh.vertices) == 210_000
    assert np.array_equal(mesh.triangles, soup)


def test_no_triangles_give_an_empty_mesh() -> None:
    mesh = weld(np.zeros((0, 3, 3)))
    assert (len(mesh), len(mesh.vertices)) == (0, 0)


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(m, 3, 3\)"):
        weld(np.zeros((4, 3)))


def test_repeated_vertices_of_a_mesh_become_one_and_a_welded_mesh_stays_the_same_object() -> None:
    loose = Mesh(TETRAHEDRON[FACES].reshape(-1, 3), np.arange(12, dtype=np.int32).reshape(-1, 3))
    welded = weld_vertices(loose)
    assert len(welded.vertices) == 4
    assert np.array_equal(welded.triangles, loose.triangles)
    assert weld_vertices(welded) is welded


def test_cracks_close_by_a_tolerance_across_cells_and_nothing_moves_farther() -> None:
    rng = np.random.default_rng(3)
    loose = Mesh(TETRAHEDRON[FACES].reshape(-1, 3), np.arange(12, dtype=np.int32).reshape(-1, 3))
    shaken = Mesh(loose.vertices + rng.uniform(-2e-4, 2e-4, (12, 3)) + 0.4999, loose.faces)
    closed = weld_close(shaken, 1e-3)
    assert len(closed.vertices) == 4
    moved = np.linalg.norm(closed.triangles - shaken.triangles, axis=2)
    assert 0 < moved.max() <= 1e-3


def test_a_chain_of_small_steps_is_not_followed() -> None:
    line = np.stack([np.arange(10) * 0.9, np.zeros(10), np.zeros(10)], axis=1)
    mesh = Mesh(line, np.array([[0, 1, 2]], np.int32))
    assert len(weld_close(mesh, 1.0).vertices) == 5


def test_only_movable_vertices_merge() -> None:
    vertices = np.array([[0, 0, 0], [0.1, 0, 0], [0, 5, 0], [0.1, 5, 0]], np.float64)
    mesh = Mesh(vertices, np.array([[0, 1, 2], [1, 2, 3]], np.int32))
    movable = np.array([True, True, False, False])
    assert len(weld_close(mesh, 0.5, movable).vertices) == 3


def test_a_tolerance_of_nothing_is_refused() -> None:
    mesh = Mesh(TETRAHEDRON, FACES)
    with pytest.raises(ValueError, match="positive"):
        weld_close(mesh, 0.0)
