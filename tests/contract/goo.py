"""A file of layers for the tests."""

from __future__ import annotations

import struct
from pathlib import Path

from printprep.formats.boards import GOO_MAGIC


def goo_file(
    path: Path, *, layers: int, panel_px: tuple[int, int] = (3840, 2400), machine: bytes = b"Saturn 4"
) -> Path:
    """The head of a .goo file, for the Elegoo Saturn's panel, and a body that nobody reads."""
    head = bytearray(200_000)
    head[4:12] = GOO_MAGIC
    head[92 : 92 + len(machine)] = machine
    struct.pack_into(">IHH", head, 195_310, layers, *panel_px)
    struct.pack_into(">f", head, 195_332, 0.05)
    path.write_bytes(bytes(head) + b"layers" * 400_000)  # more than two pieces of an upload
    return path
