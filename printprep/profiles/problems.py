"""What is wrong with a profile, said so that a person can mend it: file, key, value, what is allowed."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

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
    by_folded = {one.casefold(): one for one in known}
    near = [by_folded[one] for one in difflib.get_close_matches(name.casefold(), list(by_folded), n=3, cutoff=0.6)]
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
        path = tuple(str(step) for step in item["loc"])
        message = complaint(item, model, missing="nothing that is inherited says it", unsaid=frozenset({"id"}))
        yield Problem(file=origin_of(origin, path) or file, key=key_prefix + ".".join(path), message=message)


def complaint(item: ErrorDetails, model: type[BaseModel], *, missing: str, unsaid: frozenset[str] = frozenset()) -> str:
    """One thing that pydantic found, as the end of a sentence that begins with the key.

    Parameters
    ----------
    item
        Of the errors that ``model`` raised.
    missing
        What to say of a key that is missing.
    unsaid
        Keys of the model that no file says, which are not proposed.
    """
    value, context = item["input"], item.get("ctx", {})
    match item["type"]:
        case "extra_forbidden":
            known = [key for key in _keys_at(model, item["loc"][:-1]) if key not in unsaid]
            return f"is not a known key{nearest(str(item['loc'][-1]), known)}; known keys: {', '.join(known)}"
        case "missing":
            return f"is missing; {missing}"
        case "literal_error":
            allowed = str(context.get("expected", ""))
            near = nearest(str(value), re.findall(r"'([^']*)'", allowed))
            return f"is {value!r}{near}; allowed: {allowed}"
        case "value_error":
            return str(context.get("error", item["msg"]))
    said = repr(value)
    return f"is {said if len(said) <= 60 else said[:57] + '...'}: {item['msg'][:1].lower()}{item['msg'][1:]}"


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Keys that the table at ``loc`` may have."""
    kind: Any = model
    for step in loc:
        if not isinstance(step, int):  # a number is a place in a list, whose model is found already
            kind = _model_in(kind.model_fields[step].annotation)
    return [field.alias or name for name, field in kind.model_fields.items()]


def _model_in(annotation: Any) -> Any:
    """The model of an annotation such as ``Fdm | None`` or ``tuple[PartWish, ...]``."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation
    return next((m for m in map(_model_in, typing.get_args(annotation)) if hasattr(m, "model_fields")), None)
