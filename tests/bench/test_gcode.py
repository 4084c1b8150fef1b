"""How fast a large file of G-code is read, timed and guarded: lines a second, bytes a line."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import printprep
from printprep.casefile import Limits
from printprep.gcode.estimate import estimate
from printprep.gcode.guard import GuardLimits, guard
from printprep.gcode.motion import MotionLimits
from printprep.gcode.read import read_gcode
from printprep.profiles.load import load_profiles
from printprep.run import Request, run_case
from printprep.slicers.proven import prove_plate

pytestmark = pytest.mark.bench
LINES = 1_000_000
LIMITS = GuardLimits(upper_mm=(200, 200, 250), nozzle_max_c=290, bed_max_c=110)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A million lines of circles in layers, as a slicer writes them."""
    path = tmp_path_factory.mktemp("bench") / "large.gcode"
    ring = [
        f"G1 X{100 + 40 * math.cos(a / 500 * math.tau):.3f} Y{100 + 40 * math.sin(a / 500 * math.tau):.3f} E.01671\n"
        for a in range(500)
    ]
    layer = ";LAYER_CHANGE\n;Z:{z:.2f}\nG1 Z{z:.2f} F10800\n;TYPE:External perimeter\nM204 P800\nG1 F1500\n"
    with path.open("w") as file:
        file.write("G28\nM190 S60\nM109 S215\nG90\nM83\n")
        for number in range(LINES // (len(ring) + 6)):
            file.write(layer.format(z=0.1 + 0.1 * number))
            file.writelines(ring)
        file.write("M104 S0\nM140 S0\n")
    return path


def test_read_and_estimate(benchmark: Any, large: Path) -> None:
    def work() -> float:
        return estimate(read_gcode(large), MotionLimits()).duration_s

    work()  # compiles
    duration_s = benchmark.pedantic(work, rounds=3)
    assert duration_s > 0
    gcode = read_gcode(large)
    held = sum(getattr(gcode.moves, name).nbytes for name in gcode.moves.__slots__)
    benchmark.extra_info["lines_per_s"] = round(gcode.counts.lines / benchmark.stats.stats.min)
    benchmark.extra_info["bytes_per_line"] = round(held / gcode.counts.lines)
    assert held < 100 * gcode.counts.lines


def test_guard(benchmark: Any, large: Path) -> None:
    findings = guard(large, LIMITS)
    assert findings == ()
    benchmark.pedantic(lambda: guard(large, LIMITS), rounds=3)
    benchmark.extra_info["lines_per_s"] = round(LINES / benchmark.stats.stats.min)


def test_the_check_takes_less_than_slicing(benchmark: Any, tmp_path: Path, engine: Callable[[str], str]) -> None:
    """CPU time of the check of the demonstration's plate, as a share of what PrusaSlicer took to slice it."""
    engine("prusa-slicer")
    profiles = load_profiles()
    demo = Path(printprep.__path__[0]) / "demo" / "dissection"
    request = Request(sources=(demo / "case.toml",), printer="prusa-xl", process="standard", out=tmp_path)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = run_case(request, profiles, "slice")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    slicing_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert result.plan is not None
    plan, plate = result.plan, result.plates[0]

    def work() -> float:
        started_s = time.process_time()
        prove_plate(plate.file, plan, plan.plates[0], result.printer, Limits())
        return time.process_time() - started_s

    work()  # compiles
    check_s = benchmark.pedantic(work, rounds=1)
    benchmark.extra_info["check_cpu_s"], benchmark.extra_info["slicing_cpu_s"] = round(check_s, 1), round(slicing_s, 1)
    assert check_s < slicing_s
