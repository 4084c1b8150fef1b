"""What a file of G-code may do on one printer, in plain numbers and lists of commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from printprep.gcode.heat import TimingProfile
from printprep.gcode.hits import Head
from printprep.gcode.motion import MotionProfile

REFUSED: Final[Mapping[str, str]] = {
    "M28": "writes to the printer's card",
    "M30": "deletes from the printer's card",
    "M92": "changes the steps per mm",
    "M98": "runs a file of the printer's own",
    "M112": "is the emergency stop",
    "M206": "moves the origin",
    "M211": "switches the end stops off",
    "M301": "changes the hotend's control",
    "M303": "tunes the heaters",
    "M304": "changes the bed's control",
    "M428": "moves the origin",
    "M500": "writes the printer's memory",
    "M502": "resets the printer to its factory settings",
    "M504": "writes the printer's memory",
    "M564": "lets the head leave the bed",
    "M587": "stores credentials of a network",
    "M851": "moves the probe's offset",
    "M906": "changes the motors' current",
    "M928": "writes to the printer's card",
    "M997": "changes the firmware",
    "M999": "restarts a stopped printer",
    "FIRMWARE_RESTART": "restarts the printer",
    "FORCE_MOVE": "moves without limits",
    "RESTART": "restarts the printer",
    "RUN_SHELL_COMMAND": "runs a program on the host",
    "SAVE_CONFIG": "writes the printer's configuration",
    "SET_KINEMATIC_POSITION": "lies about where the head is",
}
"""What no job may hold, whatever a firmware note allows, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """What a file may do on one printer with what is loaded.

    The frame is the printer's own, in which the bed's front left corner is usually (0, 0, 0).
    """

    lower_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of every move
    upper_mm: tuple[float, float, float]
    nozzle_max_c: float  # the printer's
    bed_max_c: float
    material_max_c: Mapping[int, float] = field(default_factory=dict)  # by tool: the material's upper limit
    extrude_min_c: float = 150.0  # below it nothing may be fed
    shared_nozzle: bool = False  # one hotend for all tools
    tools: int = 1
    allowed: frozenset[str] = frozenset()  # commands such as "G1" or "PRINT_START"; empty: any that is not refused
    refused: frozenset[str] = frozenset()  # besides REFUSED
    start_macros: frozenset[str] = frozenset()  # after one of them the printer is homed and hot
    end_macros: frozenset[str] = frozenset()  # they switch the heaters off
    g90_sets_e: bool = True  # Klipper: no
    stands_at_mm: float | None = None  # height of the nozzle when the file begins, as a person saw it; None: unknown
    max_command_chars: int = 96  # Marlin cuts longer ones
    exponent: str = "word"  # how the firmware reads X1E3, see printprep.profiles.firmware.Reads
    forbidden_words: tuple[str, ...] = ()  # names of input files, users, hosts; case does not matter
    motion: MotionProfile | None = None  # what the firmware allows; None: what a file asks of it is not judged
    holds_acceleration: bool = True  # M201 holds M204 down; Klipper: no
    m203_per_minute: bool = False  # M203 is in mm/min, as RepRapFirmware has it
    chamber_max_c: float = 0.0  # 0: no chamber heater
    known_words: frozenset[str] = frozenset()  # of the case, the lab and its profiles: they name nobody
    called: tuple[str, ...] = ()  # what slicers and firmware call the printer; empty: not judged
    nozzle_mm: float | None = None
    timing: TimingProfile | None = None  # how a nozzle that was switched off cools; None: it is cold at once
    homes_xy_alone: bool = False  # G28 X Y never lowers the nozzle; False: nobody knows
    head: Head | None = None  # what is around the nozzle; None: only the nozzle itself is judged
    filament_mm: float | None = None
    filament_types: Mapping[int, str] = field(default_factory=dict)  # by tool, such as "PETG"
    material_mm3: tuple[float, float] | None = None  # the least and the most that the meshes can take; None: unknown


def allowed_commands(note: str) -> tuple[frozenset[str], frozenset[str]]:
    """The commands in the fenced blocks `````allowed`` and `````refused`` of a firmware note, one or more a line.

    What follows a ``#``, and what is no command, is explanation.
    """

    def block(name: str) -> frozenset[str]:
        bodies = re.findall(rf"^```{name}[ \t]*\n(.*?)^```", note, re.MULTILINE | re.DOTALL)
        words = " ".join(line.split("#")[0] for body in bodies for line in body.splitlines())
        return frozenset(re.findall(r"(?<![\w.])(?:[GM]\d+(?:\.\d)?|T|[A-Z][A-Z_]{2,})(?![\w.])", words))

    return block("allowed"), block("refused")
