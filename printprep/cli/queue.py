"""``printprep queue``: the lab's jobs, in a line for each printer."""

from __future__ import annotations

from pathlib import Path

import click

from printprep.cli.lab import (
    coloured,
    iso,
    job_document,
    moment,
    plate_document,
    show_jobs,
    store_option,
    who_option,
)
from printprep.cli.terminal import console, json_option, out, print_json, table


@click.group()
def queue() -> None:
    """The lab's jobs: who prints what, where and when.

    \b
    Example:
      printprep queue add build --printer xl-1 --by 07:00
      printprep queue list
      printprep queue clear-plate xl-1 --who ann
    """


@queue.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="FILE|BUILD")
@click.option("--printer", required=True, metavar="NAME", help="A printer of the lab: printprep printer list.")
@click.option("--by", "deadline", metavar="TIME", help="When it is needed: 2026-11-23T07:00+01:00, 07:00 or +6h.")
@who_option
@store_option
@json_option
def add(path: Path, printer: str, deadline: str | None, who: str, store_url: str | None, as_json: bool) -> None:
    """Queue a print file, or all plates of a build, behind what waits there already.

    The lab keeps a copy with the lock of its build until the job has ended, beside an SQLite store or in your data
    folder (PRINTPREP_SPOOL names another one, as when several hosts share the lab): the build may be written anew.

    \b
    Example:
      printprep queue add build/plate-1.gcode --printer xl-1
      printprep queue add build --printer xl-1 --by 07:00 --who ann
    """
    from printprep.lab.deadline import read_deadline
    from printprep.lab.jobfile import print_files
    from printprep.lab.places import check_place, registered_printers
    from printprep.lab.queue import take_in
    from printprep.lab.store import open_store

    files = print_files(path)
    registered = registered_printers()
    for file in files:
        check_place(registered, printer, file.profile)
    with open_store(store_url) as store:
        due = None if deadline is None else read_deadline(deadline, store.now())
        jobs = take_in(store, files, printer=printer, who=who, deadline=due)
    if as_json:
        print_json({"id": jobs[0].id, "ids": [job.id for job in jobs], "jobs": [job_document(job) for job in jobs]})
    else:
        show_jobs("Queued", jobs)
    if printer not in registered:
        from rich.markup import escape

        console().print(
            f"[yellow]{escape(printer)} is not set up yet[/]: printprep printer add, before its agent can print."
        )


@queue.command("list")
@click.option("--printer", metavar="NAME", help="Only this printer's.")
@click.option("--open", "only_open", is_flag=True, help="Without what has ended.")
@store_option
@json_option
def list_(printer: str | None, only_open: bool, store_url: str | None, as_json: bool) -> None:
    """Jobs by printer: under way, the line, then what has ended; and the plates.

    \b
    Example:
      printprep queue list --open
    """
    from printprep.lab.line import OPEN
    from printprep.lab.pace import read_paces
    from printprep.lab.queue import jobs, plates
    from printprep.lab.store import open_store

    with open_store(store_url) as store:
        found = jobs(store, printer=printer, states=OPEN if only_open else None)
        here = [plate for plate in plates(store) if printer in (None, plate.printer)]
        paces = read_paces(store)
    if as_json:
        documents = [job_document(job, paces) for job in found]
        print_json({"jobs": documents, "plates": [plate_document(plate) for plate in here]})
    else:
        show_jobs("Jobs", found, here, paces)


@queue.command()
@click.argument("job_id", metavar="ID")
@store_option
@json_option
def show(job_id: str, store_url: str | None, as_json: bool) -> None:
    """One job and its history: what happened when, by whom and why.

    \b
    Example:
      printprep queue show J-0007
    """
    from rich.markup import escape

    from printprep.lab.queue import show as show_job
    from printprep.lab.store import open_store

    with open_store(store_url) as store:
        job, history = show_job(store, job_id)
    if as_json:
        events = [
            {"at": iso(e.at), "from": e.before and e.before.value, "to": e.after.value, "who": e.who, "why": e.why}
            for e in history
        ]
        print_json({**job_document(job), "history": events})
        return
    show_jobs(job.id, [job])
    rows = [(moment(e.at), coloured(e.after), escape(e.who), escape(e.why)) for e in history]
    out().print(table("History", ("when", "state", "who", "what"), rows))
    out().print(f"{job.file.name}\nsha256 {job.sha256}", soft_wrap=True, markup=False)


@queue.command()
@click.argument("job_id", metavar="ID")
@click.option("--first", is_flag=True, help="To the head of its line.")
@click.option("--before", metavar="ID", help="To the place before that job.")
@click.option("--after", metavar="ID", help="To the place after that job.")
@click.option("--position", type=click.IntRange(1), help="To that place; 1 is the head.")
@who_option
@store_option
@json_option
def move(
    job_id: str,
    first: bool,
    before: str | None,
    after: str | None,
    position: int | None,
    who: str,
    store_url: str | None,
    as_json: bool,
) -> None:
    """Give a waiting job another place in its printer's line.

    \b
    Example:
      printprep queue move J-0007 --first
      printprep queue move J-0007 --before J-0003
    """
    from printprep.lab.queue import jobs
    from printprep.lab.queue import move as move_job
    from printprep.lab.store import State, open_store

    if first and position is not None:
        raise click.UsageError("--first and --position name two places; give one")
    with open_store(store_url) as store:
        place = 1 if first else position
        job = move_job(store, job_id, who=who, position=place, before=before, after=after)
        line = jobs(store, printer=job.printer, states=[State.QUEUED])
    if as_json:
        print_json({**job_document(job), "jobs": [job_document(other) for other in line]})
    else:
        show_jobs(f"The line of {job.printer}", line)


@queue.command()
@click.argument("job_id", metavar="ID")
@click.option("--why", default="", help="The reason, kept with the job.")
@who_option
@store_option
@json_option
def cancel(job_id: str, why: str, who: str, store_url: str | None, as_json: bool) -> None:
    """Cancel a job; one under way is stopped by its agent, parked, its heaters off.

    \b
    Example:
      printprep queue cancel J-0007 --why "wrong side"
    """
    from printprep.lab.queue import cancel as cancel_job
    from printprep.lab.store import State, open_store

    with open_store(store_url) as store:
        job = cancel_job(store, job_id, who=who, why=why)
    if as_json:
        print_json(job_document(job))
    elif job.state is State.CANCELLED:
        out().print(f"{job.id} is cancelled.")
    else:
        out().print(f"{job.id} is {job.state}: its agent was asked to stop it and to park.")


@queue.command()
@click.argument("job_id", metavar="ID")
@click.argument("verdict", type=click.Choice(["done", "failed", "cancelled", "again"]))
@click.option("--why", default="", help="What was seen at the printer.")
@who_option
@store_option
@json_option
def settle(job_id: str, verdict: str, why: str, who: str, store_url: str | None, as_json: bool) -> None:
    """Decide about an interrupted job, after a look at the printer; `again` queues it first in line.

    \b
    Example:
      printprep queue settle J-0007 again --who ann --why "stopped in the third layer"
    """
    from printprep.lab.queue import settle as settle_job
    from printprep.lab.store import State, open_store

    to = State.QUEUED if verdict == "again" else State(verdict)
    with open_store(store_url) as store:
        job = settle_job(store, job_id, to, who=who, why=why)
    if as_json:
        print_json(job_document(job))
    else:
        out().print(f"{job.id} is {job.state}.")


@queue.command("clear-plate")
@click.argument("printer")
@click.option("--who", required=True, metavar="NAME", help="Who has cleared it.")
@store_option
@json_option
def clear_plate(printer: str, who: str, store_url: str | None, as_json: bool) -> None:
    """Say that a printer's plate is clear; nothing is printed on a plate of which nobody said so.

    \b
    Example:
      printprep queue clear-plate xl-1 --who ann
    """
    from printprep.lab.places import check_place, registered_printers
    from printprep.lab.queue import clear_plate as clear
    from printprep.lab.store import open_store

    check_place(registered_printers(), printer)
    with open_store(store_url) as store:
        plate = clear(store, printer, who=who)
    if as_json:
        print_json(plate_document(plate))
    else:
        out().print(f"The plate of {printer} is clear, says {plate.who}.", markup=False)
