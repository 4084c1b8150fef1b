"""The conversation itself, the same for every firmware that takes commands line by line.

How one command travels: :meth:`Conversation._pump` takes it from the job while there is room,
:class:`~printprep.printers.dialects.numbered.NumberedLines` gives it a number and a checksum, the link writes it, the
firmware answers ``ok`` and :meth:`Conversation._on_ok` makes room for the next. Room is one line, or as many as the
firmware says it has places for where it says which line an ok answers. What differs from firmware to firmware is in
:class:`~printprep.printers.dialects.manners.Manners`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from printprep.printers.dialects.events import (
    Actions,
    Fault,
    Notice,
    Phase,
    Timings,
    WirePosition,
)
from printprep.printers.dialects.greeting import Greeting
from printprep.printers.dialects.numbered import Verdict, numbered
from printprep.printers.dialects.replies import Kind, Reply, firmware_name
from printprep.printers.dialects.sending import ALLOW, COUNT_TO, IN_JOB, WINDOW, Sending

LONGEST_REPLY: Final = 4096
NOISY: Final = 8
"""After so many Resends only one line at a time is on the wire."""


class Conversation(Sending):
    """A conversation with one printer; see :class:`~printprep.printers.dialects.events.Dialect`.

    Parameters
    ----------
    timings
        How patient it is.
    window
        The most lines on the wire at once, where the firmware allows more than one.
    count_to
        Line numbers begin anew at the next safe point behind this one.
    """

    def __init__(self, *, timings: Timings = ALLOW, window: int = WINDOW, count_to: int = COUNT_TO) -> None:
        super().__init__(timings=timings, window=window, count_to=count_to)
        self._read = self.manners.read
        self._partial = b""
        self._on: dict[Kind, Callable[[Reply, float], None]] = {
            Kind.OK: self._on_ok,
            Kind.RESEND: self._on_resend,
            Kind.REFUSED: self._on_refused,
            Kind.SKIPPED: self._on_skipped,
            Kind.BUSY: self._on_busy,
            Kind.TEMPERATURES: self._on_temperatures,
            Kind.START: self._on_start,
            Kind.FATAL: self._on_fatal,
            Kind.FAILED: self._on_failed,
            Kind.ACTION: self._on_action,
            Kind.FIRMWARE: self._on_firmware,
            Kind.CAPABILITY: self._on_capability,
            Kind.NO_PAUSE: self._on_no_pause,
            Kind.NOTICE: self._on_notice,
            Kind.RUBBISH: self._on_rubbish,
        }

    # What a link calls

    @property
    def accepted(self) -> int:
        """How many commands of the job the firmware has accepted, as far as its oks tell."""
        return self._lines.job_commands

    @property
    def wire_position(self) -> WirePosition:
        """What of the job is certain and what is not."""
        certain = self._lines.certain_job_commands
        return WirePosition(certain, self.tally.sent - certain)

    @property
    def stop(self) -> bytes:
        """What stops this firmware at once."""
        return self.manners.stop

    @property
    def next_due_s(self) -> float:
        """When :meth:`due` wants to be called."""
        if self.phase is Phase.DEAD:
            return float("inf")
        if self.phase is Phase.GREETING or self._waiting:
            return min(self._since_s + self._patience_s(), self._next_poll_s)
        return self._next_poll_s

    def greet(self, now_s: float) -> Actions:
        """Ask who is there, and begin to count lines."""
        self.phase = Phase.GREETING
        self._greeting = Greeting(self.manners)
        self._settling = False
        self._greet(now_s)
        return self._give()

    def feed(self, data: bytes, now_s: float) -> Actions:
        """Take received bytes, in pieces of any size."""
        lines = (self._partial + data).split(b"\n")
        self._partial = lines.pop()
        if len(self._partial) > LONGEST_REPLY:
            self.tally.rubbish += 1
            self._partial = b""
        read, on = self._read, self._on
        for line in lines:
            stripped = line.strip(b" \r\t\0")
            if stripped and self.phase is not Phase.DEAD:
                reply = read(stripped)
                on[reply.kind](reply, now_s)
        self._pump(now_s)
        return self._give()

    def due(self, now_s: float) -> Actions:
        """Do what the time asks for."""
        late = now_s >= self._since_s + self._patience_s()
        if self.phase is Phase.GREETING:
            if late and self._settling:
                self._be_ready()
            elif late:
                self._greet(now_s)
        elif late and self._waiting:
            self._silence(now_s)
        if now_s >= self._next_poll_s:
            self._next_poll_s = now_s + self._timings.poll_s
            if self.manners.question not in self._own:
                self._own.append(self.manners.question)
        self._pump(now_s)
        return self._give()

    def begin(self, commands: Iterator[bytes], now_s: float) -> Actions:
        """Print the commands."""
        self.tally.sent = 0
        self._lines.new_job()
        self._tuned.clear()
        self._machine = self._new_machine(self._machine.tools)
        self._job = commands
        self.phase = Phase.PRINTING
        if self.capabilities.get("AUTOREPORT_TEMP"):
            self._own.append(b"M155 S%d" % self._timings.report_s)
        if not self._reports_enough():
            self._next_poll_s = now_s + self._timings.poll_s
        self._pump(now_s)
        return self._give()

    def ask(self, command: bytes, now_s: float) -> Actions:
        """Send one command of the host's own as soon as there is room."""
        if self.phase in IN_JOB:
            self._tuned.add(self._word(command))
        self._own.append(command)
        self._pump(now_s)
        return self._give()

    def pause(self, now_s: float, reason: str = "on request") -> Actions:
        """Take no more commands from the job, and park; commands on the wire are still printed."""
        if self.phase is Phase.PRINTING:
            self._pause(reason, now_s, park=True)
            self._pump(now_s)
        return self._give()

    def resume(self, now_s: float) -> Actions:
        """Go on, also where the firmware itself waits for the operator."""
        if self._lines.on_wire and self._word(self._lines.oldest) in self.manners.for_operator:
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
        """Stop everything at once: bare (it may jump the queue) and numbered (it may not), heaters off."""
        if self.phase is not Phase.DEAD:
            self._out = [self.manners.stop]
            if self.manners.numbered:
                self._out.append(numbered(self._lines.top + 1, b"M112"))
            self._die(Fault.EMERGENCY, "stopped by M112 on request; the printer has to be reset")
        return self._give()

    # What the firmware says

    def _on_ok(self, reply: Reply, now_s: float) -> None:
        lines = self._lines
        heat = reply.temperatures is not None
        if reply.temperatures is not None:
            self._answers_prove = True
            self._machine.tools.update(reply.temperatures.tools_c)
            self._events.append(reply.temperatures)
        if self.phase is Phase.GREETING:
            self.firmware = firmware_name(reply.text) or self.firmware
            lines.counts = lines.counts or reply.number is not None
            if self._settling:
                self._since_s = now_s
            else:
                self._greeted(reply, now_s)
            return
        if self._refusal is not None and not self._recounting:  # its Resend got lost; the sentence before said the same
            self._go_back(self._refusal.number or 0, now_s)
        if self._recounting:
            if not (heat or (reply.number == 1 and not self.manners.heat_in_ok)):
                return  # to the order to count anew, or to a refused line
            self._recounting = False
            lines.restarted()
        elif not self.manners.ordered and self._answers_prove and self.phase in IN_JOB and not self._fits(reply):
            return
        else:
            if reply.free is not None and reply.number is not None and reply.free > lines.places:
                self._widen(reply.free)
            if lines.ok(reply.number, with_temperatures=heat):
                self._silences = 0
                if self.phase is Phase.CANCELLING:
                    self._end_wait()
        self._since_s = now_s
        self._hushed = self._hushed and lines.asking

    def _fits(self, reply: Reply) -> bool:
        """Whether an ok is the answer that comes next, on a firmware that cannot say what it has.

        An answer that is missing may be a line that is missing; one too many, a line that was carried out twice. The
        answer to a question stands apart from all others, so that each question shows both, and moves nothing itself.
        """
        lines = self._lines
        doubt = ""
        if reply.temperatures is not None and lines.unproved:
            doubt = f"the answer to {lines.oldest.decode('ascii', 'replace')!r} got lost"
        elif reply.temperatures is None and reply.text == "ok" and (lines.awaits_heat or not lines.on_wire):
            doubt = "an answer too many came, to a line or an answer that was doubled"
        if doubt:
            certain = lines.certain_job_commands
            self._die(
                Fault.CONFUSION,
                f"{doubt}, and this firmware cannot say what it carried out; certain is all up to command {certain}: "
                f"check the cable",
            )
            return False
        return lines.awaits_heat == (reply.temperatures is not None)  # else it was said before, or is garbled

    def _on_refused(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002 - one signature for all replies
        self._refusal = reply

    def _on_resend(self, reply: Reply, now_s: float) -> None:
        self.tally.resends += 1
        if self.phase is not Phase.GREETING:
            self._go_back(reply.number or 0, now_s)

    def _go_back(self, wanted: int, now_s: float) -> None:
        """The firmware wants line ``wanted``; both of its sentences must agree, or one of them was garbled."""
        sentence, self._refusal = self._refusal, None
        by_number = sentence is not None and "umber" in sentence.text
        why = "number" if by_number else "checksum"
        self.tally.refusals[why] = self.tally.refusals.get(why, 0) + 1
        asked = wanted
        if sentence is not None and sentence.number is not None and sentence.number != wanted:
            wanted = 0  # which no line has
        self._since_s = now_s
        self._silences = 0
        agreed = sentence is not None and sentence.number == wanted
        if self._recounting:
            verdict = Verdict.NOT_RESTARTED
        elif not self.manners.ordered and (wanted != self._lines.accepted + 1 or self._lines.on_wire != 1):
            verdict = Verdict.LOST
        else:
            verdict = self._lines.refused(wanted, by_number=by_number, agreed=agreed)
        if self.tally.resends > NOISY:  # on such a wire a flushed buffer could cut a line in two
            self._window = self._lines.places = 1
        if verdict is Verdict.NOT_RESTARTED:
            self._order_to_count_anew()
        elif verdict is Verdict.LOST:
            self._die(
                Fault.CONFUSION,
                f"the firmware keeps asking for line {asked}, and lines up to {self._lines.top} were sent: "
                f"check cable, ground and baud rate, then print again",
            )

    def _widen(self, free: int) -> None:
        """Believe in more places only when they are said twice: one bit of a number may be wrong."""
        if min(self._window, free) <= self._places_heard:
            self._lines.places = self._places_heard
        self._places_heard = min(self._window, free)

    def _on_skipped(self, reply: Reply, now_s: float) -> None:
        """The firmware says that it has this line already; an ok without a number comes next and means nothing."""
        if reply.number is None:
            self._on_wait(now_s)
        elif self._lines.has_already(reply.number):
            self._since_s = now_s
            self._silences = 0

    def _on_wait(self, now_s: float) -> None:
        """It has nothing to do. Said once, our line may be under way; said again, a line or an answer got lost."""
        if self.phase is Phase.GREETING or not self.manners.ordered or not self._waiting:
            return
        self._idle_said += 1
        if self._idle_said > 1 and self._word(self._lines.oldest) not in self.manners.for_operator:
            self._silence(now_s)

    def _on_busy(self, reply: Reply, now_s: float) -> None:
        self._keepalive = True
        self._since_s = now_s
        self._silences = 0
        if "paused" in reply.text:
            self._events.append(Notice(text=reply.text))

    def _on_temperatures(self, reply: Reply, now_s: float) -> None:
        if reply.temperatures is not None:
            self._machine.tools.update(reply.temperatures.tools_c)
            self._events.append(reply.temperatures)
        if self.phase is Phase.GREETING and not self._settling:
            self._go_on_greeting(self._greeting.temperatures(), now_s)
        elif " W:" in reply.text:  # it waits for heat; other reports come even when an ok got lost
            self._since_s = now_s

    def _on_start(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        if self.phase is Phase.GREETING:
            self._settling = False
            self._greet(now_s)
        elif self.phase is not Phase.OFFLINE:
            self._die(Fault.RESET, "the printer restarted: cut power, a reset key or a crash of its firmware")

    def _on_fatal(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        self._die(Fault.FIRMWARE, f"the firmware stopped the printer: {reply.text}")

    def _on_failed(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        """A command that was not carried out is a move that is missing, and ends a job."""
        if self.phase in IN_JOB:
            self._die(Fault.FIRMWARE, f"the firmware did not carry out a command: {reply.text}")
        else:
            self._events.append(Notice(text=reply.text))

    def _on_action(self, reply: Reply, now_s: float) -> None:
        verb, _, rest = reply.text.partition(" ")
        if verb in ("pause", "paused"):  # paused: it has put its head aside by itself
            if self.phase is Phase.PRINTING:
                self._pause("by the printer", now_s, park=verb == "pause")
        elif verb in ("resume", "resumed"):
            self._resume()
        elif verb == "cancel":
            self._cancel()
        elif verb == "disconnect":
            self._die(Fault.FIRMWARE, "the printer asked to be disconnected")
        elif rest or verb in ("out_of_filament", "filament_runout", "probe_failed"):
            self._events.append(Notice(text=reply.text.replace("_", " ", 1)))

    def _on_firmware(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        self.firmware = reply.text

    def _on_capability(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        self.capabilities[reply.text] = bool(reply.number)

    def _on_no_pause(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        """The printer has no pause of its own: the host parks."""
        if self.phase is Phase.PAUSED and not self.parked:
            self._park()

    def _on_notice(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        self._events.append(Notice(text=reply.text))

    def _on_rubbish(self, reply: Reply, now_s: float) -> None:  # noqa: ARG002
        self.tally.rubbish += 1

    def _give(self) -> Actions:
        self.tally.repeated = self._lines.repeated
        actions = Actions(b"".join(self._out), tuple(self._events))
        if self._out:
            self._idle_said = 0
        self._out.clear()
        self._events.clear()
        return actions
