"""Nothing dangerous or identifying leaves the house: one pass over a file of G-code before anyone may send it.

The guard believes nobody, the own slicer driver included: it follows the file as the machine would and compares every
move, temperature and command with plain limits, and every comment with patterns of what could name a person.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.errors import InputError
from printprep.gcode.hits import HOMING, Filled
from printprep.gcode.hotends import Hotends
from printprep.gcode.layout import Event, Kind
from printprep.gcode.layout import Text as Why
from printprep.gcode.limits import REFUSED, GuardLimits, allowed_commands
from printprep.gcode.notes import Notes
from printprep.gcode.read import Block, Moves, Reader, Text, not_gcode
from printprep.gcode.said import Said
from printprep.gcode.whole import Whole
from printprep.geometry.mesh import Bool, Float, Int

TOLERANCE_MM: Final = 0.01
LIFT_MM: Final = 20.0  # start code may lift the head this far before it homes
STANDING: Final = 2.0  # mm of filament a mm of way: thicker than any bead, so the head as good as stands
FEED_STANDING_MM: Final = 200.0  # a filament change of a shared nozzle loads less than that on one spot
FEED_TOTAL_MM: Final = 4e6  # in one file; the largest spool, 10 kg, holds some 3.4 km of 1.75 mm
NOZZLE_MM: Final = 0.4  # bore of a printer that does not say
DEEPEST: Final = 0.75  # of the bore may a nozzle be below what is laid: no layer, and no seam in one, is higher
Z_BIT: Final = 4  # of the axes
DWELL_S: Final = 600.0  # filament that stands so long in a hot nozzle degrades
PROBING_MACROS: Final = frozenset({"BED_MESH_CALIBRATE", "QUAD_GANTRY_LEVEL", "Z_TILT_ADJUST"})


def guard(path: Path, limits: GuardLimits) -> tuple[Finding, ...]:
    """Everything in a file of G-code that speaks against sending it, in one pass; equal things once, with a count.

    Parameters
    ----------
    path
        The file.
    limits
        Of the printer, the materials, the firmware and the case.

    Raises
    ------
    InputError
        The file cannot be read, or is no G-code.
    """
    watch = _Watch(limits)
    reader = Reader(path, g90_sets_e=limits.g90_sets_e)
    try:
        for block in reader:
            watch.texts(block)
            watch.moves(block)
    except OSError as exc:
        raise InputError(f"{path.name} cannot be read: {exc.strerror or exc}") from exc
    counts = reader.counts
    if counts.rubbish:
        raise not_gcode(path, counts)
    watch.commands(counts.commands, counts.first_line)
    if counts.longest_command > limits.max_command_chars:
        watch.note(
            "gcode-long-line", counts.longest_command_line, "a command that the firmware would cut",
            value=counts.longest_command, limit=limits.max_command_chars,
        )  # fmt: skip
    if counts.overlong:
        watch.note(
            "gcode-rubbish", counts.overlong_line, "a line of more than 4 MiB, which no firmware reads",
            count=counts.overlong,
        )  # fmt: skip
    watch.end(counts.lines)
    return watch.notes.findings()


def macro_name(text: str) -> str:
    """Of a macro, such as ``PRINT_START BED=60``; the names of tools that a printer chooses itself are T."""
    name = text.split()[0].split("=")[0]
    return "T" if name.lower() in ("tx", "tc", "t?") else name.upper()


@dataclass(frozen=True, slots=True)
class _Way:
    """The moves of a block, n rows, each seen from where it begins."""

    length_mm: Float  # (n,)
    needs_home: Bool  # (n,) all that travel, but for a lift
    fed: Int  # (n + 1,) how many moves before this one feed or retract
    laid: Int  # (n + 1,) how many lay down material

    @classmethod
    def of(cls, moves: Moves, place: Float) -> _Way:
        step = np.diff(moves.position_mm, axis=0, prepend=place[None])
        step[moves.kind == Kind.HOME] = 0.0
        across = (step[:, 0] != 0) | (step[:, 1] != 0)
        lift = (step[:, 2] >= 0) & (moves.position_mm[:, 2] <= LIFT_MM)
        return cls(
            length_mm=np.sqrt(np.einsum("ij,ij->i", step, step)),
            needs_home=across | (~lift & (step[:, 2] != 0)),
            fed=_counted(moves.e_mm != 0),
            laid=_counted(across & (moves.e_mm > 0)),
        )


def _counted(these: Bool) -> Int:
    counts = np.zeros(len(these) + 1, np.int32)
    np.cumsum(these, out=counts[1:])
    return counts


class _Watch:
    """What the guard knows while it reads."""

    def __init__(self, limits: GuardLimits) -> None:
        if limits.stands_at_mm is not None:  # the file's frame begins there, so the machine's ends are seen from it
            low, high, stands = limits.lower_mm, limits.upper_mm, limits.stands_at_mm
            limits = replace(
                limits, lower_mm=(*low[:2], low[2] - stands), upper_mm=(*high[:2], high[2] - stands)
            )  # fmt: skip
        self.limits = limits
        self.notes = Notes()
        self.note = self.notes.note
        self.said = Said(limits, self.notes)
        self.whole = Whole()
        self.place = np.zeros(3)
        deep_mm = DEEPEST * (limits.nozzle_mm or NOZZLE_MM)
        self.filled = Filled(limits.lower_mm, limits.upper_mm, deep_mm, limits.head, homes=limits.homes_xy_alone)
        self.homed = 0 if limits.stands_at_mm is None else 4  # bits of the axes
        self.released = 0  # axes whose motors were switched off since they were homed
        self.laid = False  # there is material on the bed
        self.homed_late: tuple[int, str] | None = None  # line that homed x or y since
        self.poured_mm = 0.0  # fed on the spot where the head stands
        self.fed_mm = 0.0  # in all
        self.fed_most_mm = 0.0  # before it was drawn back, as at the end of a file
        self.bed_was_on = False
        self.trusted = False  # a start macro has homed and heated
        self.tool = 0
        self.hotends = Hotends(limits, self.notes)
        self.bed_c = 0.0
        self.ended = False

    def texts(self, block: Block) -> None:
        """Comments, messages, macros and rubbish of a block, whatever comes before and after them."""
        for text in block.texts:
            self.said.hear(text)
            self.whole.hear(text)

    def _macro(self, block: Block, text: Text) -> None:
        """Carry out a macro, as far as its name says what it does."""
        name = macro_name(text.text)
        if name in self.limits.start_macros:
            self.trusted = True
        elif name in self.limits.end_macros:
            self.ended = True
        elif name == "TURN_OFF_HEATERS":
            self.hotends.off()
            self.bed_c = 0.0
        elif name in PROBING_MACROS:
            self._home(block, text.line, 0)
        self._command(name, text.line, 1)

    def commands(self, used: Mapping[str, int], first_line: Mapping[str, int]) -> None:
        """All commands that came, against the lists."""
        for command, count in used.items():
            self._command(command, first_line[command], count)

    def _command(self, command: str, line: int, count: int) -> None:
        limits = self.limits
        if command in REFUSED or command in limits.refused:
            why = REFUSED.get(command, "is refused by the firmware's note")
            self.note("gcode-refused-command", line, f"{command} {why}", value=command, key=command, count=count)
        elif limits.allowed and command not in limits.allowed:  # G1.1: some boards carry out G1, the guard did not
            self.note(
                "gcode-unknown-command", line, f"{command} is not among the commands of this firmware",
                value=command, key=command, count=count,
            )  # fmt: skip

    def moves(self, block: Block) -> None:
        """Follow the moves and events of a block."""
        moves, events = block.moves, block.events
        if len(moves):
            self._bounds(block)
            self._hits(block)
        way = _Way.of(moves, self.place)
        self._poured(block, way.length_mm)
        brief = (events.kind == Event.FAN) | ((events.kind == Event.DWELL) & (events.value <= DWELL_S))
        telling = np.flatnonzero(~brief)
        steps: list[tuple[int, int, Callable[[], None]]] = [
            (int(events.line[i]), int(events.at[i]), partial(self._event, block, int(i))) for i in telling
        ]
        macros = [text for text in block.texts if text.kind is Why.MACRO]
        if macros:
            at = np.searchsorted(moves.line, [text.line for text in macros], side="right")
            steps += [(t.line, int(a), partial(self._macro, block, t)) for t, a in zip(macros, at, strict=True)]
            steps.sort(key=lambda step: step[:2])
        done = 0
        for _, here, happens in steps:
            self._segment(block, done, here, way)
            happens()
            done = here
        self._segment(block, done, len(moves), way)
        if len(moves):
            self.place = np.array(moves.position_mm[-1])

    def _poured(self, block: Block, length_mm: Float) -> None:
        """Filament fed on one spot, and in all."""
        moves = block.moves
        if not len(moves):
            return
        e_mm = moves.e_mm.astype(np.float64)
        travels = (np.abs(e_mm) <= STANDING * length_mm) & (length_mm > 0)
        spot = np.cumsum(travels)
        pours_mm = np.where(travels, 0.0, np.maximum(e_mm, 0.0))
        poured_mm = np.bincount(spot, pours_mm)
        before_mm = self.poured_mm
        poured_mm[0] += before_mm
        self.poured_mm = float(poured_mm[-1])
        most = int(poured_mm.argmax())
        here = np.flatnonzero((spot == most) & (pours_mm > 0))
        if poured_mm[most] > FEED_STANDING_MM and len(here):  # without, it was said in the block before
            so_far_mm = np.cumsum(pours_mm[here]) + (before_mm if most == 0 else 0.0)
            line = int(moves.line[here[int(np.argmax(so_far_mm > FEED_STANDING_MM))]])
            self.note(
                "gcode-too-much-filament", line, f"feeds {poured_mm[most]:.0f} mm of filament on one spot",
                text=block.line(line), value=float(poured_mm[most]), limit=FEED_STANDING_MM, key="spot",
                count=int((poured_mm > FEED_STANDING_MM).sum()),
            )  # fmt: skip
        so_far_mm = self.fed_mm + np.cumsum(e_mm)
        self.fed_most_mm = max(self.fed_most_mm, float(so_far_mm.max()))
        self.fed_mm = float(so_far_mm[-1])

    def _segment(self, block: Block, start: int, end: int, way: _Way) -> None:
        """Check the moves between two events, during which nothing but the place changes."""
        if end <= start:
            return
        if self.released if self.trusted else self.homed != 7:
            bad = np.flatnonzero(way.needs_home[start:end])
            if len(bad):
                line = int(block.moves.line[start + bad[0]])
                lost = "after the motors were switched off" if self.released else "before G28 has homed every axis"
                self.note(
                    "gcode-not-homed", line, f"moves {lost}", text=block.line(line), count=len(bad)
                )  # fmt: skip
        if way.laid[end] > way.laid[start]:
            self._lays(block, start, way)
        if self.trusted:
            return
        feeds = int(way.fed[end] - way.fed[start])
        self.hotends.follow(block, start, end, self.tool, self.place, feeds=feeds)

    def _lays(self, block: Block, start: int, way: _Way) -> None:
        """Material comes to lie on the bed, somewhere from move ``start`` on."""
        self.laid = True
        if self.homed_late:
            line, text = self.homed_late
            self.note("gcode-homing-in-print", line, "homes, which may lift the nozzle, and prints on", text=text)
            self.homed_late = None
        if self.bed_was_on and self.bed_c <= 0:
            line = int(block.moves.line[int(np.searchsorted(way.laid, way.laid[start], side="right")) - 1])
            self.note(
                "gcode-heater-off-in-print", line, "prints on a bed that was switched off: the part may come loose",
                text=block.line(line), value=self.bed_c, severity=Severity.WARNING,
            )  # fmt: skip

    def _event(self, block: Block, i: int) -> None:
        events, limits = block.events, self.limits
        kind, value, line = int(events.kind[i]), float(events.value[i]), int(events.line[i])
        self.hotends.happens(kind, value)
        if kind in (Event.HOME, Event.PROBE):
            self._home(block, line, int(value) if kind == Event.HOME else 0)
        elif kind == Event.MOTORS_OFF:
            self.homed &= ~int(value)
            self.released |= int(value)
        elif kind == Event.DWELL:
            self.note(
                "gcode-waits", line, f"waits for {value:g} s, hot", text=block.line(line), value=value, limit=DWELL_S,
                key="G4", severity=Severity.WARNING,
            )  # fmt: skip
        elif kind == Event.PAUSE:
            self.note(
                "gcode-waits", line, f"M{value:g} waits for a person, hot; nobody may be there", value=f"M{value:g}",
                key=f"{value:g}", severity=Severity.WARNING,
            )  # fmt: skip
        elif kind == Event.TOOL:
            self.tool = int(value)
            if self.tool >= limits.tools:
                self.note(
                    "gcode-no-such-tool", line, f"T{self.tool}: the printer has {limits.tools} tools, T0 first",
                    value=self.tool, limit=limits.tools - 1, key=str(self.tool),
                )  # fmt: skip
        elif kind in (Event.NOZZLE, Event.NOZZLE_WAIT):
            self.hotends.heat(block, line, int(events.tool[i]), value, waits=kind == Event.NOZZLE_WAIT)
        elif kind in (Event.BED, Event.BED_WAIT):
            self.bed_c = value
            self.bed_was_on |= value > 0
            if value > limits.bed_max_c:
                self.note(
                    "gcode-too-hot", line, f"bed to {value:g} deg C, the printer's limit is {limits.bed_max_c:g}",
                    text=block.line(line), value=value, limit=limits.bed_max_c, key="bed",
                )  # fmt: skip

    def _home(self, block: Block, line: int, axes: int) -> None:
        if self.laid and not (0 < axes < Z_BIT and self.limits.homes_xy_alone):  # else the map says, see _hits
            what = "homes" if axes else "probes the bed"
            why = f"{what} where printed material stands in the way"
            if 0 < axes < Z_BIT:
                why += ", unless the printer's profile can say that Z stays where it is (fdm.homes_xy_alone)"
            self.note("gcode-homing-in-print", line, why, text=block.line(line))
        elif self.laid:
            self.homed_late = line, block.line(line)
        self.homed |= axes
        self.released &= ~axes

    def _bounds(self, block: Block) -> None:
        """Every move against the frame."""
        moves = block.moves
        for axis, name in enumerate("XYZ"):
            values = moves.position_mm[:, axis]
            for most, sign in ((self.limits.lower_mm[axis], -1.0), (self.limits.upper_mm[axis], 1.0)):
                if sign * (values.max() if sign > 0 else values.min()) <= sign * most + TOLERANCE_MM:
                    continue
                beyond = np.flatnonzero(sign * values > sign * most + TOLERANCE_MM)
                first = int(beyond[0])
                line, value = int(moves.line[first]), float(values[first])
                self.note(
                    "gcode-off-bed", line, f"{name} {value:.2f} mm is beyond {most:g} mm", text=block.line(line),
                    value=value, limit=most, where=moves.position_mm[first], key=f"{name}{sign}", count=len(beyond),
                )  # fmt: skip

    def _hits(self, block: Block) -> None:
        """Every move against what was laid before it."""
        for hit in self.filled.follow(block.moves, self.place):
            line = int(block.moves.line[hit.row])
            x, y, z = hit.where_mm
            if hit.what == HOMING:
                why = f"homes while the nozzle's tip is {hit.depth_mm:.2f} mm below the top of what is printed"
                self.note(
                    "gcode-homing-in-print", line, why, text=block.line(line), value=hit.depth_mm, limit=hit.limit_mm,
                    where=hit.where_mm, count=hit.count,
                )  # fmt: skip
                continue
            self.note(
                "gcode-hits-print", line,
                f"the {hit.what} runs into what is printed, whose top is {hit.depth_mm:.2f} mm above the nozzle's tip "
                f"at X {x:.1f} Y {y:.1f} Z {z:.2f} mm",
                text=block.line(line), value=hit.depth_mm, limit=hit.limit_mm, where=hit.where_mm, key=hit.what,
                count=hit.count,
            )  # fmt: skip

    def end(self, lines: int) -> None:
        """What must be true after the last line."""
        if self.fed_mm > FEED_TOTAL_MM:
            self.note(
                "gcode-too-much-filament", lines, f"feeds {self.fed_mm / 1000:.0f} m in all, more than a spool holds",
                value=self.fed_mm, limit=FEED_TOTAL_MM, key="total",
            )  # fmt: skip
        self._amount(lines)
        for lack in self.whole.lacks(self.fed_most_mm, later_layers=self.limits.stands_at_mm is not None):
            self.note("gcode-truncated", lines, lack.why, value=lack.value, limit=lack.limit, key=lack.why)
        if self.ended:
            return
        hot = [f"nozzle {n} at {c:g} deg C" for n, c in sorted(self.hotends.target_c.items()) if c > 0]
        hot += [f"the bed at {self.bed_c:g} deg C"] if self.bed_c > 0 else []
        if hot:
            self.note("gcode-heater-left-on", lines, f"the file ends and leaves {', '.join(hot)}", limit=0.0)

    def _amount(self, lines: int) -> None:
        """Whether what was fed can be the meshes."""
        limits = self.limits
        if limits.material_mm3 is None or limits.filament_mm is None:
            return
        fed_mm3 = self.fed_mm * math.pi / 4 * limits.filament_mm**2
        least, most = limits.material_mm3
        if not least <= fed_mm3 <= most:
            self.note(
                "gcode-wrong-amount", lines,
                f"feeds {fed_mm3 / 1000:.2f} cm3 in all; what is on the plate takes {least / 1000:.2f} to "
                f"{most / 1000:.2f} cm3",
                value=fed_mm3, limit=least if fed_mm3 < least else most,
            )  # fmt: skip


__all__ = ["REFUSED", "GuardLimits", "allowed_commands", "guard"]
