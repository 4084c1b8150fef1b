"""Firmware dialects as pure state machines: bytes and time in; bytes and events out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from printprep.printers.dialects.events import Dialect
from printprep.printers.dialects.marlin import Marlin

DIALECTS: Final[dict[str, Callable[[], Dialect]]] = {
    "marlin": Marlin,
    "prusa-buddy": Marlin,
}
"""Every firmware that is spoken over a port, by the name that a printer's profile gives it."""
