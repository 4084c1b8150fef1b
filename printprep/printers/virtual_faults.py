"""Faults for the virtual printer: a bad cable and a bad day, both repeatable by their seed."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from printprep.errors import InputError

ON_THE_WIRE: Final = ("drop", "duplicate", "corrupt", "drop-ok", "duplicate-ok", "corrupt-ok", "delay")
DEEDS: Final = (*ON_THE_WIRE, "reset", "kill", "heater", "silent", "say")
"""What a script may do: to the next line or answer, to the board, or to the heater; ``say`` speaks a ``text``."""

_ENDS = re.compile(rb"[\r\n]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that happens once."""

    do: str
    at_line: int | None = None  # once so many commands were accepted
    at_s: float | None = None  # so long after it was switched on
    text: str = ""
    delay_s: float = 0.0


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
    split: float = 0.0  # what is written arrives in two pieces
    merge: float = 0.0  # what is written arrives with the next
    delay_s: float = 0.0  # the printer takes this long, up to a second, before it answers what has come
    reset_at: int = 0  # the board restarts
    kill_at: int = 0  # the firmware halts with an error
    silent_at: int = 0  # the printer says nothing any more
    mute: bool = False  # the printer never says anything
    script: tuple[Deed, ...] = ()

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
    known = {field.name: field.default for field in fields(Faults) if field.name != "script"}
    values: dict[str, float | int | bool] = {}
    for key, text in wishes.items():
        if key not in known:
            raise InputError(f"{key!r} is not a fault; known are {', '.join(known)}")
        try:
            values[key] = _read_value(text, known[key])
        except ValueError as exc:
            raise InputError(f"fault {key} = {text!r}: write a number such as {known[key]}") from exc
    return Faults(**values)  # type: ignore[arg-type]  # each value has the type of its field


def read_script(path: Path) -> Faults:
    """Faults from a TOML file: rates by their names, and ``[[fault]]`` tables with ``do`` and ``at_line`` or ``at_s``.

    Raises
    ------
    InputError
        If it cannot be read, or asks for what there is not.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise InputError(f"{path}: no script of faults: {exc}") from exc
    tables = told.pop("fault", [])
    faults = read_faults({key: str(value) for key, value in told.items()})
    if not isinstance(tables, list):
        raise InputError(f"{path}: write [[fault]], with two brackets")
    return replace(faults, script=tuple(_read_deed(path, number, table) for number, table in enumerate(tables, 1)))


def _read_deed(path: Path, number: int, table: Any) -> Deed:
    where = f"{path}, fault {number}"
    known = {field.name for field in fields(Deed)}
    if not isinstance(table, dict) or not set(table) <= known:
        raise InputError(f"{where}: known keys are {', '.join(sorted(known))}")
    try:
        deed = Deed(
            do=str(table.get("do", "")),
            at_line=None if "at_line" not in table else int(table["at_line"]),
            at_s=None if "at_s" not in table else float(table["at_s"]),
            text=str(table.get("text", "")),
            delay_s=float(table.get("delay_s", 0.0)),
        )
    except (TypeError, ValueError) as exc:
        raise InputError(f"{where}: {exc}") from exc
    if deed.do not in DEEDS:
        raise InputError(f"{where}: do = {deed.do!r}; known are {', '.join(DEEDS)}")
    if (deed.at_line is None) == (deed.at_s is None):
        raise InputError(f"{where}: say when: either at_line or at_s")
    return deed


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

    def carry(self, line: bytes, deed: str = "") -> bytes:
        """``line`` (with its end) as it arrives; ``deed``: what happens to this one for sure."""
        chance = self._random.random
        if chance() < self._drop or deed == "drop":
            return b""
        if chance() < self._corrupt or deed == "corrupt":
            spoilt = bytearray(line)
            spoilt[self._random.randrange(max(1, len(line) - 1))] ^= 1 << self._random.randrange(8)
            line = bytes(spoilt)
        return line + line if chance() < self._duplicate or deed == "duplicate" else line


class Pieces:
    """Passes bytes in one direction, some of them later: reads come split, or two of them merged."""

    def __init__(self, seed: str, split: float, merge: float) -> None:
        self._random = random.Random(seed)
        self._split = split
        self._merge = merge
        self._kept = b""

    @property
    def waiting(self) -> bool:
        """Whether something is kept back."""
        return bool(self._kept)

    def carry(self, data: bytes) -> bytes:
        """What arrives now."""
        data = self._kept + data
        self._kept = b""
        if not data:
            return data
        if self._random.random() < self._merge:
            self._kept = data
            return b""
        if self._random.random() < self._split:
            cut = self._random.randrange(len(data))
            data, self._kept = data[:cut], data[cut:]
        return data


class Trouble:
    """Everything between the port and the firmware that goes wrong, by rates and by a script."""

    def __init__(self, faults: Faults) -> None:
        seed = faults.seed
        self._bad_cable = faults.on_the_wire
        self._to_printer = BadCable(f"in {seed}", faults.drop_line, faults.duplicate_line, faults.corrupt_line)
        self._to_host = BadCable(f"out {seed}", faults.drop_ok, faults.duplicate_ok, faults.corrupt_ok)
        self._pieces_in = Pieces(f"pieces in {seed}", faults.split, faults.merge)
        self._pieces_out = Pieces(f"pieces out {seed}", faults.split, faults.merge)
        self._to_do = list(faults.script)
        self._next_line = self._next_answer = ""
        self._late: tuple[float, bytes] | None = None  # an answer that is held back, and until when
        self._began_s: float | None = None

    @property
    def holding(self) -> bool:
        """Whether something is on its way for longer than it should be."""
        return self._pieces_in.waiting or self._pieces_out.waiting or self._late is not None

    def arriving(self, data: bytes) -> bytes:
        """What of the host's bytes is there now."""
        return self._pieces_in.carry(data)

    def lines(self, lines: list[bytes]) -> list[bytes]:
        """Lines (without their ends) as the cable leaves them."""
        if not self._bad_cable and not self._next_line:
            return lines
        arrived = b""
        for line in lines:
            arrived += self._to_printer.carry(line + b"\n", self._next_line)
            self._next_line = ""
        return _ENDS.split(arrived)[:-1]

    def leaving(self, said: bytes, now_s: float) -> bytes:
        """What of the printer's bytes reaches the host now."""
        if self._late is not None:
            if now_s < self._late[0]:
                self._late = (self._late[0], self._late[1] + said)
                return b""
            said, self._late = self._late[1] + said, None
        if said and (self._bad_cable or self._next_answer):
            first, *rest = said.splitlines(keepends=True)
            said = self._to_host.carry(first, self._next_answer) + b"".join(map(self._to_host.carry, rest))
            self._next_answer = ""
        return self._pieces_out.carry(said)

    def deeds(self, accepted: int, now_s: float) -> list[Deed]:
        """What the script asks for now; each once."""
        if self._began_s is None:
            self._began_s = now_s
        if not self._to_do:
            return self._to_do
        on_s = now_s - self._began_s
        due = [
            deed
            for deed in self._to_do
            if (deed.at_line is not None and accepted >= deed.at_line) or (deed.at_s is not None and on_s >= deed.at_s)
        ]
        self._to_do = [deed for deed in self._to_do if deed not in due]
        return due

    def do(self, deed: Deed, now_s: float) -> None:
        """Do something to the wire: to the next line, or to the next answer (``drop-ok`` …), or hold answers back."""
        if deed.do == "delay":
            self._late = (now_s + deed.delay_s, b"")
        elif deed.do.endswith("-ok"):
            self._next_answer = deed.do.removesuffix("-ok")
        else:
            self._next_line = deed.do
