"""A real PrusaLink on loopback, with a played MK3S behind a pty."""

from __future__ import annotations

import hashlib
import http.client
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.contract.einsy import Einsy, einsy

KEY = "0123456789ABCDEF"
USER, PASSWORD = "maker", "Not-Secret-1"
START = Path(__file__).with_name("prusalink_start.py")
START_S = 120.0
CONFIG = """
[daemon]
data_dir = {folder}
[http]
address = 127.0.0.1
port = {port}
[printer]
settings = ./settings.ini
directory = ./gcodes
[cameras]
auto_detect = no
"""
SETTINGS = """
[printer]
type = MK3S
name = bench
location = lab
[service::local]
enable = 1
username = {user}
digest = {digest}
api_key = {key}
"""


@dataclass(frozen=True)
class PrusaLinkServer:
    url: str
    einsy: Einsy
    log: Path  # of all that the board accepted
    gcodes: Path
    kill: Callable[[], None]
    again: Callable[[], None]  # starts it anew


@contextmanager
def prusalink(python: Path, folder: Path, port: int) -> Iterator[PrusaLinkServer]:
    """Run a server until the end of the block, its printer connected."""
    digest = hashlib.md5(f"{USER}:Administrator:{PASSWORD}".encode(), usedforsecurity=False).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.ini").write_text(CONFIG.format(folder=folder, port=port), encoding="ascii")
    (folder / "settings.ini").write_text(SETTINGS.format(user=USER, digest=digest, key=KEY), encoding="ascii")
    url, log = f"http://127.0.0.1:{port}", folder / "accepted.log"
    with einsy(log) as board, (folder / "output.txt").open("wb") as output:
        command: list[str | Path] = [python, START, "-f", "-i", "-c", folder / "config.ini", "-s", board.port]
        running: list[subprocess.Popen[bytes]] = []

        def start() -> None:
            running.append(subprocess.Popen(command, stdout=output, stderr=output))
            wait_until_idle(url, running[-1])

        def kill() -> None:
            running[-1].kill()
            running[-1].wait()

        try:
            start()
            assert isinstance(board.firmware, Einsy)
            yield PrusaLinkServer(url, board.firmware, log, folder / "gcodes", kill, start)
        finally:
            kill()


def wait_until_idle(url: str, server: subprocess.Popen[bytes]) -> None:
    """It waits 8 s for a printer that may have been reset, then asks it for some thirty things."""
    request = urllib.request.Request(f"{url}/api/v1/status", headers={"X-Api-Key": KEY})
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError, http.client.HTTPException), urllib.request.urlopen(request, timeout=5) as reply:
            told = json.load(reply)
            if told["printer"]["state"] == "IDLE" and told["storage"][0].get("name"):
                return
        time.sleep(0.2)
    raise RuntimeError(f"PrusaLink did not start in {START_S:g} s (exit code {server.poll()})")
