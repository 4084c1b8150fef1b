"""What is wrong with a profile, said so that a person can mend it: file, key, value, what is allowed."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

KeyPath = tuple[str, ...]
"""Where a value is in a file. A tuple, since the key of an exposure, ``"0.05"``, has a dot in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a file of profiles."""

    file: str
    key: str  # dotted path inside the file; empty: the file itself
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.message}" if self.key else f"{self.file}: {self.message}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Near matches of a misspelt name as the end of a message, or nothing: ``; did you mean 'petg'?``."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


def origin_of(origin: Mapping[KeyPath, str], path: KeyPath) -> str | None:
    """File that a value, or the nearest table around it, came from."""
    while path:
        if path in origin:
            return origin[path]
        path = path[:-1]
    return None


def explain(
    error: ValidationError, model: type[BaseModel], origin: Mapping[KeyPath, str], *, file: str, key_prefix: str = ""
) -> Iterator[Problem]:
    """The problems that pydantic found, each with the file that the wrong value came from.

    Parameters
    ----------
    error
        What ``model`` raised.
    origin
        File of each value.
    file
        Of the profile itself, for what no file says, such as a missing key.
    key_prefix
        What goes before the key, for a file of many profiles.
    """
    for item in error.errors(include_url=False):
        loc = item["loc"]
        path = tuple(str(step) for step in loc)
        message = _message(item["type"], item["msg"], item["input"], item.get("ctx", {}), model, loc)
        yield Problem(file=origin_of(origin, path) or file, key=key_prefix + ".".join(path), message=message)


def _message(
    kind: str, said: str, value: Any, context: Mapping[str, Any], model: type[BaseModel], loc: tuple[int | str, ...]
) -> str:
    if kind == "extra_forbidden":
        known = _keys_at(model, loc[:-1])
        return f"is not a known key{nearest(str(loc[-1]), known)}; known keys: {', '.join(known)}"
    if kind == "missing":
        return "is missing, and nothing that is inherited says it"
    if kind == "literal_error":
        return f"is {value!r}; allowed: {context.get('expected', '')}"
    if kind == "value_error":
        return str(context.get("error", said))
    return f"is {_short(value)}: {said[:1].lower()}{said[1:]}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Keys that the table at ``loc`` may have."""
    kind: Any = model
    for step in loc:
        fields = getattr(kind, "model_fields", {})
        if step not in fields:
            return []
        kind = _model_in(fields[step].annotation)
    return [name for name in getattr(kind, "model_fields", {}) if name != "id"]


def _model_in(annotation: Any) -> Any:
    """The model of an annotation such as ``Fdm | None``."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return next((a for a in typing.get_args(annotation) if hasattr(a, "model_fields")), None)
    return annotation
