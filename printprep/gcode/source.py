"""A file of G-code, written as text or in Prusa's binary form, as a stream of text."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Final

from printprep.errors import InputError
from printprep.gcode.bgcode import MAGIC, BinaryText

SUFFIXES: Final = (".gcode", ".gco", ".g", ".bgcode", ".bgc")
"""What files of G-code are called, in lower case; what is in one is told by its first bytes."""


def open_text(path: Path) -> BinaryIO:
    """Open a file of G-code to read its text, whatever form it has.

    Raises
    ------
    OSError
        The file cannot be opened. Reading raises InputError where a binary file is not sound.
    """
    return as_text(path.open("rb"), path.name)


def as_text(file: io.BufferedReader, name: str) -> BinaryIO:
    """The text of an open file, which is closed with it; read from its beginning."""
    try:
        binary = file.peek(len(MAGIC))[: len(MAGIC)] == MAGIC
    except (OSError, InputError):
        file.close()
        raise
    return io.BufferedReader(BinaryText(file, name), 1 << 16) if binary else file
