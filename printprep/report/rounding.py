"""Numbers as they stand in a document: rounded, and never what JSON cannot say."""

from __future__ import annotations

import math
from decimal import Decimal


def number(value: float, digits: int = 4) -> float | None:
    """A rounded number; None for what JSON cannot say (NaN, infinity)."""
    return round(float(value), digits) if math.isfinite(value) else None


def value(of: float | str | None) -> float | str | None:
    """A number or a word."""
    return of if of is None or isinstance(of, str) else number(of, 6)


def point(at: tuple[float, float, float] | None) -> list[float | None] | None:
    """A place, to a thousandth."""
    return None if at is None else [number(x, 3) for x in at]


def money(amount: Decimal) -> float:
    """An amount to the cent as a JSON number; it prints with at most two decimals."""
    return float(amount.quantize(Decimal("0.01")))
