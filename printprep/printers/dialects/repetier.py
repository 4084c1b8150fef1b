"""Repetier: oks with the line's number, lines it has already are skipped; see ``firmware_notes/repetier.md``."""

from __future__ import annotations

import re
from typing import ClassVar

from printprep.printers.dialects.conversation import Conversation
from printprep.printers.dialects.manners import Manners
from printprep.printers.dialects.replies import Kind, Reply, read_reply

_OK = re.compile(rb"ok (\d+)")
_EXPECTED = re.compile(rb"(?:Error:)?expected line (\d+) got (\d+)")
_SKIP = re.compile(rb"skip (\d+)")


def read_repetier(line: bytes) -> Reply:
    """One received line."""
    counted = _OK.fullmatch(line)
    if counted is not None:
        return Reply(Kind.OK, number=int(counted[1]))
    skipped = _SKIP.fullmatch(line)
    if skipped is not None:
        return Reply(Kind.SKIPPED, number=int(skipped[1]))
    expected = _EXPECTED.fullmatch(line)
    if expected is not None:
        return Reply(Kind.REFUSED, "Line Number " + line.decode("ascii"), number=int(expected[1]))
    if line in (b"Error:Wrong checksum", b"Error:Format error", b"Error:Missing checksum"):
        return Reply(Kind.REFUSED, line.decode("ascii"))
    if line.startswith(b"fatal:"):
        return Reply(Kind.FATAL, line.decode("ascii", "replace"))
    return read_reply(line)


class Repetier(Conversation):
    """A conversation with a printer that runs Repetier-Firmware; one line at a time, its buffer holds one command."""

    manners: ClassVar[Manners] = Manners(
        read=read_repetier,
        heat_in_ok=False,
        end_wait=b"",
        for_operator=frozenset([b"M0", b"M1", b"M600", b"M601"]),
        extruder="either",
    )
