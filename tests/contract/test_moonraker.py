"""Moonraker as it is, before a played Klipper; see klippy.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from printprep.errors import ConnectionLost, FirmwareFault, InputError, PrinterError
from printprep.printers.link import Ending, PrinterState, PrinterStatus
from printprep.printers.moonraker import MoonrakerLink

pytestmark = pytest.mark.integration


@pytest.fixture
def server(moonraker_server: Any) -> Any:
    moonraker_server.klippy.reset()
    moonraker_server.klippy.printed.clear()
    moonraker_server.klippy.tell()
    return moonraker_server


@pytest.fixture
def link(server: Any) -> Iterator[MoonrakerLink]:
    link = MoonrakerLink(server.url, server.key)
    link.connect()
    yield link
    link.close()


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "Smith_John.gcode"
    path.write_text("; Smith\nM104 S200 ; Smith\n" + "G1 X1\nG1 X2\n" * 3000, encoding="ascii")
    return path


def test_a_wrong_key_is_refused_and_not_shown(server: Any) -> None:
    with pytest.raises(PrinterError, match="fetch-apikey") as refused:
        MoonrakerLink(server.url, "f" * 32).connect()
    assert "f" * 32 not in str(refused.value)
    with pytest.raises(InputError, match="a key is needed"):
        MoonrakerLink(server.url).connect()


def test_nothing_but_commands_reaches_the_server_and_nothing_stays(server: Any, link: MoonrakerLink, job: Path) -> None:
    kept: dict[str, bytes] = {}

    def look(_status: PrinterStatus) -> None:
        kept.update({path.name: path.read_bytes() for path in server.gcodes.glob("*.gcode")})

    assert link.print_file(job, look).ending is Ending.FINISHED
    assert kept
    assert not any(b"Smith" in content or "Smith" in name for name, content in kept.items())
    assert not list(server.gcodes.glob("*.gcode"))


def test_a_shutdown_in_mid_print_is_the_outcome_and_the_next_connection_is_refused(
    server: Any, link: MoonrakerLink, job: Path
) -> None:
    def watch(status: PrinterStatus) -> None:
        if status.line > 100:
            server.klippy.fail("Heater extruder not heating at expected rate")

    outcome = link.print_file(job, watch)
    assert isinstance(outcome.fault, FirmwareFault)
    assert "not heating at expected rate" in outcome.message
    assert "at about command" in outcome.message
    link.close()
    with pytest.raises(ConnectionLost, match="Klipper is shutdown"):
        link.connect()


def test_an_emergency_stop_waits_for_no_poll(server: Any, link: MoonrakerLink, job: Path) -> None:
    def watch(status: PrinterStatus) -> None:
        if status.state is PrinterState.PRINTING:
            link.emergency_stop()
            assert server.klippy.status["webhooks"]["state"] == "shutdown"

    assert link.print_file(job, watch).ending is Ending.FAILED


def test_a_paused_print_of_somebody_else_is_not_thrown_away(server: Any, link: MoonrakerLink, job: Path) -> None:
    theirs = server.klippy.status["print_stats"]
    theirs.update(filename="theirs.gcode", state="paused")
    outcome = link.print_file(job)
    assert outcome.ending is Ending.FAILED
    assert "prints something else" in outcome.message
    assert theirs["state"] == "paused"
    assert server.klippy.printed == []


def test_a_print_whose_end_a_macro_cleared_away(server: Any, link: MoonrakerLink, job: Path) -> None:
    cleared = False

    def watch(status: PrinterStatus) -> None:
        nonlocal cleared
        if status.line > 100 and not cleared:  # as CANCEL_PRINT of many a configuration: cancel, SDCARD_RESET_FILE
            cleared = True
            with server.klippy._lock:
                server.klippy._run("CANCEL_PRINT")
                server.klippy.tell()
                server.klippy.status["print_stats"].update(filename="", state="standby")
                server.klippy.tell()

    assert link.print_file(job, watch).ending is Ending.CANCELLED


def test_klipper_that_was_restarted_has_lost_the_print(server: Any, link: MoonrakerLink, job: Path) -> None:
    def watch(status: PrinterStatus) -> None:
        if status.line > 100:
            server.klippy.fail("Lost communication with MCU 'mcu'")
            server.klippy.reset()
            server.klippy.tell()

    outcome = link.print_file(job, watch)
    assert outcome.ending is Ending.FAILED


def test_a_print_goes_on_while_its_server_is_killed_and_started_anew(
    server: Any, link: MoonrakerLink, tmp_path: Path
) -> None:
    job = tmp_path / "long.gcode"
    job.write_text("G1 X1\nG1 X2\n" * 6000, encoding="ascii")
    killed = False
    messages: list[str] = []

    def watch(status: PrinterStatus) -> None:
        nonlocal killed
        messages.append(status.message)
        if status.line > 100 and not killed:
            killed = True
            server.again()

    outcome = link.print_file(job, watch)
    assert killed
    assert outcome.ending is Ending.FINISHED
    assert sum(line.startswith("G1") for line in server.klippy.printed) == 12_000


def test_a_print_is_tuned_and_klipper_left_untuned(server: Any, link: MoonrakerLink, job: Path) -> None:
    def watch(status: PrinterStatus) -> None:
        if status.state is PrinterState.PRINTING and "M220 S80" not in server.klippy.printed:
            link.tell(b"M220 S80")

    assert link.print_file(job, watch).ending is Ending.FINISHED
    assert "M220 S80" in server.klippy.printed
    assert server.klippy.printed[-2:] == ["M220 S100", "M221 S100"]
