from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from printprep.lab import queue, turn
from printprep.lab.lease import Agent, this_agent, this_host
from printprep.lab.standing import standings
from printprep.lab.store import Job, State, Store
from printprep.printers.registry import VIRTUAL, NamedPrinter


def printers(port: Path) -> dict[str, NamedPrinter]:
    left = NamedPrinter(name="left", link="serial", profile="prusa-xl", port=str(port))
    server = NamedPrinter(name="server", link="octoprint", profile="voron-2.4", url="http://nowhere.invalid", key="k")
    return {printer.name: printer for printer in (left, server, VIRTUAL)}


def test_a_printer_that_is_off_unrun_and_not_cleared_promises_nothing(store: Store, tmp_path: Path) -> None:
    found = standings(store, ["left", "server", "prusa-xl"], printers(tmp_path / "ttyACM0"))
    plate = "plate unknown: counts on its being cleared at once"
    assert found == {
        "left": (f"not reachable: there is no {tmp_path / 'ttyACM0'}", plate, "no agent runs it"),
        "server": (plate, "no agent runs it"),
        "prusa-xl": ("not set up yet",),
    }


def test_a_printer_that_is_ready_has_nothing_to_mind(store: Store, tmp_path: Path, queued: Callable[..., Job]) -> None:
    (tmp_path / "ttyACM0").touch()
    lab, me = printers(tmp_path / "ttyACM0"), this_agent()
    turn.hold(store, "left", me)
    queue.clear_plate(store, "left", who="bob")
    assert standings(store, ["left"], lab) == {"left": ()}
    job = turn.begin(store, queued("left"), me)
    assert standings(store, ["left"], lab) == {"left": ("counts on the plate being cleared at once after J-0001",)}
    turn.end(store, job, me, State.DONE, why="printed", line=1)
    assert standings(store, ["left"], lab) == {"left": ("plate used: counts on its being cleared at once",)}


def test_an_agent_that_is_gone_runs_nothing(store: Store, tmp_path: Path) -> None:
    turn.hold(store, "virtual", Agent(host=this_host(), pid=2**22 + 1, born="1"))
    queue.clear_plate(store, "virtual", who="bob")
    assert standings(store, ["virtual"], printers(tmp_path)) == {"virtual": ("no agent runs it",)}
