"""Marlin: the conversation with a printer that runs it (and with Prusa's Buddy firmware, which speaks the same).

How one command travels: :meth:`Marlin._pump` takes it from the job while there is room, :class:`NumberedLines` gives
it a number and a checksum, the link writes it, the firmware answers ``ok`` and :meth:`Marlin._on_ok` makes room for
the next. Room is one line, or as many as the firmware says it has places for where it says which line an ok answers
(``ok N12 P15 B3``, Marlin's ADVANCED_OK). ``firmware_notes/marlin.md`` has the sentences of both sides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from printprep.printers.dialects.events import (
    Actions,
    Cancelled,
    Event,
    Failed,
    Fault,
    Finished,
    Notice,
    Parking,
    Paused,
    Phase,
    Ready,
    Resumed,
    Tally,
    Timings,
    WirePosition,
)
from printprep.printers.dialects.marlin_replies import Kind, Reply, read_reply
from printprep.printers.dialects.numbered import NumberedLines, Verdict, numbered, seven_bits

LONGEST_REPLY: Final = 4096
WINDOW: Final = 32
PLAIN_GREETING: Final = 4  # from this attempt on without M105: there are boards without a thermistor
ALLOW: Final = Timings()

_MOVES = (b"G1 ", b"G0 ", b"G2 ", b"G3 ")
_WAITS = frozenset(
    b"G4 G26 G27 G28 G29 G33 G34 G76 G80 M0 M1 M109 M116 M190 M191 M226 M303 M400 M600 M701 M702".split()
)
_FOR_OPERATOR = frozenset([b"M0", b"M1", b"M226", b"M600"])
_HOLDS = frozenset([b"M0", b"M1"])
_ENDED_BY_M108 = _FOR_OPERATOR | {b"M109", b"M190", b"M191"}
_IN_JOB = (Phase.PRINTING, Phase.PAUSED, Phase.FINISHING)
_PARK = (b"M107", b"G91", b"G1 E-2 F1800", b"G1 Z10 F600", b"G90")


class Marlin:
    """A conversation with one Marlin printer; see :class:`~printprep.printers.dialects.events.Dialect`.

    Parameters
    ----------
    timings
        How patient it is.
    window
        The most lines on the wire at once, where the firmware allows more than one.
    """

    def __init__(self, *, timings: Timings = ALLOW, window: int = WINDOW) -> None:
        self.phase = Phase.OFFLINE
        self.tally = Tally()
        self.capabilities: dict[str, bool] = {}
        self.firmware = "unknown"
        self.parking: Parking | None = None
        self.parked = False
        self._timings = timings
        self._window = window
        self._lines = NumberedLines()
        self._partial = b""
        self._out: list[bytes] = []
        self._events: list[Event] = []
        self._own: deque[bytes] = deque()  # the host's commands; they go before the job's
        self._job: Iterator[bytes] | None = None
        self._tools = {0}
        self._chamber = False  # whether the job has heated one
        self._wait_line = 0  # a line that waits: nothing is sent behind it, so that cancelling finds nothing waiting
        self._asked = b""  # in the greeting: what was asked last
        self._greetings = 0
        self._refusal: Reply | None = None  # the sentence before a Resend
        self._keepalive = False  # whether this firmware says busy:
        self._silences = 0
        self._since_s = 0.0  # of the last sign of life that counts
        self._next_poll_s = float("inf")
        self._on: dict[Kind, Callable[[Reply, float], None]] = {
            Kind.OK: self._on_ok,
            Kind.RESEND: self._on_resend,
            Kind.REFUSED: self._on_refused,
            Kind.BUSY: self._on_busy,
            Kind.TEMPERATURES: self._on_temperatures,
            Kind.START: self._on_start,
            Kind.FATAL: self._on_fatal,
            Kind.ACTION: self._on_action,
            Kind.FIRMWARE: self._on_firmware,
            Kind.CAPABILITY: self._on_capability,
            Kind.NOTICE: self._on_notice,
            Kind.RUBBISH: self._on_rubbish,
        }

    # What a link calls

    @property
    def accepted(self) -> int:
        """How many commands of the job the firmware has accepted."""
        return self._lines.job_commands

    @property
    def wire_position(self) -> WirePosition:
        """What of the job is certain and what is not."""
        return WirePosition(self.accepted, self.tally.sent - self.accepted)

    @property
    def idle(self) -> bool:
        """Whether nothing is on the wire and nothing waits to be sent."""
        return self._lines.idle and not self._own

    @property
    def next_due_s(self) -> float:
        """When :meth:`due` wants to be called."""
        if self.phase is Phase.DEAD:
            return float("inf")
        if self.phase is Phase.GREETING or self._lines.on_wire or self._lines.draining:
            return min(self._since_s + self._patience_s(), self._next_poll_s)
        return self._next_poll_s

    def greet(self, now_s: float) -> Actions:
        """Ask who is there, and begin to count lines."""
        self.phase = Phase.GREETING
        self._greetings = 0
        self._greet(now_s)
        return self._give()

    def feed(self, data: bytes, now_s: float) -> Actions:
        """Take received bytes, in pieces of any size."""
        lines = (self._partial + data).split(b"\n")
        self._partial = lines.pop()
        if len(self._partial) > LONGEST_REPLY:
            self.tally.rubbish += 1
            self._partial = b""
        for line in lines:
            stripped = line.strip(b" \r\t\0")
            if stripped and self.phase is not Phase.DEAD:
                reply = read_reply(stripped)
                self._on[reply.kind](reply, now_s)
        self._pump(now_s)
        return self._give()

    def due(self, now_s: float) -> Actions:
        """Do what the time asks for."""
        if self.phase is Phase.GREETING and now_s >= self._since_s + self._timings.greeting_s:
            self._greet(now_s)
        elif (self._lines.on_wire or self._lines.draining) and now_s >= self._since_s + self._patience_s():
            self._silence(now_s)
        if now_s >= self._next_poll_s:
            self._next_poll_s = now_s + self._timings.poll_s
            if b"M105" not in self._own:
                self._own.append(b"M105")
        self._pump(now_s)
        return self._give()

    def begin(self, commands: Iterator[bytes], now_s: float) -> Actions:
        """Print the commands."""
        self.tally.sent = 0
        self._lines.new_job()
        self._job = commands
        self.phase = Phase.PRINTING
        if self.capabilities.get("AUTOREPORT_TEMP"):
            self._own.append(b"M155 S%d" % self._timings.report_s)
        else:
            self._next_poll_s = now_s + self._timings.poll_s
        self._pump(now_s)
        return self._give()

    def ask(self, command: bytes, now_s: float) -> Actions:
        """Send one command of the host's own as soon as there is room."""
        self._own.append(command)
        self._pump(now_s)
        return self._give()

    def pause(self, now_s: float, reason: str = "on request") -> Actions:  # noqa: ARG002 - the protocol's signature
        """Take no more commands from the job; those on the wire are still printed."""
        if self.phase is Phase.PRINTING:
            self._pause(reason)
        return self._give()

    def resume(self, now_s: float) -> Actions:
        """Go on, also where the firmware itself waits for the operator."""
        if self._word(self._lines.oldest) in _FOR_OPERATOR:
            self._end_wait()
        self._resume()
        self._pump(now_s)
        return self._give()

    def cancel(self, now_s: float) -> Actions:
        """Give the job up: heaters off first, then the head up."""
        self._cancel()
        self._pump(now_s)
        return self._give()

    def emergency(self, now_s: float) -> Actions:  # noqa: ARG002 - the protocol's signature
        """Stop everything at once: M112 bare (it may jump the queue) and numbered (it may not), heaters off."""
        if self.phase is not Phase.DEAD:
            self._out = [b"\nM112\n", numbered(self._lines.top + 1, b"M112")]
            self._die(Fault.EMERGENCY, "stopped by M112 on request; the printer has to be reset")
        return self._give()

    # What the firmware says

    def _on_ok(self, reply: Reply, now_s: float) -> None:
        if reply.temperatures is not None:
            self._tools.update(reply.temperatures.tools_c)
            self._events.append(reply.temperatures)
        if self.phase is Phase.GREETING:
            self._greeted(reply, now_s)
            return
        if self._refusal is not None:  # its Resend got lost; the sentence before said the same
            self._go_back(self._refusal.number or 0, now_s)
        if reply.number is not None and reply.free is not None and reply.free > self._lines.places:
            self._lines.places = min(self._window, reply.free)
        if self._lines.ok(reply.number, with_temperatures=reply.temperatures is not None):
            self._silences = 0
            if self.phase is Phase.CANCELLING:
                self._end_wait()
        self._since_s = now_s

    def _on_refused(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002 - one signature for all replies
        self._refusal = reply

    def _on_resend(self, reply: Reply, now_s: float) -> None:
        self.tally.resends += 1
        if self.phase is not Phase.GREETING:
            self._go_back(reply.number or 0, now_s)

    def _go_back(self, wanted: int, now_s: float) -> None:
        """The firmware wants line ``wanted``; both of its sentences must agree, or one of them was garbled."""
        sentence, self._refusal = self._refusal, None
        by_number = sentence is not None and "Line Number" in sentence.text
        why = "number" if by_number else "checksum"
        self.tally.refusals[why] = self.tally.refusals.get(why, 0) + 1
        asked = wanted
        if sentence is not None and sentence.number != wanted:
            wanted = 0  # which no line has
        self._since_s = now_s
        self._silences = 0
        if self._lines.refused(wanted, by_number=by_number) is Verdict.LOST:
            self._die(
                Fault.CONFUSION,
                f"the firmware keeps asking for line {asked}, and lines up to {self._lines.top} were sent: "
                f"check cable, ground and baud rate, then print again",
            )

    def _on_busy(self, reply: Reply, now_s: float) -> None:
        self._keepalive = True
        self._since_s = now_s
        self._silences = 0
        if "paused" in reply.text:
            self._events.append(Notice(text=reply.text))

    def _on_temperatures(self, reply: Reply, now_s: float) -> None:
        if reply.temperatures is not None:
            self._tools.update(reply.temperatures.tools_c)
            self._events.append(reply.temperatures)
        if " W:" in reply.text:  # it waits for heat; other reports come even when an ok got lost
            self._since_s = now_s

    def _on_start(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        if self.phase is Phase.GREETING:
            self._greet(now_s)
        elif self.phase is not Phase.OFFLINE:
            self._die(Fault.RESET, "the printer restarted: cut power, a reset key or a crash of its firmware")

    def _on_fatal(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        self._die(Fault.FIRMWARE, f"the firmware stopped the printer: {reply.text}")

    def _on_action(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        if reply.text in ("pause", "paused") and self.phase is Phase.PRINTING:
            self._pause("by the printer")
        elif reply.text in ("resume", "resumed"):
            self._resume()
        elif reply.text == "cancel":
            self._cancel()

    def _on_firmware(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        self.firmware = reply.text

    def _on_capability(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        self.capabilities[reply.text] = bool(reply.number)

    def _on_notice(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        self._events.append(Notice(text=reply.text))

    def _on_rubbish(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        self.tally.rubbish += 1

    # What is done about it

    def _greet(self, now_s: float) -> None:
        self._greetings += 1
        self._since_s = now_s
        if self._greetings > self._timings.greetings:
            waited_s = self._timings.greeting_s * self._timings.greetings
            self._die(Fault.SILENCE, f"no answer to M115 in {waited_s:g} s: check power, port and baud rate")
        else:
            self._asked = b"M115"
            self._out.append(b"\nM115\n")

    def _greeted(self, reply: Reply, now_s: float) -> None:
        """Take an ok of the greeting: M115, then M105, then M110.

        A board that restarted may answer M115 twice. M105 is asked because its ok carries temperatures: whatever oks
        come before that one are old, so that the ok of M110 is the last and nothing is owed when lines are counted.
        """
        self._since_s = now_s
        refused, self._refusal = self._refusal is not None, None
        if self._asked == b"M115" and self._greetings < PLAIN_GREETING:
            self._asked = b"M105"
            self._out.append(b"M105\n")
        elif self._asked == b"M105" and reply.temperatures is None:
            return
        elif self._asked != b"M110" or refused:
            self._asked = b"M110"
            self._out.append(numbered(0, b"M110 N0"))
        else:
            self.phase = Phase.READY
            self._events.append(Ready(firmware=self.firmware, capabilities=dict(self.capabilities)))

    def _pump(self, now_s: float) -> None:
        """Send while there is room: old lines first, then the host's own commands, then the job's."""
        if self.phase in (Phase.OFFLINE, Phase.GREETING, Phase.DEAD):
            return
        lines = self._lines
        if lines.room and not lines.on_wire:
            self._since_s = now_s
        while lines.room:
            if lines.repeating:
                self._out.append(lines.again())
            elif self._own:
                self._out.append(lines.add(self._ascii(self._own.popleft()), self.tally.sent))
            elif self._job is not None and self.phase is Phase.PRINTING and lines.accepted >= self._wait_line:
                self._take_from_job(self._job)
            else:
                break
        if self.phase in (Phase.FINISHING, Phase.CANCELLING) and self.idle:
            self._events.append(Finished() if self.phase is Phase.FINISHING else Cancelled())
            self.phase = Phase.READY
            self._next_poll_s = float("inf")

    def _take_from_job(self, job: Iterator[bytes]) -> None:
        command = next(job, None)
        if command is None:
            self._job = None
            self.phase = Phase.FINISHING
            self._own.append(b"M400")
            self._close_job()
            return
        self.tally.sent += 1
        self._out.append(self._lines.add(self._ascii(command), self.tally.sent))
        if command.startswith(_MOVES):
            return
        word = self._word(command)
        if word in _WAITS:
            self._wait_line = self._lines.top
        if word[:1] == b"T" and word[1:].isdigit():
            self._tools.add(int(word[1:]))
        elif word in (b"M141", b"M191"):
            self._chamber = True
        elif word in _HOLDS:
            self._pause("the file asks for the operator: " + command.decode("ascii", "replace"))
        elif word in _FOR_OPERATOR:
            self._events.append(
                Notice(text="the printer waits for the operator: " + command.decode("ascii", "replace"))
            )

    def _close_job(self) -> None:
        """End the reports, then ask once more: the answer proves that every line before it was taken."""
        if self.capabilities.get("AUTOREPORT_TEMP"):
            self._own.append(b"M155 S0")
        self._own.append(b"M105")

    def _pause(self, reason: str) -> None:
        self.phase = Phase.PAUSED
        self._events.append(Paused(reason=reason))

    def _resume(self) -> None:
        if self.phase is Phase.PAUSED:
            self.phase = Phase.PRINTING
            self._events.append(Resumed())

    def _cancel(self) -> None:
        if self.phase not in _IN_JOB:
            return
        self.phase = Phase.CANCELLING
        self._job = None
        self._end_wait()
        self._own.clear()
        self._own.extend((*self._heaters_off(), *_PARK))
        self._close_job()

    def _end_wait(self) -> None:
        """End a wait for heat or for the operator, if the firmware is in one."""
        if self._lines.on_wire and self._word(self._lines.oldest) in _ENDED_BY_M108:
            self._out.append(b"M108\n")

    def _silence(self, now_s: float) -> None:
        """Nothing was heard for too long: an ok or a line got lost, or the printer is gone."""
        self._silences += 1
        self._since_s = now_s
        self._refusal = None
        if self._silences > self._timings.probes:
            command = self._lines.oldest.decode("ascii", "replace")
            self._die(Fault.SILENCE, f"no answer to {command!r}, asked {self._timings.probes} times: check the cable")
        elif self._lines.draining or self._lines.repeating or self._lines.repeated:
            # this firmware checks numbers, so a line it already has is refused and not printed twice
            self._lines.repeat_unaccepted()
        else:
            self.tally.probes += 1
            self._out.append(self._lines.probe())

    def _patience_s(self) -> float:
        """How long the next sign of life may take."""
        if self.phase is Phase.GREETING:
            return self._timings.greeting_s
        if self._lines.draining:
            return self._timings.resend_s
        if self._keepalive:
            return self._timings.busy_s
        return self._timings.long_reply_s if self._word(self._lines.oldest) in _WAITS else self._timings.reply_s

    def _die(self, fault: Fault, message: str) -> None:
        """End the conversation; the heaters are switched off without numbers, which any firmware still takes."""
        self.phase = Phase.DEAD
        self._job = None
        self._next_poll_s = float("inf")
        self._out.append(b"\n")  # ends what may stand half on the wire
        self._end_wait()  # else what follows would not be read before somebody ends it
        self._out.extend(command + b"\n" for command in self._heaters_off())
        self._events.append(Failed(fault=fault, message=message, accepted=self.accepted))

    def _heaters_off(self) -> tuple[bytes, ...]:
        nozzles = [b"M104 T%d S0" % tool for tool in sorted(self._tools)] if len(self._tools) > 1 else [b"M104 S0"]
        return (*nozzles, b"M140 S0", *([b"M141 S0"] if self._chamber else []))

    def _ascii(self, command: bytes) -> bytes:
        clean, replaced = seven_bits(command)
        self.tally.replaced += replaced
        return clean

    @staticmethod
    def _word(command: bytes) -> bytes:
        return command.split(b" ", 1)[0]

    def _give(self) -> Actions:
        self.tally.repeated = self._lines.repeated
        actions = Actions(b"".join(self._out), tuple(self._events))
        self._out.clear()
        self._events.clear()
        return actions
