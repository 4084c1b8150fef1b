"""What hangs over nothing: bridges, what stands out, islands, and what a tool reaches, of solids that are known."""

from __future__ import annotations

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry import bvh
from printprep.geometry.access import access
from printprep.geometry.boxes import boxes
from printprep.geometry.bridging import Hanging, hanging
from printprep.geometry.cells import connected, gather
from printprep.geometry.mesh import Mesh
from printprep.geometry.minima import beginnings
from printprep.geometry.solid import from_solid
from printprep.geometry.vertical import first_above, first_below


def block(lower: tuple[float, float, float], upper: tuple[float, float, float]) -> Manifold:
    size = np.subtract(upper, lower)
    return Manifold.cube(tuple(size.tolist())).translate(lower)


def bridge(span_mm: float) -> Mesh:
    """Two posts of 8 mm with a slab of 2 mm on them."""
    far = 8 + span_mm
    posts = block((0, 0, 0), (8, 4, 12)) + block((far, 0, 0), (far + 8, 4, 12))
    return from_solid(posts + block((0, 0, 10), (far + 8, 4, 12)))


def judge(mesh: Mesh, *others: Mesh, angle_deg: float = 45) -> Hanging:
    trees = [bvh.build(other) for other in others]
    return hanging(mesh, angle_deg=angle_deg, layer_mm=0.2, bridge_mm=10, others=trees)


@pytest.mark.parametrize(("span_mm", "fails"), [(5.0, False), (8.0, False), (20.0, True), (40.0, True)])
def test_a_bridge_fails_when_it_is_longer_than_the_process_can(span_mm: float, fails: bool) -> None:
    found = judge(bridge(span_mm))
    assert found.area_mm2.sum() == pytest.approx(4 * span_mm)
    assert found.span_mm.max() == pytest.approx(span_mm, abs=1.2)  # two cells
    assert len(found.islands_mm) == 0
    assert found.fails.all() == found.fails.any() == fails


@pytest.mark.parametrize(("out_mm", "fails"), [(1.2, False), (5.0, True)])
def test_what_stands_out_from_one_wall_fails_when_it_is_long(out_mm: float, fails: bool) -> None:
    arm = block((0, 0, 0), (10, 10, 30)) + block((10, 0, 20), (10 + out_mm, 10, 30))
    found = judge(from_solid(arm))
    assert found.area_mm2.sum() == pytest.approx(10 * out_mm)
    assert found.stands_out_mm.max() == pytest.approx(out_mm, abs=0.9)
    assert bool(found.fails.any()) == fails


def test_a_hanging_tip_is_an_island_and_the_lowest_point_on_the_bed_is_none() -> None:
    arm = block((0, 0, 0), (10, 10, 40)) + block((0, 0, 36), (40, 10, 40))
    tip = arm + Manifold.sphere(1.5, 32).translate((30, 5, 20))
    mesh = from_solid(tip + Manifold.cylinder(17, 1.5, 1.5, 32).translate((30, 5, 20)))
    found = judge(mesh)
    assert found.islands_mm == pytest.approx(np.array([[30, 5, 18.5]]), abs=0.02)
    near = np.linalg.norm(found.at_mm - [30, 5, 18.5], axis=1) < 1.5
    assert near.any()
    assert found.fails[near].all()


def test_roughness_lower_than_a_layer_is_no_island() -> None:
    plate = from_solid(Manifold.cube((20, 20, 2)).refine(16).translate((0, 0, 10)))
    bumps = np.random.default_rng(3).uniform(0, 0.05, len(plate.vertices))
    rough = Mesh(plate.vertices + np.column_stack([np.zeros((len(bumps), 2)), bumps]), plate.faces)
    assert len(beginnings(rough, 0.001)) > 20
    assert len(beginnings(rough, 0.2)) == 1


def test_what_lies_on_another_part_hangs_over_nothing() -> None:
    table, box = from_solid(block((0, 0, 0), (20, 20, 5))), from_solid(block((5, 5, 5), (25, 15, 15)))
    assert judge(box).area_mm2.sum() == pytest.approx(200)
    found = judge(box, table)
    assert found.area_mm2.sum() == pytest.approx(50, abs=0.1)  # of 5 x 10 mm beyond the table's edge
    assert found.at_mm[:, 0].min() > 20


def test_the_angle_is_from_the_vertical() -> None:
    cone = from_solid(Manifold.cylinder(10, 2, 12, 64))  # its side leans out by 45 degrees
    assert len(judge(cone, angle_deg=46)) == 0
    side_mm2 = np.pi * (2 + 12) * np.hypot(10, 10)
    assert judge(cone, angle_deg=44).area_mm2.sum() == pytest.approx(side_mm2, rel=0.03)


def test_the_same_shape_in_more_triangles_says_the_same() -> None:
    fine = from_solid(Manifold.cube((30, 4, 2)).refine(12))
    coarse = from_solid(Manifold.cube((30, 4, 2)))
    up = np.eye(4)
    up[2, 3] = 10
    a, b = judge(coarse.transformed(up)), judge(fine.transformed(up))
    assert a.area_mm2.sum() == pytest.approx(b.area_mm2.sum())
    assert a.fails.mean() == b.fails.mean()


def test_straight_above_and_below() -> None:
    tree = bvh.build(from_solid(block((0, 0, 5), (10, 10, 8)) + block((0, 0, 20), (10, 10, 22))))
    points = np.array([[3.0, 4, 0], [3, 4, 9], [30, 4, 0]])
    gap_mm, face = first_above(tree, points)
    assert gap_mm == pytest.approx([5, 11, np.inf])
    assert (face >= 0).tolist() == [True, True, False]
    assert first_above(tree, points, reach_mm=6)[0] == pytest.approx([5, np.inf, np.inf])
    assert first_below(tree, points + np.array([0, 0, 20]))[0] == pytest.approx([12, 7, np.inf])


@pytest.mark.parametrize(("hole_mm", "reached"), [(0, False), (2, False), (10, True)])
def test_a_cavity_is_reached_through_a_hole_that_a_tool_fits(hole_mm: float, reached: bool) -> None:
    solid = block((0, 0, 0), (30, 30, 30)) - block((2, 2, 2), (28, 28, 28))
    if hole_mm:
        low, high = 15 - hole_mm / 2, 15 + hole_mm / 2
        solid -= block((low, low, 20), (high, high, 40))
    missed = access([from_solid(solid)]).misses(np.array([[15.0, 15, 15], [2.3, 15, 15], [-0.3, 15, 15], [90, 90, 9]]))
    assert missed.tolist() == [not reached, not reached, False, False]


def test_boxes_hold_their_points_and_are_closed() -> None:
    points = np.array([[0.3, 0.3, 5.1], [0.9, 0.3, 5.2], [1.5, 0.3, 5.1], [9.0, 0.3, 5.1]])
    made = boxes(points, 0.6, beside_mm=0.4, below_mm=0.2, above_mm=0.5)
    assert len(made) == 2 * 12  # a run of three, and one alone
    assert made.bounds_mm[0] == pytest.approx([-0.4, -0.4, 4.9])
    assert made.bounds_mm[1] == pytest.approx([9.7, 1.0, 5.7])
    assert made.volume_mm3 == pytest.approx(2.6 * 1.4 * 0.8 + 1.4 * 1.4 * 0.7)
    assert len(boxes(np.zeros((0, 3)), 0.6, beside_mm=0, below_mm=0, above_mm=0)) == 0


def test_cells_keep_the_weight_and_what_touches_is_one() -> None:
    points = np.array([[0.1, 0.1, 0.1], [0.3, 0.1, 0.1], [1.2, 1.1, 1.4], [5, 5, 5]])
    cells = gather(points, np.array([1.0, 3, 2, 4]), 1.0)
    assert cells.weight.sum() == 10
    assert cells.at_mm[cells.of_point[0]] == pytest.approx([0.25, 0.1, 0.1])
    label = connected(cells.key)[cells.of_point]
    assert label[0] == label[1] == label[2] != label[3]
