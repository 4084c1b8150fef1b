from __future__ import annotations

import pytest

from printprep.errors import InputError, NotAllowed
from printprep.lab.places import check_place, own_printers

LAB = {"virtual": "virtual", "xl-1": "prusa-xl"}


def check(printer: str, made_for: str | None = None) -> None:
    check_place(LAB, printer, made_for, profiles=lambda: ("virtual", "prusa-xl", "ender-3"))


@pytest.mark.parametrize(
    ("printer", "made_for"),
    [("xl-1", "prusa-xl"), ("xl-1", None), ("ender-3", "ender-3"), ("virtual", "prusa-xl")],
)
def test_places_that_a_file_may_go(printer: str, made_for: str | None) -> None:
    check(printer, made_for)


def test_a_file_for_another_kind_of_printer() -> None:
    with pytest.raises(NotAllowed, match=r"made for ender-3 and xl-1 is a prusa-xl; slice it again with --printer"):
        check("xl-1", "ender-3")


def test_a_printer_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"'xl-2'; did you mean xl-1\?"):
        check("xl-2")
    with pytest.raises(InputError, match="known are virtual, xl-1"):
        check("zzz")


def test_the_virtual_printer_that_every_lab_has_is_not_its_own() -> None:
    assert own_printers(LAB) == {"xl-1": "prusa-xl"}
