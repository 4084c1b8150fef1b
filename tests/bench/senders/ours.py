"""Prints a file on one or more ports and says what it took; a process of its own, as the peers are."""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from pathlib import Path

from printprep.printers.serial import SerialLink


def main(file: str, ports: list[str]) -> None:
    links = [SerialLink(port) for port in ports]
    for link in links:
        link.connect()
    ends_s = [0.0] * len(links)

    def stream(number: int) -> None:
        outcome = links[number].print_file(Path(file))
        assert outcome.lines_accepted == outcome.lines_total, outcome
        ends_s[number] = time.perf_counter()

    used = resource.getrusage(resource.RUSAGE_SELF)
    begun_cpu_s, begun_s = used.ru_utime + used.ru_stime, time.perf_counter()
    threads = [threading.Thread(target=stream, args=(number,)) for number in range(len(links))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = resource.getrusage(resource.RUSAGE_SELF)
    walls_s = [end_s - begun_s for end_s in ends_s]
    print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime - begun_cpu_s, "walls_s": walls_s}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
