"""What is on a port that is no printer, or not the one it should be: each is an error that says so, and ends."""

from __future__ import annotations

import os
import random
import select
import struct
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

import pytest

from printprep.errors import ConnectionLost, PrinterError, ReplyTimeout
from printprep.printers.dialects.events import Timings
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.ports import find_baud
from printprep.printers.serial import SerialLink

pytestmark = pytest.mark.integration

IMPATIENT = Timings(greeting_s=0.15, greetings=2)
Answer = Callable[[bytes, int], bytes]  # a line, and the port's rate in bits a second


@contextmanager
def on_a_port(answer: Answer, unasked: bytes = b"") -> Iterator[str]:
    """A device behind a pty that answers each line, and may speak without end."""
    controller, terminal = os.openpty()
    tty.setraw(terminal)
    stop_read, stop_write = os.pipe()

    def run() -> None:
        rest = b""
        while True:
            ready, _, _ = select.select([controller, stop_read], [], [], 0.005)
            if stop_read in ready:
                return
            if controller in ready:
                *lines, rest = (rest + os.read(controller, 4096)).split(b"\n")
                for line in lines:
                    os.write(controller, answer(line, rate_of(terminal)))
            elif unasked:
                os.write(controller, unasked)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield os.ttyname(terminal)
    finally:
        os.write(stop_write, b"!")
        thread.join()
        for descriptor in (controller, terminal, stop_read, stop_write):
            os.close(descriptor)


def rate_of(terminal: int) -> int:
    """Bits a second that a terminal is set to, the uncommon ones too (termios2, Linux)."""
    words = bytearray(44)
    ioctl(terminal, 0x802C542A, words)
    return int(struct.unpack_from("=I", words, 40)[0])


def marlin(line: bytes, _rate: int) -> bytes:
    if line == b"M115":
        return b"FIRMWARE_NAME:Marlin 2.1.2\nok\n"
    return b"ok T:20 /0 B:20 /0\n" if line == b"M105" else b"ok\n" if line else b""


def modem(line: bytes, _rate: int) -> bytes:
    return line + b"\r\r\nERROR\r\n" if line else b""


def talk(timings: Timings) -> Marlin:
    return Marlin(timings=timings)


def noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)


def link_to(port: str, firmware: str | None = None) -> SerialLink:
    return SerialLink(port, dialect=lambda: Marlin(timings=IMPATIENT), firmware=firmware)


@pytest.mark.parametrize(
    ("answer", "unasked", "sentence"),
    [
        (lambda _line, _rate: b"", b"", "says nothing at all"),
        (lambda _line, _rate: noise(100), b"", r"sends rubbish, \d+ bytes of it: another rate"),
        (lambda _line, _rate: b"", noise(500), "sends rubbish"),
        (modem, b"", r"answers like a modem \('ERROR'\)"),
        (lambda line, _rate: line and b"\r\nNO CARRIER\r\n", b"", r"like a modem \('NO CARRIER'\)"),
        (lambda line, _rate: line + b"\n", b"", "only echoes what is sent"),
        (lambda line, _rate: line and b"-bash: M115: command not found\n", b"", "a computer's console"),
        (lambda line, _rate: line and b"Grbl 1.1h ['$' for help]\n", b"", 'it says "Grbl 1.1h'),
        (lambda _line, _rate: b"", b"T:21\n", "it says 'T:21', which no firmware"),
    ],
)
def test_what_is_no_printer_is_said_to_be_none(answer: Answer, unasked: bytes, sentence: str) -> None:
    with on_a_port(answer, unasked) as port, pytest.raises(ReplyTimeout, match=sentence):
        link_to(port).connect()


def test_a_printer_that_names_no_firmware_is_spoken_to(tmp_path: Path) -> None:
    def shy(line: bytes, rate: int) -> bytes:
        return b"ok\n" if line == b"M115" else marlin(line, rate)

    with on_a_port(shy) as port:
        link = link_to(port, "marlin")
        assert link.connect().firmware == "unknown"
        link.close()


@pytest.mark.parametrize(
    ("said", "firmware", "family"),
    [
        (b"Klipper", "marlin", "klipper"),
        (b"Repetier_1.0.4", "marlin", "repetier"),
        (b"RepRapFirmware for Duet 3", "prusa-buddy", "reprapfirmware"),
        (b"Smoothieware", "marlin", "smoothieware"),
        (b"Marlin 2.1.2", "klipper", "marlin"),
    ],
)
def test_a_printer_with_another_firmware_is_refused(said: bytes, firmware: str, family: str) -> None:
    def other(line: bytes, rate: int) -> bytes:
        return b"FIRMWARE_NAME:" + said + b"\nok\n" if line == b"M115" else marlin(line, rate)

    with on_a_port(other) as port, pytest.raises(PrinterError, match=f"write it down with a profile for {family}"):
        link_to(port, firmware).connect()


@pytest.mark.parametrize("said", [b"Prusa-Firmware-Buddy 6.2", b"Marlin 2.0 (Creality)", b"Some fork of mine"])
def test_its_kin_and_forks_are_not(said: bytes) -> None:
    def kin(line: bytes, rate: int) -> bytes:
        return b"FIRMWARE_NAME:" + said + b"\nok\n" if line == b"M115" else marlin(line, rate)

    with on_a_port(kin) as port:
        link = link_to(port, "marlin")
        link.connect()
        link.close()


@pytest.mark.parametrize("true_rate", [115_200, 250_000, 57_600])
def test_the_rate_is_found(true_rate: int) -> None:
    def slow(line: bytes, rate: int) -> bytes:
        return marlin(line, rate) if rate == true_rate else noise(len(line))

    tried: list[str] = []
    with on_a_port(slow) as port:
        rates = (115_200, 250_000, 57_600)
        found = find_baud(
            port, lambda timings: Marlin(timings=timings), rates=rates, timings=IMPATIENT, tell=tried.append
        )
    assert found == true_rate
    assert len(tried) == rates.index(true_rate) + 1


def test_no_rate_at_all_is_said() -> None:
    with on_a_port(lambda _line, _rate: b"") as port, pytest.raises(ReplyTimeout, match="at none of 115200, 9600 baud"):
        find_baud(port, talk, rates=(115_200, 9_600), timings=IMPATIENT)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("/dev/ttyNOTHING9", "there is no such port"),
        ("/dev/null", "it is no serial port"),
        ("/tmp", "cannot be opened"),
    ],
)
def test_what_is_no_port_is_said(name: str, sentence: str) -> None:
    with pytest.raises(ConnectionLost, match=sentence):
        SerialLink(name).connect()


def test_a_rate_that_no_port_has_is_said() -> None:
    with on_a_port(marlin) as port, pytest.raises(ConnectionLost, match="give another rate"):
        SerialLink(port, -5).connect()


def test_without_dtr_the_line_is_left_alone_on_closing() -> None:
    with on_a_port(marlin) as port:
        watcher = os.open(port, os.O_RDONLY | os.O_NOCTTY)
        for dtr in (True, False):
            modes = termios.tcgetattr(watcher)
            modes[2] |= termios.HUPCL
            termios.tcsetattr(watcher, termios.TCSANOW, modes)
            link = SerialLink(port, dialect=lambda: Marlin(timings=IMPATIENT), dtr=dtr)
            link.connect()
            assert bool(termios.tcgetattr(watcher)[2] & termios.HUPCL) is dtr
            link.close()
        os.close(watcher)
