"""Cura's definitions: formulas worked out, values checked, definitions that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from printprep.errors import ProfileError, SliceFailed, SlicerNotFound
from printprep.slicers.cura_definitions import (
    Definitions,
    Value,
    check_value,
    complete,
    find_definitions,
    read_definitions,
    text_of,
)

SETTINGS: dict[str, Any] = {
    "machine": {
        "type": "category",
        "children": {
            "width": {"type": "float", "default_value": 0.4},
            "count": {"type": "int", "default_value": 1, "settable_per_extruder": False},
            "density": {
                "type": "float",
                "default_value": 20,
                "children": {
                    "distance": {
                        "type": "float",
                        "default_value": 2,
                        "value": "0 if density == 0 else (width * 100) / density * (2 if pattern == 'grid' else 1)",
                    }
                },
            },
            "pattern": {"type": "enum", "default_value": "grid", "options": {"grid": "Grid", "lines": "Lines"}},
            "bed": {"type": "float", "default_value": 60, "resolve": "max(extruderValues('bed'))"},
            "bed_0": {"type": "float", "default_value": 0, "value": "resolveOrValue('bed') + 5"},
            "other": {"type": "float", "default_value": 0, "value": "extruderValue(1, 'width')"},
            "on": {"type": "bool", "default_value": False, "value": "count > 1"},
        },
    }
}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    def make(settings: dict[str, Any]) -> Path:
        for name in ("fdmprinter.def.json", "fdmextruder.def.json"):
            (tmp_path / name).write_text(json.dumps({"version": 2, "settings": settings}))
        return tmp_path

    return make


@pytest.fixture
def definitions(folder: Callable[[dict[str, Any]], Path]) -> Definitions:
    return read_definitions(folder(SETTINGS))


def test_what_nobody_said_follows_from_what_was_said(definitions: Definitions) -> None:
    common, (one, other) = complete(
        definitions, {"density": 40.0, "count": 2}, [{"bed": 50.0}, {"width": 0.8, "bed": 70.0, "pattern": "lines"}]
    )
    assert (one["distance"], other["distance"]) == (2.0, 2.0)
    assert complete(definitions, {"density": 0.0}, [{}])[0]["distance"] == 0.0
    assert common["bed"] == 70.0  # one for all tools
    assert (one["bed"], other["bed"], one["bed_0"]) == (50.0, 70.0, 75.0)
    assert (one["other"], common["other"]) == (0.8, 0.8)
    assert common["on"] is True


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("widht", 0.4, "no setting 'widht'"),
        ("width", "abc", "takes a value of type float"),
        ("width", float("nan"), "takes a value of type float"),
        ("width", True, "takes a value of type float"),
        ("count", 1.5, "takes a value of type int"),
        ("on", 1, "takes a value of type bool"),
        ("pattern", "stars", "takes one of grid, lines"),
    ],
)
def test_a_value_that_the_engine_would_read_as_another_is_refused(
    key: str, value: Value, said: str, definitions: Definitions
) -> None:
    with pytest.raises(ProfileError, match=said):
        check_value(definitions, key, value)
    with pytest.raises(ProfileError, match=said):
        complete(definitions, {key: value}, [{}])


@pytest.mark.parametrize("formula", ["missing + 1", "x + 1", "1 / 0", "import os", "open('x')"])
def test_a_formula_that_makes_no_sense_is_named(formula: str, folder: Callable[[dict[str, Any]], Path]) -> None:
    settings = {"x": {"type": "float", "default_value": 0, "value": formula}}
    with pytest.raises(SliceFailed, match=r"x"):
        complete(read_definitions(folder(settings)), {}, [{}])


def test_what_is_no_definition_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fdmprinter.def.json").write_text("[]")
    with pytest.raises(SliceFailed, match="is no definition of Cura's"):
        read_definitions(tmp_path)


def test_definitions_are_found_where_the_search_path_says(
    folder: Callable[[dict[str, Any]], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CURA_ENGINE_SEARCH_PATH", f"/nowhere:{folder(SETTINGS)}")
    assert find_definitions() == tmp_path.resolve()


def test_without_definitions_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CURA_ENGINE_SEARCH_PATH", raising=False)
    monkeypatch.setattr("printprep.slicers.cura_definitions.FOLDERS", (str(tmp_path),))
    monkeypatch.setattr("printprep.slicers.cura_definitions.__file__", str(tmp_path / "a" / "b" / "c.py"))
    with pytest.raises(SlicerNotFound, match="apt-get download cura"):
        find_definitions()


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (0.2, "0.2"), (1 / 3, "0.3333333333"), (3, "3"), ([1, 2], "[1,2]"), ("a", "a")]
)
def test_values_as_text(value: Value, text: str) -> None:
    assert text_of(value) == text


def test_every_formula_of_the_real_definitions_can_be_worked_out(cura_definitions: Callable[[], Path]) -> None:
    common, (one,) = complete(
        read_definitions(cura_definitions()),
        {"layer_height": 0.2, "infill_sparse_density": 15.0, "infill_pattern": "gyroid", "line_width": 0.5},
        [{"speed_print": 40.0}],
    )
    assert len(common) > 500
    assert one["infill_line_distance"] == pytest.approx(50 / 15)
    assert (one["wall_line_width_0"], one["speed_wall_0"], common["extruders_enabled_count"]) == (0.5, 20.0, 1)
