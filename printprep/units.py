"""Units: the suffixes of names, and reading what people write.

Inside printprep a length is mm, a time s, a speed mm/s, an angle degrees, a temperature deg C, a mass g; every
dimensional name ends in ``_mm _mm2 _mm3 _um _s _deg _c _g _mm_s``. Money is a :class:`Money`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

from printprep.errors import InputError

MM_PER_UNIT: Final[dict[str, float]] = {
    "um": 1e-3,
    "micron": 1e-3,
    "mm": 1.0,
    "cm": 10.0,
    "m": 1000.0,
    "in": 25.4,
    "inch": 25.4,
    "ft": 304.8,
}
S_PER_UNIT: Final[dict[str, float]] = {"d": 86400.0, "h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "ms": 1e-3}

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217 code), exact."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        """Sum of two amounts of one currency; a ValueError for two currencies."""
        if other.currency != self.currency:
            raise ValueError(f"{other.currency} cannot be added to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

    def __str__(self) -> str:
        return f"{self.rounded().amount} {self.currency}"

    def rounded(self) -> Money:
        """The amount to the cent, half up."""
        return Money(self.amount.quantize(Decimal("0.01"), ROUND_HALF_UP), self.currency)


def read_length_mm(text: str) -> float:
    """Length in mm from text such as ``0.4 mm``, ``40 um``, ``1.5in``; a bare number is mm."""
    match = re.fullmatch(rf"\s*({_NUMBER})\s*([a-zµ]*)\s*", text)
    unit = (match.group(2) or "mm").replace("µ", "u") if match else ""
    if match is None or unit not in MM_PER_UNIT:
        raise InputError(f"{text!r} is not a length; write a number and one of {', '.join(MM_PER_UNIT)}")
    return float(match.group(1)) * MM_PER_UNIT[unit]


def read_duration_s(text: str) -> float:
    """Duration in s from text such as ``1h30m``, ``2d 4h``, ``45 min``, ``90``; a bare number is s."""
    if re.fullmatch(rf"\s*{_NUMBER}\s*", text):
        return float(text)
    pairs = re.findall(rf"({_NUMBER})\s*(d|h|min|ms|m|s)", text)
    rest = re.sub(rf"({_NUMBER})\s*(d|h|min|ms|m|s)", "", text)
    if not pairs or rest.strip():
        raise InputError(f"{text!r} is not a duration; write for example 1h30m, 45 min or 90 s")
    return sum(float(number) * S_PER_UNIT[unit] for number, unit in pairs)


def read_money(text: str) -> Money:
    """Money from text such as ``12.50 EUR``."""
    match = re.fullmatch(r"\s*(\S+)\s+([A-Z]{3})\s*", text)
    try:
        if match is None:
            raise InvalidOperation
        amount = Decimal(match.group(1))
        if not amount.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise InputError(f"{text!r} is not an amount of money; write for example 12.50 EUR") from None
    return Money(amount, match.group(2))


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
