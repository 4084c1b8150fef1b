"""``printprep printer monitor``: a print as it goes, in a terminal of 80 by 24 characters or more."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from printprep.cli.printing import known_names, nobody
from printprep.cli.terminal import out

if TYPE_CHECKING:
    from rich.console import RenderableType

    from printprep.printers.forecast import Forecast

REFRESH_S: Final = 1.0
SAMPLES: Final = 600  # of the plot: ten minutes
NARROW: Final = 80  # characters of a terminal that everything fits
WIDE: Final = 160  # beyond this a bar tells no more
PLOT: Final = 40  # characters of it, in a narrow terminal
BAR: Final = 52
MESSAGES: Final = 6
MOST_HEATERS: Final = 6
BLOCKS: Final = " ▁▂▃▄▅▆▇"  # not the full one: the plots of two heaters would run into each other
COLOUR: Final = {"printing": "green", "paused": "yellow", "cancelling": "yellow", "failed": "bold red"}


@dataclass(slots=True)
class Watched:
    """What the monitor has seen of one print."""

    heat: dict[str, deque[tuple[float, float]]] = field(default_factory=dict)  # by heater: (now, wanted) deg C
    messages: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=MESSAGES))
    forecast: Forecast | None = None

    def see(self, told: dict[str, Any]) -> None:
        """Take a status."""
        heaters = {f"tool {tool}": pair for tool, pair in sorted((told.get("tools_c") or {}).items())}
        if told.get("bed_c"):
            heaters["bed"] = told["bed_c"]
        for name, (now_c, wanted_c) in heaters.items():
            self.heat.setdefault(name, deque(maxlen=SAMPLES)).append((now_c, wanted_c))
        text = told.get("message")
        if text and (not self.messages or self.messages[-1][1] != text):
            self.messages.append((f"{datetime.now():%H:%M:%S}", text))


@click.command("monitor")
@click.argument("name", required=False, shell_complete=known_names)
@click.option("--once", is_flag=True, help="Show it once and end.")
def monitor(name: str | None, once: bool) -> None:
    """Watch the print on NAME, or the one that runs; Ctrl-C leaves the monitor, the print goes on.

    \b
    Example:
      printprep printer monitor xl
    """
    from rich.live import Live

    from printprep.errors import PrinterError
    from printprep.printers.orders import give_order

    name = name or _the_one()
    told = give_order(name, "status")
    if told is None:
        raise PrinterError(nobody(name))
    watched = Watched(forecast=_forecast(told))
    watched.see(told)
    if once:
        out().print(view(told, watched, out().width))
        return
    terminal = out()
    with Live(view(told, watched, terminal.width), console=terminal, refresh_per_second=2, screen=True) as live:
        while told is not None:
            time.sleep(REFRESH_S)
            last, told = told, give_order(name, "status")
            if told is not None:
                watched.see(told)
                live.update(view(told, watched, terminal.width))
    click.echo(f"the print on {name} has ended, after command {last['line']:,} of {last['lines_total']:,}")


def _the_one() -> str:
    """The printer that prints now; a PrinterError when it is none or several."""
    from printprep.errors import PrinterError
    from printprep.printers.orders import printing_now

    names = printing_now()
    if len(names) != 1:
        found = f"several do: {', '.join(names)}" if names else "none does"
        raise PrinterError(f"say which printer to watch; of those that print from here, {found}")
    return names[0]


def _forecast(told: dict[str, Any]) -> Forecast | None:
    """Our own estimate of what is printed; None where file or profile are not known."""
    from printprep.errors import PrintprepError
    from printprep.lab.ready import foresee
    from printprep.printers.job import read_job
    from printprep.profiles.load import load_profiles

    if not told.get("file") or not told.get("profile"):
        return None
    try:
        return foresee(read_job(Path(told["file"])), str(told["name"]), load_profiles().printer(told["profile"]))
    except PrintprepError:  # gone, or changed to something else: the commands are still counted
        return None


def view(told: dict[str, Any], watched: Watched, width: int = NARROW) -> RenderableType:
    """A status as a panel of at most 22 lines; its bar and its plots grow with the terminal."""
    from rich.console import Group
    from rich.markup import escape
    from rich.panel import Panel
    from rich.text import Text

    more = max(0, min(width, WIDE) - NARROW)
    state = str(told["state"])
    colour = COLOUR.get(state, "cyan")
    lines: list[RenderableType] = [*_way(told, watched.forecast, BAR + more), Text()]
    lines += [_plot(name, list(samples), PLOT + more) for name, samples in list(watched.heat.items())[:MOST_HEATERS]]
    lines.append(Text())
    lines += [Text(f"{when}  {text}", no_wrap=True, overflow="ellipsis") for when, text in watched.messages]
    name = escape(str(told["name"]))
    file = f" · {escape(Path(told['file']).name)}" if told.get("file") else ""
    return Panel(
        Group(*lines), title=f"[bold]{name}[/] · [{colour}]{state}[/]{file}", title_align="left",
        subtitle=f"[dim]Ctrl-C leaves · printprep printer pause|cancel|stop {name}[/]", subtitle_align="left",
        padding=(1, 2),
    )  # fmt: skip


def _way(told: dict[str, Any], forecast: Forecast | None, length: int) -> list[RenderableType]:
    """How far it is, and how long it takes still."""
    from rich.text import Text

    line, total = int(told["line"]), int(told["lines_total"])
    share = forecast.progress(line) if forecast else float(told["progress"])
    full = round(share * length)
    bar = Text("█" * full, "green") + Text("░" * (length - full), "dim") + Text(f"  {share:.1%}", "bold")
    height = "" if told.get("z_mm") is None else f" at {told['z_mm']:.2f} mm"
    layers = f"layer {told['layer']:,} of {told['layers_total']:,}{height}, " if told.get("layers_total") else ""
    gone_s = float(told["now_s"]) - float(told["began_s"])
    times = f"{_span(gone_s)} gone"
    if forecast:
        left_s = forecast.left_s(line)
        ends = datetime.fromtimestamp(float(told["now_s"])) + timedelta(seconds=left_s)
        times += f", {_span(left_s)} left, until {ends:%H:%M} (our own estimate)"
    return [bar, Text(f"{layers}command {line:,} of {total:,}"), Text(times)]


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _plot(name: str, samples: list[tuple[float, float]], length: int) -> RenderableType:
    """A heater: now, wanted, and what it was lately, each character from cold to the hottest that was wanted."""
    from rich.text import Text

    now_c, wanted_c = samples[-1]
    top_c = max(*(max(pair) for pair in samples), 50.0)
    count = min(len(samples), length)
    lately = [samples[(at + 1) * len(samples) // count - 1][0] for at in range(count)]
    plot = "".join(BLOCKS[round(max(0.0, heat_c) / top_c * (len(BLOCKS) - 1))] for heat_c in lately)
    colour = "dim" if wanted_c <= 0 else "green" if abs(now_c - wanted_c) <= 5 else "yellow"
    return Text(f"{name:<7}") + Text(f"{now_c:6.1f} /{wanted_c:4.0f} °C  ", colour) + Text(plot.rjust(length), "cyan")
