from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from printprep.cli.rush import given_up, grouped, show
from printprep.errors import InputError, ProfileError
from printprep.files import sha256_of
from printprep.lab import queue, turn
from printprep.lab.jobfile import PrintFile
from printprep.lab.lease import this_agent
from printprep.lab.offers import fidelity, offers
from printprep.lab.rush import candidates, choose, exit_code_of, queue_offer, settle
from printprep.lab.side_by_side import tell_all
from printprep.lab.spool import path_of
from printprep.lab.store import Job, State, Store
from printprep.lab.variant import Variant, Wish
from printprep.plan import Estimate
from printprep.profiles.load import Profiles, load_profiles
from printprep.progress import Progress

HOURS = {"fine": 9.0, "standard": 6.0, "draft": 3.0, "rush": 2.0}
WISH = Wish(sources=(Path("case.toml"),), out=Path("build"))
LAB = {"xl": "prusa-xl", "ender": "ender-3"}


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


def variant(profile: str, process: str, **changes: object) -> Variant:
    files = (PrintFile(file=Path(f"/{profile}/{process}.gcode"), sha256="0" * 64, duration_s=HOURS[process] * 3600),)
    estimate = Estimate(duration_s=HOURS[process] * 3600, duration_from="slicer", material=())
    return replace(Variant(profile=profile, process=process, files=files, estimate=estimate), **changes)  # type: ignore[arg-type]


def xl_variants() -> list[Variant]:
    return [variant("prusa-xl", process) for process in HOURS]


def test_the_finest_process_ranks_first(profiles: Profiles) -> None:
    assert sorted(fidelity(profiles), key=fidelity(profiles).__getitem__) == ["fine", "standard", "draft", "rush"]


def test_a_lab_asks_its_own_printers_each_kind_once(profiles: Profiles) -> None:
    printers, pairs = candidates(profiles, {**LAB, "ender-2": "ender-3"})
    assert printers == {**LAB, "ender-2": "ender-3"}
    assert len(pairs) == len(set(pairs)) == 2 * len(profiles.processes)
    assert pairs[0][1] == "rush", "the quick ones are known first"


def test_a_lab_without_printers_asks_every_profile_but_the_virtual_one(profiles: Profiles) -> None:
    printers, _ = candidates(profiles, {})
    assert set(printers) == set(profiles.printers) - {"virtual"}
    assert candidates(profiles, LAB, ["ender", "virtual"])[0] == {"ender": "ender-3", "virtual": "virtual"}
    with pytest.raises(ProfileError, match="prusa-xk"):
        candidates(profiles, LAB, ["prusa-xk"])


@pytest.mark.parametrize(
    ("hours", "process"), [(24.0, "fine"), (9.5, "fine"), (9.4, "standard"), (3.6, "draft"), (2.6, "rush")]
)
def test_the_finest_in_time_is_chosen(profiles: Profiles, store: Store, hours: float, process: str) -> None:
    now = store.now()
    found = offers(xl_variants(), LAB, profiles, (), now)
    choice = choose(found, now + dt.timedelta(hours=hours))
    assert choice.offer is not None
    assert choice.offer.variant.process == process
    assert choice.offer.finish == now + dt.timedelta(hours=HOURS[process] + 0.5)  # half an hour of post-processing
    assert profiles.process(process).gives_up in choice.why


def test_nothing_in_time_says_by_how_much(profiles: Profiles, store: Store) -> None:
    now = store.now()
    choice = choose(offers(xl_variants(), LAB, profiles, (), now), now + dt.timedelta(hours=2, minutes=15))
    assert choice.offer is None
    assert choice.missed_by_s == 900
    assert choice.why.endswith("rush on xl, misses the deadline by 15 min.")


def test_of_equals_the_earliest_and_the_one_that_merges_nothing(profiles: Profiles, store: Store) -> None:
    now = store.now()
    quick = Estimate(duration_s=1800, duration_from="slicer", material=())
    late = now + dt.timedelta(days=2)
    ender = variant("ender-3", "fine", estimate=quick)
    best = choose(offers([variant("prusa-xl", "fine"), ender], LAB, profiles, (), now), late).offer
    assert best is not None
    assert best.printer == "ender"
    merged = replace(ender, losses=("artery and vein are printed in one colour",))
    best = choose(offers([variant("prusa-xl", "fine"), merged], LAB, profiles, (), now), late).offer
    assert best is not None
    assert best.printer == "xl"


def test_on_80_columns_every_word_of_what_is_given_up_is_whole(
    profiles: Profiles, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "dumb"), ("COLUMNS", "80")):  # a terminal without colours
        monkeypatch.setenv(name, value)
    now = store.now()
    ender = [variant("ender-3", process, losses=("artery and vein are printed in one colour.",)) for process in HOURS]
    ender[0] = variant("ender-3", "fine", estimate=None, problem="cortex does not fit on the bed")
    found = offers([*xl_variants(), *ender], LAB, profiles, (), now)
    show(found, choose(found, now + dt.timedelta(hours=24)), (), now + dt.timedelta(hours=24))
    printed = capsys.readouterr().out
    assert max(len(line) for line in printed.splitlines()) <= 80
    spoken = " ".join(printed.split())
    assert "fine on ender: cortex does not fit on the bed" in spoken
    for process in ("standard", "draft", "rush"):
        words = profiles.process(process).gives_up
        assert f"{process} on xl: {words}" in spoken
        assert f"{process} on ender: {words} artery and vein are printed in one colour." in spoken
    alone = offers(xl_variants(), LAB, profiles, (), now)
    assert [which for which, _ in given_up(alone)] == ["fine", "standard", "draft", "rush"]


def test_what_a_promise_counts_on_is_said(profiles: Profiles, store: Store) -> None:
    now = store.now()
    both = {"left": "prusa-xl", "right": "prusa-xl"}
    mind = {"left": ("not reachable: there is no /dev/ttyACM0", "no agent runs it"), "right": ("no agent runs it",)}
    found = offers([variant("prusa-xl", "fine")], both, profiles, (), now, mind)
    assert [(offer.printer, offer.mind) for offer in found] == [("right", mind["right"]), ("left", mind["left"])]
    assert choose(found, now + dt.timedelta(days=1)).why.endswith("Mind on right: no agent runs it.")
    assert "Mind on left: not reachable" in choose(found[1:], now).why
    ready = offers([variant("prusa-xl", "fine")], both, profiles, (), now, {})
    assert "Mind" not in choose(ready, now + dt.timedelta(days=1)).why


def test_what_cannot_be_printed_is_listed_last_with_its_reason(profiles: Profiles, store: Store) -> None:
    failed = Variant(profile="ender-3", process="fine", problem="300 mm long, the bed is 220 mm")
    found = offers([failed, variant("prusa-xl", "rush")], LAB, profiles, (), store.now())
    assert [offer.variant.problem for offer in found] == [None, "300 mm long, the bed is 220 mm"]
    nothing = choose(found[1:], store.now())
    assert nothing.why == "no printer can print it; the table says why"
    assert exit_code_of(found[1:], nothing) == 1
    missing = offers([replace(failed, exit_code=3)], LAB, profiles, (), store.now())
    assert exit_code_of(missing, choose(missing, store.now())) == 3, "a missing slicer is a missing slicer"


def test_a_rush_waits_for_the_print_under_way_and_for_earlier_rushes(
    profiles: Profiles, store: Store, queued: Callable[..., Job], wind: Callable[[float], None], tmp_path: Path
) -> None:
    def one(duration_s: float, priority: int) -> Job:
        file = PrintFile(file=tmp_path / "x.gcode", sha256="0" * 64, duration_s=duration_s)
        return queue.add(store, file, printer="xl", who="ann", priority=priority)

    under_way = one(7200, queue.ROUTINE)
    turn.hold(store, "xl", this_agent())
    queue.clear_plate(store, "xl", who="bob")
    turn.begin(store, under_way, this_agent())
    one(50000, queue.ROUTINE)
    one(600, queue.RUSH)
    queued("xl", priority=queue.RUSH)
    wind(3600)
    (offer,) = offers([variant("prusa-xl", "rush")], {"xl": "prusa-xl"}, profiles, queue.open_jobs(store), store.now())
    assert offer.wait_s == 3600 + 600
    assert offer.mind == ("J-0004 in front is of unknown length, counted as nothing",)
    file = tmp_path / "plate-1.gcode"
    file.write_bytes(b"G28\n")
    kept = PrintFile(file=file, sha256=sha256_of(file))
    offer = replace(offer, variant=replace(offer.variant, files=(kept,)))
    (job,) = queue_offer(store, offer, who="ann", deadline=store.now() + dt.timedelta(hours=9))
    line = [job.id for job in queue.jobs(store, printer="xl", states=[State.QUEUED])]
    assert line == ["J-0003", "J-0004", job.id, "J-0002"]
    file.write_bytes(b"G28\nG1 X1\n")  # a second rush into the same folder
    assert sha256_of(path_of(store.spool, job.file)) == kept.sha256


def test_estimates_side_by_side(tmp_path: Path) -> None:
    def estimate(wish: Wish, profile: str, process: str) -> Variant:
        return Variant(profile=profile, process=process, problem=None if process == "rush" else "too large")

    pairs = [("a", "rush"), ("b", "fine"), ("a", "fine")]
    found = tell_all(WISH, pairs, pool=ThreadPoolExecutor(2), tell=estimate)
    assert [(v.profile, v.process, v.problem) for v in found] == [
        ("a", "fine", "too large"),
        ("a", "rush", None),
        ("b", "fine", "too large"),
    ]


def test_a_case_that_is_bad_everywhere_is_a_bad_case() -> None:
    def estimate(wish: Wish, profile: str, process: str) -> Variant:
        return Variant(profile=profile, process=process, problem="bone.stl is empty", exit_code=2)

    with pytest.raises(InputError, match=r"bone\.stl is empty"):
        tell_all(WISH, [("a", "rush"), ("a", "fine")], pool=ThreadPoolExecutor(2), tell=estimate)


def test_what_is_chosen_goes_the_whole_way_and_the_next_best_if_it_fails(profiles: Profiles, store: Store) -> None:
    now = store.now()
    deadline = now + dt.timedelta(hours=7)
    asked: list[str] = []

    def whole(_wish: Wish, one: Variant, _progress: Progress) -> Variant:
        asked.append(one.process)
        if one.process == "standard":
            return replace(one, files=(), estimate=None, problem="the vessel is not in the file")
        return one

    found, choice = settle(
        WISH, xl_variants(), lambda made: offers(made, LAB, profiles, (), now), deadline, whole=whole
    )
    assert asked == ["standard", "draft"], "fine would be late, and of the others one is enough"
    assert choice.offer is not None
    assert choice.offer.variant.process == "draft"
    assert found[-1].variant.problem == "the vessel is not in the file"


def test_a_choice_that_becomes_late_on_its_whole_way_is_chosen_no_more(profiles: Profiles, store: Store) -> None:
    now = store.now()
    slow = Estimate(duration_s=7 * 3600, duration_from="slicer", material=())

    def whole(_wish: Wish, one: Variant, _progress: Progress) -> Variant:
        return replace(one, estimate=slow)

    found, choice = settle(
        WISH, xl_variants(), lambda made: offers(made, LAB, profiles, (), now), now + dt.timedelta(hours=7), whole=whole
    )
    assert choice.offer is None
    assert {offer.variant.estimate for offer in found if offer.variant.process != "fine"} == {slow}


def made_by(seconds: Callable[[Variant], float], asked: list[tuple[str, str]]) -> Callable[..., Variant]:
    """What the whole way makes of a variant that takes so long, and of which it was asked."""

    def whole(_wish: Wish, one: Variant, _progress: Progress) -> Variant:
        asked.append((one.profile, one.process))
        real = Estimate(duration_s=seconds(one), duration_from="slicer", material=())
        return replace(one, estimate=real, sliced=True, least=1.0, most=1.0)

    return whole


def told(process: str, profile: str = "prusa-xl") -> Variant:
    return variant(profile, process, files=(), plates=1, least=0.8, most=1.3)


@pytest.mark.parametrize(
    ("hours", "factor", "sliced", "chosen"),
    [
        (24.0, 1.0, ["fine"], "fine"),  # surely in time: nothing coarser is sliced
        (8.5, 0.85, ["fine"], "fine"),  # told late, but it may be in time, and is
        (8.5, 1.05, ["fine", "standard"], "standard"),  # it might have been
        (6.0, 1.0, ["standard", "draft"], "draft"),  # fine cannot be: 7.2 h at the least
        (1.5, 1.0, ["rush"], None),  # nothing can: by how much it misses is known
    ],
)
def test_only_what_can_matter_is_sliced(
    profiles: Profiles, store: Store, hours: float, factor: float, sliced: list[str], chosen: str | None
) -> None:
    now = store.now()
    asked: list[tuple[str, str]] = []
    found, choice = settle(
        WISH,
        [told(process) for process in HOURS],
        lambda made: offers(made, {"xl": "prusa-xl"}, profiles, (), now),
        now + dt.timedelta(hours=hours),
        whole=made_by(lambda one: factor * HOURS[one.process] * 3600, asked),
    )
    assert [process for _, process in asked] == sliced
    assert (choice.offer and choice.offer.variant.process) == chosen
    assert {offer.variant.process for offer in found if offer.variant.sliced} == set(sliced)
    assert f"{len(sliced)} of 4 variants" in choice.why
    if choice.offer is None:
        assert choice.missed_by_s == pytest.approx(3600.0)  # 2 h of print, half an hour of work after it


def test_of_equals_one_is_sliced(profiles: Profiles, store: Store) -> None:
    now = store.now()
    asked: list[tuple[str, str]] = []
    _, choice = settle(
        WISH,
        [told("fine"), told("fine", "ender-3")],
        lambda made: offers(made, LAB, profiles, (), now),
        now + dt.timedelta(hours=24),
        whole=made_by(lambda _: 11 * 3600.0, asked),
    )
    assert len(asked) == 1, "the other is told to be done before it, but both are in time"
    assert choice.offer is not None
    assert (choice.offer.variant.profile, choice.offer.variant.process) == asked[0]


def test_identical_printers_share_a_row(profiles: Profiles, store: Store) -> None:
    twins = {"left": "prusa-xl", "right": "prusa-xl", "ender": "ender-3"}
    found = offers([told("fine"), told("fine", "ender-3")], twins, profiles, (), store.now())
    assert sorted(len(alike) for alike in grouped(found)) == [1, 2]


def test_what_is_under_way_is_told_all_along() -> None:
    said: list[tuple[float, str]] = []

    class Bar:
        def advance(self, done: float, message: str = "") -> None:
            said.append((done, message))

    class Watcher:
        @contextmanager
        def step(self, name: str) -> Iterator[Bar]:
            said.append((0.0, name))
            yield Bar()

    wish = replace(WISH, sources=(Path("no-such-case.toml"),))
    with pytest.raises(InputError, match=r"no-such-case\.toml"):
        tell_all(wish, [("prusa-sl1s", "rush"), ("prusa-sl1s", "draft")], progress=Watcher())
    assert said[0] == (0.0, "tell ahead")
    assert said[1][1].startswith("0 of 2 variants"), "the first word comes before the first variant is done"
    assert said[-1] == (1.0, "2 of 2 variants")
