"""The one macro of Klipper that the planner must follow, SET_VELOCITY_LIMIT; in numba.

Its words are ``KEY=value`` in any order (https://www.klipper3d.org/G-Codes.html#set_velocity_limit).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from printprep.gcode.layout import DIRTY, Bytes, Memory
from printprep.gcode.rows import inner
from printprep.gcode.words import number

NAME: Final = np.frombuffer(b"SET_VELOCITY_LIMIT", np.uint8)
MOST: Final = 1e6  # mm/s or mm/s2; beyond it, rubbish


@inner
def is_velocity_limit(data: Bytes, i: int, end: int) -> bool:
    """Whether ``data[i:end]`` is that macro, in any case."""
    if end - i < len(NAME):
        return False
    for k in range(len(NAME)):
        c = data[i + k]
        if c & 0xDF != NAME[k]:
            return False
    return end == i + len(NAME) or data[i + len(NAME)] == 32


@inner
def velocity_limit(data: Bytes, i: int, end: int, mem: Memory) -> None:
    """Follow ``VELOCITY=300 ACCEL=3000 SQUARE_CORNER_VELOCITY=5 MINIMUM_CRUISE_RATIO=0.5``."""
    while i < end:
        while i < end and data[i] == 32:
            i += 1
        start = i
        while i < end and data[i] != 61 and data[i] != 32:
            i += 1
        letter, length = data[start] & 0xDF if start < end else 0, i - start
        if i >= end or data[i] != 61:
            continue
        value, after, ok = number(data, i + 1, end)
        if after + 1 < end and data[after] & 0xDF == 69:  # 1e3: Klipper reads what Python reads
            power, _, more = number(data, after + 1, end)
            value, ok = value * 10.0 ** min(max(power, -300.0), 300.0), ok and more
        while i < end and data[i] != 32:
            i += 1
        if not ok or not 0.0 <= value <= MOST:
            continue
        if letter == 65 and length == 5 and value > 0.0:  # ACCEL
            mem.rows[0, 13] = mem.rows[0, 14] = value
        elif letter == 86 and length == 8 and value > 0.0:  # VELOCITY
            mem.rows[0, 19] = value
        elif letter == 83 and length == 22:  # SQUARE_CORNER_VELOCITY
            mem.rows[0, 16] = value
        elif letter == 77 and length == 20 and value < 1.0:  # MINIMUM_CRUISE_RATIO
            mem.rows[0, 17] = value
        mem.state[DIRTY] = 1.0
