"""Where a job may go: the lab's registered printers, and kinds of printers that are still to be set up."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from printprep.errors import InputError, NotAllowed
from printprep.printers.registry import VIRTUAL, load_printers

ANYTHING: Final = VIRTUAL.profile
"""Profile of a printer that takes files made for any other: nothing can break."""


def registered_printers() -> dict[str, str]:
    """The lab's printers: name to id of its profile."""
    return {name: printer.profile for name, printer in load_printers().items()}


def own_printers(registered: Mapping[str, str]) -> dict[str, str]:
    """Of the lab's printers those that it has set up itself, without the virtual one that every lab has."""
    return {name: profile for name, profile in registered.items() if name != VIRTUAL.name}


def profile_ids() -> tuple[str, ...]:
    """Ids of all printer profiles."""
    from printprep.profiles.load import load_profiles  # only read when a name is not registered

    return tuple(load_profiles().printers)


def check_place(
    registered: Mapping[str, str],
    printer: str,
    made_for: str | None = None,
    *,
    profiles: Callable[[], Iterable[str]] = profile_ids,
) -> None:
    """Make sure that a job may be queued on ``printer``.

    Parameters
    ----------
    registered : mapping
        The lab's printers, name to profile.
    printer : str
        Name in the lab; or id of a profile, for a printer of that kind that is still to be set up.
    made_for : str, optional
        Id of the printer profile that the file was made for; None: not known, the guard looks before it is sent.
    profiles : callable
        Gives the ids of all printer profiles.

    Raises
    ------
    InputError
        No printer of that name, with near matches.
    NotAllowed
        The file was made for another kind of printer.
    """
    if printer not in registered:
        kinds = set(profiles())
        if printer not in kinds:
            near = difflib.get_close_matches(printer, {*registered, *kinds}, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(sorted(registered))}"
            raise InputError(f"no printer is named {printer!r}; {hint} (printprep printer add {printer} …)")
    kind = registered.get(printer, printer)
    if made_for not in (None, kind) and kind != ANYTHING:
        raise NotAllowed(
            f"the file was made for {made_for} and {printer} is a {kind}; slice it again with --printer {kind}"
        )
