"""Servers that misbehave on the wire, for each way that asks over HTTP."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from printprep.errors import ConnectionLost, InputError, PrinterError, ReplyTimeout
from printprep.printers.asking import ServerAddress, understood, within
from printprep.printers.link import PrinterLink
from printprep.printers.moonraker import MoonrakerLink, read_objects
from printprep.printers.octoprint import OctoPrintLink
from printprep.printers.octoprint_key import ask_for_key
from printprep.printers.octoprint_session import Session
from printprep.printers.prusalink import PrusaLinkLink, read_status
from printprep.printers.push import Push
from printprep.printers.sdcp import SdcpLink, read_board_status
from printprep.printers.upload import Counted
from printprep.printers.web import Web

KEY = "a-key-that-nobody-sees"
LINKS: dict[str, Callable[[str], PrinterLink]] = {
    "octoprint": lambda url: OctoPrintLink(url, KEY),
    "moonraker": lambda url: MoonrakerLink(url, KEY),
    "prusalink": lambda url: PrusaLinkLink(url, KEY),
}
WORDS = (
    *("webhooks", "print_stats", "virtual_sdcard", "extruder", "heater_bed", "state", "filename", "progress", "target"),
    *("printer", "job", "id", "status_printer", "message", "temp_bed", "temp_nozzle", "target_nozzle"),
    *("CurrentStatus", "PrintInfo", "Status", "ErrorNumber", "CurrentLayer", "TotalLayer", "Filename"),
)
SELF_SIGNED = """
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglDe0vj+YvCdTfhCq
Mv8ErA1acaZHsyU/GjGi1IyYY22hRANCAASKCNxlL/0h5xrow2DeNovk+LW8RC7i
5H1tuHaL/Rydp8aIDh6A5sUx9Tyi+6ET/HgPT5hcluzSLlfZp2J9U+cW
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBjzCCATagAwIBAgIUd43pBBh292ObJbQSfy8G76fInYQwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjIwMDY1MFoYDzIxMjYxMDI5
MjAwNjUwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASKCNxlL/0h5xrow2DeNovk+LW8RC7i5H1tuHaL/Rydp8aIDh6A5sUx
9Tyi+6ET/HgPT5hcluzSLlfZp2J9U+cWo2QwYjAdBgNVHQ4EFgQUVNt+V2dT4I6m
Zhaudi2gzLMmcq4wHwYDVR0jBBgwFoAUVNt+V2dT4I6mZhaudi2gzLMmcq4wDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0cAMEQC
ICig9aD5KpnBB8aC6uW8efTffFSGs/FAijBPg/DCxKZkAiA1QRZM/Vjv1zxwIll6
eRNawmuX9alR5wSfQNYzHhWeSw==
-----END CERTIFICATE-----
"""  # of nobody, for 127.0.0.1, made for this test


@pytest.fixture(params=LINKS)
def link_to(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], PrinterLink]:
    monkeypatch.setattr("printprep.printers.asking.RETRIES", 0)
    return LINKS[request.param]


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None], context: ssl.SSLContext | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(OSError):
                answer(self)

        do_POST = do_GET  # noqa: N815 - the name http.server looks for

        def log_message(self, format: str, *args: object) -> None: ...

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None: ...

    with Quiet(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
        server.shutdown()


def told(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Callable[..., None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        # whoever has no key is sent away, as by every server that is to be used
        known = handler.headers.get("X-Api-Key") == KEY
        handler.send_response(status if known else 403)
        for key, value in (headers or {}).items():
            handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (told(200, b"<html>a router</html>"), "not in JSON"),
        (told(200, b"[1, 2]"), "unknown way"),
        (told(302, headers={"Location": "http://elsewhere.invalid/"}), "redirects to http://elsewhere.invalid/"),
        (told(401), "refuses the key"),
        (told(404), "address complete"),
        (told(500), "HTTP 500"),
    ],
)
def test_a_strange_answer_is_an_error_of_ours(
    link_to: Callable[[str], PrinterLink], answer: Callable[..., None], words: str
) -> None:
    with serving(answer) as url, pytest.raises(PrinterError, match=words) as raised:
        link_to(url).connect()
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("spoilt", [f"{KEY}\n", f" {KEY}", f"{KEY}\r\nHost: elsewhere", f"{KEY}\u2019"])
@pytest.mark.parametrize("kind", [OctoPrintLink, MoonrakerLink, PrusaLinkLink])
def test_a_key_that_no_header_holds_is_refused_and_not_shown(
    kind: Callable[[str, str], PrinterLink], spoilt: str
) -> None:
    with serving(told(200)) as url, pytest.raises(InputError, match="copy it again") as raised:
        kind(url, spoilt).connect()
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"result": 5, "storage_list": 5, "server": 5}',
        b'{"result": {"klippy_state": "ready", "objects": 5}, "storage_list": [5], "text": "x"}',
        b'{"storage_list": [{"path": "/usb", "available": true}], "printer": {"state": "IDLE", "temp_bed": "hot"}}',
        b'{"storage_list": [{"path": "/usb", "available": true}], "printer": 5, "state": {"flags": 5}}',
        b"{}",
    ],
)
def test_an_answer_of_another_shape_is_an_error_of_ours(link_to: Callable[[str], PrinterLink], body: bytes) -> None:
    with serving(told(200, body)) as url, pytest.raises(PrinterError):
        link_to(url).connect()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner),
    max_leaves=12,
)
READERS: list[Callable[[Any], object]] = [
    lambda told: read_objects(told, "ours.gcode"),
    lambda told: read_status(told, "http://here"),
    read_board_status,
]


@pytest.mark.parametrize("read", READERS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a machine that is busy
@given(message=st.dictionaries(st.sampled_from(WORDS), JSON))
def test_whatever_a_server_says_is_read_or_a_printer_error(
    read: Callable[[Any], object], message: dict[str, object]
) -> None:
    with suppress(PrinterError), understood("http://here", "anything"):
        read(message)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    link_to: Callable[[str], PrinterLink], tmp_path: Path
) -> None:
    (tmp_path / "both.pem").write_text(SELF_SIGNED.strip(), encoding="ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    with serving(told(200, b"{}"), context) as url, pytest.raises(ConnectionLost, match="certificate"):
        link_to(url).connect()


def test_an_answer_that_trickles_for_ever_is_not_waited_for(
    link_to: Callable[[str], PrinterLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("printprep.printers.asking.ANSWER_TIMEOUT_S", 0.3)
    over = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not over.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    with serving(trickle) as url:
        with pytest.raises(ReplyTimeout, match="to the end"):
            link_to(url).connect()
        over.set()


def test_headers_that_trickle_are_not_waited_for(
    link_to: Callable[[str], PrinterLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("printprep.printers.asking.ANSWER_TIMEOUT_S", 0.3)
    over = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not over.wait(0.02):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    with serving(trickle) as url:
        with pytest.raises(ReplyTimeout, match="to the end"):
            link_to(url).connect()
        over.set()


def test_a_server_that_answers_strangers_is_refused(link_to: Callable[[str], PrinterLink]) -> None:
    def welcome(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    with serving(welcome) as url, pytest.raises(PrinterError, match="answers without a key"):
        link_to(url).connect()


def test_a_public_address_without_tls_is_refused(link_to: Callable[[str], PrinterLink]) -> None:
    with pytest.raises(PrinterError, match="without TLS"):
        link_to("http://8.8.8.8").connect()
    with pytest.raises(PrinterError, match="without TLS"):
        SdcpLink("http://8.8.8.8", allow_insecure=True).connect()
    with pytest.raises(PrinterError, match="without TLS"):
        ask_for_key("http://8.8.8.8")


@pytest.mark.parametrize("url", ["octopi.local", "ftp://a", "http://", "http://a:port", "http://me:secret@a"])
def test_what_is_no_address_is_refused_and_not_repeated_with_its_password(
    link_to: Callable[[str], PrinterLink], url: str
) -> None:
    with pytest.raises(InputError) as raised:
        link_to(url)
    assert "secret" not in str(raised.value)


def test_a_server_without_application_keys_says_how_to_make_one() -> None:
    def none(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(404)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with serving(none) as url, pytest.raises(PrinterError, match="gives no application keys; make a key"):
        ask_for_key(url)


def test_a_prefix_is_part_of_the_address() -> None:
    address = ServerAddress.of("https://lab.example:8443/octo/")
    assert (address.url, address.origin) == ("https://lab.example:8443/octo", "https://lab.example:8443")
    assert address.socket_url == "wss://lab.example:8443/octo"


def test_a_fault_of_the_question_is_the_askers() -> None:
    def question() -> int:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        within(5.0, "here", question)
    assert within(5.0, "here", lambda: 7) == 7


def test_a_push_socket_to_a_server_without_one_is_connection_lost() -> None:
    with serving(told(404)) as url, pytest.raises(ConnectionLost):
        Push(url.replace("http", "ws"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectionLost):
        Push(f"ws://127.0.0.1:{port}")


def test_an_answer_without_an_end_is_cut_off(
    link_to: Callable[[str], PrinterLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("printprep.printers.asking.MOST_BYTES", 1 << 20)

    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200 if handler.headers.get("X-Api-Key") == KEY else 403)
        handler.end_headers()
        for _ in range(1 << 10):
            handler.wfile.write(b" " * (1 << 16))

    with serving(flood) as url, pytest.raises(PrinterError, match="more than 1 MiB"):
        link_to(url).connect()


def test_an_upload_whose_answer_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("printprep.printers.asking.UPLOAD_TIMEOUT_S", 0.3)
    over = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers["Content-Length"]))
        handler.send_response(201)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not over.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    with serving(trickle) as url:
        address, body = ServerAddress.of(url), Counted(BytesIO(b"G28\n"), 4)
        with pytest.raises(ReplyTimeout, match="to the end"):
            Web(address, "PrusaLink").ask("POST", "/upload", content=body, headers={"Content-Length": "4"})
        with Session(address) as session, pytest.raises(ReplyTimeout, match="to the end"):
            session.post(f"{url}/upload", files={"file": ("a.gcode", BytesIO(b"G28\n"))})
        over.set()
