from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from printprep.errors import InputError
from printprep.gcode.beads import Beads, beads
from printprep.gcode.read import read_gcode
from printprep.report.shown import COLOURS, show
from tests.unit.gcode.sliced import Box, write

LEFT = Box(name="left", low_mm=(20, 20, 0), high_mm=(30, 30, 2))
RIGHT = Box(name="right", low_mm=(40, 20, 0), high_mm=(50, 30, 1), tool=1)


@pytest.fixture
def laid(tmp_path: Path) -> Beads:
    return beads(read_gcode(write(tmp_path / "a.gcode", [LEFT, RIGHT], layers=10)))


def pixels(png: bytes) -> np.ndarray:
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded[:, :, ::-1].astype(int)


def near(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Pixels of that hue, however bright."""
    level = picture.max(axis=2, keepdims=True) / max(colour)
    return np.asarray((np.abs(picture - np.array(colour) * level) < 12).all(axis=2) & (picture.min(axis=2) < 200))


def test_a_layer_shows_each_tool_where_it_prints(laid: Beads) -> None:
    shown = show(laid, by="tool", layer=3)
    assert shown.z_mm == pytest.approx(0.6)
    assert shown.legend == {"T0": COLOURS[0], "T1": COLOURS[1]}
    picture = pixels(shown.png)
    half = picture.shape[1] // 2
    left, right = near(picture, COLOURS[0]), near(picture, COLOURS[1])
    assert left[:, :half].mean() > 0.4
    assert not left[:, half:].any()
    assert right[:, half:].mean() > 0.4
    assert not right[:, :half].any()


def test_above_a_part_its_tool_is_not_there(laid: Beads) -> None:
    assert show(laid, by="tool", layer=9).legend == {"T0": COLOURS[0]}


def test_the_whole_by_feature(laid: Beads) -> None:
    shown = show(laid, by="feature")
    assert list(shown.legend) == ["External perimeter", "Perimeter"]
    assert shown.z_mm is None
    assert near(pixels(shown.png), COLOURS[0]).mean() > 0.05


def test_a_layer_that_is_not_there(laid: Beads) -> None:
    with pytest.raises(InputError, match="no layer 11: the file has 1 to 10"):
        show(laid, by="tool", layer=11)


def test_a_range_of_layers_is_seen_from_the_side(laid: Beads) -> None:
    shown = show(laid, by="tool", layer=6, last=9)
    assert shown.legend == {"T0": COLOURS[0]}  # the right one ends below
    assert shown.z_mm == pytest.approx(1.8)
    whole, some = (near(pixels(show(laid, by="tool", layer=1, last=to).png), COLOURS[1]).any() for to in (10, 5))
    assert whole
    assert some
    with pytest.raises(InputError, match="no layer 11"):
        show(laid, by="tool", layer=6, last=11)
    with pytest.raises(InputError, match="layers 6 to 5 are none"):
        show(laid, by="tool", layer=6, last=5)
