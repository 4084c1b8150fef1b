"""How long is waited, what ends a wait early, and how far behind the certain line may be."""

from __future__ import annotations

from itertools import pairwise

import pytest

from printprep.printers.dialects.events import Failed, Fault, Phase, Timings
from printprep.printers.dialects.klipper import Klipper
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.dialects.sending import SLOWEST_S, WINDOW
from printprep.printers.virtual_faults import Faults
from tests.unit.printers.wire import Wire, moves


def greeted(timings: Timings) -> Marlin:
    host = Marlin(timings=timings)
    host.greet(0.0)
    host.feed(b"ok\nok T:20 /0 B:20 /0\nok\n", 0.0)
    assert host.phase is Phase.READY
    return host


def test_what_stands_still_is_asked_ever_more_seldom() -> None:
    host = greeted(Timings(poll_s=1e9, reply_s=0.5, probes=6))
    host.begin(iter([b"G1 X1"]), 0.0)
    asked_s = []
    while host.phase is Phase.PRINTING or host.phase is Phase.FINISHING:
        asked_s.append(host.next_due_s)
        host.due(host.next_due_s)
    waits = [later - earlier for earlier, later in pairwise(asked_s)]
    assert waits == pytest.approx([1.0, 2.0, 4.0, SLOWEST_S, SLOWEST_S, SLOWEST_S])


def test_a_long_patience_is_not_made_shorter() -> None:
    host = greeted(Timings(poll_s=1e9, reply_s=30.0))
    host.begin(iter([b"G1 X1"]), 0.0)
    host.due(30.0)
    assert host.next_due_s == pytest.approx(60.0)


def test_a_printer_that_waits_has_not_got_the_line() -> None:
    """Said once, the line may still be under way."""
    host = greeted(Timings(poll_s=1e9))
    host.begin(iter([b"G1 X1"]), 0.0)
    assert host.feed(b"wait\n", 1.0).write == b""
    assert b"M105" in host.feed(b"wait\n", 2.0).write
    assert host.feed(b"wait\n", 3.0).write == b""  # the question has just gone out


def test_a_printer_that_waits_for_the_operator_is_left_alone() -> None:
    host = greeted(Timings(poll_s=1e9))
    host.begin(iter([b"M600", b"G1 X1"]), 0.0)
    assert host.feed(b"wait\nwait\nwait\n", 1.0).write == b""


@pytest.mark.parametrize("firmware", ["marlin", "prusa-buddy", "smoothieware", "klipper", "reprapfirmware", "chitu"])
def test_certain_is_never_more_than_the_window_behind(firmware: str) -> None:
    """Plain oks prove nothing, so that a question follows each window of lines."""
    wire = Wire(firmware, advanced_ok=False, timings=Timings(poll_s=1e9))
    wire.print(moves(500))
    assert wire.of_job() == moves(500)
    assert WINDOW - 3 <= wire.behind <= WINDOW
    asked = sum(command.startswith((b"M105", b"M4000")) for command in wire.accepted)
    assert asked <= 500 / (WINDOW - 1) + 3


def test_an_answer_too_many_ends_a_klipper_job_within_a_window() -> None:
    wire = Wire("klipper")
    wire.greet()
    wire.printer.cable(Faults(seed=3, duplicate_ok=0.01))
    wire.print(moves(500))
    failed = wire.happened(Failed)[0]
    assert isinstance(failed, Failed)
    assert failed.fault is Fault.CONFUSION
    assert isinstance(wire.host, Klipper)
    assert f"certain is all up to command {wire.host.wire_position.certain}" in failed.message
    assert 0 <= len(wire.of_job()) - wire.host.wire_position.certain <= WINDOW + 1
