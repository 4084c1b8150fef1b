"""The journal of a print: after any crash of this machine one knows the last command that the printer certainly has.

A file in the user's state folder for each print, its owner's alone, without a name of a patient or a file: the job is
its SHA-256. All records have 64 bytes of text with a CRC-32 before them::

    1c291ca3 job {"format": "printprep journal 1", …}         (padded to a multiple of 64 bytes)
    5d41402a at 8118 8120 8152 42 8.40 913.2                  certain, acknowledged, sent, layer, height in mm, s
    7d793037 tune M220 S80                                    what the operator changed
    fc56dbc6 end cancelled

Each batch of acknowledgements is written before the next commands go out, so that a process that is killed leaves
nothing unwritten. Once a second, and at a new layer, a record is kept and synced to the disk, and the next takes a new
place; in between the newest record replaces the one before it, or a long print would fill a disk. A record never
straddles two pages and is never changed once it is synced, so that a power cut can spoil only what is newer.
"""

from __future__ import annotations

import json
import os
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import platformdirs

from printprep.errors import InputError
from printprep.printers.job import JobFile

FORMAT: Final = "printprep journal 1"
RECORD: Final = 64
SYNC_S: Final = 1.0
KEPT: Final = 20  # journals of one printer
LONGEST_TUNE: Final = RECORD - 16
SUFFIX: Final = ".journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a journal tells of a print."""

    path: Path
    printer: str
    sha256: str  # of the file
    began: datetime
    commands: int  # in the file
    certain: int = 0  # the last command that the printer certainly has; an ok without a number proves nothing
    acknowledged: int = 0  # as many were answered, if no answer was a noise
    sent: int = 0  # none after this one ever went out
    layer: int = 0  # 1-based, of the acknowledged command; 0 before the first
    z_mm: float | None = None  # height of that layer, where the file says it
    printed_s: float = 0.0  # from the beginning to the last record
    tunes: tuple[str, ...] = ()  # what the operator changed, in order
    ending: str | None = None  # finished, cancelled or failed; None: it broke off


def journal_folder() -> Path:
    """Where the journals are; ``PRINTPREP_STATE`` names another folder than the user's own."""
    named = os.environ.get("PRINTPREP_STATE")
    return (Path(named) if named else Path(platformdirs.user_state_dir("printprep"))) / "prints"


class Journal:
    """A journal that is being written, by the one thread that talks to the printer.

    Parameters
    ----------
    printer
        Its name in the lab.
    job
        What is printed.
    folder
        Where; None: the user's own.
    clock
        Monotonic time, s.

    Raises
    ------
    InputError
        The folder cannot be written.
    """

    def __init__(
        self, printer: str, job: JobFile, folder: Path | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        folder = folder or journal_folder()
        self._job, self._clock = job, clock
        self._began_s = self._synced_s = clock()
        self._last = (-1, -1, -1)
        self._layer = 0
        self._loose = False  # the newest record may still be replaced
        self._failure: OSError | None = None
        began = datetime.now(UTC)
        self.path = folder / f"{printer}.{began:%Y%m%dT%H%M%S.%f}{SUFFIX}"
        first = {
            "format": FORMAT,
            "printer": printer,
            "sha256": job.sha256,
            "began": began.isoformat(),
            "commands": job.commands,
        }
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            _forget_old(folder, printer)
            head = record(f"job {json.dumps(first)}")
            os.write(self._file, head)
            os.fsync(self._file)
            _sync_folder(folder)
        except OSError as exc:
            raise InputError(
                f"the journal of the print cannot be written in {folder} ({exc.strerror}); after a crash nobody would "
                "know how far it came. Make room, or name another folder: PRINTPREP_STATE"
            ) from exc
        self._place = len(head)
        self._syncs = _Syncs(self._file)

    @property
    def failure(self) -> str:
        """Why nothing is written any more; empty: all is well. A print goes on without its journal."""
        return f"the journal is no longer written ({self._failure.strerror})" if self._failure else ""

    def note(self, certain: int, acknowledged: int, sent: int) -> None:
        """Write down how far the print is; to be called before what is ``sent`` goes out."""
        if (certain, acknowledged, sent) == self._last:
            return
        self._last = (certain, acknowledged, sent)
        layer, now_s = self._job.layer_at(acknowledged), self._clock()
        z_mm = self._job.layer_z_mm[layer - 1] if layer else None
        height = "-" if z_mm is None else f"{z_mm:.2f}"
        self._write(f"at {certain} {acknowledged} {sent} {layer} {height} {now_s - self._began_s:.1f}")
        if layer != self._layer or now_s - self._synced_s >= SYNC_S:
            self._layer, self._synced_s = layer, now_s
            self._keep()

    def tuned(self, command: str) -> None:
        """Write down what the operator changed."""
        self._keep()
        self._write(f"tune {command[:LONGEST_TUNE]}")
        self._keep()

    def end(self, ending: str) -> None:
        """Write down how the print ended, and close the journal."""
        self._keep()
        self._write(f"end {ending}")
        self._syncs.end()
        with suppress(OSError):
            os.fsync(self._file)
        os.close(self._file)

    def _write(self, text: str) -> None:
        """Put a record where the newest unsynced one is, or behind all."""
        if self._failure is None:
            try:
                os.pwrite(self._file, record(text), self._place)
            except OSError as exc:
                self._failure = exc
        self._loose = True

    def _keep(self) -> None:
        """Leave the newest record where it is for good, and have it synced."""
        if self._loose:
            self._place += RECORD
            self._loose = False
            self._syncs.ask()


class _Syncs:
    """Syncs a file in a thread: a slow card must not hold up the printer."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._asked = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        self._asked.set()

    def end(self) -> None:
        self._over = True
        self._asked.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over:
            self._asked.wait()
            self._asked.clear()
            with suppress(OSError):  # of the disk; writing finds it out as well
                os.fsync(self._file)


def record(text: str) -> bytes:
    """``text`` with its sum, padded to a multiple of 64 bytes."""
    body = text.encode("ascii", "replace")
    body = body.ljust(-(-(len(body) + 10) // RECORD) * RECORD - 10)
    return b"%08x %b\n" % (zlib.crc32(body), body)


def read_journal(path: Path) -> Account:
    """What a journal tells; what is torn or spoilt in it is passed over.

    Raises
    ------
    InputError
        It cannot be read, or is no journal.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise InputError(f"{path} cannot be read: {exc.strerror}") from exc
    head = data.find(b"\n") + 1
    text = _sound(data[:head])
    try:
        first = json.loads(text.removeprefix("job ")) if text else {}
        if first.get("format") != FORMAT:
            raise InputError(f"{path} is no journal of a print, or its beginning is lost")
        books = _Books(first["printer"], first["sha256"], datetime.fromisoformat(first["began"]), first["commands"])
    except (ValueError, KeyError, AttributeError) as exc:
        raise InputError(f"{path} is no journal of a print: {exc}") from exc
    for at in range(head, len(data), RECORD):
        if text := _sound(data[at : at + RECORD]):
            books.take(text.split(" "))
    return books.account(path)


@dataclass(slots=True)
class _Books:
    """What is known while a journal is read."""

    printer: str
    sha256: str
    began: datetime
    commands: int
    at: tuple[int, int, int, int, float | None, float] = (0, 0, 0, 0, None, 0.0)
    tunes: list[str] = field(default_factory=list)
    ending: str | None = None

    def take(self, words: list[str]) -> None:
        """One sound record; newer ones stand behind older ones."""
        match words:
            case ["at", certain, acknowledged, sent, layer, height, seconds]:
                z_mm = None if height == "-" else float(height)
                self.at = (int(certain), int(acknowledged), int(sent), int(layer), z_mm, float(seconds))
            case ["tune", *command]:
                self.tunes.append(" ".join(command))
            case ["end", ending]:
                self.ending = ending

    def account(self, path: Path) -> Account:
        certain, acknowledged, sent, layer, z_mm, printed_s = self.at
        return Account(
            path=path,
            printer=self.printer,
            sha256=self.sha256,
            began=self.began,
            commands=self.commands,
            certain=certain,
            acknowledged=acknowledged,
            sent=sent,
            layer=layer,
            z_mm=z_mm,
            printed_s=printed_s,
            tunes=tuple(self.tunes),
            ending=self.ending,
        )


def _sound(data: bytes) -> str:
    """The text of a record; empty when it is torn or spoilt."""
    if len(data) < RECORD or data[8:9] != b" " or data[-1:] != b"\n":
        return ""
    body = data[9:-1]
    return body.decode("ascii", "replace").rstrip() if data[:8] == b"%08x" % zlib.crc32(body) else ""


def journals(printer: str | None = None, folder: Path | None = None) -> list[Path]:
    """All journals, or those of one printer, the newest first."""
    found = (folder or journal_folder()).glob(f"*{SUFFIX}")
    mine = [path for path in found if printer is None or _printer_of(path) == printer]
    return sorted(mine, key=lambda path: path.name.rsplit(".", 3)[1:], reverse=True)


def last_journal(printer: str, folder: Path | None = None) -> Account:
    """What the newest journal of a printer tells.

    Raises
    ------
    InputError
        There is none.
    """
    found = journals(printer, folder)
    if not found:
        raise InputError(f"there is no journal of a print on {printer} in {folder or journal_folder()}")
    return read_journal(found[0])


def _printer_of(path: Path) -> str:
    return path.name.rsplit(".", 3)[0]


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _forget_old(folder: Path, printer: str) -> None:
    for path in journals(printer, folder)[KEPT:]:
        path.unlink(missing_ok=True)
