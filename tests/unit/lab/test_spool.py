from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from printprep.errors import InputError, LabError
from printprep.lab import queue, spool, turn
from printprep.lab.jobfile import PrintFile, print_files
from printprep.lab.lease import this_agent
from printprep.lab.store import Job, State, Store
from printprep.profiles.load import load_profiles
from printprep.safety import sending_guard

GCODE = b"G28\nG1 X1 F600\n"


def write(folder: Path, gcode: bytes = GCODE, case_id: str = "CHD-0142", report: str = "0" * 64) -> Path:
    """A locked build of one plate; the plate."""
    folder.mkdir(parents=True, exist_ok=True)
    plate = folder / "plate-1.gcode"
    plate.write_bytes(gcode)
    (folder / "prepared.3mf").write_bytes(b"parts")
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (plate, folder / "prepared.3mf")}
    tools = [{"tool": 0, "material": "pla", "parts": ["heart"]}]
    document = {"case": case_id, "printer": "ender-3", "tools": tools, "files": {**files, "report.html": report}}
    (folder / "case.lock").write_text(json.dumps(document))
    return plate


@pytest.fixture
def take(store: Store) -> Callable[..., Job]:
    def take_in(file: Path, printer: str = "a") -> Job:
        (job,) = queue.take_in(store, print_files(file), printer=printer, who="ann")
        return job

    return take_in


def kept(store: Store) -> list[str]:
    return sorted(file.name for file in store.spool.rglob("*") if file.is_file() and file.name != ".lock")


def test_a_build_written_anew_leaves_a_waiting_job_alone(
    store: Store, tmp_path: Path, take: Callable[..., Job]
) -> None:
    plate = write(tmp_path / "Smith John" / "build")
    first = take(plate)
    write(tmp_path / "Smith John" / "build", b"G28\nG1 X2 F600\n")
    second = take(plate)
    copies = [spool.path_of(store.spool, job.file) for job in (first, second)]
    assert [copy.read_bytes() for copy in copies] == [GCODE, b"G28\nG1 X2 F600\n"]
    assert [job.file.name for job in (first, second)] == ["plate-1.gcode"] * 2
    assert "Smith" not in str(first.file)
    assert not first.file.is_absolute()
    assert store.spool == tmp_path / "lab.sqlite3.files"


def test_the_guard_still_knows_what_a_plate_was_made_for(
    store: Store, tmp_path: Path, take: Callable[..., Job]
) -> None:
    copy = spool.path_of(store.spool, take(write(tmp_path / "build")).file)
    profiles = load_profiles()
    codes = {finding.code for finding in sending_guard(profiles.printer("ender-3"), profiles)(copy)}
    assert not codes & {"not-certified", "file-changed", "wrong-printer"}
    other = {finding.code for finding in sending_guard(profiles.printer("prusa-xl"), profiles)(copy)}
    assert "wrong-printer" in other
    copy.write_bytes(b"G28\nG1 X9 F600\n")
    codes = {finding.code for finding in sending_guard(profiles.printer("ender-3"), profiles)(copy)}
    assert "file-changed" in codes


def test_equal_plates_of_a_case_are_kept_once_until_no_job_needs_them(
    store: Store, tmp_path: Path, take: Callable[..., Job]
) -> None:
    first = take(write(tmp_path / "one"))
    second = take(write(tmp_path / "two", report="1" * 64))  # reports differ from run to run
    other = take(write(tmp_path / "three", case_id="CHD-0143"))
    assert first.file == second.file != other.file
    assert kept(store) == ["case.lock", "case.lock", "plate-1.gcode", "plate-1.gcode"]
    queue.cancel(store, first.id, who="ann")
    assert spool.path_of(store.spool, second.file).is_file()
    queue.cancel(store, second.id, who="ann")
    queue.cancel(store, other.id, who="ann")
    assert kept(store) == []
    assert [path.name for path in store.spool.iterdir()] == [".lock"]


def test_an_interrupted_job_keeps_its_file_and_one_that_ended_does_not(
    store: Store, tmp_path: Path, take: Callable[..., Job]
) -> None:
    me = this_agent()
    for ending in (State.DONE, State.FAILED):
        job = take(write(tmp_path / "build"))
        turn.hold(store, "a", me)
        queue.clear_plate(store, "a", who="bob")
        turn.begin(store, job, me)
        turn.hold(store, "a", me)  # the agent came back: what was under way is interrupted
        assert kept(store) == ["case.lock", "plate-1.gcode"]
        again = queue.settle(store, job.id, State.QUEUED, who="ann")
        assert spool.path_of(store.spool, again.file).is_file()
        queue.clear_plate(store, "a", who="bob")
        turn.begin(store, again, me)
        turn.end(store, again, me, ending, why="as it is", line=2)
        assert kept(store) == []
    rejected = take(write(tmp_path / "build"))
    turn.reject(store, rejected, "damaged")
    assert kept(store) == []


def test_what_the_lab_did_not_write_stays(store: Store, tmp_path: Path, take: Callable[..., Job]) -> None:
    job = take(write(tmp_path / "build"))
    (store.spool / "notes").mkdir()
    (store.spool / "notes" / "mine.txt").write_text("keep")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.gcode").write_bytes(GCODE)
    (store.spool / ("0" * 64)).symlink_to(elsewhere)
    queue.cancel(store, job.id, who="ann")
    assert kept(store) == ["mine.txt"]
    assert (elsewhere / "x.gcode").is_file()


def test_a_damaged_copy_is_made_good_by_the_next_queueing(
    store: Store, tmp_path: Path, take: Callable[..., Job]
) -> None:
    plate = write(tmp_path / "build")
    copy = spool.path_of(store.spool, take(plate).file)
    copy.write_bytes(b"half")
    take(plate)
    assert copy.read_bytes() == GCODE


def test_what_no_build_vouches_for_is_not_taken_in(store: Store, tmp_path: Path) -> None:
    def asked(file: Path, gcode: bytes = GCODE) -> PrintFile:
        return PrintFile(file=file, sha256=hashlib.sha256(gcode).hexdigest())

    stopped = write(tmp_path / "stopped")
    (tmp_path / "stopped" / "case.lock").unlink()
    edited = write(tmp_path / "edited")
    edited.write_bytes(b"G1 X3\n")
    parts = write(tmp_path / "parts")
    (tmp_path / "parts" / "prepared.3mf").write_bytes(b"other parts")
    alone = tmp_path / "alone.gcode"
    alone.write_bytes(GCODE)
    for print_file, words in (
        (asked(stopped), "stopped before it was certified"),
        (asked(edited, b"G1 X3\n"), "not what was certified"),
        (asked(parts), "not what was certified"),
        (asked(alone, b"another"), "changed while it was queued"),
    ):
        with pytest.raises(InputError, match=words):
            queue.take_in(store, [print_file], printer="a", who="ann")
    assert queue.jobs(store) == ()
    with pytest.raises(LabError, match=r"gone\.gcode cannot be taken into"):
        queue.take_in(store, [asked(tmp_path / "gone.gcode")], printer="a", who="ann")


def test_where_the_files_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    lab, other = (spool.spool_folder(make_url(f"postgresql://ann:secret@host/{name}")) for name in ("lab", "other"))
    assert lab.parent == other.parent == tmp_path / "printprep"
    assert lab != other
    assert lab == spool.spool_folder(make_url("postgresql://bob@host/lab"))
    assert spool.spool_folder(make_url("sqlite:////data/lab.db")) == Path("/data/lab.db.files")
    assert spool.spool_folder(make_url("sqlite://")).parent == tmp_path / "printprep"
    monkeypatch.setenv("PRINTPREP_SPOOL", "/srv/lab")
    assert spool.spool_folder(make_url("sqlite:////data/lab.db")) == Path("/srv/lab")


def test_a_spool_that_cannot_be_written_to(store: Store, tmp_path: Path) -> None:
    store.spool.write_text("a file stands in its place")
    file = tmp_path / "x.gcode"
    file.write_bytes(GCODE)
    with pytest.raises(LabError, match=r"cannot keep files in .* PRINTPREP_SPOOL names another"):
        queue.take_in(store, print_files(file), printer="a", who="ann")
