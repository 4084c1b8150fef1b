"""The page of the proofs says what three engines make of the samples; a trial makes all of it again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.proofs import ENGINES, PAGE, holding, lines_now, lines_of, made, page, proven
from tests.docs.samples import printable


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


@pytest.mark.integration
@pytest.mark.usefixtures("engines")
def test_a_small_sample_comes_out_as_the_page_says() -> None:
    (sample,) = (one for one in printable() if one.name == "superior mesenteric artery")
    now = lines_now()
    assert lines_of(proven(sample)) == {key: now[key] for key in now if key[1] == sample.name}
    assert len(ENGINES) == 3


@pytest.mark.long
@pytest.mark.usefixtures("engines")
def test_the_page_is_what_the_engines_make_now() -> None:
    known = lines_now()
    tried = {key[:2] for key in known}
    assert lines_of(made([one for one in printable() if (one.group, one.name) in tried])) == known
