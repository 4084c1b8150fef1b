"""That the page of prints told ahead is whole, and the README says of it what it says."""

from __future__ import annotations

from pathlib import Path

from tests.docs.told import HEAD, PAGE, SET, Row, is_near, summary

README = Path(__file__).parent.parent.parent / "README.md"


def cells() -> list[list[str]]:
    lines = PAGE.read_text(encoding="utf-8").removeprefix(HEAD).splitlines()
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("|")]


def test_the_page_holds_the_set_in_its_order() -> None:
    wanted = [(Path(one.file).stem, f"{one.scale}", one.printer, one.process) for one in SET]
    assert [tuple(row[:4]) for row in cells()] == wanted


def test_the_sum_below_the_table_is_the_tables() -> None:
    rows = [Row(text="", ratio=float(row[8]), held=row[10] == "yes") for row in cells()]
    assert PAGE.read_text(encoding="utf-8").endswith(summary(rows))


def test_the_readme_says_what_the_page_says() -> None:
    times, material = ([float(row[k]) for row in cells()] for k in (8, 9))
    near = sum(map(is_near, times))
    missed = sum(row[10] == "no" for row in cells())
    said = " ".join(README.read_text(encoding="utf-8").split())
    assert (
        f"[Another {len(SET)}](tests/data/samples/TOLD.md), small, took {min(times):.2f} to {max(times):.2f} times, "
        f"{near} of them within a tenth, and {missed} a little less than their range; of material they took "
        f"{min(material):.2f} to {max(material):.2f} times"
    ) in said
