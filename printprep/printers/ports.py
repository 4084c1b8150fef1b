"""The serial ports of this machine, with what their USB descriptors say, and which rate a printer speaks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serial.tools import list_ports

from printprep.errors import ConnectionLost, PrinterError, ReplyTimeout
from printprep.printers.dialects.events import Dialect, Timings

BY_ID: Final = Path("/dev/serial/by-id")
RATES: Final = (115_200, 250_000, 57_600, 500_000, 1_000_000, 230_400, 38_400, 19_200, 9_600)
"""Bits a second that printers speak, the most common first: the defaults of the firmwares, then the others."""

QUICK: Final = Timings(greeting_s=2.5, greetings=2)
"""For trying a rate: a board that restarts has booted in the time of two greetings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFound:
    """A serial port that something is plugged into."""

    device: str  # /dev/ttyACM0; another one after the next start of this machine
    by_id: str | None = None  # its name that stays
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    product: str = ""

    @property
    def name(self) -> str:
        """The name to write down: the one that stays, where there is one."""
        return self.by_id or self.device

    @property
    def usb_id(self) -> str:
        """Such as ``2c99:000c``; empty for a port that is not on USB."""
        return "" if self.vid is None or self.pid is None else f"{self.vid:04x}:{self.pid:04x}"


def find_ports(by_id: Path = BY_ID) -> tuple[PortFound, ...]:
    """All serial ports with something behind them, those on USB first."""
    return tuple(sorted(_described(list_ports.comports(), by_id), key=lambda port: (not port.usb_id, port.device)))


def _described(found: Iterable[object], by_id: Path) -> Iterable[PortFound]:
    lasting = lasting_names(by_id)
    for port in found:
        device = str(getattr(port, "device", ""))
        words = [str(word) for key in ("manufacturer", "product") if (word := getattr(port, key, None))]
        yield PortFound(
            device=device,
            by_id=lasting.get(os.path.realpath(device)),
            vid=getattr(port, "vid", None),
            pid=getattr(port, "pid", None),
            serial_number=getattr(port, "serial_number", None),
            product=" ".join(dict.fromkeys(words)),
        )


def lasting_names(by_id: Path = BY_ID) -> dict[str, str]:
    """The names by USB id, which stay whatever is plugged in first: real path to name."""
    try:
        return {os.path.realpath(link): str(link) for link in sorted(by_id.iterdir())}
    except OSError:  # no USB port
        return {}


def find_baud(
    port: str,
    dialect: Callable[[Timings], Dialect],
    *,
    dtr: bool = True,
    rates: Iterable[int] = RATES,
    timings: Timings = QUICK,
    tell: Callable[[str], None] = lambda _text: None,
) -> int:
    """The rate at which a printer answers M115, tried one after the other; some boards restart at each try.

    Parameters
    ----------
    port, dtr
        See :class:`~printprep.printers.port.Port`.
    dialect
        Makes a conversation of that patience.
    rates
        Bits a second.
    timings
        How long each is tried.
    tell
        Hears of each try.

    Raises
    ------
    ReplyTimeout
        It answers at none of them.
    ConnectionLost
        The port cannot be opened.
    """
    from printprep.printers.serial import SerialLink

    tried: list[str] = []
    refused: PrinterError | None = None
    for rate in rates:
        tell(f"{port}: {rate} baud?")
        link = SerialLink(port, rate, lambda: dialect(timings), dtr=dtr)
        try:
            link.connect()
        except ConnectionLost as exc:
            if "give another rate" not in str(exc):  # this machine has not every rate
                raise
        except PrinterError as exc:
            refused = exc
            tried.append(str(rate))
        else:
            return rate
        finally:
            link.close()
    raise ReplyTimeout(f"{port} answers at none of {', '.join(tried)} baud; the last time: {refused}") from refused
