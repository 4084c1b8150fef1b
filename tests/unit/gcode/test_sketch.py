from __future__ import annotations

import numpy as np
import pytest

from printprep.gcode.motion import MotionLimits
from printprep.gcode.sketch import ALONG_EDGE, Sketch, chords, gyroid, waves

LIMITS = MotionLimits(jerk_mm_s=(1e-3, 1e-3, 0.4, 5.0), print_acceleration_mm_s2=1000.0)


def test_a_long_line_takes_a_ramp_up_its_length_and_a_ramp_down() -> None:
    sketch = Sketch()
    sketch.draw(0, np.array([[0.0, 0.0], [100.0, 0.0]]), 50.0)
    seconds, length_mm = sketch.times_s(LIMITS, None, 1)
    assert seconds[0] == pytest.approx(100.0 / 50.0 + 50.0 / 1000.0, rel=1e-2)
    assert length_mm[0] == pytest.approx(100.0)


def test_groups_are_timed_apart_and_the_way_between_them_is_not() -> None:
    sketch = Sketch()
    line = np.array([[0.0, 0.0], [10.0, 0.0]])
    for group, away in ((0, 0.0), (1, 1000.0), (1, -500.0)):
        sketch.draw(group, line + away, 50.0)
    seconds, length_mm = sketch.times_s(LIMITS, None, 3)
    assert seconds[1] == pytest.approx(2 * seconds[0], rel=1e-3)
    assert length_mm.tolist() == pytest.approx([10.0, 20.0, 0.0])
    assert seconds[2] == 0.0


def test_nothing_drawn_takes_nothing() -> None:
    assert Sketch().times_s(LIMITS, None, 2)[0].tolist() == [0.0, 0.0]


def test_chords_are_as_long_as_asked_and_run_to_and_fro() -> None:
    path = chords(np.array([4.0, 6.0]), 0.4)
    assert np.linalg.norm(np.diff(path, axis=0), axis=1)[[0, 2]].tolist() == pytest.approx([4.0, 6.0])
    assert np.sign(np.diff(path[:, 0]))[[0, 2]].tolist() == [1.0, -1.0]


def test_from_chord_to_chord_the_path_follows_edges_that_run_any_way() -> None:
    links = np.diff(chords(np.full(500, 4.0), 0.4), axis=0)[1::2]
    assert np.hypot(*links.T).mean() == pytest.approx(0.4 * ALONG_EDGE, rel=0.01)
    assert np.abs(links[:, 1]) == pytest.approx(np.full(499, 0.4))


def test_what_is_broken_stands_still_and_takes_no_time_between() -> None:
    whole, broken = Sketch(), Sketch()
    path = chords(np.full(10, 4.0), 0.4)
    whole.draw(0, path, 50.0)
    broken.draw(0, path, 50.0, starts=np.arange(0, 20, 2, dtype=np.int32))
    (_, whole_mm), (broken_s, broken_mm) = (sketch.times_s(LIMITS, None, 1) for sketch in (whole, broken))
    assert broken_mm[0] == pytest.approx(40.0)
    assert whole_mm[0] > broken_mm[0]
    assert broken_s[0] == pytest.approx(10 * 2 * np.sqrt(4.0 / 1000.0), rel=0.05)  # each from rest to rest


@pytest.mark.parametrize("height", [0.0, 0.5, 1.0, 2.5, 10.0])
def test_a_wave_lies_on_the_gyroid(height: float) -> None:
    y, x = gyroid(height, 36), np.linspace(0.0, 2 * np.pi, 37)
    z = (height + np.pi / 4) % (np.pi / 2) - np.pi / 4
    assert np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x) == pytest.approx(
        np.zeros(37), abs=1e-9
    )
    assert y[0] == pytest.approx(y[-1])


def test_waves_are_longer_than_their_chords() -> None:
    path, first = waves(np.array([20.0, 10.0]), gyroid(0.0, 18), 8.0)
    length_mm = np.linalg.norm(np.diff(path[: first[1]], axis=0), axis=1).sum()
    assert 20.0 < length_mm < 30.0
    assert path[first[1] - 1, 0] == pytest.approx(20.0)
    assert path[first[1], 0] == pytest.approx(10.0)  # back
