"""A printer's own display, told by ``M73`` how far a print is: by our own estimate, not by the bytes that were sent."""

from __future__ import annotations

import threading
from collections.abc import Callable

from printprep.printers.forecast import Forecast
from printprep.printers.job import JobFile

Foresee = Callable[[JobFile], Forecast | None]
"""Makes a forecast; it may take seconds, and is None where nothing can be told."""


class Panel:
    """What a display is to show of a job. The forecast is made meanwhile, since a printer does not wait for it."""

    def __init__(self, job: JobFile, foresee: Foresee) -> None:
        self._forecast: Forecast | None = None
        self._shown = b""
        self._thread = threading.Thread(target=self._look, args=(job, foresee), name="forecast", daemon=True)
        self._thread.start()

    def _look(self, job: JobFile, foresee: Foresee) -> None:
        self._forecast = foresee(job)

    def line(self, command: int) -> bytes | None:
        """What to send when so many commands were accepted; None: the display shows it already, or nobody knows."""
        if self._forecast is None:
            return None
        share, left_s = self._forecast.progress(command), self._forecast.left_s(command)
        line = b"M73 P%d R%d" % (int(100 * min(share, 1.0)), round(left_s / 60))
        if line == self._shown:
            return None
        self._shown = line
        return line
