"""A free place on the bed beside the body, for what is printed loose: a tab, plugs."""

from __future__ import annotations

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


def beside(draft: Draft, made: Mesh) -> Matrix:
    """What moves ``made`` to a place on the bed that is free to above and lets the whole grow least, (4, 4).

    ``made`` stands on z = 0 with its middle over the origin, z up; the result brings it into the case's frame.
    """
    turn = draft.rotation[:3, :3]
    body = np.concatenate([sample(part.mesh, _OUTLINE, 0).points for part in draft.parts]) @ turn.T
    found = [(*_free_place(body, made.transformed(pose)), pose) for pose in (np.eye(4), _QUARTER)]
    _, at, pose = min(found, key=lambda one: one[0])
    back = np.eye(4)
    back[:3, :3], back[:3, 3] = turn.T, turn.T @ np.append(at, body[:, 2].min())
    return np.asarray(back @ pose)


def _free_place(body: Float, loose: Mesh) -> tuple[tuple[float, float], Float]:
    """What a loose thing costs where it does best (area of the box around all, distance from its middle), and where.

    Seen from above on a grid: a cell is free for its middle when no point of the body, at any height, is nearer to it
    than :data:`BESIDE_MM`.
    """
    half = loose.size_mm[:2] / 2
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
    far = np.round(np.linalg.norm(free - (low + high) / 2, axis=1), 3)
    best = int(np.lexsort((far, area))[0])
    return (float(area[best]), float(far[best])), free[best]
