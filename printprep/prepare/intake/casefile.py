"""case.toml at the door: read, checked, and every complaint with file, key, value and what is allowed."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from printprep.casefile import CaseFile, CaseHeader, ConnectWish, Zone
from printprep.errors import CaseError
from printprep.profiles.problems import complaint, nearest

FILE_NAME: Final = "case.toml"

PART_NAME: Final = re.compile(r"\w[\w .+-]*")
"""What a part may be called: its name travels in G-code comments, so no quote, semicolon or line break."""

Location = tuple[int | str, ...]


def read_case_file(path: Path) -> CaseFile:
    """A case.toml, checked.

    Raises
    ------
    CaseError
        It cannot be read, is no TOML (with the line), or says what it may not: every complaint on a line of its own
        with the key and what is allowed there.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as exc:
        raise CaseError(f"{path}: is not TOML: {exc}") from exc
    except UnicodeDecodeError as exc:
        raise CaseError(f"{path}: is not UTF-8 text (byte {exc.start}); save it as UTF-8") from exc
    except OSError as exc:
        raise CaseError(f"{path}: cannot be read ({exc.strerror}); check the path and its permissions") from exc
    try:
        case = CaseFile.model_validate(document)
    except ValidationError as exc:
        raise CaseError("\n".join(f"{path}: {line}" for line in complaints(exc, CaseFile))) from exc
    wrong = [f"{path}: {line}" for line in _contradictions(case)]
    if wrong:
        raise CaseError("\n".join(wrong))
    return case


def checked_header(**values: object) -> CaseHeader:
    """The header of a case that has no case.toml, from what the command line says.

    Raises
    ------
    CaseError
        A value that a ``[case]`` table could not have either.
    """
    try:
        return CaseHeader.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as exc:
        raise CaseError("\n".join(f"the case's {line}" for line in complaints(exc, CaseHeader))) from exc


def complaints(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """What pydantic found, one sentence each: key path, value, what is allowed, near matches of a misspelt key."""
    items = error.errors(include_url=False)
    for item in items:
        if item["type"] == "too_short" and any(_within(other["loc"], item["loc"]) for other in items):
            continue  # a list is short of what is wrong in it, which is said
        said = complaint(item, model, missing="`printprep case new` writes a file that says what goes there")
        yield f"{_key_path(item['loc'])}: {said}"


def _within(inner: Location, outer: Location) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _contradictions(case: CaseFile) -> Iterator[str]:
    """What each value may be alone and all together may not."""
    if case.case.deadline is not None and case.case.deadline.tzinfo is None:
        yield f"case.deadline: is {case.case.deadline.isoformat()}: add the offset from UTC, such as +01:00"
    for index, part in enumerate(case.parts):
        if not PART_NAME.fullmatch(part.name):
            yield f"parts[{index}].name: is {part.name!r}: use letters, digits, blank, dot, plus, minus, underscore"
        for name, count in Counter(part.object or ()).items():
            if count > 1:
                yield f"parts[{index}].object: names {name!r} {count} times; name each object once"
    for name, count in Counter(part.name for part in case.parts).items():
        if count > 1:
            indices = ", ".join(f"parts[{k}]" for k, part in enumerate(case.parts) if part.name == name)
            yield f"parts: {count} parts are called {name!r} ({indices}); a name stands for one part"
    yield from _wrong_names(case)
    for kind, zones in (("keep_out", case.keep_out), ("critical", case.critical)):
        for index, zone in enumerate(zones):
            wrong = _wrong_zone(zone)
            if wrong:
                yield f"{kind}[{index}]{wrong}"


def _wrong_names(case: CaseFile) -> Iterator[str]:
    """Wishes for parts that are not there, or that may not be touched."""
    parts = {part.name: part for part in case.parts}
    named = [(f"connect[{k}].{key}", name) for k, w in enumerate(case.connect) for key, name in _ends(w).items()]
    if case.label is not None and case.label.part is not None:
        named.append(("label.part", case.label.part))
    for key, name in named:
        if name not in parts:
            yield f"{key}: there is no part {name!r}{nearest(name, list(parts))}; the parts: {', '.join(parts)}"
        elif key == "label.part" and parts[name].critical:
            yield f'{key}: part {name!r} is critical, which keeps it free of marks; name another, or style = "tab"'


def _ends(wish: ConnectWish) -> dict[str, str]:
    return {"from": wish.from_part, "to": wish.to}


def _wrong_zone(zone: Zone) -> str:
    """What is wrong with a zone, behind its key; parts and paint are looked for when the meshes are read."""
    said = [key for key in Zone.model_fields if getattr(zone, key) is not None]
    if len(said) != 1:
        return (
            ': say either sphere = {centre_mm, radius_mm}, box = {lower_mm, upper_mm}, part = "name" or '
            f"paint = {{part, colour}}, one of them{f', not {chr(32).join(said)}' if said else ''}"
        )
    if zone.box is not None and any(a >= b for a, b in zip(zone.box.lower_mm, zone.box.upper_mm, strict=True)):
        return f".box: lower_mm {zone.box.lower_mm} is not below upper_mm {zone.box.upper_mm} on every axis"
    return ""


def _key_path(location: Location) -> str:
    """``("parts", 1, "side")`` as ``parts[1].side``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text.removeprefix(".")
