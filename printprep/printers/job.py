"""A G-code file, text or binary, as a printer's job: which of its lines are commands, and where its layers begin."""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from printprep.errors import GcodeRefused, InputError
from printprep.gcode.source import as_text
from printprep.printers.held import HeldFile

_LAYER = re.compile(rb";\s*(?:LAYER_CHANGE|CHANGE_LAYER|LAYER:\s*-?\d+)\s*$")
_HEIGHT = re.compile(rb";\s*Z:\s*(-?\d+\.?\d*)")
_NOT_FROM_A_FILE = (b"M108", b"M110", b"M112", b"M410", b"N")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file that was counted, and is held open: what is printed of it later is what was counted, or an error."""

    path: Path
    file: HeldFile
    commands: int
    layer_starts: tuple[int, ...]  # commands before each layer
    layer_z_mm: tuple[float | None, ...]  # of each layer, where the file says it
    tells_progress: bool = False  # by M73

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the file's bytes."""
        return self.file.sha256

    def layer_at(self, command: int) -> int:
        """The 1-based layer that the ``command``-th command belongs to; 0 before the first."""
        return bisect_right(self.layer_starts, max(0, command - 1)) if command else 0

    def z_at(self, command: int) -> float | None:
        """Height of that layer, mm; None when unknown."""
        layer = self.layer_at(command)
        return self.layer_z_mm[layer - 1] if layer else None

    def where(self, command: int) -> str:
        """The place after the ``command``-th command, for people: ``after command 812 of 900, layer 42 at 8.4 mm``."""
        layer, z_mm = self.layer_at(command), self.z_at(command)
        words = [f"after command {command} of {self.commands}"]
        words += [f"layer {layer} of {len(self.layer_starts)}"] if layer else []
        return ", ".join(words) + ("" if z_mm is None else f" at {z_mm:g} mm")


def _command(line: bytes) -> bytes:
    """What of a line is sent: no comment, no blanks around it; empty for nothing."""
    return line.partition(b";")[0].strip()


def commands(file: HeldFile | Path) -> Iterator[bytes]:
    """The commands of a file, one each, without comments and blank lines: exactly what is sent.

    Raises
    ------
    InputError
        The file was changed since it was counted, or can be read no more.
    """
    with _text(file if isinstance(file, HeldFile) else HeldFile(file)) as lines:
        for line in lines:
            if command := _command(line):
                yield command


def lines_from(job: JobFile, first: int) -> Iterator[bytes]:
    """The file's own lines, comments with them, after its first ``first`` commands; from the layer's mark on."""
    count = 0
    layer = job.layer_starts.index(first) if first in job.layer_starts else None
    seen = -1
    with _text(job.file) as lines:
        for line in lines:
            if count < first or (layer is not None and seen < layer):
                seen += bool(_LAYER.match(line))
                if count >= first and seen == layer:
                    yield line
                count += bool(_command(line))
            else:
                yield line


def _text(file: HeldFile) -> BinaryIO:
    return as_text(io.BufferedReader(file.opened()), file.path.name)


def read_job(path: Path) -> JobFile:
    """Count a file's commands, find its layers, and hold it.

    Raises
    ------
    InputError
        If the file cannot be read, or holds no command.
    GcodeRefused
        If a line would break the conversation with the printer: its own line numbers, M110, M112, a CR inside.
    """
    count = 0
    tells_progress = False
    starts: list[int] = []
    heights: list[float | None] = []
    file = HeldFile(path)
    with _text(file) as lines:
        for line in lines:
            if line[:1] == b";":
                _note_layer(line, count, starts, heights)
                continue
            if command := _command(line):
                count += 1
                tells_progress = tells_progress or command.startswith(b"M73 ")
                # to a firmware a bare CR ends a line, so what follows it would go out unnumbered and unguarded
                if command.startswith(_NOT_FROM_A_FILE) or b"\r" in command:
                    raise GcodeRefused(_refusal(path, count, command))
    if not count:
        raise InputError(f"{path} holds no command; is it G-code?")
    return JobFile(
        path=path, file=file, commands=count, layer_starts=tuple(starts), layer_z_mm=tuple(heights),
        tells_progress=tells_progress,
    )  # fmt: skip


def _note_layer(line: bytes, count: int, starts: list[int], heights: list[float | None]) -> None:
    if _LAYER.match(line):
        starts.append(count)
        heights.append(None)
    elif heights and heights[-1] is None:
        match = _HEIGHT.match(line)
        if match:
            heights[-1] = float(match[1])


def _refusal(path: Path, count: int, command: bytes) -> str:
    text = command[:40].decode("ascii", "replace")
    return (
        f"{path.name}: command {count} is {text!r}, which would break the line-by-line account with the printer; "
        f"remove it (line numbers and checksums are added while sending)"
    )
