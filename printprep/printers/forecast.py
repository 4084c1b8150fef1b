"""How long a print has still to go: our own estimate of the file, told at the command that was accepted last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from printprep.errors import PrintprepError
from printprep.gcode.estimate import estimate
from printprep.gcode.layout import Chords
from printprep.gcode.motion import CHORDS, CORNERING
from printprep.gcode.read import read_gcode
from printprep.geometry.mesh import Float
from printprep.printers.job import JobFile
from printprep.profiles.models import Printer


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Seconds of moves from the beginning to each layer's end; waits are in ``duration_s`` alone."""

    ends_s: Float  # (layers + 1,) the first: before the first layer
    starts: tuple[int, ...]  # commands before each layer
    commands: int
    duration_s: float

    def paced(self, factor: float) -> Forecast:
        """The same for a printer that takes ``factor`` of its estimates, as its finished prints have told."""
        return Forecast(self.ends_s * factor, self.starts, self.commands, self.duration_s * factor)

    def done_s(self, command: int) -> float:
        """Estimated time from the beginning to a command, s; within a layer by the share of its commands."""
        at = [0, *self.starts, self.commands]
        return float(np.interp(command, at, [0.0, *self.ends_s]))

    def left_s(self, command: int) -> float:
        """Estimated time that is left after a command, s."""
        return max(0.0, self.duration_s - self.done_s(command))

    def progress(self, command: int) -> float:
        """The share of the time that is over, 0 to 1."""
        return self.done_s(command) / self.duration_s if self.duration_s else 0.0


def forecast(job: JobFile, printer: Printer) -> Forecast | None:
    """A forecast of a job on a printer; None where there is nothing to tell it from: no moves, no layers."""
    if printer.fdm is None or printer.motion is None or not job.layer_starts:
        return None
    try:
        gcode = read_gcode(
            job.path, g90_sets_e=printer.reads.g90_sets_e, chords=CHORDS.get(printer.firmware, Chords.MARLIN)
        )
        times = estimate(
            gcode, printer.motion, cornering=CORNERING.get(printer.firmware), timing=printer.timing,
            shared_nozzle=printer.fdm.shared_nozzle, tool_change_s=printer.fdm.tool_change_s,
        )  # fmt: skip
    except PrintprepError:
        return None
    layers_s = np.zeros(len(job.layer_starts))
    count = min(len(layers_s), len(times.per_layer_s))
    layers_s[:count] = times.per_layer_s[:count]
    before_s = max(0.0, times.duration_s - float(times.per_layer_s.sum()))  # heating, homing, the start code
    ends_s = before_s + np.concatenate([[0.0], np.cumsum(layers_s)])
    return Forecast(ends_s, job.layer_starts, job.commands, float(ends_s[-1]))
