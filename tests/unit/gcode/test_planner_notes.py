"""The worked examples of the firmware notes, replayed against our planners."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from printprep.gcode.motion import Cornering, MotionLimits, move_times_s
from printprep.gcode.read import read_gcode

NOTES = Path(__file__).parents[3] / "firmware_notes"
EXAMPLES: dict[str, str] = {
    f"{note.stem}-{number}": block
    for note in sorted(NOTES.glob("*.md"))
    for number, block in enumerate(
        re.findall(r"^```planner\n(.*?)^```", note.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    )
}
MOVE = re.compile(r"= ([\d.]+) s(?:: ([\d.]+) ([\d.]+) ([\d.]+) mm/s)?$")


@dataclass(frozen=True)
class Example:
    limits: MotionLimits
    cornering: Cornering
    lines: list[str]
    moves: dict[int, tuple[float, tuple[float, ...]]]  # by line: seconds, speeds

    @property
    def exact(self) -> bool:
        return self.limits.steps_ahead or self.cornering in (Cornering.SQUARE_CORNER, Cornering.STEP)


def read_example(block: str) -> Example:
    head, lines, moves = [], [], {}
    for line in block.splitlines():
        if line.startswith("> "):
            lines.append(line[2:])
        elif found := MOVE.match(line):
            moves[len(lines)] = (float(found[1]), tuple(float(v) for v in found.groups()[1:] if v))
        else:
            head.append(line)
    keys = tomllib.loads("\n".join(head))
    cornering = Cornering(keys.pop("cornering"))
    tuples: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in keys.items()}
    return Example(limits=MotionLimits(**tuples), cornering=cornering, lines=lines, moves=moves)


@pytest.mark.parametrize("block", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_takes_what_the_firmware_takes(block: str, tmp_path: Path) -> None:
    example = read_example(block)
    path = tmp_path / "example.gcode"
    path.write_text("\n".join(example.lines) + "\n")
    gcode = read_gcode(path, g90_sets_e=example.cornering is not Cornering.SQUARE_CORNER)
    times = move_times_s(gcode, example.limits, example.cornering)
    assert gcode.moves.line.tolist() == list(example.moves)
    wanted = np.array([seconds for seconds, _ in example.moves.values()])
    # written to a tenth of a millisecond; where a timer makes the steps, whole ones more or less are 2.5 % of a move
    rel, least_s = (1e-3, 6e-5) if example.exact else (0.025, 1.1e-3)
    np.testing.assert_allclose(times, wanted, rtol=rel, atol=least_s)
    assert times.sum() == pytest.approx(wanted.sum(), rel=5e-3)


@pytest.mark.parametrize("block", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_agrees_with_itself(block: str) -> None:
    example = read_example(block)
    last = None
    for seconds, speeds in example.moves.values():
        if not speeds:
            continue
        entry, top, leave = speeds
        assert top >= max(entry, leave) - 0.1
        assert seconds > 0
        if last is not None and example.cornering is Cornering.SQUARE_CORNER:
            assert entry == pytest.approx(last, abs=0.02) or entry == 0
        last = leave


def test_every_planner_has_examples() -> None:
    named = {read_example(block).cornering for block in EXAMPLES.values()}
    assert named == set(Cornering)
    assert len(EXAMPLES) >= 11


@pytest.mark.parametrize("cornering", list(Cornering))
def test_a_slower_corner_is_found_out(cornering: Cornering, tmp_path: Path) -> None:
    """The examples are sharp: a planner whose corners are a fifth faster fails one of them."""
    quick = {
        Cornering.JERK: "jerk_mm_s",
        Cornering.STEP: "jerk_mm_s",
        Cornering.SQUARE_CORNER: "square_corner_velocity_mm_s",
        Cornering.JUNCTION_DEVIATION: "junction_deviation_mm",
    }[cornering]
    worst = 0.0
    for block in EXAMPLES.values():
        example = read_example(block)
        if example.cornering is not cornering:
            continue
        path = tmp_path / "example.gcode"
        kept = [line for line in example.lines if line[:4] not in ("M205", "M566", "SET_")]
        path.write_text("\n".join(kept) + "\n")
        gcode = read_gcode(path)
        value = getattr(example.limits, quick)
        names = {name: getattr(example.limits, name) for name in MotionLimits.__slots__}
        faster = MotionLimits(
            **names | {quick: tuple(1.2 * v for v in value) if isinstance(value, tuple) else 1.2 * value}
        )
        was, now = (move_times_s(gcode, limits, cornering) for limits in (example.limits, faster))
        worst = max(worst, float(np.abs(now - was).max()))
    assert worst > (1.2e-3 if cornering in (Cornering.JERK, Cornering.JUNCTION_DEVIATION) else 5e-4)
