"""Specks are measured all at once, dropped only on wish, and every one that goes is written down."""

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry.mend import Record
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.repair import repair
from printprep.geometry.sizes import sizes
from printprep.geometry.solid import from_solid, to_solid
from printprep.geometry.specks import LISTED, crowd, drop_specks
from printprep.geometry.topology import MOST_BODIES

BALL = from_solid(Manifold.sphere(10.0, 48))
TETRA = Mesh(np.vstack([np.zeros(3), np.eye(3)]), np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32))


def moved(mesh: Mesh, *offset: float) -> Mesh:
    return Mesh(mesh.vertices + np.array(offset), mesh.faces)


def dust(count: int) -> Mesh:
    """So many tetrahedra of 1/6 mm3 beside the ball."""
    at = np.stack(np.unravel_index(np.arange(count), (25, 25, -(-count // 625))), axis=1) * 2.0 + [20, 0, 0]
    vertices = (at[:, None] + TETRA.vertices).reshape(-1, 3)
    return Mesh(vertices, (TETRA.faces + 4 * np.arange(count, dtype=np.int32)[:, None, None]).reshape(-1, 3))


def test_every_surface_is_measured_by_itself_far_from_the_origin_too() -> None:
    void = Mesh(BALL.vertices * 0.3, BALL.faces[:, ::-1])
    sheet = moved(Mesh(TETRA.vertices, TETRA.faces[1:]), 30, 0, 0)
    found = sizes(moved(join([BALL, void, moved(TETRA, 20, 0, 0), sheet]), 1e5, -1e5, 1e5))
    volumes = [BALL.volume_mm3, void.volume_mm3, 1 / 6, None]
    for got, wanted in zip(found.volume_mm3.tolist(), volumes, strict=True):
        assert wanted is None or got == pytest.approx(wanted, rel=1e-7)
    assert found.closed.tolist() == [True, True, True, False]
    assert found.voids.tolist() == [False, True, False, False]
    assert found.most_mm3[3] == pytest.approx(1.0)
    assert found.area_mm2[0] == pytest.approx(BALL.area_mm2)


def test_dropped_specks_and_voids_are_listed_largest_first_and_the_many_by_their_sum() -> None:
    void = Mesh(BALL.vertices * 0.05, BALL.faces[:, ::-1])
    record = Record()
    left = drop_specks(join([BALL, void, dust(LISTED + 50)]), 1.0, record)
    assert left.volume_mm3 == pytest.approx(BALL.volume_mm3)
    assert len(left) == len(BALL)
    assert "void" in record.steps[0].what
    assert len(record.steps) == LISTED + 1
    assert sum(step.dropped for step in record.steps) == LISTED + 51
    assert sum(step.volume_mm3 for step in record.steps) == pytest.approx(-(LISTED + 50) / 6 - void.volume_mm3)


def test_nothing_goes_when_nothing_else_would_stay() -> None:
    assert drop_specks(TETRA, 1.0, Record()) is TETRA
    assert drop_specks(BALL, 1.0, Record()) is BALL


def test_specks_stay_without_a_wish_and_go_with_one() -> None:
    mesh = join([BALL, dust(30)])
    assert repair(mesh).mesh is mesh
    result = repair(mesh, drop_below_mm3=1.0)
    assert to_solid(result.mesh).volume() == pytest.approx(BALL.volume_mm3)
    assert result.changed
    assert result.deviation is None  # from what the wish leaves


def test_a_crowd_is_refused_at_once_with_what_is_worth_keeping() -> None:
    mesh = join([BALL, dust(MOST_BODIES)])
    result = repair(mesh)
    assert result.refusal is not None
    assert f"{MOST_BODIES + 1} separate bodies" in result.refusal.reason
    assert "1 of them have 1 mm3 or more" in result.refusal.reason
    assert "drop_below_mm3" in result.refusal.reason
    assert repair(mesh, drop_below_mm3=1.0).refusal is None


def test_dust_alone_is_not_told_to_drop_all_of_itself() -> None:
    assert "drop_below_mm3" not in crowd(dust(10))


def test_loose_triangles_are_no_threshold() -> None:
    soup = Mesh(BALL.triangles.reshape(-1, 3) * 1.01, np.arange(3 * len(BALL), dtype=np.int32).reshape(-1, 3))
    assert "do not meet at their corners" in crowd(soup)
