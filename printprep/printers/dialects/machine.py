"""What a job has done to its machine so far: where the head is, in which modes, which heaters were touched.

It is read from the commands that were sent, so that a pause can put the head aside and bring it back to the very
numbers of the file. What cannot be known (behind a macro, before the first move) is unknown, and then nothing is moved.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, Literal

from printprep.printers.dialects.events import Parking

MOVES: Final = (b"G1 ", b"G0 ", b"G2 ", b"G3 ")
KEPT: Final = 2048
"""Moves that are looked at together: the last X of many is all that counts, so most are never read."""
HOT_C: Final = 170.0
"""A nozzle that was never asked for this much must not be asked to feed."""
RETRACT_MM_MIN: Final = 1800

_AXES: Final = b"XYZE"
_NUMBER = {letter: re.compile(rb"%c\s*(-?(?:\d+\.?\d*|\.\d+))" % letter) for letter in b"XYZEFSR"}
_HARMLESS = frozenset(
    b"G4 G10 G11 G17 G21 M0 M1 M17 M73 M74 M104 M105 M106 M107 M108 M109 M110 M114 M115 M117 M118 M140 M141 M142 M155 "
    b"M190 M191 M200 M201 M203 M204 M205 M207 M208 M209 M220 M221 M300 M302 M400 M412 M413 M486 M555 M566 M569 M572 "
    b"M593 M600 M862.1 M862.2 M862.3 M862.4 M862.5 M862.6 M900 M907 EXCLUDE_OBJECT EXCLUDE_OBJECT_DEFINE "
    b"EXCLUDE_OBJECT_START EXCLUDE_OBJECT_END SET_PRESSURE_ADVANCE SET_VELOCITY_LIMIT".split()
)
_LEAVES_ELSEWHERE = frozenset(b"G12 G26 G27 G29 G30 G34 G76 G80 M18 M84 M420 M601 M701 M702 P0".split())


class Machine:
    """The machine as the job left it; every command that is sent is told to :meth:`note` or :meth:`note_move`."""

    def __init__(self, *, extruder: Literal["follows", "either", "own"] = "follows", own_g0_feed: bool = False) -> None:
        self.tools = {0}
        self.chamber = False  # whether the job has heated one
        self._extruder = extruder
        self._own_g0_feed = own_g0_feed
        self._moves: list[bytes] = []  # not looked at yet
        self._at: dict[int, Decimal | None] = dict.fromkeys(_AXES)
        self._feed: bytes | None = None
        self._relative: bool | None = None
        self._relative_e: bool | None = None
        self._inches = False
        self._shifted = False  # by a G92: the file's numbers are not the machine's
        self._hot = False
        self._tool = 0
        self._highest = Decimal(0)  # that the head was, and the print may be
        self._return: tuple[bytes, ...] = ()

    def note_move(self, command: bytes) -> None:
        """Take a G0, G1, G2 or G3."""
        self._moves.append(command)
        if len(self._moves) >= KEPT:
            self._settle()

    def note(self, word: bytes, command: bytes) -> None:
        """Take any other command, whose first word is ``word``."""
        if word in _HARMLESS:
            if word in (b"M104", b"M109"):
                self._hot = self._hot or max(_value(command, b"S"), _value(command, b"R")) >= HOT_C
            self.chamber = self.chamber or word in (b"M141", b"M191")
            return
        self._settle()
        if word in (b"G90", b"G91"):
            self._relative = word == b"G91"
            if self._extruder == "follows":
                self._relative_e = self._relative
        elif word in (b"M82", b"M83"):
            self._relative_e = word == b"M83"
        elif word == b"G92":
            self._set_position(command)
        elif word == b"G28":
            named = [axis for axis in b"XYZ" if axis in command[3:]]
            self._at.update(dict.fromkeys(named or b"XYZ"))
        elif word == b"G20":
            self._inches = True
        elif word[:1] == b"T" and word[1:].isdigit():
            self._tool = int(word[1:])
            self.tools.add(self._tool)
            self._at.update(dict.fromkeys(b"XYZ"))
        else:
            self._at = dict.fromkeys(_AXES)
            if word not in _LEAVES_ELSEWHERE:  # a macro may leave anything
                self._feed = self._relative = self._relative_e = None

    def park(self, parking: Parking) -> tuple[bytes, ...]:
        """The commands that put the head aside; none where it is not known where the head is."""
        self._settle()
        x, y, z = (self._at[axis] for axis in b"XYZ")
        if x is None or y is None or z is None or self._feed is None or self._inches:
            return ()
        if self._relative is None or self._relative_e is None:
            return ()
        up = max(z, self._highest) + Decimal(str(parking.lift_mm))  # a finished object may be higher than this one
        if parking.top_mm is not None:
            up = min(up, Decimal(str(parking.top_mm)))
        if up <= z:
            return ()
        lift_f, travel_f = round(parking.lift_mm_s * 60), round(parking.travel_mm_s * 60)
        retract_mm = parking.retract_of_mm.get(self._tool, parking.retract_mm)
        feed_mm = Decimal(str(retract_mm)) if self._hot else Decimal(0)
        away = [b"G90", b"M83"]
        back = [b"G90", b"M83"]
        if feed_mm:
            away.append(b"G1 E-%b F%d" % (_text(feed_mm), RETRACT_MM_MIN))
        away.append(b"G1 Z%b F%d" % (_text(up), lift_f))
        if parking.x_mm is not None and parking.y_mm is not None and not self._shifted:
            away.append(b"G1 X%b Y%b F%d" % (_aside(parking.x_mm), _aside(parking.y_mm), travel_f))
            back.append(b"G1 X%b Y%b F%d" % (_text(x), _text(y), travel_f))
        back.append(b"G1 Z%b F%d" % (_text(z), lift_f))
        if feed_mm:
            back.append(b"G1 E%b F%d" % (_text(feed_mm), RETRACT_MM_MIN))
        e = self._at[_AXES[3]]
        if e is not None and not self._relative_e:
            back.append(b"G92 E" + _text(e))  # exactly, whatever rounding a retraction leaves
        back.append(b"G91" if self._relative else b"G90")
        back.append(b"M83" if self._relative_e else b"M82")
        back.append(b"G1 F" + self._feed)
        self._return = tuple(back)
        return tuple(away)

    def unpark(self) -> tuple[bytes, ...]:
        """The commands that bring the head back, with position, modes and feed rate as they were."""
        back, self._return = self._return, ()
        return back

    def heaters_off(self) -> tuple[bytes, ...]:
        """The commands that switch off everything that the job or the reports have shown."""
        nozzles = [b"M104 T%d S0" % tool for tool in sorted(self.tools)] if len(self.tools) > 1 else [b"M104 S0"]
        return (*nozzles, b"M140 S0", *([b"M141 S0"] if self.chamber else []))

    def _settle(self) -> None:
        """Look at the moves that were kept."""
        moves, self._moves = self._moves, []
        if not moves:
            return
        for axis in _AXES:
            relative = self._relative_e if axis == _AXES[3] else self._relative
            if axis == _AXES[3] and self._extruder == "either":
                relative = None if relative is None or self._relative is None else relative or self._relative
            if relative is None:
                self._at[axis] = None
            elif relative:
                self._add(axis, moves)
            else:
                said = _last(axis, moves)
                self._at[axis] = self._at[axis] if said is None else Decimal(said.decode())
                if axis == _AXES[2] and said is not None:
                    heights = (_NUMBER[axis].search(move) for move in moves if axis in move)
                    self._highest = max(self._highest, *(Decimal(z[1].decode()) for z in heights if z))
        self._highest = max(self._highest, self._at[_AXES[2]] or Decimal(0))
        fast = [move for move in moves if not move.startswith(b"G0")] if self._own_g0_feed else moves
        self._feed = _last(70, fast) or self._feed

    def _add(self, axis: int, moves: list[bytes]) -> None:
        start = self._at[axis]
        if start is not None:
            steps = (_NUMBER[axis].search(move) for move in moves if axis in move)
            self._at[axis] = sum((Decimal(step[1].decode()) for step in steps if step), start)

    def _set_position(self, command: bytes) -> None:
        for axis in _AXES:
            said = _last(axis, [command])
            if said is not None:
                self._at[axis] = Decimal(said.decode())
                self._shifted = self._shifted or axis != _AXES[3]


def _last(letter: int, commands: list[bytes]) -> bytes | None:
    """The last number that was said behind ``letter``."""
    number = _NUMBER[letter]
    for command in reversed(commands):
        if letter in command:
            match = number.search(command)
            if match is not None:
                return match[1]
    return None


def _value(command: bytes, letter: bytes) -> float:
    match = _NUMBER[letter[0]].search(command)
    return float(match[1]) if match else 0.0


def _text(value: Decimal) -> bytes:
    return format(value, "f").encode()


def _aside(value_mm: float) -> bytes:
    return f"{value_mm:g}".encode()
