"""What a printer does with a command, in numba: the modal state of the scanner moves on and rows are appended.

The semantics are Marlin's (https://marlinfw.org/meta/gcode): G90 and G91 speak for the extruder too until M82 or M83
says otherwise, M203 is in mm/s, M204 S sets printing and travel alike.
"""

from __future__ import annotations

import math
from typing import Any, Final

from numba import njit

from printprep.gcode.layout import (
    DIRTY,
    E_FREE,
    EVENTS,
    FEATURE,
    FEED,
    FLOW,
    LAYER,
    LINES,
    MOVES,
    OFFSET,
    RELATIVE,
    RELATIVE_E,
    ROW,
    ROWS,
    SETTINGS,
    SPEED,
    TOOL,
    UNIT,
    E,
    Memory,
    Output,
    Values,
    X,
    Y,
    Z,
)  # fmt: skip

ARC_SEGMENTS: Final = 256  # at most, for one arc
ARC_SAGITTA_MM: Final = 0.005  # chord to arc, at most
LARGEST: Final = 1e6  # a coordinate beyond it (1 km) is rubbish, not a machine
INNER: Final[dict[str, Any]] = {"cache": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner: Any = njit(error_model="numpy", **INNER)
"""For kernels that only kernels call: wrappers for Python would cost most of the compile time."""
MUST_HAVE_NUMBERS: Final = sum(1 << (ord(letter) - ord("A")) for letter in "XYZEFIJR")  # of a move


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
    """Find or add the row of the settings in force, so that a move carries two bytes instead of sixteen numbers."""
    rows, n = mem.rows, mem.count[ROWS]
    mem.state[DIRTY] = 0.0
    for r in range(n, max(n - 64, 0), -1):
        same = True
        for k in range(SETTINGS):
            if rows[r, k] != rows[0, k]:
                same = False
                break
        if same:
            mem.state[ROW] = r - 1
            return
    if n + 1 < len(rows):
        for k in range(SETTINGS):  # a slice would cost seconds of compile time
            rows[n + 1, k] = rows[0, k]
        mem.count[ROWS] = n + 1
        mem.state[ROW] = n


@inner
def push(x: float, y: float, z: float, e: float, kind: int, out: Output, mem: Memory) -> None:
    """Append a move to the logical point (x, y, z) that feeds ``e`` mm, and stand there."""
    state, row = mem.state, out.moves[mem.count[MOVES]]
    if state[DIRTY] != 0.0:
        settle(mem)
    row.position[0], row.position[1], row.position[2] = x + state[OFFSET], y + state[OFFSET + 1], z + state[OFFSET + 2]
    row.e, row.feed = e * state[FLOW], state[FEED] * state[SPEED]
    row.tool, row.feature, row.kind = int(state[TOOL]), int(state[FEATURE]), kind
    row.setting, row.layer, row.line = int(state[ROW]), int(state[LAYER]), mem.count[LINES]
    state[X], state[Y], state[Z] = x, y, z
    mem.count[MOVES] += 1


@inner
def arc(
    end_x: float,
    end_y: float,
    end_z: float,
    e: float,
    value: Values,
    mask: int,
    clockwise: bool,
    out: Output,
    mem: Memory,
) -> bool:
    """Append the chords of an arc in the plane of the bed; False if its centre makes no sense."""
    x, y, z = mem.state[X], mem.state[Y], mem.state[Z]
    unit = mem.state[UNIT]
    if has(mask, 82):  # R: the radius; negative for the long way round
        r = value[17] * unit
        dx, dy = end_x - x, end_y - y
        d = math.hypot(dx, dy)
        if d == 0.0 or abs(r) < d / 2 * 0.999:
            return False
        h = math.sqrt(max(r * r - d * d / 4, 0.0))
        if clockwise == (r > 0):
            h = -h
        cx, cy = x + dx / 2 - dy / d * h, y + dy / 2 + dx / d * h
    else:
        cx = x + (value[8] * unit if has(mask, 73) else 0.0)
        cy = y + (value[9] * unit if has(mask, 74) else 0.0)
    radius = math.hypot(x - cx, y - cy)
    if radius == 0.0 or radius > LARGEST:
        return False
    start = math.atan2(y - cy, x - cx)
    sweep = math.atan2(end_y - cy, end_x - cx) - start
    if clockwise and sweep >= -1e-9:
        sweep -= 2 * math.pi
    elif not clockwise and sweep <= 1e-9:
        sweep += 2 * math.pi
    step = 2 * math.acos(max(1 - ARC_SAGITTA_MM / radius, 0.0))
    chords = min(max(math.ceil(abs(sweep) / max(step, 1e-6)), 1), ARC_SEGMENTS)
    for k in range(1, chords):
        t = k / chords
        angle = start + sweep * t
        push(cx + radius * math.cos(angle), cy + radius * math.sin(angle), z + (end_z - z) * t, e / chords, 1, out, mem)
    push(end_x, end_y, end_z, e / chords, 1, out, mem)
    return True


@inner
def move(code: int, value: Values, mask: int, out: Output, mem: Memory) -> bool:
    """G0 to G3; False if the target makes no sense."""
    state = mem.state
    unit = state[UNIT]
    if has(mask, 70) and value[5] > 0.0:
        state[FEED] = value[5] * unit / 60.0
    target = (state[X], state[Y], state[Z])
    base = target if state[RELATIVE] != 0.0 else (0.0, 0.0, 0.0)
    x = base[0] + value[23] * unit if has(mask, 88) else target[0]
    y = base[1] + value[24] * unit if has(mask, 89) else target[1]
    z = base[2] + value[25] * unit if has(mask, 90) else target[2]
    e, logical = 0.0, state[E]
    if has(mask, 69):
        e = value[4] * unit
        if state[RELATIVE_E] == 0.0:
            e -= state[E]
        logical = state[E] + e
    if not (abs(x) < LARGEST and abs(y) < LARGEST and abs(z) < LARGEST and abs(e) < LARGEST):
        return False
    if code >= 2:
        if not arc(x, y, z, e, value, mask, code == 2, out, mem):
            return False
    elif x != state[X] or y != state[Y] or z != state[Z] or e != 0.0:
        push(x, y, z, e, 0, out, mem)
    state[E] = logical
    return True


@inner
def axes_named(letters: int) -> int:
    """Bits of the axes among ``letters``: 1 x, 2 y, 4 z."""
    return (letters >> 23) & 7


@inner
def home(letters: int, out: Output, mem: Memory) -> None:
    """G28: the named axes, or all, stand at their origin and lose their G92."""
    state = mem.state
    axes = axes_named(letters)
    if axes == 0:
        axes = 7
    place = [state[X], state[Y], state[Z]]
    for k in range(3):
        if axes >> k & 1:
            state[OFFSET + k] = 0.0
            place[k] = 0.0
    event(2, float(axes), int(state[TOOL]), out, mem)
    push(place[0], place[1], place[2], 0.0, 2, out, mem)


@inner
def set_position(value: Values, mask: int, mem: Memory) -> None:
    """G92: name the place where the machine stands."""
    state = mem.state
    every = mask == 0
    for k in range(3):
        if every or has(mask, 88 + k):
            logical = 0.0 if every else value[23 + k] * state[UNIT]
            if abs(logical) < LARGEST:
                state[OFFSET + k] += state[k] - logical
                state[k] = logical
    if every or has(mask, 69):
        state[E] = 0.0 if every else value[4] * state[UNIT]


@inner
def run_g(code: int, value: Values, valued: int, bare: int, out: Output, mem: Memory) -> bool:
    """Carry out a G command; False if its words make no sense."""
    state = mem.state
    if code <= 3:
        return bare & MUST_HAVE_NUMBERS == 0 and move(code, value, valued, out, mem)
    if code == 4:
        dwell_s = value[18] if has(valued, 83) else (value[15] / 1000.0 if has(valued, 80) else 0.0)
        if 0.0 < dwell_s < 1e5:
            event(0, dwell_s, int(state[TOOL]), out, mem)
    elif code == 20 or code == 21:
        state[UNIT] = 25.4 if code == 20 else 1.0
    elif code == 28:
        home(valued | bare, out, mem)
    elif 29 <= code <= 34 or code == 80:
        event(10, float(code), int(state[TOOL]), out, mem)
    elif code == 90 or code == 91:
        state[RELATIVE] = code - 90.0
        if state[E_FREE] == 0.0:
            state[RELATIVE_E] = code - 90.0
    elif code == 92:
        set_position(value, valued, mem)
    return True


@inner
def set_limits(code: int, value: Values, valued: int, mem: Memory) -> None:
    """M201, M203, M204, M205, M566: what the file asks of the firmware's planner."""
    if code == 204:
        for letter, first, last in ((83, 13, 14), (80, 13, 13), (84, 14, 14), (82, 15, 15)):
            if has(valued, letter) and value[letter - 65] > 0.0:
                mem.rows[0, first] = mem.rows[0, last] = value[letter - 65]
    else:
        first = 4 if code == 201 else (0 if code == 203 else 8)
        scale = 1.0 / 60.0 if code == 566 else 1.0
        for letter, k in ((88, 0), (89, 1), (90, 2), (69, 3)):
            if has(valued, letter) and value[letter - 65] > 0.0:
                mem.rows[0, first + k] = value[letter - 65] * scale
        if code == 205:
            if has(valued, 74):
                mem.rows[0, 12] = max(value[9], 0.0)
            if has(valued, 66):  # B: us
                mem.rows[0, 18] = max(value[1], 0.0) / 1e6
            if has(valued, 83):
                mem.rows[0, 20] = max(value[18], 0.0)
    mem.state[DIRTY] = 1.0


@inner
def motors_off(letters: int, out: Output, mem: Memory) -> None:
    """M18 and M84: the named axes, or all, may slip. With S it is a time to wait for, E is the extruder's motor."""
    axes = axes_named(letters)
    if axes == 0 and not has(letters, 83) and not has(letters, 69):
        axes = 7
    if axes != 0:
        event(9, float(axes), int(mem.state[TOOL]), out, mem)


@inner
def waits(code: int) -> bool:
    """Whether M``code`` stops until a person comes; words may follow."""
    return code == 0 or code == 1 or code == 600 or code == 601


@inner
def followed(code: int) -> bool:
    """Whether :func:`run_m` carries out M``code``, so that it must not be misread."""
    if code < 140:
        return 82 <= code <= 84 or 106 <= code <= 107 or code == 18 or code == 104 or code == 109
    return code == 140 or code == 190 or code == 201 or 203 <= code <= 205 or 220 <= code <= 221 or code == 566


@inner
def run_m(code: int, value: Values, valued: int, bare: int, out: Output, mem: Memory) -> None:
    """Carry out an M command, if it is one of the :func:`followed`."""
    state = mem.state
    tool = int(state[TOOL])
    if has(valued, 84) and 0.0 <= value[19] <= 255.0:
        tool = int(value[19])
    if code == 82 or code == 83:
        state[RELATIVE_E] = code - 82.0
    elif code == 104 or code == 109 or code == 140 or code == 190:
        if has(valued, 83) or has(valued, 82):
            kind = (3 if code == 104 else 4) if code < 140 else (5 if code == 140 else 6)
            event(kind, value[18] if has(valued, 83) else value[17], tool, out, mem)
    elif code == 106 or code == 107:
        fan = (value[18] if has(valued, 83) else 255.0) if code == 106 else 0.0
        event(7, fan, int(value[15]) if has(valued, 80) and 0.0 <= value[15] < 256.0 else 0, out, mem)
    elif code == 18 or code == 84:
        motors_off(valued | bare, out, mem)
    elif waits(code):
        event(8, float(code), tool, out, mem)
    elif code == 201 or 203 <= code <= 205 or code == 566:
        set_limits(code, value, valued, mem)
    elif (code == 220 or (code == 221 and not has(valued, 84))) and has(valued, 83) and 1.0 <= value[18] <= 1000.0:
        state[SPEED if code == 220 else FLOW] = value[18] / 100.0
