"""What a dialect tells its link, and what it asks of it: the words every dialect shares.

A dialect is a conversation without a port, a thread or a clock. Whoever owns the port hands it bytes and the time and
does what the returned :class:`Actions` say::

    actions = dialect.feed(port.read(), now_s)      # or dialect.due(now_s) when dialect.next_due_s has come
    port.write(actions.write)
    for event in actions.events: ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol


class Phase(StrEnum):
    """Where a conversation stands."""

    OFFLINE = "offline"  # nothing said yet
    GREETING = "greeting"  # asking who is there
    READY = "ready"  # nothing to do
    PRINTING = "printing"  # taking commands from the job
    PAUSED = "paused"  # in a job, taking no commands until somebody resumes
    CANCELLING = "cancelling"  # heaters off and head up, then READY
    FINISHING = "finishing"  # every command of the job is sent, waiting for the last move
    DEAD = "dead"  # failed or stopped: only a new connection helps


class Fault(StrEnum):
    """Why a conversation died."""

    FIRMWARE = "firmware"  # the firmware stopped itself: kill, thermal protection
    RESET = "reset"  # the board restarted
    SILENCE = "silence"  # no answer in time
    CONFUSION = "confusion"  # the line numbers cannot be brought together again
    EMERGENCY = "emergency"  # stopped on purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The printer answered the greeting."""

    firmware: str
    capabilities: dict[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperatures:
    """A report: (actual, target) of each tool and of the bed, deg C; bed None when there is none."""

    tools_c: dict[int, tuple[float, float]]
    bed_c: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """The job takes no more commands until it is resumed; ``reason`` is for the operator."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The job goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Every command of the job was accepted and the last move has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The job was given up; the heaters are off and the head is up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The conversation died; ``accepted`` commands of the job (if there was one) had been accepted by then."""

    fault: Fault
    message: str
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something the firmware said that a person may want to read."""

    text: str


Event = Ready | Temperatures | Paused | Resumed | Finished | Cancelled | Failed | Notice


class Actions(NamedTuple):
    """What a link has to do now: bytes to write, then events to pass on; one for every line, so a cheap one."""

    write: bytes = b""
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """How patient a dialect is, s."""

    greeting_s: float = 4.0  # for one greeting: a board that restarts on connection boots for so long
    greetings: int = 5  # before giving up
    reply_s: float = 30.0  # for an ok
    long_reply_s: float = 1800.0  # for an ok to a command that waits: homing, heating, a filament change
    busy_s: float = 10.0  # for the next sign of life of a firmware that sends busy: messages (every 2 s)
    resend_s: float = 2.0  # for an answer to a line the firmware itself had asked for
    probes: int = 5  # questions without an answer before giving up
    poll_s: float = 4.0  # between temperatures, where the firmware does not report by itself
    report_s: int = 2  # between temperatures, where it does


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """Where a pause puts the head: ``lift_mm`` above all that was printed, never above ``top_mm``, then aside.

    Aside is where no part may lie; a printer that does not say where that is lifts only.
    """

    lift_mm: float = 10.0
    x_mm: float | None = None
    y_mm: float | None = None
    top_mm: float | None = None
    retract_mm: float = 1.0  # of a tool whose material nobody knows
    retract_of_mm: Mapping[int, float] = field(default_factory=dict)  # by tool: what its material wants
    travel_mm_s: float = 100.0
    lift_mm_s: float = 10.0


@dataclass(frozen=True, slots=True)
class WirePosition:
    """How far a job got: ``certain`` commands the firmware has for sure, ``beyond`` more may be there or under way."""

    certain: int
    beyond: int


@dataclass(slots=True)
class Tally:
    """What was counted; a link reports it and tests compare it."""

    sent: int = 0  # commands of the job, each once, however often it went over the wire
    repeated: int = 0  # lines that went over the wire again
    resends: int = 0  # Resend: received
    probes: int = 0  # questions after a silence
    rubbish: int = 0  # received lines that made no sense
    replaced: int = 0  # bytes outside ASCII that were replaced going out
    refusals: dict[str, int] = field(default_factory=dict)  # "checksum", "number": how often


class Dialect(Protocol):
    """A conversation with one printer."""

    tally: Tally
    parking: Parking | None  # for pauses on request; None: the head stays where it is

    @property
    def phase(self) -> Phase:
        """Where the conversation stands."""

    @property
    def accepted(self) -> int:
        """How many commands of the job the firmware has accepted, as far as its oks tell: for people."""

    @property
    def wire_position(self) -> WirePosition:
        """What of the job is certain and what is not: for a journal. ``certain`` never decreases within a job."""

    @property
    def parked(self) -> bool:
        """Whether a pause has moved the head; resuming brings it back first."""

    @property
    def stop(self) -> bytes:
        """What stops this firmware at once, written before all else by whoever holds the port."""

    @property
    def next_due_s(self) -> float:
        """When :meth:`due` wants to be called, if nothing is received before."""

    def greet(self, now_s: float) -> Actions:
        """Begin the conversation."""

    def feed(self, data: bytes, now_s: float) -> Actions:
        """Take received bytes, in pieces of any size."""

    def due(self, now_s: float) -> Actions:
        """Do what the time asks for."""

    def begin(self, commands: Iterator[bytes], now_s: float) -> Actions:
        """Print the commands: stripped, one each, without comments; they are taken one by one as there is room."""

    def ask(self, command: bytes, now_s: float) -> Actions:
        """Send one command of the host's own as soon as there is room."""

    def pause(self, now_s: float, reason: str = "on request") -> Actions:
        """Take no more commands from the job and, where the position is known, park the head; heaters stay on."""

    def resume(self, now_s: float) -> Actions:
        """Go on."""

    def cancel(self, now_s: float) -> Actions:
        """Give the job up: heaters off, head up."""

    def emergency(self, now_s: float) -> Actions:
        """Stop everything at once; the conversation is dead afterwards."""
