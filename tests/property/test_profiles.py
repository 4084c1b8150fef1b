"""Names may be anything; what comes out of them may only be anatomy."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from printprep.profiles.load import load_profiles
from printprep.profiles.names import LETTERS, PLACES, SIDES, words_in

PROFILES = load_profiles()
ANATOMY = {word for t in PROFILES.tissues.values() for name in (t.id, *t.synonyms) for word in words_in(name)}
SYNONYMS = sorted(s for t in PROFILES.tissues.values() for s in t.synonyms)


@given(st.text(max_size=60))
def test_no_name_crashes_and_nothing_but_anatomy_comes_out(name: str) -> None:
    tissue, side = PROFILES.tissue_for(name)
    assert tissue is None or tissue in PROFILES.tissues
    assert side in (None, "left", "right")
    canonical = PROFILES.canonical_name(name)
    assert (canonical is None) == (tissue is None)
    for word in (canonical or "").split("-"):
        known = word in ANATOMY | PLACES | set(SIDES) | set(LETTERS)
        assert known or word == "" or re.fullmatch(r"[ctls]?\d{1,2}", word)


@settings(max_examples=60)
@given(st.sampled_from(SYNONYMS), st.sampled_from(["left", "right"]), st.sampled_from(["_", " ", "-", "."]))
def test_separators_and_capitals_do_not_matter(synonym: str, side: str, separator: str) -> None:
    plain = PROFILES.tissue_for(f"{synonym} {side}")
    assert PROFILES.tissue_for(f"{synonym} {side}".title().replace(" ", separator)) == plain
    canonical = PROFILES.canonical_name(f"{synonym} {side}")
    assert canonical is not None
    assert PROFILES.canonical_name(canonical) == canonical
    assert PROFILES.tissue_for(canonical) == plain
