"""The books of numbered lines."""

from __future__ import annotations

from functools import reduce
from operator import xor

from hypothesis import given
from hypothesis import strategies as st

from printprep.printers.dialects.numbered import HISTORY, NumberedLines, Verdict, checksum, numbered


@given(st.binary(max_size=700))
def test_the_checksum_is_the_xor_of_all_bytes(body: bytes) -> None:
    assert checksum(body) == reduce(xor, body, 0)


def test_a_known_line() -> None:
    assert numbered(0, b"M110 N0") == b"N0 M110 N0*125\n"


def test_a_resend_accepts_everything_before_it() -> None:
    lines = NumberedLines()
    lines.window = 4
    for n in range(1, 5):
        lines.add(b"G1 X%d" % n, n)
    assert lines.refused(3, by_number=False) is Verdict.GOING_BACK
    assert lines.accepted == 2
    assert lines.job_commands == 2
    assert not lines.room
    lines.ok(None, with_temperatures=False)  # of line 3
    lines.ok(None, with_temperatures=False)  # of line 4, refused as well
    assert lines.room
    assert lines.again() == numbered(3, b"G1 X3")


def test_a_superfluous_repetition_is_not_answered_with_another_one() -> None:
    lines = NumberedLines()
    lines.counts = True
    lines.add(b"G1 X1", 1)
    lines.repeat_unaccepted()
    lines.again()
    lines.ok(1, with_temperatures=False)  # the first transmission had arrived after all
    lines.add(b"G1 X2", 2)
    assert lines.refused(2, by_number=True) is Verdict.SECOND_COPY
    assert lines.on_wire == 1
    assert not lines.repeating


def test_an_ok_for_a_line_that_was_never_sent_is_not_believed() -> None:
    lines = NumberedLines()
    lines.add(b"G1 X1", 1)
    assert not lines.ok(7, with_temperatures=False)
    assert lines.accepted == 0


def test_the_answer_to_a_probe_answers_all_before_it() -> None:
    lines = NumberedLines()
    lines.add(b"G1 X1", 1)
    lines.probe()
    assert lines.ok(None, with_temperatures=True)
    assert lines.idle
    assert lines.job_commands == 1


def test_a_line_beyond_history_is_doubted_then_lost() -> None:
    lines = NumberedLines()
    for n in range(HISTORY + 50):
        lines.add(b"G1", n)
        lines.ok(None, with_temperatures=False)
    verdicts = []
    for _ in range(4):
        verdicts.append(lines.refused(3, by_number=False))
        lines.ok(None, with_temperatures=False)
    assert verdicts == [Verdict.GOING_BACK] * 3 + [Verdict.LOST]
