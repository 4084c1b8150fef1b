"""A printer on a serial port (or a pty): pyserial moves the bytes, a dialect knows what they mean.

One thread, the one that called :meth:`SerialLink.print_file`, reads, writes and owns the dialect. Everybody else
leaves a wish and wakes it, so nothing is locked, and a signal handler may wish too.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from printprep.errors import ConnectionLost, FirmwareFault, InputError, PrinterError, ReplyTimeout
from printprep.printers.dialects import events as said
from printprep.printers.dialects.events import Actions, Dialect, Event, Fault, Parking, Phase
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.greeting import HEARD_MOST, other_family, who_answered
from printprep.printers.job import JobFile, commands, read_job
from printprep.printers.journal import Journal
from printprep.printers.link import (
    STOPPED,
    Ending,
    Identity,
    OnProgress,
    PrinterState,
    PrinterStatus,
    PrintOutcome,
    unwatched,
)
from printprep.printers.panel import Foresee, Panel
from printprep.printers.port import Port
from printprep.printers.wishes import Wishes

LOOK_UP_S: Final = 0.5  # the longest a turn waits for bytes
REPORT_S: Final = 0.1  # between two calls of on_progress

_STATES = {
    Phase.OFFLINE: PrinterState.OFFLINE,
    Phase.GREETING: PrinterState.OFFLINE,
    Phase.READY: PrinterState.READY,
    Phase.PRINTING: PrinterState.PRINTING,
    Phase.FINISHING: PrinterState.PRINTING,
    Phase.PAUSED: PrinterState.PAUSED,
    Phase.CANCELLING: PrinterState.CANCELLING,
    Phase.DEAD: PrinterState.FAILED,
}
_TUNABLE = (Phase.PRINTING, Phase.PAUSED)
_ERRORS: dict[Fault, type[PrinterError]] = {
    Fault.FIRMWARE: FirmwareFault,
    Fault.RESET: FirmwareFault,
    Fault.EMERGENCY: FirmwareFault,
    Fault.SILENCE: ReplyTimeout,
    Fault.CONFUSION: PrinterError,
}


@dataclass(slots=True)
class _Print:
    """A print under way."""

    job: JobFile
    journal: Journal | None
    began_s: float
    ending: Ending | None = None
    fault: PrinterError | None = None


class SerialLink:
    """A printer on a serial port; see :class:`~printprep.printers.link.PrinterLink`.

    Parameters
    ----------
    port
        ``/dev/ttyACM0``, ``/dev/serial/by-id/…`` or the path of a pty.
    baud
        Bits a second; a USB CDC port and a pty ignore it.
    dialect
        Makes a fresh conversation for each connection.
    dtr
        See :class:`~printprep.printers.port.Port`.
    firmware
        What the printer is to run; one that says it runs another known one is refused. None: whatever answers.
    journal
        Begins the journal of a print; None: none is kept.
    clock
        Monotonic time, s.
    """

    def __init__(
        self,
        port: str,
        baud: int = 115_200,
        dialect: Callable[[], Dialect] = Marlin,
        *,
        dtr: bool = True,
        firmware: str | None = None,
        journal: Callable[[JobFile], Journal] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.port = port
        self.baud = baud
        self.dtr = dtr
        self.firmware = firmware
        self.parking: Parking | None = None  # where a pause puts the head; None: it stays where it is
        self.foresee: Foresee | None = None  # for the printer's display; None: it shows nothing of ours
        self._heard: bytearray | None = None  # in the greeting: what was said
        self._begin_journal = journal
        self._new_dialect = dialect
        self._dialect = dialect()
        self._clock = clock
        self._open: Port | None = None
        self._identity: Identity | None = None
        self._fd = -1  # of the open port
        self._wishes: Wishes | None = None
        self._print: _Print | None = None
        self._status = PrinterStatus(state=PrinterState.OFFLINE)
        self._reports = 0  # temperature reports seen
        self._failure: PrinterError | None = None

    # Connection

    @property
    def identity(self) -> Identity:
        """Who answered."""
        if self._identity is None:
            raise PrinterError(f"{self.port}: not connected")
        return self._identity

    def connect(self) -> Identity:
        """Open the port for this process alone and greet the printer."""
        self._close_port()
        self._open = Port(self.port, self.baud, dtr=self.dtr)
        self._fd = self._open.descriptor
        self._wishes = Wishes()
        self._failure = None
        self._heard = bytearray()
        self._dialect = self._new_dialect()
        try:
            self._do(self._dialect.greet(self._clock()))
            while self._dialect.phase is Phase.GREETING:
                self._turn()
            self._raise_failure()
            self._check_firmware()
        except ReplyTimeout as exc:
            self.close()
            raise ReplyTimeout(f"{exc}; {who_answered(bytes(self._heard))}") from exc
        except PrinterError:
            self.close()
            raise
        finally:
            self._heard = None
        return self.identity

    def _check_firmware(self) -> None:
        """Raise PrinterError when the printer says that it runs another firmware than it is written down with."""
        said = self.identity.firmware
        other = other_family(said, self.firmware) if self.firmware else None
        if other:
            raise PrinterError(
                f"{self.port}: the printer says it runs {said}, and is spoken to as {self.firmware}; write it down "
                f"with a profile for {other} (printprep printer add … --replace)"
            )

    def close(self) -> None:
        """Close the port."""
        self._close_port()

    def _close_port(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
        if self._wishes is not None:
            self._wishes.close()
            self._wishes = None
        self._identity = None
        self._status = PrinterStatus(state=PrinterState.OFFLINE)

    # Printing

    def print_file(self, path: Path, on_progress: OnProgress = unwatched) -> PrintOutcome:
        """Stream the file, line by line, until the last move has ended."""
        if self._open is None or self._dialect.phase is not Phase.READY:
            raise PrinterError(f"{self.port}: not ready to print ({self._dialect.phase}); connect it again")
        self._dialect.parking = self.parking
        job = read_job(path)
        journal = self._begin_journal(job) if self._begin_journal else None
        if self._wishes is not None:
            self._wishes.grant()  # what came too late for the last print is not meant for this one
        self._print = current = _Print(job=job, journal=journal, began_s=self._clock())
        self._status = replace(
            self._status, lines_total=job.commands, layers_total=len(job.layer_starts), message="", progress=0.0
        )
        try:
            self._stream(current, on_progress)
        except (PrinterError, InputError) as fault:  # port or file went away, or a watcher says so
            self._leave_cold(current)
            current.ending, current.fault = Ending.FAILED, self._placed(fault, job)
        except BaseException:  # a watcher failed: the printer must not stand there hot
            self._leave_cold(current)
            raise
        finally:
            self._print = None
            if journal is not None:
                journal.end(current.ending or Ending.FAILED)
        outcome = self._outcome(current)
        self._refresh(job)
        on_progress(self._status)
        return outcome

    def pause(self) -> None:
        """Hold the print."""
        self._wish(lambda now_s: self._dialect.pause(now_s))

    def resume(self) -> None:
        """Go on with a held print."""
        self._wish(lambda now_s: self._dialect.resume(now_s))

    def cancel(self) -> None:
        """Give the print up: heaters off, head up."""
        self._wish(lambda now_s: self._dialect.cancel(now_s))

    def emergency_stop(self) -> str:
        """The firmware's own stop, at once and whatever else is being written; the printing thread does the rest."""
        if self._open is None:
            raise PrinterError(f"{self.port}: not connected, so it cannot be stopped from here; cut its power")
        self._open.stop(self._dialect.stop)
        self._wish(lambda now_s: self._dialect.emergency(now_s))
        return STOPPED

    def tell(self, command: bytes) -> None:
        """Send a command of the operator's between those of the print, and write it into the journal."""
        if self._print is None or self._dialect.phase not in _TUNABLE:
            raise PrinterError(f"{self.port} prints nothing now that could be tuned")
        self._wish(lambda now_s: self._tell(command, now_s))

    def status(self) -> PrinterStatus:
        """The printer now; asked for its temperatures when it is not printing."""
        if self._print is None and self._open is not None and self._dialect.phase is Phase.READY:
            before = self._reports
            self._do(self._dialect.ask(b"M105", self._clock()))
            while self._reports == before and self._dialect.phase is Phase.READY:
                self._turn()
            self._raise_failure()
            self._status = replace(self._status, state=_STATES[self._dialect.phase])
        return self._status

    def _tell(self, command: bytes, now_s: float) -> Actions:
        if self._print is None or self._dialect.phase not in _TUNABLE:  # it ended meanwhile: nothing is heated again
            return Actions()
        if self._print.journal is not None:
            self._print.journal.tuned(command.decode("ascii", "replace"))
        return self._dialect.ask(command, now_s)

    # One turn of the loop

    def _stream(self, current: _Print, on_progress: OnProgress) -> None:
        told_s, told_state = float("-inf"), PrinterState.READY
        panel = self._panel(current.job)
        self._do(self._dialect.begin(commands(current.job.file), self._clock()))
        while current.ending is None:
            self._turn()
            now_s, state = self._clock(), _STATES[self._dialect.phase]
            if state is not told_state or now_s - told_s >= REPORT_S:
                told_s, told_state = now_s, state
                self._refresh(current.job)
                on_progress(self._status)
                if panel is not None and self._dialect.phase is Phase.PRINTING:
                    line = panel.line(self._dialect.accepted)
                    self._do(self._dialect.ask(line, now_s) if line else Actions())

    def _panel(self, job: JobFile) -> Panel | None:
        """What the printer's display shows; None where it has none that takes M73, or the file itself tells it."""
        takes = self.identity.capabilities.get("BUILD_PERCENT", False)
        return Panel(job, self.foresee) if takes and self.foresee is not None and not job.tells_progress else None

    def _leave_cold(self, current: _Print) -> None:
        """Cancel, and see it through."""
        with suppress(PrinterError):
            self._do(self._dialect.cancel(self._clock()))
            while current.ending is None:
                self._turn()

    def _turn(self) -> None:
        """Wait for bytes, a wish or a time-out, and let the dialect answer."""
        if self._wishes is None:
            raise ConnectionLost(f"{self.port} was closed")
        due_s, now_s = self._dialect.next_due_s, self._clock()
        ready, _, _ = select.select(
            [self._fd, self._wishes.descriptor], [], [], min(max(0.0, due_s - now_s), LOOK_UP_S)
        )
        if self._wishes.descriptor in ready:
            self._wishes.grant()
        if self._fd in ready:
            data = self._opened().read()
            if self._heard is not None and len(self._heard) < HEARD_MOST:
                self._heard += data
            self._do(self._dialect.feed(data, self._clock()))
        now_s = self._clock()
        if now_s >= due_s:  # as it was before the bytes came: what is too early by now does no harm
            self._do(self._dialect.due(now_s))

    def _do(self, actions: Actions) -> None:
        if self._print is not None and self._print.journal is not None:  # first: nothing goes out that is not in it
            position = self._dialect.wire_position
            self._print.journal.note(position.certain, self._dialect.accepted, position.certain + position.beyond)
        if actions.write:
            self._opened().write(actions.write)
        for event in actions.events:
            self._note(event)

    def _opened(self) -> Port:
        if self._open is None:
            raise ConnectionLost(f"{self.port} was closed")
        return self._open

    def _wish(self, wish: Callable[[float], Actions]) -> None:
        """Have the printing thread do something; when nobody prints, do it here."""
        wishes = self._wishes
        if self._print is None or wishes is None:
            self._do(wish(self._clock()))
        else:
            wishes.leave(lambda: self._do(wish(self._clock())))

    # What was said

    def _note(self, event: Event) -> None:
        match event:
            case said.Ready():
                self._identity = Identity(firmware=event.firmware, capabilities=event.capabilities)
                self._status = PrinterStatus(state=PrinterState.READY)
            case said.Temperatures():
                self._reports += 1
                self._status = replace(self._status, tools_c=event.tools_c, bed_c=event.bed_c)
            case said.Paused():
                self._status = replace(self._status, message=f"paused: {event.reason}")
            case said.Resumed():
                self._status = replace(self._status, message="")
            case said.Notice():
                self._status = replace(self._status, message=event.text)
            case said.Finished() | said.Cancelled():
                self._end(Ending.FINISHED if isinstance(event, said.Finished) else Ending.CANCELLED)
            case said.Failed():
                where = f" ({self._print.job.where(event.accepted)})" if self._print else ""
                self._failure = _ERRORS[event.fault](f"{self.port}: {event.message}{where}")
                self._end(Ending.FAILED)

    def _end(self, ending: Ending) -> None:
        if self._print is not None:
            self._print.ending = ending
            self._print.fault = self._failure if ending is Ending.FAILED else None

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _refresh(self, job: JobFile) -> None:
        """Bring the status up to the accepted command."""
        accepted = self._dialect.accepted
        journal = self._print.journal if self._print else None
        if journal is not None and journal.failure:
            self._status = replace(self._status, message=journal.failure)
        self._status = replace(
            self._status,
            state=_STATES[self._dialect.phase],
            line=accepted,
            layer=job.layer_at(accepted),
            z_mm=job.z_at(accepted),
            progress=accepted / job.commands,
        )

    def _placed(self, fault: PrinterError | InputError, job: JobFile) -> PrinterError:
        """A fault of port or file, with the place in the job that it came at."""
        kind = type(fault) if isinstance(fault, PrinterError) else PrinterError
        placed = kind(f"{fault} ({job.where(self._dialect.accepted)})")
        placed.__cause__ = fault
        return placed

    def _outcome(self, current: _Print) -> PrintOutcome:
        accepted = self._dialect.accepted
        tally = self._dialect.tally
        return PrintOutcome(
            ending=current.ending or Ending.FAILED,
            lines_total=current.job.commands,
            lines_sent=tally.sent,
            lines_accepted=accepted,
            layer=current.job.layer_at(accepted),
            duration_s=self._clock() - current.began_s,
            message=str(current.fault) if current.fault else self._status.message,
            fault=current.fault,
            repeated=tally.repeated,
            sha256=current.job.sha256,
        )
