"""Prusa's Buddy firmware (MK4, XL, MINI): a Marlin 2 without ADVANCED_OK; see ``firmware_notes/buddy.md``."""

from __future__ import annotations

from typing import ClassVar

from printprep.printers.dialects.conversation import Conversation
from printprep.printers.dialects.manners import Manners


class Buddy(Conversation):
    """A conversation with a Prusa printer of the Buddy family."""

    manners: ClassVar[Manners] = Manners(
        for_operator=frozenset([b"M0", b"M1", b"M226", b"M600", b"M601"]),
    )
