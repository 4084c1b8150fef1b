"""How the virtual printer talks: what each firmware checks, says and answers, as ``firmware_notes/`` has it.

A voice reads raw lines and gives commands, and makes the sentences; what commands do is the business of
:class:`~printprep.printers.virtual_firmware.VirtualFirmware`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from printprep.printers.dialects.numbered import checksum
from printprep.printers.virtual_motion import Heater

BUFFER: Final = 32  # Marlin's BUFSIZE: commands read but not begun

KNOWN: Final = frozenset(
    b"G4 G10 G11 G17 G21 G27 G29 G80 M73 M82 M83 M84 M85 M106 M107 M114 M117 M118 M119 M141 M201 M203 M204 M205 M207 "
    b"M208 M209 M220 M221 M300 M301 M304 M400 M412 M420 M486 M500 M501 M555 M569 M572 M593 M851 M862 M862.1 M862.3 "
    b"M862.5 M862.6 M900 M907 M914 M17 M18 M92 M75 M76 M77 M110 M280 M355 M413 M428".split()
)
"""Commands that every firmware takes without a word."""


class Taken(NamedTuple):
    """A line that was taken."""

    number: int | None
    command: bytes


class Voice:
    """Marlin's, and what the others have in common with it.

    Parameters
    ----------
    advanced_ok
        Whether an ok says which line it answers and how much room there is.
    """

    name: ClassVar[bytes] = b"Marlin 2.1.2 (printprep virtual)"
    reads_ahead: ClassVar[bool] = True  # lines are checked as they come in, not one by one as they are carried out
    answers_first: ClassVar[bool] = False  # the ok comes when a command begins
    answers_blanks: ClassVar[bool] = False
    says_busy: ClassVar[bool] = True
    stops_at: ClassVar[bytes] = b""  # a byte that halts it as it comes in
    capabilities: ClassVar[dict[bytes, int]] = {
        b"SERIAL_XON_XOFF": 0,
        b"EEPROM": 0,
        b"AUTOREPORT_TEMP": 1,
        b"PROGRESS": 0,
        b"AUTOLEVEL": 0,
        b"EMERGENCY_PARSER": 1,
        b"HOST_ACTION_COMMANDS": 1,
        b"PROMPT_SUPPORT": 0,
    }
    fatal: ClassVar[bytes] = b"Error:Printer halted. kill() called!\n"
    at_start: ClassVar[bytes] = b"start\n"
    heater_fault: ClassVar[bytes] = b"Error:Thermal Runaway, system stopped! Heater_ID: 0\n" + fatal

    def __init__(self, *, advanced_ok: bool = True) -> None:
        self.last = 0  # number of the last line taken
        self.said: list[bytes] = []  # refusals
        self.flushed = False  # what else has come in was thrown away with the refused line
        self._advanced_ok = advanced_ok

    def take(self, line: bytes) -> Taken | None:
        """Check a line; None if it is refused. Number first, then checksum."""
        if line[0] != 78:  # N
            command = line.partition(b"*")[0].strip()
            return Taken(None, command) if command else None
        body, star, check = line.rpartition(b"*")
        head, _, command = (body if star else line).partition(b" ")
        number = int(head[1:]) if head[1:].isdigit() else -1
        if number != self.last + 1 and not command.startswith(b"M110"):
            return self.refuse(b"Line Number is not Last Line Number+1")
        if not star:
            return self.refuse(b"No Checksum with line number")
        if not check.strip().isdigit() or int(check) != checksum(body):
            return self.refuse(b"checksum mismatch")
        self.last = number
        return Taken(number, command)

    def refuse(self, why: bytes) -> Taken | None:
        """Ask for the line that is wanted, and forget what else has come in."""
        self.said.append(b"Error:%b, Last Line: %d\nResend: %d\nok\n" % (why, self.last, self.last + 1))
        self.flushed = True
        return None

    def ok(self, taken: Taken, free: int, room: int) -> bytes:
        """The answer to a command; so many commands and moves there is room for."""
        if not self._advanced_ok:
            return b"ok\n"
        number = b"" if taken.number is None else b" N%d" % taken.number
        return b"ok%b P%d B%d\n" % (number, room, free)

    def identity(self, tools: int) -> bytes:
        """What comes before the ok of M115."""
        caps = b"".join(b"Cap:%b:%d\n" % cap for cap in self.capabilities.items())
        return (
            b"FIRMWARE_NAME:%b PROTOCOL_VERSION:1.0 MACHINE_TYPE:printprep virtual "
            b"EXTRUDER_COUNT:%d UUID:00000000-0000-0000-0000-000000000000\n%b" % (self.name, tools, caps)
        )

    def heat(self, taken: Taken, temperatures: bytes) -> bytes:  # noqa: ARG002 - others say the number
        """The answer to M105."""
        return b"ok " + temperatures + b"\n"

    def temperatures(self, tools: Sequence[tuple[float, float]], bed: tuple[float, float], active: int) -> bytes:
        """T: B: T0: …, (actual, target)."""
        if len(tools) == 1:
            return b"T:%.2f /%.2f B:%.2f /%.2f @:0 B@:0" % (*tools[0], *bed)
        each = b" ".join(b"T%d:%.2f /%.2f" % (tool, *pair) for tool, pair in enumerate(tools))
        return b"T:%.2f /%.2f B:%.2f /%.2f %b @:0 B@:0" % (*tools[active], *bed, each)

    def busy(self, *, for_operator: bool) -> bytes:
        """The sign of life while a command waits."""
        return b"echo:busy: paused for user\n" if for_operator else b"echo:busy: processing\n"

    def unknown(self, command: bytes) -> bytes:
        """What is said of a command that is not known."""
        return b'echo:Unknown command: "%b"\n' % command

    def halted(self, line: bytes) -> bytes:  # noqa: ARG002
        """The answer of a halted firmware."""
        return b""


class BuddyVoice(Voice):
    """Prusa's: no ADVANCED_OK."""

    name = b"Prusa-Firmware-Buddy 6.2.4 (printprep virtual)"
    capabilities: ClassVar[dict[bytes, int]] = {**Voice.capabilities, b"PRINT_JOB": 1, b"BUILD_PERCENT": 1}

    def __init__(self) -> None:
        super().__init__(advanced_ok=False)


class KlipperVoice(Voice):
    """Numbers and checksums are stripped, never looked at."""

    reads_ahead = False
    says_busy = False
    fatal = b"// Shutdown due to M112 command\n!! Shutdown due to M112 command\n// Klipper state: Shutdown\n"
    at_start = b"// Klipper state: Ready\n"
    heater_fault = (
        b"// Heater extruder not heating at expected rate\n!! Heater extruder not heating at expected rate\n"
        b"// Klipper state: Shutdown\n"
    )

    def take(self, line: bytes) -> Taken | None:
        """Every line that holds a command."""
        command = line.partition(b"*")[0].strip()
        if command[:1] == b"N" and command[1:2].isdigit():
            command = command.partition(b" ")[2]
        return Taken(None, command) if command else None

    def ok(self, taken: Taken, free: int, room: int) -> bytes:  # noqa: ARG002
        """Bare, but for M115."""
        return b"ok FIRMWARE_NAME:Klipper FIRMWARE_VERSION:v0.13.0\n" if taken.command == b"M115" else b"ok\n"

    def identity(self, tools: int) -> bytes:  # noqa: ARG002
        """Stands in the ok."""
        return b""

    def temperatures(
        self,
        tools: Sequence[tuple[float, float]],
        bed: tuple[float, float],
        active: int,  # noqa: ARG002
    ) -> bytes:
        """B: T0: …."""
        each = b" ".join(b"T%d:%.1f /%.1f" % (tool, *pair) for tool, pair in enumerate(tools))
        return b"B:%.1f /%.1f %b" % (*bed, each)

    def unknown(self, command: bytes) -> bytes:
        """A remark."""
        return b'// Unknown command:"%b"\n' % command.partition(b" ")[0]

    def halted(self, line: bytes) -> bytes:  # noqa: ARG002
        """Each command fails until FIRMWARE_RESTART."""
        return b"!! Shutdown due to M112 command\nok\n"


class RepRapFirmwareVoice(Voice):
    """A spoilt line is dropped without a word; numbers are not compared."""

    reads_ahead = False
    says_busy = False
    fatal = b"Error: Emergency stop, reset the board\n"
    at_start = b""
    heater_fault = b"Error: Heater 1 fault: temperature rising too slowly\n"

    def take(self, line: bytes) -> Taken | None:
        """Every line whose checksum is not wrong; only what begins with N has one."""
        if line[0] != 78:
            command = line.strip()
            return Taken(None, command) if command else None
        body, star, check = line.rpartition(b"*")
        if star and not (check.strip().isdigit() and int(check) == checksum(body)):
            return None
        command = (body if star else line).partition(b" ")[2]
        return Taken(None, command) if command else None

    def ok(self, taken: Taken, free: int, room: int) -> bytes:  # noqa: ARG002
        """Bare."""
        return b"ok\n"

    def identity(self, tools: int) -> bytes:  # noqa: ARG002
        """One line."""
        return b"FIRMWARE_NAME: RepRapFirmware for Duet 3 MB6HC FIRMWARE_VERSION: 3.5.4 ELECTRONICS: virtual\n"

    def unknown(self, command: bytes) -> bytes:
        """A warning; an error where it is no command at all."""
        if command[:1] not in (b"G", b"M", b"T"):
            return b"Error: Bad command: %b\n" % command
        return b"Warning: %b: Command is not supported\n" % command.partition(b" ")[0]


class RepetierVoice(Voice):
    """The ok comes as a command is taken into its one place, with the line's number; what it has already is skipped."""

    reads_ahead = False
    answers_first = True
    fatal = b"fatal:Emergency stop - Printer stopped and heaters disabled due to this error.\n"
    heater_fault = (
        b"fatal:Heater decoupled - Printer stopped and heaters disabled due to this error. "
        b"Fix error and restart with M999.\n"
    )
    _GARBAGE: ClassVar[int] = 14  # lines that are skipped after a Resend before it is said again
    _SEEN: ClassVar[int] = 40

    def __init__(self) -> None:
        super().__init__()
        self._waiting = -1

    def take(self, line: bytes) -> Taken | None:
        """Checksum first, then the number, 16 bits of it."""
        if line[0] != 78:
            command = line.partition(b"*")[0].strip()
            return Taken(None, command) if command else None
        body, star, check = line.rpartition(b"*")
        head, _, command = body.partition(b" ")
        if not star or not check.strip().isdigit() or int(check) != checksum(body) or not head[1:].isdigit():
            return self._again(b"Error:Wrong checksum\n")
        number = int(head[1:])
        if command.startswith(b"M110"):
            self.last, self._waiting = number, -1
            return Taken(None, command)
        if (self.last + 1 - number) & 0xFFFF:
            if (self.last - number) & 0xFFFF < self._SEEN:
                self.said.append(b"skip %d\nok\n" % number)
                return None
            if self._waiting < 0:
                return self._again(b"Error:expected line %d got %d\n" % (self.last + 1, number))
            self._waiting -= 1
            self.said.append(b"skip %d\nok\n" % number)
            return None
        self.last, self._waiting = number, -1
        return Taken(number, command)

    def _again(self, why: bytes) -> Taken | None:
        self._waiting = self._GARBAGE
        self.said.append(b"%b\nResend:%d\nok\n" % (why, self.last + 1))
        self.flushed = True
        return None

    def ok(self, taken: Taken, free: int, room: int) -> bytes:  # noqa: ARG002
        """With the number of the last line, but for M110."""
        return b"ok\n" if taken.command.startswith(b"M110") else b"ok %d\n" % self.last

    def identity(self, tools: int) -> bytes:
        """One line and capabilities."""
        return (
            b"FIRMWARE_NAME:Repetier_1.0.4 COMPILED:Nov 22 2026 FIRMWARE_URL:https://github.com/repetier/"
            b"Repetier-Firmware/ PROTOCOL_VERSION:1.0 MACHINE_TYPE:virtual EXTRUDER_COUNT:%d REPETIER_PROTOCOL:3\n"
            % tools
        )

    def heat(self, taken: Taken, temperatures: bytes) -> bytes:  # noqa: ARG002
        """The temperatures alone; the ok was said before."""
        return temperatures + b"\n"

    def busy(self, *, for_operator: bool) -> bytes:
        """Without echo."""
        return b"busy:paused for user interaction\n" if for_operator else b"busy:processing\n"

    def unknown(self, command: bytes) -> bytes:
        """An echo."""
        return b"Unknown command:%b\n" % command


class SmoothiewareVoice(Voice):
    """``rs N…`` and no ok; an ok for every blank line, and for G1 before it is planned."""

    reads_ahead = False
    answers_blanks = True
    says_busy = False
    stops_at = b"\x18"
    fatal = b"ok Emergency Stop Requested - reset or M999 required to exit HALT state\n"
    at_start = b"Smoothie\nok\n"
    heater_fault = (
        b"ERROR: MINTEMP or MAXTEMP triggered on T. Check your temperature sensors!\n"
        b"HALT asserted - reset or M999 required\n"
    )

    def take(self, line: bytes) -> Taken | None:
        """Number and checksum together; anything that is no command is ignored with an ok."""
        if line[:1] not in b"GMTSN":
            if not line[:1].islower() and line[:1] != b"$":
                self.said.append(b"ok - ignored\n")
            return None
        return super().take(line)

    def refuse(self, why: bytes) -> Taken | None:  # noqa: ARG002
        """One line, without a reason."""
        self.said.append(b"rs N%d\n" % (self.last + 1))
        return None

    def ok(self, taken: Taken, free: int, room: int) -> bytes:  # noqa: ARG002
        """Bare."""
        return b"ok\n"

    def identity(self, tools: int) -> bytes:  # noqa: ARG002
        """One line."""
        return b"FIRMWARE_NAME:Smoothieware, FIRMWARE_URL:http%3A//smoothieware.org, X-SYSTEM:virtual\n"

    def unknown(self, command: bytes) -> bytes:  # noqa: ARG002
        """Nothing."""
        return b""

    def halted(self, line: bytes) -> bytes:  # noqa: ARG002
        """Every command until M999."""
        return b"!!\n"


class ChituVoice(KlipperVoice):
    """A resin board: no numbers, no heat to speak of."""

    fatal = b"Error:stopped\n"
    at_start = b""
    heater_fault = b"Error:UV LED too hot\n"

    def ok(self, taken: Taken, free: int, room: int) -> bytes:  # noqa: ARG002
        """With the version, the state, or bare."""
        if taken.command == b"M4002":
            return b"ok V4.3.4_LCDC\n"
        if taken.command == b"M4000":
            return b"ok B:0/0 X:0.000 Y:0.000 Z:0.000 F:0/256 D:0/0/1\n"
        return b"ok\n"

    def unknown(self, command: bytes) -> bytes:  # noqa: ARG002
        """Nothing."""
        return b""

    def halted(self, line: bytes) -> bytes:  # noqa: ARG002
        """Nothing."""
        return b""


VOICES: Final[dict[str, type[Voice]]] = {
    "marlin": Voice,
    "prusa-buddy": BuddyVoice,
    "klipper": KlipperVoice,
    "reprapfirmware": RepRapFirmwareVoice,
    "repetier": RepetierVoice,
    "smoothieware": SmoothiewareVoice,
    "chitu": ChituVoice,
}
"""The voices by the firmware's name."""


def new_voice(dialect: str, *, advanced_ok: bool) -> Voice:
    """A voice by its name."""
    return Voice(advanced_ok=advanced_ok) if dialect == "marlin" else VOICES[dialect]()


def pairs(heaters: Sequence[Heater], now_s: float) -> list[tuple[float, float]]:
    """(actual, target) of heaters, deg C."""
    return [(heater.at(now_s), heater.target_c) for heater in heaters]
