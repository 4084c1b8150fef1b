"""The project's own printer behind a pty: not there, but it takes every line like one that is.

:class:`VirtualPrinter` runs the firmware in a thread, for any program that can open a serial port;
:class:`VirtualLink` is a :class:`~printprep.printers.serial.SerialLink` that brings its own.
"""

from __future__ import annotations

import json
import os
import select
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

from printprep.errors import InputError
from printprep.printers.dialects.events import Dialect
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.job import JobFile
from printprep.printers.journal import Journal
from printprep.printers.link import Identity
from printprep.printers.serial import SerialLink
from printprep.printers.virtual_faults import Faults
from printprep.printers.virtual_firmware import Speed, VirtualFirmware
from printprep.printers.virtual_hardware import GENERIC, Hardware

TICK_S: Final = 0.02  # how often the firmware looks at its clock when no bytes come


class VirtualPrinter:
    """A virtual printer in a thread; use it as a context manager and open :attr:`port`.

    Parameters
    ----------
    log
        Gets every accepted command, one a line, as it came without number and checksum; beside it
        ``<log>.state.json`` gets the final state.
    dialect, tools, hardware, speed, advanced_ok, faults
        See :class:`~printprep.printers.virtual_firmware.VirtualFirmware`.
    """

    def __init__(
        self,
        *,
        log: Path | None = None,
        dialect: str = "marlin",
        tools: int = 5,
        hardware: Hardware = GENERIC,
        speed: Speed = "fast",
        advanced_ok: bool = True,
        faults: Faults | None = None,
    ) -> None:
        self._log_path = log
        self._log: BinaryIO | None = None
        self._delay_s = faults.delay_s if faults else 0.0
        self.firmware = VirtualFirmware(
            dialect=dialect,
            tools=tools,
            hardware=hardware,
            speed=speed,
            advanced_ok=advanced_ok,
            faults=faults,
            on_accepted=self._write_log,
        )
        self._controller = self._terminal = -1
        self._stop_read = self._stop_write = -1
        self._thread: threading.Thread | None = None
        self.port = ""

    def start(self) -> str:
        """Switch it on; the path of its port."""
        try:
            self._log = self._log_path.open("wb") if self._log_path else None
        except OSError as exc:
            raise InputError(f"the log {self._log_path} cannot be written: {exc.strerror}") from exc
        self._controller, self._terminal = os.openpty()
        tty.setraw(self._terminal)
        os.set_blocking(self._controller, False)
        self._stop_read, self._stop_write = os.pipe()
        self.port = os.ttyname(self._terminal)
        self._thread = threading.Thread(target=self._run, name=f"virtual printer {self.port}", daemon=True)
        self._thread.start()
        return self.port

    def stop(self) -> None:
        """Switch it off, as by pulling the plug; the log is complete afterwards."""
        if self._thread is None:
            return
        os.write(self._stop_write, b"!")
        self._thread.join()
        self._thread = None
        for descriptor in (self._controller, self._terminal, self._stop_read, self._stop_write):
            os.close(descriptor)
        if self._log is not None and self._log_path is not None:
            self._log.close()
            state = json.dumps(self.firmware.state, indent=2) + "\n"
            self._log_path.with_name(self._log_path.name + ".state.json").write_text(state, encoding="utf-8")

    def __enter__(self) -> VirtualPrinter:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _write_log(self, command: bytes) -> None:
        if self._log is not None:
            self._log.write(command + b"\n")

    def _run(self) -> None:
        unsent = b""
        while True:
            writers = [self._controller] if unsent else []
            readers = [self._stop_read] if self.firmware.full else [self._controller, self._stop_read]
            ready, _, _ = select.select(readers, writers, [], TICK_S)
            if self._controller in ready:
                time.sleep(self._delay_s)
                unsent += self.firmware.feed(os.read(self._controller, 65_536), time.monotonic())
            else:
                unsent += self.firmware.due(time.monotonic())
            if self._stop_read in ready:  # after what was sent before: an M112 counts to the last
                return
            if self._log is not None:
                self._log.flush()  # before the answer: who was told ok finds the line in the log
            if unsent:
                unsent = unsent[self._write(unsent) :]

    def _write(self, data: bytes) -> int:
        try:
            return os.write(self._controller, data)
        except BlockingIOError:  # the host does not read: like a USB port, wait
            return 0


class VirtualLink(SerialLink):
    """A link that starts a virtual printer of its own for as long as it is connected."""

    def __init__(
        self,
        *,
        log: Path | None = None,
        speed: Speed = "fast",
        tools: int = 5,
        hardware: Hardware = GENERIC,
        faults: Faults | None = None,
        dialect: Callable[[], Dialect] = Marlin,
        journal: Callable[[JobFile], Journal] | None = None,
    ) -> None:
        super().__init__("virtual", 115_200, dialect, journal=journal)
        self.printer = VirtualPrinter(log=log, speed=speed, tools=tools, hardware=hardware, faults=faults)

    def connect(self) -> Identity:
        """Switch the printer on and greet it."""
        self.close()
        self.port = self.printer.start()
        return super().connect()

    def close(self) -> None:
        """Let go and switch it off."""
        super().close()
        self.printer.stop()
