"""Orders to the process that prints: the asking side, which imports next to nothing, since a stop is in a hurry.

Whoever prints listens on a socket, ``NAME.sock`` in the user's runtime folder; see
:mod:`printprep.printers.control`. One line of JSON goes, one comes back::

    {"order": "tune", "speed_percent": 80}          {"done": "M220 S80"}
    {"order": "stop"}                               {"error": "PrinterError", "message": "…"}
"""

from __future__ import annotations

import json
import os
import socket
import warnings
from pathlib import Path
from typing import Any, Final

import platformdirs

from printprep.errors import InputError, PrinterError

LONGEST_PATH: Final = 107  # of a socket, in bytes; Linux has no room for more
ANSWER_S: Final = 5.0
ORDERS: Final = ("status", "pause", "resume", "cancel", "stop", "tune")

Answer = dict[str, Any]


def runtime_folder() -> Path:
    """Where the sockets are; ``PRINTPREP_RUNTIME`` names another folder than the user's own."""
    named = os.environ.get("PRINTPREP_RUNTIME")
    if named:
        return Path(named)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that XDG_RUNTIME_DIR is not set: the folder in /tmp is the owner's alone, too
        return Path(platformdirs.user_runtime_dir("printprep"))


def desk_path(name: str) -> Path:
    """The socket of the process that prints on the printer ``name``."""
    path = runtime_folder() / f"{name}.sock"
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise InputError(f"{path} is too long for a socket ({LONGEST_PATH} bytes); set PRINTPREP_RUNTIME")
    return path


def somebody_at(path: Path) -> bool:
    """Whether a process listens at a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_S)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def give_order(name: str, order: str, **wishes: object) -> Answer | None:
    """Have the process that prints on ``name`` do something; its answer, or None when nobody prints there.

    Raises
    ------
    PrinterError
        The process refuses, or says nothing.
    InputError
        The order is not possible.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as desk:
        desk.settimeout(ANSWER_S)
        try:
            desk.connect(str(desk_path(name)))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as exc:
            raise PrinterError(f"the process that prints on {name} cannot be reached: {exc.strerror or exc}") from exc
        try:
            desk.sendall(json.dumps({"order": order, **wishes}).encode() + b"\n")
            answer: Answer = json.loads(_all_of(desk))
        except (OSError, ValueError) as exc:
            raise PrinterError(f"the process that prints on {name} does not answer: {exc}") from exc
    if "error" in answer:
        kind = InputError if answer["error"] == "InputError" else PrinterError
        raise kind(str(answer.get("message")))
    return answer


def _all_of(desk: socket.socket) -> bytes:
    heard = b""
    while data := desk.recv(65_536):
        heard += data
    return heard


def printing_now() -> tuple[str, ...]:
    """Names of the printers that processes of this user print on now."""
    return tuple(sorted(path.stem for path in runtime_folder().glob("*.sock") if somebody_at(path)))
