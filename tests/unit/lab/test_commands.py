"""The lab's commands as a program calls them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from printprep.cli.cost import cost
from printprep.cli.queue import queue
from printprep.cli.rush import rush
from printprep.errors import InputError, NotAllowed
from printprep.lab import queue as queue_module
from printprep.lab import rush as rush_module
from printprep.lab import side_by_side
from printprep.lab.agent import file_problem
from printprep.lab.jobfile import PrintFile, print_files
from printprep.lab.spool import path_of
from printprep.lab.store import open_store
from printprep.lab.variant import Variant
from printprep.plan import Estimate
from printprep.printers.registry import add_printer, new_printer

GCODE = b"G28\n"


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRINTPREP_STORE", str(tmp_path / "lab.sqlite3"))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build of two plates for an Ender-3."""
    folder = tmp_path / "build"
    folder.mkdir()

    def estimate(duration_s: float, factor: int) -> dict[str, Any]:
        rows = {"material": 1.10, "machine": 0.35, "energy": 0.02, "labour": 33.75, "reprints": 0.28}
        amounts = {row: f"{factor * amount:.2f}" for row, amount in rows.items()}
        use = {"material": "pla", "tool": 0, "mm3": 1.0, "g": 44.0 * factor, "cost": amounts["material"]}
        money = {**amounts, "total": f"{factor * 35.50:.2f}", "currency": "EUR"}
        return {"duration_s": duration_s, "material": [use], "cost": money}

    plates = []
    for index in (1, 2):
        (folder / f"plate-{index}.gcode").write_bytes(GCODE)
        plates.append(
            {
                "file": f"plate-{index}.gcode",
                "printer": "ender-3",
                "process": "draft",
                "sha256": hashlib.sha256(GCODE).hexdigest(),
                "estimate": estimate(3600, 1),
            }
        )
    report = {"case": {"id": "CHD-0142"}, "plates": plates, "estimate": estimate(7200, 2)}
    (folder / "report.json").write_text(json.dumps(report))
    return folder


def answer(command: click.Command, *arguments: str, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def said(command: click.Command, *arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_build_goes_through_the_queue(build: Path) -> None:
    added = answer(queue, "add", str(build), "--printer", "ender-3", "--by", "+9h", "--who", "ann")
    assert (added["id"], added["ids"]) == ("J-0001", ["J-0001", "J-0002"])
    assert added["jobs"][0]["cost"] == {"total": "35.50", "currency": "EUR"}
    assert dt.datetime.fromisoformat(added["jobs"][0]["deadline"]).utcoffset() == dt.timedelta(0)
    assert answer(queue, "move", "2", "--first", "--who", "ann")["position"] == 1
    assert [job["id"] for job in answer(queue, "list")["jobs"]] == ["J-0002", "J-0001"]
    assert answer(queue, "cancel", "J-0001", "--why", "wrong side")["reason"] == "wrong side"
    assert answer(queue, "clear-plate", "ender-3", "--who", "bob")["cleared_by"] == "bob"
    shown = answer(queue, "show", "J-0001")
    assert [event["to"] for event in shown["history"]] == ["queued", "cancelled"]
    assert (shown["case_id"], shown["process"], shown["estimate_s"]) == ("CHD-0142", "draft", 3600)
    listed = answer(queue, "list", "--open")
    assert [job["id"] for job in listed["jobs"]] == ["J-0002"]
    assert listed["plates"][0]["state"] == "clear"


def test_people_read_tables(build: Path) -> None:
    assert "ender-3 is not set up yet" in said(queue, "add", str(build), "--printer", "ender-3", "--who", "ann [x]")
    table = said(queue, "list")
    for word in ("J-0001", "J-0002", "ender-3", "queued", "1 h 00 min", "CHD-0142", "ann [x]", "unknown"):
        assert word in table
    assert "queued on ender-3" in said(queue, "show", "J-0002")
    assert said(queue, "clear-plate", "ender-3", "--who", "bob") == "The plate of ender-3 is clear, says bob.\n"


def test_a_terminal_of_120_columns_shows_names_whole(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    printer = "left-of-the-window"
    add_printer(new_printer(name=printer, link="serial", profile="ender-3", port="/dev/ttyACM0"))
    file = build / "plate-3-of-a-case-that-has-a-very-long-name.gcode"
    file.write_bytes(GCODE)
    with open_store(str(build.parent / "lab.sqlite3")) as store:
        for asked in (build / "plate-1.gcode", file):
            queue_module.take_in(
                store,
                print_files(asked),
                printer=printer,
                who="operator-7",
                deadline=store.now() + dt.timedelta(hours=9),
                priority=queue_module.RUSH if asked == file else queue_module.ROUTINE,
            )
        queue_module.cancel(store, "J-0001", who="operator-7", why="the wrong side of the heart; it is to be mirrored")
    urgent, routine = (
        next(line.split() for line in said(queue, "list").splitlines() if job_id in line)
        for job_id in ("J-0002", "J-0001")
    )
    assert urgent[:6] == ["J-0002", printer, "queued", "URGENT", "1", "plate-3-of-…g-name.gcode"]
    assert routine[:5] == ["J-0001", printer, "cancelled", "plate-1.gcode", "CHD-0142"]
    assert "J-0001 cancelled: the wrong side of the heart; it is to be mirrored\n" in said(queue, "list")


def test_a_build_written_anew_does_not_touch_what_waits(build: Path) -> None:
    answer(queue, "add", str(build), "--printer", "ender-3", "--who", "ann")
    for plate in build.iterdir():
        plate.unlink()
    shown = answer(queue, "show", "J-0001")
    assert shown["file"] == "plate-1.gcode"
    assert str(build.parent) not in json.dumps(shown)
    assert str(build.parent) not in said(queue, "show", "J-0001")
    with open_store(str(build.parent / "lab.sqlite3")) as store:
        job, _ = queue_module.show(store, "J-0001")
        assert file_problem(job, path_of(store.spool, job.file)) is None


def test_a_build_for_another_printer_is_not_queued(build: Path) -> None:
    with pytest.raises(NotAllowed, match="made for ender-3"):
        said(queue, "add", str(build), "--printer", "prusa-xl")
    with pytest.raises(InputError, match="is past"):
        said(queue, "add", str(build), "--printer", "ender-3", "--by", "2020-01-01T00:00Z")
    assert answer(queue, "list")["jobs"] == []


def test_a_cost_is_a_breakdown(build: Path) -> None:
    document = answer(cost, str(build))
    assert document["estimate"]["cost"]["total"] == "71.00"
    assert len(document["plates"]) == 2
    assert answer(cost, str(build / "report.json")) == document
    table = said(cost, str(build))
    for word in ("plate-2.gcode", "expected reprints", "33.75", "71.00", "88.0 g", "2 h 00 min of printing"):
        assert word in table


def test_a_cost_that_does_not_add_up_is_not_shown(build: Path) -> None:
    report = build / "report.json"
    report.write_text(report.read_text().replace('"71.00"', '"71.01"'))
    with pytest.raises(InputError, match="do not add up"):
        said(cost, str(build))
    for text, words in (("{}", "is not a report"), ('{"plates": [], "estimate": null}', "holds no priced plates")):
        report.write_text(text)
        with pytest.raises(InputError, match=words):
            said(cost, str(build))


HOURS = {"fine": 9.0, "standard": 6.0, "draft": 3.0, "rush": 2.0}


@pytest.fixture
def _estimated(monkeypatch: pytest.MonkeyPatch, build: Path) -> None:
    for process in HOURS:
        (build / f"{process}.gcode").write_bytes(GCODE)

    def tell_all(_wish: object, pairs: list[tuple[str, str]], **_others: object) -> tuple[Variant, ...]:
        return tuple(
            Variant(
                profile=profile,
                process=process,
                files=(PrintFile(file=build / f"{process}.gcode", sha256=hashlib.sha256(GCODE).hexdigest()),),
                estimate=Estimate(duration_s=3600 * HOURS[process], duration_from="slicer", material=()),
            )
            for profile, process in pairs
        )

    monkeypatch.setattr(side_by_side, "tell_all", tell_all)
    settle = partial(rush_module.settle, whole=lambda _wish, variant, _progress: variant)
    monkeypatch.setattr(rush_module, "settle", settle)


@pytest.mark.usefixtures("_estimated")
def test_a_deadline_that_only_rush_meets(build: Path) -> None:
    document = answer(rush, str(build), "--by", "+2h40m", "--printers", "prusa-xl")
    assert document["choice"] == {"printer": "prusa-xl", "process": "rush"}
    assert document["queued"] == ["J-0001"]
    assert [(offer["process"], offer["in_time"]) for offer in document["offers"]] == [
        ("fine", False),
        ("standard", False),
        ("draft", False),
        ("rush", True),
    ]
    assert "Steps of 0.32 mm" in document["why"]
    (job,) = answer(queue, "list")["jobs"]
    assert (job["file"], job["urgent"], job["deadline"]) == ("rush.gcode", True, document["deadline"])
    assert {tuple(offer["mind"]) for offer in document["offers"]} == {("not set up yet",)}
    add_printer(new_printer(name="left", link="serial", profile="prusa-xl", port=str(build / "ttyACM0")))
    words = " ".join(said(rush, str(build), "--by", "+9h", "--printers", "left", "--no-queue").split())
    mind = "plate unknown: counts on its being cleared at once; no agent runs it"
    assert f"mind left: not reachable: there is no {build / 'ttyACM0'}; {mind}" in words
    table = said(rush, str(build), "--by", "+9h", "--no-queue", "--printers", "ender-3")
    assert "Steps of 0.2 mm" in table
    assert "late" in table
    assert len(answer(queue, "list")["jobs"]) == 1


@pytest.mark.usefixtures("_estimated")
def test_a_deadline_that_nothing_meets(build: Path) -> None:
    document = answer(rush, str(build), "--by", "+1h", code=1)
    assert (document["choice"], document["queued"]) == (None, [])
    assert 4200 <= document["missed_by_s"] < 5400  # two hours and ten minutes of a resin print's post-processing
    assert answer(queue, "list")["jobs"] == []
