"""Nothing dangerous or identifying leaves the house: one pass over a file of G-code before anyone may send it.

The guard believes nobody, the own slicer driver included: it follows the file as the machine would and compares every
move, temperature and command with plain limits, and every comment with patterns of what could name a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.errors import InputError
from printprep.gcode.identity import identifying
from printprep.gcode.layout import Event, Kind
from printprep.gcode.layout import Text as Why
from printprep.gcode.read import Block, Moves, Reader, Text, not_gcode
from printprep.geometry.mesh import Bool

REFUSED: Final[Mapping[str, str]] = {
    "M28": "writes to the printer's card",
    "M30": "deletes from the printer's card",
    "M92": "changes the steps per mm",
    "M112": "is the emergency stop",
    "M301": "changes the hotend's control",
    "M303": "tunes the heaters",
    "M304": "changes the bed's control",
    "M500": "writes the printer's memory",
    "M502": "resets the printer to its factory settings",
    "M504": "writes the printer's memory",
    "M587": "stores credentials of a network",
    "M906": "changes the motors' current",
    "M928": "writes to the printer's card",
    "M997": "changes the firmware",
    "M999": "restarts a stopped printer",
}
"""What no job may hold, whatever a firmware note allows, and why."""

TOLERANCE_MM: Final = 0.01
LIFT_MM: Final = 20.0  # start code may lift the head this far before it homes


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """What a file may do on one printer with what is loaded.

    The frame is the printer's own, in which the bed's front left corner is usually (0, 0, 0).
    """

    lower_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of every move
    upper_mm: tuple[float, float, float]
    nozzle_max_c: float  # the printer's
    bed_max_c: float
    material_max_c: Mapping[int, float] = field(default_factory=dict)  # by tool: the material's upper limit
    extrude_min_c: float = 150.0  # below it nothing may be fed
    shared_nozzle: bool = False  # one hotend for all tools
    tools: int = 1
    allowed: frozenset[str] = frozenset()  # commands such as "G1" or "PRINT_START"; empty: any that is not refused
    refused: frozenset[str] = frozenset()  # besides REFUSED
    start_macros: frozenset[str] = frozenset()  # after one of them the printer is homed and hot
    end_macros: frozenset[str] = frozenset()  # they switch the heaters off
    g90_sets_e: bool = True  # Klipper: no
    max_command_chars: int = 96  # Marlin cuts longer ones
    forbidden_words: tuple[str, ...] = ()  # names of input files, users, hosts; case does not matter


def allowed_commands(note: str) -> tuple[frozenset[str], frozenset[str]]:
    """The commands in the fenced blocks `````allowed`` and `````refused`` of a firmware note, one or more a line.

    What follows a ``#``, and what is no command, is explanation.
    """

    def block(name: str) -> frozenset[str]:
        bodies = re.findall(rf"^```{name}[ \t]*\n(.*?)^```", note, re.MULTILINE | re.DOTALL)
        words = " ".join(line.split("#")[0] for body in bodies for line in body.splitlines())
        return frozenset(re.findall(r"(?<![\w.])(?:[GM]\d+(?:\.\d)?|T|[A-Z][A-Z_]{2,})(?![\w.])", words))

    return block("allowed"), block("refused")


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
    if not counts.known:
        raise not_gcode(path, counts)
    watch.commands(counts.commands, counts.first_line)
    if counts.longest_command > limits.max_command_chars:
        watch.note(
            "gcode-long-line", counts.longest_command_line, "a command that the firmware would cut",
            value=counts.longest_command, limit=limits.max_command_chars,
        )  # fmt: skip
    if counts.overlong:
        watch.note("gcode-rubbish", 0, f"{counts.overlong} lines of more than 4 MiB")
    watch.end(counts.lines)
    return watch.findings()


@dataclass(slots=True)
class _Seen:
    finding: Finding
    count: int


class _Watch:
    """What the guard knows while it reads."""

    def __init__(self, limits: GuardLimits) -> None:
        self.limits = limits
        self.seen: dict[tuple[str, str], _Seen] = {}
        self.place = np.zeros(3)
        self.homed = 0  # bits of the axes
        self.trusted = False  # a start macro has homed and heated
        self.tool = 0
        self.nozzle_c: dict[int, float] = {}
        self.waited: set[int] = set()  # nozzles that have reached what was asked of them
        self.bed_c = 0.0
        self.ended = False

    def note(
        self, code: str, line: int, why: str, *, text: str = "", value: float | str | None = None,
        limit: float | None = None, where: np.ndarray | None = None, key: str = "", count: int = 1,
        severity: Severity = Severity.ERROR,
    ) -> None:  # fmt: skip
        """Keep the first of a kind, count the rest."""
        known = self.seen.get((code, key))
        if known is not None:
            known.count += count
            return
        shown = f"line {line}: {text!r}: {why}" if text else f"line {line}: {why}"
        spot = None if where is None else (float(where[0]), float(where[1]), float(where[2]))
        finding = Finding(code=code, severity=severity, message=shown, value=value, limit=limit, where_mm=spot)
        self.seen[code, key] = _Seen(finding, count)

    def findings(self) -> tuple[Finding, ...]:
        """In order of first sight."""
        return tuple(
            s.finding
            if s.count == 1
            else Finding(
                code=s.finding.code,
                severity=s.finding.severity,
                message=f"{s.finding.message} ({s.count} times in all)",
                value=s.finding.value,
                limit=s.finding.limit,
                where_mm=s.finding.where_mm,
            )
            for s in self.seen.values()
        )

    def texts(self, block: Block) -> None:
        """Comments, messages, macros and rubbish of a block."""
        for text in block.texts:
            self._identity(text)
            if text.kind is Why.RUBBISH:
                self.note("gcode-rubbish", text.line, "is no command that makes sense", text=text.text[:80])
            elif text.kind is Why.MACRO:
                self._macro(text)

    def _identity(self, text: Text) -> None:
        for what in identifying(text.text, self.limits.forbidden_words):
            # the words themselves stay out of the message, which goes into reports and logs
            self.note("gcode-identifying", text.line, f"{what}; the words are withheld here", key=what)

    def _macro(self, text: Text) -> None:
        name = text.text.split()[0].split("=")[0]
        if name in self.limits.start_macros:
            self.trusted = True
        elif name in self.limits.end_macros:
            self.ended = True
        elif name[0] == "T":
            name = "T"
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
        elif limits.allowed and command not in limits.allowed and command.split(".")[0] not in limits.allowed:
            self.note(
                "gcode-unknown-command", line, f"{command} is not among the commands of this firmware",
                value=command, key=command, count=count,
            )  # fmt: skip

    def moves(self, block: Block) -> None:
        """Follow the moves and events of a block."""
        moves, events = block.moves, block.events
        if len(moves):
            self._bounds(block)
        fed = np.concatenate([[0], np.cumsum(moves.e_mm != 0)])
        travelled = self._travels(moves)
        done = 0
        telling = np.flatnonzero((events.kind != Event.FAN) & (events.kind != Event.DWELL))
        for i in telling:
            at = int(events.at[i])
            self._segment(block, done, at, fed, travelled)
            self._event(block, int(i))
            done = at
        self._segment(block, done, len(moves), fed, travelled)
        if len(moves):
            self.place = np.array(moves.position_mm[-1])

    def _travels(self, moves: Moves) -> Bool:
        """Which moves need a homed machine: all that travel, but for a lift."""
        step = np.diff(moves.position_mm, axis=0, prepend=self.place[None])
        lift = (step[:, 2] >= 0) & (moves.position_mm[:, 2] <= LIFT_MM)
        needs = (np.abs(step[:, :2]).max(axis=1, initial=0) > 0) | (~lift & (step[:, 2] != 0))
        return np.asarray(needs & (moves.kind != Kind.HOME))

    def _segment(self, block: Block, start: int, end: int, fed: np.ndarray, travelled: Bool) -> None:
        """Check the moves between two events, during which nothing but the place changes."""
        if end <= start or self.trusted:
            return
        if self.homed != 7:
            bad = np.flatnonzero(travelled[start:end])
            if len(bad):
                line = int(block.moves.line[start + bad[0]])
                self.note(
                    "gcode-not-homed", line, "moves before G28 has homed every axis", text=block.line(line),
                    count=len(bad),
                )  # fmt: skip
        feeds = int(fed[end] - fed[start])
        if not feeds:
            return
        nozzle = self._nozzle(self.tool)
        target_c = self.nozzle_c.get(nozzle, 0.0)
        if target_c < self.limits.extrude_min_c or nozzle not in self.waited:
            first = start + int(np.flatnonzero(block.moves.e_mm[start:end])[0])
            line = int(block.moves.line[first])
            heat = "was never waited for" if target_c >= self.limits.extrude_min_c else "is too cold"
            self.note(
                "gcode-cold-extrusion", line,
                f"feeds tool {self.tool} while its nozzle, set to {target_c:g} deg C, {heat}",
                text=block.line(line), value=target_c, limit=self.limits.extrude_min_c, count=feeds,
            )  # fmt: skip

    def _nozzle(self, tool: int) -> int:
        return 0 if self.limits.shared_nozzle else tool

    def _event(self, block: Block, i: int) -> None:
        events, limits = block.events, self.limits
        kind, value, line = int(events.kind[i]), float(events.value[i]), int(events.line[i])
        if kind == Event.HOME:
            self.homed |= int(value)
        elif kind == Event.TOOL:
            self.tool = int(value)
            if self.tool >= limits.tools:
                self.note(
                    "gcode-no-such-tool", line, f"T{self.tool}: the printer has {limits.tools} tools, T0 first",
                    value=self.tool, limit=limits.tools - 1, key=str(self.tool),
                )  # fmt: skip
        elif kind in (Event.NOZZLE, Event.NOZZLE_WAIT):
            self._heat_nozzle(block, line, int(events.tool[i]), value, waits=kind == Event.NOZZLE_WAIT)
        elif kind in (Event.BED, Event.BED_WAIT):
            self.bed_c = value
            if value > limits.bed_max_c:
                self.note(
                    "gcode-too-hot", line, f"bed to {value:g} deg C, the printer's limit is {limits.bed_max_c:g}",
                    text=block.line(line), value=value, limit=limits.bed_max_c, key="bed",
                )  # fmt: skip

    def _heat_nozzle(self, block: Block, line: int, tool: int, value: float, *, waits: bool) -> None:
        limits = self.limits
        nozzle = self._nozzle(tool)
        if value < self.nozzle_c.get(nozzle, 0.0) - 60 or value < limits.extrude_min_c:
            self.waited.discard(nozzle)
        self.nozzle_c[nozzle] = value
        if waits:
            self.waited.add(nozzle)
        loaded = list(limits.material_max_c.values()) if limits.shared_nozzle else [limits.material_max_c.get(tool)]
        material_c = max((c for c in loaded if c is not None), default=limits.nozzle_max_c)
        for what, most in (("printer", limits.nozzle_max_c), ("material", material_c)):
            if value > most:
                self.note(
                    "gcode-too-hot", line,
                    f"nozzle of tool {tool} to {value:g} deg C, the {what}'s limit is {most:g}",
                    text=block.line(line), value=value, limit=most, key=f"{what} {tool}",
                )  # fmt: skip

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

    def end(self, lines: int) -> None:
        """What must be true after the last line."""
        if self.ended:
            return
        hot = [f"nozzle {n} at {c:g} deg C" for n, c in sorted(self.nozzle_c.items()) if c > 0]
        hot += [f"the bed at {self.bed_c:g} deg C"] if self.bed_c > 0 else []
        if hot:
            self.note("gcode-heater-left-on", lines, f"the file ends and leaves {', '.join(hot)}", limit=0.0)
