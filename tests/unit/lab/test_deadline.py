from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from printprep.errors import InputError
from printprep.lab.deadline import read_deadline

BERLIN = ZoneInfo("Europe/Berlin")
NOW = dt.datetime(2026, 11, 22, 18, 30, tzinfo=dt.UTC)  # 19:30 in Berlin


def utc(*fields: int) -> dt.datetime:
    return dt.datetime(*fields, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T07:00:00+01:00", utc(2026, 11, 23, 6)),
        ("2026-11-23T07:00Z", utc(2026, 11, 23, 7)),
        ("07:00", utc(2026, 11, 23, 6)),
        ("19:31", utc(2026, 11, 22, 18, 31)),
        ("19:30", utc(2026, 11, 23, 18, 30)),  # not the one that is now
        ("+6h", utc(2026, 11, 23, 0, 30)),
        ("+1h30m", utc(2026, 11, 22, 20)),
    ],
)
def test_deadlines(text: str, expected: dt.datetime) -> None:
    assert read_deadline(text, NOW, BERLIN) == expected


def test_a_night_with_a_change_of_the_clocks() -> None:
    before = utc(2026, 10, 24, 20)  # 22:00 summer time; at 03:00 the clocks go back
    assert read_deadline("07:00", before, BERLIN) == utc(2026, 10, 25, 6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-23T07:00", "no offset"),
        ("2026-11-22T19:29+01:00", "is past: it is 2026-11-22 19:30 \\+0100 now"),
        ("+0h", "is past"),
        ("25:00", "not a time of day"),
        ("tomorrow", "is not a time"),
        ("+soon", "not a duration"),
    ],
)
def test_what_is_no_deadline(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_deadline(text, NOW, BERLIN)
