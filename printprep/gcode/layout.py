"""How the scanner lays out what it reads: the arrays of a block, the memory between blocks, the codes in them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float64]

MAX_FEATURES: Final = 64
MAX_OBJECTS: Final = 190
MAX_NAME_BYTES: Final = 64
SETTINGS: Final = 22  # columns of a row of settings, see Gcode.settings
MOST_ROWS: Final = 4096  # different settings of one file
SEEN: Final = 1 << 16  # slots for hashes of texts; must be a power of two
CODES: Final = 100_000  # ten sub-codes for each of G0..G9999, then the same for M


class Kind(IntEnum):
    """What a row of moves is."""

    LINEAR = 0
    ARC = 1  # a chord of one
    HOME = 2  # a jump to the end stops: no distance, no time


class Chords(IntEnum):
    """Into how many chords an arc is cut."""

    FINE = 0  # as many as it takes to stay within 0.005 mm of it
    MARLIN = 1  # of 1 mm, 72 a turn at least (MAX_ARC_SEGMENT_MM, MIN_CIRCLE_SEGMENTS)
    KLIPPER = 2  # of 1 mm ([gcode_arcs] resolution)
    BUDDY = 3  # within 0.02 mm, 50 a second at least, 0.1 to 2 mm
    REPRAP = 4  # within 0.005 mm, 200 a second at most, 0.02 to 1 mm


class Event(IntEnum):
    """What happens between two moves."""

    DWELL = 0  # value: s; 0 where a file only waits for the moves (M400)
    TOOL = 1  # value: tool
    HOME = 2  # value: bits of the axes, 1 x, 2 y, 4 z
    NOZZLE = 3  # value: deg C
    NOZZLE_WAIT = 4
    BED = 5
    BED_WAIT = 6
    FAN = 7  # value: 0..255
    PAUSE = 8  # value: the M number
    MOTORS_OFF = 9  # value: bits of the axes, as for HOME
    PROBE = 10  # value: the G number; negative if it does not go over the whole bed
    OBJECT = 11  # value: index into Gcode.objects, 0 for none


class Text(IntEnum):
    """Why a piece of text was set aside."""

    COMMENT = 0
    COMMAND = 1  # an M command with words that the scanner does not judge
    MACRO = 2  # PRINT_START and the like
    RUBBISH = 3


# Places in Memory.state (float64)
X, Y, Z, E, OFFSET, FEED, SPEED, FLOW, UNIT, RELATIVE, RELATIVE_E, TOOL, LAYER, FEATURE, ROW, E_FREE, DIRTY = (
    0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
)  # fmt: skip
(
    PER_E,  # mm of filament for one of E: 1, but for volumetric extrusion
    PLANE,  # of arcs: 17, 18 or 19
    # The first mark of a file decides, because some hold several kinds: 1 ;LAYER_CHANGE, 2 ;LAYER:3
    LAYER_MARK, LAYER_NUMBER, OBJECT,
    OBJECT_MARK,  # 1 ; printing object NAME, 2 ;MESH:NAME, 3 unique label id: N, 4 M486, 5 EXCLUDE_OBJECT_START NAME=
    TYPED,  # 1 once a feature was marked on a line of its own
    RETRACTED, RETRACT, RETRACT_FEED, RECOVER, RECOVER_FEED,  # by the firmware; mm, mm/s
    CHORDS,  # see Chords
) = range(19, 32)  # fmt: skip
STATES: Final = 32
# Places in Memory.count (int64); the first three are of the current block
(
    MOVES, EVENTS, TEXTS, LINES, UNKNOWN, BAD, OVERLONG, ROWS, FEATURES, OBJECTS, SKIPPING, HASHES, LONGEST,
    LONGEST_LINE, KNOWN,
) = range(15)  # fmt: skip
COUNTS: Final = 15


MOVE = np.dtype(
    [
        ("position", np.float64, 3), ("e", np.float32), ("feed", np.float32), ("layer", np.int32), ("line", np.int32),
        ("setting", np.int16), ("tool", np.uint8), ("feature", np.uint8), ("kind", np.uint8),
    ]
)  # fmt: skip
EVENT = np.dtype([("at", np.int64), ("value", np.float64), ("line", np.int32), ("tool", np.int16), ("kind", np.uint8)])
TEXT = np.dtype([("start", np.int64), ("end", np.int64), ("line", np.int32), ("kind", np.uint8)])


class Output(NamedTuple):
    """Rows that one block fills."""

    moves: Any  # of dtype MOVE
    events: Any  # of dtype EVENT
    texts: Any  # of dtype TEXT


class Memory(NamedTuple):
    """What the scanner remembers from block to block. Few arrays, because numba's compile time grows with each."""

    state: Any  # (STATES,) float64
    count: Any  # (COUNTS,) int64
    rows: Any  # (1 + k, SETTINGS) float64: the settings now, then the distinct ones so far; -1: the file did not say
    used: Any  # (2 * CODES, 2) int32: how often each command came, and on which line first
    seen: Any  # (SEEN,) uint64 hashes of texts
    names: Any  # (k, 1 + MAX_NAME_BYTES) uint8: length, then the name; features first, objects from MAX_FEATURES on


def new_output(moves: int = 1 << 18, others: int = 1 << 16) -> Output:
    """Empty rows for one block."""
    return Output(np.empty(moves, MOVE), np.empty(others, EVENT), np.empty(others, TEXT))


def new_memory(*, g90_sets_e: bool, chords: Chords = Chords.FINE) -> Memory:
    """The state of a machine that was just switched on."""
    state = np.zeros(STATES)
    state[[SPEED, FLOW, UNIT, PER_E]] = 1.0
    state[FEED] = 25.0  # Marlin's default of F1500
    state[LAYER] = -1.0
    state[PLANE] = 17.0
    state[CHORDS] = chords
    state[LAYER_NUMBER] = -1e9
    state[RETRACT], state[RETRACT_FEED], state[RECOVER_FEED] = 3.0, 45.0, 8.0  # Marlin's defaults
    state[E_FREE] = 0.0 if g90_sets_e else 1.0
    count = np.zeros(COUNTS, np.int64)
    count[ROWS] = 1
    return Memory(
        state,
        count,
        np.full((1 + MOST_ROWS, SETTINGS), -1.0),
        np.zeros((2 * CODES, 2), np.int32),
        np.zeros(SEEN, np.uint64),
        np.zeros((MAX_FEATURES + MAX_OBJECTS, 1 + MAX_NAME_BYTES), np.uint8),
    )
