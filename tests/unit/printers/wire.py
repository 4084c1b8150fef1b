"""A dialect against the virtual firmware, without a port and with a clock that jumps to whatever somebody waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from printprep.printers.dialects import DIALECTS
from printprep.printers.dialects.events import Actions, Event, Parking, Phase, Timings
from printprep.printers.virtual_faults import Faults
from printprep.printers.virtual_firmware import VirtualFirmware

TURN_S = 0.001
OVER = (Phase.READY, Phase.DEAD)


def moves(count: int) -> list[bytes]:
    """As many moves, no two alike."""
    return [b"G1 X%d.%03d Y%d E%d.%02d" % (n % 200, n % 1000, n % 97, n, n % 100) for n in range(count)]


class Wire:
    """Both ends; after every turn what is certain is compared with what the printer has."""

    def __init__(
        self,
        dialect: str = "marlin",
        *,
        faults: Faults | None = None,
        advanced_ok: bool = True,
        count_to: int = 50_000,
        timings: Timings | None = None,
        tools: int = 1,
    ) -> None:
        self.accepted: list[bytes] = []
        self.events: list[Event] = []
        self.now_s = 0.0
        self.over_certain = 0  # how often more was certain than the printer had
        self.behind = 0  # the most commands of the job that the printer had and that were not certain
        self.printer = VirtualFirmware(
            dialect=dialect, faults=faults, advanced_ok=advanced_ok, tools=tools, on_accepted=self._accept
        )
        self._new = partial(DIALECTS[dialect], timings=timings or Timings(), count_to=count_to)
        self.host = self._new()
        self._job: list[bytes] = []
        self._job_accepted = 0

    def _accept(self, command: bytes) -> None:
        self.accepted.append(command)
        if self._job_accepted < len(self._job) and command == self._job[self._job_accepted]:
            self._job_accepted += 1
            self.behind = max(self.behind, self._job_accepted - self.host.wire_position.certain)

    def exchange(self, actions: Actions) -> None:
        """Carry bytes to and fro until nobody has any."""
        while True:
            self.events.extend(actions.events)
            if self._job:
                self.over_certain += self.host.wire_position.certain > self._job_accepted
            if not actions.write and not self.printer.holding:
                return
            self.now_s += TURN_S
            actions = self.host.feed(self.printer.feed(actions.write, self.now_s), self.now_s)

    def run_until(self, over: Callable[[], bool]) -> None:
        """Let time pass."""
        for _ in range(200_000):
            if over():
                return
            self.now_s = max(self.now_s + TURN_S, self.host.next_due_s)
            self.exchange(self.host.due(self.now_s))
        raise AssertionError("the conversation does not come to an end")

    def greet(self) -> None:
        """Greet, and again if the greeting itself was lost in the noise."""
        for _ in range(10):
            self.exchange(self.host.greet(self.now_s))
            self.run_until(lambda: self.host.phase in OVER)
            if self.host.phase is Phase.READY:
                return
            self.host = self._new()
        raise AssertionError("nobody answers")

    def begin(self, commands: Iterable[bytes], parking: Parking | None = None) -> None:
        """Start a job."""
        if self.host.phase is not Phase.READY:
            self.greet()
        self._job = list(commands)
        self._job_accepted = 0
        self.host.parking = parking
        self.exchange(self.host.begin(iter(self._job), self.now_s))

    def print(self, commands: Iterable[bytes]) -> None:
        """A job to its end."""
        self.begin(commands)
        self.run_until(lambda: self.host.phase in OVER)

    def of_job(self, *kinds: bytes) -> list[bytes]:
        """Accepted commands that begin so."""
        return [command for command in self.accepted if command.startswith(kinds or (b"G1", b"G0"))]

    def happened(self, kind: type[Event]) -> list[Event]:
        """Events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]
