import pytest
from hypothesis import given
from hypothesis import strategies as st

from printprep.errors import InputError
from printprep.units import format_duration, read_duration_s


@pytest.mark.parametrize(
    ("text", "s"), [("1h30m", 5400), ("2d 4h", 187200), ("45 min", 2700), ("90", 90), ("500 ms", 0.5)]
)
def test_durations(text: str, s: float) -> None:
    assert read_duration_s(text) == pytest.approx(s)


@pytest.mark.parametrize("text", ["", "soon", "1h soon", "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a duration"):
        read_duration_s(text)


@given(st.floats(0, 1e7))
def test_a_written_duration_says_days_hours_minutes(duration_s: float) -> None:
    text = format_duration(duration_s)
    assert any(unit in text for unit in ("s", "min", "h", "d"))


def test_written_durations() -> None:
    assert [format_duration(s) for s in (40, 720, 25500, 93900)] == ["40 s", "12 min", "7 h 05 min", "1 d 02:05"]
