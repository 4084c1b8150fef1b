"""Units: the suffixes of names, and durations as people write and read them.

Inside printprep a length is mm, a time s, a speed mm/s, an angle degrees, a temperature deg C, a mass g; every
dimensional name ends in ``_mm _mm2 _mm3 _um _s _deg _c _g _mm_s``. Money is a Decimal with its currency beside it.
"""

from __future__ import annotations

import re
from typing import Final

from printprep.errors import InputError

MM_PER_UNIT: Final[dict[str, float]] = {
    "um": 1e-3,
    "mm": 1.0,
    "cm": 10.0,
    "m": 1000.0,
    "in": 25.4,
    "ft": 304.8,
}
S_PER_UNIT: Final[dict[str, float]] = {"d": 86400.0, "h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "ms": 1e-3}

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"


def read_duration_s(text: str) -> float:
    """Duration in s from text such as ``1h30m``, ``2d 4h``, ``45 min``, ``90``; a bare number is s."""
    if re.fullmatch(rf"\s*{_NUMBER}\s*", text):
        return float(text)
    pairs = re.findall(rf"({_NUMBER})\s*(d|h|min|ms|m|s)", text)
    rest = re.sub(rf"({_NUMBER})\s*(d|h|min|ms|m|s)", "", text)
    if not pairs or rest.strip():
        raise InputError(f"{text!r} is not a duration; write for example 1h30m, 45 min or 90 s")
    return sum(float(number) * S_PER_UNIT[unit] for number, unit in pairs)


def format_duration(duration_s: float) -> str:
    """Duration as people read it: ``1 d 02:05``, ``7 h 05 min``, ``12 min``, ``40 s``."""
    whole = round(duration_s)
    if whole < 60:
        return f"{whole} s"
    minutes = round(duration_s / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02d}:{minutes:02d}"
