"""PrusaLink played by a small server on loopback.

Paths, bodies and status codes of spec/openapi.yaml of Prusa-Link-Web; which state allows what, the digest challenge and
the refusals as in lib/WUI/link_content/prusa_link_api_v1.cpp and nhttp/gcode_upload.cpp of Prusa-Firmware-Buddy; the
types of files that an upload may say it is as in prusa/link/web/files.py of Prusa-Link.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY, USER, PASSWORD = "4xHq2Jv", "maker", "not-secret"
REALM, NONCE = "Printer API", "dcd98b7102dd2f0e"
LINES_A_TICK, LAYERS_A_TICK, TICK_S = 30, 1, 0.01


class PrusaLink:
    """One printer; ``printed`` is every command it ran."""

    def __init__(self, storage: str = "/usb") -> None:
        self.storage = storage
        self.files: dict[str, bytes] = {}
        self.printed: list[str] = []
        self.state = "IDLE"
        self.message = "OK"
        self.job: dict[str, Any] | None = None
        self.targets = {"nozzle": 0.0, "bed": 0.0}
        self.room = 1 << 30
        self.refuses: dict[str, int] = {}  # method and start of a path: status
        self.asked: list[str] = []
        self._number = 0
        self._lines: list[str] = []
        self._lock = threading.RLock()
        self._over = False

    def __enter__(self) -> PrusaLink:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        threading.Thread(target=self._work, daemon=True).start()
        return self

    def __exit__(self, *_what: object) -> None:
        self._over = True
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        printer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                printer.asked.append(f"{self.command} {self.path}")
                if not self._known():
                    self._answer(401, {"title": "401: Unauthorized"}, digest=True)
                    return
                with printer._lock:
                    self._answer(*printer.answer(self.command, self.path, body, dict(self.headers)))

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names http.server looks for

            def _known(self) -> bool:
                if self.headers.get("X-Api-Key") == KEY:
                    return True
                told = dict(re.findall(r'(\w+)="?([^",]+)"?', self.headers.get("Authorization") or ""))
                if told.get("username") != USER:
                    return False
                ha1 = _md5(f"{USER}:{REALM}:{PASSWORD}")
                ha2 = _md5(f"{self.command}:{told['uri']}")
                return bool(told["response"] == _md5(f"{ha1}:{told['nonce']}:{ha2}"))

            def _answer(self, status: int, body: object = None, *, digest: bool = False) -> None:
                data = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                if digest:
                    self.send_header("WWW-Authenticate", f'Digest realm="{REALM}", nonce="{NONCE}"')
                if data:
                    self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None: ...

        return Handler

    def answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, object]:
        for start, status in self.refuses.items():
            if f"{method} {path}".startswith(start):
                return status, {"title": f"{status}", "text": "as the test wants"}
        if path == "/api/version":
            return 200, {"api": "2.0.0", "version": "2.1.2", "text": "PrusaLink", "capabilities": {}}
        if path == "/api/v1/storage":
            stores = [
                {"type": "SDCARD", "path": "/sdcard", "available": False, "read_only": True},
                {"type": "USB", "path": self.storage, "available": True, "read_only": False},
            ]
            return 200, {"storage_list": stores}
        if path == "/api/v1/status":
            return 200, self._status()
        if path == "/api/v1/job":
            return (204, None) if self.job is None else (200, self.job)
        if path.startswith("/api/v1/job/"):
            return self._wish(method, *path.removeprefix("/api/v1/job/").partition("/")[::2])
        if path.startswith(f"/api/v1/files{self.storage}/"):
            return self._file(method, path.rpartition("/")[2], body, headers)
        return 404, {"title": "404: Not Found"}

    def _status(self) -> dict[str, object]:
        printer = {
            "state": self.state,
            "temp_nozzle": 22.0,
            "target_nozzle": self.targets["nozzle"],
            "temp_bed": 22.0,
            "target_bed": self.targets["bed"],
            "status_printer": {"ok": self.message == "OK", "message": self.message},
        }
        told: dict[str, object] = {"printer": printer, "storage": {"path": self.storage, "read_only": False}}
        if self.job is not None:
            told["job"] = {key: self.job[key] for key in ("id", "progress")}
        return told

    def _file(self, method: str, name: str, body: bytes, headers: dict[str, str]) -> tuple[int, object]:
        if method == "PUT":
            if headers.get("Content-Type") not in ("application/octet-stream", "text/x.gcode"):
                return 415, {"text": "Not a GCODE"}
            if len(body) > self.room:
                return 507, {"text": "USB write error or USB full"}
            if name in self.files and headers.get("Overwrite") != "?1":
                return 409, {"text": "File already exists"}
            self.files[name] = body
            return 201, {"name": name, "size": len(body)}
        if name not in self.files:
            return 404, {"title": "404: Not Found"}
        if method == "POST":
            if self.state not in ("IDLE", "READY", "FINISHED", "STOPPED"):
                return 409, {"text": "Can't print right now"}
            self._begin(name)
        elif method == "DELETE":
            if self.job is not None and self.job["file"]["name"] == name and self.state in ("PRINTING", "PAUSED"):
                return 409, {"text": "File is busy"}
            del self.files[name]
        else:
            return 200, {"name": name, "display_name": name, "size": len(self.files[name]), "type": "PRINT_FILE"}
        return 204, None

    def _begin(self, name: str) -> None:
        self._number += 1
        self.job = {"id": self._number, "progress": 0.0, "file": {"name": name, "display_name": name}}
        self.state = "BUSY"
        layered = not name.endswith(".gcode")
        self._lines = ["layer"] * 12 if layered else self.files[name].decode().splitlines()
        self._total, self._step = len(self._lines), LAYERS_A_TICK if layered else LINES_A_TICK

    def _wish(self, method: str, number: str, wish: str) -> tuple[int, object]:
        if self.job is None or number != str(self.job["id"]):
            return 404, {"title": "404: Not Found"}
        allowed = {"pause": ("PRINTING",), "resume": ("PAUSED",), "": ("PRINTING", "PAUSED", "ATTENTION")}
        if self.state not in allowed.get(wish, ()) or (method == "DELETE") is bool(wish):
            return 409, {"text": "Not now"}
        self.state = {"pause": "PAUSED", "resume": "PRINTING", "": "STOPPED"}[wish]
        if not wish:
            self._end()
        return 204, None

    def _end(self) -> None:
        self._lines, self.targets = [], {"nozzle": 0.0, "bed": 0.0}

    def _work(self) -> None:
        while not self._over:
            time.sleep(TICK_S)
            with self._lock:
                if self.state == "BUSY":
                    self.state = "PRINTING"
                elif self.state == "PRINTING" and self.job is not None:
                    self._run()

    def _run(self) -> None:
        batch, self._lines = self._lines[: self._step], self._lines[self._step :]
        for line in batch:
            self.printed.append(line)
            if line.startswith(("M104", "M140")):
                self.targets["nozzle" if line.startswith("M104") else "bed"] = float(line.rpartition("S")[2])
        assert self.job is not None
        self.job["progress"] = 100.0 * (1.0 - len(self._lines) / max(self._total, 1))
        if not self._lines:
            self.state = "FINISHED"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
