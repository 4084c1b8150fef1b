"""Zip archives that others made: what they really hold is measured before anybody trusts what they say."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Final

from printprep.errors import MeshError

MAX_UNPACKED_BYTES: Final = 1024**3
"""Of all entries together; ten million triangles of 3MF are about that."""

MAX_RATIO: Final = 200
"""Unpacked over packed size; text of a mesh packs 4 to 15 times, a bomb 1000 times."""

MAX_ENTRIES: Final = 10_000

_LOCAL: Final = struct.Struct("<4s5H3I2H")  # local file header, APPNOTE.TXT 4.3.7
_PIECE: Final = 1 << 20


def check_archive(path: Path) -> list[str]:
    """Names of the entries of a zip archive whose real sizes are what it says and bounded.

    Raises
    ------
    MeshError
        No zip archive, a damaged or encrypted one, a method other than deflate, entries that unpack to another size
        than they say, or to too much.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except OSError as exc:
        raise MeshError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as exc:
        raise MeshError(f"{path}: is not the zip archive it should be ({exc}); copy or export it again") from exc
    if len(entries) > MAX_ENTRIES:
        raise MeshError(f"{path}: {len(entries)} entries in the archive are more than the {MAX_ENTRIES} allowed")
    budget = MAX_UNPACKED_BYTES
    with path.open("rb") as file:
        for entry in entries:
            budget -= _check_entry(path, file, entry, budget)
    return [entry.filename for entry in entries]


def _check_entry(path: Path, file: IO[bytes], entry: zipfile.ZipInfo, budget: int) -> int:
    """Real unpacked size of one entry; a MeshError if it is not what the archive says, or too much."""
    place = f"{path}: entry {entry.filename!r}"
    if entry.flag_bits & 0x1:
        raise MeshError(f"{place}: is encrypted; export it without a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise MeshError(f"{place}: is packed by method {entry.compress_type}, only deflate is read; export it again")
    file.seek(max(entry.header_offset, 0))
    header = file.read(_LOCAL.size) if entry.header_offset >= 0 else b""
    if len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
        raise MeshError(f"{place}: does not begin where the archive says; copy or export it again")
    name_length, extra_length = _LOCAL.unpack(header)[9:]
    file.seek(name_length + extra_length, 1)
    if entry.compress_type == zipfile.ZIP_STORED:
        unpacked = entry.compress_size
    else:
        unpacked = _unpacked_size(place, file, entry.compress_size, budget)
    if unpacked != entry.file_size:
        raise MeshError(f"{place}: unpacks to {unpacked} bytes or more, but says {entry.file_size}; do not trust it")
    return unpacked


def _unpacked_size(place: str, file: IO[bytes], packed: int, budget: int) -> int:
    """Bytes that a deflated stream of ``packed`` bytes becomes, counted without keeping them."""
    limit = min(budget, max(MAX_RATIO * packed, 10 * _PIECE))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    count, left = 0, packed
    waiting = b""
    while not inflater.eof:
        if not waiting:
            waiting = file.read(min(left, _PIECE))
            left -= len(waiting)
            if not waiting:
                raise MeshError(f"{place}: is cut off; copy or export it again")
        try:
            count += len(inflater.decompress(waiting, _PIECE))
        except zlib.error as exc:
            raise MeshError(f"{place}: is damaged ({exc}); copy or export it again") from exc
        if count > limit:
            raise MeshError(f"{place}: {packed} bytes unpack to more than {limit}: that is no mesh but a zip bomb")
        waiting = inflater.unconsumed_tail
    return count
