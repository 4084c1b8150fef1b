"""The machine of the virtual printer: what commands do to its head, its heaters and its clock.

Lines, numbers, queues and bad days are the business of :mod:`printprep.printers.virtual_firmware`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from printprep.gcode.layout import Chords
from printprep.gcode.motion import CHORDS, CORNERING
from printprep.printers.virtual_hardware import Hardware
from printprep.printers.virtual_motion import Head, Heater
from printprep.printers.virtual_planner import Planner
from printprep.printers.virtual_voices import KNOWN, Taken, new_voice, pairs
from printprep.profiles.firmware import READS


class VirtualMachine:
    """A machine with a clock of its own, which jumps to the end of every wait if it is hurried.

    Parameters are those of :class:`~printprep.printers.virtual_firmware.VirtualFirmware`.
    """

    def __init__(self, dialect: str, *, tools: int, hardware: Hardware, hurried: bool, advanced_ok: bool) -> None:
        self.head = Head()
        self.hotends = [hardware.nozzle() for _ in range(tools)]
        self.bed = hardware.bed()
        self.dialect = dialect
        self._voice = new_voice(dialect, advanced_ok=advanced_ok)
        self._hardware = hardware
        self._fast = hurried
        g90_sets_e = dialect not in READS or READS[dialect].g90_sets_e
        chords = CHORDS.get(dialect, Chords.MARLIN)
        self._planner = Planner(hardware.motion, CORNERING.get(dialect), chords, g90_sets_e=g90_sets_e, hurried=hurried)
        self._clock_s = 0.0
        self._tool_chosen = False
        self._report_s = 0.0  # M155
        self._said_busy_s = 0.0
        self._taken = Taken(None, b"")  # the command being answered
        self._out: list[bytes] = []

    def _begin(self, command: bytes) -> float | None:
        """Begin a command; when its ok is due, None: it was answered."""
        self._planner.take(command)
        if command.startswith((b"G1 ", b"G0 ", b"G2 ", b"G3 ")):
            self.head.move(command)
            return self._moved()
        if self._fast:  # its clock is where the file is
            self._clock_s = self._planner.room_s(self._clock_s)
        word = command.split(b" ", 1)[0]
        begin = _COMMANDS.get(word)
        if begin is not None:
            return begin(self, command)
        if word[:1] == b"T" and word[1:].isdigit():
            return self._change_tool(min(int(word[1:]), len(self.hotends) - 1))
        if word not in KNOWN and not (self.dialect == "chitu" and word in (b"M4000", b"M4002")):
            self._out.append(self._voice.unknown(command))
        return self._clock_s

    def _moved(self) -> float:
        """When there was room in the planner for the moves that were taken."""
        room_s = self._planner.moved_s(self._clock_s)
        if self._fast:
            self._clock_s = room_s
        return room_s

    def _change_tool(self, tool: int) -> float:
        changes, self._tool_chosen = self._tool_chosen and tool != self.head.tool, True
        self.head.tool = tool
        return self._idle_s() + (self._hardware.tool_change_s if changes else 0.0)

    def _idle_s(self) -> float:
        """When the last planned move will have ended."""
        return self._planner.idle_s(self._clock_s)

    def _temperatures(self) -> bytes:
        bed = pairs([self.bed], self._clock_s)[0]
        return self._voice.temperatures(pairs(self.hotends, self._clock_s), bed, self.head.tool)

    def _heaters_off(self) -> None:
        for heater in (*self.hotends, self.bed):
            heater.set(0.0, self._clock_s)

    def _identify(self, _command: bytes) -> float:
        self._out.append(self._voice.identity(len(self.hotends)))
        return self._clock_s

    def _count_from(self, command: bytes) -> float:
        number = _value(command, b"N")
        if self._taken.number is None and self._voice.reads_ahead:
            self._voice.last = int(number or 0)
        return self._clock_s

    def _tell_temperatures(self, _command: bytes) -> None:
        self._out.append(self._voice.heat(self._taken, self._temperatures()))

    def _report(self, command: bytes) -> float:
        self._report_s = _value(command, b"S") or 0.0
        return self._clock_s

    def _heat(self, command: bytes) -> float:
        heater = self._heater(command)
        heater.set(_value(command, b"S") or _value(command, b"R") or 0.0, self._clock_s)
        waits = command.startswith((b"M109", b"M190"))
        if not waits:
            return self._clock_s
        until_s = self._idle_s()
        cools = heater.target_c < heater.at(self._clock_s)
        if cools and _value(command, b"R") is None and not self._hardware.waits_for_cooling:
            return until_s  # S waits for heating only
        self._out.append(b" " + self._temperatures() + b" W:?\n")
        return heater.reached_s(until_s)

    def _heater(self, command: bytes) -> Heater:
        if command.startswith((b"M140", b"M190")):
            return self.bed
        tool = _value(command, b"T")
        index = self.head.tool if tool is None else int(tool)
        return self.hotends[min(index, len(self.hotends) - 1)]

    def _home(self, command: bytes) -> float:
        self.head.home(command)
        return self._idle_s() + self._hardware.home_s

    def _level(self, _command: bytes) -> float:
        return self._idle_s() + self._hardware.level_s

    def _dwell(self, command: bytes) -> float:
        return self._idle_s() + (_value(command, b"S") or 0.0) + (_value(command, b"P") or 0.0) / 1000.0

    def _drain(self, _command: bytes) -> float:
        return self._idle_s()

    def _wait_for_operator(self, _command: bytes) -> float:
        self._idle_s()
        self._said_busy_s = float("-inf")
        return float("inf")

    def _set_position(self, command: bytes) -> float:
        self.head.set_position(command)
        return self._clock_s

    def _absolute(self, command: bytes) -> float:
        self.head.relative = self.head.relative_e = command.startswith(b"G91")
        return self._clock_s

    def _absolute_e(self, command: bytes) -> float:
        self.head.relative_e = command.startswith(b"M83")
        return self._clock_s

    def _say(self, command: bytes) -> float:
        text = command.partition(b" ")[2]
        self._out.append(b"//%b\n" % text[3:] if text.startswith(b"A1 ") else b"echo:%b\n" % text)
        return self._clock_s


def _value(command: bytes, letter: bytes) -> float | None:
    """The number behind ``letter`` in a command; None when there is none."""
    match = re.search(rb"\s" + letter + rb"(-?\d+\.?\d*)", command)
    return float(match[1]) if match else None


_COMMANDS: dict[bytes, Callable[[VirtualMachine, bytes], float | None]] = {
    b"M115": VirtualMachine._identify,
    b"M110": VirtualMachine._count_from,
    b"M105": VirtualMachine._tell_temperatures,
    b"M155": VirtualMachine._report,
    **dict.fromkeys((b"M104", b"M109", b"M140", b"M190"), VirtualMachine._heat),
    b"G28": VirtualMachine._home,
    b"G4": VirtualMachine._dwell,
    **dict.fromkeys((b"G29", b"G80"), VirtualMachine._level),
    **dict.fromkeys((b"M400", b"M18", b"M84"), VirtualMachine._drain),
    **dict.fromkeys((b"M0", b"M1", b"M226", b"M600"), VirtualMachine._wait_for_operator),
    b"G92": VirtualMachine._set_position,
    **dict.fromkeys((b"G90", b"G91"), VirtualMachine._absolute),
    **dict.fromkeys((b"M82", b"M83"), VirtualMachine._absolute_e),
    b"M118": VirtualMachine._say,
}
