"""What is fuzzed: each target takes any bytes, and whatever it raises but InputError is a fault."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from printprep.errors import InputError
from printprep.gcode.embedded import read_embedded
from printprep.gcode.guard import GuardLimits, guard
from printprep.gcode.layout import MAX_FEATURES, MAX_OBJECTS
from printprep.gcode.read import Reader, read_gcode
from printprep.gcode.source import open_text

LIMITS: Final = GuardLimits(upper_mm=(200, 200, 200), nozzle_max_c=300, bed_max_c=100, material_max_c={0: 250})
FOLDER: Final = tempfile.TemporaryDirectory(prefix="fuzz-")
FILE: Final = Path(FOLDER.name) / "a.gcode"
MOST_GROWTH: Final = 2048  # rows of moves for one byte: an arc is a line of four bytes at least, and 256 chords


def reader(data: bytes) -> None:
    """Any bytes, read whole: finite, in order, and no more than the file can pay for."""
    FILE.write_bytes(data)
    try:
        gcode = read_gcode(FILE)
    except InputError:
        return
    moves, events = gcode.moves, gcode.events
    assert np.isfinite(moves.position_mm).all()
    assert np.isfinite(moves.e_mm).all()
    assert np.isfinite(moves.feed_mm_s).all()
    assert (moves.feed_mm_s > 0).all()
    assert (np.diff(moves.line) >= 0).all()
    assert (np.diff(moves.layer) >= 0).all()
    assert moves.feature.max(initial=0) < len(gcode.features) <= MAX_FEATURES + 1
    assert gcode.object_of_move.max(initial=0) < len(gcode.objects) <= MAX_OBJECTS + 1
    assert len(gcode.object_of_move) == len(moves) <= MOST_GROWTH * max(len(data), 1)
    assert (np.diff(events.at) >= 0).all()
    assert events.at.max(initial=0) <= len(moves)
    for block in Reader(FILE):
        for text in block.texts[:3]:
            assert isinstance(block.line(text.line), str)


def binary(data: bytes) -> None:
    """A binary file of which the fuzzer writes everything but the sums."""
    FILE.write_bytes(b"GCDE\x01\x00\x00\x00\x01\x00" + summed(data))
    with suppress(InputError):
        with open_text(FILE) as file:
            assert len(file.read()) <= (1 << 20) + 100 * (len(data) + 1000)
        read_gcode(FILE)
    with suppress(InputError):
        read_embedded(FILE)


def summed(data: bytes) -> bytes:
    """The blocks in ``data``, each of a length byte and content, with their CRC-32 set right."""
    out, at = b"", 0
    while at + 2 <= len(data):
        size = struct.unpack_from("<H", data, at)[0] % 2048
        block = data[at + 2 : at + 2 + size]
        out += block + struct.pack("<I", zlib.crc32(block))
        at += 2 + size
    return out


def guarded(data: bytes) -> None:
    """Any bytes, judged: no message holds a line's end, which would forge a line of a log."""
    FILE.write_bytes(data)
    try:
        findings = guard(FILE, LIMITS)
    except InputError:
        return
    for finding in findings:
        assert "\n" not in finding.message
        assert len(finding.message) < 2000


def embedded(data: bytes) -> None:
    """Any bytes, asked for what a slicer wrote about them."""
    FILE.write_bytes(data)
    try:
        said = read_embedded(FILE)
    except InputError:
        return
    assert sum(len(picture.data) for picture in said.pictures) <= len(data)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "reader": reader,
    "binary": binary,
    "guard": guarded,
    "embedded": embedded,
}
