"""Whatever bytes come, in whatever pieces: no dialect fails, grows, or claims more than was sent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from printprep.printers.dialects import DIALECTS
from printprep.printers.dialects.conversation import LONGEST_REPLY, Conversation
from printprep.printers.dialects.events import Phase, Timings
from printprep.printers.dialects.numbered import HISTORY

SENTENCES = st.sampled_from(
    [
        *(
            b"ok",
            b"ok ",
            b"ok N1 P15 B3",
            b"ok N2 P15 B31",
            b"ok 1",
            b"ok 2",
            b"ok T:21 /0 B:20 /0",
            b"T:21 /0 B:20 /0",
        ),
        *(b"Resend: 1", b"Resend:2", b"rs N1", b"Resend: 99999999999999999999", b"skip 1", b"wait", b"start", b"!!"),
        *(b"Error:checksum mismatch, Last Line: 0", b"Error:expected line 1 got 2", b"Error:Wrong checksum"),
        *(b"echo:busy: processing", b"busy:heating", b"//action:pause", b"//action:resume", b"// action:cancel"),
        *(
            b"//action:disconnect",
            b"// Klipper state: Ready",
            b"FIRMWARE_NAME:",
            b"Cap:AUTOREPORT_TEMP:1",
            b"ok - ignored",
        ),
        *(b"ok V4.3", b"ok B:0/0 X:0", b"\xff\xfe", b"", b"ok N\xc3\xa9", b"Error:", b"fatal:", b"x" * 5000),
    ]
)
PIECES = st.lists(
    st.one_of(
        SENTENCES.map(lambda sentence: sentence + b"\n"),
        SENTENCES.map(lambda sentence: sentence[: len(sentence) // 2]),
        st.binary(max_size=40),
    ),
    max_size=60,
)
DOINGS = st.sampled_from(["", "", "", "", "due", "pause", "resume", "cancel"])


def size(host: Conversation) -> int:
    """Everything in it that could grow."""
    lines = host._lines
    return (
        len(host._partial) + len(host._own) + len(host._out) + len(host._events) + len(lines._ring) + len(lines._probes)
    )


@pytest.mark.parametrize("firmware", DIALECTS)
@settings(max_examples=120, deadline=None)
@given(pieces=PIECES, doings=st.lists(DOINGS, min_size=60, max_size=60), greeted=st.booleans())
def test_no_bytes_upset_a_dialect(firmware: str, pieces: list[bytes], doings: list[str], greeted: bool) -> None:
    host = DIALECTS[firmware](timings=Timings(probes=3), count_to=20)
    host.greet(0.0)
    if greeted:
        host.feed(b"ok\nok T:21 /0 B:20 /0\nT:21 /0 B:20 /0\nok\n", 0.0)
    commands = [b"G90", b"M83", *(b"G1 X%d F600" % n for n in range(500))]
    if host.phase is Phase.READY:
        host.begin(iter(commands), 0.0)
    certain = 0
    for n, (piece, doing) in enumerate(zip(pieces, doings, strict=False)):
        now_s = 40.0 * n
        written = host.feed(piece, now_s).write
        if doing == "due":
            written += host.due(max(now_s, min(host.next_due_s, now_s + 39.0))).write
        elif doing:
            written += getattr(host, doing)(now_s).write
        assert written.isascii()
        position = host.wire_position
        assert certain <= position.certain <= host.tally.sent <= len(commands)
        assert position.beyond >= 0
        assert host.accepted <= host.tally.sent
        certain = position.certain
        assert size(host) <= LONGEST_REPLY + HISTORY + 200
    if host.phase is Phase.DEAD:
        assert host.feed(b"ok\nResend: 1\nstart\n", 1e6).write == b""
        assert host.next_due_s == float("inf")


@pytest.mark.parametrize("firmware", DIALECTS)
@settings(max_examples=120, deadline=None)
@given(cuts=st.lists(st.integers(1, 40), max_size=40))
def test_pieces_do_not_matter(firmware: str, cuts: list[int]) -> None:
    """The same bytes in any pieces lead to the same lines."""
    told = (
        b"ok\nok T:21 /0 B:20 /0\nT:21 /0 B:20 /0\nok\r\n"
        + b"ok\nok 2\nskip 3\nok N4 P15 B3\nok T:21.5 /0 B:20 /0\n" * 4
    )
    whole, pieces = DIALECTS[firmware](), DIALECTS[firmware]()
    for host in (whole, pieces):
        host.greet(0.0)
    written = [
        host.begin(iter([b"G1 X1"] * 9), 0.0).write if host.phase is Phase.READY else b"" for host in (whole, pieces)
    ]
    at_once = whole.feed(told, 1.0)
    rest = told
    out = b""
    for cut in cuts:
        out += pieces.feed(rest[:cut], 1.0).write
        rest = rest[cut:]
    out += pieces.feed(rest, 1.0).write
    assert written[0] == written[1]
    assert whole.phase == pieces.phase
    assert whole.firmware == pieces.firmware
    assert sorted(at_once.write.splitlines()) == sorted(out.splitlines())
