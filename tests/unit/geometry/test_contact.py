import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry.contact import clusters, contact_mm2, solid_bodies
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.solid import from_solid
from printprep.geometry.spread import spread


def box(size: tuple[float, float, float], at: tuple[float, float, float] = (0, 0, 0)) -> Mesh:
    return from_solid(Manifold.cube(size).translate(at))


def test_bodies_that_share_a_wall_hold_together_and_a_gap_parts_them() -> None:
    found = clusters([box((10, 10, 10)), box((5, 5, 5), (10, 0, 0)), box((4, 4, 4), (18, 0, 0))], 1.0)
    assert [cluster.bodies for cluster in found] == [(0, 1), (2,)]
    assert found[0].volume_mm3 == pytest.approx(1125.0)
    assert (found[0].gap_mm, found[0].nearest) == (0.0, None)
    assert found[1].gap_mm == pytest.approx(3.0)
    assert found[1].nearest == 1
    assert found[1].where_mm[0] == pytest.approx(18.0)


def test_a_hair_is_no_gap_but_a_tenth_of_a_millimetre_is() -> None:
    assert len(clusters([box((10, 10, 10)), box((5, 5, 5), (10.04, 0, 0))], 1.0)) == 1
    assert len(clusters([box((10, 10, 10)), box((5, 5, 5), (10.1, 0, 0))], 1.0)) == 2


def test_a_body_inside_another_is_held_and_one_in_its_cavity_is_not() -> None:
    assert len(clusters([box((20, 20, 20)), box((2, 2, 2), (9, 9, 9))], 1.0)) == 1
    hollow = from_solid(Manifold.cube((20, 20, 20)) - Manifold.cube((10, 10, 10)).translate((5, 5, 5)))
    _, loose = clusters([hollow, box((2, 2, 2), (9, 9, 9))], 1.0)
    assert loose.bodies == (1,)
    assert loose.gap_mm == pytest.approx(4.0)


def test_touching_in_a_corner_is_not_holding() -> None:
    _, loose = clusters([box((10, 10, 10)), box((5, 5, 5), (9.97, 9.97, 0))], 1.0)
    assert loose.gap_mm < 0.3
    assert len(clusters([box((10, 10, 10)), box((5, 5, 5), (8, 8, 0))], 1.0)) == 1


def test_the_contact_of_two_boxes_is_their_common_wall() -> None:
    one, two = (spread(mesh, 0.5) for mesh in (box((10, 10, 10)), box((5, 4, 5), (10, 0, 0))))
    assert contact_mm2(one, two, 1e9) == pytest.approx(20.0, rel=0.1)
    assert contact_mm2(two, one, 1e9) == pytest.approx(contact_mm2(one, two, 1e9))
    assert contact_mm2(one, spread(box((1, 1, 1), (30, 0, 0)), 0.5), 1.0) == 0.0


def test_a_chain_holds_together_whatever_the_order() -> None:
    chain = [box((10, 2, 2), (9.0 * i, 0, 0)) for i in range(6)]
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(6)
        (whole,) = clusters([chain[i] for i in order], 1.0)
        assert sorted(whole.bodies) == list(range(6))


def test_no_bodies_are_no_clusters() -> None:
    assert clusters([], 1.0) == ()


def test_the_bodies_of_a_mesh_come_with_their_cavities_the_largest_first() -> None:
    shell = from_solid(Manifold.cube((10, 10, 10)) - Manifold.cube((4, 4, 4)).translate((3, 3, 3)))
    mesh = join([box((2, 2, 2), (4, 4, 4)), box((0.5, 0.5, 0.5), (40, 0, 0)), shell, box((5, 5, 5), (20, 0, 0))])
    assert [solid.volume_mm3 for solid in solid_bodies(mesh, 1.0)] == pytest.approx([936.0, 125.0, 8.0])
    assert solid_bodies(box((0.5, 0.5, 0.5)), 1.0) != []  # the only body of a part is never too small
    assert solid_bodies(join([box((0.5, 0.5, 0.5)), box((0.5, 0.5, 0.5), (9, 0, 0))]), 1.0) == []


def test_of_ten_thousand_crumbs_the_largest_are_taken() -> None:
    at = np.stack(np.meshgrid(*[np.arange(22.0)] * 3), axis=-1).reshape(-1, 3)
    cube = box((1, 1, 1))
    size = np.linspace(0.3, 0.6, len(at))
    crumbs = Mesh(
        (cube.vertices * size[:, None, None] + at[:, None]).reshape(-1, 3),
        (cube.faces + 8 * np.arange(len(at))[:, None, None]).reshape(-1, 3),
    )
    found = solid_bodies(crumbs, 0.0)
    assert len(found) == 200
    assert found[0].volume_mm3 == pytest.approx(0.6**3)
