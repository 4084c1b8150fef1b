"""Letters for labels: strokes on a grid, drawn with an eight-cornered pen; no font file, the same shape everywhere.

Each glyph is a few polylines on a grid 4 wide and 6 high, written as pairs of digits (``"06"`` is x 0, y 6). Corners
are cut, so that O and 0, B and 8, S and 5 stay apart at the size of a nozzle: 0 has a bar across, I and 1 have feet.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from manifold3d import CrossSection, Manifold, OpType

from printprep.geometry.mesh import Float

GLYPHS: Final[dict[str, tuple[str, ...]]] = {
    "A": ("00 04 26 44 40", "02 42"),
    "B": ("00 06 36 45 44 33 03", "33 42 41 30 00"),
    "C": ("45 36 16 05 01 10 30 41",),
    "D": ("00 06 26 44 42 20 00",),
    "E": ("46 06 00 40", "03 33"),
    "F": ("46 06 00", "03 33"),
    "G": ("45 36 16 05 01 10 30 41 43 23",),
    "H": ("00 06", "40 46", "03 43"),
    "I": ("16 36", "26 20", "10 30"),
    "J": (
        "26 46",
        "36 31 20 10 01",
    ),
    "K": ("00 06", "46 03 40"),
    "L": ("06 00 40",),
    "M": ("00 06 23 46 40",),
    "N": ("00 06 40 46",),
    "O": ("10 01 05 16 36 45 41 30 10",),
    "P": ("00 06 36 45 44 33 03",),
    "Q": ("10 01 05 16 36 45 41 30 10", "22 40"),
    "R": ("00 06 36 45 44 33 03", "23 40"),
    "S": ("45 36 16 05 04 13 33 42 41 30 10 01",),
    "T": ("06 46", "26 20"),
    "U": ("06 01 10 30 41 46",),
    "V": ("06 20 46",),
    "W": ("06 10 23 30 46",),
    "X": ("00 46", "06 40"),
    "Y": ("06 23 46", "23 20"),
    "Z": ("06 46 00 40",),
    "0": ("10 01 05 16 36 45 41 30 10", "11 35"),
    "1": ("05 26 20", "00 40"),
    "2": ("05 16 36 45 44 00 40",),
    "3": ("06 46 24 33 42 41 30 10 01",),
    "4": ("30 36 02 42",),
    "5": ("46 06 03 33 42 41 30 00",),
    "6": ("46 16 05 01 10 30 41 42 33 03",),
    "7": ("06 46 10",),
    "8": ("13 04 05 16 36 45 44 33 13 02 01 10 30 41 42 33",),
    "9": ("00 30 41 45 36 16 05 04 13 43",),
    "-": ("13 33",),
    ".": ("20 20",),
    "_": ("00 40",),
    " ": (),
}
"""What can be written; small letters are written as capitals."""

PEN: Final = 0.16
"""Width of a stroke over the height of a letter: two lines of a 0.4 mm nozzle at 5 mm."""

GAP: Final = 0.16
"""Free space between two letters over their height."""

_WIDE, _HIGH = 4, 6


def width_mm(text: str, height_mm: float) -> float:
    """Length of a line of text, from the first stroke's outer edge to the last one's."""
    return max(0.0, len(text) * _advance_mm(height_mm) - GAP * height_mm)


def outlines(text: str, height_mm: float) -> CrossSection:
    """The letters as areas, mm, the middle of the line of text at the origin, x along the line and y up.

    Parameters
    ----------
    text
        Of characters in :data:`GLYPHS`; small letters become capitals.
    height_mm
        Of a capital with its stroke.

    Raises
    ------
    KeyError
        A character without a glyph.
    """
    pen, unit = PEN * height_mm, (1.0 - PEN) * height_mm / _HIGH
    start = np.array([pen / 2 - width_mm(text, height_mm) / 2, pen / 2 - height_mm / 2])
    strokes: list[CrossSection] = []
    for index, letter in enumerate(text.upper()):
        corner = start + np.array([index * _advance_mm(height_mm), 0.0])
        for line in GLYPHS[letter]:
            points = corner + unit * np.array([[int(c) for c in pair] for pair in line.split()], dtype=np.float64)
            strokes += [_stroke(a, b, pen) for a, b in pairwise(points)]
    return CrossSection.batch_boolean(strokes, OpType.Add) if strokes else CrossSection()


def prisms(text: str, height_mm: float, below_mm: float, above_mm: float) -> Manifold:
    """The letters as solids from ``below_mm`` under the plane of writing (z = 0) to ``above_mm`` over it."""
    return outlines(text, height_mm).extrude(below_mm + above_mm).translate((0.0, 0.0, -below_mm))


def _advance_mm(height_mm: float) -> float:
    """From one letter to the next."""
    return ((1.0 - PEN) * _WIDE / _HIGH + PEN + GAP) * height_mm


def _stroke(a: Float, b: Float, pen: float) -> CrossSection:
    """One straight stroke, half a pen longer at both ends, with eight corners instead of a round."""
    angle = np.pi / 8 + np.pi / 4 * np.arange(8)
    nib = pen / 2 / np.cos(np.pi / 8) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return CrossSection.hull_points(np.concatenate([a + nib, b + nib]))
