from __future__ import annotations

import numpy as np
import pytest

from printprep.gcode.motion import MotionLimits
from printprep.gcode.sketch import Sketch, chords, waves

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


def test_waves_are_longer_than_their_chords() -> None:
    path = waves(np.array([20.0]), 8.0, 2.0, 18)
    length_mm = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    assert 20.0 < length_mm < 30.0
