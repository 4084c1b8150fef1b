import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry.mesh import Mesh, join
from printprep.geometry.shape import Kind
from printprep.geometry.solid import from_solid
from printprep.geometry.survey import survey


def cube(side_mm: float, at: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Mesh:
    return from_solid(Manifold.cube((side_mm, side_mm, side_mm), True).translate(at))


def test_one_body_is_a_solid_of_its_size_volume_and_place() -> None:
    found = survey(cube(10, (3, 4, 5)))
    (body,) = found.bodies
    assert (found.count, body.number, body.kind, body.triangles) == (1, 1, Kind.SOLID, 12)
    assert (body.volume_mm3, body.area_mm2) == pytest.approx((1000.0, 600.0))
    assert body.where_mm == pytest.approx((3, 4, 5))
    assert body.size_mm == pytest.approx((10, 10, 10))


def test_bodies_within_bodies_are_told_apart_by_their_winding() -> None:
    mesh = join([cube(20), cube(12).flipped(), cube(6), cube(2)])
    found = survey(mesh)
    assert [body.kind for body in found.bodies] == [Kind.SOLID, Kind.CAVITY, Kind.LOOSE, Kind.NESTED]
    assert [body.inside for body in found.bodies] == [None, 1, 2, 3]
    assert [body.volume_mm3 for body in found.bodies] == pytest.approx([8000, 1728, 216, 8])


def test_a_body_turned_over_in_no_other_is_inside_out_and_one_with_a_hole_is_open() -> None:
    hole = Mesh(cube(5, (30, 0, 0)).vertices, cube(5, (30, 0, 0)).faces[2:])
    found = survey(join([cube(6).flipped(), hole]))
    assert [body.kind for body in found.bodies] == [Kind.INSIDE_OUT, Kind.OPEN]
    assert found.bodies[1].volume_mm3 is None


def test_a_body_that_is_there_twice_within_a_hair_is_a_twin() -> None:
    again = Mesh(cube(10).vertices + 0.005, cube(10).faces)
    found = survey(join([cube(10), again]))
    assert found.bodies[1].twin
    assert found.bodies[1].on == 1
    assert found.bodies[1].on_mm2 == pytest.approx(600.0, rel=0.01)
    assert not found.bodies[0].twin


def test_bodies_that_share_a_wall_lie_on_each_other_over_its_area() -> None:
    found = survey(join([cube(10), cube(6, (8.01, 0, 0))]))
    assert found.bodies[1].on == 1
    assert found.bodies[1].on_mm2 == pytest.approx(36.0, rel=0.1)
    assert not found.bodies[1].twin


def test_bodies_apart_or_touching_at_an_edge_do_not_lie_on_each_other() -> None:
    for at in ((8.1, 0.0, 0.0), (8.0, 8.0, 0.0)):
        assert survey(join([cube(10), cube(6, at)])).bodies[1].on is None


def test_bodies_that_run_through_each_other_only_come_near_where_they_cross() -> None:
    ball = from_solid(Manifold.sphere(5.0, 96))
    for body in survey(join([ball, Mesh(ball.vertices + np.array([6.0, 0.3, 0.2]), ball.faces)])).bodies:
        assert body.on is None


def test_specks_are_counted_among_all_bodies_and_cavities_are_none() -> None:
    many = [cube(0.2, (20 + k, 0, 0)) for k in range(300)]
    found = survey(join([cube(10), cube(0.5).flipped(), *many]), speck_mm3=1.0, speck_mm=0.4)
    assert (found.count, len(found.bodies)) == (302, 200)
    assert found.specks == 300
    assert found.specks_mm3 == pytest.approx(300 * 0.008)
    assert found.speck_mm is not None
    assert found.speck_mm[0] == pytest.approx(20.0, abs=0.2)
    assert len(found.of(Kind.CAVITY)) == 1


def test_a_mesh_without_faces_has_no_bodies() -> None:
    assert survey(Mesh(np.zeros((3, 3)), np.zeros((0, 3), np.int32))).count == 0
