"""A rush: which printer and process have a case finished in time, and what each gives up.

    candidates -> estimate each by really slicing it -> finish, with what stands before it -> choose -> prove -> queue

What is only estimated is neither certified nor proven: of all variants the chosen one alone goes the whole way, and if
it does not come through, the next best does.

The finish of an offer is now, plus what stands before it on that printer (the rest of the print under way and the
rushes that came earlier; routine jobs let a rush pass), plus the print of all plates, plus the lab's post-processing.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from printprep.case import stopping
from printprep.errors import InputError, LabError, PrintprepError, exit_code
from printprep.files import sha256_of
from printprep.lab.jobfile import PrintFile
from printprep.lab.pace import Pace
from printprep.lab.queue import ON_PLATE, RUSH, take_in
from printprep.lab.store import Job, State, Store
from printprep.plan import Estimate
from printprep.printers.registry import VIRTUAL
from printprep.profiles.load import Profiles, load_profiles
from printprep.progress import SILENT, Progress, Step
from printprep.units import format_duration

if TYPE_CHECKING:
    from printprep.run import Request, RunResult

GIVEN_UP: Final = frozenset({"tissues-merged", "material-substituted"})
"""Codes of findings that say what a printer, not the process, takes from a print."""
LOOK_S: Final = 0.3
"""How often is looked at what the processes are doing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be printed in a rush, before a printer and a process are chosen."""

    sources: tuple[Path, ...]
    out: Path  # each variant gets a folder in it
    units: str | None = None
    scale: float | None = None
    case_id: str | None = None
    synthetic: bool = False
    supports: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A case as one kind of printer with one process would print it, or why it would not."""

    profile: str  # id of a printer profile
    process: str
    files: tuple[PrintFile, ...] = ()
    estimate: Estimate | None = None
    losses: tuple[str, ...] = ()  # what the printer takes from the print
    problem: str | None = None
    exit_code: int = 1  # that the problem alone would have


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
    notes: tuple[str, ...] = ()
    mind: tuple[str, ...] = ()  # what the finish counts on at the printer
    pace: Pace | None = None  # what this printer really takes with this process; the finish counts on it

    def in_time(self, deadline: dt.datetime) -> bool:
        """Whether it is in the hand by then."""
        return self.finish is not None and self.finish <= deadline


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


def fidelity(profiles: Profiles) -> dict[str, int]:
    """Rank of each process, 0 the finest: by layer height of extrusion, then of light."""
    order = sorted(profiles.processes.values(), key=lambda p: (p.fdm.layer_height_mm, p.resin.layer_height_mm, p.id))
    return {process.id: rank for rank, process in enumerate(order)}


def estimate_variant(wish: Wish, profile: str, process: str, progress: Progress = SILENT) -> Variant:
    """Prepare and slice a case for one printer and process; a problem is part of the answer.

    It runs in a process of its own and reads the profiles itself. What is the same for all printers, up to the repaired
    meshes, it keeps for the next variant.
    """
    from printprep.run import estimate_case

    request = _request(wish, profile, process)
    try:
        return _variant(estimate_case(_mended(wish, profile, process, progress), request, progress))
    except PrintprepError as exc:
        return Variant(profile=profile, process=process, problem=str(exc), exit_code=exit_code(exc))


def make_whole(wish: Wish, variant: Variant, progress: Progress = SILENT) -> Variant:
    """Take a variant the whole way, certified, proven, guarded and locked, so that it may be sent.

    A problem that only shows on this way is part of the answer.
    """
    from printprep.run import run_case

    request = _request(wish, variant.profile, variant.process)
    try:
        return _variant(run_case(request, load_profiles(), progress=progress))
    except PrintprepError as exc:
        return replace(variant, files=(), estimate=None, problem=str(exc), exit_code=exit_code(exc))


def settle(
    wish: Wish,
    variants: Sequence[Variant],
    offers_of: Callable[[Sequence[Variant]], tuple[Offer, ...]],
    deadline: dt.datetime,
    *,
    progress: Progress = SILENT,
    whole: Callable[[Wish, Variant, Progress], Variant] = make_whole,
) -> tuple[tuple[Offer, ...], Choice]:
    """Choose, and take what is chosen the whole way; where that fails, choose again among the others."""
    made: set[tuple[str, str]] = set()
    while True:
        found = offers_of(variants)
        choice = choose(found, deadline)
        if choice.offer is None or (choice.offer.variant.profile, choice.offer.variant.process) in made:
            return found, choice
        chosen = choice.offer.variant
        made.add((chosen.profile, chosen.process))
        with progress.step(f"make {chosen.process} on {choice.offer.printer}, the whole way"):
            done = whole(wish, chosen, progress)
        variants = [done if variant is chosen else variant for variant in variants]


def _request(wish: Wish, profile: str, process: str) -> Request:
    from printprep.run import Request

    return Request(
        sources=wish.sources,
        printer=profile,
        process=process,
        out=wish.out.absolute() / f"{profile}-{process}",
        units=wish.units,
        scale=wish.scale,
        case_id=wish.case_id,
        synthetic=wish.synthetic,
        supports=wish.supports,
    )


_kept: dict[Wish, RunResult] = {}
"""The last case that this process read and mended."""


def _mended(wish: Wish, profile: str, process: str, progress: Progress) -> RunResult:
    from printprep.run import run_case

    if wish not in _kept:
        _kept.clear()
        _kept[wish] = run_case(_request(wish, profile, process), load_profiles(), "repair", progress)
    return _kept[wish]


def _variant(result: RunResult) -> Variant:
    """A result as a variant, with its files or its problem."""
    profile, process = result.printer.id, result.process.id
    stops = stopping(result.findings)
    if stops or result.estimate is None or result.case is None:
        problem = "; ".join(finding.message for finding in stops) or "nothing was sliced"
        return Variant(profile=profile, process=process, problem=problem)
    files = tuple(
        PrintFile(
            file=plate.file.absolute(),
            sha256=sha256_of(plate.file),
            profile=profile,
            process=process,
            case_id=result.case.id,
            duration_s=plate.estimate.duration_s,
            cost=None if plate.estimate.cost is None else plate.estimate.cost.total,
            currency=None if plate.estimate.cost is None else plate.estimate.cost.currency,
        )
        for plate in result.plates
    )
    losses = tuple(dict.fromkeys(finding.message for finding in result.findings if finding.code in GIVEN_UP))
    return Variant(profile=profile, process=process, files=files, estimate=result.estimate, losses=losses)


def estimate_all(
    wish: Wish,
    pairs: Iterable[tuple[str, str]],
    *,
    progress: Progress = SILENT,
    pool: Executor | None = None,
    estimate: Callable[[Wish, str, str], Variant] | None = None,
) -> tuple[Variant, ...]:
    """Estimate variants side by side, a process a core; what each is at is told all along.

    Raises
    ------
    InputError
        Every variant failed of the same bad input: it is the case, not a printer.
    LabError
        A process died, of a lack of memory as a rule.
    """
    told: SimpleQueue[tuple[str, str]] = multiprocessing.get_context("spawn").SimpleQueue()
    pool = pool or _processes(told)
    done: list[Variant] = []
    at: dict[str, str] = {}
    with progress.step("estimate") as step:
        try:
            tasks = {pool.submit(estimate or _told_estimate, wish, profile, process) for profile, process in pairs}
            count = len(tasks)
            while tasks:
                ready, tasks = wait(tasks, timeout=LOOK_S, return_when=FIRST_COMPLETED)
                done += [task.result() for task in ready]
                while not told.empty():
                    at.update([told.get()])
                for variant in done:
                    at.pop(f"{variant.process} on {variant.profile}", None)
                under_way = "; ".join(f"{what}: {stage}" for what, stage in at.items())
                step.advance(len(done) / count, f"{len(done)} of {count} variants; {under_way}".removesuffix("; "))
        except BrokenProcessPool as exc:
            raise LabError("a variant's process died, of a lack of memory perhaps; name fewer printers") from exc
        finally:
            pool.shutdown(cancel_futures=True)
    problems = {variant.problem for variant in done}
    if len(problems) == 1 and done[0].problem is not None and done[0].exit_code == exit_code(InputError()):
        raise InputError(done[0].problem)
    return tuple(sorted(done, key=lambda variant: (variant.profile, variant.process)))


class _Telling:
    """Progress of one variant in a process of its own: the names of its steps, to whoever started the process."""

    to: ClassVar[SimpleQueue[tuple[str, str]] | None] = None

    def __init__(self, what: str) -> None:
        self._what = what

    def step(self, name: str) -> AbstractContextManager[Step]:
        if _Telling.to is not None:
            _Telling.to.put((self._what, name))
        return SILENT.step(name)


def _told_estimate(wish: Wish, profile: str, process: str) -> Variant:
    return estimate_variant(wish, profile, process, _Telling(f"{process} on {profile}"))


def _begin(told: SimpleQueue[tuple[str, str]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _Telling.to = told


def _processes(told: SimpleQueue[tuple[str, str]]) -> ProcessPoolExecutor:
    """A process a core, started afresh and not forked: threads of libraries do not survive a fork.

    Ctrl-C ends them at once and without a word; the one that asked says what happened.
    """
    fresh = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(os.cpu_count() or 1, mp_context=fresh, initializer=_begin, initargs=(told,))


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


def choose(found: Sequence[Offer], deadline: dt.datetime) -> Choice:
    """The finest offer that is in time, the earliest of equals; else by how much the earliest misses."""
    printable = [offer for offer in found if offer.finish is not None]
    timely = [offer for offer in printable if offer.in_time(deadline)]
    if timely:
        best = timely[0]
        spare_s = (deadline - _finish(best)).total_seconds()
        coarser = sum(offer.fidelity > best.fidelity for offer in timely)
        finer = sum(offer.fidelity < best.fidelity for offer in printable)
        beyond = f"{finer} finer would be late" if finer else "none is finer"
        why = (
            f"{best.variant.process} on {best.printer} is the finest that is in time, with {format_duration(spare_s)} "
            f"to spare; {beyond}, {coarser or 'no'} coarser in time. "
            f"It gives up: {best.gives_up}{_to_mind(best)}"
        )
        return Choice(offer=best, why=why)
    if not printable:
        return Choice(offer=None, why="no printer can print it; the table says why")
    first = min(printable, key=_finish)
    missed_s = (_finish(first) - deadline).total_seconds()
    why = (
        f"nothing is in time: the earliest, {first.variant.process} on {first.printer}, "
        f"misses the deadline by {format_duration(missed_s)}.{_to_mind(first)}"
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
    plates = len(variant.files)
    notes = (f"{plates} plates: somebody must clear the plate in between",) if plates > 1 else ()
    technology = profiles.printer(variant.profile).technology
    minutes = profiles.lab().post_processing_min
    post_s = 60 * minutes.get(technology, minutes.get("default", 0.0))
    factor = 1.0 if pace is None else pace.factor
    seconds = None if variant.estimate is None else wait_s + variant.estimate.duration_s * factor + post_s
    return Offer(
        printer=printer,
        variant=variant,
        gives_up=" ".join((profiles.process(variant.process).gives_up, *variant.losses)),
        fidelity=(order[variant.process], len(variant.losses)),
        wait_s=wait_s,
        post_processing_s=post_s,
        finish=None if seconds is None else now + dt.timedelta(seconds=seconds),
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


def _to_mind(offer: Offer) -> str:
    """What the promise of an offer counts on, as the end of a sentence."""
    return f" Mind on {offer.printer}: {'; '.join(offer.mind)}." if offer.mind else ""


def _finish(offer: Offer) -> dt.datetime:
    assert offer.finish is not None, "only printable offers are compared"
    return offer.finish
