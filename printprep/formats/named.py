"""One object out of a file, and the checks that every format shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.errors import MeshError
from printprep.formats.colours import Colours
from printprep.geometry.mesh import Float, Mesh

MAX_TRIANGLES: Final = 40_000_000
"""More than any lab segments; a file that claims more is refused before memory is taken for it."""

MAX_BYTES: Final = 4 * 1024**3
"""The largest file, and the largest decompressed size of a packed one, that is read."""

IDENTITY: Final[npt.NDArray[np.float64]] = np.eye(4)
IDENTITY.setflags(write=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamedMesh:
    """One object of a file, as the file has it: in the file's unit, its placement not yet applied.

    Parameters
    ----------
    name
        The object's name in the file; empty where the format or the file gives none.
    mesh
        In the file's unit, whatever :class:`Mesh` says.
    unit
        The unit by the format's rules or the file's own word (a key of ``units.MM_PER_UNIT``); None: not said.
    matrix
        (4, 4) float64 placement of the object in the file's scene, in the file's unit; it may mirror.
    colour
        RGB 0..255 if the whole object has one colour.
    colours
        What the file paints on the surface, in the order of the mesh's vertices and faces; None: nothing.
    said
        What a prepared file says of it: part, tissue, material, tool, plate, piece, added.
    notes
        What the file says wrongly and the reader could settle without a guess, in sentences.
    """

    name: str
    mesh: Mesh
    unit: str | None = None
    matrix: Float = field(default_factory=lambda: IDENTITY)
    colour: tuple[int, int, int] | None = None
    colours: Colours | None = None
    notes: tuple[str, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)

    @property
    def added(self) -> bool:
        """Whether it is no anatomy but a support, a strut, a tab or a plug, by the word of a prepared file."""
        return "added" in self.said

    @property
    def mirrors(self) -> bool:
        """Whether the placement turns left into right (negative determinant)."""
        return bool(np.linalg.det(self.matrix[:3, :3]) < 0)

    def placed(self) -> Mesh:
        """The mesh in the file's scene, its winding kept outward under a placement that mirrors.

        Whether mirroring is allowed is the case's to say: see :attr:`mirrors`.
        """
        if np.array_equal(self.matrix, IDENTITY):
            return self.mesh
        vertices = self.mesh.vertices @ self.matrix[:3, :3].T + self.matrix[:3, 3]
        return Mesh(vertices, self.mesh.faces[:, ::-1] if self.mirrors else self.mesh.faces)


def checked_size(path: Path) -> int:
    """Size in bytes of a file that can be read as a mesh.

    Raises
    ------
    MeshError
        There is no such file, it is a folder, it is empty or larger than :data:`MAX_BYTES`, or it cannot be read.
    """
    try:
        if path.is_dir():
            raise MeshError(f"{path} is a folder, not a mesh; name the files in it or hand over the folder as the case")
        size = path.stat().st_size
    except FileNotFoundError as exc:
        raise MeshError(f"{path}: there is no such file; check the path") from exc
    except (OSError, ValueError) as exc:  # ValueError: a null byte in the path
        raise MeshError(f"{path}: cannot be read ({exc}); check its permissions") from exc
    if size == 0:
        raise MeshError(f"{path}: the file is empty (0 bytes); export it again")
    if size > MAX_BYTES:
        raise MeshError(f"{path}: {size} bytes is more than the {MAX_BYTES} that are read; reduce the mesh")
    return size


def whole_file(path: Path) -> bytes:
    """The bytes of a file that can be read as a mesh.

    Raises
    ------
    MeshError
        As :func:`checked_size`.
    """
    checked_size(path)
    try:
        return path.read_bytes()
    except OSError as exc:
        raise MeshError(f"{path}: cannot be read ({exc}); check its permissions") from exc


def numbers_in(text: bytes) -> npt.NDArray[np.float64] | None:
    """Numbers (n,) of a text that holds nothing but numbers and blanks; None if something in it is no number."""
    try:
        with np.errstate(all="ignore"):  # what is too large becomes infinite, which is found with its place later
            return np.asarray(np.fromstring(text.decode("ascii"), sep=" ")) if text.strip() else np.empty(0)
    except (ValueError, DeprecationWarning):  # UnicodeDecodeError is a ValueError
        return None


def checked_mesh(place: str, vertices: npt.NDArray[np.floating], faces: npt.NDArray[np.integer]) -> Mesh:
    """Mesh of arrays that came out of a file.

    Parameters
    ----------
    place
        File and object, for the message.
    vertices
        (n, 3) float.
    faces
        (m, 3) integer of any width.

    Raises
    ------
    MeshError
        No triangles, too many, a coordinate that is not a finite number, or a face beyond the vertices.
    """
    if vertices.ndim != 2 or vertices.shape[1:] != (3,) or faces.ndim != 2 or faces.shape[1:] != (3,):
        raise MeshError(f"{place}: {vertices.shape} vertices and {faces.shape} faces are no triangle mesh")
    if not len(faces):
        raise MeshError(f"{place}: holds no triangles; export the segmentation's surface again")
    if len(faces) > MAX_TRIANGLES:
        raise MeshError(f"{place}: {len(faces)} triangles are more than the {MAX_TRIANGLES} allowed; reduce the mesh")
    lowest, highest = int(faces.min()), int(faces.max())
    if lowest < 0 or highest >= len(vertices):
        bad = int(np.flatnonzero((faces < 0).any(axis=1) | (faces >= len(vertices)).any(axis=1))[0])
        raise MeshError(
            f"{place}: triangle {bad} refers to vertex {highest if highest >= len(vertices) else lowest}, "
            f"but there are {len(vertices)} vertices (counted from 0); the file is damaged, export it again"
        )
    check_finite(place, vertices)
    return Mesh(np.asarray(vertices, np.float64), np.asarray(faces, np.int32))


def check_finite(place: str, vertices: npt.NDArray[np.floating]) -> None:
    """MeshError if one of the (n, 3) ``vertices`` is not a finite number, or too large to be a length."""
    with np.errstate(over="ignore", invalid="ignore"):
        fine = np.abs(vertices) < 1e9  # false for nan and inf too; 1e9 of any unit is no anatomy
    if fine.all():
        return
    bad = int(np.flatnonzero(~fine.all(axis=-1))[0])
    values = ", ".join(f"{value:g}" for value in vertices[bad])
    raise MeshError(f"{place}: vertex {bad} is at ({values}), which is no place; the file is damaged, export it again")
