"""Deadlines as people write them: ``2026-11-23T07:00+01:00``, ``07:00`` (the next one) or ``+6h``."""

from __future__ import annotations

import datetime as dt
import re

from printprep.errors import InputError
from printprep.units import read_duration_s


def read_deadline(text: str, now: dt.datetime, zone: dt.tzinfo | None = None) -> dt.datetime:
    """Deadline from text, aware, UTC.

    Parameters
    ----------
    text : str
        ISO 8601 with an offset; ``HH:MM``, the next time that the clock on the wall shows it; or ``+`` and a duration
        such as ``+6h`` or ``+1h30m``.
    now : datetime
        The time, aware.
    zone : tzinfo, optional
        Of the clock on the wall; None: the machine's own, with its summer time.

    Raises
    ------
    InputError
        Text that is none of these, a time without an offset, or one that is past.
    """
    wish = text.strip()
    if wish.startswith("+"):
        deadline = now + dt.timedelta(seconds=read_duration_s(wish[1:]))
    elif re.fullmatch(r"\d{1,2}:\d{2}", wish):
        deadline = _next(wish, now, zone)
    else:
        deadline = _iso(wish)
    if deadline <= now:
        raise InputError(f"the deadline {text} is past: it is {now.astimezone(zone):%Y-%m-%d %H:%M %z} now")
    return deadline.astimezone(dt.UTC)


def _next(wish: str, now: dt.datetime, zone: dt.tzinfo | None) -> dt.datetime:
    hour, minute = (int(number) for number in wish.split(":"))
    if hour > 23 or minute > 59:
        raise InputError(f"{wish} is not a time of day; write 00:00 to 23:59")
    today = now.astimezone(zone).replace(tzinfo=None, hour=hour, minute=minute, second=0, microsecond=0)
    days = (_on_the_wall(today + dt.timedelta(days=ahead), zone) for ahead in (0, 1))
    return next((time for time in days if time > now), now)


def _on_the_wall(time: dt.datetime, zone: dt.tzinfo | None) -> dt.datetime:
    """A wall clock's time as an aware one; the offset is that of its own day, not today's."""
    return time.astimezone() if zone is None else time.replace(tzinfo=zone)


def _iso(wish: str) -> dt.datetime:
    try:
        deadline = dt.datetime.fromisoformat(wish)
    except ValueError as exc:
        raise InputError(
            f"{wish!r} is not a time; write 2026-11-23T07:00+01:00, 07:00 for the next seven o'clock, or +6h"
        ) from exc
    if deadline.tzinfo is None:
        raise InputError(f"{wish} has no offset from UTC; write for example {wish}+01:00, or only the time of day")
    return deadline
