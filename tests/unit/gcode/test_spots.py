"""Masks of a raster: their edges, and windows of windows."""

from __future__ import annotations

import numpy as np
import pytest

from printprep.gcode.spots import as_image, distances_of, edge_of, window_of, within


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
