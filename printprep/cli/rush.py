"""``printprep rush``: the finest print that is ready in time, and what it gives up."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from printprep.cli.lab import duration, iso, moment, store_option, who_option
from printprep.cli.steps import case_options
from printprep.cli.terminal import console, json_option, out, print_json, progress, table

if TYPE_CHECKING:
    from printprep.lab.offers import Offer
    from printprep.lab.rush import Choice
    from printprep.lab.store import Job, Store
    from printprep.lab.variant import Wish


@click.command()
@case_options
@click.option("--by", required=True, metavar="TIME", help="2026-11-23T07:00+01:00, 07:00 (the next one) or +6h.")
@click.option("--printers", metavar="A,B", help="Only these, names in the lab or profiles. Default: the lab's own.")
@click.option("--supports/--no-supports", default=True, show_default=True)
@click.option("--out", "folder", type=click.Path(path_type=Path), default=Path("build/rush"), show_default=True)
@click.option("--queue/--no-queue", "queue_it", default=True, show_default=True, help="Queue the choice.")
@who_option
@store_option
@json_option
def rush(
    by: str,
    printers: str | None,
    supports: bool,
    folder: Path,
    queue_it: bool,
    who: str,
    store_url: str | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """Tell what a case takes on every suitable printer with every process, and queue the finest that is in time.

    Every variant is prepared, and its time told ahead with a range, without slicing. From the finest on, what may be in
    time is then sliced, certified, proven and guarded, until one is in time: nothing else is promised. A finish counts
    the print under way on that printer, the rushes that came earlier, and post-processing; routine jobs let a rush
    pass. Process first, then the fewest tissues merged, of equals the earliest. When none is in time, the earliest is
    sliced, nothing is queued, the exit code is 1 and the answer says by how much it misses.

    The lab's registered printers are asked (printprep printer add); a lab that has none is told of every profile.
    A finish is no promise where something is to be minded, which is said of each printer: a plate that somebody must
    clear at once, a job of unknown length in front, a port that is not there, no agent that runs it.

    \b
    Example:
      printprep rush case.toml --by 07:00
      printprep rush meshes/ --units mm --by +6h --printers xl-1,ender-3 --no-queue
    """
    from printprep.lab.places import registered_printers
    from printprep.lab.rush import exit_code_of, queue_offer
    from printprep.lab.store import open_store
    from printprep.lab.variant import Wish

    wish = Wish(out=folder, supports=supports, **reading)
    with open_store(store_url) as store:
        found, choice, deadline = _settled(store, wish, by, printers, as_json)
        queued: tuple[Job, ...] = ()
        if queue_it and choice.offer is not None:
            queued = queue_offer(store, choice.offer, who=who, deadline=deadline)
    if as_json:
        print_json(document(found, choice, queued, deadline))
    else:
        show(found, choice, queued, deadline)
    if queued and queued[0].printer not in registered_printers():
        console().print(
            f"{queued[0].printer} is not set up yet: printprep printer add, before it can print.",
            style="yellow",
            markup=False,
        )
    raise SystemExit(exit_code_of(found, choice))


def _settled(
    store: Store, wish: Wish, by: str, printers: str | None, as_json: bool
) -> tuple[tuple[Offer, ...], Choice, dt.datetime]:
    """The offers, the choice among them, and when they must be in the hand."""
    from printprep.lab.deadline import read_deadline
    from printprep.lab.offers import offers
    from printprep.lab.pace import read_paces
    from printprep.lab.places import own_printers, registered_printers
    from printprep.lab.queue import open_jobs
    from printprep.lab.rush import candidates, settle
    from printprep.lab.side_by_side import tell_all
    from printprep.lab.standing import standings
    from printprep.printers.registry import load_printers
    from printprep.profiles.load import load_profiles

    deadline, profiles = read_deadline(by, store.now()), load_profiles()
    wanted = [name.strip() for name in printers.split(",")] if printers else []
    registered = registered_printers()
    asked, pairs = candidates(profiles, registered if wanted else own_printers(registered), wanted)
    with progress(as_json) as watcher:
        variants = tell_all(wish, pairs, progress=watcher)
        mind, paces = standings(store, asked, load_printers()), read_paces(store)
        found, choice = settle(
            wish,
            variants,
            lambda made: offers(made, asked, profiles, open_jobs(store), store.now(), mind, paces),
            deadline,
            progress=watcher,
        )
    return found, choice, deadline


def show(found: tuple[Offer, ...], choice: Choice, queued: tuple[Job, ...], deadline: dt.datetime) -> None:
    """Print the offers and the choice for people."""
    from rich.markup import escape

    def row(alike: list[Offer]) -> tuple[str, ...]:
        offer = next((one for one in alike if one is choice.offer), alike[0])
        times = f" (×{len(alike)})" if len(alike) > 1 else ""
        printer, process = escape(", ".join(one.printer for one in alike) + times), escape(offer.variant.process)
        if offer.finish is None:
            return printer, process, "[red]cannot[/]", "", "", "", ""
        seconds = (deadline - offer.finish).total_seconds()
        spare = f"[green]{duration(seconds)}[/]" if seconds >= 0 else f"[red]{duration(-seconds)} late[/]"
        known = "slicing" if offer.variant.sliced else "[dim]sections[/]"
        mark = "[bold]" if offer is choice.offer else ""
        return printer, f"{mark}{process}", moment(offer.finish), spare, takes(offer), known, price(offer)

    columns = ("printer", "process", "finish", ">to spare", ">prints", "known by", ">cost")
    out().print(table(f"By {moment(deadline)}", columns, [row(alike) for alike in grouped(found)]))
    for which, lost in given_up(found):
        out().print(f"[bold]{escape(which)}[/]: {escape(lost)}")
    for words, printers in minded(found).items():
        out().print(f"[yellow]mind[/] {escape(', '.join(printers))}: {escape('; '.join(words))}", soft_wrap=True)
    out().print(choice.why, markup=False)
    for job in queued:
        out().print(
            f"[green]Queued[/] {job.id} on {escape(job.printer)}, place {job.position}: {escape(job.file.name)}"
        )


def given_up(found: tuple[Offer, ...]) -> list[tuple[str, str]]:
    """What each process gives up, or why it cannot be, said once: sentences, for which a column is too narrow."""
    said: dict[tuple[str, str], list[str]] = {}
    for offer in found:
        words = " ".join((offer.gives_up, *offer.notes)) if offer.finish is not None else offer.variant.problem or ""
        said.setdefault((offer.variant.process, words), []).append(offer.printer)
    differ = Counter(process for process, _ in said)
    return [
        (process if differ[process] == 1 else f"{process} on {', '.join(dict.fromkeys(printers))}", words)
        for (process, words), printers in said.items()
        if words
    ]


def minded(found: tuple[Offer, ...]) -> dict[tuple[str, ...], list[str]]:
    """What there is to mind, with the printers that it is said of."""
    said: dict[tuple[str, ...], list[str]] = {}
    for printer, words in sorted({offer.printer: offer.mind for offer in found}.items()):
        if words:
            said.setdefault(words, []).append(printer)
    return said


def grouped(found: tuple[Offer, ...]) -> list[list[Offer]]:
    """Offers that differ only by the name of the printer, together."""
    groups: dict[tuple[Any, ...], list[Offer]] = {}
    for offer in found:
        key = (offer.variant.profile, offer.variant.process, offer.wait_s, offer.pace)
        groups.setdefault(key, []).append(offer)
    return list(groups.values())


def takes(offer: Offer) -> str:
    """How long an offer prints: as sliced or as told, with the range; once the printer has printed so, of 9 in 10."""
    if offer.variant.estimate is None:
        return ""
    low_s, high_s = range_s(offer)
    if low_s == high_s:
        return duration(low_s)
    return f"{duration(low_s)} to {duration(high_s)}"


def range_s(offer: Offer) -> tuple[float, float]:
    """From where to where the print lies."""
    low_s, high_s = offer.variant.range_s
    return (low_s, high_s) if offer.pace is None else (low_s * offer.pace.low, high_s * offer.pace.high)


def price(offer: Offer) -> str:
    """What an offer costs."""
    estimate = offer.variant.estimate
    return "" if estimate is None or estimate.cost is None else f"{estimate.cost.total:.2f} {estimate.cost.currency}"


def document(
    found: tuple[Offer, ...], choice: Choice, queued: tuple[Job, ...], deadline: dt.datetime
) -> dict[str, Any]:
    """The offers and the choice for programs."""
    chosen = None
    if choice.offer is not None:
        chosen = {"printer": choice.offer.printer, "process": choice.offer.variant.process}
    return {
        "deadline": iso(deadline),
        "offers": [offer_document(offer, deadline) for offer in found],
        "choice": chosen,
        "why": choice.why,
        "missed_by_s": choice.missed_by_s,
        "queued": [job.id for job in queued],
    }


def offer_document(offer: Offer, deadline: dt.datetime) -> dict[str, Any]:
    """One offer for programs."""
    estimate = offer.variant.estimate
    cost = None if estimate is None else estimate.cost
    return {
        "printer": offer.printer,
        "profile": offer.variant.profile,
        "process": offer.variant.process,
        "in_time": offer.in_time(deadline),
        "finish": iso(offer.finish),
        "spare_s": None if offer.finish is None else (deadline - offer.finish).total_seconds(),
        "duration_s": None if estimate is None else estimate.duration_s,
        "range_s": None if estimate is None else list(range_s(offer)),
        "sliced": offer.variant.sliced,
        "wait_s": offer.wait_s,
        "post_processing_s": offer.post_processing_s,
        "cost": None if cost is None else {"total": str(cost.total), "currency": cost.currency},
        "gives_up": offer.gives_up,
        "notes": list(offer.notes),
        "mind": list(offer.mind),
        "problem": offer.variant.problem,
        "files": [str(file.file) for file in offer.variant.files],
    }
