"""The OctoPrint link against a server that misbehaves on purpose; the real one is in tests/contract."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from printprep.errors import InputError, PrinterError
from printprep.printers.asking import refuse_public_plain_http
from printprep.printers.link import Ending, PrinterState, PrinterStatus
from printprep.printers.octoprint import OctoPrintLink

READY = {"operational": True, "ready": True}
PRINTER = {"state": {"text": "Operational", "flags": READY}, "temperature": {"tool0": {"actual": 21.3, "target": None}}}


@dataclass
class Script:
    """What the server answers, by the start of "METHOD path": status and body."""

    answers: dict[str, tuple[int, object]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)  # G-code of the host's own

    def answer(self, request: str, key: str | None) -> tuple[int, object]:
        self.asked.append(request)
        self.keys.append(key)
        if key is None:
            return 403, {}
        found = [answer for start, answer in self.answers.items() if request.startswith(start)]
        return found[0] if found else (404, {})


@pytest.fixture
def script() -> Script:
    return Script(
        {
            "GET /octo/api/version": (200, {"server": "1.11.8", "text": "OctoPrint 1.11.8"}),
            "GET /octo/api/printer": (200, PRINTER),
            "POST /octo/api/files/local/": (204, {}),
            "POST /octo/api/files/local": (201, {"files": {"local": {"name": "changed.gcode"}}}),
            "GET /octo/api/files/local/changed.gcode": (200, {"size": len("G28\nG1 X1\n")}),
            "GET /octo/api/job": (200, {"progress": {"completion": 100.0}}),
            "DELETE /octo/api/files": (204, {}),
        }
    )


@pytest.fixture
def url(script: Script) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path.endswith("/printer/command"):
                script.commands += json.loads(told)["commands"]
            status, body = script.answer(f"{self.command} {self.path}", self.headers.get("X-Api-Key"))
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://elsewhere.invalid/")
            self.send_header("Content-Length", str(0 if status == 204 else len(data)))
            self.end_headers()
            if status != 204:
                self.wfile.write(data)

        do_POST = do_DELETE = do_GET  # noqa: N815 - the names http.server looks for

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/octo"
        server.shutdown()
        thread.join()


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.gcode"
    path.write_text("G28 ; home\nG1 X1\n", encoding="ascii")
    return path


def test_the_path_prefix_is_kept_and_the_name_read_back(url: str, script: Script, job: Path) -> None:
    link = OctoPrintLink(url, "key")
    link.connect()
    outcome = link.print_file(job)
    assert outcome.ending is Ending.FINISHED
    assert not outcome.counted
    assert all(" /octo/api/" in request for request in script.asked)
    assert "POST /octo/api/files/local/changed.gcode" in script.asked
    assert script.asked[-1] == "DELETE /octo/api/files/local/changed.gcode"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, {}, "refuses the key"),
        (302, {}, "redirects to http://elsewhere.invalid/"),
        (500, {}, "HTTP 500"),
        (200, "<html>a router</html>", "not in JSON"),
        (200, [1, 2], "unknown way"),
    ],
)
def test_a_strange_server_is_an_error_of_ours(url: str, script: Script, status: int, body: object, words: str) -> None:
    script.answers["GET /octo/api/version"] = (status, body)
    with pytest.raises(PrinterError, match=words):
        OctoPrintLink(url, "key").connect()


def test_a_server_without_its_printer_is_not_connected(url: str, script: Script) -> None:
    script.answers["GET /octo/api/printer"] = (409, "Printer is not operational")
    script.answers["GET /octo/api/connection"] = (200, {"current": {"state": "Closed"}})
    with pytest.raises(PrinterError, match=r"has no printer \(Closed\)"):
        OctoPrintLink(url, "key").connect()


@pytest.mark.parametrize(("status", "words"), [(409, "busy"), (507, "no room left"), (413, "upload limit")])
def test_a_refused_upload_is_the_outcome(url: str, script: Script, job: Path, status: int, words: str) -> None:
    script.answers["POST /octo/api/files/local"] = (status, {})
    link = OctoPrintLink(url, "key")
    link.connect()
    outcome = link.print_file(job)
    assert outcome.ending is Ending.FAILED
    assert words in outcome.message


@pytest.mark.parametrize("kept", [{"size": 9}, {"size": 10, "hash": "0" * 40}])
def test_other_bytes_than_were_sent_are_not_printed(
    url: str, script: Script, job: Path, kept: dict[str, object]
) -> None:
    script.answers["GET /octo/api/files/local/changed.gcode"] = (200, kept)
    link = OctoPrintLink(url, "key")
    link.connect()
    outcome = link.print_file(job)
    assert outcome.ending is Ending.FAILED
    assert "10 were sent" in outcome.message
    assert script.asked[-1] == "DELETE /octo/api/files/local/changed.gcode"
    assert "POST /octo/api/files/local/changed.gcode" not in script.asked


def test_a_server_that_is_away_for_a_while_is_waited_for(printing: OctoPrintLink, script: Script, job: Path) -> None:
    looks: list[str] = []

    def watch(status: PrinterStatus) -> None:
        looks.append(status.message)
        if len(looks) == 1:
            script.answers["GET /octo/api/printer"] = (503, {})
        elif len(looks) == 2:
            script.answers["GET /octo/api/printer"] = (200, PRINTER)
            script.answers["GET /octo/api/job"] = (200, {"progress": {"completion": 100.0}})

    assert printing.print_file(job, watch).ending is Ending.FINISHED
    assert "not heard since" in looks[1]


def test_a_server_that_stays_away_has_lost_the_print(
    url: str, script: Script, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("printprep.printers.asking.RETRIES", 0)
    now = [0.0]
    link = OctoPrintLink(url, "key", clock=lambda: now[0])
    link.connect()
    script.answers["GET /octo/api/printer"] = (503, {})

    def watch(_status: PrinterStatus) -> None:
        now[0] += 40.0

    outcome = link.print_file(job, watch)
    assert outcome.ending is Ending.FAILED
    assert "503" in outcome.message
    assert outcome.message.endswith("look at the printer: it may still be printing")
    assert script.asked[-2:] == ["POST /octo/api/job", "POST /octo/api/printer/command"], "as far as it still listens"


def test_an_error_of_the_printer_is_the_outcome(url: str, script: Script, job: Path) -> None:
    link = OctoPrintLink(url, "key")
    link.connect()
    failed = {"state": {"text": "Error: MINTEMP", "flags": {"error": True}}}
    script.answers["GET /octo/api/printer"] = (200, failed)
    outcome = link.print_file(job)
    assert outcome.ending is Ending.FAILED
    assert "MINTEMP" in outcome.message


PRINTING = {
    "state": {"text": "Printing", "flags": {"operational": True, "printing": True}},
    "temperature": {"tool0": {"target": 200}, "tool1": {"target": 210}, "bed": {"target": 60}},
}
COLD = ["M104 T0 S0", "M104 T1 S0", "M140 S0"]


@pytest.fixture
def printing(url: str, script: Script) -> OctoPrintLink:
    """A link to a server that prints with two tools, as it will say from the next question on."""
    link = OctoPrintLink(url, "key")
    link.connect()
    script.answers["GET /octo/api/printer"] = (200, PRINTING)
    script.answers["GET /octo/api/job"] = (200, {"progress": {"completion": 10.0}})
    script.answers["POST /octo/api/printer/command"] = (204, {})
    script.answers["POST /octo/api/job"] = (204, {})
    return link


def test_a_second_cancel_fails_nothing_and_every_tool_is_cooled(
    printing: OctoPrintLink, script: Script, job: Path
) -> None:
    polls = []

    def watch(status: PrinterStatus) -> None:
        polls.append(status.state)
        if len(polls) < 3:  # the second one meets a server that is cancelling
            printing.cancel()
            script.answers["POST /octo/api/job"] = (409, {}) if len(polls) == 2 else (204, {})
        else:
            script.answers["GET /octo/api/printer"] = (200, {**PRINTING, "state": {"flags": READY}})

    assert printing.print_file(job, watch).ending is Ending.CANCELLED
    assert script.commands == COLD


def test_a_print_given_up_at_the_server_is_cooled_too(printing: OctoPrintLink, script: Script, job: Path) -> None:
    def watch(_status: PrinterStatus) -> None:
        script.answers["GET /octo/api/printer"] = (200, {**PRINTING, "state": {"flags": READY}})

    assert printing.print_file(job, watch).ending is Ending.CANCELLED
    assert script.commands == COLD


def test_a_wish_that_the_server_refuses_does_not_end_the_print(
    printing: OctoPrintLink, script: Script, job: Path
) -> None:
    script.answers["POST /octo/api/job"] = (409, {})

    def watch(status: PrinterStatus) -> None:
        if status.state is PrinterState.PRINTING:
            printing.pause()
            script.answers["GET /octo/api/printer"] = (200, PRINTER)
            script.answers["GET /octo/api/job"] = (200, {"progress": {"completion": 100.0}})

    assert printing.print_file(job, watch).ending is Ending.FINISHED


def test_a_print_that_nobody_can_watch_any_more_is_cancelled_and_cooled(
    printing: OctoPrintLink, script: Script, job: Path
) -> None:
    def watch(_status: PrinterStatus) -> None:
        script.answers["GET /octo/api/job"] = (500, {})

    assert printing.print_file(job, watch).ending is Ending.FAILED
    assert script.asked[-2:] == ["POST /octo/api/job", "POST /octo/api/printer/command"]
    assert script.commands == COLD


def test_somebody_elses_print_is_left_alone(printing: OctoPrintLink, script: Script, job: Path) -> None:
    script.answers["POST /octo/api/files/local/"] = (409, {})
    assert printing.print_file(job).ending is Ending.FAILED
    assert "POST /octo/api/job" not in script.asked
    assert script.commands == []


def test_an_emergency_stop_waits_for_no_poll(printing: OctoPrintLink, script: Script, job: Path) -> None:
    def watch(_status: PrinterStatus) -> None:
        printing.emergency_stop()
        assert script.commands == ["M112"]
        script.answers["GET /octo/api/printer"] = (200, {"state": {"text": "Offline", "flags": {"error": True}}})

    assert printing.print_file(job, watch).ending is Ending.FAILED


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ({"printing": True, "operational": True, "cancelling": True}, PrinterState.CANCELLING),
        ({"printing": True, "operational": True}, PrinterState.PRINTING),
        ({"paused": True, "operational": True}, PrinterState.PAUSED),
        ({"operational": True, "ready": True}, PrinterState.READY),
        ({"closedOrError": True}, PrinterState.OFFLINE),
        ({}, PrinterState.OFFLINE),
    ],
)
def test_states(url: str, script: Script, flags: dict[str, bool], state: PrinterState) -> None:
    link = OctoPrintLink(url, "key")
    link.connect()
    script.answers["GET /octo/api/printer"] = (200, {"state": {"text": "", "flags": flags}})
    assert link.status().state is state


def test_the_key_is_never_shown_to_a_stranger(url: str, script: Script) -> None:
    OctoPrintLink(url, "key").connect()
    assert script.keys[0] is None  # the first question asks whether the server is open
    assert set(script.keys[1:]) == {"key"}


def test_a_public_address_needs_tls() -> None:
    with pytest.raises(PrinterError, match="without TLS"):
        refuse_public_plain_http("http://8.8.8.8/")
    refuse_public_plain_http("https://8.8.8.8/")
    refuse_public_plain_http("http://192.168.1.7:5000/")


@pytest.mark.parametrize("address", ["octopi.local", "ftp://octopi.local", "http://"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="not the address of a server"):
        OctoPrintLink(address, "key")
