from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from printprep.errors import SliceFailed, SlicerNotFound, SliceTimeout
from printprep.slicers.engine import EngineRun, check_ended_well, find_engine, last_words, run_engine


def ended(returncode: int = 0, *lines: str) -> EngineRun:
    return EngineRun(returncode=returncode, lines=lines, wall_s=1.0)


def alive(pid: int) -> bool:
    """Whether a process still runs; one that ended but nobody asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_lines_of_both_streams_come_as_they_are_said(tmp_path: Path) -> None:
    heard: list[str] = []
    run = run_engine(
        ["/bin/sh", "-c", "echo one; echo two >&2; printf three; exit 3"],
        cwd=tmp_path,
        timeout_s=20,
        on_line=heard.append,
    )
    assert heard == list(run.lines) == ["one", "two", "three"]
    assert run.returncode == 3


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    run = run_engine(["/bin/sh", "-c", "printf 'a\\377b\\n'"], cwd=tmp_path, timeout_s=20)
    assert run.lines == ("a\ufffdb",)


def test_the_engine_lives_in_its_folder_and_sees_nothing_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "a1b2c3")
    run = run_engine(["/bin/sh", "-c", "cd && pwd; echo $API_KEY"], cwd=tmp_path, timeout_s=20)
    assert run.lines == (str(tmp_path), "")


def test_a_hanging_engine_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    script = "echo 20 generating; sleep 600 & echo $! > child; trap '' TERM; echo $$ > own; wait; sleep 600"
    with pytest.raises(SliceTimeout, match=r"did not end within 0\.5 s .* 20 generating"):
        run_engine(["/bin/sh", "-c", script], cwd=tmp_path, timeout_s=0.5)
    for name in ("own", "child"):
        assert not alive(int((tmp_path / name).read_text()))


def test_an_interrupt_stops_the_engine_too(tmp_path: Path) -> None:
    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_engine(["/bin/sh", "-c", "echo $$ > own; echo x; sleep 600"], cwd=tmp_path, timeout_s=60, on_line=interrupt)
    assert not alive(int((tmp_path / "own").read_text()))


def test_a_silent_child_that_keeps_the_output_open_does_not_hold_us_beyond_the_time(tmp_path: Path) -> None:
    started_s = time.monotonic()
    with pytest.raises(SliceTimeout):
        run_engine(["/bin/sh", "-c", "sleep 600 & exit 0"], cwd=tmp_path, timeout_s=0.5)
    assert time.monotonic() - started_s < 60


def test_a_missing_program_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        SlicerNotFound, match=r"no-such-slicer is not installed here; get it so, or see printprep doctor"
    ):
        find_engine("no-such-slicer", "get it so")
    with pytest.raises(SlicerNotFound, match="cannot be started"):
        run_engine([str(tmp_path / "no-such-slicer")], cwd=tmp_path, timeout_s=1)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (ended(1, "[trace] x", "Layer height can't be greater"), r"exit code 1: Layer height can't be greater$"),
        (ended(-9, "20 => Generating"), r"signal SIGKILL; it may have run out of memory; it last said: 20 => Gen"),
        (ended(-11), r"signal SIGSEGV; it last said: nothing"),
        (ended(1, "write error: No space left on device"), r"the disk may be full; free space"),
        (ended(-25), r"the disk may be full"),
        (ended(0, "done"), r"exit code 0 but wrote nothing; it last said: done"),
    ],
)
def test_each_way_to_fail_has_its_own_message(run: EngineRun, said: str, tmp_path: Path) -> None:
    with pytest.raises(SliceFailed, match=said):
        check_ended_well(run, "PrusaSlicer", tmp_path / "nothing.gcode")


def test_a_good_end_needs_a_file_with_something_in_it(tmp_path: Path) -> None:
    produced = tmp_path / "plate.gcode"
    produced.touch()
    with pytest.raises(SliceFailed, match="wrote nothing"):
        check_ended_well(ended(0), "PrusaSlicer", produced)
    produced.write_text("G28\n")
    check_ended_well(ended(0), "PrusaSlicer", produced)


def test_last_words_are_the_last() -> None:
    assert last_words([f"line {k}" for k in range(20)]).split(" | ")[-1] == "line 19"
    assert len(last_words([f"line {k}" for k in range(20)]).split(" | ")) == 6


def test_no_engine_is_left_behind(tmp_path: Path) -> None:
    before = {p for p in os.listdir("/proc") if p.isdigit()}
    for _ in range(3):
        run_engine(["/bin/sh", "-c", "sleep 0.01"], cwd=tmp_path, timeout_s=20)
    mine = [p for p in set(os.listdir("/proc")) - before if p.isdigit() and _parent(p) == os.getpid()]
    assert mine == []


def _parent(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return -1
