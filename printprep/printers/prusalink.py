"""A Prusa printer behind PrusaLink: on a Raspberry Pi, in the Buddy firmware, in the SL1S.

Written from the published interface (spec/openapi.yaml of Prusa-Link-Web, commit a67f306 of February 2025), held
against what serves it: lib/WUI of Prusa-Firmware-Buddy (818d812) and prusa/link/web of Prusa-Link (58d09da).
PrusaLink pushes nothing, so it is asked twice a second.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from printprep.errors import ConnectionLost, PrinterError
from printprep.printers.asking import Busy, Missing, checked_key, understood
from printprep.printers.layerjob import holds_layers
from printprep.printers.link import Ending, Identity, PrinterState, PrinterStatus
from printprep.printers.look import Look
from printprep.printers.upload import Counted, OnSent, Upload
from printprep.printers.web import Web
from printprep.printers.weblink import WebLink

_STATES: Final = {
    "IDLE": PrinterState.READY,
    "READY": PrinterState.READY,
    "FINISHED": PrinterState.READY,
    "STOPPED": PrinterState.READY,
    "BUSY": PrinterState.PRINTING,  # between two of the others: it heats, parks, ends
    "PRINTING": PrinterState.PRINTING,
    "PAUSED": PrinterState.PAUSED,
    "ATTENTION": PrinterState.PAUSED,  # waits for a person
    "ERROR": PrinterState.FAILED,
}
_ENDINGS: Final = {"FINISHED": Ending.FINISHED, "STOPPED": Ending.CANCELLED}
_REFUSALS: Final = {
    401: "refuses the key; it is shown in the printer's menu under Network, PrusaLink",
    403: "refuses the key; it is shown in the printer's menu under Network, PrusaLink",
    415: "does not take that kind of file; is it sliced for this printer?",
}
NOTICE_S: Final = 10.0  # for a server to notice what was uploaded; PrusaLink 0.8.1 itself waits 1 s for it
SHOWN_S: Final = 15.0  # for the end of a print, which on a Raspberry Pi has no job any more, to leave the display: 11 s
LOOK_AGAIN_S: Final = 0.2
_KINDS: Final = {True: "application/octet-stream", False: "text/x.gcode"}  # a file of layers or not


class PrusaLinkLink(WebLink):
    """A printer behind PrusaLink; see :class:`~printprep.printers.link.PrinterLink`.

    Parameters
    ----------
    url
        Of the printer.
    key
        An API key; with ``user`` the password of a digest log-in.
    user
        Such as ``maker``; None: the key is an API key.
    settings
        Of :class:`~printprep.printers.served.ServedLink`.
    """

    kind = "PrusaLink"
    untunable = "PrusaLink takes no commands while it prints; use the printer's own knob or screen"
    key_at = "it is in the printer's menu under Network, PrusaLink"
    stranger_asks = "/api/v1/status"
    lock = "switch its log-in on"

    def __init__(self, url: str, key: str, *, user: str | None = None, **settings: Any) -> None:
        super().__init__(url, **settings)
        self._key, self._user = key if user else checked_key(self.url, key), user
        self._storage = ""
        self._job_id: int | None = None  # of our print, once it runs
        self._ended_before = False  # an end was shown when ours was started

    # Connection

    def connect(self) -> Identity:
        """Reach the printer, prove that it wants a key and takes this one, and that it has room for files."""
        self.close()
        if not self._allow_insecure:
            self._be_careful(self._key)
        self._web = self._open(known=True)
        try:
            with understood(self.url, self.kind):
                version = self._web.told("GET", "/api/version")
                self._storage = self._writable()
            state = self._seen(None).status
        except PrinterError:
            self.close()
            raise
        if state.state is PrinterState.FAILED:
            self.close()
            raise ConnectionLost(f"{self.url}: {state.message}; see to the printer first")
        self._identity = read_version(version)
        return self._identity

    def emergency_stop(self) -> str:
        """Cancel, which is all that PrusaLink can; the error says so."""
        self._only_cancel()

    # What served.py asks for

    def _holds_layers(self, path: Path) -> bool:
        return holds_layers(path)

    def _store(self, upload: Upload, on_sent: OnSent) -> str:
        place = f"{self._storage}/{quote(upload.name)}"
        headers = {"Content-Type": _KINDS[upload.layers], "Content-Length": str(upload.size), "Overwrite": "?1"}
        # a digest log-in has the upload asked for a second time, so its challenge is fetched before
        self._asked.ask("GET", "/api/version")
        body = Counted(upload.stream, upload.size, on_sent)
        self._asked.ask("PUT", f"/api/v1/files{place}", content=body, headers=headers)
        return place

    def _verify(self, place: str, upload: Upload) -> None:
        kept = self._noticed(place)
        if kept.get("size") is not None and int(kept["size"]) != upload.size:
            raise PrinterError(f"{self.url} keeps {kept['size']} bytes where {upload.size} were sent; try again")

    def _noticed(self, place: str) -> Mapping[str, Any]:
        """What the server knows of an upload: on a Raspberry Pi it only notices the new file a moment later."""
        end_s = self._clock() + NOTICE_S
        while True:
            try:
                return self._asked.told("GET", f"/api/v1/files{place}", headers={"Accept": "application/json"})
            except Missing:
                if self._clock() > end_s:
                    raise
                time.sleep(LOOK_AGAIN_S)

    def _start(self, place: str) -> None:
        self._job_id, self._ended_before = None, self._shows_an_end()
        self._asked.ask("POST", f"/api/v1/files{place}")

    def _shows_an_end(self) -> bool:
        """Whether an earlier print's end is shown, after some patience where no job tells it from the end of ours."""
        end_s = self._clock() + SHOWN_S
        while True:
            told = self._asked.told("GET", "/api/v1/status")
            if read_status(told, self.url).ending is None:
                return False
            if told.get("job") or self._clock() > end_s:
                return True
            time.sleep(LOOK_AGAIN_S)

    def _hold(self) -> None:
        self._asked.ask("PUT", f"/api/v1/job/{self._running()}/pause")

    def _go_on(self) -> None:
        self._asked.ask("PUT", f"/api/v1/job/{self._running()}/resume")

    def _end(self) -> None:
        self._asked.ask("DELETE", f"/api/v1/job/{self._running()}")

    def _cool(self) -> None:
        """Nothing: the firmware cools when it stops, and takes no commands from here."""

    def _remove(self, place: str) -> None:
        self._asked.ask("DELETE", f"/api/v1/files{place}")

    def _look(self, place: str | None) -> Look:
        told = self._asked.told("GET", "/api/v1/status")
        seen = read_status(told, self.url)
        if place is None:
            return seen
        job = told.get("job") or {}
        if self._job_id is None:
            if seen.ending is None and seen.status.state in (PrinterState.PRINTING, PrinterState.PAUSED):
                self._job_id = job.get("id")
            elif self._ended_before and not self._is_ours(place):
                return Look(status=seen.status)
        return Look(
            status=seen.status,
            done=seen.done,
            ending=seen.ending,
            why=seen.why,
            ours=job.get("id") in (None, self._job_id) or seen.ending is not None,
        )

    def _is_ours(self, place: str) -> bool:
        file = self._asked.told("GET", "/api/v1/job").get("file") or {}
        return place.rpartition("/")[2] in (file.get("name"), file.get("display_name"))

    def _running(self) -> int:
        """The job's number, which every wish has to name."""
        number = self._job_id
        if number is None:
            number = (self._asked.told("GET", "/api/v1/status").get("job") or {}).get("id")
        if number is None:
            raise Busy(f"{self.url} has no print under way")
        return int(number)

    # Asking

    def _writable(self) -> str:
        """The path of the first store that takes files."""
        listed = self._asked.told("GET", "/api/v1/storage").get("storage_list") or []
        for store in listed:
            if store.get("available") and not store.get("read_only") and store.get("path"):
                return "/" + str(store["path"]).strip("/")
        raise PrinterError(f"{self.url} has no store that takes files; is its USB drive plugged in?")

    def _open(self, *, known: bool) -> Web:
        auth = httpx.DigestAuth(self._user, self._key) if known and self._user else None
        headers = {"X-Api-Key": self._key} if known and not self._user else {}
        return Web(self._address, self.kind, headers=headers, auth=auth, refusals=_REFUSALS, explain=_explained)


def read_version(told: Mapping[str, Any]) -> Identity:
    """What ``/api/version`` says: of a server beside the printer its own version, and that of the firmware."""
    own = str(told.get("version") or told.get("server") or told.get("api"))
    name = str(told.get("text") or "PrusaLink").removesuffix(own).strip()
    firmware = told.get("firmware")
    return Identity(firmware=name, version=f"{own}, firmware {firmware}" if firmware else own)


def read_status(told: Mapping[str, Any], url: str) -> Look:
    """What ``/api/v1/status`` says."""
    printer = told.get("printer")
    if not isinstance(printer, dict) or "state" not in printer:
        raise PrinterError(f"{url} answers in an unknown way; is it PrusaLink?")
    word = str(printer["state"]).upper()
    own = " ".join(str((printer.get("status_printer") or {}).get("message") or "").split())
    why = "" if own.upper() == "OK" else own
    message = {"ERROR": why or "it shows an error", "ATTENTION": why or "it waits for a person; see its display"}
    nozzle = _pair(printer, "nozzle")
    progress = (told.get("job") or {}).get("progress")
    status = PrinterStatus(
        state=_STATES.get(word, PrinterState.OFFLINE),
        tools_c={} if nozzle is None else {0: nozzle},
        bed_c=_pair(printer, "bed"),
        message=message.get(word, ""),
    )
    done = None if progress is None else min(1.0, max(0.0, float(progress) / 100.0))
    return Look(status=status, done=done, ending=_ENDINGS.get(word), why=message.get(word, ""))


def _pair(printer: Mapping[str, Any], heater: str) -> tuple[float, float] | None:
    actual, target = printer.get(f"temp_{heater}"), printer.get(f"target_{heater}")
    return None if actual is None and target is None else (float(actual or 0.0), float(target or 0.0))


def _explained(response: httpx.Response) -> str:
    try:
        told = response.json()
        return str(told.get("text") or told.get("message") or told.get("title") or "")
    except (ValueError, AttributeError):
        return "" if "<" in response.text else response.text
