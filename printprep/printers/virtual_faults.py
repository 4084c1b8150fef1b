"""Faults for the virtual printer: a bad cable and a bad day, both repeatable by their seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields

from printprep.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong. Rates are from 0 to 1 for each line or answer; ``*_at`` is the number of an accepted line."""

    seed: int = 0
    drop_line: float = 0.0  # a line on its way to the printer vanishes
    duplicate_line: float = 0.0
    corrupt_line: float = 0.0  # one bit of it flips
    drop_ok: float = 0.0  # an answer on its way to the host vanishes
    duplicate_ok: float = 0.0
    corrupt_ok: float = 0.0
    delay_s: float = 0.0  # the printer takes this long, up to a second, before it answers what has come
    reset_at: int = 0  # the board restarts
    kill_at: int = 0  # the firmware halts with an error
    silent_at: int = 0  # the printer says nothing any more
    mute: bool = False  # the printer never says anything

    @property
    def on_the_wire(self) -> bool:
        """Whether the cable is bad."""
        return any(
            (
                self.drop_line,
                self.duplicate_line,
                self.corrupt_line,
                self.drop_ok,
                self.duplicate_ok,
                self.corrupt_ok,
            )
        )


def read_faults(wishes: Mapping[str, str]) -> Faults:
    """Faults from ``key=value`` texts, such as ``{"drop_ok": "0.01", "kill_at": "500"}``."""
    known = {field.name: field.default for field in fields(Faults)}
    values: dict[str, float | int | bool] = {}
    for key, text in wishes.items():
        if key not in known:
            raise InputError(f"{key!r} is not a fault; known are {', '.join(known)}")
        try:
            values[key] = _read_value(text, known[key])
        except ValueError as exc:
            raise InputError(f"fault {key} = {text!r}: write a number such as {known[key]}") from exc
    return Faults(**values)  # type: ignore[arg-type]  # each value has the type of its field


def _read_value(text: str, example: object) -> float | int | bool:
    if isinstance(example, bool):
        return text.lower() in ("1", "true", "yes", "on")
    if isinstance(example, int):
        return int(text)
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


class BadCable:
    """Passes lines in one direction and loses, doubles or spoils some of them."""

    def __init__(self, seed: str, drop: float, duplicate: float, corrupt: float) -> None:
        self._random = random.Random(seed)
        self._drop = drop
        self._duplicate = duplicate
        self._corrupt = corrupt

    def carry(self, line: bytes) -> bytes:
        """``line`` (with its end) as it arrives."""
        chance = self._random.random
        if chance() < self._drop:
            return b""
        if chance() < self._corrupt:
            spoilt = bytearray(line)
            spoilt[self._random.randrange(max(1, len(line) - 1))] ^= 1 << self._random.randrange(8)
            line = bytes(spoilt)
        return line + line if chance() < self._duplicate else line
