"""What commands share: the ``--json`` switch, tables and progress bars. Results go to stdout, the rest to stderr."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from printprep.progress import SILENT, Progress, Step

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from printprep.case import Finding

F = TypeVar("F", bound=Callable[..., Any])
WIDTH = 120
"""Characters a line where nobody's terminal says: in a file or a pipe."""

COLOUR = {"info": "cyan", "warning": "yellow", "error": "bold red"}  # of a finding, the worst last


class Positive(click.FloatRange):
    """A number over 0 that can be reckoned with: click lets ``nan`` and ``inf`` through any range."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read what was typed, or fail with the option's name."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no number to reckon with.", param, ctx)
        return number


def json_option(command: F) -> F:
    """Add ``--json`` as ``as_json``: one JSON document on stdout and nothing else."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


def print_json(document: object) -> None:
    """Print a JSON document."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def ending_signals() -> tuple[signal.Signals, ...]:
    """What asks a command to end: Ctrl-C, SIGTERM, and a closed terminal unless nohup has it ignored."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM) if ignored else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def out() -> Console:
    """The console on stdout, for results."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def console() -> Console:
    """The console on stderr, for what accompanies a result."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table; a column whose name begins with ``>`` is right-aligned. Only cells may hold rich's markup."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    result = Table(title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        right = column.startswith(">")
        result.add_column(escape(column.lstrip(">")), justify="right" if right else "left", overflow="fold")
    for row in rows:
        result.add_row(*row)
    return result


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Findings as a list, the worst last, where people look; messages are sentences, no table cells."""
    from rich.markup import escape
    from rich.padding import Padding

    order = list(COLOUR)
    for f in sorted(findings, key=lambda f: order.index(f.severity)):
        colour = "dim" if f.accepted else COLOUR[f.severity]
        part = f" [bold]{escape(f.part)}[/bold]" if f.part else ""
        where = "" if f.where_mm is None else " [dim]at ({:.1f}, {:.1f}, {:.1f}) mm[/dim]".format(*f.where_mm)
        console.print(f"[{colour}]{f.severity:<7}[/{colour}] {f.code}{part}")
        console.print(Padding(escape(f.message) + where, (0, 0, 0, 8)))
        if f.accepted:
            console.print(Padding(f"[dim]accepted: {escape(f.accepted)}[/dim]", (0, 0, 0, 8)))


class _Bars:
    """Rich bars on stderr, one a step."""

    def __init__(self, bars: Any) -> None:
        self._bars = bars

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        from rich.markup import escape

        name = escape(name)
        task = self._bars.add_task(name, total=1.0)
        bars = self._bars

        class _Bar:
            def advance(self, done: float, message: str = "") -> None:
                more = f" [dim]{escape(message)}[/dim]" if message else ""
                bars.update(task, completed=done, description=name + more)

        yield _Bar()
        bars.update(task, completed=1.0, description=name)


@contextmanager
def progress(as_json: bool = False) -> Iterator[Progress]:
    """Bars while a command works; silence for programs and where nobody watches."""
    watcher = console()
    if as_json or not watcher.is_terminal:
        yield SILENT
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    bars = RichProgress(
        TextColumn("{task.description}"), BarColumn(bar_width=28), TimeElapsedColumn(), console=watcher, transient=False
    )
    with bars:
        yield _Bars(bars)
