"""What a printer does with a command, in numba: the modal state of the scanner moves on and rows are appended.

The semantics are Marlin's (https://marlinfw.org/meta/gcode): G90 and G91 speak for the extruder too until M82 or M83
says otherwise, M203 is in mm/s, M204 S sets printing and travel alike.
"""

from __future__ import annotations

import math
from typing import Final

from printprep.gcode.arcs import arc
from printprep.gcode.layout import (
    DIRTY,
    E_FREE,
    FEED,
    FLOW,
    OFFSET,
    PER_E,
    PLANE,
    RECOVER,
    RECOVER_FEED,
    RELATIVE,
    RELATIVE_E,
    RETRACT,
    RETRACT_FEED,
    RETRACTED,
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
from printprep.gcode.rows import LARGEST, event, has, inner, push

MUST_HAVE_NUMBERS: Final = sum(1 << (ord(letter) - ord("A")) for letter in "XYZEFIJKR")  # of a move
SECOND_COMMAND: Final = sum(1 << (ord(letter) - ord("A")) for letter in "GMT")  # firmwares differ in what they do then
THINNEST_MM, THICKEST_MM = 0.5, 10.0  # filament


@inner
def move(code: int, value: Values, mask: int, out: Output, mem: Memory) -> bool:
    """G0 to G3, and the end of a G5; False if the target makes no sense, or if the speed is below zero."""
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
    if code == 2 or code == 3:
        if not arc(x, y, z, e, value, mask, code == 2, out, mem):
            return False
    elif x != state[X] or y != state[Y] or z != state[Z] or e != 0.0:
        push(x, y, z, e, 0, out, mem)
    state[E] = logical
    return not (has(mask, 70) and value[5] < 0.0)


@inner
def retract(code: int, value: Values, mask: int, out: Output, mem: Memory) -> None:
    """G10 and G11, by the lengths of M207 and M208. With a tool, P, it is RepRapFirmware's G10: temperatures."""
    state = mem.state
    if has(mask, 80):
        if code == 10 and has(mask, 83) and not has(mask, 76) and 0.0 <= value[15] < 256.0:
            event(3, value[18], int(value[15]), out, mem)
        return
    if (code == 10) == (state[RETRACTED] > 0.0) or has(mask, 76):
        return
    e_mm = -state[RETRACT] if code == 10 else state[RETRACTED] + state[RECOVER]
    feed = state[FEED]
    state[FEED] = state[RETRACT_FEED if code == 10 else RECOVER_FEED] / state[SPEED]
    push(state[X], state[Y], state[Z], e_mm / (state[FLOW] * state[PER_E]), 0, out, mem)
    state[FEED] = feed
    state[RETRACTED] = state[RETRACT] if code == 10 else 0.0


@inner
def set_retraction(code: int, value: Values, mask: int, mem: Memory) -> None:
    """M207 and M208: how far and how fast the firmware retracts and recovers."""
    length, feed = (RETRACT, RETRACT_FEED) if code == 207 else (RECOVER, RECOVER_FEED)
    if has(mask, 83) and 0.0 <= value[18] <= 100.0:
        mem.state[length] = value[18]
    if has(mask, 70) and value[5] > 0.0:
        mem.state[feed] = value[5] / 60.0


@inner
def set_volumetric(value: Values, mask: int, mem: Memory) -> None:
    """M200: from now on E is in mm3 of filament of diameter D; with D0 or S0 in mm again."""
    if (has(mask, 83) and value[18] == 0.0) or (has(mask, 68) and value[3] == 0.0):
        mem.state[PER_E] = 1.0
    elif has(mask, 68) and THINNEST_MM <= value[3] <= THICKEST_MM:
        mem.state[PER_E] = 4.0 / (math.pi * value[3] ** 2)


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
def probes(value: Values, valued: int, bare: int) -> bool:
    """Whether a G29 goes over the whole bed: not if it is another step than P1 of Marlin's UBL, or loads or switches.

    Nor if P1 goes on with C: then only what was not probed, as Prusa's files ask for below their purge line.
    By itself A activates, L loads, F fades and D disables; with other letters L and F are borders of what is probed. S1
    and S2 of RepRapFirmware load a mesh and switch it off.
    """
    if has(valued, 80):
        return bool(value[15] == 1.0) and not has(valued | bare, 67)
    if has(valued, 83):
        return bool(value[18] == 0.0)
    named = valued | bare
    return named not in (1 << 0, 1 << 3, 1 << 5, 1 << 11, 1 << 0 | 1 << 11)


@inner
def run_g(code: int, value: Values, valued: int, bare: int, out: Output, mem: Memory) -> bool:
    """Carry out a G command; False if its words make no sense."""
    state = mem.state
    if code <= 3 or code == 5:
        done = bare & MUST_HAVE_NUMBERS == 0 and move(code, value, valued, out, mem)
        return done and (valued | bare) & SECOND_COMMAND == 0
    if code == 4:
        dwell_s = value[18] if has(valued, 83) else (value[15] / 1000.0 if has(valued, 80) else 0.0)
        if 0.0 < dwell_s < 1e5:
            event(0, dwell_s, int(state[TOOL]), out, mem)
    elif code == 10 or code == 11:
        retract(code, value, valued, out, mem)
    elif 17 <= code <= 19:
        state[PLANE] = float(code)
    elif code == 20 or code == 21:
        state[UNIT] = 25.4 if code == 20 else 1.0
    elif code == 28:
        home(valued | bare, out, mem)
    elif 29 <= code <= 34 or code == 80:
        goes = code != 29 or probes(value, valued, bare)
        event(10, float(code) if goes else -float(code), int(state[TOOL]), out, mem)
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
    if code == 140 or code == 190 or code == 400 or code == 566 or code == 900 or 220 <= code <= 221:
        return True
    return 200 <= code <= 208 and code != 202 and code != 206


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
    elif code == 400:
        event(0, 0.0, tool, out, mem)
    elif waits(code):
        event(8, float(code), tool, out, mem)
    elif code == 201 or 203 <= code <= 205 or code == 566:
        set_limits(code, value, valued, mem)
    elif code == 200:
        set_volumetric(value, valued, mem)
    elif code == 207 or code == 208:
        set_retraction(code, value, valued, mem)
    elif code == 900:
        if has(valued, 75) and 0.0 <= value[10] <= 10.0:
            mem.rows[0, 21] = value[10]
            state[DIRTY] = 1.0
    elif (code == 220 or (code == 221 and not has(valued, 84))) and has(valued, 83) and 1.0 <= value[18] <= 1000.0:
        state[SPEED if code == 220 else FLOW] = value[18] / 100.0
