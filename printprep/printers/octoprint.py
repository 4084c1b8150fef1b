"""A printer behind an OctoPrint server, through octorest.

octorest 0.4 sets no time-outs, drops a path prefix of the server's address, lets ``requests``' exceptions through and
follows redirects with the key; :class:`_Session` mends all four. Its ``upload`` cannot start a print, so a file is
uploaded, its name read back (the server may change it) and selected. Only commands are uploaded, no comments, under a
name made of their hash.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import select
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

import octorest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from printprep.errors import ConnectionLost, FirmwareFault, InputError, PrinterError, ReplyTimeout
from printprep.printers.job import JobFile, commands, read_job
from printprep.printers.link import (
    Ending,
    Identity,
    OnProgress,
    PrinterState,
    PrinterStatus,
    PrintOutcome,
    unwatched,
)
from printprep.printers.wishes import Wishes

LOG: Final = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 30.0
UPLOAD_TIMEOUT_S: Final = 600.0
RETRIES: Final = 3
POLL_S: Final = 0.5
OUTAGE_S: Final = 60.0  # a server may be away so long in mid-print before the print counts as lost

_REFUSALS: Final[Mapping[int, str]] = {
    400: "does not understand the request; is it OctoPrint 1.4 or newer?",
    401: "refuses the key; make a new one in OctoPrint's user settings (Application Keys)",
    403: "refuses the key; make a new one in OctoPrint's user settings (Application Keys)",
    404: "has no such file or interface; is the address complete, with its path?",
    409: "cannot do that now: the printer is not connected, or busy",
    413: "takes no file of that size; raise its upload limit",
    415: "does not take that kind of file",
    507: "has no room left on its disk; delete old uploads",
}


class Busy(PrinterError):  # noqa: N818 - the name is the sentence
    """The server answers 409: not in this state of the printer."""


class _Session(requests.Session):
    """A session with time-outs, retries for questions, the server's path prefix, and our errors."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix
        retry = Retry(
            connect=RETRIES,
            status=RETRIES,
            read=False,
            backoff_factor=0.2,
            status_forcelist=(502, 503, 504),
            allowed_methods=("GET",),
            raise_on_status=False,
        )
        adapter = HTTPAdapter(max_retries=retry)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """One request; whatever goes wrong is a PrinterError."""
        address = urlsplit(str(url))
        path = f"{self._prefix}{address.path}"
        options["timeout"] = (CONNECT_TIMEOUT_S, UPLOAD_TIMEOUT_S if options.get("files") else READ_TIMEOUT_S)
        options["allow_redirects"] = False  # the key would travel along
        server = f"{address.scheme}://{address.netloc}{self._prefix}"
        try:
            response = super().request(method, address._replace(path=path).geturl(), *args, **options)
        except requests.Timeout as exc:
            raise ReplyTimeout(f"{server} does not answer in {READ_TIMEOUT_S:g} s; is it overloaded?") from exc
        except requests.RequestException as exc:
            raise ConnectionLost(f"{server} cannot be reached ({_cause(exc)}); is OctoPrint running there?") from exc
        if response.is_redirect:
            raise PrinterError(f"{server} redirects to {response.headers.get('location')}; use that address instead")
        if not response.ok:
            reason = _REFUSALS.get(response.status_code, f"has trouble of its own (HTTP {response.status_code})")
            raise (Busy if response.status_code == 409 else PrinterError)(f"{server} {reason}")
        return response


class OctoPrintLink:
    """A printer behind OctoPrint; see :class:`~printprep.printers.link.PrinterLink`.

    Parameters
    ----------
    url
        Of the server, with a path prefix where a reverse proxy has one.
    key
        An application key or a user's key.
    allow_insecure
        Accept a server that needs no key, and a public address without TLS.
    clock
        Monotonic time, s.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        allow_insecure: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise InputError(f"{url!r} is not the address of a server; write for example http://octopi.local")
        self.url = url.rstrip("/")
        self._prefix = address.path.rstrip("/")
        self._key = key
        self._allow_insecure = allow_insecure
        self._clock = clock
        self._client: octorest.OctoRest | None = None
        self._identity: Identity | None = None
        self._status = PrinterStatus(state=PrinterState.OFFLINE)
        self._wishes: Wishes | None = None
        self._cancelled = False

    # Connection

    @property
    def identity(self) -> Identity:
        """The server and its version; what firmware is behind it, OctoPrint does not tell."""
        if self._identity is None:
            raise PrinterError(f"{self.url}: not connected")
        return self._identity

    def connect(self) -> Identity:
        """Reach the server, prove that it wants a key and takes this one, and that it has its printer."""
        self.close()
        if not self._key:
            raise InputError(f"{self.url}: a key is needed; make one in OctoPrint's user settings (Application Keys)")
        if not self._allow_insecure:
            refuse_public_plain_http(self.url)
            self._refuse_open_server()
        with _reading(self.url):
            client = octorest.OctoRest(url=self.url, session=_Session(self._prefix))
            client.load_api_key(self._key)
            version = client.version
            self._client = client
            self._identity = Identity(
                firmware=str(version.get("text", "OctoPrint")), version=str(version.get("server", ""))
            )
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

    # Printing

    def print_file(self, path: Path, on_progress: OnProgress = unwatched) -> PrintOutcome:
        """Upload the file's commands, print them, and watch until the server says that it is over."""
        job = read_job(path)
        began_s = self._clock()
        self._cancelled = False
        self._status = replace(self._status, line=0)
        self._wishes = Wishes()
        ending, fault = Ending.FAILED, None
        try:
            place = self._upload(path)
            try:
                self._ask(lambda client: client.select(place, print=True))
                ending = self._watch(job, on_progress)
            except Busy:  # with somebody else's print, which is not ours to cancel
                raise
            except BaseException:  # the server must not go on, or stand there hot, without anybody looking
                self._give_up()
                raise
            self._clear_away(place)
        except PrinterError as exc:
            fault = exc
        finally:
            self._wishes.close()
            self._wishes = None
        done = job.commands if ending is Ending.FINISHED else self._status.line
        return PrintOutcome(
            ending=ending,
            lines_total=job.commands,
            lines_sent=done,
            lines_accepted=done,
            layer=job.layer_at(done),
            duration_s=self._clock() - began_s,
            message=str(fault) if fault else self._status.message,
            fault=fault,
            counted=False,
        )

    def pause(self) -> None:
        """Hold the print."""
        self._wish(lambda client: client.pause())

    def resume(self) -> None:
        """Go on with a held print."""
        self._wish(lambda client: client.resume())

    def cancel(self) -> None:
        """Give the print up; the heaters are switched off even where OctoPrint's own script does not."""
        self._cancelled = True
        self._wish(lambda client: client.cancel())

    def emergency_stop(self) -> None:
        """M112 through the server, at once: it does not wait for the thread that watches the print."""
        self._ask(lambda client: client.gcode("M112"))

    def status(self) -> PrinterStatus:
        """The printer now."""
        try:
            printer = self._ask(lambda client: client.printer(exclude=["sd"]))
        except Busy:  # 409: no printer
            text = self._ask(lambda client: client.state())
            self._status = PrinterStatus(state=PrinterState.OFFLINE, message=str(text))
            return self._status
        flags = printer["state"]["flags"]
        tools, bed = _temperatures(printer.get("temperature", {}))
        message = str(printer["state"].get("text", "")) if flags.get("error") else ""
        self._status = replace(self._status, state=_state(flags), tools_c=tools, bed_c=bed, message=message)
        return self._status

    # Steps of a print

    def _upload(self, path: Path) -> str:
        """Upload the commands; where the server put them."""
        with tempfile.TemporaryFile() as stripped:
            name = _strip(path, stripped)
            reply = self._ask(lambda client: client.upload((name, stripped)))
        with _reading(self.url):
            local = reply["files"]["local"]
            return "local/" + str(local.get("path") or local["name"])

    def _watch(self, job: JobFile, on_progress: OnProgress) -> Ending:
        """Poll until the print is over."""
        seen_busy = False
        heard_s = self._clock()
        while True:
            try:
                self._wait()
                told = self._ask(lambda client: client.job_info())
                status = self.status()
                heard_s = self._clock()
                if self._cancelled and status.state in (PrinterState.PRINTING, PrinterState.PAUSED):
                    with suppress(Busy):  # again: the wish may have met an outage
                        self._ask(lambda client: client.cancel())
            except (ConnectionLost, ReplyTimeout):
                if self._clock() - heard_s > OUTAGE_S:
                    raise
                continue
            fraction = min(1.0, float((told.get("progress") or {}).get("completion") or 0.0) / 100.0)
            line = max(self._status.line, round(fraction * job.commands))  # the server forgets it when it cancels
            self._status = status = replace(
                status,
                line=line,
                lines_total=job.commands,
                layer=job.layer_at(line),
                layers_total=len(job.layer_starts),
                z_mm=job.z_at(line),
                progress=fraction,
            )
            on_progress(status)
            if status.state in (PrinterState.FAILED, PrinterState.OFFLINE):
                raise FirmwareFault(f"{self.url}: {status.message or told.get('state')} at about command {line}")
            if status.state is not PrinterState.READY:
                seen_busy = True
            elif fraction >= 1.0 and not self._cancelled:
                return Ending.FINISHED
            elif self._cancelled or seen_busy:  # seen_busy: somebody at the server gave it up
                self._ask(lambda client: client.gcode(self._heaters_off()))
                return Ending.CANCELLED

    def _wait(self) -> None:
        """Wait for the next poll or a wish; one that the server cannot grant is no reason to give the print up."""
        if self._wishes is not None:
            select.select([self._wishes.descriptor], [], [], POLL_S)
            try:
                self._wishes.grant()
            except Busy as exc:  # such as a pause of what has just ended, or a second cancel
                LOG.info("a wish was not granted: %s", exc)

    def _give_up(self) -> None:
        """Cancel and cool, as far as the server still listens."""
        for wish in (lambda client: client.cancel(), lambda client: client.gcode(self._heaters_off())):
            with suppress(PrinterError):
                self._ask(wish)

    def _heaters_off(self) -> list[str]:
        tools = sorted(self._status.tools_c)
        nozzles = [f"M104 T{tool} S0" for tool in tools] if len(tools) > 1 else ["M104 S0"]
        return [*nozzles, "M140 S0"]

    def _clear_away(self, place: str) -> None:
        """Take the file from the server: what was printed stays in the lab's record, not there."""
        try:
            self._ask(lambda client: client.delete(place))
        except PrinterError as exc:
            self._status = replace(self._status, message=f"{place} stays on the server: {exc}")

    def _wish(self, wish: Callable[[octorest.OctoRest], object]) -> None:
        if self._wishes is None:
            self._ask(wish)
        else:
            self._wishes.leave(lambda: self._ask(wish))

    def _ask(self, question: Callable[[octorest.OctoRest], Any]) -> Any:
        if self._client is None:
            raise PrinterError(f"{self.url}: not connected")
        with _reading(self.url):
            return question(self._client)

    def _refuse_open_server(self) -> None:
        """A server that tells a stranger about its printer would let him heat it, too."""
        stranger = _Session(self._prefix)
        try:
            stranger.get(f"{_origin(self.url)}/api/printer")
        except Busy:  # it answered without a key, only has no printer
            pass
        except (ConnectionLost, ReplyTimeout):
            raise
        except PrinterError:
            return
        finally:
            stranger.close()
        raise PrinterError(f"{self.url} answers without a key, so anybody may drive it; switch access control on")


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


def _cause(error: requests.RequestException) -> str:
    """The last words of urllib3's long story, such as ``Connection refused``."""
    return str(error).rpartition(": ")[2].strip("()'\" ") or type(error).__name__


def _origin(url: str) -> str:
    address = urlsplit(url)
    return f"{address.scheme}://{address.netloc}"


def _strip(path: Path, target: BinaryIO) -> str:
    """Write the commands of ``path`` to ``target``; a name made of their hash."""
    digest = hashlib.sha256()
    for command in commands(path):
        target.write(command + b"\n")
        digest.update(command + b"\n")
    target.seek(0)
    return f"printprep-{digest.hexdigest()[:16]}.gcode"


@contextmanager
def _reading(url: str) -> Iterator[None]:
    """Map what octorest and a strange answer raise."""
    try:
        yield
    except requests.exceptions.JSONDecodeError as exc:
        raise PrinterError(f"{url} answers, but not in JSON; is it OctoPrint?") from exc
    except (RuntimeError, KeyError, TypeError, AttributeError) as exc:
        raise PrinterError(f"{url} answers in an unknown way ({exc}); is it OctoPrint 1.4 or newer?") from exc


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
