"""A case.toml to start from: every key with what it means, taken from the models that read it, so it cannot drift."""

from __future__ import annotations

import datetime as dt
import os
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import tomlkit
from pydantic import BaseModel

from printprep.casefile import (
    Acceptance,
    Box,
    CaseFile,
    CaseHeader,
    ConnectWish,
    Critical,
    Hollow,
    KeepOut,
    LabelWish,
    Limits,
    OrientWish,
    Paint,
    PartWish,
    Sphere,
    Split,
    SupportsWish,
)
from printprep.prepare.intake.naming import Identified
from printprep.prepare.intake.read import Survey
from printprep.prepare.intake.sizes import extent_of, proposed_unit
from printprep.profiles.load import Profiles

HEAD: Final = """\
What is asked of one print; the way to it is `printprep run` with this file, a printer and a process.
A line such as "# scale = 1.0" shows a key that may be said, with its default or an example.
Paths are relative to this file."""

EXAMPLES: Final[dict[type[BaseModel], dict[str, object]]] = {
    CaseHeader: {
        "id": "CASE-0001",
        "units": "mm",
        "deadline": dt.datetime(2030, 1, 31, 7, 0, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        "mirror": "left-right",
    },
    PartWish: {
        "name": "bone",
        "mesh": "bone.stl",
        "object": "Bone",
        "tissue": "bone",
        "side": "left",
        "material": "pla",
        "drop_below_mm3": 1.0,
        "hollow": {"wall_mm": 2.0},  # its other keys are shown below it
    },
    Hollow: {"wall_mm": 2.0, "drain_diameter_mm": 3.5, "neck_mm": 3.5, "undrainable": "fill", "infill": "lattice"},
    LabelWish: {"text": "CASE-0001 L", "height_mm": 5.0, "part": "bone"},
    ConnectWish: {"from": "tumour", "to": "bone", "diameter_mm": 3.0, "material": "pla"},
    OrientWish: {"up": [0.0, 0.0, 1.0], "choice": 2},
    Sphere: {"centre_mm": [0.0, 0.0, 0.0], "radius_mm": 5.0},
    Box: {"lower_mm": [0.0, 0.0, 0.0], "upper_mm": [10.0, 10.0, 10.0]},
    Paint: {"part": "bone", "colour": "#ff0000"},
    KeepOut: {"part": "nerve"},
    Critical: {"part": "bone"},
    SupportsWish: {"material": "bvoh"},
    Acceptance: {"code": "thin-wall", "reason": "decided with the surgeon", "part": "bone", "value": "0.8"},
}
"""What to show for keys without a default."""

_NO_PART: Final[dict[str, object]] = {key: EXAMPLES[PartWish][key] for key in ("name", "mesh")}


def case_template(folder: Path, found: Survey | None, profiles: Profiles, *, units: str | None = None) -> str:
    """Text of a case.toml in ``folder``: the objects found as parts, and every other key as a comment.

    Parameters
    ----------
    found
        The meshes; None for none, which makes an example of a part.
    units
        Of files that have none. Without it the unit that fits the anatomy is written with a word to check it, or,
        if none fits, shown as a comment.
    """
    parts = [_part_values(folder, one, found.objects) for one in found.objects] if found else [_NO_PART]
    header: dict[str, object] = {"id": found.case_id if found else EXAMPLES[CaseHeader]["id"]}
    remark = ""
    unit = units or (_proposal(found, profiles) if found else None)
    if unit is not None:
        header["units"] = unit
        remark = (
            "" if units else "proposed because it fits the anatomy's size: check it with whoever exported the files"
        )
    lines = [*(f"# {line}" for line in HEAD.splitlines()), "", "[case]"]
    lines += _keys(CaseHeader, header, {"units": remark})
    lines += ["", *_shown(Limits, "limits", "[limits]")]
    for index, values in enumerate(parts):
        lines += ["", "[[parts]]"]
        lines += _keys(PartWish, values) if index == 0 else [f"{key} = {_toml(v)}" for key, v in values.items()]
    lines += ["", *_shown(LabelWish, "label", "[label]")]
    lines += ["", *_shown(ConnectWish, "connect", "[[connect]]")]
    lines += ["", *_shown(KeepOut, "keep_out", "[[keep_out]]")]
    lines += ["", *_shown(Critical, "critical", "[[critical]]")]
    lines += ["", *_shown(OrientWish, "orient", "[orient]")]
    lines += ["", *_shown(Split, "split", "[split]")]
    lines += ["", *_shown(SupportsWish, "supports", "[supports]")]
    lines += ["", *_shown(Acceptance, "accept", "[[accept]]")]
    return "\n".join(lines) + "\n"


def _proposal(found: Survey, profiles: Profiles) -> str | None:
    unitless = [one for one in found.objects if one.asked.unit is None]
    return proposed_unit([extent_of(one, one.asked.placed(), profiles) for one in unitless])


def _part_values(folder: Path, one: Identified, everything: Sequence[Identified]) -> dict[str, object]:
    """What is known of a part, in the order of the model's keys."""
    path = one.asked.path
    values: dict[str, object] = {"name": one.name, "mesh": Path(os.path.relpath(path, folder)).as_posix()}
    if sum(other.asked.path == path for other in everything) > 1 and one.asked.names:
        values["object"] = one.asked.names[0]
    if one.tissue:
        values["tissue"] = one.tissue
    if one.side:
        values["side"] = one.side
    return values


def _keys(
    model: type[BaseModel], values: Mapping[str, object], remarks: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Every key of a table and what it means: with its value, or as a comment with its default or an example."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        allowed = _allowed(field.annotation)
        choice = f"one of {', '.join(allowed)}" if len(allowed) > 1 else ""
        meaning = "; ".join(filter(None, (field.description, choice, (remarks or {}).get(key))))
        mark, value = ("", values[key]) if key in values else ("# ", _example(model, key))
        yield f"{mark}{key} = {_toml(value)}" + (f"  # {meaning}" if meaning else "")
        if model is PartWish and key == "hollow":
            yield from (f"# #   {key}.{line.removeprefix('# ')}" for line in _keys(Hollow, {}))


def _shown(model: type[BaseModel], key: str, heading: str) -> Iterator[str]:
    """A whole table as a comment."""
    yield f"# {heading}  # {CaseFile.model_fields[key].description}"
    yield from _keys(model, {})


def _example(model: type[BaseModel], key: str) -> object:
    """What to show for a key: its default, the example, or the example of its own table."""
    shown = EXAMPLES.get(model, {})
    if key in shown:
        return shown[key]
    field = next(field for name, field in model.model_fields.items() if key in (name, field.alias))
    inner = next((a for a in (field.annotation, *typing.get_args(field.annotation)) if _is_model(a)), None)
    if inner is not None:
        shown = {name: _example(inner, name) for name in inner.model_fields}
        return {name: value for name, value in shown.items() if value is not None}
    return field.default


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _allowed(annotation: Any) -> list[str]:
    """The values of an annotation such as ``Literal["left", "right"] | None``."""
    if typing.get_origin(annotation) is typing.Literal:
        return [str(value) for value in typing.get_args(annotation)]
    return [value for inner in typing.get_args(annotation) for value in _allowed(inner)]


def _toml(value: object) -> str:
    """A value as TOML writes it, a table on one line."""
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update(value)
        return table.as_string()
    return tomlkit.item(value).as_string()
