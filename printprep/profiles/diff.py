"""What differs between two profiles of one kind, value by value."""

from __future__ import annotations

from dataclasses import dataclass

from printprep.errors import ProfileError
from printprep.profiles.inherit import leaves
from printprep.profiles.load import Profiles
from printprep.profiles.models import Profile

IDENTITY = frozenset({"id", "name", "synonyms"})
"""Keys that differ between any two profiles and say nothing about the print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value that two profiles do not share; None where a profile does not have the key."""

    key: str  # dotted path
    a: object
    b: object
    a_from: str | None = None  # file
    b_from: str | None = None


def values(profile: Profile) -> dict[str, object]:
    """All values that a profile says, by key path, as JSON has them."""
    return {".".join(path): value for path, value in leaves(profile.model_dump(mode="json", exclude_none=True))}


def diff_profiles(profiles: Profiles, a: str, b: str) -> tuple[Difference, ...]:
    """The values in which two profiles differ, in the order of the models.

    Parameters
    ----------
    a, b
        ``kind/id``, or ``id`` where only one kind has it.

    Raises
    ------
    ProfileError
        A profile that is not there, or two of different kinds.
    """
    (kind, first), (other_kind, second) = profiles.find(a), profiles.find(b)
    if kind != other_kind:
        raise ProfileError(f"{a!r} is in {kind} and {b!r} in {other_kind}: only profiles of one kind can be compared")
    ours, theirs = values(first), values(second)
    origins = [profiles.origin(kind, p.id) for p in (first, second)]
    return tuple(
        Difference(
            key=key,
            a=ours.get(key),
            b=theirs.get(key),
            a_from=origins[0].get(key),
            b_from=origins[1].get(key),
        )
        for key in dict.fromkeys((*ours, *theirs))
        if key not in IDENTITY and ours.get(key) != theirs.get(key)
    )
