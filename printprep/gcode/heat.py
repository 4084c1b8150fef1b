"""How long a printer waits for heat, homes, levels and changes: what a file asks for between its moves.

A heater is one body of one temperature: C dT/dt = P - k (T - ambient), the model of Marlin's predictive control
(https://marlinfw.org/docs/features/model_predictive_control.html). With full power, or none, it is an exponential.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from printprep.gcode.layout import Event
from printprep.gcode.read import Gcode
from printprep.geometry.mesh import Float

DWELL, TOOL_CHANGE, HEAT_UP, WAIT = "dwell", "tool change", "heat-up", "waiting for heat"
HOMING, LEVELLING, FILAMENT = "homing", "levelling", "filament change"
NEAR_C: Final = 1.0
FILAMENT_CHANGES: Final = (600,)  # of the M numbers that wait for a person: as long as changing a filament
_FOLLOWED: Final = np.array(
    [
        Event.DWELL, Event.TOOL, Event.HOME, Event.NOZZLE, Event.NOZZLE_WAIT, Event.BED, Event.BED_WAIT, Event.PAUSE,
        Event.PROBE,
    ],
    np.uint8,
)  # fmt: skip


class Heater(Protocol):
    """A heater's constants."""

    @property
    def power_w(self) -> float: ...  # noqa: D102
    @property
    def capacity_j_k(self) -> float: ...  # noqa: D102
    @property
    def loss_w_k(self) -> float: ...  # noqa: D102


class TimingProfile(Protocol):
    """What a printer takes between moves; a printer profile's ``timing`` fits."""

    @property
    def ambient_c(self) -> float: ...  # noqa: D102
    @property
    def nozzle(self) -> Heater: ...  # noqa: D102
    @property
    def bed(self) -> Heater: ...  # noqa: D102
    @property
    def nozzle_settle_s(self) -> float: ...  # noqa: D102
    @property
    def bed_settle_s(self) -> float: ...  # noqa: D102
    @property
    def waits_for_cooling(self) -> bool: ...  # noqa: D102
    @property
    def home_s(self) -> float: ...  # noqa: D102
    @property
    def level_s(self) -> float: ...  # noqa: D102
    @property
    def start_s(self) -> float: ...  # noqa: D102
    @property
    def filament_change_s(self) -> float: ...  # noqa: D102


def heating_s(heater: Heater, ambient_c: float, start_c: float, end_c: float) -> float:
    """Time at full power from ``start_c`` up to ``end_c``, s; infinite beyond what the power can hold.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> round(heating_s(SimpleNamespace(power_w=40.0, capacity_j_k=16.7, loss_w_k=0.068), 25.0, 25.0, 215.0))
    96
    """
    hottest_c = ambient_c + heater.power_w / heater.loss_w_k
    if end_c <= start_c:
        return 0.0
    if end_c >= hottest_c:
        return math.inf
    return heater.capacity_j_k / heater.loss_w_k * math.log((hottest_c - start_c) / (hottest_c - end_c))


def cooling_s(heater: Heater, ambient_c: float, start_c: float, end_c: float) -> float:
    """Time without power from ``start_c`` down to ``end_c``, s; infinite at or below ``ambient_c``."""
    if end_c >= start_c:
        return 0.0
    if end_c <= ambient_c:
        return math.inf
    return heater.capacity_j_k / heater.loss_w_k * math.log((start_c - ambient_c) / (end_c - ambient_c))


def cooled_c(heater: Heater, ambient_c: float, start_c: float, seconds: float) -> float:
    """What is left of ``start_c``, deg C, after so long without power.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> round(cooled_c(SimpleNamespace(power_w=40.0, capacity_j_k=16.7, loss_w_k=0.068), 25.0, 215.0, 60.0))
    174
    """
    return ambient_c + (start_c - ambient_c) * math.exp(-heater.loss_w_k / heater.capacity_j_k * seconds)


@dataclass(slots=True, kw_only=True)
class _Body:
    """A heater, followed in time."""

    heater: Heater
    ambient_c: float
    now_c: float
    target_c: float = 0.0

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        rate = self.heater.loss_w_k / self.heater.capacity_j_k
        if self.target_c > self.now_c:
            hottest_c = self.ambient_c + self.heater.power_w / self.heater.loss_w_k
            self.now_c = min(hottest_c + (self.now_c - hottest_c) * math.exp(-rate * seconds), self.target_c)
        else:
            self.now_c = max(cooled_c(self.heater, self.ambient_c, self.now_c, seconds), self.target_c)

    def reach_s(self, *, settle_s: float, waits_for_cooling: bool) -> float:
        """Time until the target is reached and held, s; for one out of reach, until it is within a degree of its end.

        No firmware waits for ever: it stops with a fault, which an estimate does not foretell.
        """
        if self.target_c >= self.now_c:
            hottest_c = self.ambient_c + self.heater.power_w / self.heater.loss_w_k
            end_c = min(self.target_c, hottest_c - NEAR_C)
            return settle_s + heating_s(self.heater, self.ambient_c, self.now_c, end_c)
        if not waits_for_cooling:
            return 0.0
        end_c = max(self.target_c, self.ambient_c + NEAR_C)
        return settle_s + cooling_s(self.heater, self.ambient_c, self.now_c, end_c)


@dataclass(slots=True, kw_only=True)
class Pauses:
    """What a file takes besides its moves."""

    by_name_s: dict[str, float] = field(default_factory=dict)
    by_tool_s: dict[int, float] = field(default_factory=dict)
    for_person: int = 0  # waits that only a person ends; they take no time here, save for changing filament

    def add(self, name: str, seconds: float, tool: int) -> float:
        """Count ``seconds`` and hand them back."""
        if seconds > 0:
            self.by_name_s[name] = self.by_name_s.get(name, 0.0) + seconds
            self.by_tool_s[tool] = self.by_tool_s.get(tool, 0.0) + seconds
        return seconds


def pauses(
    gcode: Gcode, moving_s: Float, timing: TimingProfile, *, tool_change_s: float = 0.0, shared_nozzle: bool = False
) -> Pauses:
    """Follow the heaters through a file and time all that happens between its moves.

    Parameters
    ----------
    gcode
        As read.
    moving_s
        (n,) time of each move, s.
    timing
        The printer's constants.
    tool_change_s
        For one change of tool after the first choice.
    shared_nozzle
        All tools print through one hotend.
    """
    result = Pauses()
    result.add(HEAT_UP, timing.start_s, 0)
    bodies: dict[int, _Body] = {}
    events = gcode.events
    clock_s = np.concatenate([[0.0], np.cumsum(moving_s)])
    feeds = np.flatnonzero((gcode.moves.e_mm > 0) & (gcode.moves.layer >= 0))
    first = int(feeds[0]) if len(feeds) else len(gcode.moves)
    before, tool = 0, -1
    for i in np.flatnonzero(np.isin(events.kind, _FOLLOWED)):
        at, kind, value = int(events.at[i]), Event(int(events.kind[i])), float(events.value[i])
        for body in bodies.values():
            body.pass_s(clock_s[at] - clock_s[before])
        before, waited_s = at, 0.0
        if kind in (Event.NOZZLE, Event.NOZZLE_WAIT, Event.BED, Event.BED_WAIT):
            bed = kind in (Event.BED, Event.BED_WAIT)
            key = -1 if bed else (0 if shared_nozzle else int(events.tool[i]))
            heater = timing.bed if bed else timing.nozzle
            body = bodies.setdefault(key, _Body(heater=heater, ambient_c=timing.ambient_c, now_c=timing.ambient_c))
            body.target_c = value
            if kind in (Event.NOZZLE_WAIT, Event.BED_WAIT):
                settle_s = timing.bed_settle_s if bed else timing.nozzle_settle_s
                waited_s = body.reach_s(settle_s=settle_s, waits_for_cooling=timing.waits_for_cooling)
                result.add(HEAT_UP if at <= first else WAIT, waited_s, max(tool, 0))
        elif kind is Event.TOOL:
            if tool >= 0 and int(value) != tool:
                waited_s = result.add(TOOL_CHANGE, tool_change_s, int(value))
            tool = int(value)
        elif kind is Event.PAUSE:
            result.for_person += 1
            if int(value) in FILAMENT_CHANGES:
                waited_s = result.add(FILAMENT, timing.filament_change_s, max(tool, 0))
        else:
            name, seconds = {
                Event.DWELL: (DWELL, value),
                Event.HOME: (HOMING, timing.home_s),
                Event.PROBE: (LEVELLING, timing.level_s if value > 0 else 0.0),
            }[kind]
            waited_s = result.add(name, seconds, max(tool, 0))
        for body in bodies.values():
            body.pass_s(waited_s)
    return result
