"""Moves that stand for others: paths drawn by the thousand, timed as a firmware would plan them.

A :class:`Sketch` collects paths in groups. Each group stands for so many times its own length (``scale``), so that a
few lines of a filling are drawn, and the corners and the lengths of moves, on which the time hangs, are the real ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from printprep.gcode.layout import SETTINGS, Event, Kind
from printprep.gcode.motion import Cornering, MotionProfile, move_times_s
from printprep.gcode.read import Counts, Events, Gcode, Moves
from printprep.geometry.mesh import Float, Int

_EDGES = np.arange(0.1, 1.0, 0.2)
_ASIDE = _EDGES / np.sqrt(1.0 - _EDGES**2)
ALONG_EDGE: Final = float(np.hypot(1.0, _ASIDE).mean())
"""How far it is along an edge from line to line, in mean, for each mm that they stand apart."""
_E_PER_MM = 0.03  # filament for each mm of a line: says only that it feeds


@dataclass(slots=True)
class Sketch:
    """Paths, in the order in which they are added; each begins where the one before it ended, after a stop."""

    _points: list[Float] = field(default_factory=list)
    _feed: list[Float] = field(default_factory=list)
    _feeds: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    _group: list[Int] = field(default_factory=list)

    def draw(
        self, group: int, points_mm: Float, speed_mm_s: float, *, prints: bool = True, starts: Int | None = None
    ) -> None:
        """A path of one speed through ``points_mm`` (n, 2); the way to its first point is not timed.

        ``starts`` are numbers of points at which it is broken: the way to each of them is not timed either.
        """
        n = len(points_mm)
        if n < 2:
            return
        which = np.full(n, group, np.int32)
        which[0] = -1
        if starts is not None:
            which[starts] = -1
        self._points.append(points_mm)
        self._feed.append(np.full(n, speed_mm_s))
        self._feeds.append(np.full(n, prints))
        self._group.append(which)

    def times_s(self, motion: MotionProfile, cornering: Cornering | None, groups: int) -> tuple[Float, Float]:
        """Time (g,) and length (g,) in mm of each group, as drawn."""
        if not self._points:
            return np.zeros(groups), np.zeros(groups)
        points, group = np.concatenate(self._points), np.concatenate(self._group)
        gcode = _gcode(points, np.concatenate(self._feed), np.concatenate(self._feeds), group < 0)
        seconds = move_times_s(gcode, motion, cornering).astype(np.float64)
        step = np.linalg.norm(np.diff(points, axis=0, prepend=points[:1]), axis=1)
        drawn = group >= 0
        return (
            np.bincount(group[drawn], seconds[drawn], groups).astype(np.float64),
            np.bincount(group[drawn], step[drawn], groups).astype(np.float64),
        )


def _gcode(points: Float, feed: Float, feeds: npt.NDArray[np.bool_], jumps: npt.NDArray[np.bool_]) -> Gcode:
    n, at = len(points), np.flatnonzero(jumps).astype(np.int64)
    position = np.zeros((n, 3))
    position[:, :2] = points
    step = np.linalg.norm(np.diff(points, axis=0, prepend=points[:1]), axis=1)
    small: Any = np.zeros(n, np.uint8)
    return Gcode(
        moves=Moves(
            position_mm=position,
            e_mm=np.where(feeds & ~jumps, _E_PER_MM * step, 0.0).astype(np.float32),
            feed_mm_s=feed.astype(np.float32),
            tool=small,
            feature=small,
            kind=(Kind.HOME * jumps).astype(np.uint8),  # a jump takes no time, and the machine rests after it
            setting=np.zeros(n, np.int16),
            layer=np.zeros(n, np.int32),
            line=np.zeros(n, np.int32),
        ),
        events=Events(
            kind=np.full(len(at), Event.HOME, np.uint8),
            at=at + 1,
            line=np.zeros(len(at), np.int32),
            value=np.zeros(len(at)),
            tool=np.zeros(len(at), np.int16),
        ),
        settings=np.full((1, SETTINGS), -1.0),
        objects=("",),
        features=("",),
        layer_z_mm=np.zeros(1),
        counts=Counts(
            lines=0,
            known=0,
            unknown=0,
            bad=0,
            overlong=0,
            overlong_line=0,
            longest_command=0,
            longest_command_line=0,
            commands={},
            first_line={},
        ),
    )


def chords(lengths_mm: Float, apart_mm: float) -> Float:
    """A path (2 n, 2) to and fro over lines of these lengths that stand ``apart_mm`` apart.

    From line to line it follows an edge, which runs any way: lines meet an edge that is turned by an angle from them
    in proportion to its sine, so the cosines of :data:`_EDGES` are even. One way round such a corner is sharper than
    the other, on which the speed hangs.
    """
    n = len(lengths_mm)
    points = np.zeros((2 * n, 2))
    points[:, 1] = np.repeat(np.arange(n) * apart_mm, 2)
    ends = np.column_stack([-lengths_mm / 2, lengths_mm / 2])
    ends += np.cumsum(np.resize(_ASIDE, n))[:, None] * apart_mm
    ends[1::2] = ends[1::2, ::-1]
    points[:, 0] = ends.ravel()
    return points


def gyroid(height: float, steps: int) -> Float:
    """A period (steps + 1,) of the wave in which a level plane cuts sin x cos y + sin y cos z + sin z cos x = 0.

    Parameters
    ----------
    height
        Of the plane, z. Every quarter of a period the waves run along the other axis.
    steps
        Chords a period.

    Returns
    -------
    y at ``steps + 1`` even steps of x, all in units of the period over 2 pi.
    """
    z = (height + math.pi / 4) % (math.pi / 2) - math.pi / 4
    x = np.linspace(0.0, 2 * math.pi, steps + 1)
    radius = np.hypot(np.sin(x), math.cos(z))  # the surface is radius * sin(y + angle) = -sin z cos x
    angle = np.arctan2(np.sin(x), math.cos(z))
    return np.asarray(np.arcsin(np.clip(-math.sin(z) * np.cos(x) / radius, -1.0, 1.0)) - angle, np.float64)


def waves(lengths_mm: Float, wave_mm: Float, period_mm: float) -> tuple[Float, Int]:
    """As :func:`chords`, along waves that stand half a period apart; ``wave_mm`` (s + 1,) is one, in even steps.

    Also the number of each line's first point.
    """
    steps = len(wave_mm) - 1
    paths: list[Float] = []
    for i, length_mm in enumerate(lengths_mm):
        n = max(math.ceil(length_mm / period_mm * steps), 1)
        x = np.minimum(np.arange(n + 1) * (period_mm / steps), length_mm)
        y = i * period_mm / 2 + np.interp(x % period_mm, np.linspace(0.0, period_mm, steps + 1), wave_mm)
        paths.append(np.column_stack([x if i % 2 == 0 else x[::-1], y if i % 2 == 0 else y[::-1]]))
    if not paths:
        return np.zeros((0, 2)), np.zeros(0, np.int32)
    first = np.cumsum([0, *(len(path) for path in paths[:-1])], dtype=np.int32)
    return np.concatenate(paths), first
