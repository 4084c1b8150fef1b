"""The monitor's view: what it shows, and that it fits a terminal of 80 by 24."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console

from printprep.cli.monitor import MESSAGES, Watched, view
from printprep.printers.forecast import Forecast

TOLD: dict[str, Any] = {
    "name": "left",
    "state": "printing",
    "file": "/build/plate-1.gcode",
    "line": 500,
    "lines_total": 2000,
    "layer": 5,
    "layers_total": 10,
    "z_mm": 1.0,
    "progress": 0.25,
    "began_s": 1_000_000.0,
    "now_s": 1_007_500.0,
    "tools_c": {str(tool): (20.0 + 40 * tool, 40.0 * tool) for tool in range(5)},
    "bed_c": (60.2, 60.0),
    "message": "",
}


def shown(told: dict[str, Any], watched: Watched, width: int = 80) -> list[str]:
    console = Console(width=width, height=24, record=True)
    with console.capture() as captured:
        console.print(view(told, watched, width))
    return captured.get().splitlines()


def test_it_tells_layer_height_command_and_time() -> None:
    watched = Watched(forecast=Forecast(np.array([3600.0, 7200.0]), (1000,), 2000, 7200.0))
    watched.see(TOLD)
    text = "\n".join(shown(TOLD, watched))
    for words in ("left · printing · plate-1.gcode", "layer 5 of 10 at 1.00 mm", "command 500 of 2,000"):
        assert words in text
    assert "2 h 05 min gone, 1 h 30 min left" in text
    assert "25.0%" in text
    assert " 60.2 /  60 °C" in text


def test_the_fullest_view_fits_80_by_24() -> None:
    watched = Watched()
    for number in range(MESSAGES + 5):
        watched.see(TOLD | {"message": f"{number} " + "a long message of the firmware " * 5})
    for _ in range(2000):
        watched.see(TOLD)
    lines = shown(TOLD, watched)
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert sum("a long message" in line for line in lines) == MESSAGES


def test_a_plot_shows_what_was_cold_first_and_hot_later() -> None:
    watched = Watched()
    for heat_c in range(20, 221):
        watched.see(TOLD | {"tools_c": {"0": (float(heat_c), 220.0)}})
    (line,) = [line for line in shown(TOLD, watched) if "tool 0" in line]
    plot = line.split("°C")[1].strip(" │")
    assert plot[-1] == "▇"
    assert list(plot) == sorted(plot)
    assert len(set(plot)) >= 7


def test_a_wider_terminal_is_used() -> None:
    watched = Watched()
    for _ in range(2000):
        watched.see(TOLD)
    narrow, wide = (max(line.count("▇") for line in shown(TOLD, watched, width)) for width in (80, 120))
    assert wide == narrow + 40
    assert max(map(len, shown(TOLD, watched, 120))) <= 120
