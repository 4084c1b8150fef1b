"""Prusa's binary G-code, ``.bgcode``, as a stream of the text that it stands for.

Written from the public specification (https://github.com/prusa3d/libbgcode, doc/specifications.md): a header, then
blocks with their sizes, each packed in one of four ways and, as a rule, with a CRC-32 over its header and content.
Tables of metadata become comments, ``; key = value``, so that whoever reads the text sees all words of the file;
pictures become a line each. Sizes that lie, a sum that is wrong, an end that is missing: the file is refused, with the
place. What a block may hold, and how far a file may swell, is bounded.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, BinaryIO, Final, NoReturn

import numpy as np

from printprep.errors import InputError

MAGIC: Final = b"GCDE"
VERSION: Final = 1
HEADER: Final = struct.Struct("<4sIH")
MOST_BYTES: Final = 16 << 20  # of one block, packed or not; slicers write G-code in blocks of 64 KiB
MOST_TABLES: Final = 256  # blocks of metadata and pictures
MOST_SWELLING: Final = 100  # bytes of text for one of the file; slicers reach 3 to 8, MeatPack with Heatshrink 15
SMALL_BYTES: Final = 1 << 20  # so much text is allowed to any file


class Kind(IntEnum):
    """What a block holds."""

    FILE = 0
    GCODE = 1
    SLICER = 2
    PRINTER = 3
    PRINT = 4
    PICTURE = 5


class Packing(IntEnum):
    """How its bytes are packed."""

    NONE = 0
    DEFLATE = 1
    HEATSHRINK_11_4 = 2
    HEATSHRINK_12_4 = 3


class Encoding(IntEnum):
    """How the text of G-code is written in its bytes."""

    PLAIN = 0
    MEATPACK = 1
    MEATPACK_COMMENTS = 2


PICTURES: Final = ("png", "jpg", "qoi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A block, unpacked."""

    kind: Kind
    form: int  # Encoding of G-code, 0 (key=value lines) of a table, index into PICTURES of a picture
    size_px: tuple[int, int]  # width and height of a picture
    data: bytes


class _Blocks:
    """Reads blocks one after the other, and knows where it is."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.file, self.name = file, name
        self.at, self.number = 0, 0

    def refuse(self, why: str) -> NoReturn:
        where = f"block {self.number} at byte {self.at}" if self.number else "its header"
        raise InputError(f"{self.name} is no sound binary G-code: {where} {why}; export it from the slicer again")

    def take(self, size: int) -> bytes:
        data = self.file.read(size)
        if len(data) < size:
            self.refuse(f"is cut short: {size} bytes are due and {len(data)} are left")
        return data

    def header(self) -> bool:
        """Read the file's header; whether blocks end with a CRC-32."""
        magic, version, checksum = HEADER.unpack(self.take(HEADER.size))
        if magic != MAGIC or version != VERSION:
            self.refuse(f"says version {version} of {magic!r}; version {VERSION} of {MAGIC!r} is known")
        if checksum > 1:
            self.refuse(f"says checksum {checksum}; 0 (none) and 1 (CRC-32) are known")
        return bool(checksum)

    def next(self, *, summed: bool) -> Section | None:
        """The next block; None at the end of the file."""
        self.at = self.file.tell()
        start = self.file.read(8)
        if not start:
            return None
        self.number += 1
        head = start + self.take(8 - len(start))
        kind, packing, size = struct.unpack("<HHI", head)
        if kind not in set(Kind) or packing not in set(Packing):
            self.refuse(f"is of type {kind}, compression {packing}; types 0 to 5 and compressions 0 to 3 are known")
        packed_size = size
        if packing:
            head += self.take(4)
            (packed_size,) = struct.unpack_from("<I", head, 8)
        if max(size, packed_size) > MOST_BYTES:
            self.refuse(f"wants {max(size, packed_size)} bytes; {MOST_BYTES} is the most for one block")
        picture = kind == Kind.PICTURE
        head += self.take(6 if picture else 2)
        form, *size_px = struct.unpack_from("<HHH" if picture else "<H", head, len(head) - (6 if picture else 2))
        if form > (len(PICTURES) - 1 if picture else max(Encoding) if kind == Kind.GCODE else 0):
            self.refuse(f"is written in form {form}, which is not known for a block of type {kind}")
        packed = self.take(packed_size)
        if summed and struct.unpack("<I", self.take(4))[0] != zlib.crc32(packed, zlib.crc32(head)):
            self.refuse("has another CRC-32 than it says: the file was damaged or changed")
        data = self._unpacked(packed, Packing(packing), size)
        return Section(kind=Kind(kind), form=form, size_px=(size_px[0], size_px[1]) if picture else (0, 0), data=data)

    def _unpacked(self, packed: bytes, packing: Packing, size: int) -> bytes:
        if packing is Packing.NONE:
            return packed
        if packing is Packing.DEFLATE:
            inflate = zlib.decompressobj()
            try:
                data = inflate.decompress(packed, size + 1)
            except zlib.error as exc:
                self.refuse(f"cannot be inflated: {exc}")
            whole = len(data) == size and inflate.eof
        else:
            from printprep.gcode.unpack import heatshrink

            out = np.empty(size, np.uint8)
            window_bits = 11 if packing is Packing.HEATSHRINK_11_4 else 12
            whole = int(heatshrink(np.frombuffer(packed, np.uint8), out, window_bits)) == size
            data = out.tobytes()
        if not whole:
            self.refuse(f"does not unpack to the {size} bytes that it says")
        return data


def sections(file: BinaryIO, name: str) -> Iterator[Section]:
    """The blocks of a file that stands at its beginning, in order.

    Raises
    ------
    InputError
        A block is cut short, of an unknown kind, larger than :data:`MOST_BYTES`, or its sum or sizes are wrong.
    """
    blocks = _Blocks(file, name)
    summed = blocks.header()
    tables = 0
    while (section := blocks.next(summed=summed)) is not None:
        tables += section.kind is not Kind.GCODE
        if tables > MOST_TABLES:
            blocks.refuse(f"is one table or picture more than {MOST_TABLES}")
        if section.kind is Kind.GCODE and not section.data:
            blocks.refuse("is G-code and holds none")
        yield section


def table(section: Section) -> dict[str, str]:
    """The keys and values of a block of metadata."""
    lines = section.data.decode("utf-8", "replace").split("\n")
    return {key: value for key, equals, value in (line.partition("=") for line in lines) if equals}


def text_of(section: Section) -> bytes:
    """The lines of G-code that a block stands for."""
    if section.kind is Kind.PICTURE:
        width, height = section.size_px
        return f"; thumbnail {width}x{height} {PICTURES[section.form]}, {len(section.data)} bytes\n".encode()
    if section.kind is not Kind.GCODE:
        lines = section.data.replace(b"\r", b" ").split(b"\n")
        return b"".join(b"; " + line.replace(b"=", b" = ", 1) + b"\n" for line in lines if line)
    if section.form == Encoding.PLAIN:
        return section.data
    from printprep.gcode.unpack import meatpack

    out = np.empty(2 * len(section.data), np.uint8)
    return out[: int(meatpack(np.frombuffer(section.data, np.uint8), out))].tobytes()


class BinaryText(io.RawIOBase):
    """The text of a binary file, read from its beginning to its end; closing it closes the file."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._sections = sections(file, name)
        self._rest = memoryview(b"")
        self._made = 0
        self._most = SMALL_BYTES + MOST_SWELLING * file.seek(0, io.SEEK_END)
        file.seek(0)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` with what comes next; 0 at the end."""
        while not self._rest:
            section = next(self._sections, None)
            if section is None:
                return 0
            self._rest = memoryview(text_of(section))
            self._made += len(self._rest)
            if self._made > self._most:
                raise InputError(
                    f"{self._name} is no sound binary G-code: it swells to more than {MOST_SWELLING} times its size"
                )
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
