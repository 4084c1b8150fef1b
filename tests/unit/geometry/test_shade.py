"""The outline of a body with its supports."""

from __future__ import annotations

import numpy as np
import pytest

from printprep.geometry.nest import footprint
from printprep.geometry.shade import Under, grown, shaded
from printprep.geometry.solid import Manifold, from_solid

UNDER = Under(angle_deg=45.0, reach_mm=5.0, floor_mm=0.2)


def triangles(solid: Manifold) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return from_solid(solid).triangles


def box(outline: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
    return [*outline.min(axis=0), *outline.max(axis=0)]


def test_what_stands_on_the_bed_gets_no_supports() -> None:
    assert box(shaded(triangles(Manifold.cube((30, 20, 10))), UNDER)) == [0, 0, 30, 20]


def test_an_arm_needs_room_on_its_side_only() -> None:
    arm = Manifold.cube((10, 10, 20)) + Manifold.cube((40, 10, 4)).translate((0, 0, 16))
    outline = shaded(triangles(arm), UNDER)
    x0, y0, x1, y1 = box(outline)
    assert x0 >= 0.0  # under the arm, from x = 10 on, less 5
    assert x1 == pytest.approx(45.0, abs=0.2)
    assert y0 == pytest.approx(-5.0, abs=0.2)
    assert y1 == pytest.approx(15.0, abs=0.2)
    assert box(shaded(triangles(arm), None)) == [0, 0, 40, 10]


def test_supports_under_a_ball_stay_in_its_shadow_while_they_reach_less_than_it_curves() -> None:
    ball = triangles(Manifold.sphere(50.0, 256))
    edge_mm = 50.0 * np.cos(np.radians(45.0))  # overhang begins there
    assert box(shaded(ball, UNDER))[2] == pytest.approx(50.0, abs=1e-6)
    wide = Under(angle_deg=45.0, reach_mm=20.0, floor_mm=0.2)
    assert box(shaded(ball, wide))[2] == pytest.approx(edge_mm + 20.0, abs=1.0)


def test_pins_to_come_belong_to_the_outline() -> None:
    extra = np.array([[30.0, 10.0, 12.0]])
    assert box(shaded(triangles(Manifold.cube((20, 20, 20))), UNDER, extra)) == [0, 0, 30, 20]


def test_a_grown_outline_holds_all_that_is_so_near() -> None:
    square = footprint(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]))
    around = grown(square, 2.0)
    angle = np.linspace(0.0, 2.0 * np.pi, 100)
    circle = 2.0 * np.column_stack([np.cos(angle), np.sin(angle)])
    edge = np.roll(around, -1, axis=0) - around
    for x, y in (square[:, None] + circle[None]).reshape(-1, 2):
        outward = edge[:, 1] * (x - around[:, 0]) - edge[:, 0] * (y - around[:, 1])
        assert (outward <= 1e-9).all()
    assert box(around) == pytest.approx([-2.0, -2.0, 12.0, 12.0], abs=0.05)
