import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry.bvh import build, nearest, winding
from printprep.geometry.mesh import Bool, Float, Mesh, join
from printprep.geometry.side import inside
from printprep.geometry.solid import from_solid
from printprep.geometry.twoway import TwoWay, two_way
from printprep.geometry.weld import weld_vertices

CUBE = from_solid(Manifold.cube((10, 10, 10)))


def moved(mesh: Mesh, by_mm: tuple[float, float, float]) -> Mesh:
    return Mesh(mesh.vertices + np.array(by_mm), mesh.faces)


def compared(a: Mesh, b: Mesh) -> TwoWay:
    return two_way(a, b, samples=20_000)


def test_a_larger_cube_is_as_far_outside_as_its_corners_and_the_smaller_as_far_inside_as_its_sides() -> None:
    larger = Mesh((CUBE.vertices - 5.0) * 1.2 + 5.0, CUBE.faces)
    found = compared(CUBE, larger)
    assert found.there.max_mm == pytest.approx(1.0)
    assert found.there.inside_mm == pytest.approx(1.0)
    assert found.there.outside_mm == 0.0
    assert found.back.max_mm == found.hausdorff_mm == pytest.approx(np.sqrt(3.0))
    assert found.back.outside_mm == pytest.approx(np.sqrt(3.0))
    assert found.back.inside_mm == 0.0
    assert found.there.bias_mm == pytest.approx(-1.0)
    assert found.there.rms_mm == pytest.approx(1.0)
    assert found.there.samples == 8 + 10_000


def test_a_knob_on_one_of_two_cubes_is_seen_from_that_cube_alone_and_placed() -> None:
    knob = from_solid(Manifold.cube((10, 10, 10)) + Manifold.cylinder(4.0, 0.5, 0.5, 32).translate((3, 7, 9)))
    found = compared(CUBE, knob)
    assert 0.3 < found.there.max_mm <= 0.5  # the knob's foot covers a disc of the cube, met by few samples
    assert found.back.max_mm == pytest.approx(3.0)
    place = found.back.places[0]
    assert np.hypot(place.where_mm[0] - 3, place.where_mm[1] - 7) <= 0.5 + 1e-9
    assert (place.where_mm[2], place.nearest_mm[2]) == pytest.approx((13.0, 10.0))
    assert place.off_mm == pytest.approx(3.0)


def test_the_same_surface_is_nowhere_off() -> None:
    found = compared(CUBE, CUBE)
    assert found.hausdorff_mm == pytest.approx(0.0, abs=1e-12)
    assert found.there.places == ()
    assert np.abs(found.there.by_vertex_mm).max() < 1e-12


def test_of_an_open_or_reversed_surface_there_is_no_inside() -> None:
    for other in (Mesh(CUBE.vertices, CUBE.faces[1:]), CUBE.flipped()):
        found = compared(moved(CUBE, (0.1, 0, 0)), other)
        assert found.there.outside_mm is None
        assert found.there.bias_mm is None
        assert found.back.outside_mm == pytest.approx(0.1)


def test_places_are_apart_and_the_worst_first() -> None:
    two = from_solid(
        Manifold.cube((10, 10, 10))
        + Manifold.cube((1, 1, 4)).translate((1, 1, 9))
        + Manifold.cube((1, 1, 3)).translate((8, 8, 9))
    )
    places = compared(CUBE, two).back.places
    assert [place.off_mm for place in places] == pytest.approx([3.0, 2.0])


def test_vertices_that_no_face_uses_have_no_distance() -> None:
    loose = Mesh(np.vstack([CUBE.vertices, [[99, 99, 99]]]), CUBE.faces)
    found = compared(loose, moved(CUBE, (0, 0, 0.5)))
    assert np.isnan(found.there.by_vertex_mm[-1])
    assert np.nanmax(np.abs(found.there.by_vertex_mm)) == pytest.approx(0.5)
    assert found.there.max_mm == pytest.approx(0.5)


def star() -> Mesh:
    """Sharp outward and inward edges and corners, and a cavity."""
    cube = Manifold.cube((6, 6, 6), True)
    return from_solid(cube + cube.rotate((45, 0, 45)) + cube.rotate((0, 45, 20)) - Manifold.cube((2, 2, 2), True))


def by_side(mesh: Mesh, points: Float) -> tuple[Bool, Bool]:
    mesh = weld_vertices(mesh)
    tree = build(mesh)
    _, face, weights = nearest(tree, points)
    return inside(mesh, tree, points, face, weights), winding(tree, points) > 0


def test_sides_told_by_normals_are_those_told_by_going_around() -> None:
    points = np.random.default_rng(0).uniform(-7, 7, (20_000, 3))
    told, counted = by_side(star(), points)
    assert np.array_equal(told, counted)
    assert counted.sum() > 1000


def test_a_needle_and_a_sheet_of_no_thickness_have_sides_all_the_same() -> None:
    needle = from_solid(Manifold.cylinder(20.0, 0.02, 0.0, 5))
    sheet = from_solid(Manifold.cube((5, 5, 1e-3)).translate((3, 3, 3)))
    points = np.random.default_rng(1).normal(0.0, 0.05, (3000, 3)) + np.linspace(0, 20, 3000)[:, None] * [0, 0, 1]
    points = np.concatenate([points, points + 3.0])
    told, counted = by_side(join([needle, sheet]), points)
    assert np.array_equal(told, counted)
