"""The virtual printer's planner: the house's own reading and planning of G-code, fed line by line.

What :func:`printprep.gcode.motion.move_times_s` does with a whole file is done here as a firmware does it: a move comes
into a buffer of blocks when there is room, and a block's speeds are fixed when it begins, by what is known then.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from printprep.gcode import layout
from printprep.gcode.arcs import ARC_SEGMENTS
from printprep.gcode.marlin import RING, begin_block, put_block
from printprep.gcode.motion import Cornering, MotionProfile, limits_table
from printprep.gcode.scan import scan
from printprep.geometry.mesh import Float

FIRST_MOVE_S: Final = 0.1  # Marlin's BLOCK_DELAY_FOR_1ST_MOVE: a machine at rest waits so long for moves to plan with
KNOWN_TO_BEGIN: Final = 3  # moves, with which it begins at once
LATE: Final = 512  # commands that a planner of a hurried clock puts off, since one reading of many is cheaper


class Planner:
    """A buffer of blocks and the clock of what is done with them.

    Parameters
    ----------
    motion
        The printer's limits.
    cornering
        Of its firmware. Buddy's, Klipper's and RepRapFirmware's moves are planned by Marlin's planner, too: Klipper's
        with the junction deviation that is as fast at a right angle, the others with the same limits.
    chords
        How its firmware cuts arcs.
    g90_sets_e
        Whether G90 and G91 speak for the extruder.
    hurried
        Moves come as fast as there is room, and the clock jumps to when there is; else they come as they come.
    """

    def __init__(
        self,
        motion: MotionProfile,
        cornering: Cornering | None,
        chords: layout.Chords = layout.Chords.MARLIN,
        *,
        g90_sets_e: bool = True,
        hurried: bool,
    ) -> None:
        self._motion, self._cornering = motion, cornering or _marlins(motion)
        self._memory = layout.new_memory(g90_sets_e=g90_sets_e, chords=chords)
        self._out = layout.new_output(4 * ARC_SEGMENTS, LATE)
        self._steps, self._full = np.array(motion.steps_per_mm), motion.planner_blocks
        self._ring, self._last = np.zeros((RING, 8)), np.zeros((7, 4))
        self._table = np.empty((0, layout.SETTINGS))
        self._hurried = hurried
        self._unread: list[bytes] = []
        self._place = np.zeros(3)
        self._fed_mm = 0.0
        self._head = self._next = 0  # blocks since it last stood: put in, begun
        self._now_s = self._begins_s = 0.0
        self._ends_s: float | None = None  # of the block at work

    @property
    def blocks(self) -> int:
        """Blocks in the buffer, the one at work among them."""
        return self._head - self._next + (self._ends_s is not None)

    @property
    def room(self) -> int:
        """How many more there is room for."""
        return self._full - 1 - self.blocks

    def take(self, command: bytes) -> None:
        """Follow a command, whatever it is."""
        self._unread.append(command)

    def moved_s(self, now_s: float) -> float:
        """When the moves that were taken are in the buffer, s; a hurried planner may not have looked at them yet."""
        return now_s if self._hurried and len(self._unread) < LATE else self.room_s(now_s)

    def room_s(self, now_s: float) -> float:
        """When all that was taken is in the buffer, s; ``now_s`` if it is now."""
        self._pass_to(now_s)
        data = np.frombuffer(bytearray(b"\n".join([*self._unread, b""])), np.uint8)
        self._unread.clear()
        at = 0
        while at < len(data):
            at += int(scan(data[at:], len(data) - at, self._out, self._memory))
            self._put_all()
        return max(now_s, self._now_s)

    def idle_s(self, now_s: float) -> float:
        """When the machine stands, s, if nothing more is taken before."""
        self.room_s(now_s)
        while self.blocks:
            if self._ends_s is None:
                self._begin()
            self._pass_to(self._ends_s or 0.0)
        return max(now_s, self._now_s)

    def forget(self) -> None:
        """Drop what is planned, as a reset does."""
        self._unread.clear()
        self._head = self._next = 0
        self._ends_s = None

    def _put_all(self) -> None:
        memory, moves = self._memory, self._out.moves
        if len(self._table) != memory.count[layout.ROWS]:
            said = np.array(memory.rows[1 : 1 + memory.count[layout.ROWS]])
            self._table = limits_table(said, self._motion, self._cornering)
            if self._cornering is Cornering.SQUARE_CORNER:
                self._table = _as_marlin(self._table, self._motion)
        rows = moves[: memory.count[layout.MOVES]]
        names = ("position", "e", "feed", "kind", "setting")
        for place, e_mm, feed_mm_s, kind, setting in zip(*(rows[name].tolist() for name in names), strict=True):
            self._place[:] = place
            self._fed_mm += e_mm
            self._put(feed_mm_s, kind == layout.Kind.HOME, self._table[setting])

    def _put(self, feed_mm_s: float, jumps: bool, limit: Float) -> None:
        while self.room <= 0:
            if self._ends_s is None:
                self._begin()
            self._pass_to(self._ends_s or 0.0)
        if not self.blocks:
            self._head = self._next = 0  # it stands, and begins anew
            self._begins_s = self._now_s + FIRST_MOVE_S
        queued = min(self.blocks, self._full - 2)
        self._head += put_block(
            self._place, self._fed_mm, feed_mm_s, jumps, limit, self._steps, self._full, queued, self._head, self._ring,
            self._last,
        )  # fmt: skip
        if not self._hurried and self._ends_s is None and self.blocks >= KNOWN_TO_BEGIN:
            self._begin()

    def _begin(self) -> None:
        """Begin the next block, which fixes its speeds."""
        took_s = begin_block(self._ring, self._next, self._head - 1)
        self._next += 1
        self._ends_s = self._now_s + float(took_s)

    def _pass_to(self, now_s: float) -> None:
        """Let time pass, in which blocks end and others begin."""
        while True:
            if self._ends_s is None:
                if self._next == self._head or self._hurried or self._begins_s > now_s:
                    break
                self._now_s = max(self._now_s, self._begins_s)
            elif self._ends_s > now_s:
                break
            else:
                self._now_s, self._ends_s = self._ends_s, None
                if self._next == self._head:
                    continue
            self._begin()
        self._now_s = max(self._now_s, now_s)


def _marlins(motion: MotionProfile) -> Cornering:
    return Cornering.JUNCTION_DEVIATION if motion.junction_deviation_mm > 0 else Cornering.JERK


def _as_marlin(table: Float, motion: MotionProfile) -> Float:
    """Klipper's limits in Marlin's columns: at a right angle both take the corner at the same speed."""
    top, acceleration, corner = table[:, 0].copy(), table[:, 13].copy(), table[:, 16]
    table[:, 0:4], table[:, 4:8] = motion.max_speed_mm_s, motion.max_acceleration_mm_s2
    table[:, 0] = table[:, 1] = top
    table[:, 12] = corner**2 * (np.sqrt(2.0) - 1.0) / acceleration
    table[:, 14] = acceleration
    return table
