"""Expressions, and the G-code of a profile with its placeholders filled in."""

from __future__ import annotations

from typing import Any

import pytest

from printprep.errors import ProfileError
from printprep.profiles.load import Profiles
from printprep.slicers.expression import FAULTS, evaluate
from printprep.slicers.template import fill

VALUES: dict[str, Any] = {"temperature": [215, 230], "layer_num": 0, "tool": 1, "z": 20.0, "top": 360.0, "name": "PLA"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("-a / 4", -0.5),
        ("a if a > 1 else b", 2),
        ("a > 1 and b", "x"),
        ("a < 1 or b", "x"),
        ("not a", False),
        ("1 < a < 3", True),
        ("'x' in [b, 'y']", True),
        ("max(a, 5) + round(2.6)", 8),
        ("math.ceil(a + 0.1)", 3),
        ("sum(map(abs, [1, -a]))", 3),
        ("[4, 5][a - 1]", 5),
    ],
)
def test_an_expression_has_a_value(text: str, value: object) -> None:
    assert evaluate(text, {"a": 2, "b": "x"}.__getitem__) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "a.__class__",
        "(lambda: 1)()",
        "[x for x in [1]]",
        "open('/etc/passwd')",
        "math.__dict__",
        "f'{a}'",
        "a ** 9",
        "1 / 0",
        "unknown",
        "max(a, key=a)",
        "a b",
        "(" * 300 + ")" * 300,
    ],
)
def test_nothing_else_is_run(text: str) -> None:
    with pytest.raises(FAULTS):
        evaluate(text, {"a": 2}.__getitem__)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("G28 ; home", "G28 ; home\n"),
        ("M104 S{temperature[tool]}", "M104 S230\n"),
        ("G1 Z{min(z+10, top)}\n", "G1 Z30\n"),
        ("{if layer_num < 1}A{else}B{endif}", "A\n"),
        ("{if layer_num > 1}A{elsif tool == 1}B{else}C{endif}", "B\n"),
        ("{if layer_num > 1}A\n{endif}\nM84", "M84\n"),
        ("{if tool == 1}{if z > 50}A{else}B{endif}{else}C{endif}", "B\n"),
        ("{if z > 1 && !(tool == 2) || layer_num != 0}{name}{endif}", "PLA\n"),
        ("{if tool == 2}{unknown}{endif}M84", "M84\n"),
    ],
)
def test_placeholders_are_filled_in(template: str, text: str) -> None:
    assert fill(template, VALUES, "start_gcode of x") == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("M104 S{nozzle}", "nozzle is no placeholder"),
        ("{temperature[7]}", "cannot be filled in"),
        ("{if z > 1}A", "without its {endif}"),
        ("A{endif}", "without an {if}"),
        ("{z z}", "cannot be filled in"),
    ],
)
def test_what_cannot_be_filled_in_is_named(template: str, said: str) -> None:
    with pytest.raises(ProfileError, match="start_gcode of x") as caught:
        fill(template, VALUES, "start_gcode of x")
    assert said in str(caught.value)


def test_the_gcode_of_every_printer_can_be_filled_in(profiles: Profiles) -> None:
    numbers = [200] * 5
    values: dict[str, Any] = dict.fromkeys(("temperature", "first_layer_temperature", "bed_temperature"), numbers)
    values |= {"first_layer_bed_temperature": numbers, "initial_tool": 1, "next_extruder": 2, "layer_num": 3}
    values |= {"max_layer_z": 100.0, "max_print_height": 250.0}
    texts = [
        fill(text, values, f"of {printer.id}")
        for printer in profiles.printers.values()
        if printer.fdm is not None
        for text in (printer.fdm.start_gcode, printer.fdm.tool_change_gcode, printer.fdm.end_gcode)
    ]
    assert len(texts) > 6
    assert not any("{" in text for text in texts)


@pytest.mark.parametrize("text", ["'a' * 1000000000", "1000000000 * [0]", f"{'9' * 4000} * " * 10 + "1", "x + x"])
def test_no_expression_grows_without_bounds(text: str) -> None:
    long = "a" * 60_000
    with pytest.raises(ValueError, match=r"longer than|more digits"):
        evaluate(text.replace("1000000000 * [0]", "[0] * 1000000000"), {"x": long}.__getitem__)


def test_a_power_is_no_expression() -> None:
    with pytest.raises(FAULTS):
        evaluate("10**10**10", VALUES.__getitem__)


def test_short_products_and_sums_of_text_stay() -> None:
    assert evaluate("'ab' * 3 + 'c'", VALUES.__getitem__) == "abababc"
    assert evaluate("2 * 3 + 4", VALUES.__getitem__) == 10
