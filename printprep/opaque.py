"""What of a case's id or of a name could be a person's: neither may travel."""

from __future__ import annotations

import re

OPAQUE_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"
"""What a case id is written with; :func:`identifying` says what of that it may not be."""

_YEAR, _MONTH, _DAY = r"(?:19\d\d|20\d\d|2100)", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_MM, _DD = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DATE = re.compile(
    rf"(?<!\d)(?:{_YEAR}[ ._-]{_MONTH}[ ._-]{_DAY}|(?:{_DAY}[ ._-]{_MONTH}|{_MONTH}[ ._-]{_DAY})[ ._-]{_YEAR}"
    rf"|{_YEAR}{_MM}{_DD}|(?:{_DD}{_MM}|{_MM}{_DD}){_YEAR})(?!\d)"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def dates_in(text: str) -> tuple[str, ...]:
    """Dates of 1900 to 2100 in a name or an id, in any order of day, month and year, with or without separators."""
    return tuple(_DATE.findall(text))


def identifying(case_id: str) -> str | None:
    """Why an id could name a person, as the end of a sentence; None: it is opaque.

    A date could be a birthday. One word may stand in an id (``HEART-1``, ``case-4c48cbce``); two of three letters or
    more, or two in one by camelCase, could be a name.
    """
    dates = dates_in(case_id)
    if dates:
        return f"the date {dates[0]} in it could be a birthday"
    tokens = [token.strip("0123456789") for token in re.split(r"[._-]", case_id)]
    words = [word for token in tokens if token.isalpha() for word in _WORD.findall(token) if len(word) >= 3]
    return f"the words {' and '.join(words)} in it could be a person's name" if len(words) > 1 else None


def is_opaque(case_id: str) -> bool:
    """Whether an id may travel."""
    return re.fullmatch(OPAQUE_ID, case_id) is not None and identifying(case_id) is None
