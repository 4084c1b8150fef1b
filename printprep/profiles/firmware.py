"""What the firmwares of extruding printers do differently when they read G-code: one row a firmware.

Each is specified, with its sources, by the pages of ``firmware_notes/`` that its row names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Firmware = Literal[
    "marlin", "prusa-buddy", "klipper", "reprapfirmware", "repetier", "smoothieware", "sl1", "chitu"
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """How a firmware reads G-code, and what slicers call it; the defaults are Marlin's."""

    notes: tuple[str, ...]  # the pages of firmware_notes/ whose commands it takes
    g90_sets_e: bool = True  # G90 and G91 speak for the extruder, too
    holds_acceleration: bool = True  # M201 holds M204 down
    m203_per_minute: bool = False  # top speeds are in mm/min
    max_command_chars: int = 96  # longer ones are cut: MAX_CMD_SIZE of Marlin and of Repetier
    exponent: Literal["word", "power", "both"] = "word"  # X1E3: X1 and E3; X1000; X1000 and E3. No file may hold one
    prusaslicer: str = "marlin"  # its gcode_flavor
    slic3r: str = "reprap"  # its gcode_flavor
    cura: str = "RepRap (Marlin/Sprinter)"  # its machine_gcode_flavor


READS: Final[Mapping[str, Reads]] = {
    "marlin": Reads(notes=("marlin.md",), prusaslicer="marlin2"),
    "prusa-buddy": Reads(notes=("marlin.md", "buddy.md")),  # a Marlin, and more
    # PrusaSlicer knows "klipper" from 2.6 on, 2.5 would fall back to "reprap"; Klipper reads Marlin's
    "klipper": Reads(notes=("klipper.md",), g90_sets_e=False, holds_acceleration=False, max_command_chars=4096),
    # the slicers' own flavour for it heats by G10 and waits by M116, of which the guard would not know how hot it gets
    "reprapfirmware": Reads(
        notes=("reprapfirmware.md",), g90_sets_e=False, m203_per_minute=True, max_command_chars=255,
        exponent="power", prusaslicer="marlin2",
    ),
    "repetier": Reads(
        notes=("repetier.md",), g90_sets_e=False, exponent="both", prusaslicer="repetier", slic3r="repetier",
        cura="Repetier",
    ),
    "smoothieware": Reads(
        notes=("smoothieware.md",), holds_acceleration=False, prusaslicer="smoothie", slic3r="smoothie"
    ),
}  # fmt: skip
"""By the name that a printer's profile gives its firmware; those of resin printers read no G-code of an extruder."""
