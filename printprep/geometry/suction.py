"""Pockets that are sealed towards the bed and open away from it: suction cups of a resin print.

A resin part hangs from its plate and grows towards the film. A pocket whose only opening faces the film holds a vacuum
at every lift until a layer opens it to the side or to what is behind it. So, rising from the bed, air that is not
joined to the outside through what lies below is sealed; it is followed until it meets the outside.

The air is that of vertical columns, in runs between two surfaces. Runs of neighbouring columns that share a height are
joined at the higher of their lower ends, and these joints are taken from below, as Kruskal takes edges by length.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.mesh import Float, Int

DEEP_MM: Final = 0.5  # least depth of a pocket that counts
WIDE_MM2: Final = 10.0  # least shadow: the pull grows with it, and a dimple of 3.6 mm holds nothing back
_STEPS: Final = 2_048  # heights by which joints are sorted; a pocket must be deeper than two

Cosines = npt.NDArray[np.float32]
Row = npt.NDArray[np.int64]


def sealed_pockets(
    start: Row, z: Float, cosine: Cosines, columns_x: int, columns_y: int, pitch_mm: float, height_mm: float
) -> tuple[float, float, float]:
    """Count, shadow (mm2) and volume (mm3) of the sealed pockets of a body that is lifted off its bed.

    Parameters
    ----------
    start
        (columns + 1,) of the crossings of each column, y fastest.
    z, cosine
        (n,) height of each crossing above the lowest point, from below; its face looks down where the cosine is
        negative.
    columns_x, columns_y
        Of the grid; its border is empty.
    pitch_mm, height_mm
        Of the columns; of the body.
    """
    run_start, low, high = _runs(start, z, cosine)
    one, two, at = _joints(run_start, low, high, columns_x, columns_y)
    order = _sorted(at, height_mm)
    vented, born, root = _joined(one[order], two[order], at[order], low)
    deep = max(DEEP_MM, 2.0 * height_mm / _STEPS)
    return _pockets(low, high, root, vented, born, deep, WIDE_MM2, pitch_mm * pitch_mm)


@njit(cache=True, nogil=True)
def _runs(start: Row, z: Float, cosine: Cosines) -> tuple[Row, Float, Float]:
    """The air of each column from below: starts (columns + 1,), lower and upper ends; the outermost are infinite."""
    columns = len(start) - 1
    run_start = np.zeros(columns + 1, np.int64)
    low, high = np.empty(columns + len(z)), np.empty(columns + len(z))
    n = 0
    for column in range(columns):
        depth = 0
        low[n] = -np.inf
        for k in range(start[column], start[column + 1]):
            if cosine[k] > 0.0:
                depth = max(0, depth - 1)
                if depth == 0:
                    low[n] = z[k]
                continue
            depth += 1
            if depth == 1 and z[k] > low[n]:
                high[n] = z[k]
                n += 1
                low[n] = np.inf  # until the body ends
        high[n] = np.inf
        n += 1
        run_start[column + 1] = n
    return run_start, low[:n].copy(), high[:n].copy()


@njit(cache=True, nogil=True)
def _joints(run_start: Row, low: Float, high: Float, columns_x: int, columns_y: int) -> tuple[Int, Int, Float]:
    """Pairs of runs of neighbouring columns that share a height, and the lowest such height."""
    one, two = np.empty(4 * len(low), np.int32), np.empty(4 * len(low), np.int32)
    at = np.empty(4 * len(low))
    n = 0
    for column in range(columns_x * columns_y):
        for step in (1, columns_y):
            other = column + step
            if other >= columns_x * columns_y or (step == 1 and other % columns_y == 0):
                continue
            i, j = run_start[column], run_start[other]
            while i < run_start[column + 1] and j < run_start[other + 1]:
                bottom = max(low[i], low[j])
                if bottom < min(high[i], high[j]):
                    one[n], two[n], at[n] = i, j, bottom
                    n += 1
                if high[i] < high[j]:
                    i += 1
                else:
                    j += 1
    return one[:n], two[:n], at[:n]


@njit(cache=True, nogil=True)
def _sorted(at: Float, height: float) -> Row:
    """Rows of the joints by height, in steps: what is open below first."""
    counts = np.zeros(_STEPS + 3, np.int64)
    step = np.empty(len(at), np.int32)
    for k in range(len(at)):
        step[k] = 0 if at[k] == -np.inf else 1 + int(min(max(at[k] / height, 0.0), 1.0) * _STEPS)
        counts[step[k] + 1] += 1
    for k in range(1, len(counts)):
        counts[k] += counts[k - 1]
    order = np.empty(len(at), np.int64)
    for k in range(len(at)):
        order[counts[step[k]]] = k
        counts[step[k]] += 1
    return order


@njit(cache=True, nogil=True)
def _find(parent: Int, k: int) -> int:
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@njit(cache=True, nogil=True)
def _joined(one: Int, two: Int, at: Float, low: Float) -> tuple[Float, Float, Int]:
    """Height at which each pocket meets the outside (inf: never), its lowest point, and the pocket of each run.

    A pocket that has met the outside takes no more runs in: what joins it later meets the outside there.
    """
    parent = np.arange(len(low)).astype(np.int32)
    vented = np.where(low == -np.inf, -np.inf, np.inf)
    born = low.copy()
    for k in range(len(one)):
        a, b = _find(parent, one[k]), _find(parent, two[k])
        if a == b:
            continue
        if vented[a] < np.inf or vented[b] < np.inf:
            vented[a], vented[b] = min(vented[a], at[k]), min(vented[b], at[k])
            continue
        if b < a:
            a, b = b, a
        parent[b] = a
        born[a] = min(born[a], born[b])
    root = np.empty(len(low), np.int32)
    for k in range(len(low)):
        root[k] = _find(parent, k)
    return vented, born, root


@njit(cache=True, nogil=True)
def _pockets(
    low: Float, high: Float, root: Int, vented: Float, born: Float, deep: float, wide: float, cell: float
) -> tuple[float, float, float]:
    shadow, volume = np.zeros(len(low)), np.zeros(len(low))
    for k in range(len(low)):
        r = root[k]
        end = vented[r]
        if end == np.inf or low[k] >= end:  # a cavity that is closed whichever way is up; or open at once
            continue
        shadow[r] += cell
        volume[r] += cell * (min(high[k], end) - low[k])
    count, area, held = 0.0, 0.0, 0.0
    for r in range(len(low)):
        if shadow[r] >= wide and vented[r] - born[r] >= deep:
            count += 1.0
            area += shadow[r]
            held += volume[r]
    return count, area, held
