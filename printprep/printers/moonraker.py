"""A printer that runs Klipper, behind a Moonraker server.

Written from Moonraker's documentation (docs/external_api and docs/printer_objects.md, commit d5ee171 of June 2026) and
tried on Moonraker 0.11. Klipper itself reads the file from the server's disk, so a print goes on while Moonraker is
away. While it prints a websocket says how it goes; where that is not to be had, the server is asked twice a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import httpx

from printprep.errors import ConnectionLost, FirmwareFault, PrinterError
from printprep.printers.asking import Busy, Missing, checked_key, understood
from printprep.printers.link import Ending, Identity, PrinterState, PrinterStatus
from printprep.printers.look import Look
from printprep.printers.push import Push
from printprep.printers.served import BUSY
from printprep.printers.upload import OnSent, Upload, form
from printprep.printers.web import Web
from printprep.printers.weblink import WebLink

_OBJECTS: Final[Mapping[str, list[str] | None]] = {
    "webhooks": ["state", "state_message"],
    "print_stats": ["filename", "state", "message"],
    "virtual_sdcard": ["progress"],
}
_HEAT: Final = ["temperature", "target"]
_STATES: Final = {"printing": PrinterState.PRINTING, "paused": PrinterState.PAUSED}
_ENDINGS: Final = {"complete": Ending.FINISHED, "cancelled": Ending.CANCELLED, "error": Ending.FAILED}
_HISTORY: Final = {"completed": Ending.FINISHED, "cancelled": Ending.CANCELLED}
_REFUSALS: Final = {
    400: "or Klipper refuses",
    401: "refuses the key; `fetch-apikey.sh` of Moonraker shows the one it has",
    403: "refuses that",
    503: "has no Klipper behind it",
}


class MoonrakerLink(WebLink):
    """A printer behind Moonraker; see :class:`~printprep.printers.link.PrinterLink`.

    Parameters
    ----------
    url
        Of the server, with its port: ``http://voron.local:7125``.
    key
        Moonraker's API key; may be left out where this computer is trusted.
    settings
        Of :class:`~printprep.printers.served.ServedLink`.
    """

    kind = "Moonraker"
    pushes = True
    key_at = "`fetch-apikey.sh` of Moonraker shows it"
    stranger_asks = "/server/info"
    lock = "take this network out of its trusted_clients"

    def __init__(self, url: str, key: str | None = None, **settings: Any) -> None:
        super().__init__(url, **settings)
        self._key = checked_key(self.url, key) if key else None
        self._objects: dict[str, list[str] | None] = dict(_OBJECTS)
        self._told: dict[str, dict[str, Any]] = {}  # what the websocket said, put together

    # Connection

    def connect(self) -> Identity:
        """Reach the server, prove that it wants a key and takes this one, and that Klipper is ready."""
        self.close()
        if not self._allow_insecure:
            self._be_careful(self._key)
        self._web = self._open(known=True)
        try:
            with understood(self.url, self.kind):
                return self._introduced()
        except PrinterError:
            self.close()
            raise

    def _introduced(self) -> Identity:
        """Ask who is there, and what it can heat."""
        told = self._result("GET", "/server/info")
        klippy = str(told.get("klippy_state", "disconnected"))
        if klippy != "ready":
            why = "" if klippy == "disconnected" else str(self._result("GET", "/printer/info").get("state_message"))
            raise ConnectionLost(f"{self.url}: Klipper is {klippy}; {' '.join(why.split()) or 'start it'}")
        listed = self._result("GET", "/printer/objects/list").get("objects", [])
        heaters = {str(name): list(_HEAT) for name in listed if _is_heater(str(name))}
        self._objects = {**_OBJECTS, **heaters}
        self._identity = Identity(firmware="Klipper", version=f"Moonraker {told.get('moonraker_version', '')}".strip())
        return self._identity

    def emergency_stop(self) -> str:
        """Stop Klipper at once; only a restart of its firmware makes it ready again."""
        self._asked.ask("POST", "/printer/emergency_stop")
        return "was stopped by Klipper at once; FIRMWARE_RESTART makes it ready again"

    # What served.py asks for

    def _store(self, upload: Upload, on_sent: OnSent) -> str:
        fields = {"root": "gcodes", "checksum": upload.sha256}  # it compares the checksum itself, and answers 422
        body, headers = form(upload.name, upload.stream, upload.size, on_sent, fields=fields)
        item = self._asked.told("POST", "/server/files/upload", content=body, headers=headers).get("item") or {}
        place, size = item.get("path"), item.get("size")
        if not place or (size is not None and size != upload.size):
            raise PrinterError(f"{self.url} keeps {place} with {size} bytes where {upload.size} were sent; try again")
        return str(place)

    def _start(self, place: str) -> None:
        if self._seen(None).status.state in BUSY:  # Klipper would drop a paused print for ours without a word
            raise Busy(f"{self.url} prints something else; let it end, or cancel it there")
        self._asked.ask("POST", "/printer/print/start", json={"filename": place})

    def _hold(self) -> None:
        self._asked.ask("POST", "/printer/print/pause")

    def _go_on(self) -> None:
        self._asked.ask("POST", "/printer/print/resume")

    def _end(self) -> None:
        self._asked.ask("POST", "/printer/print/cancel")

    def _cool(self) -> None:
        self._script(["TURN_OFF_HEATERS"])

    def _script(self, commands: Sequence[str]) -> None:
        self._asked.ask("POST", "/printer/gcode/script", json={"script": "\n".join(commands)})

    def _remove(self, place: str) -> None:
        self._asked.ask("DELETE", f"/server/files/gcodes/{quote(place)}")

    def _look(self, place: str | None) -> Look:
        if self._pushed() and place is not None:
            seen = read_objects(self._told, place)
            if seen.ours and seen.status.state in BUSY:  # an end is asked for once more, with all that belongs to it
                return seen
        told = self._result("POST", "/printer/objects/query", json={"objects": self._objects})
        self._told = {name: dict(values) for name, values in (told.get("status") or {}).items()}
        seen = read_objects(self._told, place)
        return seen if seen.ours else self._remembered(place or "", seen)

    def _remembered(self, place: str, seen: Look) -> Look:
        """An end after which a macro of the printer cleared the file away, from Moonraker's history."""
        try:
            jobs = self._result("GET", "/server/history/list", params={"limit": 1, "order": "desc"}).get("jobs") or []
        except PrinterError:  # no history is kept
            return seen
        if not jobs or jobs[0].get("filename") != place:
            return seen
        state = str(jobs[0].get("status"))
        if state == "in_progress":
            return seen
        return Look(status=seen.status, ending=_HISTORY.get(state, Ending.FAILED), why=state.replace("_", " "))

    # The websocket

    def _open_push(self) -> Push:
        self._told = {}
        push = Push(f"{self._address.socket_url}/websocket", headers=self._headers)
        subscribe = {"method": "printer.objects.subscribe", "params": {"objects": self._objects}}
        push.send({"jsonrpc": "2.0", "id": 1, **subscribe})
        return push

    def _pushed(self) -> bool:
        """Put together what was pushed; whether anything was."""
        if self._push is None:
            return False
        news = False
        for message in self._push.take():
            if message.get("id") == 1:  # the answer to the subscription holds everything
                changes = (message.get("result") or {}).get("status")
            elif message.get("method") == "notify_status_update":
                changes = (message.get("params") or [None])[0]
            else:
                continue
            if isinstance(changes, dict):
                news = True
                for name, values in changes.items():
                    self._told.setdefault(name, {}).update(values)
        return news

    # Asking

    def _result(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        answer = self._asked.told(method, path, **options).get("result")
        if not isinstance(answer, dict):
            raise PrinterError(f"{self.url} answers in an unknown way; is it Moonraker?")
        return answer

    @property
    def _headers(self) -> Mapping[str, str]:
        return {"X-Api-Key": self._key} if self._key else {}

    def _open(self, *, known: bool) -> Web:
        headers = self._headers if known else {}
        return Web(self._address, self.kind, headers=headers, refusals=_REFUSALS, explain=_explained, kinds=_kind)


def read_objects(told: Mapping[str, Mapping[str, Any]], place: str | None) -> Look:
    """What Klipper's objects say of the printer, and of the print of ``place``."""
    hooks, stats = told.get("webhooks", {}), told.get("print_stats", {})
    klippy, printing = str(hooks.get("state", "ready")), str(stats.get("state", "standby"))
    state = _STATES.get(printing, PrinterState.READY)
    why = " ".join(str(stats.get("message") or "").split())
    if klippy != "ready":
        state = PrinterState.OFFLINE if klippy == "startup" else PrinterState.FAILED
        why = f"Klipper is {klippy}: {' '.join(str(hooks.get('state_message', '')).split())}"
    heaters = {name: values for name, values in told.items() if _is_heater(name)}
    tools = {_tool(name): _pair(values) for name, values in heaters.items() if name != "heater_bed"}
    status = PrinterStatus(
        state=state,
        tools_c=dict(sorted(tools.items())),
        bed_c=_pair(heaters["heater_bed"]) if "heater_bed" in heaters else None,
        message=why if state in (PrinterState.FAILED, PrinterState.OFFLINE) else "",
    )
    ours = place is None or stats.get("filename") == place
    done = told.get("virtual_sdcard", {}).get("progress")
    return Look(
        status=status,
        done=None if done is None or not ours else min(1.0, float(done)),
        ending=_ENDINGS.get(printing) if ours and place is not None else None,
        ours=ours or klippy != "ready",
        why=why,
    )


def _is_heater(name: str) -> bool:
    return name in ("heater_bed", "extruder") or (name.startswith("extruder") and name[8:].isdigit())


def _tool(name: str) -> int:
    return int(name.removeprefix("extruder") or 0)


def _pair(values: Mapping[str, Any]) -> tuple[float, float]:
    return float(values.get("temperature") or 0.0), float(values.get("target") or 0.0)


def _explained(response: httpx.Response) -> str:
    try:
        error = response.json()["error"]
        return str(error["message"])
    except (ValueError, KeyError, TypeError):
        return ""


def _kind(code: int, words: str) -> type[PrinterError]:
    """Klipper's own refusals come as 400, told apart by their words (klippy/extras/virtual_sdcard.py, webhooks.py)."""
    if code == 400 and "SD busy" in words:
        return Busy
    if code == 400 and ("shutdown" in words.lower() or "not ready" in words.lower()):
        return FirmwareFault
    if code == 404:
        return Missing
    return ConnectionLost if code in (502, 503, 504) else PrinterError
