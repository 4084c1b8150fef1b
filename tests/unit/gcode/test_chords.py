"""Into how many moves an arc is cut, and what a file may ask of the planner besides."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from printprep.errors import InputError
from printprep.gcode.layout import MOST_ROWS, Chords
from printprep.gcode.motion import MotionLimits, move_times_s
from printprep.gcode.read import Gcode, read_gcode


def read(tmp_path: Path, text: str, chords: Chords = Chords.FINE) -> Gcode:
    path = tmp_path / "a.gcode"
    path.write_text(text)
    return read_gcode(path, chords=chords)


@pytest.mark.parametrize(
    ("chords", "feed", "count"),
    [
        # a quarter of a circle of 10 mm is 15.708 mm
        (Chords.FINE, 3000, 25),  # 0.005 mm of sagitta is 0.0632 rad
        (Chords.MARLIN, 3000, 18),  # a quarter of 72
        (Chords.KLIPPER, 3000, 15),  # of 1 mm, rounded down
        (Chords.BUDDY, 3000, 16),  # of 50 mm/s / 50; 0.8 is added, then rounded down
        (Chords.BUDDY, 12000, 13),  # of sqrt(8 * 10 * 0.02) = 1.265 mm
        (Chords.REPRAP, 3000, 63),  # of 50 mm/s / 200
    ],
)
def test_an_arc_is_cut_as_the_firmware_cuts_it(chords: Chords, feed: int, count: int, tmp_path: Path) -> None:
    moves = read(tmp_path, f"G1 X10 Y0 F{feed}\nG3 X0 Y10 I-10 J0\n", chords).moves
    assert len(moves) - 1 == count
    assert np.hypot(*moves.position_mm[1:, :2].T) == pytest.approx(10)
    assert moves.position_mm[-1, :2] == pytest.approx([0, 10], abs=1e-9)


def test_a_small_arc_of_marlin_has_no_chord_below_a_tenth(tmp_path: Path) -> None:
    moves = read(tmp_path, "G1 X0.5 Y0 F3000\nG3 X0.5 Y0 I-0.5 J0\n", Chords.MARLIN).moves
    assert len(moves) - 1 == math.floor(math.pi / 0.1)  # and not 72


def test_as_many_settings_as_there_is_room_for_are_told_apart(tmp_path: Path) -> None:
    ways = [f"M204 P{100 + k % 500}\nG1 X{k % 7 + 1}\n" for k in range(4 * 500)]
    assert len(read(tmp_path, "".join(ways)).settings) == 1 + 500 - 1 + 1


def test_more_settings_than_that_are_refused(tmp_path: Path) -> None:
    ways = [f"M204 P{100 + k}\nG1 X{k % 7 + 1}\n" for k in range(MOST_ROWS + 10)]
    with pytest.raises(InputError, match="limits of motion in more than 4096 different ways"):
        read(tmp_path, "".join(ways))


def test_m400_waits_until_the_machine_stands(tmp_path: Path) -> None:
    one, two = "G1 X50 F6000\n", "G1 X100\n"
    limits = MotionLimits(steps_ahead=True)
    through, waited = (move_times_s(read(tmp_path, one + wait + two), limits).sum() for wait in ("", "M400\n"))
    assert waited - through == pytest.approx(100 / 1000, rel=0.01)  # braking from 100 mm/s and speeding up again
