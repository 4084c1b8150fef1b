"""Files: one module a format; :data:`FORMATS` is the table of those that hold meshes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from printprep.errors import MeshError
from printprep.formats import glb, obj, ply, stl, threemf
from printprep.formats.named import NamedMesh, checked_size

__all__ = ["FORMATS", "NamedMesh", "read_meshes"]

FORMATS: Final[dict[str, Callable[[Path], tuple[NamedMesh, ...]]]] = {
    ".stl": stl.read,
    ".obj": obj.read,
    ".ply": ply.read,
    ".3mf": threemf.read,
    ".glb": glb.read,
}
"""Reader of each mesh format by the file's suffix in lower case."""


def read_meshes(path: Path) -> tuple[NamedMesh, ...]:
    """Objects of a mesh file, as the file has them.

    Raises
    ------
    MeshError
        The format is not known, or the file cannot be read as what its suffix says.
    """
    reader = FORMATS.get(path.suffix.lower())
    if reader is None:
        checked_size(path)
        raise MeshError(
            f"{path}: {path.suffix or 'no suffix'} is no mesh format; export as one of {', '.join(FORMATS)}"
        )
    return reader(path)
