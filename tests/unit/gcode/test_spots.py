"""Masks of a raster: their edges, their large areas, the sections without plastic, and windows of windows."""

from __future__ import annotations

import numpy as np
import pytest

from printprep.gcode.canvas import Canvas
from printprep.gcode.spots import as_image, bare_sections, distances_of, edge_of, large_of, window_of, within


@pytest.mark.parametrize("reach_px", [0.5, 1.0, 1.4, 2.6, 3.5, 5.0])
def test_the_edge_is_what_is_near_what_lies_beyond(reach_px: float) -> None:
    image = np.random.default_rng(7).random((60, 80)) > 0.01
    image[20:45, 25:70] = True
    image[:5] = False
    mask = as_image(image)
    expected = distances_of(mask) <= reach_px
    assert np.array_equal(edge_of(mask, reach_px) > 0, expected)
    assert 0 < expected.sum() < expected.size


def test_what_fills_all_of_the_raster_has_no_edge() -> None:
    assert not edge_of(np.ones((9, 12), np.uint8), 3.5).any()


def test_a_window_of_a_window() -> None:
    image = np.zeros((30, 40), np.uint8)
    image[10:20, 5:35] = 1
    image[12:15, 8:11] = 2
    whole = window_of(image)
    assert whole is not None
    inner = window_of(as_image(image[whole] == 2))
    assert inner is not None
    assert np.array_equal(image[within(whole, inner)], image[whole][inner])
    assert image[within(whole, inner)].shape == (5, 5)


def test_a_window_at_the_rim_ends_there() -> None:
    image = np.zeros((10, 10), np.uint8)
    image[2:8, 2:8] = 1
    whole = (slice(2, 8), slice(2, 8))
    inner = (slice(3, 9), slice(0, 9))  # a window of a mask that touches its rim may reach beyond
    assert image[within(whole, inner)].shape == image[whole][inner].shape == (3, 6)


def test_areas_that_are_large_enough_for_a_spot() -> None:
    canvas = Canvas(lower_mm=np.zeros(2), shape=(20, 30), pixel_mm=0.1)
    mask = np.zeros(canvas.shape, np.uint8)
    mask[2:5, 2:5] = 1  # 9 pixels, 0.09 mm2
    assert not large_of(canvas, mask).any()
    mask[10:12, 10:15] = 1  # 10 pixels, 0.1 mm2
    found = large_of(canvas, mask)
    assert found[10:12, 10:15].all()
    assert found.sum() == 10
    mask[5, 5] = 1  # touches the first at its corner
    assert large_of(canvas, mask).sum() == 20


def test_only_sections_with_next_to_no_plastic_that_lie_open_are_bare() -> None:
    wanted = np.zeros((30, 80), np.uint8)
    for left in (2, 22, 42, 62):
        wanted[5:25, left : left + 15] = 1
    wanted[:, 60:62] = wanted[:5, 60:] = wanted[25:, 60:] = 2  # around most of the fourth
    bare = np.ones_like(wanted)
    bare[5:25, 22:24] = 0  # two of fifteen columns of the second
    bare[5:12, 42] = 0  # seven pixels of three hundred of the third
    part, others = as_image(wanted == 1), as_image(wanted == 2)
    lost = np.zeros_like(part)
    lost[15:20] = part[15:20] & bare[15:20]
    found = bare_sections(part, bare, lost, others, 0.4)
    assert [found[5:25, left : left + 15].all() for left in (2, 22, 42, 62)] == [True, False, True, False]
    assert found.sum() == 600
    assert bare_sections(part, bare, lost, others, 0.9).sum() == 900
    assert not bare_sections(part, bare, np.zeros_like(part), others, 0.4).any()
