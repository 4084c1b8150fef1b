"""A websocket that a thread of its own reads, with a descriptor to select on."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import websocket

from printprep.errors import ConnectionLost, ReplyTimeout
from printprep.printers.asking import CONNECT_TIMEOUT_S

KEPT: Final = 1000  # messages that nobody took; older ones are forgotten
SILENCE_S: Final = 20.0  # after which the other end is asked whether it is there

Message = Mapping[str, Any]


class Push:
    """A connection that stays open.

    Parameters
    ----------
    url
        ``ws://`` or ``wss://``.
    headers
        Of the request that opens it.
    keep_alive
        What to send after :data:`SILENCE_S` without a word; None: a websocket's own ping.

    Raises
    ------
    ConnectionLost
        Nobody is there, or whoever is there speaks no websocket.
    ReplyTimeout
        Nobody answers.
    """

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None, keep_alive: str | None = None) -> None:
        self._url = url
        self._keep_alive = keep_alive
        self._messages: deque[Message] = deque(maxlen=KEPT)
        self._closed = False
        self.fault = ""
        try:
            self._socket = websocket.create_connection(url, timeout=CONNECT_TIMEOUT_S, header=dict(headers or {}))
        except websocket.WebSocketTimeoutException as exc:
            raise ReplyTimeout(f"{url} does not answer in {CONNECT_TIMEOUT_S:g} s") from exc
        except (OSError, websocket.WebSocketException, ValueError) as exc:
            raise ConnectionLost(f"{url} cannot be opened ({exc}); check the address") from exc
        self._socket.settimeout(SILENCE_S)
        self.descriptor, self._wake = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._wake, False)
        self._lock = threading.Lock()  # of the pipe, against closing it while the reader writes
        self._sending = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="printprep-push", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether the other end was there lately."""
        return not self._closed and not self.fault

    def send(self, message: object) -> None:
        """Send JSON, or a text as it is."""
        try:
            with self._sending:
                self._socket.send(message if isinstance(message, str) else json.dumps(message))
        except (OSError, websocket.WebSocketException) as exc:
            self.fault = self.fault or str(exc) or type(exc).__name__
            raise ConnectionLost(f"{self._url} is closed ({exc})") from exc

    def wait(self, seconds: float) -> bool:
        """Whether something came, or the connection ended, within ``seconds``."""
        ready, _, _ = select.select([self.descriptor], [], [], max(seconds, 0.0))
        return bool(ready)

    def take(self) -> list[Message]:
        """All that came since the last time."""
        with suppress(BlockingIOError):
            os.read(self.descriptor, 4096)
        taken = []
        while self._messages:
            taken.append(self._messages.popleft())
        return taken

    def close(self) -> None:
        """Hang up; allowed more than once."""
        if self._closed:
            return
        self._closed = True
        with suppress(OSError):
            if self._socket.sock is not None:  # it may be gone already
                self._socket.sock.shutdown(socket.SHUT_RDWR)  # wakes the reader
        self._reader.join(CONNECT_TIMEOUT_S)
        with suppress(OSError, websocket.WebSocketException):
            self._socket.shutdown()  # type: ignore[no-untyped-call]
        with self._lock:
            os.close(self.descriptor)
            os.close(self._wake)
            self._wake = -1

    def _read(self) -> None:
        asked = False
        while not self.fault and not self._closed:
            try:
                text = self._socket.recv()
                asked = False
            except websocket.WebSocketTimeoutException:
                if asked:
                    self._fail(f"silent for {2 * SILENCE_S:g} s")
                    return
                asked = self._poke()
                continue
            except (OSError, websocket.WebSocketException) as exc:
                self._fail(str(exc) or type(exc).__name__)
                return
            if not text:
                if not self._socket.connected:
                    self._fail("closed by the other end")
                continue
            with suppress(ValueError):  # what is not JSON is nothing to us, such as a pong
                message = json.loads(text)
                if isinstance(message, dict):
                    self._messages.append(message)
                    self._ring()

    def _poke(self) -> bool:
        try:
            with self._sending:
                if self._keep_alive is None:
                    self._socket.ping()
                else:
                    self._socket.send(self._keep_alive)
        except (OSError, websocket.WebSocketException) as exc:
            self._fail(str(exc) or type(exc).__name__)
        return True

    def _fail(self, why: str) -> None:
        self.fault = self.fault or why
        self._ring()

    def _ring(self) -> None:
        with self._lock, suppress(BlockingIOError):
            if self._wake >= 0:
                os.write(self._wake, b"!")


def opened(connect: Callable[[], Push]) -> Push | None:
    """A push socket, or None where there is none to be had: then the server is polled."""
    try:
        return connect()
    except (ConnectionLost, ReplyTimeout):
        return None
