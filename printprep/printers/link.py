"""The contract of every printer link: serial, network, virtual."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from printprep.errors import PrinterError


class PrinterState(StrEnum):
    """What a printer is doing, as far as the link knows."""

    OFFLINE = "offline"
    READY = "ready"
    PRINTING = "printing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    FAILED = "failed"


class Ending(StrEnum):
    """How a print ended."""

    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who answered."""

    firmware: str
    version: str = ""
    capabilities: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterStatus:
    """A printer at one moment. Counts are commands of the job; temperatures (actual, target) deg C."""

    state: PrinterState
    tools_c: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    bed_c: tuple[float, float] | None = None
    line: int = 0  # accepted
    lines_total: int = 0
    layer: int = 0  # 1-based; 0 before the first
    layers_total: int = 0
    z_mm: float | None = None
    progress: float = 0.0  # 0 to 1
    message: str = ""  # the last thing a person should know


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintOutcome:
    """How a print went. A link that leaves the counting to a server (OctoPrint) says so by ``counted`` False."""

    ending: Ending
    lines_total: int
    lines_sent: int
    lines_accepted: int
    layer: int
    duration_s: float
    message: str = ""
    fault: PrinterError | None = None  # set when the ending is FAILED
    counted: bool = True
    repeated: int = 0  # lines that went over the wire again
    sha256: str = ""  # of the bytes that were printed; empty: the link does not hold the file


OnProgress = Callable[[PrinterStatus], None]

STOPPED: Final = "was sent its firmware's stop; reset it before it is used again"
"""What :meth:`PrinterLink.emergency_stop` says of a firmware's own stop."""


def unwatched(_status: PrinterStatus) -> None:
    """An ``on_progress`` for when nobody watches."""


class PrinterLink(Protocol):
    """One printer.

    ``print_file`` blocks until the print has ended. All other methods may be called meanwhile from other threads,
    from ``on_progress`` and from signal handlers.
    """

    @property
    def identity(self) -> Identity:
        """Who answered; a PrinterError before :meth:`connect`."""

    def connect(self) -> Identity:
        """Open the way to the printer; ConnectionLost if there is none, ReplyTimeout if nobody answers."""

    def close(self) -> None:
        """Let the printer go; allowed at any time, more than once."""

    def print_file(self, path: Path, on_progress: OnProgress = unwatched) -> PrintOutcome:
        """Print a G-code file to the end. What goes wrong after the first line is in the outcome, not raised."""

    def pause(self) -> None:
        """Hold the print."""

    def resume(self) -> None:
        """Go on with a held print."""

    def cancel(self) -> None:
        """Give the print up, with heaters off and the head lifted."""

    def emergency_stop(self) -> str:
        """Stop at once, whatever it breaks; what was done to the printer, in words that go behind its name.

        A link that can only cancel does so and raises a PrinterError that says it.
        """

    def tell(self, command: bytes) -> None:
        """Have a command of the operator's carried out between those of the print; a PrinterError where none is."""

    def status(self) -> PrinterStatus:
        """The printer now."""
