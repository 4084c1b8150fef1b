"""The Marlin dialect: every command once and in order, whatever the cable does; and what an operator may wish."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from printprep.printers.dialects.events import (
    Actions,
    Cancelled,
    Event,
    Failed,
    Fault,
    Finished,
    Notice,
    Paused,
    Phase,
    Ready,
    Resumed,
    Temperatures,
    Timings,
)
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.virtual_faults import Faults
from printprep.printers.virtual_firmware import VirtualFirmware

TURN_S = 0.001
OVER = (Phase.READY, Phase.DEAD)

MOVES = [b"G1 X%d.%03d Y%d E%d.%02d" % (n % 200, n, n % 97, n, n % 100) for n in range(500)]


@dataclass
class Conversation:
    """Every byte arrives after :data:`TURN_S`; time jumps to whatever somebody waits for."""

    faults: Faults = field(default_factory=Faults)
    window: int = 32
    advanced_ok: bool = True
    timings: Timings = field(default_factory=Timings)
    tools: int = 1

    def __post_init__(self) -> None:
        self.accepted: list[bytes] = []
        self.events: list[Event] = []
        self.now_s = 0.0
        self.printer = VirtualFirmware(
            faults=self.faults, advanced_ok=self.advanced_ok, tools=self.tools, on_accepted=self.accepted.append
        )
        self.host = Marlin(timings=self.timings, window=self.window)

    def exchange(self, actions: Actions) -> None:
        while True:
            self.events.extend(actions.events)
            if not actions.write:
                return
            self.now_s += TURN_S
            actions = self.host.feed(self.printer.feed(actions.write, self.now_s), self.now_s)

    def run_until(self, over: Callable[[], bool]) -> None:
        for _ in range(100_000):
            if over():
                return
            self.now_s = max(self.now_s + TURN_S, self.host.next_due_s)
            self.exchange(self.host.due(self.now_s))
        raise AssertionError("the conversation does not come to an end")

    def greet(self) -> None:
        self.exchange(self.host.greet(self.now_s))
        self.run_until(lambda: self.host.phase in OVER)

    def print(self, commands: Iterable[bytes]) -> None:
        self.begin(commands)
        self.run_until(lambda: self.host.phase in OVER)

    def begin(self, commands: Iterable[bytes]) -> None:
        if self.host.phase is not Phase.READY:
            self.greet()
        self.exchange(self.host.begin(iter(list(commands)), self.now_s))

    @property
    def moves(self) -> list[bytes]:
        return [command for command in self.accepted if command.startswith((b"G1", b"G0"))]

    def happened(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def greeted(timings: Timings | None = None, ok: bytes = b"ok\n") -> Marlin:
    """A host that has greeted a printer with plain oks and no capabilities."""
    host = Marlin(timings=timings or Timings(poll_s=1e9))
    host.greet(0.0)
    host.feed(ok + b"ok T:20 /0 B:20 /0\n" + ok, 0.0)
    assert host.phase is Phase.READY
    return host


@pytest.mark.parametrize("advanced_ok", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_a_bad_cable_changes_nothing_of_what_is_printed(seed: int, advanced_ok: bool) -> None:
    rate = 0.02
    faults = Faults(
        seed=seed,
        drop_line=rate,
        duplicate_line=rate,
        corrupt_line=rate,
        drop_ok=rate,
        duplicate_ok=rate,
        corrupt_ok=rate,
    )
    talk = Conversation(faults=faults, advanced_ok=advanced_ok)
    talk.print(MOVES)
    assert talk.moves == MOVES
    assert talk.host.phase is Phase.READY
    assert talk.host.accepted == talk.host.tally.sent == len(MOVES)
    assert talk.host.tally.resends > 0


@pytest.mark.parametrize("window", [1, 4, 32])
def test_a_good_cable_needs_no_repetition(window: int) -> None:
    talk = Conversation(window=window)
    talk.print(MOVES)
    assert talk.moves == MOVES
    assert talk.host.tally.repeated == talk.host.tally.probes == talk.host.tally.rubbish == 0
    assert [type(event) for event in talk.events if not isinstance(event, Temperatures)] == [Ready, Finished]


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize(
    ("tuned", "back"),
    [
        ((b"M220 S150", b"M221 S90"), [b"M220 S100", b"M221 S100"]),
        ((b"M221 S90",), [b"M221 S100"]),
        ((b"M104 S210",), []),
    ],
)
def test_the_next_print_is_not_printed_with_what_was_tuned_for_this_one(
    tuned: tuple[bytes, ...], back: list[bytes], cancelled: bool
) -> None:
    talk = Conversation()
    talk.greet()
    written = talk.host.begin(iter(MOVES), talk.now_s).write
    written += b"".join(talk.host.ask(command, talk.now_s).write for command in tuned)
    written += talk.host.cancel(talk.now_s).write if cancelled else b""
    talk.exchange(Actions(write=written))
    talk.run_until(lambda: talk.host.phase in OVER)
    sent = [command for command in talk.accepted if command.startswith((b"M220", b"M221"))]
    assert sent[len(sent) - len(back) :] == back
    assert cancelled or sent == [*(command for command in tuned if not command.startswith(b"M104")), *back]
    talk.accepted.clear()
    talk.print(MOVES[:5])
    assert not [command for command in talk.accepted if command.startswith((b"M220", b"M221"))]


def test_without_numbers_in_the_ok_one_line_is_on_the_wire() -> None:
    host = greeted()
    written = host.begin(iter(MOVES), 0.0).write
    assert written.count(b"\n") == 1
    assert host.feed(b"ok\n", 0.1).write.count(b"\n") == 1


def test_no_more_lines_are_on_the_wire_than_the_firmware_has_places() -> None:
    host = greeted(ok=b"ok P15 B3\n")
    on_wire = host.begin(iter(MOVES), 0.0).write.count(b"\n")
    for number in range(1, 41):
        on_wire += host.feed(b"ok N%d P15 B3\n" % number, 0.1).write.count(b"\n") - 1
        assert on_wire <= 3
    assert on_wire == 3


def test_the_ok_after_a_resend_is_no_room() -> None:
    host = greeted()
    first = host.begin(iter(MOVES), 0.0).write
    assert host.feed(b"Error:checksum mismatch, Last Line: 0\nResend: 1\n", 0.1).write == b""
    assert host.feed(b"ok\n", 0.1).write == first
    assert host.accepted == 0
    assert host.feed(b"ok\n", 0.2).write.startswith(b"N2 ")
    assert host.accepted == 1


def test_an_old_line_is_never_sent_in_place_of_one_that_history_forgot() -> None:
    host = greeted()
    asked = host.begin(iter(MOVES), 0.0).write
    while host.accepted < 400:
        asked = host.feed(b"ok T:20 /0\n" if b" M105*" in asked else b"ok\n", 0.1).write
    writes = [host.feed(b"Resend: 5\nok\n", 1.0 + n) for n in range(4)]
    assert all(b"N5 " not in actions.write for actions in writes)
    failed = [event for actions in writes for event in actions.events if isinstance(event, Failed)]
    assert failed[0].fault is Fault.CONFUSION
    assert failed[0].accepted == 400
    assert b"M104 S0\nM140 S0\n" in writes[-1].write


def test_a_line_is_not_repeated_for_ever() -> None:
    host = greeted()
    host.begin(iter(MOVES), 0.0)
    refusal = b"Error:checksum mismatch, Last Line: 0\nResend: 1\nok\n"
    answers = [host.feed(refusal, 0.1) for _ in range(30)]
    failed = [event for actions in answers for event in actions.events if isinstance(event, Failed)]
    assert [event.fault for event in failed] == [Fault.CONFUSION]
    assert sum(b"N1 " in actions.write for actions in answers) == 10


def test_busy_extends_the_time_out() -> None:
    host = greeted(Timings(poll_s=1e9, reply_s=5.0, busy_s=5.0))
    host.begin(iter([b"G1 X1"]), 0.0)
    for second in range(1, 60, 2):
        host.feed(b"echo:busy: processing\n", float(second))
        assert host.due(float(second)).write == b""
    assert host.next_due_s == pytest.approx(64.0)
    assert host.due(64.1).write.endswith(b"M105*37\n")


def test_reports_by_themselves_do_not_hide_a_lost_ok() -> None:
    host = greeted(Timings(poll_s=1e9, long_reply_s=60.0))
    host.begin(iter([b"M109 S200"]), 0.0)
    host.feed(b" T:100.0 /200.0 B:20.0 /0.0 @:127 B@:0 W:?\n", 50.0)
    assert host.next_due_s == pytest.approx(110.0)
    host.feed(b" T:200.0 /200.0 B:20.0 /0.0 @:127 B@:0\n", 80.0)
    assert host.next_due_s == pytest.approx(110.0)


def test_homing_may_take_longer_than_a_move() -> None:
    timings = Timings(poll_s=1e9, reply_s=5.0, long_reply_s=500.0)
    moving, homing = greeted(timings), greeted(timings)
    moving.begin(iter([b"G1 X1"]), 0.0)
    homing.begin(iter([b"G28"]), 0.0)
    assert moving.next_due_s == pytest.approx(5.0)
    assert homing.next_due_s == pytest.approx(500.0)


def test_silence_ends_the_job_after_so_many_questions() -> None:
    host = greeted(Timings(poll_s=1e9, reply_s=5.0, probes=3))
    host.begin(iter(MOVES), 0.0)
    events = [event for _ in range(4) for event in host.due(host.next_due_s).events]
    assert [event.fault for event in events if isinstance(event, Failed)] == [Fault.SILENCE]
    assert host.next_due_s == float("inf")


def test_a_silent_printer_is_given_up_in_the_greeting() -> None:
    talk = Conversation(faults=Faults(mute=True), timings=Timings(greeting_s=2.0, greetings=3))
    talk.greet()
    failed = talk.happened(Failed)
    assert isinstance(failed[0], Failed)
    assert failed[0].fault is Fault.SILENCE
    assert talk.now_s == pytest.approx(6.0, abs=0.1)


def test_rubbish_is_counted_and_ignored() -> None:
    host = greeted()
    host.begin(iter(MOVES), 0.0)
    assert host.feed(b"\xff\xfe\x00garbage\nokk\n\x07\n" + b"x" * 9000, 0.1).write == b""
    assert host.tally.rubbish >= 3
    assert host.feed(b"\nok\n", 0.2).write.startswith(b"N2 ")


def test_what_is_not_ascii_is_replaced() -> None:
    host = greeted()
    written = host.begin(iter(["M117 Größe".encode()]), 0.0).write
    assert written.isascii()
    assert written.startswith(b"N1 M117 Gr????e*")
    assert host.tally.replaced == 4


def test_the_job_is_taken_as_there_is_room() -> None:
    taken = []

    def job() -> Iterator[bytes]:
        for move in MOVES:
            taken.append(move)
            yield move

    host = greeted()
    host.begin(job(), 0.0)
    assert len(taken) == 1


def test_pause_holds_and_resume_goes_on() -> None:
    host = greeted()
    host.begin(iter(MOVES), 0.0)
    assert [type(event) for event in host.pause(0.0).events] == [Paused]
    assert host.feed(b"ok\n", 0.1).write == b""
    actions = host.resume(5.0)
    assert [type(event) for event in actions.events] == [Resumed]
    assert actions.write.startswith(b"N2 ")


@pytest.mark.parametrize("words", [b"//action:pause", b"//action:paused"])
def test_the_printer_may_pause_and_resume(words: bytes) -> None:
    host = greeted()
    host.begin(iter(MOVES), 0.0)
    assert [type(event) for event in host.feed(words + b"\nok\n", 0.1).events] == [Paused]
    assert [type(event) for event in host.feed(b"//action:resume\n", 0.2).events] == [Resumed]


def test_a_filament_change_tells_the_operator_and_resume_ends_it() -> None:
    talk = Conversation()
    talk.begin([b"G1 X1", b"M600", b"G1 X2"])
    assert any("M600" in event.text for event in talk.happened(Notice) if isinstance(event, Notice))
    assert talk.moves == [b"G1 X1"]
    talk.exchange(talk.host.resume(talk.now_s))
    talk.run_until(lambda: talk.host.phase is Phase.READY)
    assert talk.moves == [b"G1 X1", b"G1 X2"]


def test_m0_holds_the_job_even_where_the_firmware_does_not() -> None:
    host = greeted()
    actions = host.begin(iter([b"M0 Insert the magnet", b"G1 X1"]), 0.0)
    paused = [event for event in actions.events if isinstance(event, Paused)]
    assert "Insert the magnet" in paused[0].reason
    assert host.feed(b"ok\n", 0.1).write == b""
    assert host.resume(9.0).write.startswith(b"N2 G1 X1")


def test_cancel_switches_every_heater_off_and_lifts_the_head() -> None:
    talk = Conversation(tools=3)
    talk.begin([b"M104 T2 S210", b"M140 S60", b"G28", b"G1 Z5 F600", b"T2", b"M0", *MOVES])
    talk.exchange(talk.host.cancel(talk.now_s))
    talk.run_until(lambda: talk.host.phase is Phase.READY)
    state = talk.printer.state
    assert state["targets_c"] == [0.0, 0.0, 0.0]
    assert state["bed_target_c"] == 0.0
    assert talk.printer.head.z_mm == pytest.approx(15.0)
    assert talk.happened(Cancelled)
    assert not talk.happened(Finished)


def test_the_printer_may_cancel() -> None:
    talk = Conversation()
    talk.begin([b"M104 S210", b"M140 S60", b"M1 Look at it", *MOVES])
    talk.exchange(talk.host.feed(b"//action:cancel\n", talk.now_s))
    talk.run_until(lambda: talk.host.phase is Phase.READY)
    assert talk.happened(Cancelled)
    assert talk.printer.state["targets_c"] == [0.0]
    assert talk.printer.state["bed_target_c"] == 0.0
    assert talk.moves == [b"G1 E-2 F1800", b"G1 Z10 F600"]


def test_cancel_ends_a_wait_for_heat() -> None:
    host = greeted()
    host.begin(iter([b"M109 S210", b"G1 X1"]), 0.0)
    assert host.cancel(1.0).write == b"M108\n"
    assert host.feed(b"ok\n", 1.1).write.startswith(b"N2 M104 S0*")


def test_nothing_is_sent_behind_a_command_that_waits() -> None:
    host = greeted(ok=b"ok P15 B8\n")
    host.begin(iter([b"G1 X1", b"M109 S210", b"G1 X2"]), 0.0)
    assert host.feed(b"ok N1 P15 B8\n", 0.1).write == b"N2 M109 S210*105\n"
    assert host.feed(b"ok N2 P15 B8\n", 9.0).write.startswith(b"N3 G1 X2*")


def test_emergency_is_bare_and_numbered() -> None:
    host = greeted()
    host.begin(iter(MOVES), 0.0)
    actions = host.emergency(0.1)
    assert actions.write == b"\nM112\nN2 M112*35\n\nM104 S0\nM140 S0\n"
    assert host.phase is Phase.DEAD
    assert host.feed(b"ok\nok\nok\n", 0.2).write == b""


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        (b"Error:Printer halted. kill() called!", Fault.FIRMWARE),
        (b"Error:Thermal Runaway, system stopped! Heater_ID: bed", Fault.FIRMWARE),
        (b"Error:MINTEMP triggered, system stopped! Heater_ID: 0", Fault.FIRMWARE),
        (b"!! Printer is shut down", Fault.FIRMWARE),
        (b"// Klipper state: Shutdown", Fault.FIRMWARE),
        (b"start", Fault.RESET),
    ],
)
def test_a_fault_ends_the_job_with_its_line_and_heaters_off(sentence: bytes, fault: Fault) -> None:
    host = greeted()
    host.begin(iter(MOVES), 0.0)
    for _ in range(7):
        host.feed(b"ok\n", 0.1)
    actions = host.feed(sentence + b"\n", 0.2)
    failed = [event for event in actions.events if isinstance(event, Failed)]
    assert [(event.fault, event.accepted) for event in failed] == [(fault, 7)]
    assert b"M104 S0\nM140 S0\n" in actions.write
    assert host.feed(b"ok\n", 0.3).write == b""


def test_a_second_job_counts_from_nothing() -> None:
    talk = Conversation()
    talk.print(MOVES[:10])
    assert talk.host.accepted == 10
    talk.print(MOVES[:3])
    assert talk.host.accepted == talk.host.tally.sent == 3
    assert talk.moves == MOVES[:10] + MOVES[:3]


def test_temperatures_are_asked_for_where_they_do_not_come_by_themselves() -> None:
    host = greeted(Timings(poll_s=4.0))
    host.begin(iter(MOVES), 0.0)
    host.due(4.1)
    assert b" M105*" in host.feed(b"ok\n", 4.2).write


def test_a_late_ok_of_the_greeting_is_no_room() -> None:
    host = Marlin(timings=Timings(poll_s=1e9))
    host.greet(0.0)
    host.due(host.next_due_s)  # M115 again: the board was booting
    assert host.feed(b"ok\n", 5.0).write == b"M105\n"
    assert host.feed(b"ok\n", 5.0).write == b""  # of the other M115
    assert host.feed(b"ok T:20 /0 B:20 /0\n", 5.1).write == b"N0 M110 N0*125\n"
    host.feed(b"ok\n", 5.2)
    host.feed(b"ok T:20 /0 B:20 /0\n", 6.0)  # a late answer; no other can come 2 s later
    assert not host.due(7.9).events
    assert [type(event) for event in host.due(8.0).events] == [Ready]


def test_a_board_without_a_thermistor_is_greeted_too() -> None:
    host = Marlin()
    host.greet(0.0)
    host.feed(b"ok\nok\n", 0.1)
    for _ in range(3):
        host.due(host.next_due_s)
    host.feed(b"ok\nok\n", 20.0)
    host.due(22.0)
    assert host.phase is Phase.READY


def test_bytes_may_come_in_any_pieces() -> None:
    whole, pieces = greeted(), greeted()
    whole.begin(iter(MOVES), 0.0)
    pieces.begin(iter(MOVES), 0.0)
    data = b"ok\nok\r\n T:20.1 /0.0 B:20.0 /0.0\nok\n"
    written = b"".join(pieces.feed(data[i : i + 1], 0.1).write for i in range(len(data)))
    one_by_one = b"".join(whole.feed(part + b"\n", 0.1).write for part in data.split(b"\n") if part)
    assert written == one_by_one
    assert pieces.accepted == whole.accepted == 3


def test_a_chamber_that_the_job_heated_is_cooled_too() -> None:
    host = greeted()
    host.begin(iter([b"M141 S50", b"G1 X1"]), 0.0)
    host.feed(b"ok\n", 0.1)
    written = host.cancel(0.2).write
    while host.phase is Phase.CANCELLING:
        written += host.feed(b"ok T:20 /0\n", 0.3).write
    assert b"M104 S0*" in written.partition(b"M140 S0*")[0]
    assert b"M141 S0*" in written.partition(b"M140 S0*")[2]


def test_a_printer_that_falls_silent_in_a_wait_is_freed_from_it_before_it_is_cooled() -> None:
    host = greeted()
    host.begin(iter([b"M0 Insert the magnet"]), 0.0)
    last = b""
    while host.phase is not Phase.DEAD:
        last = host.due(host.next_due_s).write
    assert last == b"\nM108\nM104 S0\nM140 S0\n"


@pytest.mark.parametrize(("ok", "asks"), [(b"ok\n", True), (b"ok N0 P15 B3\n", False)])
def test_where_oks_prove_nothing_a_question_now_and_then_does(ok: bytes, asks: bool) -> None:
    host = Marlin()
    host.greet(0.0)
    host.feed(b"Cap:AUTOREPORT_TEMP:1\n" + ok + b"ok T:20 /0 B:20 /0\n" + ok, 0.0)
    host.begin(iter(MOVES), 0.0)
    sent = 1
    written = b""
    while host.wire_position.certain < 1 and sent < 100:
        written += host.due(5.0).write if sent == 9 else b""
        answer = b"ok N%d P15 B3\n" % sent if not asks else b"ok T:20 /0\n" if b" M105*" in written[-14:] else b"ok\n"
        written += host.feed(answer, 5.0).write
        sent += 1
    assert (b" M105*" in written) == asks
    assert host.wire_position.certain == (9 - 1 if asks else 1)
