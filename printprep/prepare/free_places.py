"""Free places on the bed beside the body, for what is printed apart from it: a tab, plugs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.ndimage import maximum_filter

from printprep.geometry.measure import sample
from printprep.geometry.mesh import Float, Mesh
from printprep.plan import Matrix
from printprep.prepare.draft import Draft

BESIDE_MM: Final = 5.0
"""Between a loose thing and the body, so that brims and supports stay apart."""

_OUTLINE: Final = 20_000  # points of a part that say where it stands, besides its vertices
_CELL_MM: Final = 1.0
_CELLS: Final = 1000  # a side at most, of a body of any size
_QUARTER: Final = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """Where a loose thing might stand."""

    cost: tuple[float, float]  # area of the box around all, distance from its middle; rounded
    matrix: Float  # (4, 4) from a tab flat on z = 0 to the case's frame

    def moved(self, mesh: Mesh) -> Mesh:
        """What stands on z = 0 around the origin, at this place."""
        return mesh.transformed(self.matrix)


def places(draft: Draft, size_mm: tuple[float, float]) -> list[Place]:
    """Places for a thing of that length and width, free to above, along and across, on every side; the best first."""
    turn = draft.rotation[:3, :3]
    body = np.concatenate([sample(part.mesh, _OUTLINE, 0).points for part in draft.parts]) @ turn.T
    found = []
    for size, pose in ((size_mm, np.eye(4)), (size_mm[::-1], _QUARTER)):
        for cost, at in _free_places(body, np.array(size) / 2.0):
            back = np.eye(4)
            back[:3, :3], back[:3, 3] = turn.T, turn.T @ np.append(at, body[:, 2].min())
            found.append(Place(cost=cost, matrix=back @ pose))
    return sorted(found, key=lambda place: place.cost)


def beside(draft: Draft, made: Mesh) -> Matrix:
    """What moves ``made`` to the place that lets the whole grow least, (4, 4).

    ``made`` stands on z = 0 with its middle over the origin, z up; the result brings it into the case's frame.
    """
    length, width, _ = made.size_mm.tolist()
    return places(draft, (length, width))[0].matrix


def _free_places(body: Float, half: Float) -> Iterator[tuple[tuple[float, float], Float]]:
    """For each side of the body the place that lets the whole grow least: what it costs, and where it is.

    Seen from above on a grid: a cell is free for the middle of a thing when no point of the body, at any height, is
    nearer to it than :data:`BESIDE_MM`.
    """
    low, high = body[:, :2].min(axis=0), body[:, :2].max(axis=0)
    step = max(_CELL_MM, float((high - low).max()) / _CELLS)
    around = half + BESIDE_MM + 2 * step
    cells = np.ceil((high - low + 2 * around) / step).astype(int) + 1
    taken = np.zeros(cells, np.uint8)
    at = ((body[:, :2] - low + around) / step).astype(int)
    taken[at[:, 0], at[:, 1]] = 1
    reach = np.ceil((half + BESIDE_MM) / step).astype(int) + 1
    blocked = maximum_filter(taken, size=tuple(2 * reach + 1), mode="constant")
    free = np.argwhere(blocked == 0) * step + step / 2 + low - around
    lower, upper = np.minimum(low, free - half), np.maximum(high, free + half)
    area = np.round((upper - lower).prod(axis=1), 3)
    away = free - (low + high) / 2
    far = np.round(np.linalg.norm(away, axis=1), 3)
    order = np.lexsort((far, area))
    side = (away[:, 0] > away[:, 1]) * 2 + (away[:, 0] > -away[:, 1])
    for best in (order[side[order] == k][:1] for k in range(4)):
        for row in best:
            yield (float(area[row]), float(far[row])), free[row]
