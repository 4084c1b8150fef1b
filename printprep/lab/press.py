"""What the agent prints with: the links of the printers room, the guard before every send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from printprep.errors import GcodeRefused, InputError, PrinterError
from printprep.lab.agent import Outcome, Tell
from printprep.lab.ready import make_ready
from printprep.lab.store import Job, State
from printprep.lab.turn import Told
from printprep.printers import open_link
from printprep.printers.control import Desk
from printprep.printers.layerjob import holds_layers
from printprep.printers.link import Ending, PrinterLink, PrinterState, PrinterStatus
from printprep.printers.registry import NamedPrinter, find_printer
from printprep.printers.send import Guard, send_file
from printprep.profiles.load import Profiles
from printprep.safety import sending_guard, tune_limits


class LinkPress:
    """Opens the lab's registered printers.

    Parameters
    ----------
    profiles
        Where the guard's limits come from.
    registry
        Folder of the registry; None: the user's own.
    store_url
        Of the store that knows what the printers' finished prints took; None: the user's own.
    """

    def __init__(self, profiles: Profiles, registry: Path | None = None, *, store_url: str | None = None) -> None:
        self._profiles = profiles
        self._store_url = store_url
        self._registry = registry

    @contextmanager
    def open(self, printer: str) -> Iterator[LinkedPrinter]:
        """Connect to a printer; a PrinterError when it does not answer."""
        named = find_printer(printer, self._registry)
        profile = self._profiles.printer(named.profile)
        guard = sending_guard(profile, self._profiles)
        link = open_link(named)
        link.connect()
        try:
            yield LinkedPrinter(link, guard, self._desk(named, link))
        finally:
            link.close()

    def _desk(self, named: NamedPrinter, link: PrinterLink) -> Callable[[Path], Desk]:
        profile = self._profiles.printer(named.profile)

        def desk(file: Path) -> Desk:
            make_ready(link, file, named.name, profile, self._profiles, self._store_url)
            facts = {"file": str(file), "profile": profile.id}
            return Desk(named.name, link, tune_limits(file, profile, self._profiles), facts)

        return desk


class LinkedPrinter:
    """A connected printer, as the agent uses it; while it prints, other processes may give it orders."""

    def __init__(self, link: PrinterLink, guard: Guard, desk: Callable[[Path], Desk]) -> None:
        self._link = link
        self._guard = guard
        self._desk = desk

    def print(self, _job: Job, file: Path, tell: Tell) -> Outcome:
        """Print a job's file; what goes wrong is in the outcome."""
        last: PrinterStatus | None = None

        desk = self._desk(file)

        def pass_on(status: PrinterStatus) -> None:
            nonlocal last
            last = status
            desk.see(status)
            tell(
                Told(
                    line=status.line,
                    lines=status.lines_total or None,
                    layer=status.layer or None,
                    paused=status.state is PrinterState.PAUSED,
                    message=status.message,
                )
            )

        try:
            with desk:
                result = send_file(self._link, file, guard=self._guard, on_status=pass_on)
        except GcodeRefused as exc:  # the guard, or the look at the whole file before its first line
            return Outcome(state=State.FAILED, why=str(exc), lines=0, touched=False, fault=exc)
        except InputError as exc:  # unreadable: from the start, or (a status was seen) in mid-print
            return Outcome(state=State.FAILED, why=str(exc), lines=last.line if last else 0, touched=last is not None)
        except PrinterError as exc:
            return Outcome(state=State.FAILED, why=str(exc), lines=last.line if last else 0, fault=exc)
        if result.outcome is Ending.CANCELLED:
            why = result.message or "cancelled at the printer"
            return Outcome(state=State.CANCELLED, why=why, lines=result.lines_accepted)
        counted = "each acknowledged" if result.counted else "counted by its server"
        spite = [f"; in spite of {f.code}, because: {f.accepted}" for f in result.findings if f.accepted]
        what = "layers" if holds_layers(file) else "commands"
        why = f"printed: {result.lines_accepted} {what}, {counted}{''.join(dict.fromkeys(spite))}"
        return Outcome(state=State.DONE, why=why, lines=result.lines_accepted)

    def cancel(self) -> None:
        """Park, heaters off."""
        self._link.cancel()
