"""The two packings of Prusa's binary G-code that no library of Python's unpacks, in numba: Heatshrink and MeatPack.

Heatshrink is LZSS for small machines: a bit 1 and a byte that stands for itself, or a bit 0, how far back, and how many
bytes to repeat, each less one, most significant bit first (https://github.com/atomicobject/heatshrink). MeatPack puts
the fifteen commonest characters of G-code into half a byte (https://github.com/scottmudge/OctoPrint-MeatPack).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from printprep.gcode.layout import Bytes

LOOKAHEAD_BITS: Final = 4
PACKED: Final = np.frombuffer(b"0123456789. \nGX", np.uint8)  # by half a byte; 15 says that a whole one follows
SIGNAL: Final = 0xFF  # twice, and the next byte is an order
PACK, PLAIN, RESET, NO_SPACES, SPACES = 251, 250, 249, 247, 246


@njit(cache=True, nogil=True)
def heatshrink(data: Bytes, out: Bytes, window_bits: int) -> int:
    """Unpack ``data`` into all of ``out``; how many bytes that gave, or -1 if it points before its beginning.

    Anything less than ``len(out)`` says that the packed bytes end too early; one more that they go on behind it.
    """
    bit, bits, filled, room = 0, 8 * len(data), 0, len(out)
    while bit + 9 <= bits:
        literal = (data[bit >> 3] >> (7 - (bit & 7))) & 1
        width = 8 if literal else window_bits + LOOKAHEAD_BITS
        if bit + 1 + width > bits:
            break
        bit += 1
        value = 0
        for _ in range(width):
            value = value << 1 | (int(data[bit >> 3]) >> (7 - (bit & 7))) & 1
            bit += 1
        if filled == room:
            return room + 1
        if literal:
            out[filled] = value
            filled += 1
            continue
        back = (value >> LOOKAHEAD_BITS) + 1
        length = (value & (1 << LOOKAHEAD_BITS) - 1) + 1
        if back > filled:
            return -1
        if length > room - filled:
            return room + 1
        for _ in range(length):
            out[filled] = out[filled - back]
            filled += 1
    return filled


@njit(cache=True, nogil=True)
def meatpack(data: Bytes, out: Bytes) -> int:
    """Unpack ``data`` into ``out``, which must have twice its room; how many bytes that gave.

    Each block of a file begins unpacked. What shares a byte with the end of a line before it is padding, and so is an
    empty line, which packers leave behind.
    """
    packing, no_spaces, signals, filled = False, False, 0, 0
    due, held = 0, -1  # whole bytes that are to come, and a half byte that waits behind the first of them
    for k in range(len(data)):
        c = int(data[k])
        if signals == 2:
            signals = 0
            if c == PACK:
                packing = True
            elif c in (PLAIN, RESET):
                packing = False
            elif c in (NO_SPACES, SPACES):
                no_spaces = c == NO_SPACES
            continue
        if c == SIGNAL:
            signals += 1
            continue
        for put in (SIGNAL, c) if signals else (c, -1):
            if put < 0:
                continue
            if not packing or due > 0:
                out[filled] = put
                filled += 1
                if due > 0:
                    due -= 1
                    if held >= 0:
                        out[filled] = held
                        filled, held = filled + 1, -1
                continue
            low, high = put & 15, put >> 4
            first = -1 if low == 15 else int(PACKED[low])
            second = -1 if high == 15 else int(PACKED[high])
            if no_spaces:
                first = 69 if first == 32 else first
                second = 69 if second == 32 else second
            if first < 0:
                due = 2 if second < 0 else 1
                held = second
                continue
            if first == 10:
                if filled == 0 or out[filled - 1] != 10:
                    out[filled] = first
                    filled += 1
                continue
            out[filled] = first
            filled += 1
            if second < 0:
                due = 1
            else:
                out[filled] = second
                filled += 1
        signals = 0
    return filled
