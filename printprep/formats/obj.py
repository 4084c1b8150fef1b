"""Wavefront OBJ: every object, or where there are none every group, a named mesh.

Read with numpy and nothing else: trimesh leaves out faces of two corners and takes vertex 0 for the last one without
a word. OBJ has no unit; its comments are never read, since exporters write patient names there. Format: Alias|Wavefront
Advanced Visualizer, Appendix B1. Colours come from numbers behind a vertex's coordinates (``v x y z r g b``, which many
programs write though the format has no such thing) and from the materials of faces in the libraries beside the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from printprep.errors import MeshError
from printprep.formats.colours import NONE, Colours, packed
from printprep.formats.mtl import diffuse
from printprep.formats.named import NamedMesh, checked_mesh, numbers_in, whole_file
from printprep.formats.polygons import Index, Polygons, fan, owners
from printprep.geometry.mesh import Int

_NO_SURFACE: Final = frozenset({b"vt", b"vn", b"s", b"mg", b"lod", b"bevel", b"c_interp"})
_NOT_PRINTED: Final = frozenset({b"l", b"p"})
_REST_OF_CORNER: Final = re.compile(rb"/[^ \t]*")
_MAX_LINE: Final = 1 << 20
_MAX_CORNER: Final = 1 << 40


@dataclass(slots=True)
class _Lines:
    """The lines of one object that speak of faces."""

    faces: list[bytes] = field(default_factory=list)  # corners only, as text
    numbers: list[int] = field(default_factory=list)  # of the lines, from 1
    before: list[int] = field(default_factory=list)  # vertices defined before each
    materials: list[tuple[int, bytes]] = field(default_factory=list)  # from which line on, and its name


@dataclass(slots=True)
class _Parsed:
    vertices: list[bytes] = field(default_factory=list)
    objects: dict[str, _Lines] = field(default_factory=dict)
    libraries: list[bytes] = field(default_factory=list)
    lines_and_points: int = 0


def read(path: Path) -> tuple[NamedMesh, ...]:
    """Objects of an OBJ file that have faces, by the name of their ``o``, or of their ``g`` where there is no ``o``.

    Raises
    ------
    MeshError
        With the line: a word that is not known, a coordinate that is no number, a corner that is not there.
    """
    data = whole_file(path)
    parsed = _parse(path, data)
    vertices, colours = _vertices(path, parsed.vertices)
    materials = diffuse(path, parsed.libraries) if any(o.materials for o in parsed.objects.values()) else {}
    notes: list[str] = []
    if parsed.lines_and_points:
        notes.append(f"{parsed.lines_and_points} lines and points in it are no surface and were left out")
    found = []
    for name, lines in parsed.objects.items():
        if lines.faces:
            one, polygons, used = _object(path, name, lines, vertices, tuple(notes))
            painted = _colours(colours, lines, materials, polygons, used)
            found.append(replace(one, colours=painted))
            notes = []
    if not found:
        raise MeshError(f"{path}: holds no faces; export the segmentation's surface again")
    return tuple(found)


def _parse(path: Path, data: bytes) -> _Parsed:
    """Sort the lines by what they speak of."""
    parsed = _Parsed()
    by_object = re.search(rb"(?m)^[ \t]*o[ \t]", data) is not None
    current = parsed.objects.setdefault("", _Lines())
    material = b""
    for number, line in _lines(data):
        word, _, rest = line.partition(b" ")
        if word == b"v":
            parsed.vertices.append(rest)
        elif word == b"f" or word == b"fo":
            current.faces.append(_REST_OF_CORNER.sub(b"", rest) if b"/" in rest else rest)
            current.numbers.append(number)
            current.before.append(len(parsed.vertices))
        elif word == b"o" or (word == b"g" and not by_object):
            name = rest.strip().decode("utf-8", errors="replace")
            current = parsed.objects.setdefault(name, _Lines())
            if material:
                current.materials.append((len(current.faces), material))
        elif word == b"usemtl":
            material = rest.strip()
            current.materials.append((len(current.faces), material))
        elif word == b"mtllib":
            parsed.libraries.append(rest.strip())
        elif word in _NOT_PRINTED:
            parsed.lines_and_points += 1
        elif word not in _NO_SURFACE and word != b"g":
            raise MeshError(
                f"{path}: line {number}: {word[:24].decode(errors='replace')!r} is not understood; export it again"
            )
    return parsed


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines that say something, with their numbers: no comments, blanks as one, a backslash joins the next line."""
    held = b""
    for number, raw in enumerate(data.splitlines(), start=1):
        line = held + raw.partition(b"#")[0].replace(b"\t", b" ").strip()
        held = b""
        if line.endswith(b"\\") and len(line) < _MAX_LINE:
            held = line[:-1] + b" "
        elif line:
            yield number, line


def _vertices(path: Path, lines: list[bytes]) -> tuple[npt.NDArray[np.float64], Int | None]:
    """(n, 3) coordinates without a fourth one (weight), and the colours if there are six numbers a vertex.

    Colours are of 1, or of 255 as soon as one number is above 1. Of seven numbers nobody knows which are colours.
    """
    if not lines:
        raise MeshError(f"{path}: holds no vertices; export the segmentation's surface again")
    widths = np.array([len(line.split()) for line in lines])
    numbers = numbers_in(b" ".join(lines))
    fine = (widths == widths[0]).all() and widths[0] in (3, 4, 6, 7)
    if not fine or numbers is None or len(numbers) != widths.sum():
        bad = next((k for k, w in enumerate(widths) if w != widths[0] or w < 3 or numbers_in(lines[k]) is None), 0)
        text = lines[bad][:60].decode(errors="replace")
        raise MeshError(f"{path}: vertex {bad + 1} is {text!r}, not three coordinates; export it again")
    rows = numbers.reshape(len(lines), -1)
    if widths[0] != 6:
        return rows[:, :3], None
    return rows[:, :3], packed(*rows[:, 3:].T, full=255.0 if (rows[:, 3:] > 1.0).any() else 1.0)


def _is_whole(token: bytes) -> bool:
    return len(token) <= 12 and (token.isdigit() or (token[:1] in (b"-", b"+") and token[1:].isdigit()))


def _object(
    path: Path, name: str, lines: _Lines, vertices: npt.NDArray[np.float64], notes: tuple[str, ...]
) -> tuple[NamedMesh, Polygons, Index]:
    """The object, its faces as the file has them, and which of the file's vertices are its own."""
    place = f"{path}: {name!r}" if name else str(path)
    lengths = np.array([len(line.split()) for line in lines.faces], np.int64)
    numbers = numbers_in(b" ".join(lines.faces))
    whole = numbers is not None and (np.abs(numbers) < _MAX_CORNER).all() and (numbers == np.rint(numbers)).all()
    if numbers is None or len(numbers) != lengths.sum() or not whole:
        bad = next((k for k, line in enumerate(lines.faces) if not all(map(_is_whole, line.split()))), 0)
        text = lines.faces[bad][:60].decode(errors="replace")
        raise MeshError(f"{path}: line {lines.numbers[bad]}: {text!r} are no corners of a face; export it again")
    corners = _absolute(path, numbers, lengths, lines, len(vertices))
    polygons = Polygons(corners, lengths)
    faces, fanned = fan(place, polygons)
    if fanned:
        notes = (*notes, f"{fanned} faces with more than three corners were divided into triangles")
    used, compact = np.unique(faces, return_inverse=True)
    mesh = checked_mesh(place, vertices[used], compact.reshape(-1, 3))
    return NamedMesh(name=name, mesh=mesh, notes=notes), polygons, used


def _colours(
    of_vertices: Int | None, lines: _Lines, materials: dict[bytes, int], polygons: Polygons, used: Index
) -> Colours | None:
    """What is painted on an object: its own vertices' colours, and its faces' by their materials."""
    known = [(start, materials.get(name, NONE)) for start, name in lines.materials]
    faces = None
    if any(colour != NONE for _, colour in known):
        starts = np.array([start for start, _ in known])
        each = np.array([NONE, *(colour for _, colour in known)], np.int32)
        of_line = each[np.searchsorted(starts, np.arange(len(lines.faces)), side="right")]
        faces = of_line[owners(polygons), None]
    if of_vertices is None and faces is None:
        return None
    return Colours(vertices=None if of_vertices is None else of_vertices[used], faces=faces)


def _absolute(path: Path, numbers: npt.NDArray[np.float64], lengths: Index, lines: _Lines, count: int) -> Index:
    """Corners counted from 0; in the file from 1, or backwards from the vertices defined so far."""
    corners = numbers.astype(np.int64)
    before = np.repeat(np.array(lines.before, np.int64), lengths)
    absolute = np.where(corners > 0, corners - 1, before + corners)
    wrong = (corners == 0) | (absolute < 0) | (absolute >= count)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        line = lines.numbers[int(np.searchsorted(np.cumsum(lengths), at, side="right"))]
        raise MeshError(
            f"{path}: line {line}: the face refers to vertex {corners[at]}, but there are {count}, counted from 1; "
            "the file is damaged, export it again"
        )
    return absolute
