import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry.mesh import Mesh, join
from printprep.geometry.solid import from_solid
from printprep.geometry.thickness import walls
from printprep.geometry.thin import Patch, patches


def thin(mesh: Mesh, limit_mm: float = 0.8, area_mm2: float = 2.0, loss_mm: float = 0.8) -> tuple[Patch, ...]:
    return patches(walls(mesh, cap_mm=limit_mm, spacing_mm=0.5), limit_mm, area_mm2=area_mm2, loss_mm=loss_mm)


def block_with_fin(thickness_mm: float, height_mm: float = 6.0) -> Mesh:
    fin = Manifold.cube((10, thickness_mm, height_mm + 1)).translate((0, 5, 9))
    return from_solid(Manifold.cube((10, 10, 10)) + fin)


def test_a_fin_on_a_block_is_one_place_as_large_thick_and_deep_as_it_is() -> None:
    (patch,) = thin(block_with_fin(0.5))
    assert patch.area_mm2 == pytest.approx(2 * 10 * 6, rel=0.15)
    assert patch.least_mm == pytest.approx(0.5, abs=1e-9)
    assert patch.loss_mm == pytest.approx(6.0, abs=0.8)
    assert patch.where_mm[2] == pytest.approx(16.0, abs=0.5)


def test_a_fin_that_is_thick_enough_is_none() -> None:
    assert thin(block_with_fin(0.85)) == ()


def test_both_sides_of_a_wall_are_one_place_and_two_fins_are_two() -> None:
    two = from_solid(
        Manifold.cube((10, 10, 10))
        + Manifold.cube((10, 0.5, 5)).translate((0, 2, 9))
        + Manifold.cube((10, 0.3, 7)).translate((0, 7, 9))
    )
    higher, lower = thin(two)
    assert (higher.least_mm, lower.least_mm) == pytest.approx((0.3, 0.5))


def test_a_speck_is_none() -> None:
    mesh = join(
        [from_solid(Manifold.cube((10, 10, 10))), from_solid(Manifold.cube((0.5, 0.5, 0.5)).translate((20, 0, 0)))]
    )
    assert thin(mesh) == ()
    assert len(thin(mesh, area_mm2=0.1)) == 1


@pytest.mark.parametrize(("angle_deg", "places"), [(90.0, 0), (50.0, 0), (15.0, 1)])
def test_the_edge_of_a_blade_counts_when_it_would_draw_back_far(angle_deg: float, places: int) -> None:
    half = np.radians(angle_deg / 2)
    tip = np.array([[0, 0], [10 * np.cos(half), -10 * np.sin(half)], [10 * np.cos(half), 10 * np.sin(half)]])
    blade = Manifold.hull_points(np.array([[x, y, z] for x, y in tip for z in (0.0, 20.0)]))
    found = thin(from_solid(blade))
    assert len(found) == places
    for patch in found:  # what an opening by a ball of 0.8 mm leaves of the edge
        assert patch.loss_mm == pytest.approx(0.4 / np.sin(half) - 0.4, abs=0.5)


def test_a_bar_that_is_flat_has_no_place_for_a_ball_though_its_sides_are_wide() -> None:
    (patch,) = thin(from_solid(Manifold.cube((20, 1.5, 0.3))))
    assert patch.loss_mm > 5.0
    assert patch.area_mm2 == pytest.approx(2 * 20 * 1.5, rel=0.05)


def test_a_rough_surface_is_not_thin() -> None:
    ball = from_solid(Manifold.sphere(6.0, 128))
    rough = Mesh(
        ball.vertices * (1 + 0.01 * np.random.default_rng(1).standard_normal((len(ball.vertices), 1))), ball.faces
    )
    assert thin(rough) == ()


def test_walls_measured_up_to_less_than_the_limit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"less than 0\.8 mm"):
        patches(walls(block_with_fin(0.5), cap_mm=0.5), 0.8, area_mm2=1.0, loss_mm=1.0)
