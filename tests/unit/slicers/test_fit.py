from __future__ import annotations

from collections.abc import Callable

import pytest

from printprep.case import Severity
from printprep.errors import DoesNotFit
from printprep.geometry.mesh import Mesh
from printprep.profiles.load import Profiles
from printprep.profiles.models import Bed
from printprep.profiles.tower import tower_depth_mm, tower_size
from printprep.slicers.fit import check_fits, open_parts, place_tower

Cube = Callable[[float, tuple[float, float, float]], Mesh]
BED = Bed(width_mm=100, depth_mm=80, height_mm=50)


@pytest.mark.parametrize(
    ("corner_mm", "said"),
    [
        ((-1, 10, 0), "x = -1.0 to 9.0"),
        ((91, 10, 0), "x = 91.0 to 101.0"),
        ((10, 71, 0), "y = 71.0 to 81.0"),
        ((10, 10, 41), "z = 41.0 to 51.0"),
        ((10, 10, -1), "z = -1.0 to 9.0"),
        ((10, 10, 1), "floats 1.00 mm"),
    ],
)
def test_what_is_outside_of_the_printer_is_refused_with_its_place(
    corner_mm: tuple[float, float, float], said: str, cube: Cube
) -> None:
    with pytest.raises(DoesNotFit, match=said):
        check_fits({"bone": cube(10, corner_mm)}, BED)


def test_a_brim_needs_room_on_the_bed_but_not_above(cube: Cube) -> None:
    check_fits({"bone": cube(50, (0, 0, 0))}, BED)
    with pytest.raises(DoesNotFit, match="with a brim of 3 mm"):
        check_fits({"bone": cube(50, (2, 10, 0))}, BED, margin_mm=3)


def test_a_hole_and_a_flipped_face_are_found_and_a_closed_part_is_not(cube: Cube) -> None:
    whole = cube(10, (0, 0, 0))
    holed = Mesh(whole.vertices, whole.faces[1:])
    flipped = whole.faces.copy()
    flipped[0] = flipped[0][::-1]
    found = open_parts({"whole": whole, "holed": holed, "flipped": Mesh(whole.vertices, flipped)})
    assert [(f.part, f.value, f.severity) for f in found] == [
        ("holed", 3, Severity.ERROR),
        ("flipped", 3, Severity.ERROR),
    ]


def test_a_tower_stands_beside_the_parts_and_off_the_keep_outs(profiles: Profiles, cube: Cube) -> None:
    printer, process = profiles.printer("prusa-xl"), profiles.process("standard").fdm
    assert printer.fdm is not None
    body = cube(100, (130, 130, 0))
    size = tower_size(printer.fdm, process, 5)
    assert size is not None
    tower = place_tower([body], printer.bed, process, size)
    low = (tower.x_mm - 2, tower.y_mm - 2)
    high = (tower.x_mm + size.width_mm + 2, tower.y_mm + size.depth_mm + 2)
    assert low[0] >= 0
    assert low[1] >= 5
    assert max(high) <= 360
    assert high[0] <= 125 or low[0] >= 235 or high[1] <= 125 or low[1] >= 235
    assert tower.holds(*low, *high)
    assert not tower.holds(*low, high[0] + 1, high[1])
    assert not tower.holds(*low, high[0], high[1] + 1)


def test_no_room_for_a_tower_says_what_to_do(profiles: Profiles, cube: Cube) -> None:
    printer, process = profiles.printer("prusa-mk4-mmu3"), profiles.process("standard").fdm
    assert printer.fdm is not None
    size = tower_size(printer.fdm, process, 2)
    assert size is not None
    with pytest.raises(DoesNotFit, match=r"wipe tower of 60 x 21 mm .* fewer tools"):
        place_tower([cube(205, (20, 2, 0))], printer.bed, process, size)


def test_more_purge_and_more_tools_make_a_deeper_tower_and_a_wider_one_is_less_deep(profiles: Profiles) -> None:
    process = profiles.process("standard").fdm
    xl, mmu = (profiles.printer(p).fdm for p in ("prusa-xl", "prusa-mk4-mmu3"))
    assert xl is not None
    assert mmu is not None
    assert (
        tower_depth_mm(mmu, process, 3, 60) > tower_depth_mm(mmu, process, 2, 60) > tower_depth_mm(xl, process, 2, 60)
    )
    assert tower_depth_mm(mmu, process, 5, 100) < tower_depth_mm(mmu, process, 5, 55)
