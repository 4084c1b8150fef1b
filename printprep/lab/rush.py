"""A rush: which printer and process have a case finished in time, and what each gives up.

    candidates -> tell each ahead, without slicing -> finish, by what stands before it -> make what matters -> queue

What is told has a range. From the finest on, each variant that may be in time by its range is taken the whole way:
sliced, certified, proven, guarded. The first that is in time then is the choice, and nothing coarser is sliced; if one
is late or does not come through, the next best is taken.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from printprep.lab.offers import Offer, fidelity
from printprep.lab.queue import RUSH, take_in
from printprep.lab.store import Job, Store
from printprep.lab.variant import Variant, Wish, make_whole
from printprep.printers.registry import VIRTUAL
from printprep.profiles.load import Profiles
from printprep.progress import SILENT, Progress
from printprep.units import format_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to print, and why; ``offer`` None: nothing is in time, and ``missed_by_s`` says by how much."""

    offer: Offer | None
    why: str
    missed_by_s: float | None = None


def candidates(
    profiles: Profiles, registered: Mapping[str, str], wanted: Sequence[str] = ()
) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Printers to ask, name to profile, and the variants to estimate, (profile, process) each once.

    The lab's registered printers are asked; in a lab that has registered none, every profile but ``virtual``, so that
    a rush can at least be judged. ``wanted`` narrows it to names of printers or ids of profiles.

    Raises
    ------
    InputError
        A wanted printer that is neither registered nor a profile.
    """
    known = dict(registered) or {name: name for name in profiles.printers if name != VIRTUAL.profile}
    if wanted:
        known = {name: registered[name] if name in registered else profiles.printer(name).id for name in wanted}
    order = fidelity(profiles)
    pairs = {(profile, process) for profile in known.values() for process in profiles.processes}
    return known, tuple(sorted(pairs, key=lambda pair: (-order[pair[1]], pair[0])))


def settle(
    wish: Wish,
    variants: Sequence[Variant],
    offers_of: Callable[[Sequence[Variant]], tuple[Offer, ...]],
    deadline: dt.datetime,
    *,
    progress: Progress = SILENT,
    whole: Callable[[Wish, Variant, Progress], Variant] = make_whole,
) -> tuple[tuple[Offer, ...], Choice]:
    """Take what can matter the whole way, the finest first, until one is in time or none can be."""
    made: set[tuple[str, str]] = set()
    while True:
        found = offers_of(variants)
        following = next_to_make(found, deadline, made)
        if following is None:
            return found, choose(found, deadline)
        chosen = following.variant
        made.add((chosen.profile, chosen.process))
        with progress.step(f"make {chosen.process} on {following.printer}, the whole way"):
            done = whole(wish, chosen, progress)
        variants = [done if variant is chosen else variant for variant in variants]


def next_to_make(found: Sequence[Offer], deadline: dt.datetime, made: Container[tuple[str, str]]) -> Offer | None:
    """The offer to be sliced before anything is promised; None: what is ``made`` decides.

    It is the finest that may be in time. Where none may be, it is the earliest: by how much it misses is then no guess.
    """
    printable = [offer for offer in found if offer.finish is not None]
    known = [offer for offer in printable if (offer.variant.profile, offer.variant.process) in made]
    safe = min((offer.fidelity for offer in known if offer.in_time(deadline)), default=None)
    for offer in printable:
        if offer not in known and offer.may_be_in_time(deadline) and (safe is None or offer.fidelity < safe):
            return offer
    if safe is not None:
        return None
    first = min(printable, key=_finish, default=None)
    return None if first in known else first


def choose(found: Sequence[Offer], deadline: dt.datetime) -> Choice:
    """The finest offer that is in time, the earliest of equals; else by how much the earliest misses."""
    printable = [offer for offer in found if offer.finish is not None]
    timely = [offer for offer in printable if offer.in_time(deadline)]
    if timely:
        best = next((offer for offer in timely if offer.variant.sliced), timely[0])
        spare_s = (deadline - _finish(best)).total_seconds()
        coarser = sum(offer.fidelity > best.fidelity for offer in timely)
        finer = sum(offer.fidelity < best.fidelity for offer in printable)
        beyond = f"{finer} finer would be late" if finer else "none is finer"
        why = (
            f"{best.variant.process} on {best.printer} is the finest that is in time, with {format_duration(spare_s)} "
            f"to spare; {beyond}, {coarser or 'no'} coarser in time. "
            f"{_known(found)}It gives up: {best.gives_up}{_to_mind(best)}"
        )
        return Choice(offer=best, why=why)
    if not printable:
        return Choice(offer=None, why="no printer can print it; the table says why")
    first = min(printable, key=_finish)
    missed_s = (_finish(first) - deadline).total_seconds()
    why = (
        f"nothing is in time: the earliest, {first.variant.process} on {first.printer}, "
        f"misses the deadline by {format_duration(missed_s)}. {_known(found)}".rstrip()
        + _to_mind(first)
    )
    return Choice(offer=None, why=why, missed_by_s=missed_s)


def exit_code_of(found: Sequence[Offer], choice: Choice) -> int:
    """0: something is in time; 1: nothing is; the code of the one kind of problem that kept all from being printed."""
    if choice.offer is not None:
        return 0
    codes = {offer.variant.exit_code if offer.finish is None else 1 for offer in found}
    return codes.pop() if len(codes) == 1 else 1


def queue_offer(store: Store, offer: Offer, *, who: str, deadline: dt.datetime) -> tuple[Job, ...]:
    """Queue an offer's plates before all routine jobs of its printer."""
    return take_in(store, offer.variant.files, printer=offer.printer, who=who, deadline=deadline, priority=RUSH)


def _known(found: Sequence[Offer]) -> str:
    """What was sliced and what only told, as a sentence; nothing where all is of one kind."""
    ways = {(offer.variant.profile, offer.variant.process): offer.variant.sliced for offer in found}
    sliced = sum(ways.values())
    if sliced in (0, len(ways)):
        return ""
    return f"{sliced} of {len(ways)} variants went the whole way, sliced and proven; the others are told ahead. "


def _to_mind(offer: Offer) -> str:
    """What the promise of an offer counts on, as the end of a sentence."""
    return f" Mind on {offer.printer}: {'; '.join(offer.mind)}." if offer.mind else ""


def _finish(offer: Offer) -> dt.datetime:
    assert offer.finish is not None, "only printable offers are compared"
    return offer.finish
