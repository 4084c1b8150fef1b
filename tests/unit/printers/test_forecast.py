"""How long a print has still to go."""

from __future__ import annotations

from pathlib import Path

import pytest

from printprep.gcode.estimate import estimate
from printprep.gcode.motion import CORNERING
from printprep.gcode.read import read_gcode
from printprep.printers.forecast import forecast
from printprep.printers.job import read_job
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
