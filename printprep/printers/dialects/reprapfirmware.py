"""RepRapFirmware (Duet) over USB: checksums but no order of numbers; see ``firmware_notes/reprapfirmware.md``."""

from __future__ import annotations

from typing import ClassVar

from printprep.printers.dialects.conversation import Conversation
from printprep.printers.dialects.manners import Manners
from printprep.printers.dialects.replies import Kind, Reply, read_reply


def read_reprapfirmware(line: bytes) -> Reply:
    """One received line; ``Error:`` is a command that was not carried out."""
    if line.startswith(b"Error:"):
        text = line.decode("ascii", "replace")
        return Reply(Kind.FATAL if "fault" in text.lower() else Kind.FAILED, text)
    return read_reply(line)


class RepRapFirmware(Conversation):
    """A conversation with a Duet on USB. It drops a spoilt line without a word and takes any number."""

    manners: ClassVar[Manners] = Manners(
        read=read_reprapfirmware,
        ordered=False,
        count_anew=b"",
        end_wait=b"",
        for_operator=frozenset([b"M0", b"M1"]),
        extruder="own",
    )
