"""An SDCP board played on loopback: discovery, uploads in pieces, commands and reports over a websocket.

Messages, codes and answers of the published text, version 3.0.0; a board prints a layer each tick.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BOARD = "000000000001d354"
HANDSHAKE = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # of RFC 6455
TICK_S = 0.02


class SdcpBoard:
    """One printer; ``shown`` are the layers that it lit."""

    def __init__(self, *, kinds: tuple[str, ...] = ("CTB", "GOO"), layers: int = 40) -> None:
        self.kinds, self.layers = kinds, layers
        self.files: dict[str, bytes] = {}
        self.shown: list[int] = []
        self.status: dict[str, Any] = {}
        self.start_ack = 0
        self.upload_error: int | None = None
        self.history: dict[str, dict[str, Any]] = {}
        self.asked: list[int] = []
        self._sockets: list[socket.socket] = []
        self._lock = threading.RLock()
        self._parts: dict[str, bytes] = {}
        self._task = 0
        self._over = False
        info = {"Status": 0, "CurrentLayer": 0, "TotalLayer": 0, "Filename": "", "ErrorNumber": 0, "TaskId": ""}
        self.status = {"CurrentStatus": [0], "PreviousStatus": 0, "PrintInfo": info}

    @property
    def info(self) -> dict[str, Any]:
        told = self.status["PrintInfo"]
        assert isinstance(told, dict)
        return told

    def __enter__(self) -> SdcpBoard:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.finder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.finder.bind(("127.0.0.1", 0))
        for work in (lambda: self._server.serve_forever(0.02), self._work, self._be_found):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(self, *_what: object) -> None:
        self._over = True
        self.hang_up()
        self._server.shutdown()
        self._server.server_close()
        self.finder.close()

    def hang_up(self) -> None:
        """Drop every websocket, as a board does that lost its network."""
        for connection in self._sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def _be_found(self) -> None:
        with suppress(OSError):
            while True:
                asked, sender = self.finder.recvfrom(100)
                if asked == b"M99999":
                    told = {"Id": "x", "Data": {"MainboardID": BOARD, "ProtocolVersion": "V3.0.0"}}
                    self.finder.sendto(json.dumps(told).encode(), sender)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        board = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with board._lock:
                    told = json.dumps(board.take(self.headers["Content-Type"], body)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def do_GET(self) -> None:
                accept = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + HANDSHAKE).digest()
                self.send_response(101)
                self.send_header("Upgrade", "websocket")
                self.send_header("Connection", "Upgrade")
                self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept).decode())
                self.end_headers()
                board._sockets.append(self.connection)
                self.close_connection = True
                with suppress(OSError, struct.error):
                    while True:
                        board._hear(self.connection, self._frame())

            def _frame(self) -> str:
                first, second = struct.unpack("!BB", self.rfile.read(2))
                length = second & 127
                if length == 126:
                    (length,) = struct.unpack("!H", self.rfile.read(2))
                mask = self.rfile.read(4)
                data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(length)))
                if first & 15 == 8:
                    raise OSError("closed by the client")
                return data.decode()

            def log_message(self, format: str, *args: object) -> None: ...

        return Handler

    def take(self, kind: str, body: bytes) -> dict[str, Any]:
        """One piece of an upload."""
        mark = kind.partition("boundary=")[2].encode()
        fields: dict[str, bytes] = {}
        name = ""
        for part in body.split(b"--" + mark)[1:-1]:
            head, _, data = part.partition(b"\r\n\r\n")
            found = re.search(rb'name="([^"]+)"(?:; filename="([^"]+)")?', head)
            assert found is not None
            fields[found[1].decode()] = data[:-2]
            name = found[2].decode() if found[2] else name
        if self.upload_error is not None:
            failed = {"field": "common_field", "message": self.upload_error}
            return {"code": "111111", "messages": [failed], "data": None, "success": False}
        had = self._parts.get(fields["Uuid"].decode(), b"")
        if int(fields["Offset"]) != len(had):
            wrong = {"field": "common_field", "message": -2}
            return {"code": "111111", "messages": [wrong], "data": None, "success": False}
        self._parts[fields["Uuid"].decode()] = had = had + fields["File"]
        if len(had) == int(fields["TotalSize"]):
            assert hashlib.md5(had, usedforsecurity=False).hexdigest() == fields["S-File-MD5"].decode()
            self.files[name] = had
        return {"code": "000000", "messages": None, "data": {}, "success": True}

    # The websocket

    def _hear(self, connection: socket.socket, text: str) -> None:
        if text == "ping":
            self._send(connection, "pong")
            return
        request = json.loads(text)
        asked = request["Data"]
        assert request["Topic"] == f"sdcp/request/{BOARD}"
        assert asked["MainboardID"] == BOARD
        with self._lock:
            self.asked.append(asked["Cmd"])
            answer = self._do(asked["Cmd"], asked["Data"])
            told = {key: asked[key] for key in ("Cmd", "RequestID", "MainboardID", "TimeStamp")}
            reply = {"Id": request["Id"], "Data": {**told, "Data": answer}, "Topic": f"sdcp/response/{BOARD}"}
            self._send(connection, json.dumps(reply))
            if asked["Cmd"] in (0, 1):
                self._report(connection, asked["Cmd"])

    def _report(self, connection: socket.socket, command: int) -> None:
        attributes = {
            "BrandName": "ELEGOO",
            "MachineName": "Saturn 4",
            "FirmwareVersion": "V1.0.0",
            "Resolution": "3840x2400",
            "SupportFileType": list(self.kinds),
            "RemainingMemory": 1 << 30,
        }
        told = {"Attributes": attributes} if command else {"Status": self.status}
        topic = "attributes" if command else "status"
        self._send(connection, json.dumps({**told, "MainboardID": BOARD, "Topic": f"sdcp/{topic}/{BOARD}"}))

    def _send(self, connection: socket.socket, text: str) -> None:
        data = text.encode()
        size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack("!H", len(data))
        with suppress(OSError):
            connection.sendall(b"\x81" + size + data)

    def _do(self, command: int, data: dict[str, Any]) -> dict[str, Any]:
        info = self.info
        if command == 128:
            if self.start_ack:
                return {"Ack": self.start_ack}
            if self.status["CurrentStatus"] != [0]:
                return {"Ack": 1}
            if data["Filename"] not in self.files:
                return {"Ack": 2}
            self._task += 1
            info.update(Status=10, CurrentLayer=0, TotalLayer=self.layers, ErrorNumber=0, TaskId=f"task-{self._task}")
            info["Filename"] = data["Filename"]
            self.status["CurrentStatus"] = [1]
        elif command in (129, 130, 131):
            wanted = {129: (1, 2, 3, 4), 130: (1, 2, 3, 4, 6, 10), 131: (6,)}[command]
            if info["Status"] not in wanted:
                return {"Ack": 1}
            info["Status"] = {129: 5, 130: 7, 131: 3}[command]
        elif command == 259:
            for path in data["FileList"]:
                self.files.pop(path.removeprefix("/local/"), None)
        elif command == 321:
            return {"Ack": 0, "HistoryDetailList": [self.history[i] for i in data["Id"] if i in self.history]}
        return {"Ack": 0}

    def fail(self, reason: int) -> None:
        """End the print for a reason of its own."""
        with self._lock:
            self.history[self.info["TaskId"]] = {"TaskStatus": 2, "ErrorStatusReason": reason}
            self.info["Status"] = 8
            self.status["CurrentStatus"] = [0]

    def _work(self) -> None:
        while not self._over:
            time.sleep(TICK_S)
            with self._lock:
                info = self.info
                code = info["Status"]
                if code in (10, 1):
                    info["Status"] = 3
                elif code == 5:
                    info["Status"] = 6
                elif code == 7:
                    info["Status"], self.status["CurrentStatus"] = 8, [0]
                elif code == 3:
                    info["CurrentLayer"] += 1
                    self.shown.append(info["CurrentLayer"])
                    if info["CurrentLayer"] >= self.layers:
                        info["Status"], self.status["CurrentStatus"] = 9, [0]
