"""What one firmware does differently from another, as data that :class:`Conversation` goes by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from printprep.printers.dialects.replies import Reply, read_reply

WAITS: Final = frozenset(
    b"G4 G26 G27 G28 G29 G33 G34 G76 G80 M0 M1 M109 M116 M190 M191 M226 M303 M400 M600 M601 M701 M702".split()
)
UNTUNED: Final[Mapping[bytes, bytes]] = {b"M220": b"M220 S100", b"M221": b"M221 S100"}
"""By what was tuned, how it is set back: a firmware keeps speed and flow for its next print, which is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a firmware wants to be talked to.

    The most important one is ``ordered``: a firmware that takes line n only after line n - 1, and asks for what it
    misses, can be sent a line again without fear. Where it does not, a line whose answer got lost is never repeated:
    nobody can know whether it was carried out, and the job ends.
    """

    read: Callable[[bytes], Reply] = read_reply
    numbered: bool = True  # N, a number and a checksum go with each line
    ordered: bool = True
    ok_after_refusal: bool = True  # an ok follows a Resend, and belongs to the refused line
    heat_in_ok: bool = True  # the ok of M105 carries the temperatures; else they come once it is carried out
    hello: bytes = b"M115"
    question: bytes = b"M105"  # moves nothing, and its answer cannot be taken for another one's
    settle: bytes = b"M400"  # answered when the last move has ended
    count_anew: bytes = b"M110 N0"  # empty: there is nothing to count
    waits: frozenset[bytes] = WAITS  # commands that may take long
    holds: frozenset[bytes] = frozenset([b"M0", b"M1"])  # the host waits for the operator, too
    for_operator: frozenset[bytes] = frozenset([b"M0", b"M1", b"M226", b"M600"])
    end_wait: bytes = b"M108"  # ends a wait for heat or the operator; empty: nothing does
    pause: bytes = b""  # parks by the printer's own macro, which :attr:`carry_on` undoes; empty: the host parks
    carry_on: bytes = b""  # ends a pause that the printer made itself
    forget_pause: bytes = b""  # for a job that is given up while :attr:`pause` holds it
    stop: bytes = b"\nM112\n"  # without number, and read before all else where the firmware can
    cold: tuple[bytes, ...] | None = None  # what makes it safe; None: switch off nozzles and bed
    retreat: tuple[bytes, ...] = (b"M107", b"G91", b"G1 E-2 F1800", b"G1 Z10 F600", b"G90")  # when a job is given up
    extruder: Literal["follows", "either", "own"] = "follows"
    """E follows G90 and G91 as well as M82 and M83; is relative if either is; or goes by M82 and M83 alone."""
    own_g0_feed: bool = False  # G0 has a feed rate of its own

    @property
    def ended_by_m108(self) -> frozenset[bytes]:
        """Commands whose wait :attr:`end_wait` ends."""
        return self.for_operator | {b"M109", b"M190", b"M191"} if self.end_wait else frozenset()
