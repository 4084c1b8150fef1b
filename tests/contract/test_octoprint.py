"""OctoPrint as it is: a real server with its virtual printer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from printprep.errors import PrinterError
from printprep.printers.octoprint import OctoPrintLink

pytestmark = pytest.mark.integration


def test_it_says_who_it_is(octoprint_server: Any) -> None:
    link = OctoPrintLink(octoprint_server.url, octoprint_server.key)
    assert link.connect().version == "1.11.8"
    link.close()


def test_nothing_of_the_file_but_its_commands_reaches_the_server(octoprint_server: Any, tmp_path: Path) -> None:
    job = tmp_path / "Smith_John.gcode"
    job.write_text("; patient Smith, John\nG91 ; Smith\nG1 X0.01 F60000\nG1 X-0.01\n", encoding="ascii")
    uploads = octoprint_server.folder / "uploads"
    link = OctoPrintLink(octoprint_server.url, octoprint_server.key)
    link.connect()
    kept: list[bytes] = []

    def look(_status: object) -> None:
        kept.extend(path.read_bytes() for path in uploads.rglob("*") if path.is_file())

    link.print_file(job, look)
    link.close()
    assert kept
    assert not any(b"Smith" in content for content in kept)
    assert not list(uploads.glob("*.gcode")), "what was printed stays on the server"


def test_a_wrong_key_is_refused_with_what_to_do(octoprint_server: Any) -> None:
    with pytest.raises(PrinterError, match="refuses the key; make a new one"):
        OctoPrintLink(octoprint_server.url, "F" * 32).connect()


def test_a_server_that_asks_for_no_key_is_not_used(open_octoprint_server: Any) -> None:
    link = OctoPrintLink(open_octoprint_server.url, open_octoprint_server.key)
    with pytest.raises(PrinterError, match="answers without a key"):
        link.connect()
    accepted = OctoPrintLink(open_octoprint_server.url, open_octoprint_server.key, allow_insecure=True)
    assert accepted.connect().version == "1.11.8"
    accepted.close()
