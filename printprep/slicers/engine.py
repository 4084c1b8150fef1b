"""Starting a slicer: its output line by line, a time-out that stops all of it, its faults in our errors."""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Final

from printprep.errors import SliceFailed, SlicerNotFound, SliceTimeout

LAST_WORDS: Final = 6
"""How many of the engine's last lines a message repeats."""

_GRACE_S: Final = 3.0  # between asking an engine to stop and killing it
_DISK_FULL: Final = ("no space left", "disk full", "disk is full", "file size limit", "cannot write", "write error")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRun:
    """What an engine did that ended by itself."""

    returncode: int  # 0 and up: its own; below 0: the signal that ended it
    lines: tuple[str, ...]  # stdout and stderr, as they came
    wall_s: float


def find_engine(program: str, how_to_get: str) -> str:
    """Path of ``program``.

    Raises
    ------
    SlicerNotFound
        It is not on the PATH; the message says how to get it.
    """
    path = shutil.which(program)
    if path is None:
        raise SlicerNotFound(f"{program} is not installed here; {how_to_get}, or see printprep doctor")
    return path


@cache
def version_said(program: str, question: str, pattern: str, how_to_get: str) -> str:
    """The version that ``program`` says when it is asked by the argument ``question``; asked once a process.

    Raises
    ------
    SliceFailed
        It does not say its version.
    """
    with tempfile.TemporaryDirectory(prefix="printprep-") as folder:
        heard = run_engine([program, question], cwd=Path(folder), timeout_s=60.0)
    found = re.search(pattern, "\n".join(heard.lines))
    if found is None:
        raise SliceFailed(f"{program} does not say its version; {how_to_get}, or see printprep doctor")
    return found.group(1)


@contextmanager
def writing_in(out_dir: Path) -> Iterator[None]:
    """Make ``out_dir``, and map what the disk says while something is written there.

    Raises
    ------
    SliceFailed
        It cannot be written.
    """
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as exc:
        raise SliceFailed(f"{exc.filename or out_dir}: {exc.strerror}; free space or name another folder") from exc


@contextmanager
def working_folder(out_dir: Path, plate: int) -> Iterator[Path]:
    """A folder for an engine's files of one plate, on the disk of ``out_dir``; gone when the engine is done.

    Raises
    ------
    SliceFailed
        It cannot be written.
    """
    with (
        writing_in(out_dir),
        tempfile.TemporaryDirectory(dir=out_dir.resolve(), prefix=f".plate-{plate}-") as folder,
    ):
        yield Path(folder)


def run_engine(
    command: Sequence[str],
    *,
    cwd: Path,
    timeout_s: float,
    on_line: Callable[[str], None] = lambda _line: None,
) -> EngineRun:
    """Run an engine in a process group of its own and listen until it ends.

    Whatever ends the wait (the time-out, Ctrl-C, a failing ``on_line``) ends the whole group, so that no child of the
    engine goes on slicing.

    Parameters
    ----------
    command
        Program and arguments.
    cwd
        Its working directory, and its HOME: an engine must not read or write the settings of whoever runs it.
    timeout_s
        After so long it is stopped.
    on_line
        Called with each line of stdout and stderr.

    Raises
    ------
    SliceTimeout
        It did not end in time.
    SlicerNotFound
        The program cannot be started.
    """
    started_s = time.monotonic()
    process = _start(command, cwd)
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        on_line(line)

    name = Path(command[0]).name
    try:
        if process.stdout is not None:
            _listen(process.stdout, started_s + timeout_s, hear)
        process.wait(timeout=max(0.0, started_s + timeout_s - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired) as exc:
        words = last_words(lines)
        raise SliceTimeout(
            f"{name} did not end within {timeout_s:g} s and was stopped; it last said: {words}. "
            "Give it more time, a coarser process or fewer parts"
        ) from exc
    finally:
        stop_group(process)
        if process.stdout is not None:
            process.stdout.close()
    return EngineRun(returncode=process.returncode, lines=tuple(lines), wall_s=time.monotonic() - started_s)


def _start(command: Sequence[str], cwd: Path) -> subprocess.Popen[bytes]:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": ".", "LC_ALL": "C.UTF-8", "TMPDIR": "."}
    if shutil.which(command[0]) is None:
        raise SlicerNotFound(f"{command[0]} cannot be started: there is no such program; see printprep doctor")
    try:
        return subprocess.Popen(
            list(command),
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as exc:
        raise SlicerNotFound(f"{command[0]} cannot be started: {exc.strerror}; see printprep doctor") from exc


def _listen(stream: IO[bytes], deadline_s: float, hear: Callable[[str], None]) -> None:
    """Pass on lines until the stream ends; a TimeoutError at the deadline (monotonic)."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not selector.select(left_s):
                raise TimeoutError
            block = os.read(stream.fileno(), 65536)
            if not block:
                break
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                hear(line.decode("utf-8", "replace").rstrip("\r"))
    if rest:
        hear(rest.decode("utf-8", "replace"))


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads its own group, and everything it started."""
    for signal_number, patience_s in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, signal_number)
        except (ProcessLookupError, PermissionError):
            break  # the group is gone; PermissionError is what macOS says of a group of zombies
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def last_words(lines: Sequence[str]) -> str:
    """The end of what an engine said, in one line."""
    said = [line.strip() for line in lines if line.strip() and "[trace]" not in line]
    return " | ".join(said[-LAST_WORDS:]) or "nothing"


def check_ended_well(run: EngineRun, name: str, produced: Path) -> None:
    """Raise unless the engine says that it succeeded AND its file is there with something in it.

    Raises
    ------
    SliceFailed
        It was killed, crashed, refused, found the disk full, or wrote nothing; with its own last words.
    """
    words = last_words(run.lines)
    if any(phrase in words.lower() for phrase in _DISK_FULL) or -run.returncode == signal.SIGXFSZ:
        raise SliceFailed(f"{name} could not write its file, the disk may be full; free space and slice again: {words}")
    if run.returncode < 0:
        what = signal.Signals(-run.returncode).name if -run.returncode in set(signal.Signals) else str(-run.returncode)
        hint = "; it may have run out of memory" if -run.returncode == signal.SIGKILL else ""
        raise SliceFailed(f"{name} was ended by signal {what}{hint}; it last said: {words}")
    if run.returncode > 0:
        raise SliceFailed(f"{name} failed with exit code {run.returncode}: {words}")
    if not produced.is_file() or produced.stat().st_size == 0:
        raise SliceFailed(f"{name} ended with exit code 0 but wrote nothing; it last said: {words}")
