"""What runs through itself is resolved where it does, rebuilt on a grid where that fails, or refused; never filled."""

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry import renew as renew_module
from printprep.geometry import uncross as uncross_module
from printprep.geometry.intersect import self_intersecting
from printprep.geometry.kept import in_both
from printprep.geometry.measure import inspect
from printprep.geometry.mend import Record, Refused
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.rebuild import rebuild
from printprep.geometry.renew import renew
from printprep.geometry.repair import repair
from printprep.geometry.shells import enclosed
from printprep.geometry.solid import from_solid, to_solid, union
from printprep.geometry.uncross import uncross, uncross_bodies
from printprep.geometry.weld import weld_vertices

BALL = from_solid(Manifold.sphere(10.0, 24))
CUBE = from_solid(Manifold.cube((10, 10, 10)))


def moved(mesh: Mesh, *offset: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(offset), mesh.faces)


def tube(path: np.ndarray, radius_mm: float, sides: int = 12) -> Mesh:
    """A closed tube along a path (n, 3) that never runs along z."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    one = np.cross(along, [0.0, 0.0, 1.0])
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(along, one)
    angle = 2 * np.pi * np.arange(sides) / sides
    rings = path[:, None] + radius_mm * (
        np.cos(angle)[None, :, None] * one[:, None] + np.sin(angle)[None, :, None] * two[:, None]
    )
    n = len(path)
    i, j = np.meshgrid(np.arange(n - 1), np.arange(sides), indexing="ij")
    a, b = i * sides + j, i * sides + (j + 1) % sides
    side = np.stack([a, b, b + sides, a, b + sides, a + sides], axis=-1).reshape(-1, 3)
    ring = np.arange(sides)
    first = np.stack([np.full(sides, n * sides), np.roll(ring, -1), ring], axis=1)
    last = np.stack(
        [np.full(sides, n * sides + 1), ring + (n - 1) * sides, np.roll(ring, -1) + (n - 1) * sides], axis=1
    )
    mesh = Mesh(np.concatenate([rings.reshape(-1, 3), path[[0, -1]]]), np.concatenate([side, first, last]))
    return mesh if mesh.volume_mm3 > 0 else mesh.flipped()


def crossing_tube() -> Mesh:
    """One body: a loop whose ends cross, so that a piece of it is enclosed twice."""
    t = np.linspace(-0.62, 0.62, 40)
    return tube(np.stack([20 * np.sin(2 * np.pi * t) * 1.0, 30 * t * t * 2 - 6, 0.9 * t], axis=1), 2.0)


def two_balls() -> Mesh:
    """Two balls that run through each other, in one mesh."""
    return join([BALL, moved(BALL, 9.3, 1.1, 0.3)])


def test_two_balls_in_one_mesh_become_their_union() -> None:
    result = repair(two_balls())
    assert result.refusal is None
    assert result.rebuilt is None
    assert result.mesh.volume_mm3 == pytest.approx(union(BALL, moved(BALL, 9.3, 1.1, 0.3)).volume_mm3, rel=1e-9)


@pytest.mark.parametrize("whole_below", [0, 20_000])
def test_what_is_enclosed_twice_is_resolved_exactly(whole_below: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncross_module, "_WHOLE_BELOW", whole_below)
    mesh = two_balls()
    done = uncross(mesh, 0.1)
    assert done is not None
    assert done.boxes == ()
    to_solid(done.mesh)
    assert not self_intersecting(done.mesh).any()
    assert done.mesh.volume_mm3 == pytest.approx(union(BALL, moved(BALL, 9.3, 1.1, 0.3)).volume_mm3, rel=1e-9)


def test_a_large_body_stays_bit_for_bit_far_from_where_it_crosses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncross_module, "_WHOLE_BELOW", 0)
    mesh = crossing_tube()
    crossing = self_intersecting(mesh)
    done = uncross(mesh, 0.1, crossing)
    assert done is not None
    assert self_intersecting(done.mesh).sum() < crossing.sum()
    corners = mesh.triangles[crossing].reshape(-1, 3)
    far = np.linalg.norm(mesh.vertices[:, None] - corners[None], axis=2).min(axis=1) > 5.0
    kept = {tuple(row) for row in done.mesh.vertices.tolist()}
    assert far.sum() > 100
    assert all(tuple(row) in kept for row in mesh.vertices[far].tolist())


@pytest.mark.parametrize("whole_below", [0, 20_000])
def test_a_tube_that_crosses_itself_is_resolved(whole_below: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncross_module, "_WHOLE_BELOW", whole_below)
    mesh = crossing_tube()
    assert self_intersecting(mesh).any()
    volumes = enclosed(mesh)
    assert volumes.signed_mm3 > 1.005 * volumes.solid_mm3
    result = repair(mesh)
    assert result.refusal is None
    assert result.deviation is not None
    assert result.deviation.max_mm <= 0.5
    to_solid(result.mesh)
    assert not self_intersecting(result.mesh).any()
    assert result.mesh.volume_mm3 == pytest.approx(volumes.solid_mm3, rel=0.002)
    assert any("ran through others of their own body" in step.what for step in result.steps)


def test_only_what_is_around_a_box_is_made_anew_and_it_is_the_same_solid(monkeypatch: pytest.MonkeyPatch) -> None:
    ball = from_solid(Manifold.sphere(10.0, 128))
    boxes = [np.array([[8.0, -1.0, -1.0], [11.0, 1.0, 1.0]]), np.array([[-1.0, -1.0, 8.0], [1.0, 1.0, 11.0]])]
    piece = Manifold.cube((3.0, 2.0, 2.0)).translate((8.0, -1.0, -1.0))
    made = []
    for whole_below in (0, len(ball) + 1):
        monkeypatch.setattr(uncross_module, "_WHOLE_BELOW", whole_below)
        made.append(uncross_module._replaced(ball, to_solid(ball), [(boxes[0], piece), (boxes[1], None)]))
        to_solid(made[-1])
    assert made[0].volume_mm3 == pytest.approx(made[1].volume_mm3, rel=1e-12)
    far = (np.abs(ball.triangles).max(axis=(1, 2)) < 7.0) | (ball.triangles[..., 1].min(axis=1) > 3.0)
    assert np.isin(np.flatnonzero(far), np.flatnonzero(in_both(ball, made[0])[0])).all()
    assert abs(made[0].volume_mm3 - ball.volume_mm3) > 1.0


def test_a_body_that_crosses_nothing_stays_the_same_object() -> None:
    record = Record()
    assert uncross_bodies(BALL, record, 0.1) is BALL
    assert record == Record()


def test_a_cavity_is_kept_by_a_rebuild() -> None:
    inner = moved(from_solid(Manifold.cube((4, 4, 4))), 3, 3, 3).flipped()
    mesh = rebuild(join([CUBE, inner]), 0.25)
    assert inspect(mesh).clean
    assert inspect(mesh).bodies == 2
    assert mesh.volume_mm3 == pytest.approx(1000 - 64, rel=0.005)


def test_a_duplicated_inner_cube_facing_in_stays_a_cavity() -> None:
    inner = moved(from_solid(Manifold.cube((4, 4, 4))), 3, 3, 3)
    result = repair(weld_vertices(join([CUBE, inner.flipped(), inner.flipped()])))
    assert result.refusal is None
    assert result.mesh.volume_mm3 == pytest.approx(1000 - 64, rel=1e-9)


def test_a_rebuild_is_refused_when_it_would_fill_a_cavity() -> None:
    inner = moved(from_solid(Manifold.cube((4, 4, 4))), 3, 3, 3).flipped()
    other = moved(from_solid(Manifold.cube((20, 3, 3))), 4, 4, 4)
    mesh = join([CUBE, inner, other])
    with pytest.raises(Refused, match="would fill it"):
        renew(mesh, mesh, Record(), 0.5, Refused("for a test", tangled=True))


def test_a_rebuilt_ball_is_near_its_source_and_says_its_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renew_module, "MOST_POINTS", 60_000)
    record = Record()
    renewed = renew(BALL, BALL, record, 0.5, Refused("for a test", tangled=True))
    assert renewed.deviation is not None
    assert renewed.deviation.p95_mm <= 0.15 * renewed.step_mm
    assert renewed.mesh.volume_mm3 == pytest.approx(BALL.volume_mm3, rel=0.002)
    assert f"grid of {renewed.step_mm:.3f} mm" in record.steps[-1].what
    assert "for a test" in record.steps[-1].what


def test_a_refused_rebuild_leaves_the_record_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renew_module, "MOST_POINTS", 60_000)
    record = Record()
    with pytest.raises(Refused, match=r"for a test; rebuilt on a grid of .* mm: "):
        renew(BALL, BALL, record, 1e-9, Refused("for a test", tangled=True))
    assert record == Record()


def test_what_is_mostly_inside_out_is_not_rebuilt() -> None:
    mesh = join([BALL, moved(BALL, 30, 0, 0).flipped()])
    with pytest.raises(Refused, match="nobody can say whether they are matter"):
        renew(mesh, mesh, Record(), 0.5, Refused("for a test", tangled=True))


def test_a_box_is_rebuilt_alone_and_cut_off_flat() -> None:
    piece = rebuild(BALL, 0.2, np.array([[-2.0, -2.0, 6.0], [2.0, 2.0, 12.0]]))
    to_solid(piece)
    assert piece.bounds_mm[0] == pytest.approx([-2, -2, 6], abs=0.8)
    assert piece.bounds_mm[1] == pytest.approx([2, 2, 10], abs=0.8)


def test_a_cracked_ball_needs_no_rebuild() -> None:
    shaken = BALL.triangles.reshape(-1, 3) + np.random.default_rng(0).uniform(-1e-4, 1e-4, (3 * len(BALL), 3))
    result = repair(Mesh(shaken, np.arange(3 * len(BALL), dtype=np.int32).reshape(-1, 3)))
    assert result.refusal is None
    assert result.rebuilt is None


def test_a_soup_of_random_triangles_is_refused() -> None:
    corners = np.random.default_rng(1).uniform(0, 10, (600, 3))
    result = repair(Mesh(corners, np.arange(600, dtype=np.int32).reshape(-1, 3)))
    assert result.refusal is not None


def test_a_closed_tangle_is_refused() -> None:
    vertices = BALL.vertices[np.random.default_rng(2).permutation(len(BALL.vertices))]
    result = repair(Mesh(vertices, BALL.faces))
    assert result.refusal is not None
