"""How long a print has still to go."""

from __future__ import annotations

from pathlib import Path

import pytest

from printprep.gcode.estimate import estimate
from printprep.gcode.motion import CORNERING
from printprep.gcode.read import read_gcode
from printprep.printers.dialects import DIALECTS
from printprep.printers.forecast import Forecast, forecast
from printprep.printers.job import read_job
from printprep.printers.serial import SerialLink
from printprep.printers.virtual import VirtualPrinter
from printprep.printers.virtual_faults import Faults
from printprep.profiles.load import load_profiles


def test_time_runs_from_all_to_nothing_as_commands_are_accepted(data: Path) -> None:
    printer = load_profiles().printer("ender-3")
    path = data / "gcode" / "ender-3.gcode"
    job = read_job(path)
    told = forecast(job, printer)
    assert told is not None
    assert printer.motion is not None
    whole = estimate(read_gcode(path), printer.motion, cornering=CORNERING.get("marlin"), timing=printer.timing)
    assert told.duration_s == pytest.approx(whole.duration_s)
    left_s = [told.left_s(command) for command in range(job.commands + 1)]
    assert left_s == sorted(left_s, reverse=True)
    assert left_s[0] == pytest.approx(whole.duration_s)
    assert left_s[-1] == pytest.approx(0.0, abs=1e-6)
    assert told.progress(job.commands) == pytest.approx(1.0)


def test_a_layers_time_passes_in_the_layer(data: Path) -> None:
    printer = load_profiles().printer("ender-3")
    job = read_job(data / "gcode" / "ender-3.gcode")
    told = forecast(job, printer)
    assert told is not None
    assert printer.motion is not None
    times = estimate(read_gcode(job.path), printer.motion, cornering=CORNERING.get("marlin"), timing=printer.timing)
    third = told.done_s(job.layer_starts[3]) - told.done_s(job.layer_starts[2])
    assert third == pytest.approx(times.per_layer_s[2])


def test_there_is_none_for_light_and_for_a_file_without_layers(data: Path, tmp_path: Path) -> None:
    profiles = load_profiles()
    assert forecast(read_job(data / "gcode" / "ender-3.gcode"), profiles.printer("elegoo-saturn")) is None
    plain = tmp_path / "plain.gcode"
    plain.write_text("G1 X1\n")
    assert forecast(read_job(plain), profiles.printer("ender-3")) is None


def test_a_printer_that_is_slower_than_estimated_is_forecast_so(data: Path) -> None:
    told = forecast(read_job(data / "gcode" / "ender-3.gcode"), load_profiles().printer("ender-3"))
    assert told is not None
    slower = told.paced(1.1)
    assert slower.left_s(400) == pytest.approx(1.1 * told.left_s(400))
    assert slower.progress(400) == pytest.approx(told.progress(400))


def on_a_display(path: Path, dialect: str, log: Path) -> tuple[Forecast, list[str]]:
    """What a printer's display is told while it prints a file, and of which forecast."""
    told = forecast(read_job(path), load_profiles().printer("ender-3"))
    assert told is not None
    with VirtualPrinter(dialect=dialect, tools=1, log=log, faults=Faults(delay_s=0.002)) as printer:
        link = SerialLink(printer.port, dialect=DIALECTS[dialect])
        link.foresee = lambda _job: told
        link.connect()
        outcome = link.print_file(path)
        link.close()
    assert outcome.lines_sent == outcome.lines_accepted == outcome.lines_total
    return told, [line for line in log.read_text(encoding="ascii").splitlines() if line.startswith("M73")]


def test_a_display_is_told_by_our_estimate_and_only_where_there_is_one(data: Path, tmp_path: Path) -> None:
    path = data / "gcode" / "ender-3.gcode"
    told, lines = on_a_display(path, "prusa-buddy", tmp_path / "log")
    assert lines[0] == f"M73 P0 R{round(told.duration_s / 60)}"
    shares = [int(line.split()[1][1:]) for line in lines]
    left_min = [int(line.split()[2][1:]) for line in lines]
    assert shares == sorted(shares)
    assert left_min == sorted(left_min, reverse=True)
    assert len(set(lines)) == len(lines) > 2
    assert on_a_display(path, "marlin", tmp_path / "log")[1] == []  # it does not say that it has one
    own = tmp_path / "own.gcode"
    own.write_bytes(b"M73 P0 R9\n" + path.read_bytes())
    assert on_a_display(own, "prusa-buddy", tmp_path / "log")[1] == ["M73 P0 R9"]
