"""Each shell counts for itself: what one body goes around the wrong way takes nothing from another one."""

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry import voxel
from printprep.geometry.bvh import build, winding
from printprep.geometry.matter import Matter, counted, matter_of
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.rebuild import rebuild
from printprep.geometry.repair import repair
from printprep.geometry.shells import enclosed
from printprep.geometry.solid import from_solid, subtract, to_solid, union

BALL = from_solid(Manifold.sphere(10.0, 48))


def moved(mesh: Mesh, *offset: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(offset), mesh.faces)


def folded(above_mm: float) -> Mesh:
    """The ball with its cap above a height pushed down, through its bottom and out: below, it is a fold inside out."""
    vertices = BALL.vertices.copy()
    vertices[vertices[:, 2] > above_mm, 2] -= 26.0
    return Mesh(vertices, BALL.faces)


IN_FOLD, IN_BALL_ONLY, IN_FOLDED_ONLY, NOWHERE = (
    (0.01, 0.02, -12.0),
    (6.0, 0.3, -14.0),
    (7.0, 0.3, 1.0),
    (0.0, 0.0, 20.0),
)
BELOW = moved(BALL, 0, 0, -14)
POINTS = np.array([IN_FOLD, IN_BALL_ONLY, IN_FOLDED_ONLY, NOWHERE])


def test_a_fold_inside_out_takes_nothing_from_the_ball_that_it_lies_in() -> None:
    both = join([folded(9.0), BELOW])
    assert winding(build(both), POINTS).tolist() == [0, 1, 1, 0]  # the sum: as if nothing were in the fold
    assert matter_of(both).at(POINTS).tolist() == [True, True, True, False]
    assert matter_of(both.flipped()).at(POINTS).tolist() == [True, True, True, False]


def test_a_fold_that_lies_in_nothing_is_void() -> None:
    assert not matter_of(folded(9.0)).at(np.array([IN_FOLD])).any()
    assert not matter_of(join([folded(9.0), moved(BALL, 40, 0, 0)])).at(np.array([IN_FOLD])).any()


@pytest.mark.parametrize("above_mm", [9.0, 9.7])
def test_repair_keeps_what_is_in_the_fold(above_mm: float) -> None:
    """Whether the fold is mended or the bodies are united as they are."""
    result = repair(join([folded(above_mm), BELOW]))
    assert result.refusal is None
    to_solid(result.mesh)
    assert winding(build(result.mesh), POINTS).tolist() == [1, 1, 1, 0]
    alone = enclosed(folded(above_mm), 1000).solid_mm3
    shared = alone + BALL.volume_mm3 - result.mesh.volume_mm3
    assert 0 < shared < alone  # the matter of both, once
    assert not winding(build(result.mesh), np.array([[0.01, 0.02, 5.0]])).any()  # the shaft that the cap left


def test_volumes_and_grids_count_as_the_points_do() -> None:
    both = join([folded(9.0), BELOW])
    exact = repair(both).mesh
    by_columns = enclosed(both, 1000, counted(both))
    assert by_columns.solid_mm3 == pytest.approx(exact.volume_mm3, rel=1e-4)
    assert enclosed(both, 1000).solid_mm3 < 0.96 * exact.volume_mm3  # all windings added up lose the fold
    grid = voxel.Grid.around(both, 0.4)
    inside = voxel.inside(both, grid, counted(both))
    assert inside.sum() * 0.4**3 == pytest.approx(exact.volume_mm3, rel=5e-3)
    anew = rebuild(both, 0.4)
    assert winding(build(anew), POINTS).tolist() == [1, 1, 1, 0]
    assert anew.volume_mm3 == pytest.approx(exact.volume_mm3, rel=5e-3)


def test_shells_that_nothing_runs_through_stay_in_one_tree() -> None:
    cavity, body_in_it = from_solid(Manifold.sphere(6.0, 32)).flipped(), from_solid(Manifold.sphere(3.0, 32))
    nested = join([BALL, cavity, body_in_it, moved(BALL, 40, 0, 0)])
    found = matter_of(nested)
    assert not found.tangled
    points = np.array([[8.0, 0.1, 0.2], [4.5, 0.1, 0.2], [0.1, 0.2, 0.3], [40.1, 0.2, 0.3], [20.0, 0.1, 0.2]])
    assert found.at(points).tolist() == [True, False, True, True, False]
    assert counted(nested).kind.tolist() == [0]


def test_only_what_crosses_has_a_tree_of_its_own_and_a_cavity_stays_empty() -> None:
    cavity = moved(from_solid(Manifold.sphere(4.0, 32)), -4, 0, 0).flipped()
    neighbour, far = moved(BALL, 14, 0, 0), moved(BALL, 60, 0, 0)
    mesh = join([BALL, cavity, neighbour, far])
    found = matter_of(mesh)
    assert [kind for _, kind in found.tangled] == [1, 1]
    points = np.array([[-4.0, 0.1, 0.2], [7.0, 0.1, 0.2], [20.0, 0.1, 0.2], [60.0, 0.1, 0.2], [-9.0, 0.1, 0.2]])
    assert found.at(points).tolist() == [False, True, True, True, True]
    random = np.random.default_rng(1).uniform(-12, 26, (2000, 3))
    solid = Matter(build(subtract(union(BALL, neighbour), cavity.flipped())))
    assert (found.at(random) == solid.at(random)).all()
