"""Inheritance: raw TOML tables, laid over each other, with the file that each value came from."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from pydantic import ValidationError

from printprep.profiles.models import Profile
from printprep.profiles.problems import KeyPath, Problem, explain, nearest, origin_of

Table = dict[str, object]

MANY_A_FILE: Final = frozenset({"tissues"})
"""Kinds with one table a profile; in the others a file is a profile."""

OWN_KEYS: Final = ("id", "synonyms")
"""What a child does not inherit from a parent of another id: what the parent is called."""

DEFAULT: Final = "(default)"
"""The origin of a value that no file says."""


class _Unresolved(Exception):  # noqa: N818 - never leaves this module
    """An ``inherits`` that leads nowhere."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(message)
        self.file = file
        self.message = message


@dataclass(frozen=True, slots=True)
class Raw:
    """A profile as one file says it."""

    file: str
    table: Table


@dataclass(frozen=True, slots=True)
class Merged:
    """A table with its inheritance resolved, and the file that each key path came from."""

    table: Table
    origin: dict[KeyPath, str]


class Shelf:
    """The raw profiles of one kind; of each id a list, the shipped one first, a lab's own last."""

    def __init__(self, kind: str, problems: list[Problem]) -> None:
        self.kind = kind
        self.problems = problems
        self.raw: dict[str, list[Raw]] = {}

    def read(self, root: Path, prefix: str) -> None:
        """Add a folder's profiles as the next layer; ``prefix`` goes before file names in messages."""
        for path in sorted((root / self.kind).glob("*.toml")):
            file = f"{prefix}{self.kind}/{path.name}"
            try:
                document = tomllib.loads(path.read_text("utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as exc:
                self.problems.append(Problem(file=file, key="", message=f"cannot be read as TOML: {exc}"))
                continue
            tables = document if self.kind in MANY_A_FILE else {path.stem: document}
            for profile_id, table in tables.items():
                self._shelve(profile_id, table, file, prefix)

    def _shelve(self, profile_id: str, table: object, file: str, prefix: str) -> None:
        stack = self.raw.setdefault(profile_id, [])
        if not isinstance(table, dict):
            message = f"is {table!r}, but a file of {self.kind} holds one table each: [{profile_id}]"
            self.problems.append(Problem(file=file, key=profile_id, message=message))
        elif stack and stack[-1].file.startswith(f"{prefix}{self.kind}/"):
            self.problems.append(Problem(file=file, key=profile_id, message=f"is already in {stack[-1].file}"))
        else:
            stack.append(Raw(file, table))

    def listed(self) -> list[str]:
        """Ids that people may use: not the bases."""
        return sorted(i for i, stack in self.raw.items() if stack and not i.startswith("_"))

    def build(self, profile_id: str, model: type[Profile]) -> tuple[Profile | None, dict[str, str]]:
        """The checked profile and the origin of its values; None and the problems noted if it is wrong."""
        file = self.raw[profile_id][-1].file
        try:
            merged = self._merge(profile_id, len(self.raw[profile_id]) - 1, ())
        except _Unresolved as exc:
            self._note(Problem(file=exc.file, key="inherits", message=exc.message))
            return None, {}
        said = merged.table.setdefault("id", profile_id)
        if said != profile_id:
            message = f"is {said!r}, but the profile is named {profile_id!r}; leave the key out"
            self.problems.append(Problem(file=file, key="id", message=message))
            return None, {}
        merged.origin.setdefault(("id",), file)
        key_prefix = f"{profile_id}." if self.kind in MANY_A_FILE else ""
        try:
            profile = model.model_validate(merged.table)
        except ValidationError as exc:
            for problem in explain(exc, model, merged.origin, file=file, key_prefix=key_prefix):
                self._note(problem)
            return None, {}
        paths = (path for path, _ in leaves(profile.model_dump(mode="json")))
        return profile, {".".join(path): origin_of(merged.origin, path) or DEFAULT for path in paths}

    def _note(self, problem: Problem) -> None:
        if problem not in self.problems:  # a broken base breaks all its children in the same way
            self.problems.append(problem)

    def _merge(self, profile_id: str, layer: int, path: tuple[tuple[str, int], ...]) -> Merged:
        """``profile_id`` as layer ``layer`` has it, parents first; ``path`` is who asked, to see a cycle."""
        raw = self.raw[profile_id][layer]
        own = dict(raw.table)
        wish = own.pop("inherits", [])
        parents = [wish] if isinstance(wish, str) else wish
        merged = Merged({}, {})
        if not isinstance(parents, list) or not all(isinstance(p, str) for p in parents):
            raise _Unresolved(raw.file, f"is {wish!r}; write an id or a list of ids")
        for parent in parents:
            below = layer - 1 if parent == profile_id else len(self.raw.get(parent, [])) - 1
            if below < 0:
                others = [i for i in self.raw if i != profile_id]
                raise _Unresolved(raw.file, f"names {parent!r}, which is not there{nearest(parent, others)}")
            if (parent, below) in (*path, (profile_id, layer)):
                circle = " -> ".join([*(i for i, _ in path), profile_id, parent])
                raise _Unresolved(raw.file, f"goes in a circle: {circle}")
            inherited = self._merge(parent, below, (*path, (profile_id, layer)))
            if parent != profile_id:
                for name in OWN_KEYS:
                    inherited.table.pop(name, None)
            _lay_over(merged, inherited.table, inherited.origin)
        _lay_over(merged, own, raw.file)
        return merged


def _lay_over(below: Merged, table: Table, origin: str | Mapping[KeyPath, str]) -> None:
    """Merge ``table`` into ``below`` in place: tables key by key, everything else replaced."""

    def lay(target: Table, table: Table, prefix: KeyPath) -> None:
        for name, value in table.items():
            path = (*prefix, name)
            if isinstance(value, dict):
                if not isinstance(target.get(name), dict):
                    target[name] = {}
                    below.origin.pop(path, None)
                lay(cast(Table, target[name]), value, path)
                continue
            target[name] = value
            for old in [k for k in below.origin if k[: len(path)] == path]:
                del below.origin[old]
            below.origin[path] = origin if isinstance(origin, str) else origin[path]

    lay(below.table, table, ())


def leaves(document: Mapping[str, object], prefix: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    """Key paths and values of a nested table; a list is one value."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from leaves(value, (*prefix, name))
        else:
            yield (*prefix, name), value
