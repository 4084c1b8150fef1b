"""How many objects the components of a 3MF unfold to, counted before anybody unfolds them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final
from xml.parsers import expat

from printprep.errors import MeshError

MAX_OBJECTS: Final = 10_000
"""Objects after components are unfolded; components of components double with every level."""

MAX_DEPTH: Final = 32
"""Components inside components."""

Key = tuple[str, str]
"""Entry of the archive (empty: the same) and id of an object in it."""

_TEXT_MARKS: Final = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def check_components(path: Path) -> None:
    """Refuse a 3MF whose components refer to themselves, or unfold to more than :data:`MAX_OBJECTS`.

    Raises
    ------
    MeshError
        With the object where it happens.
    """
    children: dict[Key, list[Key]] = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            try:
                text = archive.read(entry)
            except (zipfile.BadZipFile, OSError, EOFError) as exc:
                raise MeshError(f"{path}: entry {entry.filename!r} is damaged ({exc}); export it again") from exc
            if text.startswith(_TEXT_MARKS) and (b"component" in text or b"\0c\0o\0m" in text):
                children |= _components(path, entry.filename, text)
    known: dict[Key, tuple[int, int]] = {}
    for key in children:
        _unfold(path, key, children, known, ())


def _components(path: Path, entry: str, text: bytes) -> dict[Key, list[Key]]:
    """The objects that each object of one XML entry is made of."""
    here = "/" + entry.lstrip("/")
    children: dict[Key, list[Key]] = {}
    open_object: list[Key] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        plain = {name.rpartition(":")[2]: value for name, value in attributes.items()}
        match tag.rpartition(":")[2]:
            case "object":
                open_object[:] = [(here, plain.get("id", ""))]
            case "component" if open_object:
                child = (plain.get("path", here), plain.get("objectid", ""))
                children.setdefault(open_object[0], []).append(child)

    def doctype(*_: object) -> None:
        raise MeshError(f"{path}: entry {entry!r} declares a document type, which 3MF forbids; export it again")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, LookupError, ValueError) as exc:  # LookupError: an encoding that nobody has
        raise MeshError(f"{path}: entry {entry!r} is not well-formed XML ({exc}); export it again") from exc
    return children


def _unfold(
    path: Path, key: Key, children: dict[Key, list[Key]], known: dict[Key, tuple[int, int]], above: tuple[Key, ...]
) -> tuple[int, int]:
    """Count of objects that ``key`` unfolds to, and in how many levels; each is counted once and remembered."""
    if key in known:
        return known[key]
    if key in above:
        raise MeshError(f"{path}: object {key[1]} is a component of itself; export it again")
    below = [] if len(above) > MAX_DEPTH else children.get(key, [])
    unfolded = [_unfold(path, child, children, known, (*above, key)) for child in below]
    count, depth = sum(count for count, _ in unfolded) or 1, 1 + max((depth for _, depth in unfolded), default=0)
    if depth > MAX_DEPTH or len(above) > MAX_DEPTH:
        raise MeshError(f"{path}: object {key[1]} nests components more than {MAX_DEPTH} deep; export the parts alone")
    if count > MAX_OBJECTS:
        raise MeshError(f"{path}: object {key[1]} unfolds to more than {MAX_OBJECTS} objects; export the parts alone")
    known[key] = (count, depth)
    return known[key]
