from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printprep.errors import InputError
from printprep.units import Money, format_duration, read_duration_s, read_length_mm, read_money


@pytest.mark.parametrize(
    ("text", "mm"), [("0.4 mm", 0.4), ("40 um", 0.04), ("40µm", 0.04), ("1in", 25.4), ("2", 2.0), ("-1.5 cm", -15.0)]
)
def test_lengths(text: str, mm: float) -> None:
    assert read_length_mm(text) == pytest.approx(mm)


@pytest.mark.parametrize(
    ("text", "s"), [("1h30m", 5400), ("2d 4h", 187200), ("45 min", 2700), ("90", 90), ("500 ms", 0.5)]
)
def test_durations(text: str, s: float) -> None:
    assert read_duration_s(text) == pytest.approx(s)


@pytest.mark.parametrize("text", ["", "mm", "1 furlong", "1,5 mm", "1 mm mm", "nan"])
def test_what_is_no_length_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(InputError, match="write a number"):
        read_length_mm(text)


@pytest.mark.parametrize("text", ["", "soon", "1h soon", "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a duration"):
        read_duration_s(text)


def test_money_is_exact_and_keeps_its_currency() -> None:
    assert read_money("12.50 EUR") == Money(Decimal("12.50"), "EUR")
    assert str(Money(Decimal("0.005"), "EUR")) == "0.01 EUR"
    with pytest.raises(ValueError):
        read_money("1 EUR") + read_money("1 USD")
    for text in ("12.50", "EUR", "inf EUR", "nan EUR", "1 euro"):
        with pytest.raises(InputError):
            read_money(text)


@given(st.floats(0, 1e7))
def test_a_written_duration_says_days_hours_minutes(duration_s: float) -> None:
    text = format_duration(duration_s)
    assert any(unit in text for unit in ("s", "min", "h", "d"))


def test_written_durations() -> None:
    assert [format_duration(s) for s in (40, 720, 25500, 93900)] == ["40 s", "12 min", "7 h 05 min", "1 d 02:05"]
