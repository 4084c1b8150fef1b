from __future__ import annotations

import numpy as np
import pytest
import trimesh

from printprep.geometry import bvh
from printprep.geometry.drain import Drilled, drill, find_holes
from printprep.geometry.hole import Hole
from printprep.geometry.hollow import Hollowed, hollow
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.zones import Zones

UP = np.array([0.0, 0.0, 1.0])


def box(size_mm: tuple[float, float, float], at_mm: tuple[float, float, float] = (0, 0, 0)) -> Mesh:
    made = trimesh.creation.box(size_mm)
    return Mesh(made.vertices + np.array(at_mm), made.faces)


@pytest.fixture(scope="module")
def cube() -> Hollowed:
    return hollow(box((30, 30, 30)), 3.0)


def holes_of(cube: Hollowed, zones: Zones | None = None, count: int = 2) -> tuple[Hole, ...]:
    return find_holes(cube, 0, UP, count, 3.5, zones or Zones())


def drilled(cube: Hollowed, count: int = 2) -> tuple[tuple[Hole, ...], Drilled]:
    holes = holes_of(cube, count=count)
    return holes, drill(cube, holes)


def test_a_cutter_is_a_closed_cylinder_with_the_circles_area() -> None:
    hole = Hole(at_mm=(1, 2, 3), axis=(0.6, 0.0, 0.8), diameter_mm=4.0, inward_mm=3.0, outward_mm=1.0)
    cutter = hole.cutter()
    assert inspect(cutter).clean
    assert cutter.volume_mm3 == pytest.approx(np.pi * 4.0 * 4.0, rel=1e-9)
    assert cutter.vertices.mean(axis=0) == pytest.approx(np.array([1, 2, 3]) - np.array([0.6, 0, 0.8]))


def test_the_first_hole_is_low_and_the_second_high(cube: Hollowed) -> None:
    low, high = holes_of(cube)
    assert low.at_mm[2] == pytest.approx(-15.0, abs=0.05)
    assert low.axis == pytest.approx((0, 0, -1), abs=0.01)
    assert high.at_mm[2] == pytest.approx(15.0, abs=0.05)
    turned = find_holes(cube, 0, np.array([1.0, 0.0, 0.0]), 1, 3.5, Zones())
    assert turned[0].at_mm[0] == pytest.approx(-15.0, abs=0.05)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_holes_open_the_cavity(cube: Hollowed, count: int) -> None:
    holes, done = drilled(cube, count)
    found = inspect(done.mesh)
    assert len(holes) == count
    assert found.closed
    assert found.bodies == 1  # outside and inside are one surface
    used = len(np.unique(done.mesh.faces))
    assert used - len(done.mesh) // 2 == 4 - 2 * count  # two spheres joined by that many tubes


def test_each_hole_takes_a_cylinder_of_wall_away(cube: Hollowed) -> None:
    _, done = drilled(cube)
    assert done.removed_mm3 == pytest.approx([np.pi * 1.75**2 * 3.0] * 2, rel=0.01)
    assert cube.mesh.volume_mm3 - done.mesh.volume_mm3 == pytest.approx(sum(done.removed_mm3), rel=1e-9)


def test_what_the_holes_do_not_touch_is_bit_for_bit_and_first() -> None:
    made = trimesh.creation.icosphere(subdivisions=4, radius=15.0)
    ball = hollow(Mesh(made.vertices, made.faces), 2.0)
    holes = holes_of(ball)
    done = drill(ball, holes)
    source = ball.mesh.triangles[: ball.outer]
    axis_mm = np.min([np.linalg.norm(source - hole.at_mm, axis=2).min(axis=1) for hole in holes], axis=0)
    untouched = source[axis_mm > 2.5]
    assert len(untouched) > 0.9 * len(source)
    corner_sets = {tuple(sorted(map(tuple, triangle))) for triangle in done.mesh.triangles[: len(source)].tolist()}
    assert all(tuple(sorted(map(tuple, triangle))) in corner_sets for triangle in untouched.tolist())
    distance, _, _ = bvh.nearest(bvh.build(Mesh(made.vertices, made.faces)), done.mesh.vertices)
    inner = (distance > 1e-6) & (distance < 1.85)  # new surface is deep inside or in a hole
    near = np.min([np.linalg.norm(done.mesh.vertices - hole.at_mm, axis=1) for hole in holes], axis=0)
    assert (near[inner] < 3.0).all()


def test_holes_keep_clear_of_spheres_boxes_and_bodies(cube: Hollowed) -> None:
    lid = box((40, 40, 4), (0, 0, -18))
    for zones in (
        Zones(spheres=np.array([[0.0, 0.0, -15.0, 10.0]])),
        Zones(boxes=np.array([[-20.0, -20.0, -16.0, 20.0, 20.0, -14.5]])),
        Zones(solids=(bvh.build(lid),)),
    ):
        holes = holes_of(cube, zones)
        assert len(holes) == 2
        for hole in holes:
            rim = hole.cutter().vertices
            assert zones.gap_mm(rim).min() > 0.4


def test_a_cavity_all_wrapped_in_zones_has_no_place(cube: Hollowed) -> None:
    assert holes_of(cube, Zones(spheres=np.array([[0.0, 0.0, 0.0, 30.0]]))) == ()
    assert holes_of(cube, Zones(solids=(bvh.build(box((40, 40, 40))),))) == ()


def test_a_hole_does_not_run_into_the_part_itself() -> None:
    """A block that stands 2 mm over a plate of its own: the way down is blocked."""
    block = box((30, 30, 30))
    plate = box((50, 50, 4), (0, 0, -19))
    hollowed = hollow(join([block, plate]), 3.0)
    low, high = find_holes(hollowed, 0, UP, 2, 3.5, Zones())
    assert abs(low.axis[2]) < 0.9
    assert high.axis[2] > 0.9


def test_no_more_holes_than_there_is_room_for() -> None:
    small = hollow(box((12, 12, 12)), 3.0)
    holes = find_holes(small, 0, UP, 20, 3.5, Zones())
    assert 2 <= len(holes) < 20
    at = np.array([hole.at_mm for hole in holes])
    gaps = np.linalg.norm(at[:, None] - at[None], axis=2)[~np.eye(len(at), dtype=bool)]
    assert gaps.min() >= 7.0
    assert inspect(drill(small, holes).mesh).closed


def test_the_gap_of_a_zone_is_exact() -> None:
    zones = Zones(spheres=np.array([[0, 0, 0, 2.0]]), boxes=np.array([[10.0, 0, 0, 12, 2, 2]]))
    points = np.array([[5.0, 0, 0], [1.0, 0, 0], [14.0, 4.0, 2.0], [11.0, 1, 1]])
    assert zones.gap_mm(points) == pytest.approx([3.0, -1.0, np.sqrt(8.0), 0.0])
