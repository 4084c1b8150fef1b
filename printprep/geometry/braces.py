"""Braces: slanted bars between neighbouring pillars, without which tall thin ones sway and break in the peel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from printprep.geometry.mesh import Float

LINK_MM: Final = 10.0
"""Pillars farther apart are not joined; PrusaSlicer's default."""

SLENDER: Final = 15.0
"""Free length over diameter that a pillar may have: one of 1 mm may stand 15 mm high alone, as PrusaSlicer lets it."""

WIDEST: Final = 3.0
"""Times as thick at most is a pillar that nothing holds."""

BRACE_SHARE: Final = 0.6  # of a pillar's diameter
_FIRST_MM: Final = 2.0  # above the feet
_EVERY_MM: Final = 15.0  # of height a brace, between far pillars fewer
_MOST: Final = 3  # neighbours that a pillar is joined with
_ONE_MM: Final = 1.0  # nearer pillars are nearly one


@dataclass(frozen=True, slots=True, kw_only=True)
class Pillar:
    """The straight part of a trunk over its foot on the bed."""

    at_mm: tuple[float, float]
    low_mm: float
    high_mm: float
    diameter_mm: float

    @property
    def height_mm(self) -> float:
        """Of the straight part."""
        return self.high_mm - self.low_mm


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Brace:
    """A bar between the axes of two pillars."""

    start_mm: Float  # (3,)
    end_mm: Float  # (3,)
    diameter_mm: float


def braces(
    pillars: Sequence[Pillar], free: Callable[[Float, Float, float], bool]
) -> tuple[tuple[Brace, ...], tuple[float, ...]]:
    """Bars in zigzag between pillars that are too slender alone, and the diameter that each pillar needs.

    A pillar that finds no neighbour is made thicker, as far as there is room.

    Parameters
    ----------
    pillars
        All that stand on the bed.
    free
        Whether a bar from one point to another of some radius runs clear of the body.
    """
    slender = [pillar.height_mm > SLENDER / 2.0 * pillar.diameter_mm for pillar in pillars]
    joined = [0] * len(pillars)
    steadied = [0.0] * len(pillars)  # highest point that is held
    found: list[Brace] = []
    pairs = _pairs(pillars)
    apart = [pair[:2] for pair in pairs if pair[2] >= _ONE_MM]
    for most in (_MOST, len(pillars)):  # one that found no neighbour may then join any
        for one, two in apart:
            alone = not (joined[one] and joined[two]) if most > _MOST else True
            if not (alone and (slender[one] or slender[two])) or max(joined[one], joined[two]) >= most:
                continue
            bars = _zigzag(pillars[one], pillars[two], free)
            if bars:
                found += bars
                top = max(float(bar.end_mm[2]) for bar in bars)
                for k in (one, two):
                    joined[k] += 1
                    steadied[k] = max(steadied[k], top)
    for one, two, away in pairs:
        if away < _ONE_MM:
            steadied[one] = steadied[two] = max(steadied[one], steadied[two])
    return tuple(found), tuple(_width(p, held, free) for p, held in zip(pillars, steadied, strict=True))


def _width(pillar: Pillar, held_mm: float, free: Callable[[Float, Float, float], bool]) -> float:
    """Diameter that the free length of a pillar asks for, as far as there is room."""
    alone_mm = pillar.high_mm - max(held_mm, pillar.low_mm)
    wanted = min(alone_mm / SLENDER, WIDEST * pillar.diameter_mm)
    low, high = np.array([*pillar.at_mm, pillar.low_mm]), np.array([*pillar.at_mm, pillar.high_mm])
    for share in (1.0, 0.75, 0.5, 0.25):
        width = pillar.diameter_mm + share * (wanted - pillar.diameter_mm)
        if width > pillar.diameter_mm and free(low, high, width / 2.0):
            return width
    return pillar.diameter_mm


def _pairs(pillars: Sequence[Pillar]) -> list[tuple[int, int, float]]:
    """Neighbours and how far apart they are, the nearest first."""
    if len(pillars) < 2:
        return []
    at = np.array([pillar.at_mm for pillar in pillars])
    pairs = cKDTree(at).query_pairs(LINK_MM, output_type="ndarray")
    away = np.linalg.norm(at[pairs[:, 0]] - at[pairs[:, 1]], axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], np.round(away, 6)))
    return [(int(a), int(b), float(d)) for (a, b), d in zip(pairs[order], away[order], strict=True)]


def _zigzag(one: Pillar, two: Pillar, free: Callable[[Float, Float, float], bool]) -> list[Brace]:
    """Bars at 45 degrees that rise in turns from one pillar to the other, as many as run clear."""
    away = math.hypot(one.at_mm[0] - two.at_mm[0], one.at_mm[1] - two.at_mm[1])
    low, high = max(one.low_mm, two.low_mm) + _FIRST_MM, min(one.high_mm, two.high_mm)
    diameter = BRACE_SHARE * min(one.diameter_mm, two.diameter_mm)
    step = max(away + 1.0, _EVERY_MM)
    bars = []
    for k in range(max(0, math.floor((high - low - away) / step) + 1)):
        z = low + k * step
        first, second = (one, two) if k % 2 == 0 else (two, one)
        start, end = np.array([*first.at_mm, z]), np.array([*second.at_mm, z + away])
        if free(start, end, diameter / 2.0):
            bars.append(Brace(start_mm=start, end_mm=end, diameter_mm=diameter))
    return bars
