from __future__ import annotations

import pytest

from printprep.errors import ProfileError
from printprep.profiles.diff import diff_profiles
from printprep.profiles.load import Profiles, load_profiles


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def test_the_values_that_differ_and_their_files(profiles: Profiles) -> None:
    by_key = {d.key: d for d in diff_profiles(profiles, "standard", "processes/rush")}
    height = by_key["fdm.layer_height_mm"]
    assert (height.a, height.b) == (0.2, 0.32)
    assert (height.a_from, height.b_from) == ("processes/_base.toml", "processes/rush.toml")
    assert "fdm.infill_pattern" not in by_key
    assert "name" not in by_key


def test_a_key_that_only_one_has(profiles: Profiles) -> None:
    by_key = {d.key: d for d in diff_profiles(profiles, "tpu-95a", "bvoh")}
    shore = by_key["shore"]
    assert (shore.a, shore.a_from, shore.b) == ("95A", "materials/tpu-95a.toml", None)


def test_a_profile_does_not_differ_from_itself(profiles: Profiles) -> None:
    assert diff_profiles(profiles, "virtual", "virtual") == ()


def test_two_kinds_cannot_be_compared(profiles: Profiles) -> None:
    with pytest.raises(ProfileError, match="one kind"):
        diff_profiles(profiles, "pla", "virtual")
