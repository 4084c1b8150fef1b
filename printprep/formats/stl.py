"""STL: binary and ASCII, read with nothing repaired and nothing dropped in silence; written binary.

STL has no unit and no index. The corners are welded bit for bit; closer than that is the business of repair.
A binary file is 80 bytes of header, a little-endian uint32 count and 50 bytes a triangle (normal, three corners, two
spare bytes), the layout that 3D Systems published in 1989. The header is never read as a name: it is where exporters
leave patient names.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from printprep.errors import MeshError
from printprep.files import replacing
from printprep.formats.named import MAX_TRIANGLES, NamedMesh, check_finite, checked_size
from printprep.geometry.mesh import Mesh
from printprep.geometry.weld import weld

HEADER: Final = b"printprep".ljust(80)
"""The header that is written: always the same, so that it cannot tell of anybody."""

_PREAMBLE: Final = 84
_RECORD: Final = 50
_CHUNK: Final = 1 << 16  # triangles read at a time: 3.3 MB
_TEXT_CHUNK: Final = 1 << 21  # bytes of ASCII parsed at a time
_SOLID: Final = re.compile(rb"[sS][oO][lL][iI][dD]")  # no case flag, no alternatives: three times as fast
_SOLID_LINE: Final = re.compile(rb"(?i)(?:\xef\xbb\xbf)?[ \t]*(end)?[ \t]?solid\b(.*)")
_FACET_END: Final = re.compile(rb"(?i)endfacet\b")
_FACET_TOKENS: Final = 21  # facet normal x y z outer loop (vertex x y z) x 3 endloop endfacet
_WORDS: Final = {0: b"facet", 1: b"normal", 5: b"outer", 6: b"loop", 19: b"endloop", 20: b"endfacet"} | {
    7 + 4 * k: b"vertex" for k in range(3)
}
_CORNERS: Final = [7 + 4 * k + axis for k in range(3) for axis in (1, 2, 3)]


def read(path: Path) -> tuple[NamedMesh, ...]:
    """Objects of an STL file: one of a binary file, one a ``solid`` of an ASCII file.

    Raises
    ------
    MeshError
        The file is missing, empty, truncated or garbage, holds no triangles or a coordinate that is no number.
    """
    size = checked_size(path)
    try:
        with path.open("rb") as file:
            if _is_ascii(file, size):
                return tuple(_read_ascii(path, file))
            return (_read_binary(path, file, size),)
    except OSError as exc:
        raise MeshError(f"{path}: cannot be read ({exc}); check its permissions") from exc


def write(path: Path, mesh: Mesh) -> None:
    """Write ``mesh`` as binary STL with a header that says ``printprep`` and nothing else.

    Coordinates are rounded to float32: 4e-6 mm at 64 mm from the origin.
    """
    corners = mesh.triangles
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    np.divide(normals, lengths, out=normals, where=lengths > 0)
    records = np.zeros(len(mesh), np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")]))
    records["normal"] = normals
    records["corners"] = corners
    with replacing(path) as draft, draft.open("wb") as file:
        file.write(HEADER)
        file.write(struct.pack("<I", len(mesh)))
        file.write(records.data)


def _is_ascii(file: IO[bytes], size: int) -> bool:
    """Whether the open file is ASCII: it begins with ``solid`` AND its size is not that of its binary count."""
    start = file.read(1024)
    file.seek(0)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:5].lower() != b"solid":
        return False
    if size >= _PREAMBLE and size == _PREAMBLE + _RECORD * struct.unpack_from("<I", start, 80)[0]:
        return False
    # some binary exporters begin their header with "solid": text has no null bytes, a binary count or normal does
    return b"\0" not in start


def _read_binary(path: Path, file: IO[bytes], size: int) -> NamedMesh:
    if size < _PREAMBLE:
        raise MeshError(f"{path}: {size} bytes is no STL (a binary one has at least {_PREAMBLE}); export it again")
    (said,) = struct.unpack("<I", file.read(_PREAMBLE)[80:])
    count, notes = _settle_count(path, file, said, size)
    corners = np.empty((count, 36), np.uint8)
    chunk = np.empty((min(_CHUNK, count), _RECORD), np.uint8)
    for first in range(0, count, _CHUNK):
        rows = chunk[: min(_CHUNK, count - first)]
        if file.readinto(rows) != rows.nbytes:  # type: ignore[attr-defined]  # every binary file has it
            raise MeshError(f"{path}: ended while triangle {first} was read; is it still being written?")
        corners[first : first + len(rows)] = rows[:, 12:48]
    triangles = corners.view("<f4").reshape(count, 3, 3)
    _check_corners(str(path), triangles)
    return NamedMesh(name="", mesh=weld(triangles), notes=notes)


def _settle_count(path: Path, file: IO[bytes], said: int, size: int) -> tuple[int, tuple[str, ...]]:
    """Count of triangles to read, and what was odd about it; the file stands behind the preamble."""
    held, left = divmod(size - _PREAMBLE, _RECORD)
    if said > held:
        raise MeshError(
            f"{path}: the header promises {said} triangles, the file holds {held}: it is truncated or no STL; "
            "copy or export it again"
        )
    if held > MAX_TRIANGLES:
        raise MeshError(f"{path}: {held} triangles are more than the {MAX_TRIANGLES} allowed; reduce the mesh")
    if said == held:
        if not said:
            raise MeshError(f"{path}: holds no triangles; export the segmentation's surface again")
        return said, ((f"{left} bytes after the last triangle were not read",) if left else ())
    if said == 0 and left == 0:  # a writer that streams and never comes back to fill the count in
        return held, (f"the header says 0 triangles, all {held} that the file holds were read",)
    file.seek(_PREAMBLE + _RECORD * said)
    rest = file.read()
    file.seek(_PREAMBLE)
    if said and not rest.strip(b"\0"):
        return said, (f"{len(rest)} empty bytes after the last triangle were not read",)
    raise MeshError(
        f"{path}: the header says {said} triangles, the file holds {held} and {left} bytes: which is right cannot be "
        "told, and anatomy may be missing; export it again"
    )


def _check_corners(place: str, triangles: npt.NDArray[np.floating]) -> None:
    for first in range(0, len(triangles), _CHUNK):  # in pieces: no second copy of a large mesh
        piece = triangles[first : first + _CHUNK]
        if not np.isfinite(piece).all():
            bad = first + int(np.flatnonzero(~np.isfinite(piece).all(axis=(1, 2)))[0])
            raise MeshError(
                f"{place}: triangle {bad} has a coordinate that is not a number (NaN or infinite); export it again"
            )
        check_finite(f"{place}: near triangle {first}", piece.reshape(-1, 3))


def _read_ascii(path: Path, file: IO[bytes]) -> Iterator[NamedMesh]:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        name: bytes | None = None  # of the solid that is open
        after = 0  # where the line before ends
        for start, match, end in _solid_lines(text):
            if match[1] is None:
                if name is not None:
                    raise MeshError(f"{path}: {_line(text, end)}: a solid inside another; export it again")
                _no_text(path, text, after, start)
                name = match[2].strip()
            else:
                if name is None:
                    raise MeshError(f"{path}: {_line(text, end)}: endsolid without solid; export it again")
                triangles = _facets(path, text, after, start)
                yield NamedMesh(name=name.decode("utf-8", errors="replace"), mesh=weld(triangles))
                name = None
            after = end
        if name is not None:
            raise MeshError(f"{path}: the last solid has no endsolid: the file is truncated; copy or export it again")
        _no_text(path, text, after, len(text))


def _solid_lines(text: mmap.mmap) -> Iterator[tuple[int, re.Match[bytes], int]]:
    """The lines that begin or end a solid: where they start, what they say, where they end."""
    end = 0
    for hit in _SOLID.finditer(text):
        if hit.start() < end:  # the name of the solid has the word in it
            continue
        start = max(text.rfind(b"\n", end, hit.start()), text.rfind(b"\r", end, hit.start()), end - 1) + 1
        feed = text.find(b"\n", hit.end())
        stop = len(text) if feed < 0 else feed
        carriage = text.find(b"\r", hit.end(), stop)  # alone on old Macs, before the line feed on Windows
        stop = stop if carriage < 0 else carriage
        match = _SOLID_LINE.fullmatch(text[start:stop])
        if match:
            end = stop
            yield start, match, stop


def _no_text(path: Path, text: mmap.mmap, start: int, end: int) -> None:
    """MeshError if there is text outside the solids."""
    if text[start:end].strip():
        raise MeshError(f"{path}: {_line(text, start)}: text that belongs to no solid; export it again")


def _facets(path: Path, text: mmap.mmap, start: int, end: int) -> npt.NDArray[np.float64]:
    """Corners (m, 3, 3) of the facets between two bytes of ``text``, parsed piece by piece."""
    pieces: list[npt.NDArray[np.float64]] = []
    while start < end:
        stop = min(end, start + _TEXT_CHUNK)
        if stop < end:
            last = _FACET_END.search(text, stop, end)
            stop = last.end() if last else end
        if stop - start > 2 * _TEXT_CHUNK:
            raise MeshError(f"{path}: {_line(text, start)}: no endfacet in {stop - start} bytes; export it again")
        pieces.append(_parse_facets(path, text, start, stop))
        start = stop
    triangles = np.concatenate(pieces) if pieces else np.empty((0, 3, 3))
    if not len(triangles):
        raise MeshError(f"{path}: {_line(text, end)}: a solid without triangles; export the surface again")
    if len(triangles) > MAX_TRIANGLES:
        raise MeshError(f"{path}: more than {MAX_TRIANGLES} triangles; reduce the mesh")
    try:
        _check_corners(str(path), triangles)
    except MeshError as exc:
        raise MeshError(f"{exc} (of the solid that ends in {_line(text, end)})") from exc
    return triangles


def _parse_facets(path: Path, text: mmap.mmap, start: int, stop: int) -> npt.NDArray[np.float64]:
    tokens = text[start:stop].lower().split()
    whole = len(tokens) // _FACET_TOKENS * _FACET_TOKENS
    for offset, word in _WORDS.items():
        column = tokens[offset:whole:_FACET_TOKENS]
        if column.count(word) != len(column):
            bad = next(k for k, token in enumerate(column) if token != word)
            found = column[bad][:24].decode("ascii", errors="replace")
            place = f"{_line(text, start)}, facet {bad} from there"
            raise MeshError(f"{path}: {place}: {found!r} stands where {word.decode()!r} belongs; export it again")
    if whole != len(tokens):
        raise MeshError(f"{path}: {_line(text, stop)}: the facet before it is not complete; export it again")
    corners = np.empty((whole // _FACET_TOKENS, 9))
    try:
        for axis, offset in enumerate(_CORNERS):
            corners[:, axis] = list(map(float, tokens[offset::_FACET_TOKENS]))
    except ValueError as exc:
        raise MeshError(f"{path}: after {_line(text, start)}: {exc}; export it again") from exc
    return corners.reshape(-1, 3, 3)


def _line(text: mmap.mmap, position: int) -> str:
    lines = text[:position].count(b"\n") + 1
    return f"line {lines}"
