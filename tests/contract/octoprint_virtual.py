"""OctoPrint's own VirtualPrinter behind a pty; run by the Python of OctoPrint's environment, not by ours.

``python octoprint_virtual.py LOG SEED EVERY LINES LOSE`` prints the path of the port, writes every command that the
printer carries out to LOG, and goes when its input is closed. About one line in EVERY of the first LINES numbers meets
one of its simulated errors; LOSE is the rate at which answers on their way to the host are lost, doubled or split.

Not played, because the printer itself then counts a line as taken that it has thrown away, and no host can know:
``resend_with_timeout``, ``resend_ratio``, and lines that arrive spoilt after one that arrived out of turn
(``current_line`` in its source goes on counting).
"""

from __future__ import annotations

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

ERRORS = ("resend", "missing_lineno", "checksum_mismatch")


class Settings:
    """What the printer asks of OctoPrint's settings: the plugin's defaults, and a few of ours."""

    def __init__(self, **ours: Any) -> None:
        self._values = {**VirtualPrinterPlugin.get_settings_defaults(None), **ours}

    def get(self, path: list[str], merged: bool = False) -> Any:  # noqa: ARG002 - as OctoPrint's is called
        return self._values[path[0]] if path else self._values

    def get_int(self, path: list[str]) -> int:
        return int(self.get(path))

    def get_float(self, path: list[str]) -> float:
        return float(self.get(path))

    def get_boolean(self, path: list[str]) -> bool:
        return bool(self.get(path))

    def global_get_basefolder(self, _name: str) -> str:
        return tempfile.mkdtemp(prefix="virtual-sd-")


def main() -> None:
    path, seed, every, lines, lose = sys.argv[1], *map(float, sys.argv[2:6])
    chance = random.Random(seed)
    errors = [f"{n}:{chance.choice(ERRORS)}" for n in range(1, int(lines)) if every and chance.random() < 1 / every]
    virtual.plugin_manager = lambda: SimpleNamespace(get_hooks=lambda _name: {})
    log = open(path, "w", encoding="ascii")  # noqa: SIM115 - until the process ends
    virtual.VirtualPrinter._performMove = lambda _self, line: log.write(line.strip() + "\n")
    settings = Settings(simulated_errors=errors, throttle=0.0, numExtruders=1, enable_eeprom=False)
    printer = virtual.VirtualPrinter(settings, None, tempfile.mkdtemp(), read_timeout=0.05)
    controller, terminal = os.openpty()
    tty.setraw(terminal)

    def answer() -> None:
        while True:
            line = printer.readline()
            if not line:
                log.flush()
                continue
            line = line.rstrip(b"\r\n") + b"\n"
            if chance.random() < lose:
                continue
            if chance.random() < lose:
                line += line
            cut = chance.randrange(len(line)) if chance.random() < lose else len(line)
            log.flush()  # before the answer: who was told ok finds the line in the log
            os.write(controller, line[:cut])
            if cut < len(line):
                time.sleep(0.002)
                os.write(controller, line[cut:])

    threading.Thread(target=answer, daemon=True).start()
    print(os.ttyname(terminal), flush=True)
    while True:
        ready, _, _ = select.select([controller, sys.stdin], [], [])
        if sys.stdin in ready:
            os._exit(0)
        data = os.read(controller, 4096)
        while data:
            data = data[printer.write(data) :]


if __name__ == "__main__":
    main()
