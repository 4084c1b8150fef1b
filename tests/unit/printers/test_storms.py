"""Storms: whatever the cable does, the moves that are carried out are the file's, byte for byte."""

from __future__ import annotations

import random

import pytest

from printprep.printers.dialects.events import Failed, Fault, Phase
from printprep.printers.virtual_faults import Faults
from tests.unit.printers.wire import Wire, moves

NUMBERED = ["marlin with its window", "marlin", "prusa-buddy", "repetier", "smoothieware"]
RUNS = 200
LINES = 5000


def storm(seed: int) -> Faults:
    """Each kind of fault at a rate of its own, up to 3 % of lines, answers and reads."""
    rates = random.Random(f"storm {seed}")
    names = ["drop_line", "duplicate_line", "corrupt_line", "drop_ok", "duplicate_ok", "corrupt_ok", "split", "merge"]
    return Faults(seed=seed, **{name: rates.uniform(0.0, 0.03) for name in names})  # type: ignore[arg-type]


def weather(name: str, seed: int, lines: int) -> Wire:
    """One storm over one job; line numbers begin anew several times."""
    wire = Wire(
        name.split()[0],
        faults=storm(seed),
        advanced_ok=name == NUMBERED[0],
        count_to=random.Random(seed).randrange(50, 900),
    )
    job = moves(lines)
    wire.print(job)
    assert wire.of_job() == job
    assert wire.host.phase is Phase.READY
    assert wire.host.accepted == wire.host.wire_position.certain == lines
    return wire


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", NUMBERED)
def test_a_storm_changes_nothing_of_what_is_printed(name: str, seed: int) -> None:
    wire = weather(name, seed, 700)
    assert wire.host.tally.resends > 0
    assert wire.host.tally.repeated > 0


@pytest.mark.long
@pytest.mark.parametrize("name", NUMBERED)
def test_two_hundred_storms(name: str) -> None:
    """200 jobs of 5,000 lines each."""
    for seed in range(RUNS):
        weather(name, seed, LINES)


@pytest.mark.parametrize("seed", range(4))
def test_what_numbered_oks_make_certain_the_printer_has(seed: int) -> None:
    assert weather(NUMBERED[0], 1000 + seed, 700).over_certain == 0


@pytest.mark.parametrize("name", ["reprapfirmware", "klipper", "chitu"])
def test_without_an_order_of_numbers_a_lost_line_ends_the_job_and_nothing_is_skipped(name: str) -> None:
    """They take any line, so that none is sent twice: the job ends at the first loss, with what is certain."""
    wire = Wire(name, faults=Faults(seed=5, drop_line=0.005))
    job = moves(2000)
    wire.print(job)
    done = wire.of_job()
    assert 0 < len(done) < len(job)
    assert done[: len(job)] == job[: len(done)]


def test_reprapfirmware_says_which_answer_is_missing() -> None:
    wire = Wire("reprapfirmware", faults=Faults(seed=5, drop_ok=0.005))
    wire.print(moves(2000))
    failed = wire.happened(Failed)[0]
    assert isinstance(failed, Failed)
    assert failed.fault is Fault.CONFUSION
    assert "cannot say whether it carried it out" in failed.message
    assert failed.accepted <= len(wire.of_job()) <= failed.accepted + 1


def test_numbers_stay_small_however_long_the_job_is() -> None:
    wire = Wire("marlin", count_to=1000)
    wire.print(moves(5000))
    assert wire.of_job() == moves(5000)
    assert sum(command.startswith(b"M110") for command in wire.accepted) == 1 + 5


@pytest.mark.long
def test_a_hundred_thousand_lines_and_more() -> None:
    wire = Wire("marlin")
    wire.print(moves(120_000))
    assert wire.of_job() == moves(120_000)
    assert wire.host.wire_position.certain == 120_000


@pytest.mark.parametrize("name", NUMBERED)
def test_a_host_that_stood_still_goes_on_where_it_was(name: str) -> None:
    """Ten minutes without a turn: what had come meanwhile is read first, then the time is looked at."""
    wire = Wire(name.split()[0], advanced_ok=name == NUMBERED[0])
    wire.greet()
    job = moves(50)
    actions = wire.host.begin(iter(job), wire.now_s)
    for _ in range(20):
        answer = wire.printer.feed(actions.write, wire.now_s)
        wire.now_s += 600.0
        actions = wire.host.feed(answer, wire.now_s)
        late = wire.host.due(wire.now_s)
        actions = type(actions)(actions.write + late.write, actions.events)
    wire.exchange(actions)
    wire.run_until(lambda: wire.host.phase is Phase.READY)
    assert wire.of_job() == job
    assert wire.host.tally.repeated == wire.host.tally.probes == 0
