"""The door to manifold3d lets only solids in, and says why not."""

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.errors import MeshError
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.shells import apart, enclosed, shells
from printprep.geometry.solid import from_solid, intersect, subtract, to_solid, union

CUBE = from_solid(Manifold.cube((2, 2, 2), center=True))


def moved(mesh: Mesh, *offset: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(offset), mesh.faces)


def test_a_solid_comes_out_as_it_went_in() -> None:
    again = from_solid(to_solid(CUBE))
    assert again.volume_mm3 == pytest.approx(8.0)
    assert len(again) == len(CUBE)


@pytest.mark.parametrize(
    ("mesh", "reason"),
    [
        (Mesh(CUBE.vertices, CUBE.faces[:, ::-1]), "inside out"),
        (Mesh(CUBE.vertices, CUBE.faces[1:]), "3 open edges"),
        (Mesh(CUBE.vertices, np.concatenate([CUBE.faces, CUBE.faces[:1]])), "more than two faces"),
        (Mesh(CUBE.vertices, np.concatenate([CUBE.faces[:1, ::-1], CUBE.faces[1:]])), "wound both ways"),
        (Mesh(CUBE.vertices * np.inf, CUBE.faces), "not finite"),
        (Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32)), "no triangles"),
    ],
)
def test_what_is_no_solid_is_refused_with_its_reason(mesh: Mesh, reason: str) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(MeshError, match=reason):
        to_solid(mesh)


def test_booleans_have_the_volumes_of_overlapping_cubes() -> None:
    other = moved(CUBE, 1, 1, 1)
    assert union(CUBE, other).volume_mm3 == pytest.approx(15.0)
    assert subtract(CUBE, other).volume_mm3 == pytest.approx(7.0)
    assert intersect(CUBE, other).volume_mm3 == pytest.approx(1.0)
    assert not apart(CUBE, other)


def test_overlap_of_one_inside_the_other_and_of_bodies_apart() -> None:
    small = Mesh(CUBE.vertices * 0.25, CUBE.faces)
    assert not apart(CUBE, small)
    assert not apart(small, CUBE)
    assert intersect(CUBE, small).volume_mm3 == pytest.approx(0.125)
    assert intersect(small, CUBE).volume_mm3 == pytest.approx(0.125)
    assert apart(CUBE, moved(CUBE, 5, 0, 0))
    assert intersect(CUBE, moved(CUBE, 5, 0, 0)).volume_mm3 == 0.0


def test_a_body_in_a_cavity_is_apart_from_the_wall_around_it() -> None:
    wall = join([CUBE, Mesh(CUBE.vertices * 0.5, CUBE.faces[:, ::-1])])
    seed = Mesh(CUBE.vertices * 0.25, CUBE.faces)
    assert apart(wall, seed)
    assert apart(seed, wall)
    assert not apart(CUBE, seed)
    assert not apart(wall, moved(seed, 0.9, 0, 0))


def test_shells_know_what_encloses_them() -> None:
    nest = join([Mesh(CUBE.vertices * s, CUBE.faces[:, :: (1 if s != 2 else -1)]) for s in (3, 2, 1)])
    found = shells(join([nest, moved(CUBE, 50, 0, 0)]))
    assert [s.inside for s in found] == [(), (0,), (0, 1), ()]
    assert [round(s.volume_mm3) for s in found] == [216, -64, 8, 8]
    assert found[3].thickness_mm == pytest.approx(2 * 8 / 24)


def test_columns_tell_what_is_enclosed_twice_and_the_wrong_way_round() -> None:
    twice = enclosed(join([CUBE, moved(CUBE, 1, 0, 0)]))
    assert twice.signed_mm3 - twice.solid_mm3 == pytest.approx(4.0, rel=0.02)
    turned = enclosed(Mesh(CUBE.vertices, CUBE.faces[:, ::-1]))
    assert turned.negative_mm3 == pytest.approx(8.0, rel=0.02)
    assert turned.solid_mm3 == 0.0
    right = enclosed(CUBE)
    assert right.signed_mm3 == right.solid_mm3 == pytest.approx(8.0, rel=0.02)
