from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from printprep.cli.rush import takes
from printprep.lab import queue, turn
from printprep.lab.lease import this_agent
from printprep.lab.offers import offers
from printprep.lab.pace import pace_of, read_pace, read_paces
from printprep.lab.ready import foresee
from printprep.lab.store import Job, State, Store
from printprep.lab.variant import Variant
from printprep.plan import Estimate
from printprep.printers.forecast import forecast
from printprep.printers.job import read_job
from printprep.printers.registry import add_printer, new_printer
from printprep.profiles.load import load_profiles

Wind = Callable[[float], None]


def test_without_prints_the_factor_is_one_and_the_range_is_ten_percent() -> None:
    pace = pace_of([])
    assert (pace.prints, pace.factor) == (0, 1.0)
    assert pace.low == pytest.approx(1 / pace.high)
    assert pace.high == pytest.approx(math.exp(2.1318 * 0.05), rel=1e-4)  # Student's t, 4 degrees of freedom


def test_many_prints_outweigh_the_prior_and_an_odd_one_widens_the_range() -> None:
    some, many = pace_of([1.1] * 3), pace_of([1.1] * 50)
    assert 1 < some.factor < many.factor < 1.1
    assert many.high - many.low < some.high - some.low
    odd = pace_of([1.1] * 50 + [2.2])
    assert odd.high - odd.low > many.high - many.low
    assert odd.factor < 1.12


def test_nine_of_ten_prints_lie_within_the_range() -> None:
    random = np.random.default_rng(20261122)
    inside = 0
    for _ in range(400):
        *known, next_one = np.exp(random.normal(0.06, 0.04, 9))
        pace = pace_of(known)
        inside += pace.low < next_one < pace.high
    assert 0.86 < inside / 400 < 0.96


@pytest.fixture
def printed(store: Store, queued: Callable[..., Job], wind: Wind) -> Callable[..., Job]:
    """Print a job that was estimated as an hour, as an agent does."""

    def run(seconds: float, *, to: State = State.DONE, paused_s: float = 0.0, estimate_s: float | None = 3600) -> Job:
        job = queued(duration_s=estimate_s)
        queue.clear_plate(store, "a", who="ann")
        me = this_agent()
        turn.hold(store, "a", me)
        turn.begin(store, job, me)
        wind(seconds / 2)
        if paused_s:
            turn.tell(store, job, me, turn.Told(line=1, paused=True, message="filament"))
            wind(paused_s)
            turn.tell(store, job, me, turn.Told(line=1))
        wind(seconds / 2)
        ended = turn.end(store, job, me, to, why="printed", line=2)
        turn.let_go(store, "a", me)
        return ended

    return run


def test_a_finished_print_moves_the_factor_of_its_printer_and_process(
    store: Store, printed: Callable[..., Job]
) -> None:
    assert read_pace(store, "a", None) == pace_of([])
    printed(3960)
    assert read_pace(store, "a", "draft") == pace_of([1.1])
    assert read_pace(store, "a", None) == pace_of([1.1])
    assert read_pace(store, "a", "fine") == read_pace(store, "b", "draft") == pace_of([])
    printed(4320)
    assert read_pace(store, "a", "draft") == pace_of([1.1, 1.2])


def test_pauses_do_not_count(store: Store, printed: Callable[..., Job]) -> None:
    printed(3600, paused_s=7200)
    assert read_pace(store, "a", "draft") == pace_of([1.0])


@pytest.mark.parametrize(
    ("seconds", "values"),
    [
        (3600, {"to": State.FAILED}),
        (3600, {"to": State.CANCELLED}),
        (3600, {"estimate_s": None}),
        (3, {}),  # as on the virtual printer, which moves as fast as it can
        (36000, {}),
    ],
)
def test_what_says_nothing_of_the_pace_is_not_learned_from(
    seconds: float, values: dict[str, object], store: Store, printed: Callable[..., Job]
) -> None:
    printed(seconds, **values)
    assert read_pace(store, "a", None).prints == 0


def test_a_rush_counts_on_the_pace(store: Store, printed: Callable[..., Job]) -> None:
    for _ in range(5):
        printed(4500)
    assert read_paces(store) == {("a", "draft"): pace_of([1.25] * 5)}
    estimate = Estimate(duration_s=7200, duration_from="trapezoid", material=())
    profiles = load_profiles()
    variant = Variant(profile="ender-3", process="draft", estimate=estimate)
    plain, paced = (
        offers([variant], {"a": "ender-3"}, profiles, [], store.now(), paces=paces)[0]
        for paces in (None, read_paces(store))
    )
    assert plain.finish is not None
    assert paced.finish is not None
    assert (paced.finish - plain.finish).total_seconds() == pytest.approx(7200 * (pace_of([1.25] * 5).factor - 1))
    assert takes(plain) == "2 h 00 min"
    assert takes(paced).startswith("2 h ")
    assert " to " in takes(paced)


def test_a_print_is_foreseen_at_the_pace_of_its_printer(
    printed: Callable[..., Job], data: Path, tmp_path: Path
) -> None:
    for _ in range(3):
        printed(3960)
    add_printer(new_printer(name="a", profile="ender-3", link="serial", port="/dev/ttyUSB9"))
    job, ender = read_job(data / "gcode" / "ender-3.gcode"), load_profiles().printer("ender-3")
    lab = tmp_path / "lab.sqlite3"
    plain = forecast(job, ender)
    assert plain is not None

    def foreseen_s(name: str, store: Path) -> float:
        told = foresee(job, name, ender, str(store))
        assert told is not None
        return told.duration_s

    assert foreseen_s("a", lab) == pytest.approx(pace_of([1.1] * 3).factor * plain.duration_s)
    assert foreseen_s("of no lab", lab) == plain.duration_s
    (tmp_path / "spoilt").write_text("no store")
    assert foreseen_s("a", tmp_path / "spoilt") == plain.duration_s
