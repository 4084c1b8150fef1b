"""A rush that really slices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from printprep.lab.rush import Wish, choose, estimate_all, offers
from printprep.profiles.load import load_profiles

pytestmark = pytest.mark.integration


def test_a_deadline_that_only_the_rush_process_meets(tmp_path: Path, data: Path, engine: Callable[[str], str]) -> None:
    engine("prusa-slicer")
    profiles = load_profiles()
    wish = Wish(sources=(data / "small" / "scaphoid_metres.stl",), out=tmp_path, units="m")
    variants = estimate_all(wish, [("ender-3", "fine"), ("ender-3", "rush")])
    assert [variant.problem for variant in variants] == [None, None]
    now = dt.datetime(2026, 11, 22, 20, 0, tzinfo=dt.UTC)
    found = offers(variants, {"bench": "ender-3"}, profiles, (), now)
    fine, rush = found
    assert fine.finish is not None
    assert rush.finish is not None
    choice = choose(found, rush.finish + (fine.finish - rush.finish) / 2)
    assert choice.offer is rush
    assert "Steps of 0.32 mm" in choice.why
    for variant in variants:
        (file,) = variant.files
        assert file.file.stat().st_size > 10_000
        assert file.cost is not None
        assert file.cost > 0
    late = choose(found, rush.finish - dt.timedelta(minutes=7))
    assert late.offer is None
    assert late.missed_by_s == pytest.approx(420)
