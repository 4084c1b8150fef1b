from __future__ import annotations

import math

import numpy as np
import pytest

from printprep.geometry.mesh import Float, Int
from printprep.geometry.raster import Panel, area_mm2, raster

PANEL = Panel(width_px=200, height_px=120, pixel_mm=(0.05, 0.05))
UNIT = Panel(width_px=8, height_px=6, pixel_mm=(1.0, 1.0))


def loops(*rings: list[tuple[float, float]] | Float) -> tuple[Float, Int]:
    arrays = [np.asarray(ring, dtype=np.float64) for ring in rings]
    starts = np.cumsum([0, *(len(a) for a in arrays)]).astype(np.int32)
    return np.concatenate(arrays), starts


def rectangle(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def circle(x: float, y: float, radius: float, points: int = 500) -> Float:
    angle = np.linspace(0, 2 * math.pi, points, endpoint=False)
    return np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)])


def shoelace(ring: Float) -> float:
    x, y = ring.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def test_whole_pixels_are_full_and_nothing_else() -> None:
    image = raster(*loops(rectangle(1, 2, 4, 5)), UNIT)
    expected = np.zeros((6, 8), np.uint8)
    expected[2:5, 1:4] = 255
    assert (image == expected).all()


def test_a_pixel_is_as_grey_as_it_is_covered() -> None:
    image = raster(*loops(rectangle(1.25, 2.5, 3.5, 3.0)), UNIT)
    assert image[2].tolist() == [0, 96, 128, 64, 0, 0, 0, 0]
    triangle = raster(*loops([(1, 1), (3, 1), (1, 3)]), UNIT)
    assert triangle[1, 1:4].tolist() == [255, 128, 0]
    assert triangle[2, 1:4].tolist() == [128, 0, 0]


@pytest.mark.parametrize("seed", range(6))
def test_area_is_kept_without_bias(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ring = circle(rng.uniform(3, 7), rng.uniform(2.5, 3.5), rng.uniform(0.2, 2.4), int(rng.integers(3, 400)))
    assert area_mm2(raster(*loops(ring), PANEL), PANEL) == pytest.approx(shoelace(ring), rel=2e-3)


def test_thin_walls_keep_their_area_whatever_way_they_lie() -> None:
    for turn in np.linspace(0, math.pi, 13):
        c, s = math.cos(turn), math.sin(turn)
        wall = np.array(rectangle(-2, -0.02, 2, 0.02)) @ np.array([[c, s], [-s, c]]) + [5, 3]
        assert area_mm2(raster(*loops(wall), PANEL), PANEL) == pytest.approx(0.16, rel=5e-3)


def test_holes_are_holes_and_islands_in_them_are_solid() -> None:
    image = raster(*loops(rectangle(0, 0, 8, 6), rectangle(1, 1, 7, 5)[::-1], rectangle(3, 2, 5, 4)), UNIT)
    assert image.sum() // 255 == 48 - 24 + 4
    assert image[3, 3] == 255
    assert image[1, 1] == 0


def test_overlapping_solids_are_united() -> None:
    image = raster(*loops(rectangle(0, 0, 4, 4), rectangle(2, 2, 6, 6)), UNIT)
    assert image.sum() // 255 == 16 + 16 - 4
    twice = raster(*loops(circle(4, 3, 2), circle(4, 3, 2)), UNIT)
    assert (twice[2:4, 3:5] == 255).all()


def test_solids_that_touch_leave_no_seam() -> None:
    image = raster(*loops(rectangle(0, 0, 3.3, 4), rectangle(3.3, 0, 6, 4)), UNIT)
    assert (image[:4, :6] == 255).all()


def test_an_inside_out_loop_alone_is_nothing() -> None:
    assert not raster(*loops(rectangle(1, 1, 4, 4)[::-1]), UNIT).any()


def test_what_lies_beyond_the_panel_is_cut_off() -> None:
    image = raster(*loops(rectangle(-5, -5, 4, 3)), UNIT)
    assert image.sum() // 255 == 12
    assert (raster(*loops(rectangle(-5, -5, 50, 50)), UNIT) == 255).all()
    for out in (rectangle(20, 1, 30, 2), rectangle(-9, 1, -2, 2), rectangle(1, 9, 2, 12)):
        assert not raster(*loops(out), UNIT).any()


def test_levels_of_grey() -> None:
    ring = circle(5, 3, 2.2)
    for levels in (1, 4, 16):
        image = raster(*loops(ring), PANEL, levels=levels)
        assert set(np.unique(image)) <= {round(k * 255 / levels) for k in range(levels + 1)}
        assert area_mm2(image, PANEL) == pytest.approx(shoelace(ring), rel=5e-3)


def test_pixels_need_not_be_square() -> None:
    panel = Panel(width_px=100, height_px=100, pixel_mm=(0.1, 0.05))
    assert area_mm2(raster(*loops(circle(5, 2.5, 2)), panel), panel) == pytest.approx(math.pi * 4, rel=2e-3)


def test_nothing_is_black() -> None:
    assert not raster(np.zeros((0, 2)), np.zeros(1, np.int32), UNIT).any()
