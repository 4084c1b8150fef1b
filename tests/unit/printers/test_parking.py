"""A pause puts the head aside and brings it back: nothing skipped, nothing repeated, every mode as it was."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from printprep.printers.dialects.events import Actions, Parking, Paused, Phase
from printprep.printers.dialects.machine import Machine
from tests.unit.printers.wire import OVER, Wire

ASIDE = Parking(lift_mm=10.0, x_mm=5.0, y_mm=200.0, top_mm=205.0)
STREAMED = ["marlin", "prusa-buddy", "klipper", "reprapfirmware", "repetier", "smoothieware"]


def job(seed: int, *, relative_e: bool) -> list[bytes]:
    """Layers with relative moves in between, retractions, G92 and feed rates that are said once."""
    chance = random.Random(seed)
    lines = [
        b"M104 S210",
        b"G28",
        b"G90",
        b"M83" if relative_e else b"M82",
        b"G92 E0",
        b"G1 Z0.2 F600",
        b"G1 X1 Y1 F6000",
    ]
    e_mm = 0.0
    for n in range(120):
        e_mm += 0.125
        said = 0.125 if relative_e else e_mm
        lines.append(b"G1 X%.3f Y%.3f E%.5f" % (chance.uniform(0, 200), chance.uniform(0, 200), said))
        if n % 20 == 10:
            lines += [b"G91", b"G1 Z0.4 F900", b"G1 X1.5 Y-0.25", b"G1 Z-0.2"]
            lines += [b"G90", b"M83" if relative_e else b"M82", b"G1 F%d" % chance.randrange(1000, 6000)]
        if n % 30 == 17:
            lines.append(b"G92 E0")
            e_mm = 0.0
    return lines


def places(dialect: str, commands: list[bytes], pauses: list[int]) -> tuple[dict[bytes, tuple[float, ...]], Wire]:
    """Where and how fast the head is after each move of the job, in order; paused once so many commands were taken."""
    wire = Wire(dialect)
    at: dict[bytes, tuple[float, ...]] = {}
    begin = wire.printer._begin

    def watched(command: bytes) -> float | None:
        until = begin(command)
        if command in own:
            assert command not in at, f"{command!r} twice"
            head = wire.printer.head
            at[command] = (head.x_mm, head.y_mm, head.z_mm, head.e_mm, head.feed_mm_s)
        return until

    own = {command for command in commands if command.startswith(b"G1 X") and b"E" in command}
    wire.printer._begin = watched  # type: ignore[method-assign]
    taken = 0

    def taking() -> Iterator[bytes]:
        nonlocal taken
        for command in commands:
            taken += 1
            yield command

    wire.greet()
    wire.host.parking = ASIDE
    actions = wire.host.begin(taking(), wire.now_s)
    while wire.host.phase not in OVER:
        wire.now_s += 0.001
        wire.events.extend(actions.events)
        if pauses and taken >= pauses[0] and wire.host.phase is Phase.PRINTING:
            del pauses[0]
            held = wire.host.pause(wire.now_s)
            wire.exchange(Actions(actions.write + held.write, held.events))
            for _ in range(3):  # it stands there for a while
                wire.now_s = max(wire.now_s, wire.host.next_due_s)
                wire.exchange(wire.host.due(wire.now_s))
            assert wire.host.parked == (wire.printer.head.y_mm == ASIDE.y_mm)
            actions = wire.host.resume(wire.now_s)
        elif actions.write:
            actions = wire.host.feed(wire.printer.feed(actions.write, wire.now_s), wire.now_s)
        else:
            wire.now_s = max(wire.now_s, wire.host.next_due_s)
            actions = wire.host.due(wire.now_s)
    return at, wire


@pytest.mark.parametrize("relative_e", [True, False])
@pytest.mark.parametrize("dialect", STREAMED)
def test_after_a_pause_every_command_finds_what_it_would_have_found(dialect: str, relative_e: bool) -> None:
    commands = job(3, relative_e=relative_e)
    straight, _ = places(dialect, commands, [])
    chance = random.Random(dialect)
    paused, wire = places(dialect, commands, sorted(chance.randrange(8, len(commands)) for _ in range(12)))
    assert len(straight) == 120
    assert list(paused) == list(straight)
    assert list(paused.values()) == [pytest.approx(place, abs=1e-9) for place in straight.values()]
    assert sum(command.startswith(b"G1 X5 Y200") for command in wire.accepted) >= 6
    assert 6 <= len(wire.happened(Paused)) <= 12


def known() -> Machine:
    machine = Machine()
    for command in (b"M104 S200", b"G90", b"M82", b"G1 X10 Y20 F3000", b"G1 Z1.25", b"G1 E3"):
        tell(machine, command)
    return machine


def tell(machine: Machine, command: bytes) -> None:
    if command.startswith(b"G1"):
        machine.note_move(command)
    else:
        machine.note(command.split()[0], command)


def test_parking_and_coming_back() -> None:
    machine = known()
    assert machine.park(ASIDE) == (b"G90", b"M83", b"G1 E-1.0 F1800", b"G1 Z11.25 F600", b"G1 X5 Y200 F6000")
    assert machine.unpark() == (
        *(b"G90", b"M83", b"G1 X10 Y20 F6000", b"G1 Z1.25 F600", b"G1 E1.0 F1800", b"G92 E3"),
        *(b"G90", b"M82", b"G1 F3000"),
    )
    assert machine.unpark() == ()


@pytest.mark.parametrize("command", [b"G28", b"START_PRINT", b"G20", b"T1", b"G29", b"G1X5"])
def test_where_the_head_is_not_known_it_is_not_moved(command: bytes) -> None:
    machine = known()
    machine.note(command.split()[0], command)
    assert machine.park(ASIDE) == ()
    assert machine.unpark() == ()


def test_the_head_is_not_lifted_through_the_roof_nor_aside_through_the_part() -> None:
    machine = known()
    tell(machine, b"G1 Z200")
    assert b"G1 Z205.0 F600" in machine.park(ASIDE)
    tell(machine, b"G1 Z205")
    assert machine.park(ASIDE) == ()


def test_the_head_goes_over_all_that_was_printed_before() -> None:
    """One object after the other: the finished one is higher than the one that is held."""
    machine = known()
    for command in (b"G1 Z40", b"G1 X50 E4", b"G1 Z0.2", b"G1 X80 E5"):
        tell(machine, command)
    assert b"G1 Z50.0 F600" in machine.park(ASIDE)


def test_the_tools_own_filament_is_drawn_back_as_far_as_it_wants() -> None:
    parking = replace(ASIDE, retract_mm=5.0, retract_of_mm={1: 0.5})
    machine = known()
    assert b"G1 E-5.0 F1800" in machine.park(parking)
    for command in (b"T1", b"G1 X10 Y20 Z2"):
        tell(machine, command)
    assert b"G1 E-0.5 F1800" in machine.park(parking)
    assert b"G1 E0.5 F1800" in machine.unpark()


def test_a_cold_nozzle_is_not_asked_to_feed() -> None:
    machine = Machine()
    for command in (b"G90", b"M82", b"G1 X10 Y20 Z1 F3000"):
        tell(machine, command)
    assert not any(b"E" in command for command in machine.park(ASIDE))


def test_a_shifted_frame_is_lifted_but_not_moved_aside() -> None:
    machine = known()
    tell(machine, b"G92 X0")
    assert not any(b"X" in command for command in machine.park(ASIDE))


def test_a_printer_that_parked_itself_is_left_where_it_is() -> None:
    wire = Wire("marlin")
    wire.greet()
    wire.host.parking = ASIDE
    wire.host.begin(iter([b"G90", b"G1 X1 Y1 Z1 F600", *[b"G1 X2"] * 50]), 0.0)
    wire.host.feed(b"ok\nok\nok\nok\n", 0.1)
    wire.host.feed(b"//action:paused\n", 0.2)
    assert wire.host.phase is Phase.PAUSED
    assert not wire.host.parked
