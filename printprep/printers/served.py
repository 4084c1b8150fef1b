"""A print that a server keeps: uploaded, started, watched until it is over, taken away again.

What OctoPrint, Moonraker, PrusaLink and resin boards have in common. A link of this kind says how to upload, start and
look; when a print is over and what to do with wishes, outages and half-heard answers stands here, once.
"""

from __future__ import annotations

import logging
import select
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from printprep.errors import ConnectionLost, FirmwareFault, PrinterError, ReplyTimeout
from printprep.printers.asking import Busy, ServerAddress, understood
from printprep.printers.dialects.manners import UNTUNED
from printprep.printers.job import JobFile, read_job
from printprep.printers.layerjob import read_layers
from printprep.printers.link import Ending, Identity, OnProgress, PrinterState, PrinterStatus, PrintOutcome, unwatched
from printprep.printers.look import Look, counted, whereabouts
from printprep.printers.push import Push, opened
from printprep.printers.upload import OnSent, Upload, packed
from printprep.printers.wishes import Wishes

LOG: Final = logging.getLogger(__name__)

POLL_S: Final = 0.5
QUIET_S: Final = 3.0  # a push socket that is silent so long is asked by a question
OUTAGE_S: Final = 60.0  # a server may be away so long in mid-print before the print counts as lost
LET_GO_S: Final = (0.2, 0.4, 0.8, 1.6)  # between tries to delete a file whose print is over
BEGIN_S: Final = 60.0  # for a print that the server took to begin
UPLOAD_TOLD_S: Final = 1.0  # between two reports of an upload
DEAF_S: Final = (1.0, 60.0)  # before a push socket that died is opened again: the first time, and at most
BUSY: Final = (PrinterState.PRINTING, PrinterState.PAUSED, PrinterState.CANCELLING)


class ServedLink(ABC):
    """A printer behind a server; see :class:`~printprep.printers.link.PrinterLink`.

    Parameters
    ----------
    url
        Of the server, with a path prefix where a reverse proxy has one.
    allow_insecure
        Accept a server that needs no key, and a public address without TLS.
    clock
        Monotonic time, s.
    """

    kind: ClassVar[str]  # of server, for messages
    untunable: ClassVar[str] = ""  # why it takes no commands from here
    pushes: ClassVar[bool] = False  # it has a push socket

    def __init__(self, url: str, *, allow_insecure: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = ServerAddress.of(url)
        self.url = self._address.url
        self._allow_insecure = allow_insecure
        self._clock = clock
        self._identity: Identity | None = None
        self._status = PrinterStatus(state=PrinterState.OFFLINE)
        self._wishes: Wishes | None = None
        self._cancelled = False
        self._held: bool | None = None  # True: to be paused, False: to be resumed, None: as it is
        self._refusal = ""  # of the last wish to pause or resume
        self._tuned = False
        self._push: Push | None = None
        self._deaf_s, self._listen_s = DEAF_S[0], 0.0  # the next pause between two sockets; when the next may be opened

    # What a kind of server has to say

    @abstractmethod
    def connect(self) -> Identity:
        """Open the way to the printer."""

    @abstractmethod
    def close(self) -> None:
        """Let the printer go."""

    @abstractmethod
    def emergency_stop(self) -> str:
        """Stop at once."""

    @abstractmethod
    def _store(self, upload: Upload, on_sent: OnSent) -> str:
        """Upload; where the server put it."""

    def _verify(self, place: str, upload: Upload) -> None:  # noqa: B027 - nothing, where the server compares
        """Raise PrinterError unless the server has what was sent."""

    @abstractmethod
    def _start(self, place: str) -> None:
        """Print what was uploaded."""

    @abstractmethod
    def _look(self, place: str | None) -> Look:
        """The printer now, and the print of ``place``."""

    @abstractmethod
    def _hold(self) -> None:
        """Pause."""

    @abstractmethod
    def _go_on(self) -> None:
        """Resume."""

    @abstractmethod
    def _end(self) -> None:
        """Cancel."""

    @abstractmethod
    def _cool(self) -> None:
        """Switch the heaters off, where the printer has some and leaves that to its hosts."""

    @abstractmethod
    def _remove(self, place: str) -> None:
        """Delete what was uploaded."""

    def _holds_layers(self, _path: Path) -> bool:
        """Whether the file is one of layers, and goes as it is."""
        return False

    def _script(self, commands: Sequence[str]) -> None:
        """Have G-code carried out, by a server that takes it; :attr:`untunable` says why one does not."""
        raise PrinterError(f"{self.url}: {self.untunable}, so {', '.join(commands)} cannot be sent")

    def _open_push(self) -> Push:
        """Open the push socket of a server that :attr:`pushes`; ConnectionLost or ReplyTimeout if it does not now."""
        raise ConnectionLost(f"{self.url} pushes nothing")

    # The contract

    @property
    def identity(self) -> Identity:
        """Who answered."""
        if self._identity is None:
            raise PrinterError(f"{self.url}: not connected")
        return self._identity

    def print_file(self, path: Path, on_progress: OnProgress = unwatched) -> PrintOutcome:
        """Upload the file, print it, and watch until the server says that it is over."""
        layers = self._holds_layers(path)
        job = read_layers(path) if layers else read_job(path)
        began_s = self._clock()
        self._cancelled, self._held, self._refusal, self._tuned = False, None, "", False
        self._deaf_s, self._listen_s = DEAF_S[0], 0.0
        self._status = replace(self._status, line=0, layer=0, progress=0.0, message="")
        self._wishes = Wishes()
        ending, fault = Ending.FAILED, None
        try:
            with packed(job, layers=layers) as upload, understood(self.url, self.kind):
                place = self._kept(upload, self._teller(job, on_progress))
            ending = self._print(place, job, on_progress)
        except PrinterError as exc:
            fault = exc
        finally:
            self._hush()
            if self._tuned:
                with suppress(PrinterError):
                    self._script([back.decode("ascii") for back in UNTUNED.values()])
            self._wishes.close()
            self._wishes = None
        done = job.commands if ending is Ending.FINISHED else self._status.line
        return PrintOutcome(
            ending=ending,
            lines_total=job.commands,
            lines_sent=done,
            lines_accepted=done,
            layer=job.layer_at(done),
            duration_s=self._clock() - began_s,
            message=str(fault) if fault else self._status.message,
            fault=fault,
            counted=False,
            sha256=job.sha256,
        )

    def pause(self) -> None:
        """Hold the print."""
        self._held = True
        self._wish(self._hold, self._try)

    def resume(self) -> None:
        """Go on with a held print."""
        self._held = False
        self._wish(self._go_on, self._try)

    def cancel(self) -> None:
        """Give the print up; the heaters are switched off even where the server's own script does not."""
        if self._cancelled and self._wishes is not None:  # it is said again at each look, and no faster
            return
        self._cancelled = True
        self._wish(self._end)

    def tell(self, command: bytes) -> None:
        """Pass a command of the operator's on; that the server refuses it is the message of the next status."""
        if self.untunable:
            raise PrinterError(f"{self.url}: {self.untunable}")
        if self._wishes is None or self._status.state not in (PrinterState.PRINTING, PrinterState.PAUSED):
            raise PrinterError(f"{self.url} prints nothing now that could be tuned")
        self._wish(lambda: self._tune(command.decode("ascii")))

    def status(self) -> PrinterStatus:
        """The printer now."""
        self._status = self._seen(None).status
        return self._status

    # Steps of a print

    def _kept(self, upload: Upload, on_sent: OnSent) -> str:
        """Upload and verify; where the server has it. What is not the same is taken away again."""
        place = self._store(upload, on_sent)
        try:
            self._verify(place, upload)
        except PrinterError:
            self._clear_away(place)
            raise
        return place

    def _print(self, place: str, job: JobFile, on_progress: OnProgress) -> Ending:
        if self._cancelled:  # while it was uploaded
            self._clear_away(place)
            return Ending.CANCELLED
        self._listen()
        try:
            self._start(place)
        except Busy:  # with somebody else's print, which is not ours to cancel
            self._clear_away(place)
            raise
        except PrinterError:  # whether it began is not known
            self._give_up()
            raise
        try:
            ending = self._watch(place, job, on_progress)
        except BaseException:  # the server must not go on, or stand there hot, without anybody looking
            self._give_up()
            raise
        self._clear_away(place)
        return ending

    def _teller(self, job: JobFile, on_progress: OnProgress) -> OnSent:
        """Tell of an upload now and then; a short one is over before."""
        told_s = self._clock()

        def tell(sent: int, total: int) -> None:
            nonlocal told_s
            if self._clock() - told_s < UPLOAD_TOLD_S:
                return
            told_s = self._clock()
            words = f"uploading: {sent / 1e6:.1f} of {total / 1e6:.1f} MB"
            on_progress(replace(self._status, lines_total=job.commands, message=words))

        return tell

    def _watch(self, place: str, job: JobFile, on_progress: OnProgress) -> Ending:
        """Look until the print is over."""
        seen_busy = False
        heard_s = began_s = self._clock()
        while True:
            self._listen()
            pushed = self._wait()
            if pushed and self._push is not None and self._push.alive:
                self._deaf_s = DEAF_S[0]
            elif self._push is not None and self._push.alive and self._clock() - heard_s < QUIET_S:
                continue
            try:
                seen = self._seen(place)
            except (ConnectionLost, ReplyTimeout) as exc:
                if self._clock() - heard_s > OUTAGE_S:
                    raise type(exc)(
                        f"{exc}{whereabouts(self._status)}; look at the printer: it may still be printing"
                    ) from exc
                self._status = replace(self._status, message=f"not heard since {self._clock() - heard_s:.0f} s: {exc}")
                on_progress(self._status)
                continue
            heard_s = self._clock()
            if self._cancelled and seen.ending is Ending.FINISHED:  # they crossed: that all was printed is not certain
                seen = replace(seen, ending=Ending.CANCELLED)
            status = self._status = counted(seen, self._status, job, self._refusal)
            on_progress(status)
            if status.state in (PrinterState.FAILED, PrinterState.OFFLINE):
                raise FirmwareFault(
                    f"{self.url}: {seen.why or status.message or status.state}{whereabouts(self._status)}"
                )
            if not seen.ours and not self._cancelled:
                raise FirmwareFault(
                    f"{self.url} knows nothing of the print any more; it started anew{whereabouts(self._status)}"
                )
            if seen.ending is Ending.FAILED:
                raise FirmwareFault(
                    f"{self.url}: the print failed: {seen.why or 'no reason given'}{whereabouts(self._status)}"
                )
            if seen.ending is Ending.FINISHED:
                return Ending.FINISHED
            if status.state in BUSY:
                seen_busy = True
                self._insist(status.state)
            elif seen.ending is not None or self._cancelled or seen_busy:  # the last: given up at the server
                self._ask_kindly(self._cool)
                return Ending.CANCELLED
            elif self._clock() - began_s > BEGIN_S:
                raise FirmwareFault(f"{self.url} took the print but does not begin it; look at the printer")

    def _seen(self, place: str | None) -> Look:
        with understood(self.url, self.kind):
            return self._look(place)

    def _insist(self, state: PrinterState) -> None:
        """Say a wish again that has not come true: it may have met an outage, or a printer that was about to start."""
        if self._cancelled and state is not PrinterState.CANCELLING:
            self._ask_kindly(self._end)
        elif self._held is (state is PrinterState.PAUSED):
            self._held = None
        elif self._held is not None and not self._cancelled:
            self._ask_kindly(lambda: self._try(self._hold if self._held else self._go_on))

    def _wait(self) -> bool:
        """Wait for news, the next poll or a wish; True: the push socket had news."""
        assert self._wishes is not None
        descriptors = [self._wishes.descriptor]
        if self._push is not None and self._push.alive:
            descriptors.append(self._push.descriptor)
        ready, _, _ = select.select(descriptors, [], [], POLL_S)
        self._ask_kindly(self._wishes.grant)
        return self._push is not None and self._push.descriptor in ready

    def _ask_kindly(self, wish: Callable[[], None]) -> None:
        """Ask; what the server cannot grant now is no reason to give the print up: it is looked at again anyway."""
        try:
            wish()
        except (Busy, ConnectionLost, ReplyTimeout) as exc:  # such as a pause of what has just ended
            LOG.info("a wish was not granted: %s", exc)

    def _try(self, wish: Callable[[], None]) -> None:
        """Pause or resume; a server that will not at all is no reason to give the print up, and is not asked again."""
        if self._held is None:  # it came true, or was refused, before its turn
            return
        self._refusal = ""
        try:
            wish()
        except (Busy, ConnectionLost, ReplyTimeout):  # later, perhaps
            raise
        except PrinterError as exc:
            self._held, self._refusal = None, str(exc)

    def _give_up(self) -> None:
        """Cancel and cool, as far as the server still listens."""
        for wish in (self._end, self._cool):
            with suppress(PrinterError):
                wish()

    def _clear_away(self, place: str) -> None:
        """Take the file from the server: what was printed stays in the lab's record, not there.

        A server may hold on to it for a moment after the end, such as Moonraker until it has heard of the end itself.
        """
        for wait_s in (*LET_GO_S, None):
            try:
                self._remove(place)
                return
            except PrinterError as exc:
                if wait_s is None:
                    self._status = replace(self._status, message=f"{place} stays on the server: {exc}")
                else:
                    time.sleep(wait_s)

    def _tune(self, command: str) -> None:
        self._tuned = True
        try:
            self._script([command])
        except PrinterError as exc:
            self._refusal = f"{command} was not taken: {exc}"

    def _listen(self) -> None:
        """Open the push socket, and again when it has died; what fails to open is tried ever less often."""
        if not self.pushes or (self._push is not None and self._push.alive) or self._clock() < self._listen_s:
            return
        self._hush()
        self._push = opened(self._open_push)
        self._listen_s = self._clock() + self._deaf_s
        self._deaf_s = min(2.0 * self._deaf_s, DEAF_S[1])

    def _hush(self) -> None:
        if self._push is not None:
            self._push.close()
            self._push = None

    def _wish(self, wish: Callable[[], None], way: Callable[[Callable[[], None]], None] = lambda wish: wish()) -> None:
        wishes = self._wishes  # the print may end meanwhile
        if wishes is None:
            wish()
        else:
            wishes.leave(lambda: way(wish))
