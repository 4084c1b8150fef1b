"""The transcripts of the firmware notes, replayed against the state machine, and their lists of commands."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path

import pytest

from printprep.gcode.guard import REFUSED, allowed_commands
from printprep.printers.dialects.events import Actions, Failed, Timings
from printprep.printers.dialects.marlin import Marlin
from printprep.profiles.load import load_profiles
from printprep.profiles.models import Printer
from printprep.safety import NOTES, firmware_note

NOTE = (Path(__file__).parents[3] / "firmware_notes" / "marlin.md").read_text(encoding="utf-8")
TRANSCRIPTS = re.findall(r"^```transcript\n(.*?)^```", NOTE, re.MULTILINE | re.DOTALL)
TIMINGS = Timings(poll_s=1e9)


class Replay:
    def __init__(self) -> None:
        self.host = Marlin(timings=TIMINGS)
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
            self.hear("ok", "ok T:21 /0 B:21 /0", "ok")
            self.written.clear()
            self.reported.clear()
        elif verb == "print":
            commands = [command.strip().encode() for command in rest.split(" ; ")]
            self.take(self.host.begin(iter(commands), self.now_s))
        elif verb == "wait":
            self.now_s = self.host.next_due_s
            self.take(self.host.due(self.now_s))
        else:
            self.take(getattr(self.host, verb)(self.now_s))


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=range(len(TRANSCRIPTS)))
def test_a_transcript_is_what_happens(transcript: str) -> None:
    replay = Replay()
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
            assert replay.written.popleft() == text
        elif sign == "*":
            assert replay.reported, f"nothing was reported where {line} should be"
            assert replay.reported.popleft() == text
    assert not replay.written
    assert not replay.reported


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 10


@pytest.mark.parametrize("firmware", NOTES)
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
            assert printer.firmware in NOTES, printer.id
