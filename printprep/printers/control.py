"""A desk that takes orders from other processes while a print runs: words in `printers/orders.py`.

The socket and its folder are their owner's alone. A thread listens, so that a stop never waits for the printer, nor
for another asker who says nothing; what is to be done is done by a thread of its own, since a server may take a minute.
"""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from printprep.errors import InputError, PrintprepError
from printprep.printers.link import PrinterLink, PrinterState, PrinterStatus
from printprep.printers.orders import ANSWER_S, ORDERS, Answer, desk_path, somebody_at
from printprep.printers.tuning import TuneLimits, read_tuning, tuning_commands

LONGEST: Final = 4096  # bytes of an order
LINGER_S: Final = 10.0  # for one who connects and says nothing


class Desk:
    """Takes orders for one print; use it as a context manager around the print.

    Parameters
    ----------
    name
        Of the printer.
    link
        What prints.
    limits
        Of tuning.
    facts
        What else a status tells: the file, the profile.
    """

    def __init__(
        self, name: str, link: PrinterLink, limits: TuneLimits, facts: Mapping[str, object] | None = None
    ) -> None:
        self.name = name
        self.reached_as = name  # by those who give orders; another name where one of that name prints already
        self._link, self._limits = link, limits
        self._facts = {"name": name, "pid": os.getpid(), "began_s": time.time(), **(facts or {})}
        self._seen = PrinterStatus(state=PrinterState.READY)
        self._do: dict[str, Callable[[Answer], Answer]] = {
            "status": self._status,
            "pause": self._pause,
            "resume": self._resume,
            "cancel": self._cancel,
            "stop": self._stop,
            "tune": self._tune,
        }
        self._selector = selectors.DefaultSelector()
        self._heard: dict[socket.socket, tuple[bytes, float]] = {}
        self._listener: socket.socket | None = None
        self._path = Path()
        self._end_read, self._end_write = -1, -1
        self._thread = threading.Thread(target=self._run, name=f"orders for {name}", daemon=True)

    def see(self, status: PrinterStatus) -> None:
        """Take the newest status; an ``on_progress`` of the print."""
        self._seen = status

    def __enter__(self) -> Self:
        path = desk_path(self.name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if path.parent.stat().st_uid != os.geteuid():
                raise InputError(
                    f"{path.parent} belongs to somebody else; set PRINTPREP_RUNTIME to a folder of your own"
                )
            with _alone_in(path.parent):
                self._listener = self._sit_down(path)
        except OSError as exc:
            raise InputError(
                f"{path} cannot be made ({exc.strerror}), so the print could not be stopped from elsewhere; set "
                "PRINTPREP_RUNTIME to a folder of your own"
            ) from exc
        self._end_read, self._end_write = os.pipe()
        self._selector.register(self._end_read, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread.start()
        return self

    def _sit_down(self, path: Path) -> socket.socket:
        if somebody_at(path):  # on another virtual printer, or through the same server
            self.reached_as = f"{self.name}-{os.getpid()}"
            path = desk_path(self.reached_as)
        path.unlink(missing_ok=True)  # of a process that was killed
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        os.fchmod(listener.fileno(), 0o600)  # which Linux gives to the name as well
        listener.bind(str(path))
        listener.listen()
        self._path = path
        return listener

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.write(self._end_write, b"!")
        self._thread.join()
        with suppress(OSError):
            self._path.unlink()
        for asker in list(self._heard):
            self._let_go(asker)
        self._selector.close()
        if self._listener is not None:
            self._listener.close()
        os.close(self._end_read)
        os.close(self._end_write)

    # The thread

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select(LINGER_S if self._heard else None):
                if key.fileobj == self._end_read:
                    return
                if key.fileobj is self._listener:
                    self._welcome()
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    with suppress(OSError):
                        self._listen(key.fileobj)
            now_s = time.monotonic()
            for asker in [asker for asker, (_, since_s) in self._heard.items() if now_s - since_s > LINGER_S]:
                self._let_go(asker)

    def _welcome(self) -> None:
        assert self._listener is not None
        with suppress(OSError):
            asker, _ = self._listener.accept()
            asker.setblocking(False)
            self._heard[asker] = (b"", time.monotonic())
            self._selector.register(asker, selectors.EVENT_READ)

    def _listen(self, asker: socket.socket) -> None:
        try:
            data = asker.recv(LONGEST)
        except OSError:
            data = b""
        heard = self._heard[asker][0] + data
        if b"\n" in heard:
            self._forget(asker)
            self._take(asker, heard.partition(b"\n")[0])
        elif not data or len(heard) > LONGEST:
            self._let_go(asker)
        else:
            self._heard[asker] = (heard, self._heard[asker][1])

    def _let_go(self, asker: socket.socket) -> None:
        self._forget(asker)
        asker.close()

    def _forget(self, asker: socket.socket) -> None:
        del self._heard[asker]
        self._selector.unregister(asker)

    # The orders

    def _take(self, asker: socket.socket, line: bytes) -> None:
        """Answer what is known, and begin what is to be done; the asker is let go in the end."""
        asker.settimeout(ANSWER_S)
        try:
            order = json.loads(line)
            do = self._do[order["order"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            _say(asker, {"error": "InputError", "message": f"an order is one of {', '.join(ORDERS)}"}, last=True)
            return
        if do == self._status:
            _say(asker, do(order), last=True)
            return
        # no daemon: a stop that is on its way to a server is seen through when the print has ended meanwhile
        threading.Thread(target=_carry_out, args=(asker, do, order), name=f"order for {self.name}").start()

    def _status(self, _order: Answer) -> Answer:
        return {**self._facts, **asdict(self._seen), "now_s": time.time()}

    def _pause(self, _order: Answer) -> Answer:
        self._link.pause()
        return {"done": f"{self.name} pauses"}

    def _resume(self, _order: Answer) -> Answer:
        self._link.resume()
        return {"done": f"{self.name} goes on"}

    def _cancel(self, _order: Answer) -> Answer:
        self._link.cancel()
        return {"done": f"{self.name} gives the print up: heaters off, head up"}

    def _stop(self, _order: Answer) -> Answer:
        return {"done": f"{self.name} {self._link.emergency_stop()}"}

    def _tune(self, order: Answer) -> Answer:
        commands = tuning_commands(read_tuning(order), self._limits)
        for command in commands:
            self._link.tell(command)
        return {"done": ", ".join(command.decode("ascii") for command in commands)}


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two that begin at once would both find nobody there, and the second take the first's socket away."""
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _carry_out(asker: socket.socket, do: Callable[[Answer], Answer], order: Answer) -> None:
    _say(asker, {"heard": order["order"]})
    try:
        answer = do(order)
    except PrintprepError as exc:
        answer = {"error": type(exc).__name__, "message": str(exc)}
    _say(asker, answer, last=True)


def _say(asker: socket.socket, answer: Answer, *, last: bool = False) -> None:
    with suppress(OSError):  # who did not wait for it
        asker.sendall(json.dumps(answer, default=str).encode() + b"\n")
    if last:
        asker.close()
