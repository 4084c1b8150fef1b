"""The virtual printer's firmware: Marlin's manners without a port, a thread or a clock.

It answers as ``firmware_notes/marlin.md`` says a Marlin 2.1 does, keeps the books a test needs (every accepted
command, the head's place, the heaters) and has a bad day on request (:class:`Faults`). With ``speed="fast"`` it has a
clock of its own that jumps to the end of every wait; with ``speed="real"`` the moves, the homing and the heating take
their time.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from printprep.printers.dialects.numbered import checksum
from printprep.printers.virtual_faults import BadCable, Faults
from printprep.printers.virtual_motion import Head, Heater

Speed = Literal["fast", "real"]
BUFFER: Final = 32  # Marlin's BUFSIZE: commands read but not begun
PLANNER: Final = 16  # Marlin's BLOCK_BUFFER_SIZE: moves begun but not ended
BUSY_S: Final = 2.0
HOMING_S: Final = 20.0

_ENDS = re.compile(rb"[\r\n]")
_CAPABILITIES = {
    "SERIAL_XON_XOFF": 0,
    "EEPROM": 0,
    "AUTOREPORT_TEMP": 1,
    "PROGRESS": 0,
    "AUTOLEVEL": 0,
    "EMERGENCY_PARSER": 1,
    "HOST_ACTION_COMMANDS": 1,
    "PROMPT_SUPPORT": 0,
}
_KNOWN = frozenset(
    b"G4 G10 G11 G17 G21 G27 G29 G80 M73 M82 M83 M84 M85 M106 M107 M114 M117 M118 M119 M141 M201 M203 M204 M205 M207 "
    b"M208 M209 M220 M221 M300 M301 M304 M400 M412 M420 M486 M500 M501 M555 M569 M572 M593 M851 M862 M862.1 M862.3 "
    b"M862.5 M862.6 M900 M907 M914 M17 M18 M92 M75 M76 M77 M110 M280 M355 M413 M428".split()
)


class VirtualFirmware:
    """A Marlin that is not there.

    Parameters
    ----------
    tools
        How many hotends.
    speed
        ``fast``: waits take no time; ``real``: they do.
    advanced_ok
        Whether an ok says which line it answers and how much room there is.
    faults
        What goes wrong.
    on_accepted
        Told every accepted command, once, as it came without number and checksum.
    """

    def __init__(
        self,
        *,
        tools: int = 1,
        speed: Speed = "fast",
        advanced_ok: bool = True,
        faults: Faults | None = None,
        on_accepted: Callable[[bytes], None] | None = None,
    ) -> None:
        self.head = Head()
        self.hotends = [Heater(rate_c_s=4.0) for _ in range(tools)]
        self.bed = Heater(rate_c_s=1.0)
        self.accepted = 0
        self.halted = False
        self._faults = faults or Faults()
        self._fast = speed == "fast"
        self._advanced_ok = advanced_ok
        self._on_accepted = on_accepted or (lambda _command: None)
        self._partial = b""
        self._out: list[bytes] = []
        self._last = 0  # number of the last accepted line
        self._number: int | None = None  # of the command being answered
        self._queue: deque[tuple[int | None, bytes]] = deque()
        self._ends_s: deque[float] = deque()  # when each planned move will have ended
        self._wait_s: float | None = None  # when the command at work ends; inf: when the operator says so
        self._said_busy_s = 0.0
        self._report_s = 0.0  # M155
        self._reported_s = 0.0
        self._clock_s = 0.0
        seed = self._faults.seed
        self._to_printer = BadCable(
            f"in {seed}", self._faults.drop_line, self._faults.duplicate_line, self._faults.corrupt_line
        )
        self._to_host = BadCable(
            f"out {seed}", self._faults.drop_ok, self._faults.duplicate_ok, self._faults.corrupt_ok
        )

    # What the port calls

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Take bytes of the host; the answer."""
        if not self._fast:
            self._clock_s = now_s
        lines = (self._partial + data).split(b"\n")
        self._partial = lines.pop()
        if self._faults.on_the_wire:
            arrived = b"".join(self._to_printer.carry(line + b"\n") for line in lines)
            lines = _ENDS.split(arrived)
        for line in lines:
            if line and not self.halted:
                self._read(line)
        return self._sent(self._work(now_s))

    def due(self, now_s: float) -> bytes:
        """What the printer says by itself: the end of a wait, busy, temperatures."""
        if not self._fast:
            self._clock_s = now_s
        out = self._work(now_s)
        if self._report_s and now_s - self._reported_s >= self._report_s and not self.halted:
            self._reported_s = now_s
            out.append(b" " + self._temperatures() + b"\n")
        return self._sent(out)

    @property
    def state(self) -> dict[str, object]:
        """Where everything is: what a test compares in the end."""
        head = self.head
        return {
            "accepted": self.accepted,
            "halted": self.halted,
            "position_mm": [head.x_mm, head.y_mm, head.z_mm, head.e_mm],
            "moves": head.moves,
            "travel_mm": head.travel_mm,
            "extruded_mm": {str(tool): value for tool, value in sorted(head.extruded_mm.items())},
            "tool": head.tool,
            "targets_c": [heater.target_c for heater in self.hotends],
            "bed_target_c": self.bed.target_c,
            "printer_time_s": self._clock_s,
        }

    # Reading lines

    def _read(self, line: bytes) -> None:
        """Check a line as Marlin does: number first, then checksum."""
        if line[0] != 78:  # N
            command = line.partition(b"*")[0].strip()
            if command[:4] in (b"M108", b"M112", b"M410"):
                self._jump_the_queue(command)
            elif command:
                self._take(None, command)
            return
        body, star, check = line.rpartition(b"*")
        head, _, command = (body if star else line).partition(b" ")
        number = int(head[1:]) if head[1:].isdigit() else -1
        if number != self._last + 1 and not command.startswith(b"M110"):
            self._refuse(b"Line Number is not Last Line Number+1")
        elif not star:
            self._refuse(b"No Checksum with line number")
        elif not check.strip().isdigit() or int(check) != checksum(body):
            self._refuse(b"checksum mismatch")
        elif command.startswith(b"M112"):
            self._jump_the_queue(command)
        else:
            self._last = number
            self._take(number, command)

    def _refuse(self, why: bytes) -> None:
        self._out.append(b"Error:%b, Last Line: %d\nResend: %d\nok\n" % (why, self._last, self._last + 1))

    def _jump_the_queue(self, command: bytes) -> None:
        """Marlin's EMERGENCY_PARSER: read as the bytes come in, before everything that waits."""
        if command.startswith(b"M112"):
            self._halt(b"kill() called!")
        elif self._wait_s is not None:
            self._wait_s = self._clock_s

    def _take(self, number: int | None, command: bytes) -> None:
        self._queue.append((number, command))

    # Working

    def _work(self, now_s: float) -> list[bytes]:
        """Carry out what may be carried out now; what there is to say."""
        while not self.halted:
            if self._wait_s is not None:
                if self._fast and self._wait_s != float("inf"):
                    if self._wait_s - self._clock_s > BUSY_S:
                        self._out.append(b"echo:busy: processing\n")
                    self._clock_s = max(self._clock_s, self._wait_s)
                if self._clock_s < self._wait_s:
                    self._say_busy(now_s)
                    break
                self._wait_s = None
                self._ok()
            if not self._queue:
                break
            self._number, command = self._queue.popleft()
            self._accept(command)
        out, self._out = self._out, []
        return out

    def _accept(self, command: bytes) -> None:
        self.accepted += 1
        self._on_accepted(command)
        faults = self._faults
        if faults.kill_at == self.accepted or faults.reset_at == self.accepted or faults.silent_at == self.accepted:
            self._bad_day()
            return
        self._wait_s = self._begin(command)

    def _begin(self, command: bytes) -> float | None:
        """Begin a command; when its ok is due, None: it was answered."""
        if command.startswith((b"G1 ", b"G0 ", b"G2 ", b"G3 ")):
            return self._plan(self.head.move(command))
        word = command.split(b" ", 1)[0]
        begin = _COMMANDS.get(word)
        if begin is not None:
            return begin(self, command)
        if word[:1] == b"T" and word[1:].isdigit():
            self.head.tool = min(int(word[1:]), len(self.hotends) - 1)
        elif word not in _KNOWN:
            self._out.append(b'echo:Unknown command: "' + command + b'"\n')
        return self._clock_s

    def _plan(self, duration_s: float) -> float:
        """Put a move into the planner; when there is room for it."""
        if self._fast:
            self._clock_s += duration_s
            return self._clock_s
        ends_s = self._ends_s
        while ends_s and ends_s[0] <= self._clock_s:
            ends_s.popleft()
        room_s = self._clock_s if len(ends_s) < PLANNER else ends_s[len(ends_s) - PLANNER]
        ends_s.append(max(self._clock_s, ends_s[-1] if ends_s else 0.0) + duration_s)
        return room_s

    def _idle_s(self) -> float:
        """When the last planned move will have ended."""
        return max(self._clock_s, self._ends_s[-1] if self._ends_s else 0.0)

    def _ok(self) -> None:
        free = max(0, BUFFER - 1 - len(self._queue))
        if not self._advanced_ok:
            self._out.append(b"ok\n")
        elif self._number is None:
            self._out.append(b"ok P%d B%d\n" % (PLANNER - 1, free))
        else:
            self._out.append(b"ok N%d P%d B%d\n" % (self._number, PLANNER - 1, free))

    def _say_busy(self, now_s: float) -> None:
        if now_s - self._said_busy_s >= BUSY_S:
            self._said_busy_s = now_s
            waits_for_operator = self._wait_s == float("inf")
            self._out.append(b"echo:busy: paused for user\n" if waits_for_operator else b"echo:busy: processing\n")

    def _temperatures(self) -> bytes:
        pairs = [(b"T%d" % tool, heater) for tool, heater in enumerate(self.hotends)]
        active = [(b"T", self.hotends[self.head.tool])] if len(pairs) > 1 else []
        if not active:
            pairs = [(b"T", self.hotends[0])]
        words = [
            b"%b:%.2f /%.2f" % (n, h.at(self._clock_s), h.target_c) for n, h in [*active, (b"B", self.bed), *pairs]
        ]
        if not active:  # Marlin's order with one hotend: T, then B
            words.reverse()
        return b" ".join(words) + b" @:0 B@:0"

    # Having a bad day

    def _sent(self, out: list[bytes]) -> bytes:
        if self._faults.mute:
            return b""
        if self._faults.on_the_wire:
            lines = b"".join(out).splitlines(keepends=True)
            return b"".join(self._to_host.carry(line) for line in lines)
        return b"".join(out)

    def _bad_day(self) -> None:
        if self._faults.kill_at == self.accepted:
            self._halt(b"Printer halted. kill() called!")
        elif self._faults.silent_at == self.accepted:
            self.halted = True
        else:
            self._queue.clear()
            self._ends_s.clear()
            self._last = 0
            self._heaters_off()
            self._out.append(b"start\n")

    def _halt(self, sentence: bytes) -> None:
        self._heaters_off()
        self.halted = True
        self._out.append(b"Error:" + sentence + b"\n")

    def _heaters_off(self) -> None:
        for heater in (*self.hotends, self.bed):
            heater.set(0.0, self._clock_s)

    # The commands that do more than nothing

    def _identify(self, _command: bytes) -> None:
        self._out.append(
            b"FIRMWARE_NAME:Marlin 2.1.2 (printprep virtual) PROTOCOL_VERSION:1.0 MACHINE_TYPE:printprep virtual "
            b"EXTRUDER_COUNT:%d UUID:00000000-0000-0000-0000-000000000000\n" % len(self.hotends)
        )
        self._out.extend(b"Cap:%b:%d\n" % (name.encode(), value) for name, value in _CAPABILITIES.items())
        self._ok()

    def _count_from(self, command: bytes) -> float:
        number = _value(command, b"N")
        self._last = int(number) if number is not None else (self._number or 0)
        return self._clock_s

    def _tell_temperatures(self, _command: bytes) -> None:
        self._out.append(b"ok " + self._temperatures() + b"\n")

    def _report(self, command: bytes) -> float:
        self._report_s = _value(command, b"S") or 0.0
        return self._clock_s

    def _heat(self, command: bytes) -> float:
        heater = self._heater(command)
        heater.set(_value(command, b"S") or _value(command, b"R") or 0.0, self._clock_s)
        waits = command.startswith((b"M109", b"M190"))
        if not waits or (_value(command, b"R") is None and heater.target_c < heater.at(self._clock_s)):
            return self._clock_s  # S waits for heating only
        self._out.append(b" " + self._temperatures() + b" W:?\n")
        return heater.reached_s(self._idle_s())

    def _heater(self, command: bytes) -> Heater:
        if command.startswith((b"M140", b"M190")):
            return self.bed
        tool = _value(command, b"T")
        index = self.head.tool if tool is None else int(tool)
        return self.hotends[min(index, len(self.hotends) - 1)]

    def _home(self, command: bytes) -> float:
        self.head.home(command)
        return self._idle_s() + HOMING_S

    def _dwell(self, command: bytes) -> float:
        return self._idle_s() + (_value(command, b"S") or 0.0) + (_value(command, b"P") or 0.0) / 1000.0

    def _drain(self, _command: bytes) -> float:
        return self._idle_s()

    def _wait_for_operator(self, _command: bytes) -> float:
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


_COMMANDS: dict[bytes, Callable[[VirtualFirmware, bytes], float | None]] = {
    b"M115": VirtualFirmware._identify,
    b"M110": VirtualFirmware._count_from,
    b"M105": VirtualFirmware._tell_temperatures,
    b"M155": VirtualFirmware._report,
    **dict.fromkeys((b"M104", b"M109", b"M140", b"M190"), VirtualFirmware._heat),
    b"G28": VirtualFirmware._home,
    b"G4": VirtualFirmware._dwell,
    b"M400": VirtualFirmware._drain,
    **dict.fromkeys((b"M0", b"M1", b"M226", b"M600"), VirtualFirmware._wait_for_operator),
    b"G92": VirtualFirmware._set_position,
    **dict.fromkeys((b"G90", b"G91"), VirtualFirmware._absolute),
    **dict.fromkeys((b"M82", b"M83"), VirtualFirmware._absolute_e),
    b"M118": VirtualFirmware._say,
}
