"""How other threads and signal handlers reach the one thread that talks to a printer."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress


class Wishes:
    """A queue of things to do, with a descriptor to select on.

    A pipe and a deque, no lock: a signal handler may interrupt its own thread anywhere and still leave a wish.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self.descriptor, self._wake = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._wake, False)

    def leave(self, wish: Callable[[], None]) -> None:
        """Have ``wish`` called by the thread that talks to the printer; after the end by nobody."""
        self._waiting.append(wish)
        with suppress(OSError):  # a full pipe wakes as well; a closed one: the print is over
            os.write(self._wake, b"!")

    def grant(self) -> None:
        """Call all that were left; by the talking thread."""
        try:
            os.read(self.descriptor, 4096)
        except BlockingIOError:
            return
        while self._waiting:
            self._waiting.popleft()()

    def close(self) -> None:
        """Close the descriptors."""
        wake, self._wake = self._wake, -1  # first: another file may get the number
        os.close(wake)
        os.close(self.descriptor)
