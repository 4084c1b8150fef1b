"""Marlin: see ``firmware_notes/marlin.md`` for the sentences of both sides."""

from __future__ import annotations

from typing import ClassVar

from printprep.printers.dialects.conversation import Conversation
from printprep.printers.dialects.manners import Manners


class Marlin(Conversation):
    """A conversation with a printer that runs Marlin 2."""

    manners: ClassVar[Manners] = Manners()
