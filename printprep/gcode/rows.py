"""The rows that the scanner fills, in numba: moves, and the events between them."""

from __future__ import annotations

from typing import Any, Final

from numba import njit

from printprep.gcode.layout import (
    DIRTY,
    EVENTS,
    FEATURE,
    FEED,
    FLOW,
    LAYER,
    LINES,
    MOVES,
    OFFSET,
    PER_E,
    ROW,
    ROWS,
    SETTINGS,
    SPEED,
    TOOL,
    Memory,
    Output,
    X,
    Y,
    Z,
)  # fmt: skip

LARGEST: Final = 1e6  # a coordinate beyond it (1 km) is rubbish, not a machine
FAR_BACK: Final = 1024  # rows of settings among which one like those in force is looked for
INNER: Final[dict[str, Any]] = {"cache": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner: Any = njit(error_model="numpy", **INNER)
"""For kernels that only kernels call: wrappers for Python would cost most of the compile time."""


@inner
def has(mask: int, letter: int) -> bool:
    """Whether the ``letter`` (its code, 65 is A) is among the bits."""
    return (mask >> (letter - 65)) & 1 == 1


@inner
def event(kind: int, value: float, tool: int, out: Output, mem: Memory) -> None:
    """Note something that happens before the next move."""
    row = out.events[mem.count[EVENTS]]
    row.kind, row.at, row.line = kind, mem.count[MOVES], mem.count[LINES]
    row.value, row.tool = value, tool
    mem.count[EVENTS] += 1


@inner
def settle(mem: Memory) -> None:
    """Find or add the row of the settings in force, so that a move carries two bytes instead of twenty numbers.

    Where there is no room for one more, :data:`~printprep.gcode.layout.ROWS` tells it by exceeding the last.
    """
    rows, n = mem.rows, min(mem.count[ROWS], len(mem.rows) - 1)
    mem.state[DIRTY] = 0.0
    for r in range(n, max(n - FAR_BACK, 0), -1):
        same = True
        for k in range(SETTINGS):
            if rows[r, k] != rows[0, k]:
                same = False
                break
        if same:
            mem.state[ROW] = r - 1
            return
    mem.count[ROWS] = n + 1
    if n + 1 < len(rows):
        for k in range(SETTINGS):  # a slice would cost seconds of compile time
            rows[n + 1, k] = rows[0, k]
        mem.state[ROW] = n


@inner
def push(x: float, y: float, z: float, e: float, kind: int, out: Output, mem: Memory) -> None:
    """Append a move to the logical point (x, y, z) that feeds ``e`` mm, and stand there."""
    state, row = mem.state, out.moves[mem.count[MOVES]]
    if state[DIRTY] != 0.0:
        settle(mem)
    row.position[0], row.position[1], row.position[2] = x + state[OFFSET], y + state[OFFSET + 1], z + state[OFFSET + 2]
    row.e, row.feed = e * state[FLOW] * state[PER_E], state[FEED] * state[SPEED]
    row.tool, row.feature, row.kind = int(state[TOOL]), int(state[FEATURE]), kind
    row.setting, row.layer, row.line = int(state[ROW]), int(state[LAYER]), mem.count[LINES]
    state[X], state[Y], state[Z] = x, y, z
    mem.count[MOVES] += 1
