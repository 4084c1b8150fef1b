"""A printer's server over HTTP, through httpx: time-outs, retries of questions, no redirects, our errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

from printprep.errors import ConnectionLost, PrinterError, ReplyTimeout
from printprep.printers import asking
from printprep.printers.asking import Busy, Missing, ServerAddress

_KINDS: Final[Mapping[int, type[PrinterError]]] = {
    404: Missing,
    409: Busy,
    502: ConnectionLost,  # a proxy without its server
    503: ConnectionLost,  # a server that is about to start
    504: ConnectionLost,
}
_REFUSALS: Final[Mapping[int, str]] = {
    400: "does not understand the request",
    401: "refuses the key",
    403: "refuses the key",
    404: "has no such file or interface; is the address complete, with its path?",
    409: "cannot do that now: the printer is not ready, or busy",
    411: "wants to know the size of the file",
    413: "takes no file of that size",
    415: "does not take that kind of file",
    422: "received other bytes than were sent, or does not take that name",
    507: "has no room left; delete old files",
}


class Web:
    """One server.

    Parameters
    ----------
    address
        Where it is.
    kind
        What should run there, for messages: ``Moonraker``.
    headers, auth
        Of every request.
    refusals
        Words for status codes that mean something of their own here.
    explain
        Finds the server's own words for a refusal in its answer.
    kinds
        Which error a status code and the server's words are.
    """

    def __init__(
        self,
        address: ServerAddress,
        kind: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        refusals: Mapping[int, str] | None = None,
        explain: Callable[[httpx.Response], str] = lambda _response: "",
        kinds: Callable[[int, str], type[PrinterError]] = lambda code, _words: _KINDS.get(code, PrinterError),
    ) -> None:
        self._address, self._kind, self._explain, self._kinds = address, kind, explain, kinds
        self._refusals = {**_REFUSALS, **(refusals or {})}
        patience = httpx.Timeout(asking.READ_TIMEOUT_S, connect=asking.CONNECT_TIMEOUT_S)
        self._client = httpx.Client(headers=dict(headers or {}), auth=auth, timeout=patience, follow_redirects=False)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; whatever goes wrong is a PrinterError. A question (GET) is repeated, a wish never.

        Parameters
        ----------
        method, path
            Such as ``GET /api/version``; the prefix of the address is put before it.
        options
            Of ``httpx.Client.request``. With ``content`` it is an upload, which takes its time.
        """
        tries = asking.RETRIES if method == "GET" else 0
        for attempt in range(tries + 1):
            try:
                return self._once(method, path, options)
            except ConnectionLost:
                if attempt == tries:
                    raise
                time.sleep(asking.BACK_OFF_S * 2**attempt)
        raise AssertionError("unreachable")

    def told(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        """The JSON object that a request is answered with; an empty one for an empty answer."""
        response = self.ask(method, path, **options)
        if not response.content:
            return {}
        try:
            answer = response.json()
        except ValueError as exc:
            raise PrinterError(f"{self._address.url} answers, but not in JSON; is it {self._kind}?") from exc
        if not isinstance(answer, dict):
            raise PrinterError(f"{self._address.url} answers in an unknown way; is it {self._kind}?")
        return answer

    def _once(self, method: str, path: str, options: Mapping[str, Any]) -> httpx.Response:
        server, limit_s = self._address.url, asking.ANSWER_TIMEOUT_S
        if "content" in options:
            limit_s = asking.upload_limit_s(len(options["content"]))
            options = {"timeout": _UPLOAD, **options}
        try:
            response = asking.within(limit_s, server, lambda: self._answer(method, f"{server}{path}", options))
        except httpx.ConnectTimeout as exc:
            raise ConnectionLost(f"{server} cannot be reached in {asking.CONNECT_TIMEOUT_S:g} s") from exc
        except httpx.TimeoutException as exc:
            raise ReplyTimeout(f"{server} does not answer in {asking.READ_TIMEOUT_S:g} s; is it overloaded?") from exc
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            advice = "have its certificate signed" if "CERTIFICATE" in str(exc) else f"is {self._kind} running there?"
            raise ConnectionLost(f"{server} cannot be reached ({exc}); {advice}") from exc
        except RuntimeError as exc:  # closed by another thread
            raise ConnectionLost(f"{server}: {exc}") from exc
        if response.is_redirect:
            raise PrinterError(f"{server} redirects to {response.headers.get('location')}; use that address instead")
        if not response.is_success:
            raise self._refusal(response)
        return response

    def _answer(self, method: str, url: str, options: Mapping[str, Any]) -> httpx.Response:
        with self._client.stream(method, url, **options) as streamed:
            body = asking.bounded(streamed.iter_bytes(), self._address.url)
        headers = [(key, value) for key, value in streamed.headers.items() if key != "content-encoding"]
        return httpx.Response(streamed.status_code, headers=headers, content=body, request=streamed.request)

    def _refusal(self, response: httpx.Response) -> PrinterError:
        code = response.status_code
        words = self._refusals.get(code, f"has trouble of its own (HTTP {code})")
        own = " ".join(self._explain(response).split())[:300]
        return self._kinds(code, own)(f"{self._address.url} {words}{f': {own}' if own else ''}")


_UPLOAD: Final = httpx.Timeout(asking.UPLOAD_TIMEOUT_S, connect=asking.CONNECT_TIMEOUT_S)
