"""What an operator may change while a print runs, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from printprep.errors import InputError
from printprep.gcode.asked import PERCENT

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneLimits:
    """How far a print may be tuned: the printer's limits and those of the material that is loaded."""

    tools: int = 1
    nozzle_c: Range = (150.0, 250.0)  # of a tool whose material nobody knows
    nozzle_of_c: Mapping[int, Range] = field(default_factory=dict)  # by tool: what its material takes
    bed_max_c: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What is to be changed; None or nothing: stays."""

    speed_percent: float | None = None
    flow_percent: float | None = None
    tools_c: Mapping[int, float] = field(default_factory=dict)
    bed_c: float | None = None


def read_tuning(wishes: Mapping[str, Any]) -> Tuning:
    """A tuning from another process's words."""
    try:
        numbers = {key: wishes.get(key) for key in ("speed_percent", "flow_percent", "bed_c")}
        return Tuning(
            **{key: None if value is None else float(value) for key, value in numbers.items()},
            tools_c={int(tool): float(value) for tool, value in dict(wishes.get("tools_c") or {}).items()},
        )
    except (TypeError, ValueError, OverflowError) as exc:
        raise InputError(f"what to tune is not in numbers: {exc}") from exc


def tuning_commands(tuning: Tuning, limits: TuneLimits) -> tuple[bytes, ...]:
    """The G-code of a tuning.

    Raises
    ------
    InputError
        A value is beyond its limit, or nothing is to be changed.
    """
    found: list[bytes] = []
    for command, what, percent in (("M220", "speed", tuning.speed_percent), ("M221", "flow", tuning.flow_percent)):
        if percent is not None:
            _check(what, percent, PERCENT[command], "%", "beyond that no part comes out right")
            found.append(f"{command} S{percent:g}".encode())
    for tool, wished_c in sorted(tuning.tools_c.items()):
        if not 0 <= tool < limits.tools:
            raise InputError(f"there is no tool {tool}: the printer has {limits.tools}, from 0 on")
        known = tool in limits.nozzle_of_c
        allowed_c = limits.nozzle_of_c[tool] if known else limits.nozzle_c
        _check(
            f"tool {tool}", wished_c, allowed_c, "°C", "limits of its material" if known else "limits of the printer"
        )
        found.append(f"M104 T{tool} S{wished_c:g}".encode() if limits.tools > 1 else f"M104 S{wished_c:g}".encode())
    if tuning.bed_c is not None:
        _check("bed", tuning.bed_c, (0.0, limits.bed_max_c), "°C", "limits of the printer")
        found.append(f"M140 S{tuning.bed_c:g}".encode())
    if not found:
        raise InputError("say what to change: --speed, --flow, --tool or --bed")
    return tuple(found)


def _check(what: str, value: float, allowed: Range, unit: str, why: str) -> None:
    low, high = allowed
    if not low <= value <= high:  # not a number is refused, too
        raise InputError(f"{what} {value:g} {unit} is refused; {low:g} to {high:g} {unit} is allowed ({why})")
