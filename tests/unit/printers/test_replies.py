"""Received lines, read one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printprep.printers.dialects.replies import Kind, Reply, read_reply, read_temperatures


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"ok N12 P15 B3", Reply(Kind.OK, number=12, free=3)),
        (b"ok", Reply(Kind.OK, "ok")),
        (b"ok P15 B3", Reply(Kind.OK, "ok P15 B3", free=3)),
        (b"Resend: 3", Reply(Kind.RESEND, "Resend: 3", number=3)),
        (b"rs 17", Reply(Kind.RESEND, "rs 17", number=17)),
        (b"echo:busy: processing", Reply(Kind.BUSY, "echo:busy: processing")),
        (b"//action:paused filament_runout", Reply(Kind.ACTION, "paused filament_runout")),
        (b"// action:cancel", Reply(Kind.ACTION, "cancel")),
        (b"Cap:EMERGENCY_PARSER:1", Reply(Kind.CAPABILITY, "EMERGENCY_PARSER", number=1)),
        (b"start", Reply(Kind.START, "start")),
        (b'echo:Unknown command: "M999999"', Reply(Kind.NOTICE, 'echo:Unknown command: "M999999"')),
        (b"okok", Reply(Kind.RUBBISH)),
        (b"ok\xff N3", Reply(Kind.RUBBISH)),
        (b"Resend: x", Reply(Kind.RUBBISH)),
    ],
)
def test_lines(line: bytes, reply: Reply) -> None:
    assert read_reply(line) == reply


def test_a_refusal_names_the_line_that_is_wanted() -> None:
    reply = read_reply(b"Error:Line Number is not Last Line Number+1, Last Line: 2")
    assert (reply.kind, reply.number) == (Kind.REFUSED, 3)


def test_the_firmware_without_its_other_fields() -> None:
    reply = read_reply(b"FIRMWARE_NAME:Marlin 2.1.2 (Jan 1 2024) SOURCE_CODE_URL:github.com PROTOCOL_VERSION:1.0")
    assert reply.text == "Marlin 2.1.2 (Jan 1 2024)"


@pytest.mark.parametrize(
    ("text", "tools_c", "bed_c"),
    [
        ("T:205.14 /205.00 B:60.00 /60.00 @:0 B@:0", {0: (205.14, 205.0)}, (60.0, 60.0)),
        ("T:25 /0 T0:25 /0 T1:201.5 /210 B:60 /60 @:0 B@:0", {0: (25.0, 0.0), 1: (201.5, 210.0)}, (60.0, 60.0)),
        ("T:-14.0 /0.0", {0: (-14.0, 0.0)}, None),
    ],
)
def test_temperatures(text: str, tools_c: dict[int, tuple[float, float]], bed_c: tuple[float, float] | None) -> None:
    read = read_temperatures(text)
    assert read is not None
    assert (dict(read.tools_c), read.bed_c) == (tools_c, bed_c)


@given(st.binary(max_size=80))
def test_no_line_is_too_strange(line: bytes) -> None:
    assert isinstance(read_reply(line), Reply)


@given(
    st.sampled_from([b"ok ", b"Resend: ", b"Error:", b"Cap:", b"T:", b"//action:", b"echo:"]), st.binary(max_size=40)
)
def test_no_end_of_a_known_line_is_too_strange(start: bytes, rest: bytes) -> None:
    assert isinstance(read_reply(start + rest), Reply)
