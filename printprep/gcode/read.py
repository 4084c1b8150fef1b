"""Read G-code: a stream of blocks for who needs one pass, or all of it as flat arrays.

A file is bounded whatever it holds: rubbish is counted, a line without end is skipped, coordinates beyond a kilometre
are dropped. Only a file in which next to no line is a command is refused, and a binary file that is not sound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from printprep.errors import InputError
from printprep.gcode import layout
from printprep.gcode.layout import CODES, MAX_FEATURES, Chords, Event, Kind, Memory, Output
from printprep.gcode.scan import scan
from printprep.gcode.source import open_text
from printprep.geometry.mesh import Float, Int

BLOCK_BYTES: Final = 4 << 20  # a longer line is skipped and counted
NO_Z_MM: Final = -1e9  # below every layer
MAX_TEXT: Final = 4096  # bytes of one text; a longer comment becomes several
OVERLAP: Final = 128  # bytes that the next of them repeats, so that no word is cut in two in both
MOST_MOVES: Final = 100_000_000  # of a file that is read whole: 4.5 GB; a file of 2 GB holds some 70 million
MOST_RUBBISH: Final = 1000  # lines that are no command; in a file that has more of them,
RUBBISH_SHARE: Final = 10  # and so many for each that is one, the few are there by chance
LITTLE_RUBBISH: Final = 20  # lines that a whole file may have, however short it is
LINE_END: Final = re.compile(rb"\r\n|\r|\n")
MOVE_COLUMNS: Final = {
    "position_mm": "position", "e_mm": "e", "feed_mm_s": "feed", "tool": "tool", "feature": "feature", "kind": "kind",
    "setting": "setting", "layer": "layer", "line": "line",
}  # fmt: skip

Small = npt.NDArray[np.uint8]
Single = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moves:
    """Moves in order, one a row, n rows. About 45 bytes a row."""

    position_mm: Float  # (n, 3) float64: where the move ends, in the machine's frame (G92 undone)
    e_mm: Single  # filament that it feeds, M221 applied; negative retracts
    feed_mm_s: Single  # wished speed, M220 applied
    tool: Small
    feature: Small  # index into Gcode.features
    kind: Small  # layout.Kind
    setting: npt.NDArray[np.int16]  # row of Gcode.settings in force
    layer: Int  # 0-based, -1 before the first
    line: Int  # 1-based

    def __len__(self) -> int:
        return len(self.e_mm)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Events:
    """What happens between moves, in order."""

    kind: Small  # layout.Event
    at: npt.NDArray[np.int64]  # index of the move that follows
    line: Int
    value: Float  # s, tool, deg C ... see layout.Event
    tool: npt.NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A comment or command that the scanner set aside; equal ones once."""

    line: int
    kind: layout.Text
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was seen."""

    lines: int
    known: int  # G, M and T commands
    unknown: int  # lines that are no command
    bad: int  # moves whose words make no sense
    overlong: int  # lines above BLOCK_BYTES
    overlong_line: int  # the first of them
    longest_command: int  # characters before the comment
    longest_command_line: int
    commands: dict[str, int]  # "G1": how often
    first_line: dict[str, int]  # "G1": where first

    @property
    def rubbish(self) -> bool:
        """Whether no line of the whole file is a command, or none but by chance."""
        return not self.known or self.unknown > max(LITTLE_RUBBISH, RUBBISH_SHARE * self.known)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """A piece of a file. The arrays are views that the next block overwrites."""

    moves: Moves
    events: Events  # ``at`` counts from this block's first move
    first_line: int
    data: Small  # the bytes of the block's lines
    aside: Any  # the rows of texts

    @property
    def texts(self) -> tuple[Text, ...]:
        """What was set aside, in order; a long text in pieces."""
        return tuple(
            Text(
                line=line,
                kind=layout.Text(kind),
                text=self.data[at : min(at + MAX_TEXT, end)].tobytes().decode("utf-8", "replace"),
            )
            for start, end, line, kind in self.aside.tolist()
            for at in range(start, max(end - OVERLAP, start + 1), MAX_TEXT - OVERLAP)
        )

    def line(self, number: int) -> str:
        """Line ``number`` of the file, which must begin in this block; at most 120 characters of it."""
        data = self.data.tobytes()
        ends = islice(LINE_END.finditer(data), max(number - self.first_line - 1, 0), None)
        start = next(ends).end() if number > self.first_line else 0
        end = next(ends, None)
        return data[start : end.start() if end else None][:120].decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gcode:
    """A file of G-code, read.

    ``settings`` is (k, 22) float64: what the file said of the firmware's planner, a row for each state it was in, -1
    where it did not say: maximum speeds x y z e (M203), accelerations x y z e (M201), jerks x y z e (M205, M566),
    junction deviation (M205 J), then accelerations for printing, travel and retraction (M204); Klipper's square corner
    velocity and minimum cruise ratio (SET_VELOCITY_LIMIT), least time of a segment in s (M205 B), Klipper's maximum
    velocity, least speed (M205 S), linear advance in s (M900 K).
    """

    moves: Moves
    events: Events
    settings: Float
    features: tuple[str, ...]  # names as the slicer wrote them; the first is "" for none
    objects: tuple[str, ...]  # likewise; see object_of_move
    layer_z_mm: Float  # z of the first extrusion of each layer; NaN where a layer has none
    counts: Counts

    @property
    def object_of_move(self) -> Small:
        """(n,) index into :attr:`objects` of each move, by the marks that the slicer set for each object."""
        marks = self.events.kind == Event.OBJECT
        at, which = self.events.at[marks], self.events.value[marks].astype(np.uint8)
        return np.repeat(np.append(np.uint8(0), which), np.diff(at, prepend=0, append=len(self.moves)))


class Reader:
    """Reads one file once, block by block; :attr:`counts` and the like are complete when the blocks are."""

    def __init__(self, path: Path, *, g90_sets_e: bool = True, chords: Chords = Chords.FINE) -> None:
        """See :func:`read_gcode`."""
        self.path = path
        self._memory: Memory = layout.new_memory(g90_sets_e=g90_sets_e, chords=chords)
        self._overlong_line = 0

    def __iter__(self) -> Iterator[Block]:
        buffer, filled, out = np.empty(BLOCK_BYTES + 1, np.uint8), 0, layout.new_output()
        count = self._memory.count
        with open_text(self.path) as file:
            while True:
                got = file.readinto(buffer[filled:BLOCK_BYTES].data)  # type: ignore[attr-defined]
                filled += got
                if not filled:
                    break
                if not got and filled < BLOCK_BYTES and buffer[filled - 1] != ord("\n"):
                    buffer[filled] = ord("\n")  # the last line has no end of its own
                    filled += 1
                at = 0
                while True:
                    first = int(count[layout.LINES]) + 1
                    used = int(scan(buffer[at:filled], filled - at, out, self._memory))
                    if not used:
                        break
                    yield self._block(buffer[at : at + used], out, first)
                    at += used
                if count[layout.UNKNOWN] > max(MOST_RUBBISH, RUBBISH_SHARE * count[layout.KNOWN]):
                    raise not_gcode(self.path, self.counts)
                if count[layout.ROWS] > layout.MOST_ROWS:
                    raise InputError(
                        f"{self.path.name} sets the limits of motion in more than {layout.MOST_ROWS} different ways by "
                        f"line {count[layout.LINES]}; that is no print: slice it again without changing them so often"
                    )
                if not at and filled >= BLOCK_BYTES:
                    at, count[layout.SKIPPING] = filled, 1
                    count[layout.OVERLONG] += 1
                    count[layout.LINES] += 1
                    self._overlong_line = self._overlong_line or int(count[layout.LINES])
                buffer[: filled - at] = buffer[at:filled].copy()
                filled -= at

    def _block(self, data: Small, out: Output, first: int) -> Block:
        n, k, t = (int(self._memory.count[i]) for i in (layout.MOVES, layout.EVENTS, layout.TEXTS))
        moves = Moves(**{name: out.moves[column][:n] for name, column in MOVE_COLUMNS.items()})
        events = Events(**{name: out.events[name][:k] for name in Events.__slots__})
        return Block(moves=moves, events=events, first_line=first, data=data, aside=out.texts[:t])

    @property
    def counts(self) -> Counts:
        """What was seen so far."""
        memory, count = self._memory, self._memory.count
        keys = np.flatnonzero(memory.used[:, 0])
        names = [_command(int(key)) for key in keys]
        return Counts(
            lines=int(count[layout.LINES]),
            known=int(count[layout.KNOWN]),
            unknown=int(count[layout.UNKNOWN]),
            bad=int(count[layout.BAD]),
            overlong=int(count[layout.OVERLONG]),
            overlong_line=self._overlong_line,
            longest_command=int(count[layout.LONGEST]),
            longest_command_line=int(count[layout.LONGEST_LINE]),
            commands=dict(zip(names, memory.used[keys, 0].tolist(), strict=True)),
            first_line=dict(zip(names, memory.used[keys, 1].tolist(), strict=True)),
        )

    @property
    def settings(self) -> Float:
        """The rows of settings so far, (k, 21)."""
        return np.array(self._memory.rows[1 : 1 + self._memory.count[layout.ROWS]])

    @property
    def features(self) -> tuple[str, ...]:
        """The names of features so far."""
        return self._names(0, int(self._memory.count[layout.FEATURES]))

    @property
    def objects(self) -> tuple[str, ...]:
        """The names of objects so far."""
        return self._names(MAX_FEATURES, int(self._memory.count[layout.OBJECTS]))

    def _names(self, first: int, count: int) -> tuple[str, ...]:
        rows = self._memory.names[first : first + count]
        return ("", *(row[1 : 1 + row[0]].tobytes().decode("utf-8", "replace") for row in rows))


class _Columns:
    """Columns that grow by copies of blocks, and are joined one by one so that the peak stays low."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._pieces: dict[str, list[npt.NDArray[np.generic]]] = {name: [] for name in names}

    def add(self, rows: Moves | Events) -> Self:
        for name, pieces in self._pieces.items():
            pieces.append(np.array(getattr(rows, name)))
        return self

    def take(self, name: str) -> npt.NDArray[np.generic]:
        pieces = self._pieces.pop(name)
        joined = np.concatenate(pieces) if pieces else np.empty(0)
        joined.setflags(write=False)
        return joined


def read_gcode(path: Path, *, g90_sets_e: bool = True, chords: Chords = Chords.FINE) -> Gcode:
    """Read a file of G-code whole.

    Parameters
    ----------
    path
        Text, its lines ended by LF, CR LF or CR, or Prusa's binary form; any bytes.
    g90_sets_e
        Whether G90 and G91 speak for the extruder too, as in Marlin (Klipper: no).
    chords
        How arcs are cut into moves: finely where it is asked what will be solid, as the firmware does it where it is
        asked how long they take.

    Raises
    ------
    InputError
        The file cannot be read, is an unsound binary file, is no G-code by its lines, or holds more than
        :data:`MOST_MOVES` or than :data:`~printprep.gcode.layout.MOST_ROWS` different limits of motion.
    """
    reader = Reader(path, g90_sets_e=g90_sets_e, chords=chords)
    moves, events, done = _Columns(Moves.__slots__), _Columns(Events.__slots__), 0
    try:
        for block in reader:
            block.events.at[:] += done
            moves.add(block.moves)
            events.add(block.events)
            done += len(block.moves)
            if done > MOST_MOVES:
                raise InputError(f"{path.name} holds more than {MOST_MOVES} moves; that is no print of one plate")
    except OSError as exc:
        raise InputError(f"{path.name} cannot be read: {exc.strerror or exc}") from exc
    counts = reader.counts
    if counts.rubbish:
        raise not_gcode(path, counts)
    all_moves = Moves(**{name: moves.take(name) for name in Moves.__slots__})  # type: ignore[arg-type]
    all_events = Events(**{name: events.take(name) for name in Events.__slots__})  # type: ignore[arg-type]
    all_moves, layer_z_mm = _layers(all_moves)
    return Gcode(
        moves=all_moves,
        events=all_events,
        settings=reader.settings,
        features=reader.features,
        objects=reader.objects,
        layer_z_mm=layer_z_mm,
        counts=counts,
    )


def not_gcode(path: Path, counts: Counts) -> InputError:
    """What to raise for a file in which nothing, or nothing but what is there by chance, is a command."""
    few = f"only {counts.known} of its first" if counts.known else "none of its"
    return InputError(f"{path.name} is not G-code: {few} {counts.lines} lines is a command; export it from the slicer")


def _layers(moves: Moves) -> tuple[Moves, Float]:
    """The moves with layers, and each layer's z; without marks in the file a layer is a new height of extrusion."""
    z = moves.position_mm[:, 2] if len(moves) else np.empty(0)
    extrudes = (moves.e_mm > 0) & (moves.kind != Kind.HOME)
    if len(moves) and moves.layer.max() < 0:
        rising = np.maximum.accumulate(np.where(extrudes, np.round(z, 3), NO_Z_MM))
        steps = np.diff(rising, prepend=NO_Z_MM) > 0
        layer = (np.cumsum(steps) - 1).astype(np.int32)
        moves = replace(moves, layer=layer)
    count = int(moves.layer.max()) + 1 if len(moves) else 0
    layer_z_mm = np.full(count, np.nan)
    chosen = extrudes & (moves.layer >= 0)
    index, first = np.unique(moves.layer[chosen], return_index=True)
    layer_z_mm[index] = z[chosen][first]
    return moves, layer_z_mm


def _command(key: int) -> str:
    letter, key = ("M", key - CODES) if key >= CODES else ("G", key)
    code, sub = divmod(key, 10)
    return f"{letter}{code}.{sub}" if sub else f"{letter}{code}"


__all__ = ["Block", "Counts", "Event", "Events", "Gcode", "Kind", "Moves", "Reader", "Text", "not_gcode", "read_gcode"]
