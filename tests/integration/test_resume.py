"""A print that is killed and taken up again, by the command line, on the virtual printer."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from printprep.printers.job import commands, read_job
from printprep.printers.virtual import VirtualPrinter
from printprep.printers.virtual_faults import Faults

pytestmark = pytest.mark.integration

PROGRAM = [sys.executable, "-c", "from printprep.cli.main import main; main()"]


def run(*words: str, code: int = 0) -> str:
    done = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_what_is_accepted_after_a_kill_is_the_file_from_that_layer_on(tmp_path: Path, data: Path) -> None:
    file, resume = data / "gcode" / "ender-3.gcode", tmp_path / "resume.gcode"
    with VirtualPrinter(tools=1, advanced_ok=False, faults=Faults(delay_s=0.003)) as printer:
        run("printer", "add", "left", "--profile", "ender-3", "--port", printer.port)
        command = [*PROGRAM, "send", str(file), "--printer", "left"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sender:
            while printer.firmware.accepted < 720:
                assert sender.poll() is None
                time.sleep(0.001)
            sender.kill()
    assert "the journal was at" in run("printer", "resume-file", "left", str(file), "--out", str(resume), code=2)
    words = ["printer", "resume-file", "left", str(file), "--nozzle-at", "0.7", "--out", str(resume), "--json"]
    made = json.loads(run(*words))
    job = read_job(file)
    assert made["first_command"] == job.layer_starts[made["layer"] - 1] <= 720
    log = tmp_path / "printed.log"
    with VirtualPrinter(tools=1, log=log) as printer:
        run("printer", "add", "left", "--replace", "--profile", "ender-3", "--port", printer.port)
        assert "gcode-not-homed" in run("send", str(resume), "--printer", "left", code=4)
        assert printer.firmware.accepted == 0
        run("send", str(resume), "--printer", "left", "--nozzle-at", "0.7")
    own = {"M115", "M105", "M110 N0", "M155 S2", "M155 S0", "M400"}
    printed = [line for line in log.read_text(encoding="ascii").splitlines() if line not in own]
    rest = [command.decode() for command in commands(job.file)][made["first_command"] :]
    assert printed[-len(rest) :] == rest
    assert len(rest) == made["commands"]


def test_a_journal_of_another_file_proposes_nothing(tmp_path: Path, data: Path) -> None:
    other, out = tmp_path / "other.gcode", tmp_path / "resume.gcode"
    other.write_text((data / "gcode" / "ender-3.gcode").read_text().replace("X110", "X111"), encoding="ascii")
    with VirtualPrinter(tools=1) as printer:
        run("printer", "add", "left", "--profile", "ender-3", "--port", printer.port)
        run("send", str(data / "gcode" / "ender-3.gcode"), "--printer", "left")
    words = ("printer", "resume-file", "left", str(other), "--nozzle-at", "0.5", "--out", str(out))
    assert "was of another file" in run(*words, code=2)
    assert not out.exists()
    run(*words, "--from-layer", "3")
    assert out.exists()
    high = ("printer", "resume-file", "left", str(other), "--nozzle-at", "1", "--out", str(out), "--from-layer", "3")
    assert "layer 3 is at 0.6 mm and the nozzle at 1 mm" in run(*high, code=2)
    run(*high, "--anyway")
