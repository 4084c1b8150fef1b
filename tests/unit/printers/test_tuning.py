"""What may be tuned, and how far."""

from __future__ import annotations

import pytest

from printprep.errors import InputError
from printprep.printers.tuning import TuneLimits, Tuning, read_tuning, tuning_commands

LIMITS = TuneLimits(tools=2, nozzle_c=(150, 290), nozzle_of_c={0: (190, 230)}, bed_max_c=120)


def test_a_tuning_becomes_commands() -> None:
    tuning = read_tuning({"speed_percent": 80, "flow_percent": 95, "tools_c": {"0": 215, "1": 260.5}, "bed_c": 60})
    assert tuning_commands(tuning, LIMITS) == (
        b"M220 S80",
        b"M221 S95",
        b"M104 T0 S215",
        b"M104 T1 S260.5",
        b"M140 S60",
    )


def test_one_tool_is_not_numbered() -> None:
    assert tuning_commands(Tuning(tools_c={0: 200}), TuneLimits()) == (b"M104 S200",)


@pytest.mark.parametrize(
    ("tuning", "sentence"),
    [
        (Tuning(tools_c={0: 231}), r"tool 0 231 °C is refused; 190 to 230 °C is allowed \(limits of its material\)"),
        (Tuning(tools_c={0: 0}), "190 to 230"),
        (Tuning(tools_c={1: 291}), r"150 to 290 °C is allowed \(limits of the printer\)"),
        (Tuning(tools_c={2: 200}), "there is no tool 2: the printer has 2"),
        (Tuning(bed_c=121), "0 to 120"),
        (Tuning(bed_c=float("nan")), "0 to 120"),
        (Tuning(speed_percent=5), "10 to 300 %"),
        (Tuning(flow_percent=float("inf")), "50 to 200 %"),
        (Tuning(), "say what to change"),
    ],
)
def test_beyond_the_limits_is_refused_with_the_limit(tuning: Tuning, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        tuning_commands(tuning, LIMITS)


def test_one_that_is_refused_holds_back_the_others() -> None:
    with pytest.raises(InputError, match="bed"):
        tuning_commands(Tuning(speed_percent=90, bed_c=500), LIMITS)


@pytest.mark.parametrize("wishes", [{"speed_percent": "fast"}, {"tools_c": {"left": 200}}, {"tools_c": 7}])
def test_what_is_no_number_is_said_so(wishes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="not in numbers"):
        read_tuning(wishes)
