"""What of a file goes to a server, under a name that says nothing: the commands of G-code, a file of layers whole."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from printprep.printers.job import JobFile, commands

PIECE_BYTES: Final = 1 << 16
NAME_DIGITS: Final = 16

OnSent = Callable[[int, int], None]


def untold(_sent: int, _total: int) -> None:
    """An ``OnSent`` for when nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file on its way: a copy in a temporary file, so that nothing can change it after it was hashed."""

    stream: BinaryIO  # at its beginning
    name: str  # of its hash, no other; whose anatomy it is stays in the house
    layers: bool  # a file of layers, no G-code
    size: int  # bytes
    sha256: str
    sha1: str  # OctoPrint's
    md5: str  # SDCP's


@contextmanager
def packed(job: JobFile, *, layers: bool = False) -> Iterator[Upload]:
    """Make an upload of a job: of G-code its commands alone, text also where the file is binary.

    Parameters
    ----------
    job
        As it was counted: a file that was changed since is an InputError.
    layers
        It is a file of layers, which goes as it is.
    """
    digests = [hashlib.new(name, usedforsecurity=False) for name in ("sha256", "sha1", "md5")]
    with tempfile.TemporaryFile() as copy:
        if layers:
            with job.file.opened() as source:
                shutil.copyfileobj(source, copy, PIECE_BYTES)
        else:
            copy.writelines(command + b"\n" for command in commands(job.file))
        size = copy.tell()
        copy.seek(0)
        while piece := copy.read(PIECE_BYTES):
            for digest in digests:
                digest.update(piece)
        copy.seek(0)
        sha256, sha1, md5 = (digest.hexdigest() for digest in digests)
        suffix = job.path.suffix.lower() if layers else ".gcode"
        name = f"printprep-{sha256[:NAME_DIGITS]}{suffix}"
        yield Upload(stream=copy, name=name, layers=layers, size=size, sha256=sha256, sha1=sha1, md5=md5)


class Counted:
    """A stream that tells how much of it was read; what HTTP libraries take as a body.

    Parameters
    ----------
    stream, size
        The body, bytes.
    on_sent
        Is told bytes read and all bytes.
    head, tail
        Go before and after it, such as the ends of a form.
    """

    def __init__(self, stream: BinaryIO, size: int, on_sent: OnSent = untold, head: bytes = b"", tail: bytes = b""):
        self._stream, self._size, self._on_sent = stream, size, on_sent
        self._ends = (head, tail)
        self._pieces = self._read()
        self._left = b""

    def __len__(self) -> int:
        return len(self._ends[0]) + self._size + len(self._ends[1])

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def read(self, amount: int = -1) -> bytes:
        """Up to ``amount`` bytes; all that is left when it is negative."""
        while amount < 0 or len(self._left) < amount:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._left += piece
        cut = len(self._left) if amount < 0 else amount
        out, self._left = self._left[:cut], self._left[cut:]
        return out

    def _read(self) -> Iterator[bytes]:
        head, tail = self._ends
        if head:
            yield head
        sent = 0
        while piece := self._stream.read(PIECE_BYTES):
            yield piece
            sent += len(piece)
            self._on_sent(sent, self._size)
        if tail:
            yield tail


def form(
    name: str,
    stream: BinaryIO,
    size: int,
    on_sent: OnSent = untold,
    *,
    field: str = "file",
    fields: Mapping[str, str] | None = None,
) -> tuple[Counted, Mapping[str, str]]:
    """A form of one file in ``field`` and some ``fields``, read from disk while it is sent, and its headers."""
    mark = secrets.token_hex(16)
    head = "".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in (fields or {}).items()
    )
    head += (
        f'--{mark}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = Counted(stream, size, on_sent, head.encode(), f"\r\n--{mark}--\r\n".encode())
    return body, {"Content-Type": f"multipart/form-data; boundary={mark}", "Content-Length": str(len(body))}
