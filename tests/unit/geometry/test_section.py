from __future__ import annotations

import math

import numpy as np
import pytest
import trimesh

from printprep.geometry.mesh import Mesh, join
from printprep.geometry.section import Sections, sections

IDENTITY = np.eye(4)


def box(lower: tuple[float, float, float], upper: tuple[float, float, float], *, hole: bool = False) -> Mesh:
    solid = trimesh.creation.box(bounds=[lower, upper])
    faces = solid.faces[:, ::-1] if hole else solid.faces
    return Mesh(solid.vertices, faces)


def ball(radius_mm: float = 10.0, subdivisions: int = 4) -> Mesh:
    solid = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius_mm)
    return Mesh(solid.vertices, solid.faces)


def loops(cuts: Sections, layer: int) -> int:
    return len(cuts.layer(layer)[1]) - 1


def test_a_box_is_a_square_counter_clockwise() -> None:
    cuts = sections(box((0, 0, 0), (4, 3, 2)), [-1.0, 0.5, 1.5, 2.5])
    assert cuts.area_mm2.tolist() == pytest.approx([0, 12, 12, 0])
    points, start = cuts.layer(1)
    assert start.tolist() == [0, len(points)]
    assert (points.min(axis=0) == [0, 0]).all()
    assert (points.max(axis=0) == [4, 3]).all()
    assert cuts.open_loops.tolist() == [0, 0, 0, 0]


def test_a_cavity_is_a_hole() -> None:
    shell = join([box((0, 0, 0), (10, 10, 10)), box((2, 2, 2), (8, 8, 8), hole=True)])
    cuts = sections(shell, [1.0, 5.0])
    assert cuts.area_mm2.tolist() == pytest.approx([100, 64])
    assert loops(cuts, 1) == 2


def test_heights_that_meet_vertices_belong_to_the_side_below() -> None:
    cuts = sections(box((0, 0, 0), (1, 1, 2)), [0.0, 1.0, 2.0, 2.0001])
    assert cuts.area_mm2.tolist() == pytest.approx([0, 1, 1, 0])
    octahedron = Mesh(
        np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float),
        np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4], [1, 0, 5], [2, 1, 5], [3, 2, 5], [0, 3, 5]], np.int32),
    )
    waist = sections(octahedron, [-0.5, 0.0, 0.5])
    assert waist.area_mm2.tolist() == pytest.approx([0.5, 2.0, 0.5])
    assert waist.open_loops.sum() == 0


def test_the_integral_of_the_sections_is_the_volume() -> None:
    mesh = ball()
    step = 0.01
    heights = np.arange(-10 + step / 2, 10, step)
    assert sections(mesh, heights).area_mm2.sum() * step == pytest.approx(mesh.volume_mm3, rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_every_loop_closes_whatever_way_the_mesh_lies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn = np.eye(4)
    turn[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn[:3, :3] *= np.sign(np.linalg.det(turn[:3, :3]))
    shape = trimesh.creation.torus(10, 3, major_sections=60, minor_sections=30)
    mesh = Mesh(shape.vertices, shape.faces).transformed(turn)
    lowest, highest = mesh.bounds_mm[:, 2]
    some = np.unique(mesh.vertices[:40, 2])  # heights of vertices, exactly
    heights = np.unique(np.concatenate([np.linspace(float(lowest), float(highest), 301), some]))
    cuts = sections(mesh, heights)
    assert cuts.open_loops.sum() == 0
    assert np.trapezoid(cuts.area_mm2, heights) == pytest.approx(mesh.volume_mm3, rel=1e-3)
    assert (cuts.area_mm2 >= -1e-9).all()


def test_overlapping_solids_keep_their_own_loops() -> None:
    cuts = sections(join([box((0, 0, 0), (4, 4, 4)), box((2, 2, 0), (6, 6, 4))]), [2.0])
    assert loops(cuts, 0) == 2
    assert cuts.area_mm2[0] == pytest.approx(32)


def test_four_faces_at_one_edge_are_paired() -> None:
    # two boxes that share an edge, welded: each keeps a loop that closes
    touching = join([box((0, 0, 0), (1, 1, 1)), box((1, 1, 0), (2, 2, 1))])
    unique, index = np.unique(touching.vertices, axis=0, return_inverse=True)
    cuts = sections(Mesh(unique, index[touching.faces].astype(np.int32)), [0.5])
    assert cuts.open_loops[0] == 0
    assert cuts.area_mm2[0] == pytest.approx(2)


def test_a_mesh_with_a_hole_is_closed_by_a_line_and_counted() -> None:
    whole = box((0, 0, 0), (1, 1, 1))
    upright = np.flatnonzero(np.ptp(whole.triangles[:, :, 2], axis=1) > 0)
    cuts = sections(Mesh(whole.vertices, np.delete(whole.faces, upright[0], axis=0)), [0.4])
    assert cuts.open_loops[0] == 1
    assert loops(cuts, 0) == 1
    assert 0.3 < cuts.area_mm2[0] <= 1.0


def test_degenerate_triangles_do_no_harm() -> None:
    solid = box((0, 0, 0), (1, 1, 1))
    faces = np.vstack([solid.faces, [[0, 0, 1], [2, 3, 2]]]).astype(np.int32)
    assert sections(Mesh(solid.vertices, faces), [0.5]).area_mm2[0] == pytest.approx(1)


def test_equal_input_gives_equal_bytes() -> None:
    first, second = (sections(ball(), np.linspace(-9, 9, 50)) for _ in range(2))
    assert first.points_mm.tobytes() == second.points_mm.tobytes()
    assert (first.loop_start == second.loop_start).all()


@pytest.mark.parametrize("heights", [[1.0, 1.0], [2.0, 1.0], [math.nan], [0.0, math.inf], [[1.0]]])
def test_heights_must_rise(heights: list[float]) -> None:
    with pytest.raises(ValueError, match="rise"):
        sections(ball(subdivisions=1), heights)


def test_nothing_has_no_sections() -> None:
    empty = Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    assert sections(empty, [1.0, 2.0]).area_mm2.tolist() == [0, 0]
    assert len(sections(ball(subdivisions=1), [])) == 0
