"""What every planner does with one move: its direction, the limits along it, and the time of a trapezoid; in numba.

A move speeds up from its entry speed, cruises, and brakes to its exit speed, with one acceleration
(https://www.klipper3d.org/Kinematics.html, "Trapezoid generator").
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from printprep.geometry.mesh import Float

PLAN: Final[dict[str, Any]] = {"cache": True, "nogil": True, "error_model": "numpy"}
INNER: Final[dict[str, Any]] = {"cache": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner: Any = njit(error_model="numpy", **INNER)
"""For kernels that only kernels call."""


@inner
def direction(position: Float, e: npt.NDArray[np.float32], i: int, unit: Float) -> float:
    """Length of move ``i`` in mm; ``unit`` (4,) becomes its direction x y z e for each mm of it."""
    for k in range(3):
        unit[k] = position[i, k] - (position[i - 1, k] if i > 0 else 0.0)
    unit[3] = e[i]
    length = math.sqrt(unit[0] ** 2 + unit[1] ** 2 + unit[2] ** 2)
    if length < 1e-9:
        length = abs(unit[3])
        unit[0], unit[1], unit[2] = 0.0, 0.0, 0.0
    if length > 0:
        for k in range(4):
            unit[k] /= length
    return length


@inner
def along(unit: Float, wished: float, limit: Float, first: int) -> float:
    """The largest rate not above ``wished`` at which no axis exceeds its own of ``limit[first : first + 4]``."""
    for k in range(4):
        part = abs(unit[k])
        if part * wished > limit[first + k]:
            wished = limit[first + k] / part
    return wished


@njit(cache=True, error_model="numpy")
def trapezoid_s(length: float, entry: float, top: float, leave: float, acceleration: float) -> float:
    """Time over ``length`` mm from ``entry`` over at most ``top`` to ``leave`` mm/s."""
    ramps = (2 * top * top - entry * entry - leave * leave) / (2 * acceleration)
    if ramps <= length:
        return (2 * top - entry - leave) / acceleration + (length - ramps) / top
    peak = math.sqrt(max((2 * acceleration * length + entry * entry + leave * leave) / 2, 0.0))
    peak = max(peak, entry, leave)
    return (2 * peak - entry - leave) / acceleration
