"""What the virtual printer is built of: its heaters, its limits and what it takes besides moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from printprep.gcode import heat
from printprep.gcode.motion import MotionLimits, MotionProfile
from printprep.printers.virtual_motion import Heater
from printprep.profiles.models import Printer


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """Times in s."""

    motion: MotionProfile
    nozzle: Callable[[], Heater]
    bed: Callable[[], Heater]
    waits_for_cooling: bool = False  # M109 and M190 with S do
    home_s: float = 20.0
    level_s: float = 0.0
    tool_change_s: float = 0.0


GENERIC: Final = Hardware(
    motion=MotionLimits(),
    nozzle=partial(Heater, rate_c_s=4.0, most_c=400.0),
    bed=partial(Heater, rate_c_s=1.0, most_c=160.0),
)
"""That of no printer in particular."""


def hardware_of(printer: Printer) -> Hardware:
    """That of a printer's profile, so that a print takes as long as it is estimated; one of light is generic."""
    if printer.fdm is None or printer.motion is None:
        return GENERIC
    timing = printer.timing
    return Hardware(
        motion=printer.motion,
        nozzle=partial(_heater, timing.nozzle, timing.ambient_c, timing.nozzle_settle_s),
        bed=partial(_heater, timing.bed, timing.ambient_c, timing.bed_settle_s),
        waits_for_cooling=timing.waits_for_cooling,
        home_s=timing.home_s,
        level_s=timing.level_s,
        tool_change_s=printer.fdm.tool_change_s,
    )


def _heater(said: heat.Heater, ambient_c: float, settle_s: float) -> Heater:
    return Heater(
        rate_c_s=said.power_w / said.capacity_j_k,
        most_c=said.power_w / said.loss_w_k,
        ambient_c=ambient_c,
        near_c=0.0,
        settle_s=settle_s,
    )
