"""Klipper behind its pty: no numbers, nothing refused, every command answered; see ``firmware_notes/klipper.md``."""

from __future__ import annotations

from typing import ClassVar

from printprep.printers.dialects.conversation import Conversation
from printprep.printers.dialects.manners import Manners
from printprep.printers.dialects.replies import Kind, Reply, read_reply

_STATES = {b"Ready": Kind.START, b"Shutdown": Kind.FATAL, b"Disconnect": Kind.FATAL}


def read_klipper(line: bytes) -> Reply:
    """One received line; ``!!`` is an error of one command, the state is told apart."""
    if line.startswith(b"!!"):
        return Reply(Kind.FAILED, line.decode("ascii", "replace"))
    if line.startswith(b"// Klipper state: "):
        kind = _STATES.get(line[18:].strip(), Kind.NOTICE)
        return Reply(kind, line.decode("ascii", "replace"))
    if line == b'// Unknown command:"PAUSE"':  # no [pause_resume] in its configuration
        return Reply(Kind.NO_PAUSE)
    if line.startswith(b"// Unknown command:"):
        return Reply(Kind.NOTICE, line.decode("ascii", "replace"))
    return read_reply(line)


class Klipper(Conversation):
    """A conversation with Klipper on this machine: it looks at no number, so none is sent."""

    manners: ClassVar[Manners] = Manners(
        read=read_klipper,
        numbered=False,
        ordered=False,
        count_anew=b"",
        end_wait=b"",
        pause=b"PAUSE",
        carry_on=b"RESUME",
        forget_pause=b"CLEAR_PAUSE",
        holds=frozenset([b"M0", b"M1", b"PAUSE"]),
        for_operator=frozenset([b"M0", b"M1", b"M600", b"PAUSE"]),
        extruder="either",
    )
