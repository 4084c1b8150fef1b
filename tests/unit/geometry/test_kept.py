"""What is left as it was is told from what is new, and is not looked at again without loss."""

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry.intersect import partners
from printprep.geometry.kept import crossing_again, in_both
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.solid import from_solid

BALL = from_solid(Manifold.sphere(10.0, 32))


def moved(mesh: Mesh, *offset: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(offset), mesh.faces)


def test_faces_are_the_same_by_their_corners_whatever_their_numbers_and_their_way_round() -> None:
    random = np.random.default_rng(2)
    order = random.permutation(len(BALL.vertices)).astype(np.int32)
    place = np.argsort(order).astype(np.int32)
    other = Mesh(BALL.vertices[order], np.roll(place[BALL.faces], 1, axis=1)[::-1, ::-1])
    one, two = in_both(BALL, other)
    assert one.all()
    assert two.all()
    soup = Mesh(BALL.triangles.reshape(-1, 3), np.arange(3 * len(BALL), dtype=np.int32).reshape(-1, 3))
    assert np.all(in_both(soup, BALL)[0])


def test_a_vertex_that_moved_makes_its_faces_new_and_no_others() -> None:
    vertices = BALL.vertices.copy()
    vertices[5, 0] = np.nextafter(vertices[5, 0], 99.0)
    one, two = in_both(BALL, Mesh(vertices, BALL.faces))
    touched = (BALL.faces == 5).any(axis=1)
    assert (one == ~touched).all()
    assert (two == ~touched).all()
    assert in_both(BALL, Mesh(BALL.vertices, BALL.faces[:7]))[0].sum() == 7


def spiked(mesh: Mesh, seed: int, count: int) -> Mesh:
    """``mesh`` with vertices moved so far that they run through others."""
    random, vertices = np.random.default_rng(seed), mesh.vertices.copy()
    pushed = random.choice(len(vertices), count, replace=False)
    vertices[pushed] += random.normal(0.0, 4.0, (count, 3))
    return Mesh(vertices, mesh.faces)


@pytest.mark.parametrize("seed", range(4))
def test_asking_only_for_what_is_new_finds_all_that_cross(seed: int) -> None:
    """New spikes through faces that stay, faces that crossed before and still do, and such that no longer do."""
    before = spiked(join([BALL, moved(BALL, 13, 0, 0)]), seed, 9)
    crossing = partners(before) >= 0
    random = np.random.default_rng(seed)
    after = spiked(Mesh(before.vertices, before.faces[random.permutation(len(before))[:-40]]), seed + 50, 5)
    found = crossing_again(before, crossing, after) >= 0
    assert (found == (partners(after) >= 0)).all()
    assert crossing.sum() != found.sum() > 0
