"""What every question to a printer's server shares: its address, a limit to its patience, and the word for busy."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

from printprep.errors import ConnectionLost, InputError, PrinterError, ReplyTimeout

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 30.0  # of one piece of an answer
ANSWER_TIMEOUT_S: Final = 60.0  # of a whole answer, in however many pieces it trickles
UPLOAD_TIMEOUT_S: Final = 600.0  # of an answer to an upload, once all of it is sent
SLOWEST_BYTES_S: Final = 20_000  # of an upload, in the end: a weak wireless network
MOST_BYTES: Final = 16 << 20  # of an answer; what printers say is a thousandth of that
RETRIES: Final = 3  # of questions; a wish is never sent twice
BACK_OFF_S: Final = 0.2  # before the first retry, doubled each time

Answer = TypeVar("Answer")


class Busy(PrinterError):  # noqa: N818 - the name is the sentence
    """The server answers that the printer cannot do that in the state it is in."""


class Missing(PrinterError):  # noqa: N818 - the name is the sentence
    """The server answers that it has no such file, or no such interface."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where a server is: ``http://host:80/prefix`` in its parts."""

    scheme: str
    host: str  # and the port, where one is said
    prefix: str  # of its paths, where a reverse proxy has one; no slash at its end

    @classmethod
    def of(cls, url: str) -> ServerAddress:
        """Read an address; an InputError for what is none, or holds a password."""
        address = urlsplit(url.strip())
        try:
            told = address.scheme in ("http", "https") and bool(address.hostname)
            _ = address.port
        except ValueError:
            told = False
        if not told:
            raise InputError(f"{url!r} is not the address of a server; write for example http://octopi.local")
        if address.username or address.password:
            raise InputError("the address of a server holds a name or a password, which every list would show")
        return cls(scheme=address.scheme, host=address.netloc, prefix=address.path.rstrip("/"))

    @property
    def url(self) -> str:
        """All of it, with its prefix."""
        return f"{self.origin}{self.prefix}"

    @property
    def origin(self) -> str:
        """Without the prefix."""
        return f"{self.scheme}://{self.host}"

    @property
    def socket_url(self) -> str:
        """The same for a websocket."""
        return f"{'wss' if self.scheme == 'https' else 'ws'}://{self.host}{self.prefix}"


def checked_key(server: str, key: str) -> str:
    """The key; an InputError for one that no header can hold. It does not show it, as the libraries' own would."""
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise InputError(f"{server}: the key has a blank or a line end at its end, or letters of no key; copy it again")
    return key


def refuse_public_plain_http(url: str) -> None:
    """Raise PrinterError for an address outside the house without TLS: key and job could be read on the way."""
    address = urlsplit(url)
    if address.scheme == "https" or not address.hostname:
        return
    try:
        found = socket.getaddrinfo(address.hostname, address.port or 80, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise ConnectionLost(f"{address.hostname} is not known here ({exc}); check the name of the server") from exc
    public = [entry[4][0] for entry in found if ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_global]
    if public:
        raise PrinterError(f"{url} is a public address ({public[0]}) without TLS; use https or an address in the house")


@contextmanager
def understood(url: str, kind: str) -> Iterator[None]:
    """Map what comes of an answer of another shape than ``kind`` has; nothing but a PrinterError leaves the block."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as exc:
        raise PrinterError(f"{url} answers in an unknown way ({exc}); is it {kind}?") from exc


def upload_limit_s(size: int) -> float:
    """How long an upload of ``size`` bytes may take with its answer, s."""
    return UPLOAD_TIMEOUT_S + size / SLOWEST_BYTES_S


def bounded(pieces: Iterable[bytes], server: str) -> bytes:
    """All of an answer; a PrinterError as soon as it is longer than any that a printer's server gives."""
    answer = bytearray()
    for piece in pieces:
        answer += piece
        if len(answer) > MOST_BYTES:
            raise PrinterError(f"{server} answers with more than {MOST_BYTES >> 20} MiB; is it a printer's server?")
    return bytes(answer)


def within(seconds: float, server: str, question: Callable[[], Answer]) -> Answer:
    """Have ``question`` answered within ``seconds``.

    A library's time-outs are of one piece each, so a server that sends a byte now and then would be listened to for
    ever. The question is asked by a thread of its own, which is left to itself when the time is over.

    Raises
    ------
    ReplyTimeout
        The time is over.
    """
    answers: list[Answer] = []
    faults: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(question())
        except BaseException as exc:  # noqa: BLE001 - raised again by the one who asked
            faults.append(exc)

    asking = threading.Thread(target=ask, name="printprep-ask", daemon=True)
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise ReplyTimeout(f"{server} has not answered to the end in {seconds:g} s; is it overloaded?")
    if faults:
        raise faults[0]
    return answers[0]
