"""The transcripts of the firmware notes, replayed against the state machine, and their lists of commands."""

from __future__ import annotations

import re
from collections import Counter, deque
from pathlib import Path
from typing import get_args

import pytest

from printprep.gcode.guard import REFUSED, allowed_commands
from printprep.gcode.motion import CORNERING
from printprep.printers.dialects import DIALECTS
from printprep.printers.dialects.events import Actions, Failed, Parking, Phase, Timings
from printprep.profiles.firmware import READS, Firmware
from printprep.profiles.load import load_profiles
from printprep.profiles.models import Printer
from printprep.safety import firmware_note

FOLDER = Path(__file__).parents[3] / "firmware_notes"
PAGES = {
    "marlin": "marlin.md",
    "prusa-buddy": "buddy.md",
    "klipper": "klipper.md",
    "reprapfirmware": "reprapfirmware.md",
    "repetier": "repetier.md",
    "smoothieware": "smoothieware.md",
    "chitu": "chitu.md",
}
PLAIN_READY = ("ok", "ok T:21 /0 B:21 /0", "ok")
READY = {  # what a firmware says in a greeting
    "klipper": ("ok FIRMWARE_NAME:Klipper FIRMWARE_VERSION:v0.13.0", "ok B:21.0 /0.0 T0:21.0 /0.0"),
    "reprapfirmware": ("ok", "ok T:21.0 /0.0 B:21.0 /0.0"),
    "repetier": ("ok 0", "ok 0", "T:21 /0 B:21 /0 B@:0 @:0", "ok"),
    "chitu": ("ok V4.3.4_LCDC", "ok B:0/0 X:0.000 Y:0.000 Z:0.000 F:0/256 D:0/0/1"),
}
TRANSCRIPTS = [
    (firmware, text)
    for firmware, page in PAGES.items()
    for text in re.findall(
        r"^```transcript\n(.*?)^```", (FOLDER / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
]
TIMINGS = Timings(poll_s=1e9)
ASIDE = Parking(x_mm=5.0, y_mm=200.0)


class Replay:
    def __init__(self, firmware: str) -> None:
        self.firmware = firmware
        self.host = DIALECTS[firmware](timings=TIMINGS)
        self.now_s = 0.0
        self.written: deque[str] = deque()
        self.reported: deque[str] = deque()

    def take(self, actions: Actions) -> None:
        self.written.extend(line for line in actions.write.decode().split("\n") if line)
        for event in actions.events:
            name = type(event).__name__.lower()
            self.reported.append(f"{name} {event.fault}" if isinstance(event, Failed) else name)

    def hear(self, *lines: str) -> None:
        for line in lines:
            self.take(self.host.feed(line.encode() + b"\n", self.now_s))

    def do(self, order: str) -> None:
        verb, _, rest = order.partition(" ")
        if verb == "ready":
            self.do("greet")
            self.hear(*READY.get(self.firmware, PLAIN_READY))
            assert self.host.phase is Phase.READY
            self.written.clear()
            self.reported.clear()
        elif verb == "print":
            commands = [command.strip().encode() for command in rest.split(" ; ")]
            self.take(self.host.begin(iter(commands), self.now_s))
        elif verb == "park":
            self.host.parking = ASIDE
        elif verb == "wait":
            self.now_s = self.host.next_due_s
            self.take(self.host.due(self.now_s))
        else:
            self.take(getattr(self.host, verb)(self.now_s))


@pytest.mark.parametrize(
    ("firmware", "transcript"), TRANSCRIPTS, ids=[f"{n}-{f}" for n, (f, _) in enumerate(TRANSCRIPTS)]
)
def test_a_transcript_is_what_happens(firmware: str, transcript: str) -> None:
    replay = Replay(firmware)
    for line in transcript.splitlines():
        sign, text = line[0], line[2:]
        if sign == "=":
            assert not replay.written, f"written before {line}: {replay.written}"
            replay.do(text)
        elif sign == "<":
            assert not replay.written, f"written before {line}: {replay.written}"
            replay.hear(text)
        elif sign == ">":
            assert replay.written, f"nothing was written where {line} should be"
            assert replay.written.popleft() == text.replace("\\x18", "\x18")
        elif sign == "*":
            assert replay.reported, f"nothing was reported where {line} should be"
            assert replay.reported.popleft() == text
    assert not replay.written
    assert not replay.reported


def test_every_dialect_has_a_page_with_transcripts() -> None:
    assert set(PAGES) == set(DIALECTS)
    counts = Counter(firmware for firmware, _ in TRANSCRIPTS)
    assert min(counts[firmware] for firmware in DIALECTS) >= 2
    assert counts["marlin"] >= 15


@pytest.mark.parametrize("firmware", READS)
def test_the_lists_of_commands_do_not_contradict_each_other(firmware: str) -> None:
    allowed, refused = allowed_commands(firmware_note(firmware))
    assert {"G0", "G1", "M104", "M109", "M140", "M190", "G28", "T"} <= allowed
    assert "M112" in refused
    assert not allowed & refused
    assert not allowed & set(REFUSED)
    assert ("M862.1" in allowed) == (firmware == "prusa-buddy")
    assert ("QUAD_GANTRY_LEVEL" in allowed) == (firmware == "klipper")


def test_every_printer_that_extrudes_has_a_firmware_with_a_note() -> None:
    for printer in load_profiles().of_kind("printers").values():
        assert isinstance(printer, Printer)
        if printer.fdm is not None:
            assert printer.firmware in READS, printer.id


def test_what_extrudes_is_spoken_to_and_read_and_planned_by_one_name() -> None:
    assert set(DIALECTS) == {*READS, "chitu"}
    assert set(get_args(Firmware)) == {*DIALECTS, "sl1"}
    assert set(CORNERING) <= set(READS)
    for firmware, reads in READS.items():
        assert PAGES[firmware] in reads.notes
        follows = DIALECTS[firmware].manners.extruder == "follows"
        assert reads.g90_sets_e == follows, f"{firmware}: what is sent and what is read do not agree on G90"
