"""ChiTu resin boards: no numbers, one command at a time; see ``firmware_notes/chitu.md``."""

from __future__ import annotations

from typing import ClassVar

from printprep.printers.dialects.conversation import Conversation
from printprep.printers.dialects.manners import Manners
from printprep.printers.dialects.replies import Kind, Reply, read_reply


def read_chitu(line: bytes) -> Reply:
    """One received line."""
    if line.startswith(b"ok N:"):
        return Reply(Kind.OK, "ok")
    if line.startswith(b"ok V"):
        return Reply(Kind.OK, "FIRMWARE_NAME:ChiTu " + line[3:].decode("ascii", "replace"))
    if line.startswith(b"Error:"):
        return Reply(Kind.FAILED, line.decode("ascii", "replace"))
    return read_reply(line)


class Chitu(Conversation):
    """A conversation with a ChiTu board; nothing on it heats, and what it did not answer is never sent again."""

    manners: ClassVar[Manners] = Manners(
        read=read_chitu,
        numbered=False,
        ordered=False,
        count_anew=b"",
        hello=b"M4002",
        question=b"M4000",
        settle=b"",
        end_wait=b"",
        cold=(b"M106 S0",),  # the light
        retreat=(b"G91", b"G0 Z10 F300", b"G90"),
        for_operator=frozenset([b"M0", b"M1"]),
    )
