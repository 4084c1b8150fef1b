"""Takes directions from a long list, the best first: some that are really different, and neighbours of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.geometry.mesh import Bool, Float, Int

APART_DEG: Final = 10.0  # directions less apart than this are not really different
NEAR_DEG: Final = 4.0  # directions less apart than this are neighbours
PLAIN: Final = 0.002
"""What a step in plainness is worth: another tessellation of a shape changes scores by half of that, and with it the
order of two neighbours, but hardly ever that of two directions far enough apart to be of one plainness."""
TIE: Final = 1e-6  # scores nearer than this are one score


class Picker:
    """Takes rows of ``ups`` (n, 3) in the order of ``order``, each once, of those that are allowed."""

    def __init__(self, ups: Float, order: npt.NDArray[np.int64], allowed: Callable[[int], bool] | None = None) -> None:
        self._ups, self._order, self._allowed = ups, order, allowed
        self._known: dict[int, bool] = {}
        self._taken: list[int] = []

    @property
    def barred(self) -> int:
        """How many directions come before the first that is allowed."""
        return next((k for k, row in enumerate(self._order.tolist()) if self._known.get(row)), 0)

    @property
    def fits(self) -> bool:
        """Whether any that was asked for is allowed."""
        return self._allowed is None or any(self._known.values())

    def allows(self, row: int) -> bool:
        """Whether a row is allowed."""
        return self._may(row)

    def some(self, count: int, among: Bool) -> list[int]:
        """The next best rows among some, (n,), each apart from all that were taken."""
        return self._next(count, lambda row: bool(among[row]) and self._may(row))

    def different(self, count: int) -> list[int]:
        """The next best rows, each apart from all that were taken; if none at all is allowed, as if all were."""
        rows = self._next(count, self._may)
        if not rows and not self.fits:
            rows = self._next(count, lambda _: True)
        return rows

    def near(self, up: Float, count: int) -> list[int]:
        """The best rows around a direction that were not taken."""
        close = self._ups[self._order] @ up > np.cos(np.radians(NEAR_DEG))
        rows: list[int] = []
        for row in self._order[close].tolist():
            if len(rows) < count and row not in self._taken and (not self.fits or self._may(row)):
                rows.append(row)
        self._taken += rows
        return rows

    def _next(self, count: int, may: Callable[[int], bool]) -> list[int]:
        rows: list[int] = []
        apart = np.cos(np.radians(APART_DEG))
        free = np.ones(len(self._ups), np.bool_)
        for row in self._taken:
            free &= self._ups @ self._ups[row] < apart
        for row in self._order.tolist():
            if len(rows) == count:
                break
            if free[row] and may(row):
                rows.append(row)
                free &= self._ups @ self._ups[row] < apart
        self._taken += rows
        return rows

    def _may(self, row: int) -> bool:
        if row not in self._known:
            self._known[row] = self._allowed is None or self._allowed(row)
        return self._known[row]


def in_order(tier: Float, scores: Float, plain: Int, ups: Float, step: float = PLAIN) -> npt.NDArray[np.int64]:
    """Rows by tier, then by score with what plainness is worth; ties by the turn from +z, then by coordinates."""
    worth = scores + step * plain
    order = np.lexsort((worth, tier))
    level = np.zeros(len(scores))
    start = (0.0, -np.inf)
    for k, row in enumerate(order):
        if tier[row] != start[0] or worth[row] - start[1] > TIE:
            start = (tier[row], worth[row])
            level[row] = k
        else:
            level[row] = level[order[k - 1]]
    turn = np.round(np.degrees(np.arccos(np.clip(ups[:, 2], -1.0, 1.0))), 4)
    rounded = np.round(ups, 5)
    return np.lexsort((rounded[:, 2], -rounded[:, 1], -rounded[:, 0], turn, level))
