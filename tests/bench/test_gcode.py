"""How fast a large file of G-code is read, timed and guarded: lines a second, bytes a line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from printprep.gcode.estimate import estimate
from printprep.gcode.guard import GuardLimits, guard
from printprep.gcode.motion import MotionLimits
from printprep.gcode.read import read_gcode

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
