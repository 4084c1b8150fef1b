"""The nozzle and the head against what is printed already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from printprep.case import Finding
from printprep.gcode.guard import GuardLimits, guard
from printprep.gcode.hits import Head

LIMITS = GuardLimits(upper_mm=(250, 210, 200), nozzle_max_c=290, bed_max_c=110, nozzle_mm=0.4)
START = "M140 S60\nM104 S215\nG28\nM190 S60\nM109 S215\nG90\nM83\n"
END = "M104 S0\nM140 S0\n"
HEAD = Head(radius_mm=30, height_mm=15)


def block(x: float, y: float, low_mm: float, high_mm: float, size_mm: float = 20.0, over_mm: float = 0.0) -> str:
    """A square block of rings, printed from ``low_mm`` to ``high_mm``, entered and left above it and ``over_mm``."""
    above_mm = max(high_mm, over_mm) + 1
    lines = [f"G1 Z{above_mm:.2f} F600", f"G1 X{x:.2f} Y{y:.2f} F6000"]
    for k in range(round((high_mm - low_mm) / 0.2)):
        lines.append(f"G1 Z{low_mm + 0.2 * (k + 1):.2f} F600")
        for u, v in ((size_mm, 0), (size_mm, size_mm), (0, size_mm), (0, 0)):
            lines.append(f"G1 X{x + u:.2f} Y{y + v:.2f} E0.7 F1200")
    return "\n".join([*lines, f"G1 Z{above_mm:.2f} F600", ""])


def check(tmp_path: Path, body: str, limits: GuardLimits = LIMITS) -> list[Finding]:
    path = tmp_path / "plate.gcode"
    path.write_text(START + body + END)
    return list(guard(path, limits))


def test_a_nozzle_that_dives_into_the_print_is_an_error(tmp_path: Path) -> None:
    [finding] = check(tmp_path, block(50, 50, 0, 20) + "G1 X40 Y60\nG1 Z1 F600\nG1 X80 Y60 F6000\n")
    assert finding.code == "gcode-hits-print"
    assert "'G1 X80 Y60 F6000': the nozzle runs into what is printed, whose top is 19.00 mm" in finding.message
    assert finding.value == pytest.approx(19.0)
    assert finding.limit == pytest.approx(0.3)
    assert finding.where_mm == pytest.approx((50.0, 60.0, 1.0), abs=1.0)


def test_coming_down_on_it_is_one_too(tmp_path: Path) -> None:
    [finding] = check(tmp_path, block(50, 50, 0, 20) + "G1 X50 Y50\nG1 Z1 F600\n")
    assert "'G1 Z1 F600': the nozzle runs into what is printed, whose top is 19.00 mm" in finding.message


@pytest.mark.parametrize(("z", "hits"), [(5.0, 0), (4.8, 0), (4.72, 0), (4.6, 1), (0.2, 1)])
def test_a_layer_of_tolerance(tmp_path: Path, z: float, hits: int) -> None:
    body = block(50, 50, 0, 5) + f"G1 X40 Y60\nG1 Z{z} F600\nG1 X60 Y60 F6000\n"
    assert len(check(tmp_path, body)) == hits


def test_layers_printed_into_it(tmp_path: Path) -> None:
    """A print that begins anew where it stands."""
    found = check(tmp_path, block(50, 50, 0, 10) + block(55, 55, 0, 2, 10.0) + block(50, 50, 0, 1))
    assert [f.code for f in found] == ["gcode-hits-print"]
    assert "times in all" in found[0].message


def test_beside_it_above_it_and_off_the_frame(tmp_path: Path) -> None:
    beside = "G1 X30 Y30\nG1 Z0.2 F600\nG1 X90 Y30 F6000\nG1 X90 Y90\n"
    assert check(tmp_path, block(50, 50, 0, 20) + beside) == []
    off = check(tmp_path, "G1 X-5 Y50 Z5 F600\nG1 Y80 E1\nG1 Z1\nG1 Y50\n")
    assert {f.code for f in off} == {"gcode-off-bed"}


def test_a_lower_tower_beside_the_part(tmp_path: Path) -> None:
    body = "".join(block(50, 50, k, k + 1) + block(120, 50, k / 5, k / 5 + 0.2, 10.0, over_mm=k + 1) for k in range(12))
    assert check(tmp_path, body) == []
    assert "the head runs" in check(tmp_path, body.replace("X1", "X"), replace(LIMITS, head=HEAD))[0].message


def test_one_object_after_the_other(tmp_path: Path) -> None:
    apart = block(50, 50, 0, 10) + block(150, 50, 0, 10) + block(50, 150, 0, 10)
    assert check(tmp_path, apart, replace(LIMITS, head=HEAD)) == []
    close = check(tmp_path, block(50, 50, 0, 10) + block(80, 50, 0, 10), replace(LIMITS, head=HEAD))
    assert [f.code for f in close] == ["gcode-hits-print"]
    assert "the head runs" in close[0].message
    assert check(tmp_path, block(50, 50, 0, 10) + block(80, 50, 0, 10)) == []  # of no head that is known


def test_the_beam_over_a_tall_object(tmp_path: Path) -> None:
    limits = replace(LIMITS, head=HEAD)
    [finding] = check(tmp_path, block(50, 50, 0, 20) + block(150, 50, 0, 2, over_mm=20), limits)
    assert "the gantry runs" in finding.message
    assert check(tmp_path, block(50, 20, 0, 20) + block(150, 150, 0, 2, over_mm=20), limits) == []  # it passes behind


def test_a_huge_frame_and_a_jump_out_of_it_stay_bounded(tmp_path: Path) -> None:
    limits = replace(LIMITS, lower_mm=(-1e5, -1e5, 0), upper_mm=(1e5, 1e5, 1e5))
    body = block(50, 50, 0, 5) + "G1 X90000 Y90000 Z1 F6000\nG1 X-90000 E1\n"
    assert check(tmp_path, body, limits) == []
