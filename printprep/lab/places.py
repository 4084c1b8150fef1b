"""Where a job may go: the lab's registered printers, and profiles of printers that are still to be set up."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from printprep.errors import InputError, NotAllowed
from printprep.printers.registry import VIRTUAL, load_printers
from printprep.profiles.load import load_profiles

ANYTHING: Final = VIRTUAL.profile
"""Profile of a printer that takes files made for any other: nothing can break."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Names that a job may be queued under."""

    registered: Mapping[str, str]  # name in the lab: id of its printer profile
    profiles: frozenset[str]  # a profile's id stands for a printer of that kind that is not set up yet

    @property
    def own(self) -> dict[str, str]:
        """The registered printers without the virtual one that every lab has."""
        return {name: profile for name, profile in self.registered.items() if name != VIRTUAL.name}


def places() -> Places:
    """The lab's printers and the known profiles."""
    registered = {name: printer.profile for name, printer in load_printers().items()}
    return Places(registered=registered, profiles=frozenset(load_profiles().printers))


def check_place(here: Places, printer: str, made_for: str | None = None) -> None:
    """Make sure that a job may be queued on ``printer``.

    Parameters
    ----------
    here : Places
    printer : str
        Name in the lab, or id of a profile.
    made_for : str, optional
        Id of the printer profile that the file was made for; None: not known, the guard looks before it is sent.

    Raises
    ------
    InputError
        No printer of that name, with near matches.
    NotAllowed
        The file was made for another kind of printer.
    """
    if printer not in here.registered and printer not in here.profiles:
        near = difflib.get_close_matches(printer, {*here.registered, *here.profiles}, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(sorted(here.registered))}"
        raise InputError(f"no printer is named {printer!r}; {hint} (printprep printer add {printer} …)")
    kind = here.registered.get(printer, printer)
    if made_for not in (None, kind) and kind != ANYTHING:
        raise NotAllowed(
            f"the file was made for {made_for} and {printer} is a {kind}; slice it again with --printer {kind}"
        )
