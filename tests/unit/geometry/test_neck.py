from __future__ import annotations

import numpy as np
import pytest
from manifold3d import Manifold

from printprep.geometry.hollow import hollow
from printprep.geometry.measure import inspect
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import from_solid


def dumbbell(bar_mm: float) -> Mesh:
    ball = Manifold.sphere(9, 48)
    bar = Manifold.cylinder(26, bar_mm / 2, bar_mm / 2, 48).rotate((0, 90, 0))
    return from_solid(ball + ball.translate((26, 0, 0)) + bar)


def test_a_narrow_neck_is_closed_where_it_is_narrow() -> None:
    done = hollow(dumbbell(6.5), 2.0, neck_mm=3.5)
    (neck,) = done.necks.closed
    assert neck.width_mm == pytest.approx(2.5, abs=0.5)
    assert 6.0 < neck.at_mm[0] < 20.0
    assert np.abs(neck.at_mm[1:]).max() < 1.5
    one, two = done.cavities
    assert one.volume_mm3 == pytest.approx(two.volume_mm3, rel=0.05)
    wall = min(abs(one.mesh.bounds_mm[k, 0] - two.mesh.bounds_mm[1 - k, 0]) for k in (0, 1))
    assert wall > 1.7  # of the wall in the neck
    for cavity in done.cavities:
        assert cavity.wall.min_mm > 1.98
        assert cavity.wall.mean_mm == pytest.approx(2.0, abs=0.005)
        assert cavity.wall.max_mm < 2.2  # what the neck's wall adds is no wall of the part
    found = inspect(done.mesh)
    assert (found.closed, found.bodies, found.self_intersecting_faces) == (True, 3, 0)


def test_a_wide_neck_stays_and_so_does_any_if_none_is_asked_for() -> None:
    for bar_mm, neck_mm in ((9.0, 3.5), (6.5, 0.0)):
        done = hollow(dumbbell(bar_mm), 2.0, neck_mm=neck_mm)
        assert len(done.cavities) == 1
        assert done.necks.closed == ()


def test_space_in_which_the_ball_fits_nowhere_is_filled() -> None:
    plate = from_solid(Manifold.cube((30, 30, 6)) + Manifold.cube((12, 12, 12)).translate((40, 0, 0)))
    done = hollow(plate, 2.0, neck_mm=3.0)
    (cavity,) = done.cavities
    assert cavity.volume_mm3 == pytest.approx(8.0**3, rel=0.02)
    assert done.necks.narrow_mm3 == pytest.approx(26 * 26 * 2, rel=0.15)
    assert len(hollow(plate, 2.0).cavities) == 2


def test_nothing_is_left_when_all_is_too_narrow() -> None:
    done = hollow(from_solid(Manifold.cube((30, 30, 6))), 2.0, neck_mm=3.0)
    assert done.cavities == ()
    assert done.necks.narrow_mm3 > 1000
