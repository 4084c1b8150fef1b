"""Smoothieware: asks again with ``rs N…`` and no ok, halts on errors; see ``firmware_notes/smoothieware.md``."""

from __future__ import annotations

from typing import ClassVar

from printprep.printers.dialects.conversation import Conversation
from printprep.printers.dialects.manners import Manners
from printprep.printers.dialects.replies import Kind, Reply, read_reply


def read_smoothieware(line: bytes) -> Reply:
    """One received line."""
    if line.startswith(b"ok - "):  # something that is no command: not what was sent
        return Reply(Kind.RUBBISH)
    upper = line.upper()
    if line.startswith(b"!!") or b"HALT" in upper or upper.startswith(b"ERROR:"):
        return Reply(Kind.FATAL, line.decode("ascii", "replace"))
    return read_reply(line)


class Smoothieware(Conversation):
    """A conversation with a Smoothieboard."""

    manners: ClassVar[Manners] = Manners(
        read=read_smoothieware,
        ok_after_refusal=False,
        end_wait=b"",
        stop=b"\x18\nM112\n",  # ^X is read as it comes in
        for_operator=frozenset([b"M0", b"M1", b"M600", b"M601"]),
        own_g0_feed=True,
    )
