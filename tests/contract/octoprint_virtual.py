"""OctoPrint's own VirtualPrinter behind a pty and a bad cable; run by the Python of OctoPrint's environment.

Each line on its standard input asks for a printer, in JSON: ``log``, a file that gets every move that is carried out;
``settings`` of the plugin, over its defaults; ``cable``, the :class:`~printprep.printers.virtual_faults.Faults` of the
wire; ``late``, the share of lines and answers that come 5 ms late; ``counts``, whether it is :class:`Counting`;
``words``, whether it says why it refuses as Marlin does. The path of the port is printed. A printer is there until the
next one is asked for.
"""

from __future__ import annotations

import json
import os
import random
import select
import sys
import tempfile
import threading
import time
import tty
from types import SimpleNamespace
from typing import Any

from octoprint.plugins.virtual_printer import VirtualPrinterPlugin, virtual  # type: ignore[import-not-found]

from printprep.printers.virtual_faults import Faults, Trouble

TICK_S = 0.005  # what the cable keeps back comes then
LATE_S = 0.005
FULL_S = 0.0005
MARLINS_WORDS = {
    "checksum_mismatch": "checksum mismatch",
    "checksum_missing": "No Checksum with line number",
    "lineno_mismatch": "Line Number is not Last Line Number+1",
    "lineno_missing": "No Line Number with checksum",
}


class Settings:
    """What the printer asks of OctoPrint's settings: the plugin's defaults, and some of ours."""

    def __init__(self, **ours: Any) -> None:
        self._defaults = VirtualPrinterPlugin.get_settings_defaults(None)
        self.values = {**self._defaults, **ours}

    def get(self, path: list[str], merged: bool = False) -> Any:
        if not path:
            return self.values
        return {**self._defaults[path[0]], **self.values[path[0]]} if merged else self.values[path[0]]

    def get_int(self, path: list[str]) -> int:
        return int(self.get(path))

    def get_float(self, path: list[str]) -> float:
        return float(self.get(path))

    def get_boolean(self, path: list[str]) -> bool:
        return bool(self.get(path))

    def global_get_basefolder(self, _name: str) -> str:
        return tempfile.mkdtemp(prefix="virtual-sd-")


class Printer(virtual.VirtualPrinter):  # type: ignore[misc]
    """The printer as it is, but that it keeps a list of its moves instead of sleeping as long as they take."""

    marlins_words = False

    def __init__(self, settings: Settings, log: str) -> None:
        self.moves = open(log, "w", encoding="ascii")  # noqa: SIM115 - as long as the printer is there
        super().__init__(settings, None, tempfile.mkdtemp(prefix="virtual-"), read_timeout=0.05)

    def _error(self, error: str, *args: int) -> str:
        """In Marlin's words if the wish says so; the plugin's own name no reason that a host could read."""
        if not self.marlins_words or error not in MARLINS_WORDS:
            return str(super()._error(error, *args))
        return f"Error:{MARLINS_WORDS[error]}, Last Line: {self.lastN}"

    def _performMove(self, line: str) -> None:  # noqa: N802 - OctoPrint's name
        self.moves.write(line.strip() + "\n")


class Counting(Printer):
    """The printer with a right count: a line that it throws away is not one that it has.

    As it is, it counts lines that arrive out of turn, and names that count when the next one is spoilt
    (``current_line``); it counts a line that ``resend_with_timeout`` will not answer, and one that ``resend_ratio``
    spoils. It then refuses the very line that is missing as one that it has had, and no host can know.
    """

    _last = 0

    @property
    def lastN(self) -> int:  # noqa: N802 - OctoPrint's name
        return self._last

    @lastN.setter
    def lastN(self, number: int) -> None:  # noqa: N802
        if not getattr(self, "_dont_answer", False):
            self._last = number

    @property
    def current_line(self) -> int:
        return self._last

    @current_line.setter
    def current_line(self, _number: int) -> None:
        pass

    def _triggerResend(  # noqa: N802 - OctoPrint's name
        self, expected: int | None = None, actual: int | None = None, checksum: bool | None = None
    ) -> None:
        if checksum and self._resend_every_n and self._last:
            self._last -= 1
        super()._triggerResend(expected=expected, actual=actual, checksum=checksum)


class Port:
    """A printer, its pty, and the cable between them."""

    def __init__(
        self, log: str, settings: dict[str, Any], cable: dict[str, float], late: float, *, counts: bool, words: bool
    ) -> None:
        tempfile.tempdir = os.path.dirname(log)  # what the printer leaves behind goes where its log goes
        self._settings = Settings(**settings)
        self._printer = (Counting if counts else Printer)(self._settings, log)
        self._printer.marlins_words = words
        self._trouble = Trouble(Faults(**cable))  # type: ignore[arg-type]
        self._chance = random.Random(f"late {cable['seed']}")
        self._late = late
        self._controller, self._terminal = os.openpty()
        tty.setraw(self._terminal)
        self.name = os.ttyname(self._terminal)
        self._over = False
        self._threads = [threading.Thread(target=way, daemon=True) for way in (self._to_printer, self._to_host)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._over = True
        for thread in self._threads:
            thread.join()
        self._printer.close()
        os.close(self._controller)
        os.close(self._terminal)
        self._printer.moves.close()

    def _to_printer(self) -> None:
        rest = b""
        while not self._over:
            ready, _, _ = select.select([self._controller], [], [], TICK_S)
            data = self._trouble.arriving(os.read(self._controller, 4096) if ready else b"")
            *lines, rest = (rest + data).split(b"\n")
            for line in self._trouble.lines(lines):
                self._wait()
                self._deliver(line + b"\n")

    def _deliver(self, line: bytes) -> None:
        if line[:1] == b"N" and b"M110" not in line:  # of a job: its lines have one, and one that lost it is spoilt
            self._settings.values["forceChecksum"] = True
        check = line.rpartition(b"*")[2].strip()
        if b"*" in line and not (check.isascii() and check.isdigit()):
            line = line.replace(b"*", b"?")  # else its reading thread would die of it: int() of what is no number
        if line[:1] == b"N" and not line[1:2].isdigit():
            line = b"?" + line[1:]  # as well, of re.search() that finds no number
        incoming = self._printer.incoming
        while line:
            room = incoming.maxsize - incoming.qsize()
            if room:  # else its write() would wait with the lock that a refusal in its other thread needs
                line = line[self._printer.write(line[:room]) :]
            else:
                time.sleep(FULL_S)

    def _to_host(self) -> None:
        while not self._over:
            line = self._printer.readline()
            self._printer.moves.flush()  # before the answer: who was told ok finds the line in the log
            said = line.rstrip(b"\r\n") + b"\n" if line else b""
            said = self._trouble.leaving(said, 0.0)
            if said:
                self._wait()
                os.write(self._controller, said)

    def _wait(self) -> None:
        if self._chance.random() < self._late:
            time.sleep(LATE_S)


def main() -> None:
    virtual.plugin_manager = lambda: SimpleNamespace(get_hooks=lambda _name: {})
    port: Port | None = None
    for wish in sys.stdin:
        if port is not None:
            port.close()
        port = Port(**json.loads(wish))
        print(port.name, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
