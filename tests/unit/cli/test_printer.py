"""``printprep printer`` and ``printprep send`` as a person and as a program sees them."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from printprep.cli.printer import printer
from printprep.cli.send import interruptible, send
from printprep.errors import GcodeRefused, InputError
from printprep.printers.link import Ending
from printprep.printers.registry import find_printer
from printprep.printers.virtual import VirtualLink, VirtualPrinter

JOB = "G90\nM83\nM140 S60\nM104 S200\nG28\nM190 S60\nM109 S200\nG1 X20 Y20 Z0.2 F3000\nG1 X40 E1 F1200\n"
END = "M104 S0\nM140 S0\nM84\n"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.gcode"
    path.write_text(JOB + END, encoding="ascii")
    return path


def test_send_accounts_for_every_line(job: Path, tmp_path: Path) -> None:
    log = tmp_path / "printed.log"
    result = CliRunner().invoke(send, [str(job), "--printer", "virtual", "--log", str(log), "--json"])
    assert result.exception is None
    told = json.loads(result.stdout)
    count = len(job.read_text().splitlines())
    assert (told["lines_total"], told["lines_sent"], told["lines_accepted"]) == (count, count, count)
    assert told["outcome"] == "finished"
    printed = log.read_text().splitlines()
    assert printed[4 : 4 + count] == job.read_text().splitlines()
    assert json.loads((tmp_path / "printed.log.state.json").read_text())["position_mm"][:2] == [40.0, 20.0]


def test_send_says_it_to_people_too(job: Path) -> None:
    result = CliRunner().invoke(send, [str(job), "--printer", "virtual"])
    assert result.exception is None
    assert "12 commands in the file, 12 sent, 12 acknowledged" in " ".join(result.stdout.split())


def test_a_dangerous_file_is_refused_before_a_printer_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "bad.gcode"
    path.write_text("G28\nM104 S900\nM500\n", encoding="ascii")
    result = CliRunner().invoke(send, [str(path), "--port", "/dev/nowhere", "--profile", "ender-3", "--json"])
    assert isinstance(result.exception, GcodeRefused)
    told = json.loads(result.stdout)
    assert told["outcome"] == "refused"
    assert "gcode-refused-command" in {finding["code"] for finding in told["findings"]}


def test_a_person_is_asked_which_printer_is_on_a_port(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("printprep.cli.send.somebody_answers", lambda: True)
    result = CliRunner().invoke(send, [str(job), "--port", "/dev/nowhere"], input="n\n")
    assert result.exit_code == 1
    assert "printer-not-said" in result.stderr
    assert "Is /dev/nowhere the right printer?" in result.stderr


def test_a_program_is_told_that_the_printer_was_not_said(job: Path) -> None:
    with VirtualPrinter() as printer:
        result = CliRunner().invoke(send, [str(job), "--port", printer.port, "--json"])
    assert result.exception is None
    assert "printer-not-said" in {finding["code"] for finding in json.loads(result.stdout)["findings"]}


def test_a_cancel_before_the_first_line_is_not_lost(job: Path) -> None:
    link = VirtualLink()
    link.connect()
    with interruptible(link) as insist:
        signal.raise_signal(signal.SIGTERM)
        outcome = link.print_file(job, insist)
    link.close()
    assert outcome.ending is Ending.CANCELLED


def test_a_port_is_spoken_to_as_the_profile_says(job: Path) -> None:
    at = CliRunner().invoke(printer, ["add", "v", "--profile", "voron-2.4", "--port", "/dev/ttyUSB7"])
    assert at.exception is None
    assert find_printer("v").firmware == "klipper"
    with VirtualPrinter(dialect="klipper") as device:
        said = ["--port", device.port, "--profile", "voron-2.4", "--json"]
        told = json.loads(CliRunner().invoke(send, [str(job), *said]).stdout)
        assert (told["outcome"], told["firmware"]) == ("finished", "Klipper")
        other = CliRunner().invoke(send, [str(job), *said, "--firmware", "marlin"])
    assert "the printer says it runs Klipper" in str(other.exception)
    nobody = CliRunner().invoke(send, [str(job), *said, "--firmware", "sprinter"])
    assert "'sprinter' is not spoken; choose one of marlin, " in str(nobody.exception)


def test_no_comment_ever_leaves_by_a_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte that comes out of the cable is looked at, not only what the firmware makes of it."""
    lines = [f"{line} ; aorta" for line in (JOB + END).splitlines()]
    file = tmp_path / "aorta.gcode"
    file.write_text("; aorta\n" + "\n;aorta\n".join(lines) + "\n; end of aorta", encoding="ascii")
    heard = bytearray()
    with VirtualPrinter() as device:
        feed = device.firmware.feed

        def listen(data: bytes, now_s: float) -> bytes:
            heard.extend(data)
            return feed(data, now_s)

        monkeypatch.setattr(device.firmware, "feed", listen)
        result = CliRunner().invoke(send, [str(file), "--port", device.port])
    assert result.exception is None, result.output
    assert b"G1 X40 E1 F1200" in heard
    assert b"aorta" not in heard
    assert b";" not in heard


@pytest.mark.parametrize("where", [[], ["--printer", "virtual", "--port", "/dev/ttyACM0"]])
def test_send_wants_one_printer(job: Path, where: list[str]) -> None:
    result = CliRunner().invoke(send, [str(job), *where])
    assert isinstance(result.exception, InputError)


def test_add_list_and_test() -> None:
    runner = CliRunner()
    assert runner.invoke(printer, ["add", "xl", "--profile", "prusa-xl", "--port", "/dev/ttyACM0"]).exception is None
    server = ["--octoprint", "http://octopi.local", "--key", "secret"]
    assert runner.invoke(printer, ["add", "v", "--profile", "voron-2.4", *server]).exception is None
    listed = runner.invoke(printer, ["list", "--json"]).stdout
    assert "secret" not in listed
    assert {row["name"]: row["link"] for row in json.loads(listed)["printers"]} == {
        "virtual": "virtual",
        "xl": "serial",
        "v": "octoprint",
    }
    told = json.loads(runner.invoke(printer, ["test", "virtual", "--json"]).stdout)
    assert told["state"] == "ready"
    assert told["tools"]["0"] == {"actual_c": 25.0, "target_c": 0.0}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "x", "--profile", "ender-3"], "in one way: --port, or one of --octoprint"),
        (["add", "x", "--profile", "elegoo-saturn", "--port", "/dev/ttyACM0"], "prints files of layers"),
        (["add", "x y", "--profile", "ender-3", "--port", "/dev/ttyACM0"], "name"),
        (["virtual", "--faults", "drop_ok"], "KEY=VALUE"),
        (["add", "taken", "--profile", "ender-3", "--port", "/dev/ttyUSB8"], "--replace"),
        (["add", "twin", "--profile", "ender-3", "--port", "/dev/ttyUSB9"], "the port of taken already"),
    ],
)
def test_mistakes(arguments: list[str], words: str) -> None:
    taken = ["add", "taken", "--profile", "ender-3", "--port", "/dev/ttyUSB9", "--replace"]
    assert CliRunner().invoke(printer, taken).exception is None
    result = CliRunner().invoke(printer, arguments)
    assert isinstance(result.exception, InputError)
    assert words in str(result.exception)
