"""The page of the samples says what becomes of them; a trial makes all of it again."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cv2
import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "tests" / "data" / "samples" / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def made() -> Iterator[ModuleType]:
    """The module that ``make samples`` runs, where the processes that it starts find it by its name, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        yield importlib.import_module("samples")


def rows() -> dict[tuple[str, str], str]:
    """Lines of the tables by group and sample."""
    found: dict[tuple[str, str], str] = {}
    group = ""
    for line in PAGE.splitlines():
        if line.startswith("## "):
            group = line[3:]
        elif line.startswith("| ") and not line.startswith(("| sample", "| ---")):
            found[group, line.split(" | ")[0].removeprefix("| ")] = line
    return found


def test_every_sample_has_its_row_and_every_group_its_picture(made: ModuleType) -> None:
    known = rows()
    assert {(sample.group, sample.name) for sample in made.samples()} <= set(known)
    for name in re.findall(r"\]\((pictures/[\w-]+\.png)\)", PAGE):
        image = cv2.imread(str(ROOT / "tests" / "data" / "samples" / name))
        assert image is not None
        assert min(image.shape[:2]) > 100


def test_every_row_is_a_solid_within_the_limits_or_a_refusal_with_its_code() -> None:
    for (group, name), line in rows().items():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        outcome, far, p95 = cells[3:6]
        if outcome.startswith("refused"):
            assert re.search(r"`[a-z-]+`", outcome), (group, name)
        else:
            assert "solid" in outcome, (group, name)
            assert float(far) <= 0.5, (group, name)
            assert float(p95) <= 0.2, (group, name)


@pytest.mark.parametrize("name", ["scaphoid metres", "jaw metres", "papillary muscle of heart pos"])
def test_a_few_rows_are_what_the_code_makes_now(made: ModuleType, name: str) -> None:
    (sample,) = (sample for sample in made.samples() if sample.name == name)
    assert made._line(made.prepared(sample)) == rows()[sample.group, name]


@pytest.mark.long
def test_the_page_is_what_the_code_makes_now(made: ModuleType) -> None:
    assert made.page(made.made()) == PAGE.rstrip("\n")
