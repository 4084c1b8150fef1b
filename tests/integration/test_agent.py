"""Queue and agent as people run them: the installed program, and virtual printers in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from printprep.errors import GcodeRefused
from printprep.lab import queue
from printprep.lab.agent import Until, run_agent
from printprep.lab.jobfile import print_files
from printprep.lab.press import LinkPress
from printprep.lab.store import State, open_store
from printprep.profiles.load import load_profiles

pytestmark = pytest.mark.integration
PROGRAM = str(Path(sys.executable).with_name("printprep"))
PATIENCE_S = 60.0  # only a broken agent uses it up


class Bench:
    """A lab with two virtual printers, a and b, each a process with a port and a log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[str]] = []
        os.environ["PRINTPREP_STORE"] = str(folder / "lab.sqlite3")
        for name in ("a", "b"):
            # at 5 ms for each window of 32 lines, 200,000 lines take half a minute on the fastest machine
            printer = self.start("printer", "virtual", "--log", str(self.log_file(name)), "--faults", "delay_s=0.005")
            assert printer.stdout is not None
            port = printer.stdout.readline().strip()
            self.run("printer", "add", name, "--profile", "virtual", "--port", port)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def run(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def json(self, *arguments: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.run(*arguments, "--json"))
        return read

    def states(self) -> dict[str, str]:
        with open_store(os.environ["PRINTPREP_STORE"]) as store:
            return {job.id: job.state.value for job in sorted(queue.jobs(store), key=lambda job: job.number)}

    def add(self, printer: str, name: str, moves: int) -> list[str]:
        """Queue a file whose every move is its own; its commands."""
        mark = len(list(self.folder.glob("*.gcode"))) + 1
        points = (f"G1 X{50 + number % 100}.{number:06d} Y{mark} F9000" for number in range(moves))
        commands = ["M140 S50", "M104 S200", "G28", *points, "M104 S0", "M140 S0"]
        file = self.folder / name
        file.write_text("; a comment is not sent\n" + "\n".join(commands) + "\n")
        assert self.json("queue", "add", str(file), "--printer", printer)["id"] == f"J-{mark:04d}"
        return commands

    def clear(self, *printers: str) -> None:
        for printer in printers:
            self.run("queue", "clear-plate", printer, "--who", "bob")

    def log_file(self, printer: str) -> Path:
        return self.folder / f"{printer}.log"

    def printed(self, printer: str, commands: list[str]) -> list[str]:
        """The moves of a file that a printer took, in its order, each as often as it took it."""
        moves = {command for command in commands if command.startswith("G1")}
        return [line for line in self.log_file(printer).read_text().splitlines() if line in moves]

    def wait_for(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < end, "it did not come to pass"
            time.sleep(0.05)

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("PRINTPREP_STORE", "")
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def moves(commands: list[str]) -> list[str]:
    return [command for command in commands if command.startswith("G1")]


def test_an_agent_killed_in_mid_print_neither_loses_nor_repeats_a_job(bench: Bench) -> None:
    long = bench.add("a", "long.gcode", 200_000)
    second = bench.add("a", "second.gcode", 300)
    other = bench.add("b", "other.gcode", 300)
    assert "the plate is unknown" in bench.run("agent", "--once", "--printer", "a", code=5)
    bench.clear("a", "b")

    agent = bench.start("agent")
    bench.wait_for(lambda: len(bench.printed("a", long)) > 500 and bench.states()["J-0003"] == "done")
    assert "run by another agent" in bench.run("agent", "--once", "--printer", "a", code=5)
    agent.kill()
    agent.wait()

    assert bench.states() == {"J-0001": "printing", "J-0002": "queued", "J-0003": "done"}
    assert bench.printed("b", other) == moves(other)
    before = bench.printed("a", long)
    assert before == moves(long)[: len(before)]
    assert len(before) < len(moves(long))

    message = bench.run("agent", "--once", "--printer", "a", code=5)
    assert "J-0001 was left in mid-print" in message
    assert "the plate is used; J-0002 waits" in message
    assert bench.states() == {"J-0001": "interrupted", "J-0002": "queued", "J-0003": "done"}
    assert bench.printed("a", second) == []

    bench.clear("a")
    bench.run("agent", "--until-empty")
    assert bench.states() == {"J-0001": "interrupted", "J-0002": "done", "J-0003": "done"}
    assert bench.printed("a", second) == moves(second)
    assert bench.printed("b", other) == moves(other)
    # nothing of the interrupted job was sent again; what lay in the cable when the agent died may still have come
    after = bench.printed("a", long)
    assert after == moves(long)[: len(after)]
    assert len(after) - len(before) < 200

    assert bench.json("queue", "settle", "J-0001", "failed", "--who", "ann")["state"] == "failed"
    listed = {job["id"]: job["state"] for job in bench.json("queue", "list")["jobs"]}
    assert listed == {"J-0001": "failed", "J-0002": "done", "J-0003": "done"}
    history = bench.json("queue", "show", "J-0001")["history"]
    assert [event["to"] for event in history] == ["queued", "printing", "interrupted", "failed"]


def test_a_print_under_way_is_cancelled_with_a_park(bench: Bench) -> None:
    long = bench.add("a", "long.gcode", 200_000)
    again = bench.add("b", "again.gcode", 200_000)
    bench.clear("a", "b")
    agent = bench.start("agent", "--until-empty")
    bench.wait_for(lambda: len(bench.printed("a", long)) > 100 and len(bench.printed("b", again)) > 100)

    assert bench.json("queue", "cancel", "J-0001", "--who", "ann")["cancel_by"] == "ann"
    bench.wait_for(lambda: bench.states()["J-0001"] == "cancelled")
    assert_parked(bench, "a", long)
    agent.send_signal(signal.SIGTERM)  # the first lets the print on b go on
    count = len(bench.printed("b", again))
    bench.wait_for(lambda: len(bench.printed("b", again)) > count + 500)
    assert bench.states()["J-0002"] == "printing"
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(PATIENCE_S) == 0
    assert bench.states() == {"J-0001": "cancelled", "J-0002": "cancelled"}
    assert_parked(bench, "b", again)
    jobs = {job["id"]: job for job in bench.json("queue", "list")["jobs"]}
    assert jobs["J-0001"]["reason"] == "cancelled by ann"
    assert jobs["J-0002"]["reason"] == "the agent was told to stop at once"
    assert 100 < jobs["J-0001"]["progress"]["line"] < jobs["J-0001"]["progress"]["lines"] == len(long)
    assert [plate["state"] for plate in bench.json("queue", "list")["plates"]] == ["used", "used"]


def test_a_file_that_the_guard_refuses_is_not_sent(tmp_path: Path) -> None:
    good, hot = tmp_path / "good.gcode", tmp_path / "hot.gcode"
    good.write_text("G28\nG1 X10 F3000\n")
    hot.write_text("G28\nM104 S480\nG1 X10 F3000\n")
    with open_store(str(tmp_path / "lab.sqlite3")) as store:
        for file in (hot, good):
            queue.add(store, print_files(file)[0], printer="virtual", who="ann")
        queue.clear_plate(store, "virtual", who="bob")
        problems = run_agent(store, ["virtual"], LinkPress(load_profiles()), until=Until.EMPTY, poll_s=0.05)
        (refused, _), (printed, _) = queue.show(store, "1"), queue.show(store, "2")
    assert isinstance(problems["virtual"], GcodeRefused)
    assert "J-0001 (hot.gcode) failed on virtual" in str(problems["virtual"])
    assert (refused.state, refused.line) == (State.FAILED, 0)
    assert "480" in (refused.reason or "")
    assert (printed.state, printed.line, printed.lines) == (State.DONE, 2, 2), "the plate was still clear"


def assert_parked(bench: Bench, printer: str, commands: list[str]) -> None:
    """The printer took a part of the file, then its heaters went off."""
    taken = bench.printed(printer, commands)
    assert taken == moves(commands)[: len(taken)]
    assert len(taken) < len(moves(commands))
    log = bench.log_file(printer).read_text().splitlines()
    rest = log[log.index(taken[-1]) + 1 :]
    for heater in ("M104", "M140"):
        assert any(line.startswith(heater) and line.endswith("S0") for line in rest), rest
