"""A rush that tells ahead and really slices what can matter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from printprep.lab.offers import Offer, offers
from printprep.lab.rush import settle
from printprep.lab.side_by_side import tell_all
from printprep.lab.variant import Variant, Wish
from printprep.profiles.load import load_profiles

pytestmark = pytest.mark.integration


def test_a_deadline_that_only_the_rush_process_meets(tmp_path: Path, data: Path, engine: Callable[[str], str]) -> None:
    engine("prusa-slicer")
    profiles = load_profiles()
    wish = Wish(sources=(data / "small" / "scaphoid_metres.stl",), out=tmp_path, units="m", synthetic=True)
    variants = tell_all(wish, [("ender-3", "fine"), ("ender-3", "rush")])
    assert [variant.problem for variant in variants] == [None, None]
    assert not list(tmp_path.rglob("*.gcode")), "nothing is sliced to tell"
    now = dt.datetime(2026, 11, 22, 20, 0, tzinfo=dt.UTC)

    def offered(made: Sequence[Variant]) -> tuple[Offer, ...]:
        return offers(made, {"bench": "ender-3"}, profiles, (), now)

    fine, rush = offered(variants)
    assert fine.early is not None
    assert rush.finish is not None
    assert rush.finish < fine.early
    found, choice = settle(wish, variants, offered, rush.finish + (fine.early - rush.finish) * 0.9)
    assert choice.offer is not None
    assert choice.offer.variant.process == "rush"
    assert "Steps of 0.32 mm" in choice.why
    assert [offer.variant.sliced for offer in found] == [False, True]
    (file,) = choice.offer.variant.files
    assert file.file.stat().st_size > 10_000
    assert file.cost is not None
    assert file.cost > 0
    least_s, most_s = rush.variant.range_s
    assert choice.offer.variant.estimate is not None
    assert least_s < choice.offer.variant.estimate.duration_s < most_s
