"""Ports whose far ends answer each line, at once or at a pace; a process, so that senders are measured alone.

Prints the paths of the ports, one a line, and ends with its standard input.
"""

from __future__ import annotations

import os
import select
import sys
import time
import tty


def answer(lines: list[bytes], counted: bool) -> bytes:
    """What a printer says to whole lines."""
    out = []
    for line in lines:
        if b"M105" in line:
            out.append(b"ok T:20.0 /0.0 B:20.0 /0.0\n")
        elif b"M115" in line:
            out.append(b"FIRMWARE_NAME:Marlin 2.1\nok\n")
        elif counted and line[:1] == b"N":
            out.append(b"ok " + line.partition(b" ")[0] + b" P15 B31\n")
        elif line:
            out.append(b"ok\n")
    return b"".join(out)


def main(count: int, counted: bool, bytes_s: float, lines_s: float) -> None:
    pairs = [os.openpty() for _ in range(count)]
    for _, terminal in pairs:
        tty.setraw(terminal)
        print(os.ttyname(terminal), flush=True)
    rests = {controller: b"" for controller, _ in pairs}
    free_s = time.perf_counter()  # when the wire, or the firmware, has room for the next
    paced = bytes_s > 0 or lines_s > 0
    while True:
        ready = select.select([*rests, 0], [], [], 0)[0] if paced else []
        waited = bool(ready)  # the sender was ahead: the wire went on while this process was late
        if not ready:
            ready, _, _ = select.select([*rests, 0], [], [])
        if 0 in ready:
            return
        for controller in ready:
            data = os.read(controller, 64 if bytes_s else 65_536)
            now_s = time.perf_counter()
            *lines, rests[controller] = (rests[controller] + data).split(b"\n")
            took_s = len(data) / bytes_s if bytes_s else len(lines) / lines_s if lines_s else 0.0
            free_s = (free_s if waited else max(free_s, now_s)) + took_s
            if free_s > now_s:
                time.sleep(free_s - now_s)
            os.write(controller, answer(lines, counted))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "counted", float(sys.argv[3]), float(sys.argv[4]))
