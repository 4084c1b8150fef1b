"""What a single command asks for, whatever comes before and after it: speeds, factors, heat that no job needs."""

from __future__ import annotations

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
_WORD: Final = re.compile(r"([A-Z])\s*([-+]?(?:\d+\.?\d*|\.\d+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Something that a command must not ask for."""

    code: str  # of the finding
    why: str
    key: str  # equal ones are one
    value: float | str
    limit: float | None = None


Words = dict[str, float]


def too_much(text: str, limits: GuardLimits) -> Iterator[Asked]:
    """What the command ``text``, such as ``M203 X500``, asks for beyond ``limits``."""
    start = re.match(r"\s*M\s*0*(\d+)(?![\d.])", text, re.IGNORECASE)
    judge = _JUDGES.get(f"M{start[1]}") if start else None
    if start and judge:
        words = {letter: float(value) for letter, value in _WORD.findall(text[start.end() :].upper())}
        yield from judge(f"M{start[1]}", words, limits)


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
    "M203": lambda motion, _: (_axes(motion.max_speed_mm_s), "mm/s"),
    "M204": lambda motion, holds: (_accelerations(motion, holds), "mm/s2"),
    "M205": lambda motion, _: (_corners(motion), "mm/s (J: mm)"),
}
_JUDGES: Final[Mapping[str, Callable[[str, Words, GuardLimits], Iterator[Asked]]]] = {
    **dict.fromkeys(PERCENT, _percent),
    **dict.fromkeys(_MOTION, _motion),
    "M141": _chamber,
    "M191": _chamber,
    "M302": _cold,
}
