"""Whatever people and agents do in whatever order, the lab's records stay whole."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from printprep.errors import LabError
from printprep.lab import line, queue, turn
from printprep.lab.jobfile import PrintFile
from printprep.lab.lease import Agent, this_host
from printprep.lab.store import Job, PlateState, State, open_store

PRINTERS = st.sampled_from(["a", "b"])
DEAD = Agent(host=this_host(), pid=2**22 + 1, born="1")  # above Linux's largest pid
FAR = Agent(host="elsewhere", pid=1, born="1")
AGENTS = st.sampled_from([DEAD, FAR])


class Lab(RuleBasedStateMachine):
    """People, a far agent, and one that dies all the time, at two printers."""

    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.time = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
        self.store = open_store(str(Path(self.folder.name) / "lab.sqlite3"), now=self.now)
        self.states: dict[int, State] = {}
        self.cleared: set[str] = set()

    def now(self) -> dt.datetime:
        self.time += dt.timedelta(seconds=1)
        return self.time

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(target=names, printer=PRINTERS, priority=st.sampled_from([queue.ROUTINE, queue.RUSH]))
    def add(self, printer: str, priority: int) -> str:
        file = PrintFile(file=Path("/x.gcode"), sha256="0" * 64)
        return queue.add(self.store, file, printer=printer, who="ann", priority=priority).id

    @rule(name=names, position=st.integers(-1, 6))
    def move(self, name: str, position: int) -> None:
        self.attempt(lambda: queue.move(self.store, name, position=position, who="ann"))

    @rule(name=names, other=names, after=st.booleans())
    def move_beside(self, name: str, other: str, after: bool) -> None:
        if name != other:
            here, there = (None, other) if after else (other, None)
            self.attempt(lambda: queue.move(self.store, name, who="ann", before=here, after=there))

    @rule(name=names)
    def cancel(self, name: str) -> None:
        self.attempt(lambda: queue.cancel(self.store, name, who="ann"))

    @rule(name=names, to=st.sampled_from(State))
    def settle(self, name: str, to: State) -> None:
        before = queue.show(self.store, name)[0].state
        settled = self.attempt(lambda: queue.settle(self.store, name, to, who="ann"))
        assert not settled or to in line.TRANSITIONS[State.INTERRUPTED]
        assert not settled or before in (State.INTERRUPTED, *line.ON_PLATE)

    @rule(printer=PRINTERS)
    def clear(self, printer: str) -> None:
        if self.attempt(lambda: queue.clear_plate(self.store, printer, who="bob")):
            self.cleared.add(printer)

    @rule(printer=PRINTERS, agent=AGENTS)
    def hold(self, printer: str, agent: Agent) -> None:
        self.attempt(lambda: turn.hold(self.store, printer, agent))

    @rule(printer=PRINTERS, agent=AGENTS)
    def begin(self, printer: str, agent: Agent) -> None:
        waiting = queue.jobs(self.store, printer=printer, states=[State.QUEUED])
        if waiting and self.attempt(lambda: turn.begin(self.store, waiting[0], agent)):
            assert printer in self.cleared, "a print began on a plate that nobody cleared for it"
            self.cleared.discard(printer)

    @rule(name=names, agent=AGENTS, to=st.sampled_from(State))
    def end(self, name: str, agent: Agent, to: State) -> None:
        job = queue.show(self.store, name)[0]
        self.attempt(lambda: turn.end(self.store, job, agent, to, why="because", line=3))

    @rule(name=names, agent=AGENTS)
    def tell(self, name: str, agent: Agent) -> None:
        job = queue.show(self.store, name)[0]
        self.attempt(lambda: turn.tell(self.store, job, agent, turn.Told(line=2, lines=9, layer=1)))

    @rule(seconds=st.sampled_from([10, 1000]))
    def wait(self, seconds: int) -> None:
        self.time += dt.timedelta(seconds=seconds)

    def attempt(self, act: object) -> bool:
        assert callable(act)
        try:
            act()
        except LabError:
            return False
        return True

    @invariant()
    def records_are_whole(self) -> None:
        found = {job.number: job for job in queue.jobs(self.store)}
        for printer in ("a", "b"):
            here = [job for job in found.values() if job.printer == printer]
            waiting = [job.position or 0 for job in here if job.state is State.QUEUED]
            assert sorted(waiting) == list(range(1, len(waiting) + 1))
            assert all(job.position is None for job in here if job.state is not State.QUEUED)
            under_way = [job for job in here if job.state in line.ON_PLATE]
            assert len(under_way) <= 1, "two prints on one printer"
            plate = next((plate for plate in queue.plates(self.store) if plate.printer == printer), None)
            if plate is not None:
                assert (plate.state is PlateState.PRINTING) == bool(under_way)
        for number, job in found.items():
            self.check_history(number, job)

    def check_history(self, number: int, job: Job) -> None:
        _, history = queue.show(self.store, job.id)
        states = [event.after for event in history]
        assert states[0] is State.QUEUED
        assert states[-1] is job.state
        for event, before in zip(history[1:], states, strict=False):
            assert event.before is before
            assert event.after is before or event.after in line.TRANSITIONS[before], "an illegal transition"
        ended = self.states.get(number)
        assert ended is None or job.state is ended, "what has ended changed again"
        if not line.TRANSITIONS[job.state]:
            self.states[number] = job.state


Lab.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestLab = Lab.TestCase
