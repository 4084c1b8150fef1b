"""The board of a Prusa MK3S as PrusaLink wants to meet it: our virtual firmware, with the answers that are its own.

What it says was written from what PrusaLink 0.8.1 asks and reads (serial and printer_adapter of Prusa-Link), not from
the firmware.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from printprep.printers.virtual import VirtualPrinter
from printprep.printers.virtual_firmware import VirtualFirmware

REPORT_S = 1.0


class Einsy(VirtualFirmware):
    """An MK3S that prints what comes over its port."""

    def __init__(self, on_accepted: Callable[[bytes], None]) -> None:
        super().__init__(dialect="prusa-buddy", tools=1, advanced_ok=False, on_accepted=on_accepted)
        self.saved = False  # it holds a print
        self.percent = 0
        self._memory: dict[int, int] = {}
        self._reported_all_s = 0.0

    def due(self, now_s: float) -> bytes:
        """Report temperatures, place and fans, too."""
        out = super().due(now_s)
        if self.halted or now_s - self._reported_all_s < REPORT_S:
            return out
        self._reported_all_s = now_s
        (nozzle, bed), head = (self.hotends[0], self.bed), self.head
        heat = (nozzle.at(self._clock_s), nozzle.target_c, bed.at(self._clock_s), bed.target_c)
        place = (head.x_mm, head.y_mm, head.z_mm, head.e_mm)
        return out + (
            b"T:%.1f /%.1f B:%.1f /%.1f T0:%.1f /%.1f @:0 B@:0 P:22.0 A:25.0\n" % (*heat, *heat[:2])
            + b"X:%.2f Y:%.2f Z:%.2f E:%.2f Count X: %.2f Y:%.2f Z:%.2f E:%.2f\n" % (*place, *place)
            + b"E0:0 RPM PRN1:0 RPM E0@:0 PRN1@:0\n"
        )

    def _begin(self, command: bytes) -> float | None:
        word = command.split(b" ", 1)[0]
        if command in _SAID:
            self._out.append(_SAID[command])
        elif word == b"D3":
            self._out.append(self._eeprom(command))
        elif word == b"M27":
            self._out.append(b"Print saved\n" if self.saved else b"Not SD printing\n")
        elif word == b"M73":
            self._tell_progress(command)
        elif word in (b"M601", b"M602", b"M603"):
            self.saved = word == b"M601"
            self._out.append(_TOLD[word])
            if word == b"M603":
                self._heaters_off()
        elif word not in (b"M79", b"M300", b"M552", b"M862.3", b"M862.5"):
            return super()._begin(command)
        return self._clock_s

    def _tell_progress(self, command: bytes) -> None:
        words = {word[:1]: word[1:] for word in command.split()[1:]}
        self.percent = int(words.get(b"P", self.percent))
        for mode in (b"NORMAL", b"SILENT"):
            self._out.append(
                b"%b MODE: Percent done: %d; print time remaining in mins: 1; Change in mins: -1\n"
                % (mode, self.percent)
            )

    def _eeprom(self, command: bytes) -> bytes:
        """Read or write bytes: ``D3 Ax0d05 C4``, ``D3 Ax0d05 X00000001``."""
        words = {word[:1]: word[1:] for word in command.split()[1:]}
        start = int(words[b"A"][1:], 16)
        if b"X" in words:
            for place, value in enumerate(bytes.fromhex(words[b"X"].decode())):
                self._memory[start + place] = value
            return b""
        count = int(words[b"C"])
        lines = []
        for at in range(start, start + count, 16):
            data = [self._memory.get(place, 0) for place in range(at, min(at + 16, start + count))]
            lines.append(b"%04x  %b\n" % (at, b" ".join(b"%02x" % value for value in data)))
        return b"".join(lines)


_SAID = {
    b"M862.2 Q": b"302\n",
    b"M862.1 Q": b"0.40\n",
    b"PRUSA Fir": b"3.14.0-8094\n",
    b"PRUSA SN": b"CZPX1234X567XC12345\n",
    b"M220": b"100%\n",
    b"M221": b"100%\n",
    b"M21": b"echo:SD init fail\n",
    b"M20 LT": b"Begin file list\nEnd file list\n",
    b"M420": b"Mesh bed leveling not active.\n",
}
_TOLD = {b"M601": b"// action:paused\n", b"M602": b"// action:resumed\n", b"M603": b"// action:cancel\n"}


def einsy(log: Path | None = None) -> VirtualPrinter:
    """One behind a pty; a context manager."""
    printer = VirtualPrinter(log=log)
    printer.firmware = Einsy(printer._write_log)
    return printer
