"""Writing so that nothing half made ever stands under a final name, and hashing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Give a temporary name beside ``path``; on success it is synced and renamed, on any failure removed.

    The block writes the file at the name it is given. The rename is atomic, and the folder is synced after it, so that
    after a crash either the old file is there or the whole new one. A ``private`` one is its owner's alone from its
    first byte on, and so is a folder that has to be made for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if private:
            draft.unlink(missing_ok=True)
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield draft
        with draft.open("rb+") as stream:
            os.fsync(stream.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        draft.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Write ``text`` as UTF-8, whole or not at all; a ``private`` file is its owner's alone."""
    with replacing(path, private=private) as draft:
        draft.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data``, whole or not at all."""
    with replacing(path) as draft:
        draft.write_bytes(data)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
