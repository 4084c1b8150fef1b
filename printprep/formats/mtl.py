"""Material libraries beside an OBJ: the diffuse colour of each material, and nothing else of them.

Names of materials and comments stay here: exporters write what they like there. Format: Alias|Wavefront Advanced
Visualizer, Appendix B2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from printprep.formats.colours import packed
from printprep.formats.named import numbers_in

MAX_LIBRARY_BYTES: Final = 64 * 1024**2
"""A larger file is no library of materials and is not read."""


def diffuse(path: Path, libraries: Iterable[bytes]) -> dict[bytes, int]:
    """Colour (``Kd``, of 1) of each material of the libraries that an OBJ names, by the name of the material.

    A library is read only if it stands in the folder of the OBJ: a file may not make anybody read another place. One
    that is not there, and a colour that is no three numbers, paint nothing.
    """
    found: dict[bytes, int] = {}
    for file in _files(path.parent, libraries):
        material = b""
        for line in file.read_bytes().splitlines():
            word, _, rest = line.replace(b"\t", b" ").strip().partition(b" ")
            if word == b"newmtl":
                material = rest.strip()
            elif word == b"Kd" and (channels := _three(rest)) is not None:
                found[material] = int(packed(*channels, full=1.0))
    return found


def _files(folder: Path, libraries: Iterable[bytes]) -> Iterator[Path]:
    """The libraries that are there; a line may name several, and a name may have blanks."""
    for line in libraries:
        whole = [line] if _there(folder, line) else line.split()
        yield from (file for name in whole if (file := _there(folder, name)) is not None)


def _there(folder: Path, name: bytes) -> Path | None:
    plain = name.decode("utf-8", errors="replace").removeprefix("./")
    if not plain or "\0" in plain or Path(plain).name != plain:
        return None
    try:
        fine = (folder / plain).is_file() and (folder / plain).stat().st_size <= MAX_LIBRARY_BYTES
    except OSError:  # a name that is too long
        return None
    return folder / plain if fine else None


def _three(text: bytes) -> list[float] | None:
    numbers = numbers_in(text.partition(b"#")[0])
    return numbers.tolist() if numbers is not None and len(numbers) == 3 and np.isfinite(numbers).all() else None
