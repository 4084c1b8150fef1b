"""A printer behind an OctoPrint server, through octorest.

octorest's ``upload`` cannot start a print, so a file is uploaded, its name read back (the server may change it), its
size and SHA-1 asked for, and selected. Only commands are uploaded, no comments, under a name made of their hash. While
it prints the server's push socket says how it goes; where that is not to be had, it is asked twice a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import octorest

from printprep.errors import ConnectionLost, InputError, PrinterError, ReplyTimeout
from printprep.printers.asking import Busy, checked_key, refuse_public_plain_http
from printprep.printers.link import STOPPED, Ending, Identity, PrinterState, PrinterStatus
from printprep.printers.look import Look
from printprep.printers.octoprint_session import Session, reading
from printprep.printers.push import Message, Push
from printprep.printers.served import BUSY, ServedLink
from printprep.printers.upload import OnSent, Upload, untold

ALL: Final = 1.0 - 1e-9  # of a file


class OctoPrintLink(ServedLink):
    """A printer behind OctoPrint; see :class:`~printprep.printers.link.PrinterLink`.

    Parameters
    ----------
    url
        Of the server, with a path prefix where a reverse proxy has one.
    key
        An application key or a user's key.
    settings
        Of :class:`~printprep.printers.served.ServedLink`.
    """

    kind = "OctoPrint"
    pushes = True

    def __init__(self, url: str, key: str, **settings: Any) -> None:
        super().__init__(url, **settings)
        self._key = checked_key(self.url, key)
        self._client: octorest.OctoRest | None = None

    # Connection

    def connect(self) -> Identity:
        """Reach the server, prove that it wants a key and takes this one, and that it has its printer."""
        self.close()
        if not self._key:
            raise InputError(f"{self.url}: a key is needed; make one in OctoPrint's user settings (Application Keys)")
        if not self._allow_insecure:
            refuse_public_plain_http(self.url)
            self._refuse_open_server()
        with reading(self.url):
            client = octorest.OctoRest(url=self.url, session=Session(self._address))
            client.load_api_key(self._key)
            version = client.version
            self._client = client
            server = str(version.get("server", ""))
            name = str(version.get("text", "OctoPrint")).removesuffix(server).strip()
            self._identity = Identity(firmware=name or "OctoPrint", version=server)
        status = self.status()
        if status.state in (PrinterState.OFFLINE, PrinterState.FAILED):
            self.close()
            raise ConnectionLost(f"{self.url} has no printer ({status.message}); connect it in OctoPrint")
        return self.identity

    def close(self) -> None:
        """Forget the server."""
        if self._client is not None:
            self._client.session.close()
        self._client = None
        self._identity = None

    def emergency_stop(self) -> str:
        """M112 through the server, at once: it does not wait for the thread that watches the print."""
        self._script(["M112"])
        return STOPPED

    # What served.py asks for

    def _store(self, upload: Upload, on_sent: OnSent) -> str:
        def send(client: octorest.OctoRest) -> Any:
            client.session.on_sent = on_sent
            try:
                return client.upload((upload.name, upload.stream))
            finally:
                client.session.on_sent = untold

        reply = self._ask(send)
        with reading(self.url):
            local = reply["files"]["local"]
            return f"local/{local.get('path') or local['name']}"

    def _verify(self, place: str, upload: Upload) -> None:
        name = place.removeprefix("local/")
        kept = self._ask(lambda client: client.files_info("local", name))
        with reading(self.url):
            size, sha1 = int(kept["size"]), kept.get("hash") or upload.sha1  # a very old server hashes nothing
        if (size, sha1) != (upload.size, upload.sha1):
            raise PrinterError(
                f"{self.url} keeps {name} with {size} bytes where {upload.size} were sent, or other ones; try again"
            )

    def _start(self, place: str) -> None:
        self._ask(lambda client: client.select(place, print=True))

    def _hold(self) -> None:
        self._ask(lambda client: client.pause())

    def _go_on(self) -> None:
        self._ask(lambda client: client.resume())

    def _end(self) -> None:
        self._ask(lambda client: client.cancel())

    def _cool(self) -> None:
        tools = sorted(self._status.tools_c)
        nozzles = [f"M104 T{tool} S0" for tool in tools] if len(tools) > 1 else ["M104 S0"]
        self._script([*nozzles, "M140 S0"])

    def _script(self, commands: Sequence[str]) -> None:
        self._ask(lambda client: client.gcode(list(commands)))

    def _remove(self, place: str) -> None:
        self._ask(lambda client: client.delete(place))

    def _look(self, place: str | None) -> Look:
        pushed = self._pushed()
        if pushed is not None and place is not None:
            with reading(self.url):
                self._status = _read_status(self._status, pushed.get("state") or {}, _last(pushed.get("temps")))
                seen = _look(self._status, pushed, place)
            # a message may be older than the start: that nothing prints, or something else, is asked for once more
            if seen.ours and self._status.state in BUSY:
                return seen
        self._status = self._polled()
        if place is None or self._status.state is PrinterState.OFFLINE:
            return Look(status=self._status)
        told = self._ask(lambda client: client.job_info())
        with reading(self.url):
            return _look(self._status, told, place)

    def _polled(self) -> PrinterStatus:
        try:
            printer = self._ask(lambda client: client.printer(exclude=["sd"]))
        except Busy:  # 409: no printer
            text = self._ask(lambda client: client.state())
            return PrinterStatus(state=PrinterState.OFFLINE, message=str(text))
        with reading(self.url):
            return _read_status(self._status, printer["state"], printer.get("temperature") or {})

    # The push socket

    def _open_push(self) -> Push:
        """SockJS without its frames, with the rights of the key's user (docs/api/push.rst of OctoPrint)."""
        try:
            login = self._ask(lambda client: client._post("/api/login", json={"passive": True}))
            with reading(self.url):
                session = f"{login['name']}:{login['session']}"
        except PrinterError as exc:
            raise ConnectionLost(f"{self.url} opens no session ({exc})") from exc
        push = Push(f"{self._address.socket_url}/sockjs/websocket")
        push.send({"subscribe": {"state": {"logs": False, "messages": False}, "events": False, "plugins": False}})
        push.send({"auth": session})
        return push

    def _pushed(self) -> Message | None:
        """The latest state of the push socket, with the temperatures of all messages that came since the last."""
        if self._push is None:
            return None
        latest: dict[str, Any] | None = None
        for message in self._push.take():
            told = message.get("current") or message.get("history")
            if isinstance(told, dict):
                latest = {**told, "temps": [*(latest or {}).get("temps", []), *(told.get("temps") or [])]}
        return latest

    # Asking

    def _ask(self, question: Callable[[octorest.OctoRest], Any]) -> Any:
        if self._client is None:
            raise PrinterError(f"{self.url}: not connected")
        with reading(self.url):
            return question(self._client)

    def _refuse_open_server(self) -> None:
        """A server that tells a stranger about its printer would let him heat it, too."""
        stranger = Session(self._address)
        try:
            stranger.get(f"{self._address.origin}/api/printer")
        except Busy:  # it answered without a key, only has no printer
            pass
        except (ConnectionLost, ReplyTimeout):
            raise
        except PrinterError:
            return
        finally:
            stranger.close()
        raise PrinterError(f"{self.url} answers without a key, so anybody may drive it; switch access control on")


def _look(status: PrinterStatus, told: Mapping[str, Any], place: str) -> Look:
    """What OctoPrint says of the print; it says nothing of its end but that all was sent and nothing prints."""
    percent = (told.get("progress") or {}).get("completion")
    done = None if percent is None else min(1.0, float(percent) / 100.0)
    file = (told.get("job") or {}).get("file") or {}
    known = file.get("path") or file.get("name")
    ours = known == place.partition("/")[2] if "job" in told else True
    ending = Ending.FINISHED if status.state is PrinterState.READY and (done or 0.0) >= ALL else None
    return Look(status=status, done=done, ending=ending, ours=ours, why=status.message or str(told.get("state") or ""))


def _read_status(before: PrinterStatus, state: Mapping[str, Any], heat: Mapping[str, Any]) -> PrinterStatus:
    flags = state.get("flags") or {}
    tools, bed = _temperatures(heat)
    message = str(state.get("error") or state.get("text") or "") if flags.get("error") else ""
    return replace(
        before,
        state=_state(flags),
        tools_c=tools or before.tools_c,  # a push without temperatures says that nothing came since
        bed_c=bed or before.bed_c,
        message=message,
    )


def _last(temps: object) -> Mapping[str, Any]:
    return temps[-1] if isinstance(temps, list) and temps and isinstance(temps[-1], dict) else {}


def _state(flags: Mapping[str, bool]) -> PrinterState:
    """OctoPrint's flags as a state, the worst first."""
    order = (
        ("error", PrinterState.FAILED),
        ("closedOrError", PrinterState.OFFLINE),
        ("cancelling", PrinterState.CANCELLING),
        ("pausing", PrinterState.PAUSED),
        ("paused", PrinterState.PAUSED),
        ("resuming", PrinterState.PRINTING),
        ("finishing", PrinterState.PRINTING),
        ("printing", PrinterState.PRINTING),
        ("ready", PrinterState.READY),
        ("operational", PrinterState.READY),
    )
    return next((state for flag, state in order if flags.get(flag)), PrinterState.OFFLINE)


def _temperatures(
    told: Mapping[str, Any],
) -> tuple[dict[int, tuple[float, float]], tuple[float, float] | None]:
    def pair(entry: Mapping[str, Any]) -> tuple[float, float]:
        return float(entry.get("actual") or 0.0), float(entry.get("target") or 0.0)

    tools = {int(name[4:]): pair(entry) for name, entry in told.items() if name[:4] == "tool" and name[4:].isdigit()}
    return tools, pair(told["bed"]) if told.get("bed") else None
