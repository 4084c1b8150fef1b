"""PLY: ASCII and binary of both byte orders, with whatever properties beside x, y, z and the faces.

Read with numpy and nothing else: trimesh takes a file that ends early, or holds a face of two corners, for whole and
drops what does not fit without a word. Format: Greg Turk, The PLY Polygon File Format, 1994.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from printprep.errors import MeshError
from printprep.formats.colours import Colours, packed
from printprep.formats.named import NamedMesh, checked_mesh, numbers_in, whole_file
from printprep.formats.polygons import Polygons, fan, owners

TYPES: Final[dict[str, str]] = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
"""PLY's names of numbers, and numpy's."""

ORDERS: Final = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_MAX_HEADER: Final = 1 << 16
_MAX_ROWS: Final = 200_000_000
_CORNERS: Final = ("vertex_indices", "vertex_index")
Column = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class _Property:
    name: str
    kind: str  # numpy's name of its numbers
    counted: str = ""  # numpy's name of the count before a list; empty: one number


@dataclass(frozen=True, slots=True)
class _Element:
    name: str
    count: int
    properties: tuple[_Property, ...]

    @property
    def lists(self) -> int:
        return sum(bool(p.counted) for p in self.properties)


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows of an element: a column a property; of a list its numbers in one row and the lengths beside."""

    columns: dict[str, Column]
    lengths: dict[str, npt.NDArray[np.int64]]
    end: int  # where the next element begins: a byte, or a number of ASCII


def read(path: Path) -> tuple[NamedMesh, ...]:
    """The one object of a PLY file; PLY has no unit and no name.

    Raises
    ------
    MeshError
        The header is wrong, the file ends early, it holds no faces or a coordinate or corner that cannot be.
    """
    data = whole_file(path)
    order, elements, start = _header(path, data)
    body: _Body = _Ascii(path, data[start:]) if order == "" else _Binary(path, data, order)
    at = start if order else 0
    tables: dict[str, _Table] = {}
    for element in filter(lambda e: e.properties, elements):
        tables[element.name] = body.table(element, at)
        at = tables[element.name].end
    notes = [note] if (note := body.end(at)) else []
    vertices = _vertices(path, tables)
    polygons = _faces(path, tables)
    faces, fanned = fan(str(path), polygons)
    if fanned:
        notes.append(f"{fanned} faces with more than three corners were divided into triangles")
    mesh = checked_mesh(str(path), vertices, faces)
    colour, colours = _colour(tables), _colours(elements, tables, polygons)
    return (NamedMesh(name="", mesh=mesh, colour=colour, colours=colours, notes=tuple(notes)),)


def _header(path: Path, data: bytes) -> tuple[str, list[_Element], int]:
    """Byte order, elements, and where the body begins."""
    end = data.find(b"end_header", 0, _MAX_HEADER)
    if not data.startswith(b"ply") or end < 0:
        raise MeshError(f"{path}: has no PLY header (ply ... end_header); export it again")
    start = data.find(b"\n", end)
    start = len(data) if start < 0 else start + 1
    lines = data[:end].decode("ascii", errors="replace").splitlines()
    order: str | None = None
    elements: list[_Element] = []
    for number, line in enumerate(lines[1:], start=2):
        match line.split():
            case [] | ["comment" | "obj_info", *_]:
                continue
            case ["format", name, "1.0"] if name in ORDERS:
                order = ORDERS[name]
            case ["element", name, count] if count.isdecimal() and int(count) <= _MAX_ROWS:
                elements.append(_Element(name, int(count), ()))
            case ["property", "list", counted, kind, name] if {counted, kind} <= TYPES.keys() and elements:
                elements[-1] = _with(elements[-1], _Property(name, TYPES[kind], TYPES[counted]))
            case ["property", kind, name] if kind in TYPES and elements:
                elements[-1] = _with(elements[-1], _Property(name, TYPES[kind]))
            case _:
                raise MeshError(
                    f"{path}: line {number} of the header is not understood: {line[:60]!r}; export it again"
                )
    if len({element.name for element in elements}) < len(elements):
        raise MeshError(f"{path}: the header names an element twice; export it again")
    if order is None:
        raise MeshError(f"{path}: the header says no format (ascii or binary, 1.0); export it again")
    return order, elements, start


def _with(element: _Element, added: _Property) -> _Element:
    return _Element(element.name, element.count, (*element.properties, added))


class _Body(Protocol):
    """What follows the header."""

    def table(self, element: _Element, at: int) -> _Table:
        """The rows of ``element`` from ``at`` on."""

    def end(self, at: int) -> str:
        """A note on what is left from ``at`` on, or nothing; a MeshError if it may be anatomy."""


def _truncated(path: Path, element: _Element) -> MeshError:
    return MeshError(
        f"{path}: ends before its {element.count} rows of {element.name!r} do: it is truncated; copy or export it again"
    )


class _Binary:
    """Rows of bytes."""

    def __init__(self, path: Path, data: bytes, order: str) -> None:
        self.path = path
        self.data = data
        self.order = order

    def end(self, at: int) -> str:
        rest = len(self.data) - at
        return f"{rest} bytes after the last element were not read" if rest else ""

    def table(self, element: _Element, at: int) -> _Table:
        lengths = self._lengths_of_first_row(element, at)
        row = self._row(element, lengths)
        end = at + element.count * row.itemsize
        if end <= len(self.data):
            rows = np.frombuffer(self.data, row, element.count, at)
            same = all((rows[f"{name} count"] == n).all() for name, n in lengths.items())
            if same:
                columns = {p.name: rows[p.name].reshape(-1) if p.counted else rows[p.name] for p in element.properties}
                counts = {name: np.full(element.count, n) for name, n in lengths.items()}
                return _Table(columns, counts, end)
        elif not element.lists:
            raise _truncated(self.path, element)
        return self._row_by_row(element, at)

    def _row(self, element: _Element, lengths: dict[str, int]) -> np.dtype[np.void]:
        """Layout of a row whose lists have the given lengths."""
        fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
        for p in element.properties:
            if p.counted:
                fields.append((f"{p.name} count", self.order + p.counted))
                fields.append((p.name, self.order + p.kind, (lengths[p.name],)))
            else:
                fields.append((p.name, self.order + p.kind))
        try:
            return np.dtype(fields)
        except ValueError as exc:
            raise MeshError(f"{self.path}: two properties of {element.name!r} share a name; export it again") from exc

    def _lengths_of_first_row(self, element: _Element, at: int) -> dict[str, int]:
        lengths: dict[str, int] = {}
        for p in element.properties if element.count else ():
            if p.counted:
                lengths[p.name] = self._count(element, p, at)
                at += np.dtype(p.counted).itemsize + lengths[p.name] * np.dtype(p.kind).itemsize
            else:
                at += np.dtype(p.kind).itemsize
        return lengths or {p.name: 0 for p in element.properties if p.counted}

    def _count(self, element: _Element, p: _Property, at: int) -> int:
        kind = np.dtype(self.order + p.counted)
        if at + kind.itemsize > len(self.data):
            raise _truncated(self.path, element)
        count = int(np.frombuffer(self.data, kind, 1, at)[0])
        if not 0 <= count <= len(self.data):
            raise MeshError(f"{self.path}: a list of {count} numbers in {element.name!r}; the file is damaged")
        return count

    def _row_by_row(self, element: _Element, at: int) -> _Table:
        """Rows whose lists differ in length: walked once to find them, then read as blocks."""
        pieces: dict[str, list[bytes]] = {p.name: [] for p in element.properties}
        lengths: dict[str, list[int]] = {p.name: [] for p in element.properties if p.counted}
        for _ in range(element.count):
            for p in element.properties:
                many = 1
                if p.counted:
                    many = self._count(element, p, at)
                    at += np.dtype(p.counted).itemsize
                    lengths[p.name].append(many)
                size = many * np.dtype(p.kind).itemsize
                if at + size > len(self.data):
                    raise _truncated(self.path, element)
                pieces[p.name].append(self.data[at : at + size])
                at += size
        columns: dict[str, Column] = {
            p.name: np.frombuffer(b"".join(pieces[p.name]), self.order + p.kind) for p in element.properties
        }
        return _Table(columns, {name: np.array(many, np.int64) for name, many in lengths.items()}, at)


class _Ascii:
    """Rows of numbers in words."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path = path
        numbers = numbers_in(data)
        if numbers is None:
            raise MeshError(f"{path}: holds text where numbers belong; export it again")
        self.numbers = numbers

    def end(self, at: int) -> str:
        rest = len(self.numbers) - at
        if rest:
            raise MeshError(f"{self.path}: {rest} numbers follow the last row that the header counts; export it again")
        return ""

    def table(self, element: _Element, at: int) -> _Table:
        lengths: dict[str, int] = {}
        width = 0
        for p in element.properties:
            if p.counted:
                lengths[p.name] = self._count(element, at + width) if element.count else 0
                width += 1 + lengths[p.name]
            else:
                width += 1
        end = at + element.count * width
        if end <= len(self.numbers):
            rows = self.numbers[at:end].reshape(element.count, width)
            table = self._columns(element, rows, lengths, end)
            if table is not None:
                return table
        elif not element.lists:
            raise _truncated(self.path, element)
        return self._row_by_row(element, at)

    def _columns(self, element: _Element, rows: Column, lengths: dict[str, int], end: int) -> _Table | None:
        """The columns of rows of one width; None if their lists differ in length after all."""
        columns: dict[str, Column] = {}
        offset = 0
        for p in element.properties:
            if p.counted:
                if not (rows[:, offset] == lengths[p.name]).all():
                    return None
                columns[p.name] = rows[:, offset + 1 : offset + 1 + lengths[p.name]].reshape(-1)
                offset += 1 + lengths[p.name]
            else:
                columns[p.name] = rows[:, offset]
                offset += 1
        return _Table(columns, {name: np.full(element.count, many) for name, many in lengths.items()}, end)

    def _count(self, element: _Element, at: int) -> int:
        if at >= len(self.numbers):
            raise _truncated(self.path, element)
        count = float(self.numbers[at])
        if not count.is_integer() or not 0 <= count <= len(self.numbers):
            raise MeshError(f"{self.path}: a list of {count:g} numbers in {element.name!r}; the file is damaged")
        return int(count)

    def _row_by_row(self, element: _Element, at: int) -> _Table:
        pieces: dict[str, list[Column]] = {p.name: [] for p in element.properties}
        lengths: dict[str, list[int]] = {p.name: [] for p in element.properties if p.counted}
        for _ in range(element.count):
            for p in element.properties:
                many = 1
                if p.counted:
                    many = self._count(element, at)
                    at += 1
                    lengths[p.name].append(many)
                if at + many > len(self.numbers):
                    raise _truncated(self.path, element)
                pieces[p.name].append(self.numbers[at : at + many])
                at += many
        columns = {name: np.concatenate(many) if many else np.empty(0) for name, many in pieces.items()}
        return _Table(columns, {name: np.array(many, np.int64) for name, many in lengths.items()}, at)


def _vertices(path: Path, tables: dict[str, _Table]) -> npt.NDArray[np.float64]:
    table = tables.get("vertex")
    if table is None or not {"x", "y", "z"} <= table.columns.keys() or table.lengths.keys() & {"x", "y", "z"}:
        raise MeshError(f"{path}: has no element vertex with x, y and z; export it again")
    return np.stack([table.columns[axis].astype(np.float64) for axis in "xyz"], axis=1)


def _faces(path: Path, tables: dict[str, _Table]) -> Polygons:
    table = tables.get("face")
    name = next((n for n in _CORNERS if table is not None and n in table.lengths), None)
    if table is None or name is None:
        what = "is a cloud of points or strips" if table is None else "has faces without vertex_indices"
        raise MeshError(f"{path}: {what}, not a mesh of faces; export it as one")
    corners = table.columns[name]
    if corners.dtype.kind == "f":
        whole = np.isfinite(corners) & (corners == np.rint(corners)) & (np.abs(corners) < 2**40)
        if not whole.all():
            bad = corners[~whole][0]
            raise MeshError(f"{path}: a face refers to vertex {bad:g}, which is no whole number; export it again")
    return Polygons(corners.astype(np.int64), table.lengths[name])


_CHANNELS: Final = (("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
_FULL: Final = {"u1": 255.0, "u2": 65535.0, "f4": 1.0, "f8": 1.0}


def _colours(elements: Sequence[_Element], tables: dict[str, _Table], polygons: Polygons) -> Colours | None:
    """Colours of vertices and of faces: bytes of 255, shorts of 65535, fractions of 1, or of 255 if one is above 1."""
    found = {}
    for element in elements:
        kinds = {p.name: p.kind for p in element.properties if not p.counted}
        names = next((names for names in _CHANNELS if all(kinds.get(name) in _FULL for name in names)), None)
        if element.name not in ("vertex", "face") or names is None or not element.count:
            continue
        channels = [tables[element.name].columns[name].astype(np.float64) for name in names]
        full = max(_FULL[kinds[name]] for name in names)
        if full == 1.0 and any((c > 1.0).any() for c in channels):
            full = 255.0
        found[element.name] = packed(*channels, full=full)
    if not found:
        return None
    faces = found.get("face")
    return Colours(vertices=found.get("vertex"), faces=None if faces is None else faces[owners(polygons), None])


def _colour(tables: dict[str, _Table]) -> tuple[int, int, int] | None:
    """The colour of all faces, or of all vertices, if it is one."""
    for element in ("face", "vertex"):
        columns = tables[element].columns  # both are there: the mesh is made of them
        channels = [columns[c] for c in ("red", "green", "blue") if c in columns and columns[c].dtype.kind in "uf"]
        if len(channels) == 3 and all(len(c) and (c == c[0]).all() for c in channels):
            red, green, blue = (float(c[0]) for c in channels)
            if all(0 <= value <= 255 and value.is_integer() for value in (red, green, blue)):
                return int(red), int(green), int(blue)
    return None
