"""Writes Prusa's binary G-code for tests, and lies in it where a test asks."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from printprep.gcode.bgcode import Encoding, Kind, Packing

CHARACTERS = "0123456789.E\nGX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block to write; what is None is as it should be."""

    data: bytes
    kind: int = Kind.GCODE
    packing: int = Packing.NONE
    form: tuple[int, ...] = (0,)
    size: int | None = None
    packed_size: int | None = None
    crc: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file to write."""

    blocks: Sequence[Block] = field(default_factory=tuple)
    magic: bytes = b"GCDE"
    version: int = 1
    checksum: int = 1

    @property
    def data(self) -> bytes:
        head = struct.pack("<4sIH", self.magic, self.version, self.checksum)
        return head + b"".join(written(block, summed=self.checksum == 1) for block in self.blocks)


def written(block: Block, *, summed: bool = True) -> bytes:
    """The bytes of a block."""
    packed = block.data
    if block.packing == Packing.DEFLATE:
        packed = zlib.compress(block.data)
    elif block.packing in (Packing.HEATSHRINK_11_4, Packing.HEATSHRINK_12_4):
        packed = heatshrink(block.data, 11 if block.packing == Packing.HEATSHRINK_11_4 else 12)
    head = struct.pack("<HHI", block.kind, block.packing, len(block.data) if block.size is None else block.size)
    if block.packing:
        head += struct.pack("<I", len(packed) if block.packed_size is None else block.packed_size)
    body = head + struct.pack(f"<{len(block.form)}H", *block.form) + packed
    crc = zlib.crc32(body) if block.crc is None else block.crc
    return body + (struct.pack("<I", crc) if summed else b"")


def gcode(text: str, packing: Packing = Packing.HEATSHRINK_12_4, encoding: Encoding = Encoding.PLAIN) -> Block:
    """A block of G-code."""
    data = text.encode() if encoding is Encoding.PLAIN else meatpack(text, comments=encoding is Encoding(2))
    return Block(data=data, packing=packing, form=(encoding,))


def table(kind: Kind, packing: Packing = Packing.NONE, **pairs: str) -> Block:
    """A block of metadata."""
    text = "".join(f"{key.replace('_', ' ')}={value}\n" for key, value in pairs.items())
    return Block(data=text.encode(), kind=kind, packing=packing)


def heatshrink(data: bytes, window_bits: int, lookahead_bits: int = 4) -> bytes:
    """Pack by the longest match in the window, as any encoder may."""
    bits: list[str] = []
    at = 0
    while at < len(data):
        length, back = 0, 0
        for size in range(min(1 << lookahead_bits, len(data) - at), 2, -1):
            found = data.rfind(data[at : at + size], max(0, at - (1 << window_bits)), at + size - 1)
            if found >= 0:
                length, back = size, at - found
                break
        if length:
            bits.append(f"0{back - 1:0{window_bits}b}{length - 1:0{lookahead_bits}b}")
        else:
            bits.append(f"1{data[at]:08b}")
        at += max(length, 1)
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[k : k + 8], 2) for k in range(0, len(text), 8))


def meatpack(text: str, *, comments: bool) -> bytes:
    """Pack without the blanks of G lines, as slicers do; comments stay as they are, or go."""
    out = bytearray(b"\xff\xff\xfb\xff\xff\xf7")
    packing = True
    for line in text.splitlines():
        if line.startswith(";"):
            if comments:
                out += (b"\xff\xff\xfa" if packing else b"") + line.encode() + b"\n"
                packing = False
            continue
        line = line.partition(";")[0].strip()
        if not line:
            continue
        line = (line.replace(" ", "") if line.startswith("G") else line) + "\n"
        line += "\n" * (len(line) % 2)
        out += b"" if packing else b"\xff\xff\xfb"
        packing = True
        for one, two in zip(line[::2], line[1::2], strict=True):
            halves = [CHARACTERS.find(c) if c in CHARACTERS else 15 for c in (one, two)]
            out.append(halves[0] | halves[1] << 4)
            out += b"".join(c.encode() for c, half in zip((one, two), halves, strict=True) if half == 15)
    return bytes(out)
