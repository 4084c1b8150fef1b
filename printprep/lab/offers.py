"""Variants on the lab's printers: when each would be in the hand, and what is given up.

The finish of an offer is now, plus what stands before it on that printer (the rest of the print under way and the
rushes that came earlier; routine jobs let a rush pass), plus the print of all plates, plus the lab's post-processing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from printprep.lab.line import ON_PLATE
from printprep.lab.pace import Pace
from printprep.lab.queue import RUSH
from printprep.lab.store import Job, State
from printprep.lab.variant import Variant
from printprep.profiles.load import Profiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A variant on one of the lab's printers."""

    printer: str  # its name in the lab
    variant: Variant
    gives_up: str
    fidelity: tuple[int, int]  # rank of the process from 0, the finest; then how much the printer takes
    wait_s: float
    post_processing_s: float
    finish: dt.datetime | None  # None: it cannot be printed so
    early: dt.datetime | None = None  # the finish if it takes the least of its range
    notes: tuple[str, ...] = ()
    mind: tuple[str, ...] = ()  # what the finish counts on at the printer
    pace: Pace | None = None  # what this printer really takes with this process; the finish counts on it

    def may_be_in_time(self, deadline: dt.datetime) -> bool:
        """Whether it is in the hand by then if it takes the least of its range."""
        return self.early is not None and self.early <= deadline

    def in_time(self, deadline: dt.datetime) -> bool:
        """Whether it is in the hand by then."""
        return self.finish is not None and self.finish <= deadline


def fidelity(profiles: Profiles) -> dict[str, int]:
    """Rank of each process, 0 the finest: by layer height of extrusion, then of light."""
    order = sorted(profiles.processes.values(), key=lambda p: (p.fdm.layer_height_mm, p.resin.layer_height_mm, p.id))
    return {process.id: rank for rank, process in enumerate(order)}


def offers(
    variants: Iterable[Variant],
    printers: Mapping[str, str],
    profiles: Profiles,
    queued: Sequence[Job],
    now: dt.datetime,
    standings: Mapping[str, tuple[str, ...]] | None = None,
    paces: Mapping[tuple[str, str | None], Pace] | None = None,
) -> tuple[Offer, ...]:
    """Every variant on every printer that it is for, the finest first, then the earliest; what fails comes last.

    ``standings`` says what there is to mind at each printer (:func:`printprep.lab.standing.standings`); of equal
    offers the one with the least to mind goes first. ``paces`` is what earlier prints took
    (:func:`printprep.lab.pace.read_paces`).
    """
    known, learned = standings or {}, paces or {}
    order = fidelity(profiles)
    made = [
        _offer(
            variant,
            printer,
            profiles,
            [job for job in queued if job.printer == printer],
            now,
            order,
            known.get(printer, ()),
            learned.get((printer, variant.process)),
        )
        for variant in variants
        for printer, profile in printers.items()
        if profile == variant.profile
    ]
    last = dt.datetime.max.replace(tzinfo=dt.UTC)
    return tuple(sorted(made, key=lambda o: (o.finish is None, o.fidelity, o.finish or last, len(o.mind), o.printer)))


def _offer(
    variant: Variant,
    printer: str,
    profiles: Profiles,
    here: list[Job],
    now: dt.datetime,
    order: Mapping[str, int],
    standing: tuple[str, ...],
    pace: Pace | None,
) -> Offer:
    wait_s, mind = _wait(here, now)
    plates = variant.plates
    notes = (f"{plates} plates: somebody must clear the plate in between",) if plates > 1 else ()
    technology = profiles.printer(variant.profile).technology
    minutes = profiles.lab().post_processing_min
    post_s = 60 * minutes.get(technology, minutes.get("default", 0.0))
    factor = 1.0 if pace is None else pace.factor
    beside_s = wait_s + post_s

    def at(print_s: float) -> dt.datetime | None:
        return None if variant.estimate is None else now + dt.timedelta(seconds=beside_s + print_s * factor)

    least_s, _ = variant.range_s
    return Offer(
        printer=printer,
        variant=variant,
        gives_up=" ".join((profiles.process(variant.process).gives_up, *variant.losses)),
        fidelity=(order[variant.process], len(variant.losses)),
        wait_s=wait_s,
        post_processing_s=post_s,
        finish=at(0.0 if variant.estimate is None else variant.estimate.duration_s),
        early=at(least_s),
        notes=notes,
        mind=(*standing, *mind),
        pace=pace,
    )


def _wait(here: list[Job], now: dt.datetime) -> tuple[float, tuple[str, ...]]:
    """Seconds that a new rush waits on a printer, and what there is to mind about them."""
    before = [job for job in here if job.state in ON_PLATE or (job.state is State.QUEUED and job.priority >= RUSH)]
    wait_s = 0.0
    mind = []
    for job in before:
        if job.estimate_s is None:
            mind.append(f"{job.id} in front is of unknown length, counted as nothing")
        elif job.started_at is None:
            wait_s += job.estimate_s
        else:
            wait_s += max(job.estimate_s - (now - job.started_at).total_seconds(), 0.0)
    mind += [f"{job.id} was interrupted: somebody must settle it" for job in here if job.state is State.INTERRUPTED]
    return wait_s, tuple(mind)
