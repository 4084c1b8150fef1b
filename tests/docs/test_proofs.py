"""The page of the proofs says what three engines make of the samples; a trial makes all of it again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.proofs import ENGINES, PAGE, Key, holding, lines_now, lines_of, page, proven
from tests.docs.samples import printable

SMALL = ("Aortic dissection", "superior mesenteric artery")


@pytest.fixture
def engines(engine: Callable[[str], str], cura_definitions: Callable[[], Path]) -> None:
    for name in ("prusa-slicer", "CuraEngine", "slic3r"):
        engine(name)
    cura_definitions()


def test_every_file_holds_its_parts_or_the_page_names_what_is_lost() -> None:
    lines = lines_now()
    assert lines
    known = {(sample.group, sample.name) for sample in printable()}
    assert {key[:2] for key in lines} <= known
    for key, line in lines.items():
        for cell, holds in zip(line.strip("|").split("|")[3:], holding(line), strict=True):
            assert holds or re.search(r"`[a-z-]+`|refused: ", cell), key
    assert page(lines).rstrip("\n") == PAGE.read_text("utf-8").rstrip("\n")


def test_what_was_not_tried_is_said() -> None:
    lines = lines_now()
    group, name, _ = next(iter(lines))
    left = {key: line for key, line in lines.items() if key[:2] != (group, name) or key[2] == "CuraEngine"}
    (said,) = (line for line in page(left).splitlines() if line.startswith("Not yet tried by PrusaSlicer and Slic3r: "))
    assert f"{group}, {name}" in said


@pytest.mark.integration
@pytest.mark.usefixtures("engines")
def test_a_small_sample_comes_out_as_the_page_says() -> None:
    assert len(_as_the_page_says(SMALL)) == len(ENGINES) == 3


@pytest.mark.long
@pytest.mark.usefixtures("engines")
@pytest.mark.parametrize("which", dict.fromkeys(key[:2] for key in lines_now()), ids=": ".join)
def test_a_sample_comes_out_as_the_page_says(which: tuple[str, str]) -> None:
    """One test a sample, so that a trial can be taken up at any of them."""
    assert _as_the_page_says(which)


def _as_the_page_says(which: tuple[str, str]) -> dict[Key, str]:
    """The lines of the page about a sample, by group and name: they are those that the engines make of it now."""
    known = {key: line for key, line in lines_now().items() if key[:2] == which}
    (sample,) = (one for one in printable() if (one.group, one.name) == which)
    made = lines_of(proven(sample))
    assert {key: made[key] for key in known} == known
    return known
