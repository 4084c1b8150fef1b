from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from printprep.errors import ConnectionLost, FirmwareFault, LabError, NotAllowed
from printprep.lab import agent as agent_module
from printprep.lab import line, queue, turn
from printprep.lab.agent import Outcome, Switch, Tell, Until, run_agent
from printprep.lab.jobfile import PrintFile
from printprep.lab.lease import Agent
from printprep.lab.spool import path_of
from printprep.lab.store import Job, PlateState, State, Store

GCODE = b"G28\n"


class FakePress:
    """Notes what it prints; ``during`` is what happens meanwhile."""

    def __init__(self, during: Callable[[Job], Outcome | None] = lambda _job: None) -> None:
        self.printed: list[str] = []
        self.cancelled = threading.Event()
        self.during = during
        self.absent = 0  # how often it does not answer

    @contextmanager
    def open(self, printer: str) -> Iterator[FakePress]:
        if self.absent:
            self.absent -= 1
            raise ConnectionLost(f"{printer} is off")
        yield self

    def print(self, job: Job, file: Path, tell: Tell) -> Outcome:
        assert file.is_absolute()
        tell(turn.Told(line=1, lines=2, layer=1))
        self.printed.append(job.id)
        return self.during(job) or Outcome(state=State.DONE, why="printed", lines=2)

    def cancel(self) -> None:
        self.cancelled.set()


@pytest.fixture
def add(store: Store, tmp_path: Path) -> Callable[..., Job]:
    def add_file(printer: str = "a", name: str = "x.gcode", **values: object) -> Job:
        file = tmp_path / name
        file.write_bytes(GCODE)
        asked = PrintFile(file=file, sha256=hashlib.sha256(GCODE).hexdigest())
        (job,) = queue.take_in(store, [asked], printer=printer, who="ann", **values)  # type: ignore[arg-type]
        file.unlink()  # the lab has its own
        return job

    return add_file


@pytest.fixture(autouse=True)
def _quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "TELL_S", 0.01)


def states(store: Store) -> dict[str, State]:
    return {job.id: job.state for job in queue.jobs(store)}


def run(store: Store, press: FakePress, until: Until = Until.EMPTY, **values: object) -> dict[str, Exception]:
    printers = values.pop("printers", ["a"])
    return run_agent(store, printers, press, until=until, poll_s=0.01, **values)  # type: ignore[arg-type,return-value]


def clear_when_used(store: Store, times: int) -> threading.Thread:
    """A person who clears the plate whenever a print stands on it."""

    def watch() -> None:
        left = times
        while left:
            if any(plate.state in (PlateState.USED, PlateState.UNKNOWN) for plate in queue.plates(store)):
                queue.clear_plate(store, "a", who="bob")
                left -= 1

    person = threading.Thread(target=watch)
    person.start()
    return person


def test_one_after_the_other_as_a_person_clears_the_plate(store: Store, add: Callable[..., Job]) -> None:
    jobs = [add().id for _ in range(3)]
    queue.move(store, "J-0003", position=1, who="ann")
    press, said = FakePress(), []
    person = clear_when_used(store, 3)
    assert run(store, press, notify=lambda _printer, text: said.append(text)) == {}
    person.join()
    assert press.printed == ["J-0003", "J-0001", "J-0002"]
    assert states(store) == dict.fromkeys(jobs, State.DONE)
    assert queue.plates(store)[0].state is PlateState.USED
    assert "J-0003 begins: x.gcode" in said
    assert said[-1] == "J-0002 is done: printed"


def test_once_prints_one_and_waits_for_nothing(store: Store, add: Callable[..., Job]) -> None:
    add(), add()
    problem = run(store, FakePress(), Until.ONCE)["a"]
    assert isinstance(problem, NotAllowed)
    assert "the plate is unknown; J-0001 waits for: printprep queue clear-plate a --who" in str(problem)
    queue.clear_plate(store, "a", who="bob")
    press = FakePress()
    assert run(store, press, Until.ONCE) == {}
    assert press.printed == ["J-0001"]


def test_each_printer_has_its_own_line(store: Store, add: Callable[..., Job]) -> None:
    add("a"), add("b")
    queue.clear_plate(store, "a", who="bob")
    queue.clear_plate(store, "b", who="bob")
    together = threading.Barrier(2, timeout=10)  # both are under way at the same time

    def meet(job: Job) -> None:
        together.wait()

    assert run(store, FakePress(meet), printers=["a", "b"]) == {}
    assert set(states(store).values()) == {State.DONE}


def test_a_changed_file_is_never_printed(store: Store, add: Callable[..., Job]) -> None:
    job, gone, good = add(name="x.gcode"), add(name="y.gcode", priority=queue.RUSH), add(name="z.gcode")
    path_of(store.spool, job.file).write_bytes(b"G28\nG1 X9999\n")
    path_of(store.spool, gone.file).unlink()
    queue.clear_plate(store, "a", who="bob")
    press, said = FakePress(), []
    problem = run(store, press, notify=lambda _printer, text: said.append(text))["a"]
    assert isinstance(problem, LabError)
    assert "J-0001 (x.gcode) failed on a: its file was changed" in str(problem)
    assert "J-0002 (y.gcode) failed on a: its file cannot be read" in str(problem)
    assert "J-0003" not in str(problem)
    assert said[0].startswith("URGENT JOB FAILED, it is NOT printed: J-0002 (y.gcode)")
    assert "the next job follows" in said[0]
    assert said[1].startswith("J-0001 (x.gcode) failed on a"), "routine is said plainly"
    assert press.printed == [good.id]
    assert states(store) == {job.id: State.FAILED, gone.id: State.FAILED, good.id: State.DONE}
    assert "changed since it was queued" in (queue.show(store, job.id)[0].reason or "")
    assert "cannot be read: No such file" in (queue.show(store, gone.id)[0].reason or "")


def test_a_file_that_changes_under_the_print_proves_nothing(store: Store, add: Callable[..., Job]) -> None:
    def rewrite(job: Job) -> None:
        path_of(store.spool, job.file).write_bytes(b"G28\nG1 X9999\n")

    add()
    queue.clear_plate(store, "a", who="bob")
    run(store, FakePress(rewrite))
    job, _ = queue.show(store, "J-0001")
    assert job.state is State.FAILED
    assert "not proven" in (job.reason or "")


def test_a_printer_that_is_off_costs_no_job(store: Store, add: Callable[..., Job]) -> None:
    add()
    queue.clear_plate(store, "a", who="bob")
    press, said = FakePress(), []
    press.absent = 3
    assert isinstance(run(store, press, Until.ONCE)["a"], ConnectionLost)
    assert states(store) == {"J-0001": State.QUEUED}
    run(store, press, notify=lambda _printer, text: said.append(text))
    assert said[0] == "does not answer (a is off); J-0001 waits"
    assert states(store) == {"J-0001": State.DONE}


def test_a_failed_print_uses_the_plate(store: Store, add: Callable[..., Job]) -> None:
    add(), add()
    queue.clear_plate(store, "a", who="bob")
    fault = FirmwareFault("thermal runaway in layer 3")
    press = FakePress(lambda _job: Outcome(state=State.FAILED, why=str(fault), lines=17, fault=fault))
    problem = run(store, press, Until.ONCE)["a"]
    assert isinstance(problem, FirmwareFault), "exit code 4"
    assert "J-0001 (x.gcode) failed on a: thermal runaway" in str(problem)
    job, _ = queue.show(store, "J-0001")
    assert (job.state, job.reason, job.line) == (State.FAILED, "thermal runaway in layer 3", 17)
    assert queue.plates(store)[0].state is PlateState.USED


def test_what_was_refused_before_the_first_line_does_not_use_the_plate(store: Store, add: Callable[..., Job]) -> None:
    add()
    queue.clear_plate(store, "a", who="bob")
    run(store, FakePress(lambda _job: Outcome(state=State.FAILED, why="260 C", lines=0, touched=False)))
    assert queue.plates(store)[0].state is PlateState.CLEAR


def test_jobs_that_failed_are_named_also_when_the_agent_ends_for_another_reason(
    store: Store, add: Callable[..., Job]
) -> None:
    damaged, _ = add(), add(name="y.gcode")
    path_of(store.spool, damaged.file).write_bytes(b"")
    queue.clear_plate(store, "a", who="bob")
    press = FakePress()
    press.absent = 1
    problem = run(store, press, Until.ONCE)["a"]
    assert isinstance(problem, ConnectionLost)
    assert "J-0001 (x.gcode) failed" in str(problem)
    assert "a is off" in str(problem)


def test_an_agent_that_runs_on_is_no_failure_because_a_job_was(store: Store, add: Callable[..., Job]) -> None:
    add()
    queue.clear_plate(store, "a", who="bob")
    switch = Switch()

    def fail(_job: Job) -> Outcome:
        switch.press()
        return Outcome(state=State.FAILED, why="260 C", lines=0, touched=False)

    assert run(store, FakePress(fail), Until.STOPPED, switch=switch) == {}
    assert states(store) == {"J-0001": State.FAILED}


def test_who_waits_for_a_person_says_so(store: Store, add: Callable[..., Job]) -> None:
    add()
    switch, said = Switch(), []

    def hear(_printer: str, text: str) -> None:
        said.append(text)
        switch.press()

    assert run(store, FakePress(), switch=switch, notify=hear) == {}
    assert said == [
        "the plate is unknown; J-0001 waits for: printprep queue clear-plate a --who … "
        "(this agent WAITS for that person too; Ctrl-C or SIGTERM ends it)"
    ]


def test_a_person_cancels_the_print_under_way(store: Store, add: Callable[..., Job]) -> None:
    def cancel(job: Job) -> Outcome:
        queue.cancel(store, job.id, who="ann")
        assert press.cancelled.wait(10)
        return Outcome(state=State.CANCELLED, why="parked", lines=1)

    press = FakePress(cancel)
    add()
    queue.clear_plate(store, "a", who="bob")
    run(store, press)
    job, _ = queue.show(store, "J-0001")
    assert (job.state, job.reason) == (State.CANCELLED, "cancelled by ann")


def test_the_first_stop_lets_the_print_end_and_the_second_cancels(store: Store, add: Callable[..., Job]) -> None:
    switch = Switch()

    def stop(job: Job) -> Outcome | None:
        switch.press()
        if job.id == "J-0001":
            assert not press.cancelled.wait(0.1)
            return None
        switch.press()
        assert press.cancelled.wait(10)
        return Outcome(state=State.CANCELLED, why="parked", lines=1)

    press = FakePress(stop)
    add(), add()
    queue.clear_plate(store, "a", who="bob")
    run(store, press, switch=switch)
    assert states(store) == {"J-0001": State.DONE, "J-0002": State.QUEUED}
    switch = Switch()
    queue.clear_plate(store, "a", who="bob")
    run(store, press, switch=switch)
    assert states(store)["J-0002"] is State.CANCELLED
    assert queue.show(store, "J-0002")[0].reason == "the agent was told to stop at once"


def test_an_agent_that_lost_its_printer_stops(store: Store, add: Callable[..., Job]) -> None:
    other = Agent(host="elsewhere", pid=1, born="1")

    def lose(job: Job) -> Outcome:
        with store.writing() as connection:
            line.interrupt(store, connection, "a")
        assert press.cancelled.wait(10)
        return Outcome(state=State.CANCELLED, why="parked", lines=1)

    press = FakePress(lose)
    add()
    queue.clear_plate(store, "a", who="bob")
    problem = run(store, press)["a"]
    assert "J-0001 is interrupted and no longer this agent's" in str(problem)
    assert states(store) == {"J-0001": State.INTERRUPTED}
    turn.hold(store, "a", other)  # and the lease was given back


def test_a_printer_in_other_hands_is_left_alone(store: Store, add: Callable[..., Job]) -> None:
    turn.hold(store, "a", Agent(host="elsewhere", pid=1, born="1"))
    add()
    queue.clear_plate(store, "a", who="bob")
    press = FakePress()
    assert "run by another agent" in str(run(store, press)["a"])
    assert press.printed == []


def test_a_store_that_is_away_for_a_while_is_waited_for(
    store: Store, add: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    add()
    queue.clear_plate(store, "a", who="bob")
    switch, said, look = Switch(), [], turn.look
    failures = [LabError("the store does not answer"), LabError("the store does not answer")]

    def look_or_fail(*arguments: object) -> turn.Outlook:
        if failures:
            raise failures.pop()
        return look(*arguments)  # type: ignore[arg-type]

    def stop(_job: Job) -> None:
        switch.press()

    monkeypatch.setattr(turn, "look", look_or_fail)
    press = FakePress(stop)
    assert run(store, press, Until.STOPPED, switch=switch, notify=lambda _printer, text: said.append(text)) == {}
    assert said[0] == "waits for the store: the store does not answer"
    assert press.printed == ["J-0001"]
