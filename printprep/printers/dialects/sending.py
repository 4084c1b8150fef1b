"""What goes out: the greeting, lines while there is room, parking, and the end of a job.

:class:`Sending` is one half of :class:`~printprep.printers.dialects.conversation.Conversation`; what comes in is the
other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import ClassVar, Final

from printprep.printers.dialects.events import (
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
)
from printprep.printers.dialects.greeting import Greeting
from printprep.printers.dialects.machine import MOVES, Machine
from printprep.printers.dialects.manners import UNTUNED, Manners
from printprep.printers.dialects.numbered import REPEATS, NumberedLines, numbered, seven_bits
from printprep.printers.dialects.replies import Reply

WINDOW: Final = 32
COUNT_TO: Final = 50_000
"""Where line numbers begin anew: Repetier compares 16 bits of them, others have gone wrong from 100,000 on."""
ALLOW: Final = Timings()
SLOWEST_S: Final = 5.0
"""A wait for an answer is twice as long as the one before, up to this: what stands still is not flooded."""

IN_JOB = (Phase.PRINTING, Phase.PAUSED, Phase.FINISHING)


class Sending:
    """All that is written, and the state of the conversation.

    Parameters
    ----------
    timings
        How patient it is.
    window
        The most lines on the wire at once, where the firmware allows more than one.
    count_to
        Line numbers begin anew at the next safe point behind this one.
    """

    manners: ClassVar[Manners]

    def __init__(self, *, timings: Timings = ALLOW, window: int = WINDOW, count_to: int = COUNT_TO) -> None:
        manners = self.manners
        self.phase = Phase.OFFLINE
        self.tally = Tally()
        self.capabilities: dict[str, bool] = {}
        self.firmware = "unknown"
        self.parking: Parking | None = None
        self.parked = False
        self._timings = timings
        self._window = window
        self._count_to = count_to
        self._lines = NumberedLines(
            plain=not manners.numbered, ok_after_refusal=manners.ok_after_refusal, question=manners.question
        )
        self._ended_by_m108 = manners.ended_by_m108
        self._greeting = Greeting(manners)
        self._machine = self._new_machine()
        self._out: list[bytes] = []
        self._events: list[Event] = []
        self._own: deque[bytes] = deque()  # the host's commands; they go before the job's
        self._tuned: set[bytes] = set()  # what the operator changed in mid-print and the firmware would keep
        self._job: Iterator[bytes] | None = None
        self._wait_line = 0  # a line that waits: nothing is sent behind it, so that cancelling finds nothing waiting
        self._recounting = False  # the firmware was told to count anew
        self._answers_prove = False  # the answer to a question has carried temperatures
        self._settling = False  # greeted more than once: answers to the other times may still come
        self._hushed = False  # waiting for a quiet wire before a question is asked
        self._recounts = 0
        self._places_heard = 0
        self._refusal: Reply | None = None  # the sentence before a Resend
        self._keepalive = False  # whether this firmware says busy:
        self._silences = 0
        self._idle_said = 0  # how often the firmware said that it has nothing to do, since something was sent
        self._since_s = 0.0  # of the last sign of life that counts
        self._next_poll_s = float("inf")

    @property
    def idle(self) -> bool:
        """Whether nothing is on the wire and nothing waits to be sent."""
        return self._lines.idle and not self._own and not self._recounting

    @property
    def _waiting(self) -> bool:
        """Whether something should be heard before long."""
        lines = self._lines
        return bool(lines.on_wire or lines.draining or self._recounting or self._hushed)

    def _greet(self, now_s: float) -> None:
        self._since_s = now_s
        if self._greeting.attempts >= self._timings.greetings:
            waited_s = self._timings.greeting_s * self._timings.greetings
            hello = self.manners.hello.decode()
            self._die(Fault.SILENCE, f"no answer to {hello} in {waited_s:g} s: check power, port and baud rate")
        else:
            self._out.append(self._greeting.hello())

    def _greeted(self, reply: Reply, now_s: float) -> None:
        refused, self._refusal = self._refusal is not None, None
        self._go_on_greeting(self._greeting.ok(reply, refused=refused), now_s)

    def _go_on_greeting(self, answer: bytes | None, now_s: float) -> None:
        self._since_s = now_s
        if answer is None:
            self._settling = self._greeting.attempts > 1
            if not self._settling:
                self._be_ready()
        elif answer:
            self._out.append(answer)

    def _be_ready(self) -> None:
        self._settling = False
        self.phase = Phase.READY
        self._events.append(Ready(firmware=self.firmware, capabilities=dict(self.capabilities)))

    def _pump(self, now_s: float) -> None:
        """Send while there is room: old lines first, then the host's own commands, then the job's."""
        if self.phase in (Phase.OFFLINE, Phase.GREETING, Phase.DEAD):
            return
        lines = self._lines
        if lines.room and not lines.on_wire and not self._recounting:
            self._since_s = now_s
        while lines.room and not self._recounting and not self._hushed:
            if lines.repeating:
                self._out.append(lines.again())
            elif lines.top >= self._count_to and self.manners.count_anew and (self._answers_prove or lines.counts):
                if not self._count_anew():
                    break
            elif self._own:
                self._out.append(lines.add(self._ascii(self._own.popleft()), self.tally.sent))
            elif self._job is not None and self.phase is Phase.PRINTING and lines.accepted >= self._wait_line:
                if self._knows_enough(now_s):
                    self._take_from_job(self._job, now_s)
            else:
                break
        if self.phase in (Phase.FINISHING, Phase.CANCELLING) and self.idle and self._proved():
            self._events.append(Finished() if self.phase is Phase.FINISHING else Cancelled())
            self.phase = Phase.READY
            self._next_poll_s = float("inf")

    def _proved(self) -> bool:
        """Whether the firmware has all that was sent; else it is asked, where its answer can prove anything."""
        lines = self._lines
        if lines.certain == lines.top or not (self._answers_prove or lines.counts):
            return True
        self._hushed = lines.asking  # its answer may still come, and be taken for the answer to the next question
        if not self._hushed:
            self._out.append(lines.probe())
        return False

    def _knows_enough(self, now_s: float) -> bool:
        """Whether more of the job may go out; where an ok proves nothing, a question follows each window of lines."""
        lines = self._lines
        if lines.top - lines.certain < WINDOW or lines.counts or not self._answers_prove:
            return True
        self._hushed = lines.asking
        if not self._hushed:
            self._out.append(lines.add(self.manners.question, self.tally.sent))
            self._next_poll_s = now_s + self._timings.poll_s
        return False

    def _count_anew(self) -> bool:
        """Begin line numbers anew once every line is certain; whether there is more to send before that."""
        lines = self._lines
        if lines.on_wire:
            return False
        if not self._proved():
            return not self._hushed
        lines.restart()
        self._wait_line = 0
        self._recounts = 0
        self._order_to_count_anew()
        return False

    def _order_to_count_anew(self) -> None:
        """Said as often as it takes: nothing but a question follows it before it is answered."""
        self._recounting = True
        self._recounts += 1
        if self._recounts > REPEATS:
            self._die(Fault.CONFUSION, "the firmware does not count its lines anew: check the cable")
            return
        self._out.append(numbered(0, self.manners.count_anew) + self._lines.first)

    def _take_from_job(self, job: Iterator[bytes], now_s: float) -> None:
        command = next(job, None)
        if command is None:
            self._job = None
            self.phase = Phase.FINISHING
            self._close_job(self.manners.settle)
            return
        self.tally.sent += 1
        self._out.append(self._lines.add(self._ascii(command), self.tally.sent))
        if command.startswith(MOVES):
            self._machine.note_move(command)
            return
        word = self._word(command)
        self._machine.note(word, command)
        if word in self.manners.waits:
            self._wait_line = self._lines.top
        if word in self.manners.holds:
            asks = "the file asks for the operator: " + command.decode("ascii", "replace")
            self._pause(asks, now_s, park=False)
        elif word in self.manners.for_operator:
            self._events.append(
                Notice(text="the printer waits for the operator: " + command.decode("ascii", "replace"))
            )

    def _close_job(self, *last: bytes) -> None:
        """Set back what was tuned, end the reports, then ask: the answer proves that every line before it was taken."""
        self._own.extend(command for command in last if command)
        self._own.extend(back for word, back in UNTUNED.items() if word in self._tuned)
        if self.capabilities.get("AUTOREPORT_TEMP"):
            self._own.append(b"M155 S0")
        self._own.append(self.manners.question)

    def _pause(self, reason: str, now_s: float, *, park: bool) -> None:
        self.phase = Phase.PAUSED
        if park and self.manners.pause:
            self._own.append(self.manners.pause)
            reason += f"; the printer parks by its own {self.manners.pause.decode()}"
        elif park and not self._park():
            reason += "; the head stays where it is"
        self._events.append(Paused(reason=reason))
        # a question now and then keeps the motors awake, which many firmwares let go after two minutes
        self._next_poll_s = min(self._next_poll_s, now_s + self._timings.poll_s)

    def _park(self) -> bool:
        """Put the head aside, where it is known where it is; whether it is put aside."""
        away = self._machine.park(self.parking) if self.parking is not None else ()
        self.parked = bool(away)
        self._own.extend(away)
        return self.parked

    def _resume(self) -> None:
        if self.phase is not Phase.PAUSED:
            return
        self.phase = Phase.PRINTING
        self._events.append(Resumed())
        if self.parked:
            self.parked = False
            self._own.extend(self._machine.unpark())
        elif self.manners.carry_on:
            self._own.append(self.manners.carry_on)
        if self._reports_enough():
            self._next_poll_s = float("inf")

    def _reports_enough(self) -> bool:
        """Whether nothing need be asked: temperatures come by themselves, and oks prove what they answer."""
        return bool(self.capabilities.get("AUTOREPORT_TEMP")) and self._lines.counts

    def _cancel(self) -> None:
        if self.phase not in IN_JOB:
            return
        held = self.manners.forget_pause if self.phase is Phase.PAUSED and not self.parked else b""
        self.phase = Phase.CANCELLING
        self._job = None
        self.parked = False
        self._end_wait()
        self._own.clear()
        self._close_job(*self._off(), held, *self.manners.retreat)

    def _end_wait(self) -> None:
        """End a wait for heat or for the operator, if the firmware is in one."""
        if self._lines.on_wire and self._word(self._lines.oldest) in self._ended_by_m108:
            self._out.append(self.manners.end_wait + b"\n")

    def _silence(self, now_s: float) -> None:
        """Nothing was heard for too long: an ok or a line got lost, or the printer is gone."""
        lines = self._lines
        self._silences += 1
        self._idle_said = 0
        self._since_s = now_s
        self._refusal = None
        if self._silences > self._timings.probes:
            command = lines.oldest.decode("ascii", "replace")
            self._die(Fault.SILENCE, f"no answer to {command!r}, asked {self._timings.probes} times: check the cable")
        elif self._recounting:
            self._order_to_count_anew()
        elif self._hushed:
            self._hushed = False
            self._out.append(lines.probe())
        elif self.manners.ordered and (lines.draining or lines.repeating or lines.repeated):
            # this firmware checks numbers, so a line it already has is refused and not printed twice
            lines.repeat_unaccepted()
        else:
            self.tally.probes += 1
            self._out.append(lines.probe())

    def _patience_s(self) -> float:
        """How long the next sign of life may take."""
        if self.phase is Phase.GREETING:
            return self._timings.resend_s if self._settling else self._timings.greeting_s
        if self._lines.draining or self._recounting or self._hushed:
            return self._backed_off_s(self._timings.resend_s)
        if self._keepalive:
            return self._backed_off_s(self._timings.busy_s)
        oldest = self._lines.oldest
        waits = not oldest.startswith(MOVES) and self._word(oldest) in self.manners.waits
        return self._backed_off_s(self._timings.long_reply_s if waits else self._timings.reply_s)

    def _backed_off_s(self, first_s: float) -> float:
        return max(first_s, min(first_s * 2**self._silences, SLOWEST_S)) if self._silences else first_s

    def _die(self, fault: Fault, message: str) -> None:
        """End the conversation; the heaters are switched off without numbers, which any firmware still takes."""
        self.phase = Phase.DEAD
        self._job = None
        self._next_poll_s = float("inf")
        self._out.append(b"\n")  # ends what may stand half on the wire
        self._end_wait()  # else what follows would not be read before somebody ends it
        self._out.extend(command + b"\n" for command in self._off())
        self._events.append(Failed(fault=fault, message=message, accepted=self._lines.job_commands))

    def _off(self) -> tuple[bytes, ...]:
        cold = self.manners.cold
        return self._machine.heaters_off() if cold is None else cold

    def _new_machine(self, tools: set[int] | None = None) -> Machine:
        machine = Machine(extruder=self.manners.extruder, own_g0_feed=self.manners.own_g0_feed)
        machine.tools |= tools or set()
        return machine

    def _ascii(self, command: bytes) -> bytes:
        clean, replaced = seven_bits(command)
        self.tally.replaced += replaced
        return clean

    @staticmethod
    def _word(command: bytes) -> bytes:
        return command.split(b" ", 1)[0]
