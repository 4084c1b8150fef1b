"""``printprep rush``: the finest print that is ready in time, and what it gives up."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from printprep.cli.lab import duration, iso, moment, store_option, who_option
from printprep.cli.steps import case_options
from printprep.cli.terminal import console, json_option, out, print_json, progress, table

if TYPE_CHECKING:
    from printprep.lab.rush import Choice, Offer
    from printprep.lab.store import Job


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
    """Estimate a case on every suitable printer with every process, and queue the finest that is in time.

    Each variant is really prepared and sliced, side by side; the chosen one is then certified and proven, and if it
    does not come through, the next best is. A finish counts the print under way on that printer,
    the rushes that came earlier, and post-processing; routine jobs let a rush pass. Of those in time the finest is
    taken (process first, then the fewest tissues merged), of equals the earliest. When none is in time, nothing is
    queued, the exit code is 1 and the answer says by how much the earliest misses.

    The lab's registered printers are asked (printprep printer add); a lab that has none is told of every profile.
    A finish is no promise where something is to be minded, which is said of each printer: a plate that somebody must
    clear at once, a job of unknown length in front, a port that is not there, no agent that runs it.

    \b
    Example:
      printprep rush case.toml --by 07:00
      printprep rush meshes/ --units mm --by +6h --printers xl-1,ender-3 --no-queue
    """
    from printprep.lab.deadline import read_deadline
    from printprep.lab.pace import read_paces
    from printprep.lab.places import own_printers, registered_printers
    from printprep.lab.queue import open_jobs
    from printprep.lab.rush import (
        Wish,
        candidates,
        estimate_all,
        exit_code_of,
        offers,
        queue_offer,
        settle,
    )
    from printprep.lab.standing import standings
    from printprep.lab.store import open_store
    from printprep.printers.registry import load_printers
    from printprep.profiles.load import load_profiles

    wish = Wish(out=folder, supports=supports, **reading)
    with open_store(store_url) as store:
        deadline = read_deadline(by, store.now())
        profiles = load_profiles()
        wanted = [name.strip() for name in printers.split(",")] if printers else []
        registered = registered_printers()
        asked, pairs = candidates(profiles, registered if wanted else own_printers(registered), wanted)
        with progress(as_json) as watcher:
            variants = estimate_all(wish, pairs, progress=watcher)
            mind, paces = standings(store, asked, load_printers()), read_paces(store)
            found, choice = settle(
                wish,
                variants,
                lambda made: offers(made, asked, profiles, open_jobs(store), store.now(), mind, paces),
                deadline,
                progress=watcher,
            )
        queued: tuple[Job, ...] = ()
        if queue_it and choice.offer is not None:
            queued = queue_offer(store, choice.offer, who=who, deadline=deadline)
    if as_json:
        print_json(document(found, choice, queued, deadline))
    else:
        show(found, choice, queued, deadline)
    if queued and queued[0].printer not in registered:
        console().print(
            f"[yellow]{queued[0].printer} is not set up yet[/]: printprep printer add, before it can print."
        )
    raise SystemExit(exit_code_of(found, choice))


def show(found: tuple[Offer, ...], choice: Choice, queued: tuple[Job, ...], deadline: dt.datetime) -> None:
    """Print the offers and the choice for people."""
    from rich.markup import escape

    def row(offer: Offer) -> tuple[str, ...]:
        process = offer.variant.process
        if offer.finish is None:
            return offer.printer, process, "[red]cannot[/]", "", "", "", escape(offer.variant.problem or "")
        seconds = (deadline - offer.finish).total_seconds()
        spare = f"[green]{duration(seconds)}[/]" if seconds >= 0 else f"[red]{duration(-seconds)} late[/]"
        mark = "[bold]" if offer is choice.offer else ""
        words = escape(" ".join((offer.gives_up, *offer.notes)))
        return offer.printer, f"{mark}{process}", moment(offer.finish), spare, takes(offer), price(offer), words

    columns = ("printer", "process", "finish", ">to spare", ">prints", ">cost", "what it gives up")
    out().print(table(f"By {moment(deadline)}", columns, [row(offer) for offer in found]))
    for words, printers in minded(found).items():
        out().print(f"[yellow]mind[/] {', '.join(printers)}: {escape('; '.join(words))}", soft_wrap=True)
    out().print(choice.why, markup=False)
    for job in queued:
        out().print(f"[green]Queued[/] {job.id} on {job.printer}, place {job.position}: {job.file.name}")


def minded(found: tuple[Offer, ...]) -> dict[tuple[str, ...], list[str]]:
    """What there is to mind, with the printers that it is said of."""
    said: dict[tuple[str, ...], list[str]] = {}
    for printer, words in sorted({offer.printer: offer.mind for offer in found}.items()):
        if words:
            said.setdefault(words, []).append(printer)
    return said


def takes(offer: Offer) -> str:
    """How long an offer prints; once the printer has printed so, the range of 9 in 10."""
    if offer.variant.estimate is None:
        return ""
    if offer.pace is None:
        return duration(offer.variant.estimate.duration_s)
    low_s, high_s = offer.pace.range_s(offer.variant.estimate.duration_s)
    return f"{duration(low_s)} to {duration(high_s)}"


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
        "range_s": None if estimate is None or offer.pace is None else list(offer.pace.range_s(estimate.duration_s)),
        "wait_s": offer.wait_s,
        "post_processing_s": offer.post_processing_s,
        "cost": None if cost is None else {"total": str(cost.total), "currency": cost.currency},
        "gives_up": offer.gives_up,
        "notes": list(offer.notes),
        "mind": list(offer.mind),
        "problem": offer.variant.problem,
        "files": [str(file.file) for file in offer.variant.files],
    }
