"""An open serial port (or pty): bytes in, bytes out, our errors. It knows nothing of what the bytes mean."""

from __future__ import annotations

import os
import select
import termios
import time
from contextlib import suppress
from typing import Final

import serial

from printprep.errors import ConnectionLost, ReplyTimeout

WRITE_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 0.05


class Port:
    """A serial port that this process has for itself.

    Parameters
    ----------
    name
        ``/dev/ttyACM0``, ``/dev/serial/by-id/…`` or the path of a pty.
    baud
        Bits a second; a USB CDC port and a pty ignore it.
    dtr
        Whether the line DTR is raised, which restarts many boards and which others need to answer at all. False also
        leaves the line alone when the port is closed.

    Raises
    ------
    ConnectionLost
        There is no such port, it is no port, another program has it, or this user may not use it.
    """

    def __init__(self, name: str, baud: int, *, dtr: bool = True) -> None:
        self.name = name
        try:
            opened = serial.Serial(None, baud, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True)
            if not dtr:
                opened.dtr = False
            opened.port = name
            opened.open()
        except (serial.SerialException, OSError, ValueError) as exc:
            raise ConnectionLost(_why_closed(name, baud, exc)) from exc
        self._serial = opened
        self.descriptor = opened.fileno()
        if not dtr:
            self._keep_dtr()

    def read(self) -> bytes:
        """What has come; empty: nothing yet."""
        try:
            data = os.read(self.descriptor, 65_536)
        except BlockingIOError:
            return b""
        except OSError as exc:
            raise self.gone() from exc
        if not data:
            raise self.gone()
        return data

    def write(self, data: bytes) -> None:
        """Write all of ``data``; a printer that takes nothing for 10 s is a ReplyTimeout."""
        rest = memoryview(data)
        end_s = 0.0
        while rest:
            try:
                rest = rest[os.write(self.descriptor, rest) :]
                end_s = 0.0
                continue
            except BlockingIOError:
                pass
            except (OSError, ValueError) as exc:
                raise self.gone() from exc
            now_s = time.monotonic()
            end_s = end_s or now_s + WRITE_TIMEOUT_S
            if now_s >= end_s:
                raise ReplyTimeout(f"{self.name} took no bytes for {WRITE_TIMEOUT_S:g} s; check cable and power")
            select.select([], [self.descriptor], [], end_s - now_s)

    def stop(self, order: bytes) -> None:
        """Write ``order`` at once: what waits in this machine to go out is thrown away, so nothing is before it."""
        with suppress(OSError, termios.error):
            termios.tcflush(self.descriptor, termios.TCOFLUSH)
        rest = order
        try:
            for _ in range(3):
                select.select([], [self.descriptor], [], STOP_TIMEOUT_S)
                with suppress(BlockingIOError):
                    rest = rest[os.write(self.descriptor, rest) :]
                if not rest:
                    return
        except (OSError, ValueError) as exc:
            raise ConnectionLost(f"{self.name} is gone, the stop did not reach it; cut its power") from exc
        raise ReplyTimeout(f"{self.name} takes no bytes, the stop did not reach it; cut its power")

    def drain(self) -> None:
        """Wait until all that was written is out of this machine."""
        with suppress(OSError, termios.error):
            termios.tcdrain(self.descriptor)

    def close(self) -> None:
        """Close it; more than once is allowed."""
        with suppress(OSError):  # unplugged
            self._serial.close()
        self.descriptor = -1

    def gone(self) -> ConnectionLost:
        """The error of a port that is no more."""
        return ConnectionLost(f"{self.name} went away; check cable and power; nothing is sent again by itself")

    def _keep_dtr(self) -> None:
        """Leave DTR as it is when the port is closed."""
        with suppress(OSError, termios.error):
            flags = termios.tcgetattr(self.descriptor)
            flags[2] &= ~termios.HUPCL
            termios.tcsetattr(self.descriptor, termios.TCSANOW, flags)


def _why_closed(name: str, baud: int, exc: Exception) -> str:
    """Why a port cannot be opened, and what to do about it."""
    number = getattr(exc, "errno", None)
    said = f"{name} cannot be opened at {baud} baud"
    if isinstance(exc, ValueError):
        return f"{said}: {exc}; give another rate with --baud"
    if number == 2:
        return f"{said}: there is no such port; check cable and power, and see `printprep printer ports`"
    if number == 13:
        return f"{said}: this user may not use it; join its group (often dialout) and log in again"
    if number in (11, 16):
        return f"{said}: it is busy; check that no other program has it (OctoPrint, a terminal, another print)"
    if number == 25 or "Could not configure" in str(exc):
        return f"{said}: it is no serial port; see `printprep printer ports`"
    return f"{said} ({os.strerror(number) if number else exc}); check the cable and the name of the port"
