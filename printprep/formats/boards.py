"""What the head of a .ctb or .goo file says: for which panel and machine it is, and how many layers it has.

Such files are other slicers' and are not written here; only what tells a wrong file from a right one is read. CTB as in
doc/cbddlp-ctb.adoc of Catibo; GOO as in its published field list (also ``FileHeader`` of UVtools' GooFile.cs).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from printprep.errors import InputError

SUFFIXES: Final = (".ctb", ".goo")
CTB_MAGICS: Final = (0x12FD0019, 0x12FD0086, 0x12FD0106)
CTB_ENCRYPTED: Final = 0x12FD0107  # its head can be read by its maker's programs only
GOO_MAGIC: Final = b"\x07\x00\x00\x00DLP\x00"
_GOO_FIGURES: Final = 195_310  # after two previews of 116 x 116 and 290 x 290 pixels
_HEAD_BYTES: Final = 200_000
_MAX_LAYERS: Final = 100_000
_MAX_NAME: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardFile:
    """The head of a file for a resin printer's board."""

    format: str  # ctb or goo
    machine: str  # what the slicer calls it; empty: not said
    width_px: int
    height_px: int
    layer_count: int
    layer_height_mm: float


def read_board(path: Path) -> BoardFile:
    """Read the head of a .ctb or .goo file.

    Raises
    ------
    InputError
        It cannot be read, is neither, is cut off or encrypted, or its figures make no sense.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            size = file.seek(0, 2)
            told = _goo(head) if head[4:12] == GOO_MAGIC else _ctb(path, head, _machine_of(file, head))
    except OSError as exc:
        raise InputError(f"{path.name} cannot be read: {exc.strerror or exc}") from exc
    except struct.error as exc:
        raise InputError(f"{path.name} is cut off in its head, after {len(head)} bytes") from exc
    sound = 0 < told.layer_count <= _MAX_LAYERS and 0 < told.layer_height_mm < 10 and told.layer_count < size
    if not sound or not (0 < told.width_px <= 40_000 and 0 < told.height_px <= 40_000):
        raise InputError(
            f"{path.name} says {told.layer_count} layers of {told.layer_height_mm:g} mm on {told.width_px} x "
            f"{told.height_px} pixels, which cannot be; it is damaged"
        )
    return told


def _goo(head: bytes) -> BoardFile:
    count, width_px, height_px = struct.unpack_from(">IHH", head, _GOO_FIGURES)
    (layer_mm,) = struct.unpack_from(">f", head, _GOO_FIGURES + 22)
    machine = head[92:124].partition(b"\0")[0].decode("utf-8", "replace")
    return BoardFile(
        format="goo",
        machine=machine,
        width_px=width_px,
        height_px=height_px,
        layer_count=count,
        layer_height_mm=round(float(layer_mm), 6),
    )


def _ctb(path: Path, head: bytes, machine: str) -> BoardFile:
    (magic,) = struct.unpack_from("<I", head)
    if magic == CTB_ENCRYPTED:
        raise InputError(f"{path.name} is an encrypted .ctb, whose head nobody else can read; export a plain one")
    if magic not in CTB_MAGICS:
        raise InputError(f"{path.name} is no .ctb or .goo file")
    width_px, height_px = struct.unpack_from("<II", head, 0x34)
    (layer_mm,) = struct.unpack_from("<f", head, 0x20)
    (count,) = struct.unpack_from("<I", head, 0x44)
    return BoardFile(
        format="ctb",
        machine=machine,
        width_px=width_px,
        height_px=height_px,
        layer_count=count,
        layer_height_mm=round(float(layer_mm), 6),
    )


def _machine_of(stream: BinaryIO, head: bytes) -> str:
    """The machine's name of a .ctb, which may stand anywhere in the file."""
    (place,) = struct.unpack_from("<I", head, 0x68)
    stream.seek(place + 0x1C)
    where = stream.read(8)
    if not place or len(where) < 8:
        return ""
    start, length = struct.unpack("<II", where)
    stream.seek(start)
    return stream.read(min(length, _MAX_NAME)).decode("utf-8", "replace").strip("\0 ")
