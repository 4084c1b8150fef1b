from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from printprep.errors import InputError
from printprep.gcode.estimate import estimate
from printprep.gcode.guard import GuardLimits, guard
from printprep.gcode.motion import Cornering, MotionLimits
from printprep.gcode.read import Gcode, read_gcode

LIMITS = GuardLimits(upper_mm=(200, 200, 200), nozzle_max_c=300, bed_max_c=100)
COMMANDS = (
    "G0", "G1", "G2", "G3", "G4", "G28", "G90", "G91", "G92", "M82", "M83", "M104", "M109", "M201", "M203", "M204",
    "M205", "M220", "M221", "T1", "T0", "G20", "M",
)  # fmt: skip
words = st.builds(
    lambda letter, value: f"{letter}{value}",
    st.sampled_from("XYZEFIJRSPT"),
    st.one_of(st.floats(-300, 300).map(lambda v: f"{v:.3f}"), st.sampled_from(["", "nan", "1e300", "--", "9" * 50])),
)
lines = st.builds(
    lambda command, rest, tail: " ".join([command, *rest]) + tail,
    st.sampled_from(COMMANDS),
    st.lists(words, max_size=5),
    st.sampled_from(["", " ; note", ";TYPE:Perimeter", "*12", "\r"]),
)


def written(data: bytes) -> Gcode | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.gcode"
        path.write_bytes(data)
        try:
            guard(path, LIMITS)
            return read_gcode(path)
        except InputError:
            return None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_crash_the_reader_or_the_guard(data: bytes) -> None:
    written(b"G28\n" + data)


@settings(max_examples=150, deadline=None)
@given(st.lists(lines, min_size=1, max_size=40))
def test_any_commands_give_finite_moves_and_a_time_not_below_distance_over_speed(commands: list[str]) -> None:
    gcode = written("\n".join(["G28", *commands]).encode())
    assert gcode is not None
    assert np.isfinite(gcode.moves.position_mm).all()
    assert np.isfinite(gcode.moves.e_mm).all()
    for cornering in Cornering:
        result = estimate(gcode, MotionLimits(), cornering=cornering)
        assert np.isfinite(result.duration_s)
        step = np.linalg.norm(np.diff(gcode.moves.position_mm, axis=0, prepend=np.zeros((1, 3))), axis=1)
        fastest = np.where(gcode.moves.kind == 2, np.inf, np.maximum(gcode.moves.feed_mm_s, 1e-3))
        # Marlin gathers moves below 6 steps, so that a move may begin and end that far from where the file says
        gathered_mm = 0.3 if cornering in (Cornering.JERK, Cornering.JUNCTION_DEVIATION) else 0.0
        at_least = float((np.maximum(step - gathered_mm, 0.0) / fastest).sum())
        assert sum(result.by_tool_s.values()) >= at_least * 0.999 - 1e-3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(0, 200).map(lambda v: round(v, 2))] * 2), min_size=2, max_size=30),
    st.sampled_from(Cornering),
)
def test_a_way_there_takes_as_long_as_the_way_back(points: list[tuple[float, float]], cornering: Cornering) -> None:
    def time_s(path: list[tuple[float, float]]) -> float:
        x, y = path[0]
        text = [f"G28\nG92 X{x} Y{y}\nG1 F3000", *(f"G1 X{x} Y{y}" for x, y in path[1:])]
        gcode = written("\n".join(text).encode())
        assert gcode is not None
        return estimate(gcode, MotionLimits(), cornering=cornering).duration_s

    there_s, back_s = time_s(points), time_s(points[::-1])
    # Marlin leaves rest at the speed of a jerk and comes to it almost without: 8 mm/s at 1,000 mm/s2, both ways
    assert abs(there_s - back_s) < 0.02 + 1e-3 * there_s
