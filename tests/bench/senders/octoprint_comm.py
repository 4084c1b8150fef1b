"""OctoPrint's communication layer prints a file on a port; run by the python of OctoPrint's environment."""

import json
import os
import resource
import sys
import tempfile
import threading
import time


def main(file: str, port: str) -> None:
    import octoprint  # type: ignore[import-not-found]
    import octoprint.events  # type: ignore[import-not-found]
    from octoprint.printer.profile import PrinterProfileManager  # type: ignore[import-not-found]

    folder = tempfile.mkdtemp()
    settings = octoprint.init_settings(folder, None)
    octoprint.init_pluginsystem(settings)
    from octoprint.util.comm import MachineCom, MachineComPrintCallback  # type: ignore[import-not-found]

    ended = threading.Event()

    class Watch(MachineComPrintCallback):  # type: ignore[misc]
        def on_comm_print_job_done(self, suppress_script: bool = False) -> None:  # noqa: ARG002
            ended.set()

    comm = MachineCom(port=port, baudrate=115200, callbackObject=Watch(), printerProfileManager=PrinterProfileManager())
    comm.start()
    while not comm.isOperational():
        time.sleep(0.05)
    time.sleep(1.0)  # its own questions to the printer
    comm.selectFile(file, False)
    used = resource.getrusage(resource.RUSAGE_SELF)
    begun_cpu_s, begun_s = used.ru_utime + used.ru_stime, time.perf_counter()
    comm.startPrint()
    ended.wait()
    wall_s = time.perf_counter() - begun_s
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime - begun_cpu_s, "walls_s": [wall_s]}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
