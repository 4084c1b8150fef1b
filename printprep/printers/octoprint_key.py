"""An application key from OctoPrint, which asks a person in its own window whether printprep may have one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import octorest
from octorest import AuthorizationRequestPollingResult as Decision

from printprep.errors import PrinterError, ReplyTimeout
from printprep.printers.asking import ServerAddress, refuse_public_plain_http
from printprep.printers.octoprint_session import Session, reading

APPLICATION: Final = "printprep"
POLL_S: Final = 1.0  # OctoPrint forgets a request that is not asked after for 5 s
WAIT_S: Final = 300.0
BY_HAND: Final = "make a key in its user settings (Application Keys) and give it with --key"


def ask_for_key(
    url: str,
    *,
    user: str | None = None,
    allow_insecure: bool = False,
    wait_s: float = WAIT_S,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Have a person confirm in OctoPrint; the key.

    Parameters
    ----------
    url
        Of the server.
    user
        Whose window asks; None: anybody's who is logged in.
    allow_insecure
        Let the key travel to a public address without TLS.
    wait_s
        For the person, s.
    clock, pause
        Monotonic time, and waiting, s.

    Raises
    ------
    PrinterError
        The server cannot do that, or the person refused.
    ReplyTimeout
        Nobody decided in time.
    """
    address = ServerAddress.of(url)
    if not allow_insecure:
        refuse_public_plain_http(address.url)
    with Session(address) as session, reading(address.url):
        client = octorest.OctoRest(url=address.url, session=session)
        if not client.probe_app_keys_workflow_support():
            raise PrinterError(f"{address.url} gives no application keys; {BY_HAND}")
        told = client.start_authorization_process(APPLICATION, user)
        # only its path: behind a proxy a server may think that it is somewhere else, where no key should come from
        question = f"{address.origin}{urlsplit(told).path}"
        end_s = clock() + wait_s
        while True:
            decision, key = client.poll_auth_request_decision(question)
            if decision is Decision.GRANTED and key:
                return str(key)
            if decision is Decision.NOPE:
                raise PrinterError(f"{address.url}: the key was refused there, or the request forgotten; try again")
            if clock() >= end_s:
                raise ReplyTimeout(f"nobody confirmed at {address.url} in {wait_s:g} s; try again, or {BY_HAND}")
            pause(POLL_S)
