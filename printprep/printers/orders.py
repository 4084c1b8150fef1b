"""Orders to the process that prints: the asking side, which imports next to nothing, since a stop is in a hurry.

Whoever prints listens on a socket, ``NAME.sock`` in the user's runtime folder; see
:mod:`printprep.printers.control`. One line of JSON goes, one or two come back::

    {"order": "tune", "speed_percent": 80}          {"done": "M220 S80"}
    {"order": "stop"}                               {"heard": "stop"}
                                                    {"error": "PrinterError", "message": "…"}

What is done by a server far away may take its time; that the order was heard is said at once.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import warnings
from pathlib import Path
from typing import Any, Final

import platformdirs

from printprep.errors import InputError, PrinterError

LONGEST_PATH: Final = 107  # of a socket, in bytes; Linux has no room for more
ANSWER_S: Final = 5.0
DEED_S: Final = 90.0  # for what was heard to be done: a server that is asked again and again is given up before
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
        if _owner(desk) != os.geteuid():  # its "done" would prove nothing
            raise PrinterError(f"the process at {desk_path(name)} is another user's; set PRINTPREP_RUNTIME")
        answer = _answered(desk, name, {"order": order, **wishes})
    if "error" in answer:
        kind = InputError if answer["error"] == "InputError" else PrinterError
        raise kind(str(answer.get("message")))
    return answer


def _owner(desk: socket.socket) -> int:
    """The user whose process listens, as the kernel says it (unix(7), SO_PEERCRED: process, user, group)."""
    credentials = desk.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def _answered(desk: socket.socket, name: str, order: Answer) -> Answer:
    """Say an order and hear what became of it."""
    heard = False
    try:
        desk.sendall(json.dumps(order).encode() + b"\n")
        with desk.makefile("rb") as said:
            answer: Answer = json.loads(said.readline())
            heard = "heard" in answer
            if heard:
                desk.settimeout(DEED_S)
                answer = json.loads(said.readline())
    except (OSError, ValueError) as exc:
        if heard:
            raise PrinterError(
                f"the process that prints on {name} heard the order {order['order']!r} and does not say what became of "
                f"it ({exc}); look at the printer, and cut its power if it must stop"
            ) from exc
        raise PrinterError(f"the process that prints on {name} does not answer: {exc}") from exc
    return answer


def printing_now() -> tuple[str, ...]:
    """Names of the printers that processes of this user print on now."""
    return tuple(sorted(path.stem for path in runtime_folder().glob("*.sock") if somebody_at(path)))
