"""The lines a firmware sends, read one by one: pure functions from bytes to a reply.

Nothing here fails: a line that makes no sense is :data:`RUBBISH`. The sentences are those of Marlin 2.1, which the
others speak too, with a few of their own; see ``firmware_notes/``. What one firmware alone says, its dialect reads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from printprep.printers.dialects.events import Temperatures


class Kind(StrEnum):
    """What a received line is."""

    OK = "ok"
    RESEND = "resend"
    REFUSED = "refused"  # the sentence before a Resend
    SKIPPED = "skipped"  # a line that the firmware has already; or wait: it has nothing to do
    BUSY = "busy"
    TEMPERATURES = "temperatures"  # sent by itself, or while heating
    START = "start"  # the board restarted
    FATAL = "fatal"
    FAILED = "failed"  # a command was not carried out
    ACTION = "action"  # //action:…
    FIRMWARE = "firmware"  # FIRMWARE_NAME:…
    CAPABILITY = "capability"  # Cap:…
    NO_PAUSE = "no pause"  # the firmware has no pause of its own
    NOTICE = "notice"
    RUBBISH = "rubbish"


@dataclass(frozen=True, slots=True)
class Reply:
    """A received line."""

    kind: Kind
    text: str = ""
    number: int | None = None  # ok N…, Resend: …, Last Line: … + 1
    free: int | None = None  # ok … B…: free places in the command buffer
    temperatures: Temperatures | None = None


RUBBISH = Reply(Kind.RUBBISH)
_PLAIN_OK = Reply(Kind.OK, "ok")

_OK_COUNTED = re.compile(rb"ok N(\d+) P(\d+) B(\d+)")
_OK_OTHER = re.compile(r"ok(?:\s+N(?P<n>\d+))?(?:\s+P\d+)?(?:\s+B(?P<b>\d+))?(?P<rest>\s.*)?")
_RESEND = re.compile(r"(?:Resend|resend|rs)\s*:?\s*N?(\d+)")
_LAST_LINE = re.compile(r"Last Line: (\d+)")
_HEAT = re.compile(r"(?<![A-Za-z@])(T\d*|B): ?(-?\d+(?:\.\d+)?) ?/ ?(-?\d+(?:\.\d+)?)")
_CAPABILITY = re.compile(r"Cap:([A-Z0-9_]+):([01])")
_ACTION = re.compile(r"//\s*action:\s*([a-z_]+)(?:\s+(.*))?")
_FIRMWARE = re.compile(r"FIRMWARE_NAME:(.*?)(?:\s+[A-Z_]+:.*)?$")
_FATAL = (
    "printer halted",
    "kill() called",
    "thermal runaway",
    "mintemp",
    "maxtemp",
    "heating failed",
    "system stopped",
    "printer stopped due to errors",
    "klipper state: shutdown",
)


def read_reply(line: bytes) -> Reply:
    """One received line (without its end) as a reply."""
    counted = _OK_COUNTED.fullmatch(line)  # nearly every line of a print
    if counted is not None:
        return Reply(Kind.OK, number=int(counted[1]), free=int(counted[3]))
    if line == b"ok":
        return _PLAIN_OK
    try:
        text = line.decode("ascii").strip()
    except UnicodeDecodeError:
        return RUBBISH
    if not text.isprintable():
        return RUBBISH
    if text.startswith("ok"):
        return _read_ok(text)
    for prefix, read in _READERS:
        if text.startswith(prefix):
            return read(text)
    if _HEAT.match(text):
        return Reply(Kind.TEMPERATURES, text, temperatures=read_temperatures(text))
    return Reply(Kind.NOTICE, text)


def read_temperatures(text: str) -> Temperatures | None:
    """The temperatures in ``T:205.1 /205.0 B:60.0 /60.0 T0:… T1:…``; None when there are none."""
    tools: dict[int, tuple[float, float]] = {}
    active: tuple[float, float] | None = None
    bed: tuple[float, float] | None = None
    for name, actual, target in _HEAT.findall(text):
        pair = (float(actual), float(target))
        if name == "B":
            bed = pair
        elif name == "T":
            active = pair
        else:
            tools[int(name[1:])] = pair
    if active is not None and not tools:  # one tool: Marlin prints T: alone
        tools[0] = active
    return Temperatures(tools_c=tools, bed_c=bed) if tools or bed else None


def firmware_name(text: str) -> str | None:
    """What stands behind ``FIRMWARE_NAME:``, wherever in a line."""
    match = _FIRMWARE.search(text)
    return match[1].strip(" ,") if match else None


def _read_ok(text: str) -> Reply:
    match = _OK_OTHER.fullmatch(text)
    if match is None:
        return RUBBISH
    return Reply(
        Kind.OK,
        text,
        number=int(match["n"]) if match["n"] else None,
        free=int(match["b"]) if match["b"] else None,
        temperatures=read_temperatures(match["rest"] or ""),
    )


def _read_resend(text: str) -> Reply:
    match = _RESEND.fullmatch(text)
    return Reply(Kind.RESEND, text, number=int(match[1])) if match else RUBBISH


def _read_error(text: str) -> Reply:
    lower = text.lower()
    if any(sentence in lower for sentence in _FATAL) or lower.startswith(("!!", "fatal:")):
        return Reply(Kind.FATAL, text)
    last = _LAST_LINE.search(text)
    if last is not None:
        return Reply(Kind.REFUSED, text, number=int(last[1]) + 1)
    return Reply(Kind.NOTICE, text)


def _read_echo(text: str) -> Reply:
    return Reply(Kind.BUSY if "busy:" in text else Kind.NOTICE, text)


def _read_comment(text: str) -> Reply:
    match = _ACTION.fullmatch(text)
    if match is not None:
        return Reply(Kind.ACTION, f"{match[1]} {match[2] or ''}".strip())
    return _read_error(text)


def _read_capability(text: str) -> Reply:
    match = _CAPABILITY.fullmatch(text)
    return Reply(Kind.CAPABILITY, match[1], number=int(match[2])) if match else RUBBISH


def _read_firmware(text: str) -> Reply:
    return Reply(Kind.FIRMWARE, firmware_name(text) or text)


_READERS = (
    ("Resend", _read_resend),
    ("resend", _read_resend),
    ("rs", _read_resend),
    ("Error:", _read_error),
    ("!!", _read_error),
    ("fatal:", _read_error),
    ("echo:", _read_echo),
    ("busy:", _read_echo),
    ("//", _read_comment),
    ("Cap:", _read_capability),
    ("FIRMWARE_NAME:", _read_firmware),
    ("wait", lambda text: Reply(Kind.SKIPPED if text == "wait" else Kind.NOTICE, text)),
    ("start", lambda text: Reply(Kind.START if text == "start" else Kind.NOTICE, text)),
)
