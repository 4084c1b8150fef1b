from __future__ import annotations

import numpy as np
import pytest
import trimesh

from printprep.geometry.mesh import Mesh
from printprep.geometry.orient import fibonacci_sphere, measure, rank, rotation_to_up

Z = np.array([[0.0, 0.0, 1.0]])


def box(*size_mm: float) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices, made.faces)


def l_block(cuts: int = 0) -> Mesh:
    """An L of 30 x 10 x 20 mm with arms 10 mm thick, standing on its back; each cut quarters every triangle."""
    outline = np.array([[0, 0], [30, 0], [30, 10], [10, 10], [10, 20], [0, 20]], dtype=float)
    caps = [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 5]]
    vertices = np.concatenate([np.insert(outline, 1, y, axis=1) for y in (10.0, 0.0)])
    faces = [[c, b, a] for a, b, c in caps] + [[a + 6, b + 6, c + 6] for a, b, c in caps]
    for a in range(6):
        b = (a + 1) % 6
        faces += [[a, b, b + 6], [a, b + 6, a + 6]]
    made = trimesh.Trimesh(vertices, faces, process=False)
    for _ in range(cuts):
        made = made.subdivide()
    assert made.is_watertight
    assert made.volume == pytest.approx(4000.0)
    return Mesh(made.vertices, made.faces)


def table() -> Mesh:
    """A 40 x 40 x 4 mm plate on a 10 x 10 x 20 mm column, as two closed boxes that touch: overhang is known."""
    column, plate = box(10, 10, 20), box(40, 40, 4)
    return Mesh(
        np.concatenate([column.vertices, plate.vertices + np.array([0.0, 0.0, 12.0])]),
        np.concatenate([column.faces, plate.faces + 8]),
    )


def test_a_table_hangs_over_by_its_plate_and_stands_on_its_column() -> None:
    over, contact, height = measure(table(), np.concatenate([Z, -Z]), 45.0)
    assert over == pytest.approx([1600.0, 100.0])  # upside down only the column's end, which touches, looks down
    assert contact == pytest.approx([100.0, 1600.0])
    assert height == pytest.approx([24.0, 24.0])


def test_a_sphere_hangs_over_by_its_cap() -> None:
    made = trimesh.creation.icosphere(subdivisions=5, radius=10.0)
    over, contact, height = measure(Mesh(made.vertices, made.faces), fibonacci_sphere(7), 45.0)
    cap_mm2 = 2 * np.pi * 10.0**2 * (1 - np.cos(np.radians(45)))
    assert over + contact == pytest.approx(np.full(7, cap_mm2), rel=0.02)
    assert height == pytest.approx(np.full(7, 20.0), rel=0.002)


def test_the_angle_counts_from_the_vertical_and_spares_a_face_cut_at_the_limit() -> None:
    up = np.array([[0.0, -np.sin(np.radians(30)), np.cos(np.radians(30))]])  # the front face leans over by 30 deg
    block = box(10, 10, 10)
    steep, just, shallow = (measure(block, up, angle)[0][0] for angle in (29.0, 30.0, 31.0))
    assert steep == pytest.approx(200.0)
    assert just == pytest.approx(100.0)  # the bottom leans over by 60
    assert shallow == pytest.approx(100.0)


def test_a_flat_block_lies_on_its_largest_face() -> None:
    pose = rank(box(10, 20, 30)).pose(0)
    assert abs(pose.up[0]) == 1.0
    assert (pose.overhang_mm2, pose.height_mm) == pytest.approx((0.0, 10.0))
    assert pose.contact_mm2 == pytest.approx(600.0)


def test_the_original_wins_a_tie() -> None:
    ranking = rank(box(10, 10, 10))
    assert ranking.pose(0).up == (0.0, 0.0, 1.0)
    assert ranking.pose(0) == ranking.original


def test_no_weight_means_stay() -> None:
    assert rank(table().transformed(rotation_to_up([0.6, 0.0, 0.8])), overhang=0, height=0, footprint=0).pose(0).up == (
        0.0,
        0.0,
        1.0,
    )


@pytest.mark.parametrize("weights", [(1.0, 0.3, 0.3), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.2, 1.0, 0.1)])
def test_the_same_shape_cut_finer_has_the_same_answer(weights: tuple[float, float, float]) -> None:
    tilted = rotation_to_up([0.36, 0.48, 0.8])
    overhang, height, footprint = weights
    coarse, fine = (
        rank(l_block(cuts).transformed(tilted), overhang=overhang, height=height, footprint=footprint)
        for cuts in (0, 4)
    )
    assert coarse.pose(0).up == pytest.approx(fine.pose(0).up, abs=1e-6)
    assert coarse.pose(0).score == pytest.approx(fine.pose(0).score, abs=1e-6)
    assert coarse.original.overhang_mm2 == pytest.approx(fine.original.overhang_mm2)


def test_a_tilted_l_is_put_back_on_its_flat_back() -> None:
    pose = rank(l_block(2).transformed(rotation_to_up([0.36, 0.48, 0.8]))).pose(0)
    assert pose.overhang_mm2 == pytest.approx(0.0, abs=1e-6)
    assert pose.contact_mm2 == pytest.approx(400.0, rel=1e-6)  # the L's own outline is the largest flat face
    assert pose.height_mm == pytest.approx(10.0)


def test_the_best_few_are_apart() -> None:
    ups = np.array([pose.up for pose in rank(l_block()).best(4, apart_deg=20.0)])
    assert len(ups) == 4
    assert (ups @ ups.T)[~np.eye(4, dtype=bool)].max() < np.cos(np.radians(20.0))


def test_the_rotation_is_rigid_and_exact_where_it_can_be() -> None:
    assert (rotation_to_up([0, 0, 1]) == np.eye(4)).all()
    for up in [*fibonacci_sphere(50), np.array([0.0, 0.0, -1.0])]:
        matrix = rotation_to_up(up)
        assert matrix[:3, :3] @ up == pytest.approx([0, 0, 1], abs=1e-12)
        assert matrix[:3, :3] @ matrix[:3, :3].T == pytest.approx(np.eye(3), abs=1e-14)
        assert np.linalg.det(matrix) == pytest.approx(1.0)


@pytest.mark.parametrize("z", [1.0, -1.0])
@pytest.mark.parametrize("lean", [1e-5, 1.2e-7, 1e-9, 1e-200])
def test_next_to_straight_up_or_down_the_turn_is_exact(z: float, lean: float) -> None:
    up = np.array([0.6 * lean, 0.8 * lean, z])
    matrix = rotation_to_up(up)[:3, :3]
    assert matrix @ (up / np.linalg.norm(up)) == pytest.approx([0.0, 0.0, 1.0], abs=1e-15)
    assert matrix @ matrix.T == pytest.approx(np.eye(3), abs=1e-15)
    assert np.linalg.det(matrix) == pytest.approx(1.0, abs=1e-15)
