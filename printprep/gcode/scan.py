"""The byte scanner under :mod:`printprep.gcode.read`: lines of G-code to moves, events and texts, in numba.

A host cannot spend a microsecond of Python on each of three million lines, so one compiled pass keeps the modal state
of the machine (:mod:`printprep.gcode.modal`), follows what slicers mark (:mod:`printprep.gcode.marks`) and fills flat
arrays (:mod:`printprep.gcode.layout`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from printprep.gcode.arcs import ARC_SEGMENTS
from printprep.gcode.layout import (
    BAD,
    CODES,
    EVENTS,
    KNOWN,
    LINES,
    LONGEST,
    LONGEST_LINE,
    MOVES,
    SKIPPING,
    TEXTS,
    TOOL,
    UNKNOWN,
    Bytes,
    Memory,
    Output,
    Values,
)  # fmt: skip
from printprep.gcode.macros import NAME, is_velocity_limit, velocity_limit
from printprep.gcode.marks import behind, comment, m486, macro, text
from printprep.gcode.modal import followed, run_g, run_m, waits
from printprep.gcode.rows import event, inner
from printprep.gcode.words import number, words


@inner
def command(data: Bytes, i: int, end: int, value: Values, out: Output, mem: Memory) -> None:
    """Carry out the command in ``data[i:end]``; its letter stands at ``i``."""
    count, state = mem.count, mem.state
    letter = data[i] & 0xDF
    v, j, ok = number(data, i + 1, end)
    plain = letter == 71 or letter == 77 or letter == 84  # G M T
    if not (plain and ok and 0.0 <= v < 10_000.0):
        second = data[i + 1] & 0xDF if i + 1 < end else 0
        word = 65 <= letter <= 90 and (65 <= second <= 90 or (i + 1 < end and data[i + 1] == 95))
        if word or letter == 84:  # Tx and T? belong to multi-material units
            macro(data, i, end, out, mem)
            if is_velocity_limit(data, i, end):
                velocity_limit(data, i + len(NAME), end, mem)
            text(i, end, 2, data, out, mem)
        else:
            count[UNKNOWN] += 1
            text(i, end, 3, data, out, mem)
        return
    code, sub = int(v), int((v - int(v)) * 10.0 + 0.5)
    count[KNOWN] += 1
    if letter == 84:
        if code < 255:  # beyond are Bambu Lab's orders to their feeders
            state[TOOL] = code
        event(1, float(code), code, out, mem)
        if words(data, j, end, value)[0] < 0:
            count[BAD] += 1
            text(i, end, 3, data, out, mem)
        return
    key = min(code * 10 + sub, CODES - 1) + (CODES if letter == 77 else 0)
    if mem.used[key, 0] == 0:
        mem.used[key, 1] = count[LINES]
    mem.used[key, 0] += 1
    if sub != 0 and letter == 71:
        return
    if letter == 77 and code == 486:
        m486(data, j, end, out, mem)
    valued, bare = words(data, j, end, value)
    if letter == 71:
        if valued < 0 or not run_g(code, value, valued, bare, out, mem):
            count[BAD] += 1
            text(i, end, 3, data, out, mem)
    elif sub == 0 and valued < 0 and followed(code):
        count[BAD] += 1
        text(i, end, 3, data, out, mem)
    else:
        if sub == 0 and (valued >= 0 or waits(code)):
            run_m(code, value, max(valued, 0), bare, out, mem)
        if not (sub == 0 and followed(code)) or code >= 200:
            text(i, end, 1, data, out, mem)


@inner
def line(data: Bytes, i: int, end: int, value: Values, out: Output, mem: Memory) -> None:
    """Follow one line."""
    while i < end and (data[i] == 32 or data[i] == 9 or data[i] == 13):
        i += 1
    if i + 1 < end and (data[i] == 78 or data[i] == 110) and 48 <= data[i + 1] <= 57:  # N12: a line number
        _, i, _ = number(data, i + 1, end)
        while i < end and data[i] == 32:
            i += 1
    stop, before = i, mem.count[MOVES]
    while stop < end and data[stop] != 59:
        stop += 1
    if stop > i:
        if stop - i > mem.count[LONGEST]:
            mem.count[LONGEST], mem.count[LONGEST_LINE] = stop - i, mem.count[LINES]
        command(data, i, stop, value, out, mem)
    if stop < end and stop > i:
        behind(data, stop + 1, end, before, out, mem)
    elif stop < end:
        comment(data, stop + 1, end, out, mem)


@njit(cache=True, nogil=True, error_model="numpy")
def scan(data: Bytes, size: int, out: Output, mem: Memory) -> int:
    """Follow the whole lines in ``data[:size]`` as far as ``out`` has room; the count of bytes that were used."""
    count = mem.count
    value = np.zeros(26)
    count[MOVES], count[EVENTS], count[TEXTS] = 0, 0, 0
    i = 0
    while i < size:
        if count[MOVES] > len(out.moves) - ARC_SEGMENTS - 2 or count[EVENTS] > len(out.events) - 2:
            break
        if count[TEXTS] > len(out.texts) - 4:
            break
        end = i
        while end < size and data[end] != 10 and data[end] != 13:
            end += 1
        if end < size and data[end] == 13:  # alone it ends a line too: firmwares take it for one
            end = end + 1 if end + 1 < size and data[end + 1] == 10 else end
            if end + 1 == size and data[end] == 13:
                end = size  # whether LF follows will be seen
        if end == size:
            if count[SKIPPING] != 0:
                i = size - 1 if data[size - 1] == 13 else size
            break
        if count[SKIPPING] != 0:
            count[SKIPPING] = 0
        else:
            count[LINES] += 1
            line(data, i, end, value, out, mem)
        i = end + 1
    return i
