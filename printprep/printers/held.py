"""A file that is held while it is printed: what goes to the printer is what was looked at before, or nothing.

A print takes hours. Meanwhile somebody may delete the file, write another under its name, or write into it. The first
two do no harm to a file that is open; the third is found out block by block, before a command of a changed block is
sent.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any, Final

from printprep.errors import InputError

BLOCK: Final = 1 << 16
SUM_BYTES: Final = 16


class HeldFile(io.RawIOBase):
    """A file as it is now: read later, it is the same or an InputError.

    Raises
    ------
    InputError
        The file cannot be read; later: it was changed since.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")  # the block that was read last
        whole = hashlib.sha256()
        sums = bytearray()
        self._file = -1
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            while block := self._read_block(len(sums) // SUM_BYTES):
                whole.update(block)
                sums += _sum(block)
                self.bytes += len(block)
        except OSError as exc:
            self.close()
            raise InputError(f"{path} cannot be read: {exc.strerror}") from exc
        self._sums = bytes(sums)
        self.sha256 = whole.hexdigest()

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.bytes}[whence])
        return self._at

    def tell(self) -> int:
        """The byte that comes next."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` with what comes next, as far as its block goes; 0 at the end."""
        if self._at >= self.bytes:
            return 0
        number, within = divmod(self._at, BLOCK)
        if self._held[0] != number:
            self._held = (number, self._checked(number))
        piece = self._held[1][within : within + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        """Let it go; its last block is forgotten."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        super().close()

    def opened(self) -> HeldFile:
        """The same file for another reader, from its beginning, without looking at it again."""
        other = HeldFile.__new__(HeldFile)
        other.path, other.bytes, other.sha256, other._sums = self.path, self.bytes, self.sha256, self._sums
        other._at, other._held = 0, (-1, b"")
        other._file = os.dup(self._file)
        return other

    def _checked(self, number: int) -> bytes:
        try:
            block = self._read_block(number)
        except OSError as exc:
            raise InputError(f"{self.path} can be read no more: {exc.strerror}") from exc
        if _sum(block) != self._sums[number * SUM_BYTES : (number + 1) * SUM_BYTES]:
            raise InputError(f"{self.path.name} was changed while it was printed")
        return block

    def _read_block(self, number: int) -> bytes:
        block = os.pread(self._file, BLOCK, number * BLOCK)
        while block and len(block) < BLOCK:  # a short read is no end
            more = os.pread(self._file, BLOCK - len(block), number * BLOCK + len(block))
            if not more:
                break
            block += more
        return block


def _sum(block: bytes) -> bytes:
    return hashlib.blake2b(block, digest_size=SUM_BYTES).digest()
