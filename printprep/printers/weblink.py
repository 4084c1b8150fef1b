"""A served printer that is asked through :class:`~printprep.printers.web.Web`."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, NoReturn

from printprep.errors import ConnectionLost, InputError, PrinterError
from printprep.printers.asking import refuse_public_plain_http
from printprep.printers.served import ServedLink
from printprep.printers.web import Web


class WebLink(ServedLink):
    """Moonraker, PrusaLink, and the uploads of SDCP; see :class:`~printprep.printers.served.ServedLink`."""

    key_at: ClassVar[str]  # where a person finds the key
    stranger_asks: ClassVar[str]  # a path that a server with a lock answers to nobody without a key
    lock: ClassVar[str]  # how a server is made to ask for a key

    def __init__(self, url: str, *, allow_insecure: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(url, allow_insecure=allow_insecure, clock=clock)
        self._web: Web | None = None

    def close(self) -> None:
        """Forget the server."""
        if self._web is not None:
            self._web.close()
        self._web = self._identity = None

    def _only_cancel(self) -> NoReturn:
        """What an emergency stop comes to where the server knows none; a PrinterError says what was done."""
        self._cancelled = True
        none = f"{self.url}: {self.kind} knows no emergency stop"
        try:
            self._end()
        except PrinterError as exc:
            raise type(exc)(f"{none}, and does not cancel now ({exc}); switch the printer off at its plug") from exc
        raise PrinterError(
            f"{none}; the print is being cancelled. If that is too slow, switch the printer off at its plug"
        )

    @abstractmethod
    def _open(self, *, known: bool) -> Web:
        """The server; ``known``: with the key."""

    @property
    def _asked(self) -> Web:
        if self._web is None:
            raise PrinterError(f"{self.url}: not connected")
        return self._web

    def _be_careful(self, key: str | None) -> None:
        """Raise unless there is a key, the way is safe, and the server lets nobody in without the key."""
        if not key:
            raise InputError(f"{self.url}: a key is needed; {self.key_at}")
        refuse_public_plain_http(self.url)
        stranger = self._open(known=False)
        try:
            stranger.ask("GET", self.stranger_asks)
        except ConnectionLost:
            raise
        except PrinterError:
            return
        finally:
            stranger.close()
        raise PrinterError(f"{self.url} answers without a key, so anybody may drive it; {self.lock}")
