"""OctoPrint as it is: a real server with its virtual printer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from printprep.cli.printer import printer
from printprep.errors import PrinterError, ReplyTimeout
from printprep.lab import queue
from printprep.lab.agent import Until, run_agent
from printprep.lab.jobfile import print_files
from printprep.lab.press import LinkPress
from printprep.lab.store import Job, State, open_store
from printprep.printers.link import Ending, PrinterState, PrinterStatus
from printprep.printers.octoprint import OctoPrintLink
from printprep.printers.octoprint_key import ask_for_key
from printprep.printers.registry import add_printer, find_printer, new_printer
from printprep.profiles.load import load_profiles
from tests.contract.conftest import octoprint

pytestmark = pytest.mark.integration


def test_it_says_who_it_is(octoprint_server: Any) -> None:
    link = OctoPrintLink(octoprint_server.url, octoprint_server.key)
    assert link.connect().version == "1.11.8"
    link.close()


def test_nothing_of_the_file_but_its_commands_reaches_the_server(octoprint_server: Any, tmp_path: Path) -> None:
    job = tmp_path / "Smith_John.gcode"
    job.write_text("; patient Smith, John\nG91 ; Smith\nG1 X0.01 F60000\nG1 X-0.01\n", encoding="ascii")
    uploads = octoprint_server.folder / "uploads"
    link = OctoPrintLink(octoprint_server.url, octoprint_server.key)
    link.connect()
    kept: list[bytes] = []

    def look(_status: object) -> None:
        kept.extend(path.read_bytes() for path in uploads.rglob("*") if path.is_file())

    link.print_file(job, look)
    link.close()
    assert kept
    assert not any(b"Smith" in content for content in kept)
    assert not list(uploads.glob("*.gcode")), "what was printed stays on the server"


def test_a_wrong_key_is_refused_with_what_to_do(octoprint_server: Any) -> None:
    with pytest.raises(PrinterError, match="refuses the key; make a new one"):
        OctoPrintLink(octoprint_server.url, "F" * 32).connect()


def test_a_server_that_asks_for_no_key_is_not_used(open_octoprint_server: Any) -> None:
    link = OctoPrintLink(open_octoprint_server.url, open_octoprint_server.key)
    with pytest.raises(PrinterError, match="answers without a key"):
        link.connect()
    accepted = OctoPrintLink(open_octoprint_server.url, open_octoprint_server.key, allow_insecure=True)
    assert accepted.connect().version == "1.11.8"
    accepted.close()


def decide(server: Any, *, allow: bool) -> None:
    """What a person does in OctoPrint's window, by the request that it sends."""
    theirs = requests.post(f"{server.url}/api/users/admin/apikey", headers={"X-Api-Key": server.key}).json()["apikey"]
    headers = {"X-Api-Key": theirs}
    while not (pending := requests.get(f"{server.url}/api/plugin/appkeys", headers=headers).json()["pending"]):
        time.sleep(0.1)
    decision = f"{server.url}/plugin/appkeys/decision/{next(iter(pending))}"
    requests.post(decision, json={"decision": allow}, headers=headers).raise_for_status()


@pytest.mark.parametrize("allow", [True, False])
def test_a_person_confirms_the_key_in_octoprint(
    octoprint_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allow: bool
) -> None:
    monkeypatch.setenv("PRINTPREP_CONFIG", str(tmp_path))
    person = threading.Thread(target=decide, args=(octoprint_server,), kwargs={"allow": allow})
    person.start()
    words = ["add", "bench", "--profile", "ender-3", "--octoprint", octoprint_server.url, "--wait", "60"]
    result = CliRunner().invoke(printer, words)
    person.join()
    if not allow:
        assert "refused there" in str(result.exception)
        assert not (tmp_path / "printers.toml").exists()
        return
    assert result.exception is None, result.output
    named = find_printer("bench")
    assert named.key
    assert named.key not in result.output
    tried = CliRunner().invoke(printer, ["test", "bench", "--json"])
    assert tried.exception is None
    told = json.loads(tried.stdout)
    assert told["version"] == "1.11.8"


def test_nobody_confirms(octoprint_server: Any) -> None:
    with pytest.raises(ReplyTimeout, match="nobody confirmed"):
        ask_for_key(octoprint_server.url, wait_s=0)


def test_the_push_socket_says_how_it_goes(octoprint_server: Any, tmp_path: Path) -> None:
    job = tmp_path / "job.gcode"
    job.write_text("G91\n" + "G1 X0.01 F60000\nG1 X-0.01 F60000\n" * 1500, encoding="ascii")
    link = OctoPrintLink(octoprint_server.url, octoprint_server.key)
    link.connect()
    polled: list[str] = []
    assert link._client is not None
    session = link._client.session
    asked = session.request

    def spy(method: Any, url: Any, *args: Any, **options: Any) -> Any:
        polled.append(str(url).partition("/api/")[2])
        return asked(method, url, *args, **options)

    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(session, "request", spy)
    seen: list[float] = []
    outcome = link.print_file(job, lambda status: seen.append(status.progress))
    monkeypatch.undo()
    link.close()
    assert outcome.ending is Ending.FINISHED
    assert sum(0 < progress < 1 for progress in seen) >= 2
    assert polled.count("job") <= 3, "asked, though it was told"


@pytest.fixture
def lab(octoprint_installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab whose one printer is behind a server of its own, which may be killed."""
    monkeypatch.setenv("PRINTPREP_CONFIG", str(tmp_path / "config"))
    with ExitStack() as stack:
        server = stack.enter_context(octoprint(octoprint_installed, tmp_path / "octoprint"))
        add_printer(new_printer(name="bench", link="octoprint", profile="virtual", url=server.url, key=server.key))

        def again() -> None:
            server.process.kill()
            server.process.wait()
            port = int(server.url.rpartition(":")[2])
            stack.enter_context(octoprint(octoprint_installed, tmp_path / "octoprint", port=port))

        yield Lab(server.url, {"X-Api-Key": server.key}, tmp_path, again)


@dataclass
class Lab:
    url: str
    headers: dict[str, str]
    folder: Path
    again: Callable[[], None]  # kills the server and starts it anew

    def post(self, command: dict[str, str]) -> None:
        requests.post(f"{self.url}/api/job", json=command, headers=self.headers).raise_for_status()

    def printed(self, moves: int, meddle: Callable[[int], None] = lambda _look: None) -> Job:
        """The record of a job, with somebody who meddles at each look at a print under way."""
        file = self.folder / "plate.gcode"
        lines = "".join(f"G1 X{10 + step % 2}.{step:05d} F9000\n" for step in range(moves))
        file.write_text(f"G28\n{lines}M104 S0\nM140 S0\n", encoding="ascii")
        over = threading.Event()

        def somebody() -> None:
            looks = 0
            while not over.wait(0.2):
                with suppress(requests.RequestException, ValueError, KeyError):
                    told = requests.get(f"{self.url}/api/job", headers=self.headers, timeout=5).json()
                    if told["state"] == "Printing" and (told["progress"]["completion"] or 0) > 0:
                        looks += 1
                    if looks:
                        meddle(looks)

        person = threading.Thread(target=somebody)
        person.start()
        try:
            with open_store(str(self.folder / "lab.sqlite3")) as store:
                queue.add(store, print_files(file)[0], printer="bench", who="ann")
                queue.clear_plate(store, "bench", who="bob")
                run_agent(store, ["bench"], LinkPress(load_profiles()), until=Until.ONCE, poll_s=0.05)
                return queue.show(store, "1")[0]
        finally:
            over.set()
            person.join()


def test_the_records_of_a_print_to_the_end(lab: Lab) -> None:
    job = lab.printed(20)
    assert (job.state, job.line, job.lines) == (State.DONE, 23, 23)


def test_the_records_of_a_print_that_was_paused_resumed_and_cancelled_at_the_server(lab: Lab) -> None:
    did: list[str] = []

    def meddle(_look: int) -> None:
        told = requests.get(f"{lab.url}/api/job", headers=lab.headers).json()["state"]
        if not did and told == "Printing":
            did.append("pause")
            lab.post({"command": "pause", "action": "pause"})
        elif did == ["pause"] and told == "Paused":
            did.append("resume")
            lab.post({"command": "pause", "action": "resume"})
        elif did == ["pause", "resume"] and told == "Printing":
            did.append("cancel")
            lab.post({"command": "cancel"})

    job = lab.printed(2000, meddle)
    assert did == ["pause", "resume", "cancel"]
    assert job.state is State.CANCELLED
    assert 0 < job.line < 2003


def test_the_records_of_a_print_whose_server_was_killed_and_started_anew(lab: Lab) -> None:
    did: list[str] = []

    def meddle(_look: int) -> None:
        if not did:
            did.append("kill")
            lab.again()

    job = lab.printed(2000, meddle)
    assert job.state is State.FAILED
    assert "at about command" in (job.reason or "")
    assert 0 < job.line < 2003


def test_a_push_socket_that_died_is_opened_again(octoprint_server: Any, tmp_path: Path) -> None:
    job = tmp_path / "job.gcode"
    job.write_text("G91\n" + "G1 X0.01 F60000\nG1 X-0.01 F60000\n" * 3000, encoding="ascii")
    link = OctoPrintLink(octoprint_server.url, octoprint_server.key)
    link.connect()
    sockets: list[object] = []

    def watch(_status: PrinterStatus) -> None:
        if link._push is not None and link._push not in sockets:
            sockets.append(link._push)
            if len(sockets) == 1:
                link._push._fail("pulled by the test")

    assert link.print_file(job, watch).ending is Ending.FINISHED
    link.close()
    assert len(sockets) >= 2


def test_a_print_is_tuned(octoprint_server: Any, tmp_path: Path) -> None:
    job = tmp_path / "job.gcode"
    job.write_text("G91\n" + "G1 X0.01 F60000\nG1 X-0.01 F60000\n" * 1500, encoding="ascii")
    link = OctoPrintLink(octoprint_server.url, octoprint_server.key)
    link.connect()
    messages: set[str] = set()
    wanted_c: list[float] = []

    def watch(status: PrinterStatus) -> None:
        messages.add(status.message)
        wanted_c.append(status.bed_c[1] if status.bed_c else 0.0)
        if status.state is PrinterState.PRINTING and wanted_c[-1] != 50.0:
            link.tell(b"M140 S50")

    assert link.print_file(job, watch).ending is Ending.FINISHED
    link._cool()
    link.close()
    assert 50.0 in wanted_c
    assert messages == {""}
