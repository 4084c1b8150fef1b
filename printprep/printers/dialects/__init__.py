"""Firmware dialects as pure state machines: bytes and time in; bytes and events out."""

from __future__ import annotations

from typing import Final

from printprep.printers.dialects.buddy import Buddy
from printprep.printers.dialects.chitu import Chitu
from printprep.printers.dialects.conversation import Conversation
from printprep.printers.dialects.klipper import Klipper
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.dialects.repetier import Repetier
from printprep.printers.dialects.reprapfirmware import RepRapFirmware
from printprep.printers.dialects.smoothieware import Smoothieware

DIALECTS: Final[dict[str, type[Conversation]]] = {
    "marlin": Marlin,
    "prusa-buddy": Buddy,
    "klipper": Klipper,
    "reprapfirmware": RepRapFirmware,
    "repetier": Repetier,
    "smoothieware": Smoothieware,
    "chitu": Chitu,
}
"""Every firmware that is spoken over a port, by the name that a printer's profile gives it."""
