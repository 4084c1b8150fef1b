"""The byte scanner under :mod:`printprep.gcode.read`: lines of G-code to moves, events and texts, in numba.

A host cannot spend a microsecond of Python on each of three million lines, so one compiled pass keeps the modal state
of the machine (:mod:`printprep.gcode.modal`) and fills flat arrays (:mod:`printprep.gcode.layout`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from printprep.gcode.layout import (
    BAD,
    CODES,
    EVENTS,
    FEATURE,
    FEATURES,
    HASHES,
    KNOWN,
    LAYER,
    LINES,
    LONGEST,
    LONGEST_LINE,
    MAX_FEATURE_BYTES,
    MAX_FEATURES,
    MOVES,
    SEEN,
    SKIPPING,
    TEXTS,
    TOOL,
    UNKNOWN,
    Bytes,
    Memory,
    Output,
    Values,
)  # fmt: skip
from printprep.gcode.modal import ARC_SEGMENTS, LARGEST, event, followed, inner, run_g, run_m, waits


@inner
def number(data: Bytes, i: int, end: int) -> tuple[float, int, bool]:
    """Value of the decimal number at ``i``, the index behind it, and whether there was one."""
    sign, mantissa, exponent, digits, dot = 1.0, np.int64(0), 0, 0, False
    if i < end and (data[i] == 45 or data[i] == 43):
        if data[i] == 45:
            sign = -1.0
        i += 1
    while i < end:
        c = data[i]
        if 48 <= c <= 57:
            if digits < 18:
                mantissa = mantissa * 10 + (np.int64(c) - 48)
                if dot:
                    exponent -= 1
            elif not dot:
                exponent += 1
            digits += 1
        elif c == 46 and not dot:
            dot = True
        else:
            break
        i += 1
    value = float(mantissa)
    if exponent < 0:
        value /= 10.0 ** (-exponent)
    elif exponent > 0:
        value *= 10.0 ** min(exponent, 290)
    return sign * value, i, digits > 0


@inner
def words(data: Bytes, i: int, end: int, value: Values) -> tuple[int, int]:
    """Read ``X1 Y-2.5`` into ``value`` (26,): bits of letters with a number, and of those without; -1 is rubbish.

    A word of a language is rubbish too: three letters in a row that are no axes and have no number.
    """
    valued, bare, run = 0, 0, 0
    while i < end:
        c = data[i]
        if c == 32 or c == 9 or c == 13:
            i += 1
            continue
        if c == 42:  # a checksum ends the line
            break
        letter = int(c & 0xDF) - 65
        if c < 65 or letter < 0 or letter > 25:
            return -1, bare
        i += 1
        if i < end and data[i] == 32:
            run = 0
        elif letter != 4 and letter < 23:
            run += 1
        while i < end and data[i] == 32:
            i += 1
        v, j, ok = number(data, i, end)
        if run > 2 and not ok:
            return -1, bare
        if ok:
            run = 0
            if not abs(v) < LARGEST * 10:
                return -1, bare
            value[letter] = v
            valued |= 1 << letter
        else:
            bare |= 1 << letter
        i = j
    return valued, bare


@inner
def text(start: int, end: int, kind: int, data: Bytes, out: Output, mem: Memory) -> None:
    """Set aside ``data[start:end]`` unless the same text was set aside before; a macro does something each time."""
    while end > start and (data[end - 1] == 13 or data[end - 1] == 32):
        end -= 1
    if end <= start:
        return
    h = np.uint64(14695981039346656037)  # FNV-1a, 64 bits
    for k in range(start, end):
        h = (h ^ np.uint64(data[k])) * np.uint64(1099511628211)
    if h == np.uint64(0):
        h = np.uint64(1)
    count = mem.count
    slot = np.int64(h & np.uint64(SEEN - 1))
    while mem.seen[slot] != np.uint64(0) and kind != 2:
        if mem.seen[slot] == h:
            return
        slot = (slot + 1) & (SEEN - 1)
    if (
        kind != 2 and count[HASHES] < SEEN // 2
    ):  # beyond that, repeated texts are set aside again, which costs time and no more
        mem.seen[slot] = h
        count[HASHES] += 1
    row = out.texts[count[TEXTS]]
    row.start, row.end, row.line, row.kind = start, end, count[LINES], kind
    count[TEXTS] += 1


@inner
def starts(data: Bytes, i: int, end: int, what: Bytes) -> bool:
    """Whether ``data[i:end]`` starts with the bytes ``what``."""
    if end - i < len(what):
        return False
    for k in range(len(what)):  # noqa: SIM110 - numba has no all()
        if data[i + k] != what[k]:
            return False
    return True


@inner
def feature(data: Bytes, i: int, end: int, mem: Memory) -> None:
    """Stand in the feature named by ``data[i:end]``; one name too many belongs to the last."""
    while end > i and (data[end - 1] == 13 or data[end - 1] == 32):
        end -= 1
    length = min(end - i, MAX_FEATURE_BYTES)
    known = mem.count[FEATURES]
    for f in range(known):
        if mem.features[f, 0] == length and starts(data, i, i + length, mem.features[f, 1 : 1 + length]):
            mem.state[FEATURE] = f + 1
            return
    if known < MAX_FEATURES:
        for k in range(length):
            mem.features[known, 1 + k] = data[i + k]
        mem.features[known, 0] = length
        mem.count[FEATURES] = known + 1
    mem.state[FEATURE] = mem.count[FEATURES]


_TYPE = np.frombuffer(b"TYPE:", np.uint8)
_FEATURE = np.frombuffer(b" FEATURE: ", np.uint8)
_CHANGE = np.frombuffer(b"LAYER_CHANGE", np.uint8)
_CHANGED = np.frombuffer(b" CHANGE_LAYER", np.uint8)
_LAYER = np.frombuffer(b"LAYER:", np.uint8)
_WIDTH = np.frombuffer(b"WIDTH:", np.uint8)
_HEIGHT = np.frombuffer(b"HEIGHT:", np.uint8)
_Z = np.frombuffer(b"Z:", np.uint8)


@inner
def comment(data: Bytes, i: int, end: int, out: Output, mem: Memory) -> None:
    """Follow a slicer's marks; set every other comment aside as text. ``i`` is behind the semicolon."""
    if i < end and (data[i] == 87 or data[i] == 72 or data[i] == 90):  # W, H, Z: the commonest by far
        skip = 6 if starts(data, i, end, _WIDTH) else 7 if starts(data, i, end, _HEIGHT) else 0
        skip = 2 if starts(data, i, end, _Z) else skip
        _, j, ok = number(data, i + skip, end)
        if skip and ok and end - j <= 1:
            return
    if starts(data, i, end, _TYPE):
        feature(data, i + 5, end, mem)
    elif starts(data, i, end, _FEATURE):
        feature(data, i + 10, end, mem)
    elif starts(data, i, end, _CHANGE) or starts(data, i, end, _CHANGED):
        mem.state[LAYER] += 1.0
    elif starts(data, i, end, _LAYER):
        v, _, ok = number(data, i + 6, end)
        if ok and abs(v) < 1e6:
            mem.state[LAYER] = max(mem.state[LAYER], v)  # Cura counts rafts below zero
    text(i, end, 0, data, out, mem)


@inner
def command(data: Bytes, i: int, end: int, value: Values, out: Output, mem: Memory) -> None:
    """Carry out the command in ``data[i:end]``; its letter stands at ``i``."""
    count, state = mem.count, mem.state
    letter = data[i] & 0xDF
    v, j, ok = number(data, i + 1, end)
    plain = letter == 71 or letter == 77 or letter == 84  # G M T
    if not (plain and ok and 0.0 <= v < 10_000.0):
        second = data[i + 1] & 0xDF if i + 1 < end else 0
        macro = 65 <= letter <= 90 and (65 <= second <= 90 or (i + 1 < end and data[i + 1] == 95))
        if macro or letter == 84:  # Tx and T? belong to multi-material units
            text(i, end, 2, data, out, mem)
        else:
            count[UNKNOWN] += 1
            text(i, end, 3, data, out, mem)
        return
    code, sub = int(v), int((v - int(v)) * 10.0 + 0.5)
    count[KNOWN] += 1
    if letter == 84:
        if code < 256:
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
    stop = i
    while stop < end and data[stop] != 59:
        stop += 1
    if stop > i:
        if stop - i > mem.count[LONGEST]:
            mem.count[LONGEST], mem.count[LONGEST_LINE] = stop - i, mem.count[LINES]
        command(data, i, stop, value, out, mem)
    if stop < end:
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
        while end < size and data[end] != 10:
            end += 1
        if end == size:
            if count[SKIPPING] != 0:
                i = size
            break
        if count[SKIPPING] != 0:
            count[SKIPPING] = 0
        else:
            count[LINES] += 1
            line(data, i, end, value, out, mem)
        i = end + 1
    return i
