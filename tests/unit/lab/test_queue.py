from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from printprep.errors import IllegalTransition, InputError, NotAllowed, UnknownJob
from printprep.lab import line, queue, turn
from printprep.lab.lease import Agent, this_agent, this_host
from printprep.lab.store import Job, PlateState, State, Store

Wind = Callable[[float], None]
Queued = Callable[..., Job]
GONE = Agent(host=this_host(), pid=2**22 + 1, born="1")  # above Linux's largest pid


def in_line(store: Store, printer: str = "a") -> list[str]:
    return [job.id for job in queue.jobs(store, printer=printer, states=[State.QUEUED])]


def printing(store: Store, job: Job, agent: Agent) -> Job:
    turn.hold(store, job.printer, agent)
    queue.clear_plate(store, job.printer, who="bob")
    return turn.begin(store, job, agent)


def test_every_state_has_its_row_and_ends_are_ends() -> None:
    assert set(line.TRANSITIONS) == set(State)
    assert {state for state, to in line.TRANSITIONS.items() if not to} == {State.DONE, State.FAILED, State.CANCELLED}
    assert State.PRINTING not in line.TRANSITIONS[State.INTERRUPTED], "nothing restarts by itself"


def test_jobs_line_up_by_printer(store: Store, queued: Queued) -> None:
    assert [queued().id, queued("b").id, queued().id] == ["J-0001", "J-0002", "J-0003"]
    assert in_line(store) == ["J-0001", "J-0003"]
    assert in_line(store, "b") == ["J-0002"]
    assert [job.position for job in queue.jobs(store, printer="a")] == [1, 2]


def test_a_rush_goes_before_routine_and_behind_the_rush_before_it(store: Store, queued: Queued) -> None:
    queued(), queued()
    first, second = queued(priority=queue.RUSH), queued(priority=queue.RUSH)
    assert in_line(store) == [first.id, second.id, "J-0001", "J-0002"]
    assert queued().position == 5


def test_moving(store: Store, queued: Queued) -> None:
    for _ in range(4):
        queued()
    assert queue.move(store, "J-0004", position=1, who="ann").position == 1
    assert in_line(store) == ["J-0004", "J-0001", "J-0002", "J-0003"]
    queue.move(store, "4", before="J-0003", who="ann")
    assert in_line(store) == ["J-0001", "J-0002", "J-0004", "J-0003"]
    queue.move(store, "j-1", after="J-0003", who="ann")
    assert in_line(store) == ["J-0002", "J-0004", "J-0003", "J-0001"]
    queue.move(store, "J-0002", position=99, who="ann")
    assert in_line(store) == ["J-0004", "J-0003", "J-0001", "J-0002"]
    _, history = queue.show(store, "J-0002")
    assert [(event.before, event.after, event.why) for event in history] == [
        (None, State.QUEUED, "queued on a"),
        (State.QUEUED, State.QUEUED, "moved from 1 to 4"),
    ]


def test_a_job_moves_only_in_its_own_line(store: Store, queued: Queued) -> None:
    queued(), queued("b"), queued()
    with pytest.raises(NotAllowed, match="J-0002 waits on b, not on a"):
        queue.move(store, "J-0001", before="J-0002", who="ann")
    with pytest.raises(InputError, match="beside itself"):
        queue.move(store, "J-0001", before="J-0001", who="ann")
    with pytest.raises(InputError, match="exactly one place"):
        queue.move(store, "J-0001", who="ann")
    queue.cancel(store, "J-0003", who="ann")
    with pytest.raises(NotAllowed, match="J-0003 is cancelled"):
        queue.move(store, "J-0003", position=1, who="ann")


def test_cancelling_closes_the_gap(store: Store, queued: Queued, wind: Wind) -> None:
    queued(), queued(), queued()
    wind(60)
    cancelled = queue.cancel(store, "J-0002", who="ann", why="wrong side")
    assert (cancelled.state, cancelled.position, cancelled.reason) == (State.CANCELLED, None, "wrong side")
    assert cancelled.ended_at == store.now()
    assert cancelled.created_at == store.now() - dt.timedelta(seconds=60)
    assert [job.position for job in queue.jobs(store, states=[State.QUEUED])] == [1, 2]
    with pytest.raises(IllegalTransition, match=r"^J-0002 has ended: it was cancelled at 2026-11-22 18:01 UTC"):
        queue.cancel(store, "J-0002", who="ann")


def test_an_unknown_job_names_its_neighbours(store: Store, queued: Queued) -> None:
    queued()
    with pytest.raises(UnknownJob, match=r"'J-0010'; did you mean J-0001\?"):
        queue.show(store, "J-0010")
    with pytest.raises(UnknownJob, match=r"'10'; did you mean J-0001\?"):
        queue.show(store, "10")
    with pytest.raises(UnknownJob, match="queue list"):
        queue.cancel(store, "Smith", who="ann")


def test_somebody_does_it(store: Store, queued: Queued) -> None:
    queued()
    with pytest.raises(InputError, match="say who"):
        queue.clear_plate(store, "a", who="  ")


def test_nothing_starts_on_a_plate_that_nobody_cleared(store: Store, queued: Queued) -> None:
    job, me = queued(), this_agent()
    turn.hold(store, "a", me)
    assert turn.look(store, "a", me).plate is PlateState.UNKNOWN
    with pytest.raises(NotAllowed, match=r"plate of a is unknown; printprep queue clear-plate a"):
        turn.begin(store, job, me)
    assert queue.clear_plate(store, "a", who="bob").who == "bob"
    started = turn.begin(store, job, me)
    assert (started.state, started.position, started.agent) == (State.PRINTING, None, me.token)
    with pytest.raises(NotAllowed, match="J-0001 is being printed on a"):
        queue.clear_plate(store, "a", who="bob")
    turn.end(store, started, me, State.DONE, why="printed", line=7)
    assert turn.look(store, "a", me).plate is PlateState.USED
    with pytest.raises(NotAllowed, match="plate of a is used"):
        turn.begin(store, queued(), me)
    _, history = queue.show(store, "J-0001")
    assert [event.after for event in history] == [State.QUEUED, State.PRINTING, State.DONE]
    assert history[1].why == "begun on a plate that bob cleared at 2026-11-22 18:00:00 UTC"


def test_a_job_that_was_overtaken_is_not_begun(store: Store, queued: Queued) -> None:
    job, me = queued(), this_agent()
    turn.hold(store, "a", me)
    queue.clear_plate(store, "a", who="bob")
    queued(priority=queue.RUSH)
    with pytest.raises(IllegalTransition, match="no longer first"):
        turn.begin(store, job, me)


def test_a_print_under_way_is_cancelled_by_its_agent(store: Store, queued: Queued) -> None:
    me = this_agent()
    job = printing(store, queued(), me)
    assert turn.tell(store, job, me, turn.Told(line=10, lines=100, layer=2)) is None
    asked = queue.cancel(store, job.id, who="ann")
    assert (asked.state, asked.cancel_by, asked.line, asked.layer) == (State.PRINTING, "ann", 10, 2)
    assert turn.tell(store, job, me, turn.Told(line=11, lines=100, layer=2)) == "ann"
    ended = turn.end(store, job, me, State.CANCELLED, why="cancelled by ann", line=11)
    assert (ended.state, ended.line, ended.reason) == (State.CANCELLED, 11, "cancelled by ann")


def test_a_pause_is_seen_and_ends(store: Store, queued: Queued) -> None:
    me = this_agent()
    job = printing(store, queued(), me)
    turn.tell(store, job, me, turn.Told(line=3, paused=True, message="change the filament"))
    seen, _ = queue.show(store, job.id)
    assert (seen.state, seen.reason) == (State.PAUSED, "change the filament")
    queue.cancel(store, job.id, who="ann")
    assert turn.tell(store, job, me, turn.Told(line=4)) == "ann"
    assert queue.show(store, job.id)[0].state is State.PRINTING
    turn.tell(store, job, me, turn.Told(line=5, paused=True))
    assert turn.end(store, job, me, State.DONE, why="printed", line=9).state is State.DONE


@pytest.mark.parametrize("act", ["agent", "cancel", "clear"])
def test_what_a_dead_agent_left_is_interrupted_and_its_plate_used(store: Store, queued: Queued, act: str) -> None:
    job = printing(store, queued(), GONE)
    queued()
    if act == "agent":
        assert [lost.id for lost in turn.hold(store, "a", this_agent())] == [job.id]
        assert queue.plates(store)[0].state is PlateState.USED
        assert queue.show(store, job.id)[0].state is State.INTERRUPTED
    elif act == "cancel":
        assert queue.cancel(store, job.id, who="ann").state is State.CANCELLED
        assert queue.plates(store)[0].state is PlateState.USED
    else:
        assert queue.clear_plate(store, "a", who="ann").state is PlateState.CLEAR
        assert queue.show(store, job.id)[0].state is State.INTERRUPTED
    with pytest.raises(Exception, match="no longer"):  # and if it was not dead after all, it cannot write any more
        turn.tell(store, job, GONE, turn.Told(line=5, lines=None, layer=None))


def test_a_person_settles_an_interrupted_job(store: Store, queued: Queued) -> None:
    job = printing(store, queued(), GONE)
    queued()
    turn.hold(store, "a", this_agent())
    again = queue.settle(store, job.id, State.QUEUED, who="ann", why="first layer only")
    assert (again.state, again.position, again.line, again.agent) == (State.QUEUED, 1, 0, None)
    assert in_line(store) == ["J-0001", "J-0002"]
    with pytest.raises(IllegalTransition, match="J-0002 is queued; only a job that was interrupted"):
        queue.settle(store, "J-0002", State.DONE, who="ann")


def test_two_agents_never_have_one_printer(store: Store, wind: Wind) -> None:
    elsewhere = Agent(host="other boot ns", pid=7, born="9")
    turn.hold(store, "a", elsewhere)
    with pytest.raises(NotAllowed, match="process 7 on other"):
        turn.hold(store, "a", this_agent())
    wind(89)
    with pytest.raises(NotAllowed):
        turn.hold(store, "a", this_agent())
    wind(2)
    turn.hold(store, "a", this_agent())
    with pytest.raises(Exception, match="lost printer a"):
        turn.look(store, "a", elsewhere)
    turn.let_go(store, "a", this_agent())
    turn.hold(store, "a", elsewhere)


def test_a_silent_agent_keeps_its_printer_while_its_process_lives(store: Store, wind: Wind) -> None:
    turn.hold(store, "a", this_agent())
    wind(1e6)
    other = Agent(host=this_host(), pid=1, born="another")
    with pytest.raises(NotAllowed):
        turn.hold(store, "a", other)


def test_what_was_refused_before_the_first_line_leaves_the_plate_clear(store: Store, queued: Queued) -> None:
    me = this_agent()
    turn.hold(store, "a", me)
    queue.clear_plate(store, "a", who="bob")
    turn.reject(store, queued(), "its file was changed")
    assert turn.look(store, "a", me).plate is PlateState.CLEAR
    job = turn.begin(store, queued(), me)
    turn.end(store, job, me, State.FAILED, why="refused by the guard", line=0, touched=False)
    assert turn.look(store, "a", me).plate is PlateState.CLEAR
    assert [job.state for job in queue.jobs(store)] == [State.FAILED, State.FAILED]


def test_the_order_of_a_list(store: Store, queued: Queued) -> None:
    for _ in range(4):
        queued()
    queue.cancel(store, "J-0002", who="ann")
    queue.move(store, "J-0004", position=1, who="ann")
    printing(store, queue.show(store, "J-0004")[0], this_agent())
    queued("0")
    assert [job.id for job in queue.jobs(store)] == ["J-0005", "J-0004", "J-0001", "J-0003", "J-0002"]
