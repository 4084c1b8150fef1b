"""The HTTP session that octorest is given, and the words for what an OctoPrint server answers.

octorest 0.4 sets no time-outs, drops a path prefix of the server's address, lets ``requests``' exceptions through,
follows redirects with the key, and reads a whole upload into memory; :class:`Session` mends all five.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from printprep.errors import ConnectionLost, PrinterError, ReplyTimeout
from printprep.printers import asking
from printprep.printers.asking import Busy, Missing, ServerAddress
from printprep.printers.upload import OnSent, form, untold

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
_AWAY: Final = (502, 503, 504)  # a proxy without its server, or a server that is about to start


class Session(requests.Session):
    """A session with time-outs, retries for questions, the server's path prefix, streamed uploads, and our errors."""

    def __init__(self, address: ServerAddress) -> None:
        super().__init__()
        self._address = address
        self.on_sent: OnSent = untold  # of the next upload
        retry = Retry(
            total=asking.RETRIES,
            other=0,  # such as a certificate, which will be no better the next time
            connect=asking.RETRIES,
            status=asking.RETRIES,
            read=False,
            backoff_factor=asking.BACK_OFF_S,
            status_forcelist=_AWAY,
            allowed_methods=("GET",),
            raise_on_status=False,
        )
        adapter = HTTPAdapter(max_retries=retry)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """One request; whatever goes wrong is a PrinterError."""
        address = urlsplit(str(url))
        prefix = self._address.prefix
        path = address.path if prefix and address.path.startswith(f"{prefix}/") else f"{prefix}{address.path}"
        patience_s, limit_s = asking.READ_TIMEOUT_S, asking.ANSWER_TIMEOUT_S
        if options.get("files"):
            patience_s, limit_s = asking.UPLOAD_TIMEOUT_S, asking.upload_limit_s(_streamed(options, self.on_sent))
        options["timeout"] = (asking.CONNECT_TIMEOUT_S, patience_s)
        options["allow_redirects"] = False  # the key would travel along
        options["stream"] = True
        ask = partial(super().request, method, address._replace(path=path).geturl(), *args, **options)
        server = self._address.url
        try:
            response = asking.within(limit_s, server, lambda: _read(ask(), server))
        except requests.Timeout as exc:
            raise ReplyTimeout(f"{server} does not answer in {patience_s:g} s; is it overloaded?") from exc
        except requests.exceptions.SSLError as exc:
            raise ConnectionLost(f"{server} has a certificate that nobody vouches for ({_cause(exc)}); {_TLS}") from exc
        except requests.RequestException as exc:
            raise ConnectionLost(f"{server} cannot be reached ({_cause(exc)}); is OctoPrint running there?") from exc
        if response.is_redirect:
            raise PrinterError(f"{server} redirects to {response.headers.get('location')}; use that address instead")
        if not response.ok and not (response.status_code == 404 and "/plugin/appkeys/" in path):
            reason = _REFUSALS.get(response.status_code, f"has trouble of its own (HTTP {response.status_code})")
            kinds: Mapping[int, type[PrinterError]] = {404: Missing, 409: Busy, **dict.fromkeys(_AWAY, ConnectionLost)}
            raise kinds.get(response.status_code, PrinterError)(f"{server} {reason}")
        return response


_TLS: Final = "have it signed, or name its authority's file in the environment (REQUESTS_CA_BUNDLE)"


def _read(response: requests.Response, server: str) -> requests.Response:
    with response:
        response._content = asking.bounded(response.iter_content(1 << 16), server)
    return response


def _streamed(options: dict[str, Any], on_sent: OnSent) -> int:
    """Make a form of octorest's ``files`` that is read from disk while it is sent; its bytes."""
    name, stream = options.pop("files")["file"][:2]
    options.pop("json", None)  # what requests would drop
    size: int = stream.seek(0, 2)
    stream.seek(0)
    options["data"], options["headers"] = form(name, stream, size, on_sent)
    return size


def _cause(error: requests.RequestException) -> str:
    """The last words of urllib3's long story, such as ``Connection refused``."""
    return str(error).rpartition(": ")[2].strip("()'\" ") or type(error).__name__


@contextmanager
def reading(url: str) -> Iterator[None]:
    """Map what octorest and a strange answer raise."""
    try:
        yield
    except requests.exceptions.JSONDecodeError as exc:
        raise PrinterError(f"{url} answers, but not in JSON; is it OctoPrint?") from exc
    except (RuntimeError, KeyError, TypeError, AttributeError, ValueError) as exc:
        raise PrinterError(f"{url} answers in an unknown way ({exc}); is it OctoPrint 1.4 or newer?") from exc
