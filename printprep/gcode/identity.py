"""What in a line of text could say who a patient, a user or a machine is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

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
_GENERATED = re.compile(rf"^\s*generated (?:by|with) .* on {_DATE} at ")
"""A slicer's first line: the day of slicing says nothing of a patient."""

_MESSAGE = re.compile(
    r"\s*(?:M0*(?:0|1|117|118)(?![\d.])(.*)|(?:RESPOND|SET_DISPLAY_TEXT)\b.*?\bMSG=(.*))", re.IGNORECASE | re.DOTALL
)
_BETWEEN: Final = re.compile(r"[\s,;:/()\[\]|=+*#!?&<>\"'%°~]+")
_NUMBER = re.compile(
    r"[a-z]?(?:\d+(?:[.:]\d+)*(?:mm3?|cm3?|ml|kg|g|m|s|sec|min|h|hrs?|d|c|x|k|deg|st|nd|rd|th)?)+", re.IGNORECASE
)
_CASE = re.compile(r"[A-Za-z]{0,4}[-_]?(?=[a-f]*\d)[0-9a-f]{3,}", re.IGNORECASE)
"""Such as CHD-0142 and case-4c48cbce: letters too few for most names, then digits."""

_NEUTRAL: Final = """
a action active all almost and at auto bed begin beginning brim busy button c calibrate calibrating calibration
chamber change changing check checking clean cleaning cleared click complete completed continue continuing cool
cooldown cooling current done down duration e echo elapsed end ended ending estimated eta even extruder extruders
fan fans feed feedrate filament filaments final finish finished finishing first flow flush flushing for from gcode
head heat heated heater heating height home homed homing hot hotend hour hours idle in infill init initializing
insert intro is it job knob last layer layers left level leveling levelling line load loaded loading lowering
material mesh min minute minutes mm moving new next no not notification now nozzle object objects of off ok on or
out panel park parking part parts pause paused pausing percent perimeter plate please position preheat preheating
prep prepare preparing press prime priming print printed printer printing probe probing progress purge purging raft
raising ready remaining remove removing resume resuming retract sec second seconds skirt soak speed start started
starting stop stopped support swap t target temp temperature temperatures temps test the time to tool toolchange
tools total tower travel unload unloading up wait waiting warm warming wipe wiping with x y your z
"""
NEUTRAL: Final = frozenset(_NEUTRAL.split())
"""Words of a message that say nothing of a person."""


def _messages(command: str) -> tuple[str, ...]:
    found = _MESSAGE.match(command)
    return tuple(part for part in found.groups() if part) if found else ()


def _says_nothing(token: str) -> bool:
    if not token or _CASE.fullmatch(token):
        return True
    pieces = re.split(r"[-_.]+", token)
    return all(not p or p.lower() in NEUTRAL or _NUMBER.fullmatch(p) is not None for p in pieces)


def identifying(text: str, forbidden_words: tuple[str, ...] = ()) -> Iterator[str]:
    """What ``text`` gives away, in words for people; nothing for a slicer's own comments.

    Parameters
    ----------
    text
        A comment without its semicolon, or a command. The words that a command shows on the panel or tells the host
        must be known ones: whoever reads them there may not know that they are a name.
    forbidden_words
        Names that must not occur as whole words, in whatever case; those under three letters are ignored.
    """
    rest = _GENERATED.sub("", text)
    yield from dict.fromkeys(what for what, pattern in PATTERNS if pattern.search(rest))
    if not all(_says_nothing(token) for message in _messages(text) for token in re.split(_BETWEEN, message)):
        yield "a message whose words could be a name"
    lower = text.lower()
    for word in forbidden_words:
        w = word.strip().lower()
        if len(w) >= 3 and w in lower and re.search(rf"(?<![^\W_]){re.escape(w)}(?![^\W_])", lower):
            yield "a name that must not leave"
            return
