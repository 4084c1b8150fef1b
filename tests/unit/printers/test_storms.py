"""Storms: whatever the cable does, the moves that are carried out are the file's, byte for byte."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from printprep.printers.dialects import DIALECTS
from printprep.printers.dialects.events import Failed, Fault, Phase, Timings
from printprep.printers.dialects.sending import WINDOW
from printprep.printers.link import Ending
from printprep.printers.serial import SerialLink
from printprep.printers.virtual import VirtualPrinter
from printprep.printers.virtual_faults import Deed, Faults
from tests.unit.printers.wire import Wire, moves

NUMBERED = ["marlin with its window", "marlin", "prusa-buddy", "repetier", "smoothieware"]
UNORDERED = ["reprapfirmware", "klipper", "chitu"]
DOUBTFUL = ["drop_line", "duplicate_line", "drop_ok", "duplicate_ok", "corrupt_ok"]
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


def harmless_storm(name: str, seed: int, lines: int) -> None:
    """What a firmware without an order of numbers survives: pieces, delays, and any fault of a question's answer."""
    chance = random.Random(f"harmless {name} {seed}")
    late = tuple(Deed(do="delay", at_line=chance.randrange(1, lines), delay_s=0.02) for _ in range(lines // 100))
    wire = Wire(name, faults=Faults(seed=seed, split=0.03, merge=0.03, script=late))
    wire.greet()
    answer = wire.printer.feed

    def spoil(data: bytes, now_s: float) -> bytes:
        said = answer(data, now_s).splitlines(keepends=True)
        return b"".join(line * chance.choices([0, 1, 2], [1, 18, 1])[0] if b" B:" in line else line for line in said)

    wire.printer.feed = spoil  # type: ignore[method-assign]
    job = moves(lines)
    wire.print(job)
    assert wire.host.phase is Phase.READY, wire.happened(Failed)
    assert wire.of_job() == job
    assert wire.over_certain == 0
    assert wire.host.tally.probes > 0


@pytest.mark.parametrize("name", UNORDERED)
def test_what_harms_no_line_stops_no_job(name: str) -> None:
    harmless_storm(name, 0, 700)


@pytest.mark.long
@pytest.mark.parametrize("name", UNORDERED)
def test_two_hundred_harmless_storms(name: str) -> None:
    for seed in range(RUNS):
        harmless_storm(name, seed, LINES)


def doubtful_storm(name: str, kind: str, seed: int, lines: int) -> Wire:
    """One kind of fault, some times in a job: the job ends at the first one, and what was certain was true."""
    wire = Wire(name)
    wire.greet()
    wire.printer.cable(Faults(seed=seed, **{kind: 5 / lines}))  # type: ignore[arg-type]
    job = moves(lines)
    wire.print(job)
    done = wire.of_job()
    once = [command for n, command in enumerate(done) if n == 0 or command != done[n - 1]]
    assert once == job[: len(once)]
    assert len(done) - len(once) <= (kind == "duplicate_line") * WINDOW
    assert wire.over_certain == 0
    assert wire.behind <= WINDOW
    if wire.host.phase is Phase.READY:  # no fault came, or only to a question
        assert done == job
    else:
        failed = wire.happened(Failed)[0]
        assert isinstance(failed, Failed)
        assert failed.fault in (Fault.CONFUSION, Fault.FIRMWARE)
    return wire


@pytest.mark.parametrize("kind", DOUBTFUL)
@pytest.mark.parametrize("name", UNORDERED)
def test_a_doubt_ends_the_job_where_numbers_have_no_order(name: str, kind: str) -> None:
    """They take any line, so that none is sent twice; nor does one go on when an answer is missing or too many."""
    assert any(doubtful_storm(name, kind, seed, 700).host.phase is Phase.DEAD for seed in range(3))


@pytest.mark.long
@pytest.mark.parametrize("kind", DOUBTFUL)
@pytest.mark.parametrize("name", UNORDERED)
def test_two_hundred_doubts(name: str, kind: str) -> None:
    ends = Counter(doubtful_storm(name, kind, seed, LINES).host.phase for seed in range(RUNS))
    assert ends[Phase.DEAD] > RUNS * 0.9


@pytest.mark.parametrize("seed", range(20))
def test_a_spoilt_line_ends_the_job_on_reprapfirmware(seed: int) -> None:
    """It drops the line without a word, or says that it is no command. The others carry out whatever comes."""
    wire = Wire("reprapfirmware")
    wire.greet()
    wire.printer.cable(Faults(seed=seed, corrupt_line=0.005))
    job = moves(2000)
    wire.print(job)
    assert wire.host.phase is Phase.DEAD
    done = wire.of_job()
    # the last may be cut in two; one that lost its star is carried out with its checksum behind it
    assert all(command.startswith(wanted) for command, wanted in zip(done[:-1], job, strict=False))


@pytest.mark.parametrize(
    ("fault", "words"),
    [("drop_ok", "got lost"), ("duplicate_ok", "an answer too many"), ("duplicate_line", "an answer too many")],
)
@pytest.mark.parametrize("name", UNORDERED)
def test_a_doubt_says_line_layer_and_height(name: str, fault: str, words: str, tmp_path: Path) -> None:
    job = tmp_path / "job.gcode"
    layers = [[";LAYER_CHANGE", f";Z:{n / 500:.1f}", *(m.decode() for m in moves(2000)[n : n + 100])]
              for n in range(0, 2000, 100)]  # fmt: skip
    job.write_text("\n".join(line for layer in layers for line in layer), encoding="ascii")
    impatient = Timings(reply_s=0.05, probes=20)
    with VirtualPrinter(dialect=name) as printer:
        link = SerialLink(printer.port, dialect=lambda: DIALECTS[name](timings=impatient))
        link.connect()
        printer.firmware.cable(Faults(seed=1, **{fault: 0.01}))  # type: ignore[arg-type]
        outcome = link.print_file(job)
        link.close()
    assert outcome.ending is Ending.FAILED
    assert re.search(words + r".*after command \d+ of 2000, layer \d+ of 20 at [\d.]+ mm", outcome.message)


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
