"""What slicers say in comments and macros, in numba: layers, features and objects; other words are set aside.

PrusaSlicer and SuperSlicer: ``;LAYER_CHANGE``, ``;TYPE:External perimeter``, ``; printing object NAME``. OrcaSlicer
and Bambu Studio: the same, or ``; CHANGE_LAYER``, ``; FEATURE: Outer wall`` and ``; start printing object, unique label
id: 7``. Cura: ``;LAYER:3``, ``;TYPE:WALL-OUTER``, ``;MESH:NAME``. Slic3r says what a line is for behind each line, if
it was asked to comment. Printers are told of objects by M486 (Marlin) or EXCLUDE_OBJECT_START (Klipper).
"""

from __future__ import annotations

import numpy as np

from printprep.gcode.layout import (
    FEATURE,
    FEATURES,
    HASHES,
    LAYER,
    LAYER_MARK,
    LAYER_NUMBER,
    LINES,
    MAX_FEATURES,
    MAX_NAME_BYTES,
    MAX_OBJECTS,
    MOVES,
    OBJECT,
    OBJECT_MARK,
    OBJECTS,
    SEEN,
    TEXTS,
    TOOL,
    TYPED,
    Bytes,
    Memory,
    Output,
)  # fmt: skip
from printprep.gcode.rows import event, inner
from printprep.gcode.words import number, starts


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
    # beyond half of the slots, repeated texts are set aside again, which costs time and no more
    if kind != 2 and count[HASHES] < SEEN // 2:
        mem.seen[slot] = h
        count[HASHES] += 1
    row = out.texts[count[TEXTS]]
    row.start, row.end, row.line, row.kind = start, end, count[LINES], kind
    count[TEXTS] += 1


@inner
def name_end(data: Bytes, i: int, end: int) -> int:
    """Where a name that begins at ``i`` ends: without blanks, and no longer than a name may be."""
    while end > i and (data[end - 1] == 13 or data[end - 1] == 32):
        end -= 1
    return min(end, i + MAX_NAME_BYTES)


@inner
def named(data: Bytes, i: int, end: int, first: int, known: int, mem: Memory) -> int:
    """Which of the ``known`` names from row ``first`` on is ``data[i:end]``; ``known`` if none is."""
    length = end - i
    for f in range(known):
        row = mem.names[first + f]
        if row[0] == length and starts(data, i, end, row[1 : 1 + length]):
            return f
    return known


@inner
def put_name(data: Bytes, i: int, end: int, row: int, mem: Memory) -> None:
    """Write ``data[i:end]`` as the name in ``row``."""
    for k in range(end - i):
        mem.names[row, 1 + k] = data[i + k]
    mem.names[row, 0] = end - i


@inner
def feature(data: Bytes, i: int, end: int, mem: Memory) -> None:
    """Stand in the feature named by ``data[i:end]``; one name too many belongs to the last."""
    end, known = name_end(data, i, end), mem.count[FEATURES]
    which = named(data, i, end, 0, known, mem)
    if which == known and known < MAX_FEATURES:
        put_name(data, i, end, known, mem)
        mem.count[FEATURES] = known + 1
    mem.state[FEATURE] = min(which + 1, mem.count[FEATURES])


@inner
def enter(which: int, mark: int, out: Output, mem: Memory) -> None:
    """Stand in an object, 0 for none, if this is how the file marks its objects."""
    state = mem.state
    if state[OBJECT_MARK] == 0.0:
        state[OBJECT_MARK] = float(mark)
    if state[OBJECT_MARK] == float(mark) and state[OBJECT] != float(which):
        state[OBJECT] = float(which)
        event(11, float(which), int(state[TOOL]), out, mem)


@inner
def enter_named(data: Bytes, i: int, end: int, mark: int, out: Output, mem: Memory) -> None:
    """Stand in the object named by ``data[i:end]``; one name too many belongs to the last."""
    if mem.state[OBJECT_MARK] != 0.0 and mem.state[OBJECT_MARK] != float(mark):
        return
    end, known = name_end(data, i, end), mem.count[OBJECTS]
    which = named(data, i, end, MAX_FEATURES, known, mem)
    if which == known and known < MAX_OBJECTS:
        put_name(data, i, end, MAX_FEATURES + known, mem)
        mem.count[OBJECTS] = known + 1
    enter(min(which + 1, mem.count[OBJECTS]), mark, out, mem)


@inner
def m486(data: Bytes, i: int, end: int, out: Output, mem: Memory) -> None:
    """M486: S enters an object by its number, below zero none; A names the one that it stands in."""
    while i < end and data[i] == 32:
        i += 1
    letter = data[i] & 0xDF if i < end else 0
    if letter == 83:
        v, j, ok = number(data, i + 1, end)
        if ok and v < 0.0:
            enter(0, 4, out, mem)
        elif ok and v < MAX_OBJECTS:
            which = int(v)
            enter(which + 1, 4, out, mem)
            if mem.state[OBJECT_MARK] == 4.0 and which >= mem.count[OBJECTS]:
                mem.count[OBJECTS] = which + 1
                put_name(data, i + 1, min(j, i + 4), MAX_FEATURES + which, mem)
    elif letter == 65 and mem.state[OBJECT_MARK] == 4.0 and mem.state[OBJECT] > 0.0:
        i += 1
        if end - i > 1 and data[i] == 34 and data[end - 1] == 34:
            i, end = i + 1, end - 1
        put_name(data, i, name_end(data, i, end), MAX_FEATURES + int(mem.state[OBJECT]) - 1, mem)


_EXCLUDE_START = np.frombuffer(b"EXCLUDE_OBJECT_START", np.uint8)
_EXCLUDE_END = np.frombuffer(b"EXCLUDE_OBJECT_END", np.uint8)
_NAME = np.frombuffer(b" NAME=", np.uint8)
_ACTIVATE = np.frombuffer(b"ACTIVATE_EXTRUDER EXTRUDER=extruder", np.uint8)


@inner
def macro(data: Bytes, i: int, end: int, out: Output, mem: Memory) -> None:
    """Follow the macros of Klipper that a slicer writes between moves."""
    if starts(data, i, end, _EXCLUDE_START):
        if starts(data, i + 20, end, _NAME):
            enter_named(data, i + 26, end, 5, out, mem)
    elif starts(data, i, end, _EXCLUDE_END):
        enter(0, 5, out, mem)
    elif starts(data, i, end, _ACTIVATE):
        v, _, ok = number(data, i + 35, end)
        v = v if ok else 0.0  # the first one has no number
        if 0.0 <= v < 255.0:
            mem.state[TOOL] = v
            event(1, v, int(v), out, mem)


_TYPE = np.frombuffer(b"TYPE:", np.uint8)
_FEATURE = np.frombuffer(b" FEATURE: ", np.uint8)
_CHANGE = np.frombuffer(b"LAYER_CHANGE", np.uint8)
_CHANGED = np.frombuffer(b" CHANGE_LAYER", np.uint8)
_LAYER = np.frombuffer(b"LAYER:", np.uint8)
_WIDTH = np.frombuffer(b"WIDTH:", np.uint8)
_HEIGHT = np.frombuffer(b"HEIGHT:", np.uint8)
_Z = np.frombuffer(b"Z:", np.uint8)
_LINE_WIDTH = np.frombuffer(b" LINE_WIDTH: ", np.uint8)
_LAYER_HEIGHT = np.frombuffer(b" LAYER_HEIGHT: ", np.uint8)
_MESH = np.frombuffer(b"MESH:", np.uint8)
_NO_MESH = np.frombuffer(b"NONMESH", np.uint8)
_OBJECT = np.frombuffer(b" printing object ", np.uint8)
_LABEL = np.frombuffer(b" start printing object, unique label id: ", np.uint8)
_STOP = np.frombuffer(b" stop printing object", np.uint8)


@inner
def dimension(data: Bytes, i: int, end: int) -> bool:
    """Whether a comment says a width, a height or a z and no more; those are taken from the moves themselves."""
    if data[i] == 32:
        skip = 13 if starts(data, i, end, _LINE_WIDTH) else 15 if starts(data, i, end, _LAYER_HEIGHT) else 0
    else:
        skip = 6 if starts(data, i, end, _WIDTH) else 7 if starts(data, i, end, _HEIGHT) else 0
        skip = 2 if starts(data, i, end, _Z) else skip
    if skip == 0:
        return False
    _, j, ok = number(data, i + skip, end)
    return bool(ok and end - j <= 1)


@inner
def layer_change(mem: Memory) -> None:
    """Begin a layer, if this is how the file marks them."""
    if mem.state[LAYER_MARK] == 0.0:
        mem.state[LAYER_MARK] = 1.0
    if mem.state[LAYER_MARK] == 1.0:
        mem.state[LAYER] += 1.0


@inner
def layer_number(data: Bytes, i: int, end: int, mem: Memory) -> None:
    """Begin a layer when its number is another. Numbers begin below zero on rafts, and anew with the next object."""
    state = mem.state
    v, _, ok = number(data, i, end)
    if ok and state[LAYER_MARK] != 1.0 and v != state[LAYER_NUMBER]:
        state[LAYER_MARK], state[LAYER_NUMBER] = 2.0, v
        state[LAYER] += 1.0


@inner
def comment(data: Bytes, i: int, end: int, out: Output, mem: Memory) -> None:
    """Follow a slicer's marks; set every other comment aside as text. ``i`` is behind the semicolon."""
    c = data[i] if i < end else 0
    if (c == 87 or c == 72 or c == 90 or c == 32) and dimension(data, i, end):  # W, H, Z, blank
        return
    if c == 84 and starts(data, i, end, _TYPE):
        feature(data, i + 5, end, mem)
        mem.state[TYPED] = 1.0
    elif c == 76 and starts(data, i, end, _CHANGE):
        layer_change(mem)
    elif c == 76 and starts(data, i, end, _LAYER):
        layer_number(data, i + 6, end, mem)
    elif c == 77 and starts(data, i, end, _MESH):
        if starts(data, i + 5, end, _NO_MESH):
            enter(0, 2, out, mem)
        else:
            enter_named(data, i + 5, end, 2, out, mem)
    elif c == 32:
        spaced(data, i, end, out, mem)
    text(i, end, 0, data, out, mem)


@inner
def spaced(data: Bytes, i: int, end: int, out: Output, mem: Memory) -> None:
    """The marks that begin with a blank."""
    if starts(data, i, end, _FEATURE):
        feature(data, i + 10, end, mem)
        mem.state[TYPED] = 1.0
    elif starts(data, i, end, _CHANGED):
        layer_change(mem)
    elif starts(data, i, end, _OBJECT):
        enter_named(data, i + 17, end, 1, out, mem)
    elif starts(data, i, end, _LABEL):
        enter_named(data, i + 41, end, 3, out, mem)
    elif starts(data, i, end, _STOP):
        enter(0, 3 if mem.state[OBJECT_MARK] == 3.0 else 1, out, mem)


_PERIMETER = np.frombuffer(b" perimeter", np.uint8)
_INFILL = np.frombuffer(b" infill", np.uint8)
_SKIRT = np.frombuffer(b" skirt", np.uint8)
_BRIM = np.frombuffer(b" brim", np.uint8)
_SUPPORT = np.frombuffer(b" support material", np.uint8)
_GAP = np.frombuffer(b" gap fill", np.uint8)


@inner
def behind(data: Bytes, i: int, end: int, before: int, out: Output, mem: Memory) -> None:
    """The comment behind a command, which made the rows of moves from ``before`` on.

    Slic3r names the feature there, if nothing else in the file does.
    """
    state, now = mem.state, mem.count[MOVES]
    if state[TYPED] == 0.0 and now > before and out.moves[now - 1].e > 0.0:
        c = data[i + 1] if i + 1 < end else 0
        found = (
            (c == 112 and starts(data, i, end, _PERIMETER))
            or (c == 105 and starts(data, i, end, _INFILL))
            or (c == 115 and (starts(data, i, end, _SUPPORT) or starts(data, i, end, _SKIRT)))
            or (c == 98 and starts(data, i, end, _BRIM))
            or (c == 103 and starts(data, i, end, _GAP))
        )
        if found:
            feature(data, i + 1, end, mem)
            for row in range(before, now):
                out.moves[row].feature = int(state[FEATURE])
    comment(data, i, end, out, mem)
