from __future__ import annotations

import pytest

from printprep.gcode.beads import ROLES
from printprep.report.feature_colours import COLOURS, name_of


@pytest.mark.parametrize(
    ("prusa", "orca", "cura"),
    [
        ("External perimeter", "Outer wall", "WALL-OUTER"),
        ("Perimeter", "Inner wall", "WALL-INNER"),
        ("Internal infill", "Sparse infill", "FILL"),
        ("Solid infill", "Internal solid infill", "SKIN"),
        ("Support material", "Support", "SUPPORT"),
        ("Skirt/Brim", "Brim", "SKIRT"),
    ],
)
def test_engines_share_names(prusa: str, orca: str, cura: str) -> None:
    assert {name_of(prusa), name_of(orca), name_of(cura)} == {prusa}


def test_every_role_of_a_line_has_a_colour() -> None:
    assert {name for name in ROLES if name_of(name) == "other"} == {"custom", "start", "end"}
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert name_of("") == "other"


def test_slic3r_calls_all_filling_infill() -> None:
    assert name_of("Infill") == "Internal infill"
