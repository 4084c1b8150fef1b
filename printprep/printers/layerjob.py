"""A file of layers as a printer's job: each layer counts as one command."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from printprep.errors import InputError
from printprep.printers.held import HeldFile
from printprep.printers.job import JobFile

ZIPPED: Final = (".sl1", ".sl1s", ".zip")


def holds_layers(path: Path) -> bool:
    """Whether a file is one of layers, by its name."""
    from printprep.formats.boards import SUFFIXES

    return path.suffix.lower() in (*ZIPPED, *SUFFIXES)


def read_layers(path: Path) -> JobFile:
    """Count a file's layers.

    Raises
    ------
    InputError
        It cannot be read, or holds no layers.
    """
    from printprep.formats import chitu, sl1
    from printprep.formats.boards import SUFFIXES, read_board

    if path.suffix.lower() in SUFFIXES:
        told = read_board(path)
        count, layer_mm = told.layer_count, told.layer_height_mm
    else:
        shown = (chitu if path.suffix.lower() == chitu.SUFFIX else sl1).read(path)
        count = len(shown)
        try:
            layer_mm = float(shown.settings.get("layerHeight", ""))
        except ValueError:
            layer_mm = 0.0
    if not count:
        raise InputError(f"{path.name} holds no layer")
    heights = tuple(round((layer + 1) * layer_mm, 4) if layer_mm else None for layer in range(count))
    return JobFile(path=path, file=HeldFile(path), commands=count, layer_starts=tuple(range(count)), layer_z_mm=heights)
