"""The lab's own copies of what is queued, so that a build folder may be written anew while its plates still wait.

    <spool>/<sha256>/plate-1.gcode                     a file that stood alone
    <spool>/<sha256>-<lock>/plate-1.gcode, case.lock   a plate of a build, with its lock

A plate keeps its name and travels with its lock, so the guard before sending still knows its printer and materials.
Equal plates of one case are kept once. A job's record holds the path within the spool: no folder of a person who
queued, which could bear a patient's name. Paths of records that an earlier printprep wrote are absolute; they still
lead to where they did.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import platformdirs
from sqlalchemy.engine import URL

from printprep.errors import InputError, LabError
from printprep.files import replacing, sha256_of
from printprep.lab.jobfile import PrintFile
from printprep.lock import NAME as LOCK
from printprep.lock import PREPARED, read_lock, verify_lock

LOG: Final = logging.getLogger(__name__)

VARIABLE: Final = "PRINTPREP_SPOOL"
"""Names another folder, as one that all hosts of a lab reach; one lab a folder."""

_FOLDER: Final = re.compile(r"[0-9a-f]{64}(-[0-9a-f]{12})?")
_DOOR: Final = ".lock"  # held while files come or go; no job has a file of that name


def spool_folder(url: URL) -> Path:
    """Where the store of that URL keeps its files: beside an SQLite file, else in the user's data folder."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        database = Path(str(url.database)).absolute()
        return database.with_name(f"{database.name}.files")
    server = json.dumps([url.host, url.port, url.database, sorted(url.query.items())])  # whoever asks it
    return platformdirs.user_data_path("printprep") / f"lab-{hashlib.sha256(server.encode()).hexdigest()[:12]}.files"


def path_of(folder: Path, file: Path) -> Path:
    """Where a job's file stands; ``file`` as its record has it."""
    return folder / file  # an absolute one stays as it is


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Nobody else brings files or takes them away; a file that came is safe once its job stands in the store.

    Raises
    ------
    LabError
        The folder cannot be made or written to.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True)
        door = os.open(folder / _DOOR, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(door, fcntl.LOCK_EX)
    except OSError as exc:
        raise LabError(
            f"the lab cannot keep files in {folder}: {exc.strerror or exc}; {VARIABLE} names another folder"
        ) from exc
    try:
        yield
    finally:
        os.close(door)


def keep(folder: Path, asked: PrintFile) -> PrintFile:
    """Copy a file, with the lock of its build, into the spool that is :func:`held`; ``file`` is then relative to it.

    Raises
    ------
    InputError
        The file is not the one that was looked at, or its build does not vouch for it.
    LabError
        The copy cannot be written.
    """
    key = _key(asked.file, asked.sha256)
    target = folder / key / asked.file.name
    try:
        if _build_has_lock(asked.file):
            _copy(asked.file.parent / LOCK, target.with_name(LOCK))
        if not (target.is_file() and sha256_of(target) == asked.sha256):
            _copy(asked.file, target, asked.sha256)
    except OSError as exc:
        raise LabError(f"{asked.file.name} cannot be taken into {folder}: {exc.strerror or exc}") from exc
    return replace(asked, file=target.relative_to(folder))


def sweep(folder: Path, needed: Collection[Path]) -> None:
    """Take away what no job needs from a spool that is :func:`held`; what cannot go now goes another time."""
    for place in folder.iterdir():
        if not _FOLDER.fullmatch(place.name) or place.is_symlink() or not place.is_dir():
            continue
        files = [file for file in place.iterdir() if file.name != LOCK]
        gone = [file for file in files if file.relative_to(folder) not in needed]
        try:
            for file in gone:
                file.unlink()
            if len(gone) == len(files):
                (place / LOCK).unlink(missing_ok=True)
                place.rmdir()
        except OSError as exc:
            LOG.warning("%s is not needed any more and cannot be removed: %s", place, exc)


def _key(file: Path, sha256: str) -> str:
    """Name of the folder for a file: by its bytes and by all that its lock says of it."""
    if not _build_has_lock(file):
        if (file.parent / PREPARED).is_file():
            raise InputError(
                f"{file.name} lies in a build whose run was stopped before it was certified: there is no {LOCK}; "
                "run the case again"
            )
        return sha256
    lock = read_lock(file.parent)
    states = {state.file: state.state for state in verify_lock(file.parent)}
    if lock.files.get(file.name) != sha256 or states.get(PREPARED) == "changed":
        raise InputError(f"{file.name} is not what was certified with its build; run the case again")
    said = json.dumps([lock.case_id, lock.printer, sorted(lock.materials.items())])
    return f"{sha256}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def _build_has_lock(file: Path) -> bool:
    return (file.parent / LOCK).is_file()


def _copy(source: Path, target: Path, sha256: str | None = None) -> None:
    """Copy a file, whole or not at all; with ``sha256``, only if it still has these bytes."""
    with replacing(target) as draft:
        shutil.copyfile(source, draft)
        if sha256 is not None and sha256_of(draft) != sha256:
            raise InputError(f"{source.name} was changed while it was queued; queue it again")
