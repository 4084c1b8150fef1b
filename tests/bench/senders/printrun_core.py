"""Printrun's printcore prints a file on a port; run by the python of an environment of its own."""

import json
import resource
import sys
import time

from printrun import gcoder  # type: ignore[import-not-found]
from printrun.printcore import printcore  # type: ignore[import-not-found]


def main(file: str, port: str) -> None:
    with open(file, encoding="ascii") as lines:
        gcode = gcoder.LightGCode(line.strip() for line in lines)
    core = printcore(port, 115200)
    while not core.online:
        time.sleep(0.01)
    used = resource.getrusage(resource.RUSAGE_SELF)
    begun_cpu_s, begun_s = used.ru_utime + used.ru_stime, time.perf_counter()
    core.startprint(gcode)
    while core.printing:
        time.sleep(0.01)
    wall_s = time.perf_counter() - begun_s
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime - begun_cpu_s, "walls_s": [wall_s]}), flush=True)
    core.disconnect()


if __name__ == "__main__":
    main(*sys.argv[1:])
