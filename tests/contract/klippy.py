"""Klipper's host as Moonraker sees it: its Unix socket, and a virtual SD card that prints by counting lines.

Played from klippy/webhooks.py (JSON, each message ended by a byte 3), extras/virtual_sdcard.py, print_stats.py and
pause_resume.py of Klipper, commit 84104bb. Moonraker in front of it is the real one.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

END = b"\x03"
ENDPOINTS = [
    *("info", "list_endpoints", "emergency_stop", "gcode/script", "gcode/subscribe_output"),
    *("objects/list", "objects/query", "objects/subscribe"),
    *("pause_resume/pause", "pause_resume/resume", "pause_resume/cancel"),
]
LINES_A_TICK = 30
TICK_S = 0.01


class Klippy:
    """Listens on ``address`` from the start of the block to its end; ``printed`` is every command it ran."""

    def __init__(self, address: Path, gcodes: Path) -> None:
        self.address, self.gcodes = address, gcodes
        self.printed: list[str] = []
        self.status: dict[str, dict[str, Any]] = {}
        self._lock = threading.RLock()
        self._work = threading.Event()
        self._pause = False
        self._over = False
        self._lines: list[str] = []
        self._subscribed: tuple[socket.socket, dict[str, list[str] | None], dict[str, Any]] | None = None
        self._connections: list[socket.socket] = []
        self.reset()

    def reset(self) -> None:
        """As after a restart of Klipper."""
        self.status = {
            "webhooks": {"state": "ready", "state_message": "Printer is ready"},
            "print_stats": {"filename": "", "state": "standby", "message": "", "print_duration": 0.0},
            "virtual_sdcard": {"progress": 0.0, "is_active": False, "file_path": None},
            "pause_resume": {"is_paused": False},
            "display_status": {"progress": 0.0, "message": None},
            "extruder": {"temperature": 22.0, "target": 0.0},
            "extruder1": {"temperature": 22.0, "target": 0.0},
            "heater_bed": {"temperature": 22.0, "target": 0.0},
            "configfile": {"config": {"virtual_sdcard": {"path": str(self.gcodes)}}},
        }
        self._lines = []

    def __enter__(self) -> Klippy:
        self.address.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.address))
        self._listener.listen()
        for work in (self._accept, self._print):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(self, *_what: object) -> None:
        self._over = True
        self._work.set()
        for connection in (self._listener, *self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.address.unlink(missing_ok=True)

    # The socket

    def _accept(self) -> None:
        while not self._over:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        rest = b""
        while True:
            try:
                data = connection.recv(1 << 16)
            except OSError:
                return
            if not data:
                return
            *requests, rest = (rest + data).split(END)
            for request in requests:
                self._answer(connection, json.loads(request))

    def _answer(self, connection: socket.socket, request: dict[str, Any]) -> None:
        try:
            result = self._do(connection, request["method"], request.get("params") or {})
            reply: dict[str, Any] = {"id": request.get("id"), "result": result}
        except RuntimeError as exc:
            reply = {"id": request.get("id"), "error": {"error": "WebRequestError", "message": str(exc)}}
        self._send(connection, reply)

    def _send(self, connection: socket.socket, message: dict[str, Any]) -> None:
        with suppress(OSError):
            connection.sendall(json.dumps(message).encode() + END)

    def _do(self, connection: socket.socket, method: str, params: dict[str, Any]) -> Any:
        with self._lock:
            if method == "info":
                hooks = self.status["webhooks"]
                return {
                    **hooks,
                    "hostname": "bench",
                    "klipper_path": "/nowhere",
                    "python_path": "/nowhere",
                    "process_id": os.getpid(),
                    "software_version": "v0.13.0-played",
                }
            if method == "list_endpoints":
                return {"endpoints": ENDPOINTS}
            if method == "objects/list":
                return {"objects": list(self.status)}
            if method in ("objects/query", "objects/subscribe"):
                if method == "objects/subscribe":
                    self._subscribed = (connection, params["objects"], params.get("response_template") or {})
                return {"eventtime": time.monotonic(), "status": self._chosen(params["objects"])}
            if method == "emergency_stop":
                self._shut_down("Shutdown due to webhooks request")
            elif method == "gcode/script":
                for line in params["script"].splitlines():
                    self._run(line)
            elif method.startswith("pause_resume/"):
                self._run({"pause": "PAUSE", "resume": "RESUME", "cancel": "CANCEL_PRINT"}[method[13:]])
            return {}

    def _chosen(self, objects: dict[str, list[str] | None]) -> dict[str, dict[str, Any]]:
        return {
            name: {key: value for key, value in self.status[name].items() if keys is None or key in keys}
            for name, keys in objects.items()
            if name in self.status
        }

    def tell(self) -> None:
        """Push the state to who subscribed."""
        with self._lock:
            if self._subscribed is not None:
                connection, objects, template = self._subscribed
                params = {"eventtime": time.monotonic(), "status": self._chosen(objects)}
                self._send(connection, {**template, "params": params})

    # G-code

    def _run(self, line: str) -> None:
        if self.status["webhooks"]["state"] != "ready":
            raise RuntimeError(self.status["webhooks"]["state_message"])
        stats, card = self.status["print_stats"], self.status["virtual_sdcard"]
        command, _, rest = line.strip().partition(" ")
        self.printed.append(line.strip())
        if command == "SDCARD_PRINT_FILE":
            if card["is_active"]:
                raise RuntimeError("SD busy")
            name = rest.partition('"')[2].rstrip('"')
            self._lines = (self.gcodes / name).read_text(encoding="ascii").splitlines()
            self._total, self._pause = len(self._lines), False
            stats.update(filename=name, state="standby", message="")
            card.update(progress=0.0, is_active=True)
            self._work.set()
        elif command == "PAUSE":
            self._pause = True
        elif command == "RESUME" and stats["state"] == "paused":
            self._pause = False
            card["is_active"] = True
            self._work.set()
        elif command == "CANCEL_PRINT":
            self._pause, self._lines = True, []
            card.update(is_active=False)
            stats.update(state="cancelled")
        elif command == "TURN_OFF_HEATERS":
            for heater in ("extruder", "extruder1", "heater_bed"):
                self.status[heater]["target"] = 0.0
        elif command in ("M104", "M109"):
            self.status["extruder"]["target"] = float(rest.rpartition("S")[2])
        elif command in ("M140", "M190"):
            self.status["heater_bed"]["target"] = float(rest.rpartition("S")[2])

    def fail(self, why: str) -> None:
        """Shut down as for a fault of its own."""
        with self._lock:
            self._shut_down(why)

    def _shut_down(self, why: str) -> None:
        self._lines, self._pause = [], True
        self.status["webhooks"] = {"state": "shutdown", "state_message": f"{why}\nOnce the issue is corrected, restart"}
        self.status["virtual_sdcard"]["is_active"] = False
        self.status["print_stats"].update(state="error", message=why)
        self.tell()

    def _print(self) -> None:
        """The card's work, some lines each tick."""
        while not self._over:
            self._work.wait()
            self._work.clear()
            while not self._over and self._step():
                time.sleep(TICK_S)
            self.tell()

    def _step(self) -> bool:
        with self._lock:
            stats, card = self.status["print_stats"], self.status["virtual_sdcard"]
            if not card["is_active"]:
                return False
            if self._pause:
                card["is_active"] = False
                stats["state"] = "paused"
                return False
            stats["state"] = "printing"
            batch, self._lines = self._lines[:LINES_A_TICK], self._lines[LINES_A_TICK:]
            for line in batch:
                self._run(line)
            card["progress"] = 1.0 - len(self._lines) / max(self._total, 1)
            if not self._lines:
                card["is_active"] = False
                stats["state"] = "complete"
            self.tell()
            return bool(self._lines)
