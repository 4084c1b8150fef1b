"""Cura's definitions: every setting that CuraEngine knows, with its type, bounds, default and formula.

CuraEngine knows no formula: whoever starts it says every value. Cura's window works out the hundreds that nobody said
(the distance of infill lines from the density, the speed of a first layer from that of the others) from formulas in its
definitions, short Python expressions; so does this module, without running them as Python: names, numbers, comparisons
and a dozen functions, nothing else.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from printprep.errors import ProfileError, SliceFailed, SlicerNotFound
from printprep.slicers.expression import FAULTS, FUNCTIONS, evaluate

MACHINE: Final = "fdmprinter.def.json"
EXTRUDER: Final = "fdmextruder.def.json"
HOW_TO_GET: Final = "get them with: apt-get download cura && dpkg-deb -x cura_*.deb .cache/cura"
_SEARCH: Final = "CURA_ENGINE_SEARCH_PATH"
FOLDERS: Final = ("/usr/share/cura/resources/definitions", ".cache/cura/usr/share/cura/resources/definitions")

Value = bool | int | float | str | list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One setting."""

    key: str
    type: str  # float, int, bool, enum, str, [int], polygon, polygons, extruder, optional_extruder
    default: Value
    formula: str | None
    resolve: str | None  # formula of the one value for all tools
    options: tuple[str, ...]  # of an enum
    per_tool: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """All settings, by key."""

    version: int  # of the definitions' own format
    settings: Mapping[str, Definition] = field(default_factory=dict)


def find_definitions() -> Path:
    """The folder of Cura's machine definitions.

    Looked for in the folders of ``CURA_ENGINE_SEARCH_PATH``, where Cura's package puts them, and where it was unpacked.

    Raises
    ------
    SlicerNotFound
        They are not there; without them CuraEngine would end with exit code 0 and wrong diameters.
    """
    named = [Path(folder) for folder in os.environ.get(_SEARCH, "").split(":") if folder]
    beside = Path(__file__).parents[2] / FOLDERS[-1]
    for folder in (*named, *(Path(folder) for folder in FOLDERS), beside):
        if (folder / MACHINE).is_file():
            return folder.resolve()
    raise SlicerNotFound(f"CuraEngine's machine definitions ({MACHINE}) are not here; {HOW_TO_GET}")


@cache
def read_definitions(folder: Path) -> Definitions:
    """Read the definitions of a machine and of its extruder.

    Raises
    ------
    SliceFailed
        They are no definitions.
    """
    found: dict[str, Definition] = {}
    version = 0
    for name in (MACHINE, EXTRUDER):
        try:
            document = json.loads((folder / name).read_text(encoding="utf-8"))
            version = max(version, int(document["version"]))
            _gather(document["settings"], found)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise SliceFailed(f"{folder / name} is no definition of Cura's; {HOW_TO_GET}") from exc
    return Definitions(version=version, settings=found)


def _gather(settings: Mapping[str, Any], found: dict[str, Definition]) -> None:
    for key, row in settings.items():
        if row["type"] != "category" and key not in found:
            found[key] = Definition(
                key=key,
                type=row["type"],
                default=row["default_value"],
                formula=_formula(row.get("value")),
                resolve=_formula(row.get("resolve")),
                options=tuple(row.get("options", ())),
                per_tool=bool(row.get("settable_per_extruder", True)),
            )
        _gather(row.get("children", {}), found)


def _formula(said: Any) -> str | None:
    return None if said is None else str(said).strip()


def check_value(definitions: Definitions, key: str, value: Value) -> None:
    """Check that CuraEngine has a setting of that name and reads ``value`` as what it is; it would take 0 for it.

    Raises
    ------
    ProfileError
        It does not; the message says what it would take.
    """
    row = definitions.settings.get(key)
    if row is None:
        raise ProfileError(f"CuraEngine has no setting {key!r}; correct the profile's [slicer.curaengine]")
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    whole = number and float(value) == int(value)  # type: ignore[arg-type]
    right = {
        "bool": isinstance(value, bool),
        "float": number,
        "int": whole,
        "extruder": whole,
        "optional_extruder": whole,
        "enum": isinstance(value, str) and value in row.options,
    }.get(row.type, isinstance(value, str | list))
    if not right:
        wants = f"one of {', '.join(row.options)}" if row.type == "enum" else f"a value of type {row.type}"
        raise ProfileError(f"CuraEngine's setting {key} is {value!r}; it takes {wants}. Correct the profile")


def text_of(value: Value) -> str:
    """A value as CuraEngine's command line wants it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":"))
    return str(value)


def complete(
    definitions: Definitions, common: Mapping[str, Value], tools: Sequence[Mapping[str, Value]]
) -> tuple[dict[str, Value], list[dict[str, Value]]]:
    """Every setting for all and for each tool, worked out from those that were said.

    Parameters
    ----------
    definitions
        Of the machine.
    common
        What was said for all tools.
    tools
        What was said for each tool, which wins over ``common`` for it.

    Raises
    ------
    ProfileError
        A key or value that CuraEngine does not know.
    SliceFailed
        A formula of the definitions cannot be worked out.
    """
    for said in (common, *tools):
        for key, value in said.items():
            check_value(definitions, key, value)
    book = _Book(definitions, common, tools)
    whole = {key: book.value(key, None) for key in definitions.settings}
    each = [{key: book.value(key, tool) for key in definitions.settings} for tool in range(len(tools))]
    return whole, each


_DEEPEST: Final = 200  # formulas that ask for each other


class _Book:
    """Values by key and tool, each worked out once; tool None is for all tools."""

    def __init__(
        self, definitions: Definitions, common: Mapping[str, Value], tools: Sequence[Mapping[str, Value]]
    ) -> None:
        self._definitions, self._common, self._tools = definitions, common, tools
        self._known: dict[tuple[str, int | None], Any] = {}
        self._open: list[tuple[str, int | None]] = []

    def value(self, key: str, tool: int | None) -> Any:
        row = self._definitions.settings.get(key)
        if row is None:
            raise SliceFailed(f"Cura's definitions ask for a setting {key!r} that they do not have; {HOW_TO_GET}")
        if not row.per_tool:
            tool = None
        place = key, tool
        if place not in self._known:
            if place in self._open or len(self._open) > _DEEPEST:
                raise SliceFailed(f"Cura's definitions work out {key} from itself; {HOW_TO_GET}")
            self._open.append(place)
            self._known[place] = self._worked_out(row, tool)
            self._open.pop()
        return self._known[place]

    def _worked_out(self, row: Definition, tool: int | None) -> Any:
        if tool is not None and row.key in self._tools[tool]:
            return self._tools[tool][row.key]
        if row.key in self._common:
            return self._common[row.key]
        formula = row.resolve if tool is None and row.resolve and row.per_tool and self._tools else row.formula
        if formula is None:
            return row.default
        try:
            found = evaluate(
                formula.replace("\n", " "), lambda key: self.value(key, tool), {**FUNCTIONS, **self._calls()}
            )
        except FAULTS as exc:
            raise SliceFailed(f"Cura's formula of {row.key}, {formula!r}, cannot be worked out: {exc}") from exc
        return _as(row.type, found)

    def _calls(self) -> dict[str, Callable[..., Any]]:
        """The functions of Cura's window that formulas call. A tool of -1 is whichever prints."""
        last = len(self._tools) - 1
        return {
            "defaultExtruderPosition": lambda: "0",
            "extruderValue": lambda asked, key: self.value(key, min(max(int(asked), 0), last)),
            "extruderValues": lambda key: [self.value(key, k) for k in range(last + 1)],
            "resolveOrValue": lambda key: self.value(key, None),
        }


def _as(kind: str, value: Any) -> Any:
    """A value that was worked out, as its type."""
    if kind == "bool":
        return bool(value)
    if kind in ("int", "extruder", "optional_extruder"):
        return int(value)
    return float(value) if kind == "float" else value
