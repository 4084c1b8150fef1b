"""What in a line of text could say who a patient, a user or a machine is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from printprep.gcode.setting import setting
from printprep.gcode.vocabulary import unknown_words

_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_DATE = rf"(?:{_YEAR}[-./]{_MONTH}[-./]{_DAY}|(?:{_DAY}[-./]{_MONTH}|{_MONTH}[-./]{_DAY})[-./]{_YEAR})"
_NAMED_MONTH = (
    r"(?:jan(?:uary?|uar)?|feb(?:ruary?|ruar)?|mar(?:ch)?|mär(?:z)?|maerz|apr(?:il)?|may|mai|june?|juni|july?|juli"
    r"|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
_GAP = r"[\s.,/_-]*"
_DATE_IN_WORDS = (
    rf"(?:{_DAY}(?:st|nd|rd|th)?{_GAP}(?:of )?{_NAMED_MONTH}{_GAP}{_YEAR}"
    rf"|{_NAMED_MONTH}{_GAP}{_DAY}(?:st|nd|rd|th)?[\s.,/_-]+{_YEAR}|{_YEAR}{_GAP}{_NAMED_MONTH}{_GAP}{_DAY})"
)
PATTERNS: Final = (
    ("an e-mail address", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}")),
    (
        "a path in a file system",
        re.compile(
            r"(?:^|[\s\"'=(,;:]|\s[A-Z])(?:~?/(?:home|Users|root|tmp|mnt|media|var|srv|opt|data|work|private|Volumes)/\S"
            r"|(?<!=)~/\S|file://\S|[A-Za-z]:\\\S|\\\\[\w.-]+\\\S)"
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
    ("a date", re.compile(rf"(?<!\w){_DATE_IN_WORDS}(?!\w)", re.IGNORECASE)),
    (
        "a word for a person",
        re.compile(
            # no base64 of a thumbnail: a word does not stand between its signs
            r"(?<![\w/+])(?:patient(?:in|en|s|'s)?(?:[ _-]?(?:name|id|no|nr|number))?|surname|forename|nachname|vorname"
            r"|familienname|geboren|geb\.|geburt\w*|born|birth(?:[ _-]?(?:day|date|name))?|d\.?o\.?b|m\.?r\.?n"
            r"|medical[ _-]?record\w*|accession(?:[ _-]?(?:id|no|number))?"
            r"|(?:first|last|given|family|full|maiden)[ _-]?name)(?![\w/+])"
            r"|(?:^|[\s,;])name[ \t]*:[ \t]*\S|^\s*name[ \t]*=[ \t]*\S",
            re.IGNORECASE,
        ),
    ),
)
_GENERATED = re.compile(rf"^\s*(?:generated (?:by|with) .* on|Produced on =) {_DATE}(?: at)? ")
"""A slicer's first line: the day of slicing says nothing of a patient."""

_MESSAGE = re.compile(
    r"\s*(?:M0*(?:0|1|117|118)(?![\d.])(.*)|(?:RESPOND|SET_DISPLAY_TEXT|M117|M118)\b.*?\bMSG=(.*))",
    re.IGNORECASE | re.DOTALL,
)
_OBJECT = re.compile(
    r"\s*(?:(?:stop )?printing object (.*?) id:\d+ copy \d+\s*$|MESH:(.*)|M0*486(?![\d.])[^A]*A(.*)"
    r"|EXCLUDE_OBJECT\w*\b.*?\bNAME=(\S+))",
    re.IGNORECASE | re.DOTALL,
)
_DOCUMENT = re.compile(r"\s*(?:SETTING_3 |objects_info\b)")
"""Settings and outlines of a whole plate in one text."""
_MARK = re.compile(
    r"\s*(?:(?-i:[A-Z_]+): ?-?[\d.]+(?:e[-+]?\d+)?\s*$"
    r"|generated (?:by|with) \S+ \S+(?: on [-\d]+ at [\d:]+(?: UTC)?)?\s*$"
    r"|thumbnail(?:\w* (?:begin|end)| \d+x\d+ \w+, \d+ bytes$)"
    r"|Producer = \S+ [\d.]\S*$|Produced on = [-\d: atUTC]+$)",
    re.IGNORECASE,
)
"""Marks with numbers and versions in them; the words of features and objects are judged like any other."""
_PICTURE = re.compile(r"\s?[A-Za-z0-9+/]{4,}={0,2}\s*")
PICTURE_CHARS: Final = 60
"""A line of a thumbnail in base64; only the last one is shorter."""

NAME: Final = "a message whose words could be a name"
OBJECT: Final = "an object whose name could be a person's"
COMMENT: Final = "a comment whose words could be a name"


def identifying(
    text: str, forbidden_words: tuple[str, ...] = (), known_words: frozenset[str] = frozenset()
) -> Iterator[str]:
    """What ``text`` gives away, in words for people; nothing for a slicer's own comments.

    Parameters
    ----------
    text
        A comment without its semicolon, or a command. The words that a command shows on the panel or tells the host
        must be known ones: whoever reads them there may not know that they are a name.
    forbidden_words
        Names that must not occur as whole words, in whatever case; those under three letters are ignored.
    known_words
        Lower-case words that may stand in a message or an object's name, besides those of the trade.
    """
    rest = _GENERATED.sub("", text)
    yield from dict.fromkeys(what for what, pattern in PATTERNS if pattern.search(rest))
    if any(unknown_words(message, known_words) for message in _caught(_MESSAGE, text)):
        yield NAME
    for name in _caught(_OBJECT, text):
        strange = unknown_words(name, known_words)
        if len(strange) > 1 or any(not word.islower() for word in strange):
            yield OBJECT
    lower = text.lower()
    for word in forbidden_words:
        w = word.strip().lower()
        if len(w) >= 3 and w in lower and re.search(rf"(?<![^\W_]){re.escape(w)}(?![^\W_])", lower):
            yield "a name that must not leave"
            return


def strange_words(comment: str, known_words: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The words of a comment, without its semicolon, that nobody vouches for; none in a slicer's marks and settings.

    A capital or a long number among them makes a name or a number of a patient likely.
    """
    if _MARK.match(comment) or _DOCUMENT.match(comment) or setting(comment):
        return ()
    if objects := _caught(_OBJECT, comment):  # one that is likely a person's was said already
        return tuple(word for name in objects for word in unknown_words(name, known_words))
    return unknown_words(comment, known_words)


def likely_a_name(words: tuple[str, ...]) -> bool:
    """Whether words that nobody knows look like a person's name or number, rather than like a remark."""
    return any(word[0].isupper() or not word.isascii() or sum(c.isdigit() for c in word) > 3 for word in words)


def picture_line(comment: str) -> bool:
    """Whether a comment may be a line, or the last line, of a thumbnail."""
    return _PICTURE.fullmatch(comment) is not None


def _caught(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    found = pattern.match(text)
    return tuple(part for part in found.groups() if part) if found else ()
