"""What in a line of text could say who a patient, a user or a machine is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_DATE = (
    r"(?:(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|1[0-2])[-./](?:19|20)\d\d)"
)
PATTERNS: Final = (
    ("an e-mail address", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}")),
    (
        "a path in a file system",
        re.compile(
            r"(?:^|[\s\"'=(,;:]|\s[A-Z])(?:~?/(?:home|Users|root|tmp|mnt|media|var|srv|opt|data|work|private|Volumes)/\S"
            r"|~/\S|file://\S|[A-Za-z]:\\\S|\\\\[\w.-]+\\\S)"
        ),
    ),
    (
        "the name of a mesh or image file",
        re.compile(r"[^\s/\\\"'=]\.(?:stl|obj|3mf|ply|glb|gltf|amf|step|dcm|dicom|nii|nrrd|mha)\b", re.IGNORECASE),
    ),
    (
        "an API key or a password",
        re.compile(
            r"(?:api[_-]?key|password|passwd|secret|token)[ \t]*[:=][ \t]*[^\s\"';]"
            r"|(?<![0-9A-Za-z])[0-9A-Fa-f]{32}(?![0-9A-Za-z])",
            re.IGNORECASE,
        ),
    ),
    ("a host or a user", re.compile(r"(?:print_?host|hostname|user(?:name)?|printhost_user)[ \t]*[:=][ \t]*[^\s;]")),
    ("a date", re.compile(rf"(?<![\w.]){_DATE}(?![\w.])")),
    (
        "a word for a person",
        re.compile(
            r"\b(?:patient|birth|dob|mrn|accession)(?:[_ ]?(?:name|id|date|number|no))?[ \t]*[:=][ \t]*\S",
            re.IGNORECASE,
        ),
    ),
)
_GENERATED = re.compile(rf"^\s*generated (?:by|with) .* on {_DATE} at ")
"""A slicer's first line: the day of slicing says nothing of a patient."""


def identifying(text: str, forbidden_words: tuple[str, ...] = ()) -> Iterator[str]:
    """What ``text`` gives away, in words for people; nothing for a slicer's own comments.

    Parameters
    ----------
    text
        A comment or a message, without its semicolon.
    forbidden_words
        Names that must not occur as whole words, in whatever case; those under three letters are ignored.
    """
    rest = _GENERATED.sub("", text)
    for what, pattern in PATTERNS:
        if pattern.search(rest):
            yield what
    lower = text.lower()
    for word in forbidden_words:
        w = word.strip().lower()
        if len(w) >= 3 and w in lower and re.search(rf"(?<![^\W_]){re.escape(w)}(?![^\W_])", lower):
            yield "a name that must not leave"
            return
