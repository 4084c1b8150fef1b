"""A resin printer whose board speaks SDCP, the Smart Device Control Protocol.

Written from its published text (version 3.0.0, CBD Technology, June 2024). All but uploads goes over one websocket,
where requests carry a number that their answers repeat. The protocol knows no key: whoever reaches the board may drive
it, so it belongs into a network of its own, and this link wants to be told that it is.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from printprep.errors import ConnectionLost, InputError, PrinterError, ReplyTimeout
from printprep.printers.asking import CONNECT_TIMEOUT_S, Busy, ServerAddress, refuse_public_plain_http
from printprep.printers.link import Ending, Identity, OnProgress, PrinterState, PrinterStatus, PrintOutcome, unwatched
from printprep.printers.look import Look
from printprep.printers.push import Message, Push
from printprep.printers.upload import OnSent, Upload, form
from printprep.printers.web import Web
from printprep.printers.weblink import WebLink

PORT: Final = 3030
DISCOVERY_PORT: Final = 3000
ANSWER_S: Final = 10.0
PIECE_BYTES: Final = 1 << 20
STATUS, ATTRIBUTES, START, PAUSE, STOP, GO_ON, DELETE, DETAILS = 0, 1, 128, 129, 130, 131, 259, 321

_PRINT_STATES: Final = {
    **dict.fromkeys((1, 2, 3, 4, 10), PrinterState.PRINTING),  # homing, down, light, up, checking the file
    5: PrinterState.PAUSED,
    6: PrinterState.PAUSED,
    7: PrinterState.CANCELLING,
}
_ENDINGS: Final = {8: Ending.CANCELLED, 9: Ending.FINISHED}
_NOT_STARTED: Final = {
    1: "is busy",
    2: "does not find the file that was uploaded",
    3: "read other bytes than were sent",
    4: "cannot read the file",
    5: "has another panel than the file was made for",
    6: "does not know the file's format",
    7: "is another machine than the file was made for",
}
_NOT_STORED: Final = {-1: "a place before its start", -2: "a place out of order", -3: "a name it cannot write"}
_CAUSES: Final = {
    1: "too hot",
    3: "little resin is left",
    4: "more resin is needed than the vat holds",
    5: "no resin",
    6: "something lies in the vat",
    8: "the part came off the plate",
    10: "the panel does not answer",
    12: "its USB drive was pulled",
    18: "something is still on the plate",
    20: "a motor moved wrongly",
    24: "the file is damaged",
}


class SdcpLink(WebLink):
    """A resin printer by SDCP; see :class:`~printprep.printers.link.PrinterLink`.

    Parameters
    ----------
    url
        ``http://192.168.1.7``; the port is 3030 where none is said.
    mainboard
        Id of the board; None: it is asked by the protocol's discovery.
    settings
        Of :class:`~printprep.printers.served.ServedLink`; ``allow_insecure``: the network is trusted, since the
        protocol asks nobody for a key.
    """

    kind = "SDCP"
    untunable = "SDCP has no commands for it; use the printer's own screen"

    def __init__(self, url: str, *, mainboard: str | None = None, **settings: Any) -> None:
        named = ServerAddress.of(url)
        super().__init__(named.url if urlsplit(named.url).port else f"{named.origin}:{PORT}{named.prefix}", **settings)
        self._named = mainboard
        self._board = ""
        self._socket: Push | None = None
        self._talking = threading.RLock()
        self._attributes: Mapping[str, Any] = {}
        self._told: Mapping[str, Any] = {}  # the last status
        self._task_before: object = None  # whose end the board still remembers
        self._began = False

    # Connection

    def connect(self) -> Identity:
        """Find the board, open its websocket, ask what it is and how it is."""
        self.close()
        refuse_public_plain_http(self.url)
        if not self._allow_insecure:
            raise PrinterError(
                f"{self.url}: SDCP asks nobody for a key, so anybody on its network may drive the printer; "
                "say --allow-insecure if nobody else is on it"
            )
        self._board = self._named or discover(str(urlsplit(self.url).hostname))
        self._web = self._open(known=True)
        try:
            self._dial()
            self._command(ATTRIBUTES)
            self._wait_for(lambda: bool(self._attributes), "its attributes")
            status = self._seen(None).status
        except PrinterError:
            self.close()
            raise
        if status.state is PrinterState.OFFLINE:
            self.close()
            raise ConnectionLost(f"{self.url} says nothing of its state")
        told = self._attributes
        name = " ".join(str(told.get(key, "")) for key in ("BrandName", "MachineName")).strip()
        self._identity = Identity(firmware=name or "SDCP", version=str(told.get("FirmwareVersion", "")))
        return self._identity

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._attributes, self._told = {}, {}
        super().close()

    def emergency_stop(self) -> str:
        """Stop, which is all that SDCP can; the error says so."""
        self._only_cancel()

    def print_file(self, path: Path, on_progress: OnProgress = unwatched) -> PrintOutcome:
        """Print a file of a kind that the board reads."""
        kinds = [str(kind).lower().lstrip(".") for kind in self._attributes.get("SupportFileType") or []]
        kind = path.suffix.lower().lstrip(".")
        if kinds and kind not in kinds:
            raise InputError(f"{path.name}: {self.url} prints {', '.join(kinds)}, not {kind or 'what has no suffix'}")
        return super().print_file(path, on_progress)

    # What served.py asks for

    def _open(self, *, known: bool) -> Web:  # noqa: ARG002 - there is no key
        return Web(self._address, "an SDCP board")

    def _holds_layers(self, _path: Path) -> bool:
        return True

    def _store(self, upload: Upload, on_sent: OnSent) -> str:
        free = self._attributes.get("RemainingMemory")
        if isinstance(free, int) and 0 < free < upload.size:
            raise PrinterError(f"{self.url} has no room for {upload.size} bytes ({free} left); delete old files")
        transfer = uuid.uuid4().hex
        for offset in range(0, upload.size, PIECE_BYTES):
            piece = upload.stream.read(PIECE_BYTES)
            fields = {"S-File-MD5": upload.md5, "Check": "1", "Offset": str(offset), "Uuid": transfer}
            fields["TotalSize"] = str(upload.size)
            body, headers = form(upload.name, BytesIO(piece), len(piece), field="File", fields=fields)
            answer = self._asked.told("POST", "/uploadFile/upload", content=body, headers=headers)
            if answer.get("success") is not True:
                raise PrinterError(f"{self.url} does not store the file: {_not_stored(answer)}")
            on_sent(offset + len(piece), upload.size)
        return f"/local/{upload.name}"

    def _start(self, place: str) -> None:
        self._refresh()
        self._task_before, self._began = self._print_info().get("TaskId"), False
        name = place.rpartition("/")[2]
        code = self._command(START, {"Filename": name, "StartLayer": 0}, refused=False).get("Ack")
        if code:
            kind = Busy if code == 1 else PrinterError
            raise kind(f"{self.url} {_NOT_STARTED.get(int(code), f'does not start (Ack {code})')}")

    def _hold(self) -> None:
        self._command(PAUSE)

    def _go_on(self) -> None:
        self._command(GO_ON)

    def _end(self) -> None:
        self._command(STOP)

    def _cool(self) -> None:
        """Nothing: the board switches its light off by itself."""

    def _remove(self, place: str) -> None:
        self._command(DELETE, {"FileList": [place], "FolderList": []})

    def _look(self, place: str | None) -> Look:
        self._refresh()
        seen = read_board_status(self._told)
        if place is None:
            return replace(seen, ending=None)
        told = self._print_info()
        ours = str(told.get("Filename", "")).rpartition("/")[2] == place.rpartition("/")[2]
        if ours and seen.status.state is not PrinterState.READY:
            self._began = True
        elif not self._began and (not ours or told.get("TaskId") == self._task_before):
            return replace(seen, ending=None, done=None, layer=None)  # the board remembers its last print
        if seen.ending is Ending.CANCELLED and not self._cancelled:
            why = self._cause(told.get("TaskId"))
            if why:
                return replace(seen, ending=Ending.FAILED, why=why, ours=ours)
        return replace(seen, ours=ours)

    def _cause(self, task: object) -> str:
        """Why a print stopped by itself; empty: somebody stopped it at the printer."""
        listed: list[Mapping[str, Any]] = []
        with suppress(PrinterError):
            listed = self._command(DETAILS, {"Id": [task]}).get("HistoryDetailList") or []
        if not listed or listed[0].get("TaskStatus") != 2:
            return ""
        reason = int(listed[0].get("ErrorStatusReason") or 0)
        return _CAUSES.get(reason, f"ErrorStatusReason {reason}")

    # The websocket

    def _dial(self) -> Push:
        if self._socket is not None:
            self._socket.close()
        self._socket = Push(f"{self._address.socket_url}/websocket", keep_alive="ping")
        return self._socket

    def _print_info(self) -> Mapping[str, Any]:
        info = self._told.get("PrintInfo")
        return info if isinstance(info, dict) else {}

    def _refresh(self) -> None:
        """Have the board report its status, and read it."""
        with self._talking:
            self._told = {}
            self._command(STATUS)
            self._wait_for(lambda: bool(self._told), "its status")

    def _command(self, number: int, data: Mapping[str, object] | None = None, *, refused: bool = True) -> Message:
        """Send a command; the data of its answer. ``refused``: an answer other than 0 is an error."""
        _ = self._asked
        with self._talking:
            push = self._socket if self._socket is not None and self._socket.alive else self._dial()
            request = uuid.uuid4().hex
            inner = {"Cmd": number, "Data": dict(data or {}), "RequestID": request, "MainboardID": self._board}
            inner |= {"TimeStamp": int(time.time()), "From": 0}
            push.send({"Id": uuid.uuid4().hex, "Data": inner, "Topic": f"sdcp/request/{self._board}"})
            answers: list[Message] = []
            self._wait_for(lambda: bool(answers), f"command {number}", request, answers)
        answer = answers[0]
        if refused and answer.get("Ack"):
            raise Busy(f"{self.url} refuses command {number} now (Ack {answer['Ack']})")
        return answer

    def _wait_for(
        self, done: Callable[[], bool], what: str, request: str = "", answers: list[Message] | None = None
    ) -> None:
        end_s = time.monotonic() + ANSWER_S
        while not done():
            push = self._socket
            if push is None or not push.alive:
                raise ConnectionLost(f"{self.url} hung up{f' ({push.fault})' if push else ''}; is the printer on?")
            if not push.wait(end_s - time.monotonic()):
                raise ReplyTimeout(f"{self.url} does not answer {what} in {ANSWER_S:g} s")
            for message in push.take():
                self._hear(message, request, answers)

    def _hear(self, message: Message, request: str, answers: list[Message] | None) -> None:
        """Take in one message; boards differ in whether a report stands in ``Data``."""
        inner = message.get("Data") if isinstance(message.get("Data"), dict) else {}
        assert isinstance(inner, dict)
        status, attributes = (message.get(key) or inner.get(key) for key in ("Status", "Attributes"))
        if isinstance(status, dict):
            self._told = status
        elif isinstance(attributes, dict):
            self._attributes = attributes
        elif answers is not None and inner.get("RequestID") == request:
            told = inner.get("Data")
            answers.append(told if isinstance(told, dict) else {})


def discover(host: str, *, port: int = DISCOVERY_PORT, timeout_s: float = CONNECT_TIMEOUT_S) -> str:
    """The id of the board at ``host``, by the protocol's discovery: ``M99999`` to UDP port 3000.

    Raises
    ------
    ReplyTimeout
        Nobody answers.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout_s / 3)
        for _ in range(3):  # a datagram may be lost
            with suppress(OSError, ValueError):
                asking.sendto(b"M99999", (host, port))
                told = json.loads(asking.recv(1 << 16))
                board = told["Data"]["MainboardID"] if isinstance(told, dict) else ""
                if isinstance(board, str) and board:
                    return board
    raise ReplyTimeout(f"{host} does not say which board it is (UDP port {port}); is it an SDCP printer, and on?")


def read_board_status(told: Mapping[str, Any]) -> Look:
    """What a status report says."""
    current = told.get("CurrentStatus")
    machine = set(current) if isinstance(current, list) else {current}
    info = told.get("PrintInfo") if isinstance(told.get("PrintInfo"), dict) else {}
    assert isinstance(info, dict)
    code, fault = info.get("Status"), int(info.get("ErrorNumber") or 0)
    idle = PrinterState.OFFLINE if current is None else PrinterState.READY
    state = _PRINT_STATES.get(code, PrinterState.PRINTING if 1 in machine else idle) if isinstance(code, int) else idle
    if 0 in machine and state is PrinterState.PRINTING:
        state = PrinterState.READY
    total, layer = int(info.get("TotalLayer") or 0), int(info.get("CurrentLayer") or 0)
    return Look(
        status=PrinterStatus(state=state),
        done=min(1.0, layer / total) if total else None,
        layer=layer,
        ending=Ending.FAILED if fault else _ENDINGS.get(code) if isinstance(code, int) else None,
        why=_FAULTS.get(fault, f"ErrorNumber {fault}") if fault else "",
    )


_FAULTS: Final = {
    1: "it read other bytes than were sent",
    2: "it cannot read the file",
    3: "the file is for another panel",
    4: "it does not know the file's format",
    5: "the file is for another machine",
}


def _not_stored(answer: Mapping[str, Any]) -> str:
    codes = [message.get("message") for message in answer.get("messages") or [] if isinstance(message, dict)]
    words = [_NOT_STORED[code] if code in _NOT_STORED else str(code) for code in codes if isinstance(code, int | str)]
    return ", ".join(words) or str(answer.get("code"))
