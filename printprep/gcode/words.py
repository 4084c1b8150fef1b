"""Numbers and words in a line of bytes, in numba."""

from __future__ import annotations

import numpy as np

from printprep.gcode.layout import Bytes, Values
from printprep.gcode.rows import LARGEST, inner


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
def exponent(data: Bytes, i: int, end: int) -> bool:
    """Whether what stands right behind a number may be its exponent: an E and a number, without a space."""
    if i + 1 >= end or data[i] & 0xDF != 69:
        return False
    c = data[i + 1]
    return bool(48 <= c <= 57 or c == 43 or c == 45 or c == 46)


@inner
def words(data: Bytes, i: int, end: int, value: Values) -> tuple[int, int]:
    """Read ``X1 Y-2.5`` into ``value`` (26,): bits of letters with a number, and of those without; -1 is rubbish.

    A word of a language is rubbish too: three letters in a row that are no axes and have no number. So is ``X1E3``,
    which firmwares read in three ways (:attr:`printprep.profiles.firmware.Reads.exponent`); but not where words stand
    without spaces throughout, as in binary files that only firmwares with one way read.
    """
    valued, bare, run = 0, 0, 0
    while i < end:
        c = data[i]
        if c == 32 or c == 9 or c == 13:
            i += 1
            continue
        if c == 42:  # a checksum ends the line
            break
        letter, apart = int(c & 0xDF) - 65, data[i - 1] == 32 or data[i - 1] == 9
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
            if not abs(v) < LARGEST * 10 or (apart and exponent(data, j, end)):
                return -1, bare
            value[letter] = v
            valued |= 1 << letter
        else:
            bare |= 1 << letter
        i = j
    return valued, bare


@inner
def starts(data: Bytes, i: int, end: int, what: Bytes) -> bool:
    """Whether ``data[i:end]`` starts with the bytes ``what``."""
    if end - i < len(what):
        return False
    for k in range(len(what)):  # noqa: SIM110 - numba has no all()
        if data[i + k] != what[k]:
            return False
    return True
