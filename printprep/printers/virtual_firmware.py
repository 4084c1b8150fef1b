"""The virtual printer's firmware: any dialect's manners without a port, a thread or a clock.

It answers as the pages of ``firmware_notes/`` say (:mod:`printprep.printers.virtual_voices`), keeps the books a test
needs (every accepted command, the head's place, the heaters) and has a bad day on request (:class:`Faults`). With
``speed="fast"`` it has a clock of its own that jumps to the end of every wait; with ``speed="real"`` the moves, the
homing and the heating take their time: what :func:`printprep.gcode.estimate.estimate` says of the same printer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from printprep.printers.virtual_faults import ON_THE_WIRE, Deed, Faults, Trouble
from printprep.printers.virtual_hardware import GENERIC, Hardware
from printprep.printers.virtual_machine import VirtualMachine
from printprep.printers.virtual_voices import BUFFER, Taken

Speed = Literal["fast", "real"]
BUSY_S: Final = 2.0


class VirtualFirmware(VirtualMachine):
    """A printer that is not there.

    Parameters
    ----------
    dialect
        Which firmware it plays, by the name that profiles give it.
    tools
        How many hotends.
    hardware
        Its heaters, limits and times.
    speed
        ``fast``: waits take no time; ``real``: they do.
    advanced_ok
        Whether a Marlin's ok says which line it answers and how much room there is.
    faults
        What goes wrong.
    on_accepted
        Told every accepted command, once, as it came without number and checksum.
    """

    def __init__(
        self,
        *,
        dialect: str = "marlin",
        tools: int = 1,
        hardware: Hardware = GENERIC,
        speed: Speed = "fast",
        advanced_ok: bool = True,
        faults: Faults | None = None,
        on_accepted: Callable[[bytes], None] | None = None,
    ) -> None:
        super().__init__(dialect, tools=tools, hardware=hardware, hurried=speed == "fast", advanced_ok=advanced_ok)
        self.accepted = 0
        self.halted = False
        self._faults = faults or Faults()
        self._on_accepted = on_accepted or (lambda _command: None)
        self._partial = b""
        self._queue: deque[Taken | bytes] = deque()  # checked, or raw where lines are read one by one
        self._wait_s: float | None = None  # when the command at work ends; inf: when the operator says so
        self._answered = False  # its ok was said when it began
        self._reported_s = 0.0
        self._silent = self._faults.mute
        self._trouble = Trouble(self._faults)

    def cable(self, faults: Faults) -> None:
        """Change what the cable does from now on."""
        self._trouble = Trouble(faults)

    # What the port calls

    @property
    def full(self) -> bool:
        """Whether it takes no more bytes now: the command buffer is full, as a USB port then says by itself."""
        return len(self._queue) >= BUFFER

    @property
    def holding(self) -> bool:
        """Whether something is on its way for longer than it should be."""
        return self._trouble.holding

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Take bytes of the host; the answer."""
        if not self._fast:
            self._clock_s = now_s
        self._hear(self._trouble.arriving(data))
        return self._sent(self._work(now_s), now_s)

    def due(self, now_s: float) -> bytes:
        """What the printer says by itself: the end of a wait, busy, temperatures."""
        if not self._fast:
            self._clock_s = now_s
        self._hear(self._trouble.arriving(b""))
        out = self._work(now_s)
        if self._report_s and now_s - self._reported_s >= self._report_s and not self.halted:
            self._reported_s = now_s
            out.append(b" " + self._temperatures() + b"\n")
        return self._sent(out, now_s)

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

    def _hear(self, data: bytes) -> None:
        if self._voice.stops_at and self._voice.stops_at in data and not self.halted:
            self._halt(self._voice.fatal)
        lines = (self._partial + data).split(b"\n")
        self._partial = lines.pop()
        lines = self._trouble.lines(lines)
        for line in lines:
            if not line.strip():
                if self._voice.answers_blanks and not self.halted:
                    self._out.append(b"ok\n")
            elif self.halted:
                self._out.append(self._voice.halted(line))
            elif not self._voice.reads_ahead:
                self._queue.append(line)
            elif self._read(line) is False:
                break

    def _read(self, line: bytes) -> bool | None:
        """Check a line and queue its command; False: all behind it is thrown away as well."""
        taken = self._voice.take(line)
        if taken is not None:
            if taken.command[:4] in (b"M108", b"M112", b"M410") and self._jump_the_queue(taken):
                return None
            self._queue.append(taken)
            return None
        self._say_refusals()
        if self._voice.flushed:
            self._voice.flushed = False
            return False
        return None

    def _say_refusals(self) -> None:
        self._out.extend(self._voice.said)
        self._voice.said.clear()

    def _jump_the_queue(self, taken: Taken) -> bool:
        """Marlin's EMERGENCY_PARSER: read as the bytes come in, before everything that waits."""
        if taken.command.startswith(b"M112"):
            self._halt(self._voice.fatal)
        elif self._wait_s is not None:
            self._wait_s = self._clock_s
        return True

    def _work(self, now_s: float) -> list[bytes]:
        """Carry out what may be carried out now; what there is to say."""
        self._follow_script(now_s)
        while not self.halted:
            if self._wait_s is not None:
                if self._fast and self._wait_s != float("inf"):
                    if self._wait_s - self._clock_s > BUSY_S and self._voice.says_busy:
                        self._out.append(self._voice.busy(for_operator=False))
                    self._clock_s = max(self._clock_s, self._wait_s)
                if self._clock_s < self._wait_s:
                    self._say_busy(now_s)
                    break
                self._wait_s = None
                self._ok()
            if not self._queue:
                break
            self._next(self._queue.popleft(), now_s)
        out, self._out = self._out, []
        return out

    def _next(self, waiting: Taken | bytes, now_s: float) -> None:
        if isinstance(waiting, bytes):
            taken = self._voice.take(waiting)
            self._say_refusals()
            if self._voice.flushed:
                self._queue.clear()
                self._voice.flushed = False
            if taken is None:
                return
            waiting = taken
        self._taken = waiting
        self._answered = False
        if waiting.command.startswith(b"M112"):
            self._accept(waiting.command, now_s)
            self._halt(self._voice.fatal)
            return
        if self._voice.answers_first:
            self._ok()
            self._answered = True
        self._accept(waiting.command, now_s)

    def _accept(self, command: bytes, now_s: float) -> None:
        self.accepted += 1
        self._on_accepted(command)
        faults = self._faults
        if faults.kill_at == self.accepted or faults.reset_at == self.accepted or faults.silent_at == self.accepted:
            self._bad_day()
            return
        self._follow_script(now_s)
        if not self.halted:
            self._wait_s = self._begin(command)

    def _ok(self) -> None:
        if not self._answered:
            self._out.append(self._voice.ok(self._taken, max(0, BUFFER - 1 - len(self._queue)), self._planner.room))

    def _say_busy(self, now_s: float) -> None:
        if self._voice.says_busy and now_s - self._said_busy_s >= BUSY_S:
            self._said_busy_s = now_s
            self._out.append(self._voice.busy(for_operator=self._wait_s == float("inf")))

    # Having a bad day

    def _sent(self, out: list[bytes], now_s: float) -> bytes:
        said = b"".join(out)
        return b"" if self._silent else self._trouble.leaving(said, now_s)

    def _follow_script(self, now_s: float) -> None:
        for deed in self._trouble.deeds(self.accepted, now_s):
            self._do(deed, now_s)

    def _do(self, deed: Deed, now_s: float) -> None:
        if deed.do in ON_THE_WIRE:
            self._trouble.do(deed, now_s)
        elif deed.do == "say":
            self._out.append(deed.text.encode("ascii", "replace") + b"\n")
        elif deed.do == "reset":
            self._reset()
        elif deed.do == "silent":
            self._silent = self.halted = True
        else:
            self._halt(self._voice.heater_fault if deed.do == "heater" else self._voice.fatal)

    def _bad_day(self) -> None:
        if self._faults.kill_at == self.accepted:
            self._halt(self._voice.fatal)
        elif self._faults.silent_at == self.accepted:
            self.halted = True
        else:
            self._reset()

    def _reset(self) -> None:
        self._queue.clear()
        self._planner.forget()
        self._wait_s = None
        self._voice.last = 0
        self._heaters_off()
        self._out.append(self._voice.at_start)

    def _halt(self, sentence: bytes) -> None:
        self._heaters_off()
        self.halted = True
        self._out.append(sentence)
