"""Sending: guard first, every line accounted for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from printprep.case import Finding, Severity
from printprep.errors import ConnectionLost, GcodeRefused, PrinterError
from printprep.printers.link import (
    Ending,
    Identity,
    OnProgress,
    PrinterState,
    PrinterStatus,
    PrintOutcome,
    unwatched,
)
from printprep.printers.send import describe, refuse_dangerous, send_file

GOOD = PrintOutcome(
    ending=Ending.FINISHED, lines_total=3, lines_sent=3, lines_accepted=3, layer=1, duration_s=2.0, repeated=1
)
PRINTING = PrinterStatus(
    state=PrinterState.PRINTING,
    tools_c={0: (199.6, 200.0), 1: (25.0, 0.0)},
    bed_c=(60.1, 60.0),
    line=1200,
    lines_total=4800,
    layer=3,
    layers_total=12,
    progress=0.25,
)


class Link:
    """A link that prints nothing and says what it is told to say."""

    identity = Identity(firmware="none")

    def __init__(self, outcome: PrintOutcome, spoil: Path | None = None) -> None:
        self.outcome = outcome
        self.spoil = spoil
        self.asked = 0

    def print_file(self, path: Path, on_progress: OnProgress = unwatched) -> PrintOutcome:  # noqa: ARG002
        self.asked += 1
        on_progress(PRINTING)
        if self.spoil:
            self.spoil.write_text("G1 X9\n", encoding="ascii")
        return self.outcome

    def connect(self) -> Identity:
        return self.identity

    def close(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def cancel(self) -> None: ...
    def emergency_stop(self) -> str:
        return ""

    def tell(self, command: bytes) -> None: ...
    def status(self) -> PrinterStatus:
        return PRINTING


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.gcode"
    path.write_text("G1 X1\nG1 X2\nG1 X3\n", encoding="ascii")
    return path


def harmless(_path: Path) -> tuple[Finding, ...]:
    return (Finding(code="gcode-note", severity=Severity.WARNING, message="look"),)


def dangerous(_path: Path) -> tuple[Finding, ...]:
    return (Finding(code="gcode-hot", severity=Severity.ERROR, message="line 7: 900 °C"),)


def test_the_account_of_a_good_print(job: Path) -> None:
    seen: list[PrinterStatus] = []
    result = send_file(Link(GOOD), job, guard=harmless, on_status=seen.append)
    assert (result.lines_total, result.lines_sent, result.lines_accepted, result.repeated) == (3, 3, 3, 1)
    assert result.outcome is Ending.FINISHED
    assert [finding.code for finding in result.findings] == ["gcode-note"]
    assert len(result.sha256) == 64
    assert seen == [PRINTING]


def test_a_dangerous_file_never_reaches_the_printer(job: Path) -> None:
    link = Link(GOOD)
    with pytest.raises(GcodeRefused, match="gcode-hot: line 7: 900"):
        send_file(link, job, guard=dangerous)
    assert link.asked == 0


def test_a_refusal_names_the_first_few_and_counts_the_rest(job: Path) -> None:
    bad = [Finding(code=f"gcode-{n}", severity=Severity.ERROR, message=f"line {n}") for n in range(5)]
    with pytest.raises(GcodeRefused, match=r"gcode-0: line 0; gcode-1: line 1; gcode-2: line 2 \(and 2 more"):
        refuse_dangerous(job, tuple(bad))
    refuse_dangerous(job, tuple(replace(finding, accepted="known") for finding in bad))


@pytest.mark.parametrize(
    "outcome", [replace(GOOD, lines_sent=2), replace(GOOD, lines_accepted=2), replace(GOOD, lines_total=4)]
)
def test_a_line_that_is_unaccounted_for_is_an_error(job: Path, outcome: PrintOutcome) -> None:
    with pytest.raises(PrinterError, match="cannot be trusted"):
        send_file(Link(outcome), job, guard=harmless)


def test_a_file_that_changed_under_the_print_is_an_error(job: Path) -> None:
    with pytest.raises(PrinterError, match="was changed while it was printed"):
        send_file(Link(GOOD, spoil=job), job, guard=harmless)


def test_a_file_that_changed_after_the_guard_saw_it_is_an_error(job: Path) -> None:
    def slow(path: Path) -> tuple[Finding, ...]:
        path.write_text("G1 X9\n", encoding="ascii")
        return ()

    link = Link(GOOD)
    with pytest.raises(GcodeRefused, match="was changed while it was checked"):
        send_file(link, job, guard=slow)
    assert link.asked == 0


def test_what_was_printed_must_be_what_was_checked(job: Path) -> None:
    with pytest.raises(PrinterError, match="was changed while it was printed"):
        send_file(Link(replace(GOOD, sha256="0" * 64)), job, guard=harmless)


def test_a_failed_print_raises_its_fault(job: Path) -> None:
    fault = ConnectionLost("/dev/ttyACM0 went away after command 2 of the job")
    with pytest.raises(ConnectionLost, match="after command 2"):
        send_file(Link(replace(GOOD, ending=Ending.FAILED, lines_accepted=2, fault=fault)), job, guard=harmless)


def test_a_cancelled_print_is_a_result(job: Path) -> None:
    result = send_file(Link(replace(GOOD, ending=Ending.CANCELLED, lines_accepted=1)), job, guard=harmless)
    assert (result.outcome, result.lines_accepted) == (Ending.CANCELLED, 1)


def test_a_status_as_a_line() -> None:
    assert describe(PRINTING) == "1,200 of 4,800 lines, layer 3 of 12, tool 0 200/200 °C, bed 60/60 °C"
