"""What a single command asks for, whatever comes before and after it: speeds, factors, heat that no job needs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from printprep.gcode.limits import GuardLimits
from printprep.gcode.motion import MotionProfile

PERCENT: Final[Mapping[str, tuple[float, float]]] = {"M220": (10, 300), "M221": (50, 200)}
"""Of speed and of flow: beyond these no part comes out right, whoever asks."""

ACCELERATION_SLACK: Final = 2.0  # of M204 where M201 holds it down
DEVIATION_MAX_MM: Final = 0.3  # Marlin takes no larger junction deviation
ADVANCE_MAX_S: Final = 2.0  # a long Bowden tube takes 1 s
ADVANCE_MAX_K: Final = 10.0  # Marlin takes no more (LIN_ADVANCE)
CURRENT_MAX_MA: Final = 750.0  # Prusa's own G-code sets 430 to 650 for the extruder; motors get hot beyond
RETRACT_MAX_MM: Final = 20.0
UNRETRACT_EXTRA_MAX_MM: Final = 5.0
SQUARE_CORNER_MAX_MM_S: Final = 20.0  # Klipper's default is 5; at 20 a frame rattles
HARMLESS_ACTIONS: Final = frozenset({"notification"})
_WORD: Final = re.compile(r"([A-Z])\s*([-+]?(?:\d+\.?\d*|\.\d+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Something that a command must not ask for."""

    code: str  # of the finding
    why: str
    key: str  # equal ones are one
    value: float | str
    limit: float | str | None = None


Words = dict[str, float]


def too_much(text: str, limits: GuardLimits) -> Iterator[Asked]:
    """What the command ``text``, such as ``M203 X500``, asks for beyond ``limits``."""
    start = re.match(r"\s*M\s*0*(\d+)(?![\d.])", text, re.IGNORECASE)
    if start is None:
        yield from _macro(text, limits)
    elif start[1] == "118":
        yield from _host(text)
    elif judge := _JUDGES.get(f"M{start[1]}"):
        words = {letter: float(value) for letter, value in _WORD.findall(text[start.end() :].upper())}
        yield from judge(f"M{start[1]}", words, limits)


def _host(text: str) -> Iterator[Asked]:
    """M118 A1 and ``//action:`` order the host about; only a notification is harmless."""
    action = re.search(r"action:\s*(\w*)", text)
    if action and action[1] not in HARMLESS_ACTIONS:
        why = f"M118 orders the host to {action[1] or 'do something'}"
        yield Asked(code="gcode-refused-command", why=why, key="M118", value="M118")


def _macro(text: str, limits: GuardLimits) -> Iterator[Asked]:
    """Klipper's commands with words: ``SET_VELOCITY_LIMIT ACCEL=3000``."""
    name, *words = text.upper().split()
    most = _macro_limits(limits).get(name, {})
    for word in words:
        key, _, said = word.partition("=")
        if key not in most:
            continue
        try:
            value = float(said)
        except ValueError:
            value = math.inf
        if not 0 <= value <= most[key] * 1.001:
            yield _over(f"{name} {key}", f"{said or 'nothing'}, the limit is {most[key]:g}", value, most[key])


def _macro_limits(limits: GuardLimits) -> Mapping[str, Words]:
    """The most that each word of a macro may say."""
    motion = limits.motion
    velocity: Words = {}
    if motion is not None:
        fastest, acceleration = max(motion.max_speed_mm_s[:2]), max(_accelerations(motion, False).values())
        velocity = {"VELOCITY": fastest, "ACCEL": acceleration, "ACCEL_TO_DECEL": acceleration,
                    "SQUARE_CORNER_VELOCITY": SQUARE_CORNER_MAX_MM_S}  # fmt: skip
    return {
        "SET_VELOCITY_LIMIT": velocity,
        "SET_PRESSURE_ADVANCE": {"ADVANCE": ADVANCE_MAX_S, "SMOOTH_TIME": 0.2},
        "SET_RETRACTION": {"RETRACT_LENGTH": RETRACT_MAX_MM, "UNRETRACT_EXTRA_LENGTH": UNRETRACT_EXTRA_MAX_MM},
    }


def _within(most: Words, unit: str) -> Callable[[str, Words, GuardLimits], Iterator[Asked]]:
    """A judge of words that may be as large as ``most`` and not negative."""

    def judge(command: str, words: Words, _limits: GuardLimits) -> Iterator[Asked]:
        for letter, value in words.items():
            if letter in most and not 0 <= value <= most[letter]:
                yield _over(f"{command} {letter}", f"{value:g} {unit}, the guard allows 0 to {most[letter]:g}", value,
                            most[letter])  # fmt: skip

    return judge


def _volumetric(command: str, words: Words, limits: GuardLimits) -> Iterator[Asked]:
    """M200: with another diameter than the filament's, every length is another amount."""
    size_mm = words.get("D", 0.0) if words.get("S", 1.0) != 0 else 0.0
    if size_mm and limits.filament_mm is not None and abs(size_mm - limits.filament_mm) > 0.06:
        why = f"filament of {size_mm:g} mm, the printer's has {limits.filament_mm:g}"
        yield _over(command, why, size_mm, limits.filament_mm)


def _percent(command: str, words: Words, _limits: GuardLimits) -> Iterator[Asked]:
    least, most = PERCENT[command]
    percent = words.get("S", 100.0)
    if not least <= percent <= most:
        what = "speed" if command == "M220" else "flow"
        yield _over(command, f"{what} {percent:g} %, the guard allows {least:g} to {most:g} %", percent, most)


def _cold(command: str, words: Words, limits: GuardLimits) -> Iterator[Asked]:
    """M302: only a limit that is no lower than the guard's own is harmless."""
    if words.get("P", 0.0) != 0 or words.get("S", 0.0 if "P" not in words else 1e9) < limits.extrude_min_c:
        why = f"lets filament be fed below {limits.extrude_min_c:g} deg C"
        yield Asked(code="gcode-refused-command", why=f"{command} {why}", key=command, value=command)


def _chamber(_command: str, words: Words, limits: GuardLimits) -> Iterator[Asked]:
    wished_c = max(words.get("S", 0.0), words.get("R", 0.0))
    if wished_c > limits.chamber_max_c:
        most = f"its limit is {limits.chamber_max_c:g}" if limits.chamber_max_c else "the printer has no chamber heater"
        yield Asked(
            code="gcode-too-hot", why=f"chamber to {wished_c:g} deg C, {most}", key="chamber", value=wished_c,
            limit=limits.chamber_max_c,
        )  # fmt: skip


def _motion(command: str, words: Words, limits: GuardLimits) -> Iterator[Asked]:
    if limits.motion is None:
        return
    most, unit = _MOTION[command](limits.motion, limits.holds_acceleration)
    if command == "M203" and limits.m203_per_minute:
        most, unit = {axis: 60.0 * speed for axis, speed in most.items()}, "mm/min"
    for letter, value in words.items():
        if letter in most and value > most[letter] * 1.001:
            yield _over(f"{command} {letter}", f"{value:g} {unit}, the printer's limit is {most[letter]:g}", value,
                        most[letter])  # fmt: skip


def _over(what: str, why: str, value: float, limit: float) -> Asked:
    return Asked(code="gcode-over-limits", why=f"{what}: {why}", key=what, value=value, limit=limit)


def _accelerations(motion: MotionProfile, holds: bool) -> Words:
    x, y, _, e = motion.max_acceleration_mm_s2
    slack = ACCELERATION_SLACK if holds else 1.0
    most = max(x, y, motion.print_acceleration_mm_s2, motion.travel_acceleration_mm_s2) * slack
    return {"S": most, "P": most, "T": most, "R": max(e * slack, most)}


def _corners(motion: MotionProfile) -> Words:
    slowest = min(motion.max_speed_mm_s)
    deviation = max(motion.junction_deviation_mm, DEVIATION_MAX_MM)
    return {**_axes(motion.jerk_mm_s), "S": slowest, "T": slowest, "J": deviation}


def _axes(values: tuple[float, float, float, float]) -> Words:
    return dict(zip("XYZE", values, strict=True))


_MOTION: Final[Mapping[str, Callable[[MotionProfile, bool], tuple[Words, str]]]] = {
    "M201": lambda motion, _: (_axes(motion.max_acceleration_mm_s2), "mm/s2"),
    "M202": lambda motion, _: (_axes(motion.max_acceleration_mm_s2), "mm/s2"),  # of travel, as Repetier has it
    "M203": lambda motion, _: (_axes(motion.max_speed_mm_s), "mm/s"),
    "M204": lambda motion, holds: (_accelerations(motion, holds), "mm/s2"),
    "M205": lambda motion, _: (_corners(motion), "mm/s (J: mm)"),
    "M566": lambda motion, _: ({axis: 60.0 * jerk for axis, jerk in _axes(motion.jerk_mm_s).items()}, "mm/min"),
}
_JUDGES: Final[Mapping[str, Callable[[str, Words, GuardLimits], Iterator[Asked]]]] = {
    **dict.fromkeys(PERCENT, _percent),
    **dict.fromkeys(_MOTION, _motion),
    "M141": _chamber,
    "M200": _volumetric,
    "M207": _within({"S": RETRACT_MAX_MM, "W": RETRACT_MAX_MM, "Z": 5.0}, "mm"),
    "M208": _within({"S": UNRETRACT_EXTRA_MAX_MM, "W": UNRETRACT_EXTRA_MAX_MM}, "mm"),
    "M300": _within({"P": 10_000.0}, "ms"),
    "M572": _within({"S": ADVANCE_MAX_S}, "s"),
    "M900": _within({"K": ADVANCE_MAX_K}, ""),
    "M907": _within(dict.fromkeys("XYZE", CURRENT_MAX_MA), "mA"),
    "M191": _chamber,
    "M302": _cold,
}
