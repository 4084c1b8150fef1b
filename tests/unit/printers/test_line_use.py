"""How much of a serial line's time is used, on a simulated line: no clock, no port."""

from __future__ import annotations

import heapq
from itertools import count

import pytest

from printprep.printers.dialects.events import Finished
from printprep.printers.dialects.marlin import Marlin

BYTES_S = 25_000.0  # 250,000 baud: ten bits a byte
LINES = 3000


def used(turn_s: float, *, counted: bool, lines: int = LINES) -> float:
    """The share of the time in which the line to the printer carries bytes; it answers when a whole line is there.

    ``turn_s`` passes between an answer's last byte and the host's reaction: USB frames, the scheduler.
    """
    dialect, order = Marlin(), count()
    queue: list[tuple[float, int, str, bytes]] = []
    free_s = {"out": 0.0, "in": 0.0}
    busy_s = 0.0
    rest = b""

    def put(way: str, data: bytes, now_s: float) -> None:
        nonlocal busy_s
        for line in data.splitlines(keepends=True):
            begins_s = max(free_s[way], now_s)
            free_s[way] = begins_s + len(line) / BYTES_S
            busy_s += len(line) / BYTES_S if way == "out" and began_s else 0.0
            heapq.heappush(queue, (free_s[way] + (turn_s if way == "in" else 0.0), next(order), way, line))

    def printer_says(line: bytes) -> bytes:
        if b"M115" in line:
            return b"FIRMWARE_NAME:Marlin\nok\n"
        if b"M105" in line:
            return b"ok T:20 /0 B:20 /0\n"
        number = line.partition(b" ")[0]
        return b"ok %b P15 B31\n" % number if counted and line[:1] == b"N" else b"ok\n" if line.strip() else b""

    began_s = 0.0
    put("out", dialect.greet(0.0).write, 0.0)
    while True:
        now_s, _, way, line = heapq.heappop(queue)
        if way == "out":
            rest = printer_says(line)
            put("in", rest, now_s)
            continue
        actions = dialect.feed(line, now_s)
        put("out", actions.write, now_s)
        if any(isinstance(event, Finished) for event in actions.events):
            return busy_s / (now_s - began_s)
        if dialect.phase == "ready" and not began_s:
            began_s = now_s
            moves = (b"G1 X%d.125 Y%d.250 E%d.00000" % (n % 200, n % 170, n) for n in range(lines))
            put("out", dialect.begin(moves, now_s).write, now_s)


@pytest.mark.parametrize("turn_s", [0.0, 0.001, 0.004, 0.016])  # an FTDI chip holds bytes for up to 16 ms
def test_with_a_window_the_line_is_never_idle(turn_s: float) -> None:
    assert used(turn_s, counted=True) > 0.97


def test_without_one_it_waits_for_each_answer() -> None:
    assert used(0.001, counted=False) < 0.6
