from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from printprep.lab.lease import LEASE_S, Agent, Lease, process_start, this_agent, this_host

NOW = dt.datetime(2026, 11, 22, 18, 0, tzinfo=dt.UTC)


def lease(agent: Agent, age_s: float = 0.0) -> Lease:
    return Lease(printer="a", agent=agent, heartbeat=NOW - dt.timedelta(seconds=age_s))


def test_this_process_is_itself() -> None:
    me = this_agent()
    assert me == this_agent()
    assert (me.pid, me.host) == (os.getpid(), this_host())
    assert len(me.token) == 24
    assert lease(me, age_s=1e9).alive(this_host(), NOW), "a silent process may still be sending"


def test_a_pid_that_was_given_again_is_another_process() -> None:
    before = replace(this_agent(), born="1")
    assert not lease(before).alive(this_host(), NOW)
    assert before.token != this_agent().token


@pytest.mark.skipif(sys.platform != "linux", reason="zombies are read from /proc")
def test_a_process_that_ended_is_gone_before_anybody_has_waited_for_it() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_start(child.pid) not in (None, "")
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended and is a zombie now
    assert process_start(child.pid) is None
    child.communicate()
    assert process_start(child.pid) is None


def test_elsewhere_only_the_heartbeat_is_known() -> None:
    far = Agent(host="elsewhere", pid=os.getpid(), born="1")
    assert lease(far, age_s=LEASE_S - 1).alive(this_host(), NOW)
    assert not lease(far, age_s=LEASE_S + 1).alive(this_host(), NOW)
