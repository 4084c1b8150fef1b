"""What the notes say that servers say, read by the links."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from printprep.printers.look import Look
from printprep.printers.moonraker import read_objects
from printprep.printers.prusalink import read_status
from printprep.printers.sdcp import read_board_status

NOTES = Path(__file__).parents[3] / "firmware_notes"
READERS: dict[str, Callable[[Mapping[str, Any]], Look]] = {
    "moonraker": lambda told: read_objects(told, "ours.gcode"),
    "prusalink": lambda told: read_status(told, "http://here"),
    "sdcp": read_board_status,
}


def exchanges(server: str) -> list[tuple[str, str]]:
    text = (NOTES / f"{server}.md").read_text(encoding="utf-8")
    block = "".join(re.findall(rf"^```{server}\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    return re.findall(r"^< (.*)\n= (.*)$", block, re.MULTILINE)


ALL = [(server, *exchange) for server in READERS for exchange in exchanges(server)]


def described(seen: Look) -> str:
    words = [str(seen.status.state)]
    if seen.done is not None:
        words.append(f"{100 * seen.done:.0f} %")
    if seen.ending is not None:
        words.append(str(seen.ending))
    if not seen.ours:
        words.append("not ours")
    return ", ".join(words) + (f": {seen.why}" if seen.why else "")


@pytest.mark.parametrize(("server", "told", "read"), ALL)
def test_what_a_server_says_is_read_as_its_note_says(server: str, told: str, read: str) -> None:
    assert described(READERS[server](json.loads(told))) == read


def test_there_are_exchanges() -> None:
    assert len(ALL) == 26
