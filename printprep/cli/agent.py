"""``printprep agent``: prints the queue on the lab's printers."""

from __future__ import annotations

import datetime as dt
import signal
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

import click

from printprep.cli.lab import store_option
from printprep.cli.terminal import console, ending_signals

if TYPE_CHECKING:
    from printprep.lab.store import Store


def lab_printers(store: Store) -> list[str]:
    """The lab's own printers, and the virtual one that every lab has where it is used."""
    from printprep.lab.places import own_printers, registered_printers
    from printprep.lab.queue import open_jobs

    registered = registered_printers()
    own = own_printers(registered)
    asked = {job.printer for job in open_jobs(store)}
    return sorted(name for name in registered if name in own or name in asked or not own)


@click.command()
@click.option(
    "--printer",
    "names",
    multiple=True,
    metavar="NAME",
    help="Only this one; may be given several times. Default: the lab's own.",
)
@click.option("--once", is_flag=True, help="One job a printer, then end; wait for nothing.")
@click.option(
    "--until-empty",
    is_flag=True,
    help="End when no job waits any more; till then it WAITS for people to clear plates. Ctrl-C ends it.",
)
@store_option
def agent(names: tuple[str, ...], once: bool, until_empty: bool, store_url: str | None) -> None:
    """Print the queue: on each of the lab's printers one job after the other.

    --once and --until-empty end with exit code 4 when a printer failed or the guard refused a file, with 5 when
    another job failed or a person is needed; the message names the jobs.

    No print starts on a plate that nobody cleared: `printprep queue clear-plate PRINTER --who NAME`, also for a
    printer's first print. What an agent that was killed left in mid-print is `interrupted` and waits for a person:
    `printprep queue settle ID done|failed|cancelled|again`.

    Before a plate that is not clear, and before a printer that does not answer, the agent WAITS, also with
    --until-empty; only --once does not.

    A first Ctrl-C or SIGTERM lets the prints under way end and starts none; a second one cancels them, parked, with
    heaters off.

    \b
    Example:
      printprep agent
      printprep agent --printer xl-1 --until-empty
    """
    from rich.markup import escape

    from printprep.lab.agent import LOUD, Switch, Until, one_of, run_agent
    from printprep.lab.press import LinkPress
    from printprep.lab.store import open_store
    from printprep.printers.registry import find_printer
    from printprep.profiles.load import load_profiles

    if once and until_empty:
        raise click.UsageError("--once and --until-empty name two ends; give one")
    named = list(dict.fromkeys(find_printer(name).name for name in names))
    watcher, switch = console(), Switch()

    def notify(printer: str, text: str) -> None:
        words = f"[bold red]{escape(text)}[/]" if text.startswith(LOUD) else escape(text)
        line = f"[dim]{dt.datetime.now():%H:%M:%S}[/] [bold]{escape(printer)}[/] {words}"
        with suppress(OSError):  # a terminal that was closed ends no print
            watcher.print(line, soft_wrap=True)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        switch.press()

    for number in ending_signals():
        signal.signal(number, on_signal)
    until = Until.ONCE if once else Until.EMPTY if until_empty else Until.STOPPED
    with open_store(store_url) as store:
        press = LinkPress(load_profiles(), store_url=store_url)
        problems = run_agent(store, named or lab_printers(store), press, until=until, switch=switch, notify=notify)
    if len(problems) == 1:
        raise next(iter(problems.values()))
    if problems:
        raise one_of([type(problem)(f"{printer}: {problem}") for printer, problem in sorted(problems.items())])
