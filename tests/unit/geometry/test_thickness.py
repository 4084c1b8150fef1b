import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry.areas import face_normals
from printprep.geometry.balls import largest
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid
from printprep.geometry.thickness import thickness, walls


def plate(thickness_mm: float, side_mm: float = 20.0) -> Mesh:
    return from_solid(Manifold.cube((side_mm, side_mm, thickness_mm)))


def tube(wall_mm: float, segments: int = 96) -> Mesh:
    outer = Manifold.cylinder(30.0, 6.0, 6.0, segments)
    return from_solid(outer - Manifold.cylinder(30.0, 6.0 - wall_mm, 6.0 - wall_mm, segments))


def test_both_sides_of_a_plate_have_its_thickness_and_its_rim_has_its_width() -> None:
    found = walls(plate(1.0))
    flat = np.abs(found.spread.points[:, 2] - 0.5) > 0.49
    assert found.thickness_mm[flat] == pytest.approx(1.0, abs=1e-9)
    assert found.thickness_mm[~flat] == pytest.approx(20.0, abs=1e-9)


def test_the_wall_of_a_tube_is_exact_to_its_facets() -> None:
    found = walls(tube(1.0), cap_mm=2.0)
    side = (found.spread.points[:, 2] > 1.0) & (found.spread.points[:, 2] < 29.0)
    assert found.thickness_mm[side] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("segments", "off"), [(64, 0.04), (128, 0.01)])
def test_a_sphere_is_as_thick_as_its_diameter_to_the_square_of_its_facets(segments: int, off: float) -> None:
    found = walls(from_solid(Manifold.sphere(10.0, segments)))
    assert found.thickness_mm.max() <= 20.0 + 1e-9
    assert found.thickness_mm.min() >= 20.0 * (1 - off)


def test_a_cavity_is_a_wall_away_from_the_outside() -> None:
    body = from_solid(Manifold.cube((10, 10, 10)) - Manifold.cube((6, 6, 6)).translate((1, 2, 2)))
    found = walls(body)
    inside = (np.abs(found.spread.points - (4, 5, 5)) < 3 + 1e-9).all(axis=1)
    near = inside & (np.abs(found.spread.points[:, 0] - 1.0) < 1e-9)
    far = inside & (np.abs(found.spread.points[:, 0] - 7.0) < 1e-9)
    assert found.thickness_mm[near] == pytest.approx(1.0, abs=1e-9)
    assert found.thickness_mm[far] == pytest.approx(3.0, abs=1e-9)


def test_no_point_of_a_cube_is_thin_however_near_to_an_edge() -> None:
    assert walls(from_solid(Manifold.cube((10, 10, 10))), spacing_mm=0.3).thickness_mm == pytest.approx(10.0)


def test_a_wedge_is_as_thick_as_the_ball_between_its_sides() -> None:
    angle = np.radians(40.0)
    tip = Mesh(
        np.array([[0, 0, 0], [20, 0, 0], [20 * np.cos(angle), 0, 20 * np.sin(angle)]] * 2)
        + np.repeat([[0, -30, 0], [0, 30, 0]], 3, axis=0),
        np.array([[0, 1, 2], [3, 5, 4], [0, 3, 4], [0, 4, 1], [0, 2, 5], [0, 5, 3], [1, 4, 5], [1, 5, 2]]),
    )
    assert tip.volume_mm3 > 0
    found = walls(tip, spacing_mm=0.5)
    points = found.spread.points
    below = (np.abs(points[:, 2]) < 1e-9) & (points[:, 0] < 12) & (np.abs(points[:, 1]) < 20)
    assert below.sum() > 100
    assert found.thickness_mm[below] == pytest.approx(2 * points[below, 0] * np.tan(angle / 2), rel=1e-3)


def test_a_cap_leaves_thicker_places_out_and_changes_no_other() -> None:
    mesh = plate(1.0)
    whole, capped = walls(mesh), walls(mesh, cap_mm=2.0)
    assert np.isinf(capped.thickness_mm[whole.thickness_mm > 2.0]).all()
    kept = whole.thickness_mm < 2.0
    assert capped.thickness_mm[kept] == pytest.approx(whole.thickness_mm[kept])
    assert (capped.across[~kept] == -1).all()


def test_the_face_across_a_wall_is_on_its_other_side() -> None:
    mesh = plate(1.0)
    found = walls(mesh, cap_mm=2.0)
    top = found.spread.points[:, 2] > 0.99
    assert (mesh.triangles[found.across[top]][:, :, 2] == 0.0).all()


def test_every_vertex_has_the_least_thickness_of_its_faces() -> None:
    assert walls(plate(1.0)).by_vertex_mm == pytest.approx(1.0)
    loose = Mesh(np.vstack([plate(1.0).vertices, [[99, 99, 99]]]), plate(1.0).faces)
    assert np.isinf(walls(loose).by_vertex_mm[-1])


def test_sides_that_lie_on_each_other_have_no_thickness() -> None:
    sheet = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]])
    assert walls(Mesh(sheet, np.array([[0, 1, 2], [0, 2, 1]]))).thickness_mm == pytest.approx(0.0)


def test_a_single_face_and_a_flat_one_have_no_other_side() -> None:
    for corners in ([[0, 0, 0], [4, 0, 0], [0, 4, 0]], [[0, 0, 0], [4, 0, 0], [8, 0, 0]]):
        assert np.isinf(walls(Mesh(np.array(corners), np.array([[0, 1, 2]]))).thickness_mm).all()


def test_a_part_of_a_thousand_kilometres_is_measured_at_a_bounded_number_of_points() -> None:
    found = walls(from_solid(Manifold.cube((10, 10, 10))).transformed(np.diag([1e8, 1e8, 1e8, 1])), cap_mm=0.8)
    assert 100_000 < len(found.spread.points) < 2_100_000
    assert np.isinf(found.thickness_mm).all()


@pytest.mark.parametrize("cap_mm", [0.0, -1.0, float("nan")])
def test_a_cap_must_be_positive(cap_mm: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        walls(plate(1.0), cap_mm=cap_mm)


def test_figures_of_a_plate_are_its_thickness_and_of_its_rim_its_width() -> None:
    found = thickness(plate(1.0))
    assert found is not None
    assert (found.min_mm, found.p05_mm, found.median_mm) == pytest.approx((1.0, 1.0, 1.0))
    tall = thickness(plate(30.0, side_mm=10.0))
    assert tall is not None
    assert (tall.min_mm, tall.median_mm) == pytest.approx((10.0, 10.0))


def test_the_thinnest_place_is_where_it_is_thin() -> None:
    body = from_solid(Manifold.cube((10, 10, 10)) + Manifold.cube((10, 0.5, 6)).translate((0, 5, 9)))
    found = thickness(body)
    assert found is not None
    assert found.min_mm == pytest.approx(0.5)
    assert found.where_mm[2] > 10.0
    assert found.p05_mm == pytest.approx(0.5)
    assert found.median_mm == pytest.approx(10.0, rel=0.1)
    assert thickness(body) == found


def test_a_sheet_that_has_no_other_side_has_no_figures() -> None:
    assert thickness(Mesh(np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]]), np.array([[0, 1, 2]]))) is None


def test_a_rough_body_is_as_thick_with_groups_of_points_as_one_by_one() -> None:
    ball = from_solid(Manifold.sphere(6.0, 64) - Manifold.sphere(5.0, 48).translate((0.3, 0.2, 0.1)))
    random = np.random.default_rng(3)
    rough = Mesh(ball.vertices + random.normal(0.0, 0.05, ball.vertices.shape), ball.faces)
    together = walls(rough, cap_mm=2.0, spacing_mm=0.3)
    shuffled = random.permutation(len(together.spread.points))  # far from each other: a group of each
    over, tree = together.spread, together.spread.tree
    alone, _ = largest(tree, face_normals(tree.corners), over.points[shuffled], over.row[shuffled], 2.0)
    assert np.isfinite(alone).sum() > 1000
    assert np.array_equal(np.isfinite(alone), np.isfinite(together.thickness_mm[shuffled]))
    assert np.nan_to_num(alone, posinf=0) == pytest.approx(
        np.nan_to_num(together.thickness_mm[shuffled], posinf=0), abs=1e-8
    )
