"""What a device that gave no sensible answer to the greeting seems to be. Pure: bytes in, a sentence out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

HEARD_MOST: Final = 4096  # bytes of a greeting that are kept to tell who answered
RUBBISH_SHARE: Final = 0.2  # of bytes outside text: that much is another baud rate, or noise
_MODEM: Final = re.compile(
    rb"NO CARRIER|NO DIALTONE|\+CM[ES] ERROR|^\s*(?:CONNECT|RING|BUSY)\b|^ERROR\s*$", re.MULTILINE
)
_CONSOLE: Final = re.compile(rb"login:|[Pp]assword:|command not found|\$ $|# $")

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "klipper": ("klipper",),
    "reprapfirmware": ("reprapfirmware",),
    "repetier": ("repetier",),
    "smoothieware": ("smoothie",),
    "prusa-buddy": ("prusa-firmware-buddy",),
    "marlin": ("marlin", "prusa-firmware"),
}
"""What firmwares call themselves in FIRMWARE_NAME, in lower case; the first that fits counts."""


def who_answered(heard: bytes) -> str:
    """A sentence about ``heard``, what a device said instead of an answer to M115."""
    if not heard.strip(b"\0\r\n "):
        return "it says nothing at all: check power and cable, reset it if it was stopped, or it is no printer"
    strange = sum(byte > 126 or (byte < 32 and byte not in b"\t\r\n") for byte in heard)
    if strange > RUBBISH_SHARE * len(heard):
        return f"it sends rubbish, {len(heard)} bytes of it: another rate (--baud auto), a bad cable, or no printer"
    echoes = b"M115" in heard
    if _MODEM.search(heard) or (echoes and b"ERROR" in heard):
        return f"it answers like a modem ({_last(heard)!r}); choose the printer's port, see `printprep printer ports`"
    if _CONSOLE.search(heard):
        return f"it answers like a computer's console ({_last(heard)!r}); choose the printer's port"
    if echoes:
        return "it only echoes what is sent: a loop in the cable, or a modem; choose the printer's port"
    return f"it says {_last(heard)!r}, which no firmware that is known here does; is it a printer?"


def other_family(said: str, firmware: str) -> str | None:
    """The firmware that a printer says it runs, when it is a known one that is not ``firmware``; None otherwise."""
    for family, names in FAMILIES.items():
        if any(name in said.lower() for name in names):
            related = {family, firmware} <= {"marlin", "prusa-buddy"}  # one speaks like the other
            return None if family == firmware or related else family
    return None


def _last(heard: bytes) -> str:
    lines = [line.strip() for line in re.split(rb"[\r\n]+", heard) if line.strip()]
    return lines[-1][:60].decode("ascii", "replace") if lines else ""
