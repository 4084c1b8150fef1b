from __future__ import annotations

import pytest

from printprep.errors import SettingNotHonoured
from printprep.slicers.honoured import compare, same


@pytest.mark.parametrize(
    ("requested", "resolved"),
    [
        ("0.20", "0.2"),
        ("215,215", "215,215"),
        ("215", "215,215"),
        ("true", "1"),
        ("15%", "15.0%"),
        ("15", "15%"),
        ("0x0,250.0x0", "0x0,250x0"),
        ('"PLA";"PETG"', "PLA;PETG"),
        ('"";""', ";"),
        ("M104 S0\\nM84", "M104 S0\\nM84"),
    ],
)
def test_the_same_value_in_other_words(requested: str, resolved: str) -> None:
    assert same(requested, resolved)


@pytest.mark.parametrize(
    ("requested", "resolved"),
    [
        ("0.2", "0.25"),
        ("215,230", "215,215"),
        ("215,215,215", "215,215"),
        ("50%", "50"),
        ("klipper", "reprap"),
        ("1", "0"),
        ("0x0,250x0", "0x0,200x0"),
        ("M104 S0\\nM84", "M104 S0"),
        ("", "1"),
    ],
)
def test_another_value(requested: str, resolved: str) -> None:
    assert not same(requested, resolved)


def test_what_was_not_honoured_is_named_key_by_key() -> None:
    requested = {"layer_height": "0.2", "gcode_flavor": "klipper", "layer_hight": "0.2"}
    with pytest.raises(SettingNotHonoured) as caught:
        compare(requested, {"layer_height": "0.20", "gcode_flavor": "reprap"}, "PrusaSlicer")
    assert "gcode_flavor: requested 'klipper', resolved 'reprap'" in str(caught.value)
    assert "layer_hight: requested '0.2', unknown to this engine" in str(caught.value)
    assert "layer_height" not in str(caught.value)


def test_settings_list_requests_and_the_engines_own_defaults() -> None:
    listed = compare({"perimeters": "3"}, {"perimeters": "3", "seam_position": "aligned"}, "PrusaSlicer")
    assert [(s.key, s.requested, s.resolved) for s in listed] == [
        ("perimeters", "3", "3"),
        ("seam_position", None, "aligned"),
    ]
