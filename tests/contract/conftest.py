"""A real OctoPrint with its virtual printer, and a real Moonraker before a played Klipper, on loopback.

Each is installed into an environment of its own.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.klippy import Klippy
from tests.contract.prusalink_server import PrusaLinkServer, prusalink

OCTOPRINT = "octoprint==1.11.8"
MOONRAKER = "moonraker==0.11.0"
PRUSALINK = "prusalink==0.8.1"
PRUSALINK_NEEDS = (  # all but what wants headers of the system, see prusalink_start.py
    *("prusa.connect.sdk.printer==0.8.1", "py-gcode-metadata", "bidict~=0.22.1", "blinker~=1.5", "extendparser~=0.3.1"),
    *("jinja2-template-info~=0.2.4", "lockfile~=0.12.2", "packaging~=23.0", "PoorWSGI~=2.5.0", "pydantic==1.10.12"),
    *("pyric~=0.1.6.3", "python-daemon~=3.0.1", "python-magic~=0.4.27", "pyudev~=0.24.0", "PyYAML~=6.0", "requests"),
    *("sortedcontainers~=2.4.0", "unidecode~=1.3.6", "validators~=0.20.0", "zeroconf~=0.47.4", "setuptools<81"),
)
KEY = "0123456789ABCDEF0123456789ABCDEF"
ROOT = Path(__file__).parent.parent.parent
START_S = 180.0  # its first start compiles some thousand files, on whatever cores are left

CONFIG = """
server:
  firstRun: false
  host: 127.0.0.1
  port: {port}
  onlineCheck: {{enabled: false}}
  pluginBlacklist: {{enabled: false}}
api: {{key: {key}}}
serial: {{autoconnect: true, port: VIRTUAL, baudrate: 115200}}
plugins:
  virtual_printer: {{enabled: true, numExtruders: 2, simulated_errors: [], throttle: 0.001}}
  _disabled: [softwareupdate, tracking, announcements, discovery, pi_support, backup, health_check, errortracking]
"""

GUESTS_MAY_LOOK = """
_version: 2
groups:
  guests: {permissions: [STATUS, CONNECTION, PRINT, CONTROL]}
"""


@dataclass(frozen=True)
class Server:
    url: str
    key: str
    folder: Path
    process: subprocess.Popen[bytes]


def installed(name: str, *requirements: tuple[str, ...]) -> Path:
    """A server's program, installed once into a folder that later runs find; test processes wait for each other.

    ``requirements`` are what pip is called with, call by call; the last brings the program.
    """
    environment = ROOT / ".cache" / f"{name}-venv"
    program = environment / "bin" / name
    environment.parent.mkdir(exist_ok=True)
    with environment.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            subprocess.run([sys.executable, "-m", "venv", environment], check=True, capture_output=True)
            pip: list[str | Path] = [environment / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
            for requirement in requirements:
                subprocess.run([*pip, *requirement], check=True, capture_output=True)
    return program


def octoprint_program() -> Path:
    """OctoPrint's."""
    return installed("octoprint", (OCTOPRINT,))


def add_administrator(program: Path, folder: Path) -> None:
    """A server without a user is in its set-up wizard and lets nobody in, or everybody."""
    subprocess.run(
        [program, "--basedir", folder, "user", "add", "admin", "--password", "not-secret", "--admin"],
        check=True,
        capture_output=True,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def octoprint(program: Path, folder: Path, *, open_to_all: bool = False, port: int | None = None) -> Iterator[Server]:
    """Run a server until the end of the block, printer connected; again in the same folder, it is the same server."""
    known = (folder / "users.yaml").exists()
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(CONFIG.format(port=port, key=KEY), encoding="utf-8")
    if open_to_all:
        (folder / "groups.yaml").write_text(GUESTS_MAY_LOOK, encoding="utf-8")
    if not known:
        add_administrator(program, folder)
    command: list[str | Path] = [program, "--basedir", folder, "serve", "--host", "127.0.0.1", "--port", str(port)]
    if os.geteuid() == 0:
        command.append("--iknowwhatimdoing")
    with (
        (folder / "output.txt").open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output) as server,
    ):
        try:
            wait_until_operational(f"http://127.0.0.1:{port}", server)
            yield Server(url=f"http://127.0.0.1:{port}", key=KEY, folder=folder, process=server)
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(10)
            server.kill()


def wait_until_operational(url: str, server: subprocess.Popen[bytes]) -> None:
    request = urllib.request.Request(f"{url}/api/connection", headers={"X-Api-Key": KEY})
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError, http.client.HTTPException), urllib.request.urlopen(request, timeout=5) as reply:
            if json.load(reply)["current"]["state"] == "Operational":
                return
        time.sleep(0.2)
    raise RuntimeError(f"OctoPrint did not start in {START_S:g} s (exit code {server.poll()})")


def required(reason: str) -> None:
    """A missing server fails under CI=true and is a named skip elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def octoprint_installed() -> Path:
    try:
        return octoprint_program()
    except (subprocess.CalledProcessError, OSError) as exc:
        required(f"{OCTOPRINT} cannot be installed: {exc}")
        raise


@pytest.fixture(scope="session")
def octoprint_server(octoprint_installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with its virtual printer connected."""
    with octoprint(octoprint_installed, tmp_path_factory.mktemp("octoprint")) as server:
        yield server


@pytest.fixture(scope="session")
def open_octoprint_server(octoprint_installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that answers anybody."""
    with octoprint(octoprint_installed, tmp_path_factory.mktemp("open-octoprint"), open_to_all=True) as server:
        yield server


MOONRAKER_CONFIG = """
[server]
host: 127.0.0.1
port: {port}
klippy_uds_address: {folder}/klippy.sock
[authorization]
[announcements]
dev_mode: True
[file_manager]
enable_object_processing: False
[machine]
provider: none
validate_service: False
validate_config: False
"""


@dataclass(frozen=True)
class KlipperServer:
    url: str
    key: str
    klippy: Klippy
    gcodes: Path
    again: Callable[[], None]  # kills the server and starts it anew


@contextmanager
def moonraker(program: Path, folder: Path) -> Iterator[KlipperServer]:
    """Run a Moonraker until the end of the block, with a played Klipper behind it."""
    for name in ("config", "logs", "gcodes", "database"):
        (folder / name).mkdir(parents=True)
    port = free_port()
    config = MOONRAKER_CONFIG.format(port=port, folder=folder)
    (folder / "config" / "moonraker.conf").write_text(config, encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    with (
        Klippy(folder / "klippy.sock", folder / "gcodes") as klippy,
        (folder / "output.txt").open("wb") as output,
        ExitStack() as stack,
    ):

        def start() -> tuple[subprocess.Popen[bytes], str]:
            server = subprocess.Popen([program, "-d", folder], stdout=output, stderr=output)
            stack.callback(ended, server)
            key = wait_for_key(folder / "database" / "moonraker-sql.db", server)
            wait_for_klipper(url, key, server)
            return server, key

        running, key = start()

        def again() -> None:
            nonlocal running
            running.kill()
            running.wait()
            running, _ = start()

        yield KlipperServer(url=url, key=key, klippy=klippy, gcodes=folder / "gcodes", again=again)


def ended(server: subprocess.Popen[bytes]) -> None:
    """End a server that may have ended already."""
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(10)
    server.kill()
    server.wait()


def wait_for_key(database: Path, server: subprocess.Popen[bytes]) -> str:
    """The API key that Moonraker made at its first start."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        if database.exists():
            query = "SELECT password FROM authorized_users WHERE username = '_API_KEY_USER_'"
            with suppress(sqlite3.OperationalError), closing(sqlite3.connect(database)) as connection:
                found = connection.execute(query).fetchone()
                if found is not None:
                    return str(found[0])
        time.sleep(0.2)
    raise RuntimeError(f"Moonraker made no key in {START_S:g} s (exit code {server.poll()})")


def wait_for_klipper(url: str, key: str, server: subprocess.Popen[bytes]) -> None:
    request = urllib.request.Request(f"{url}/server/info", headers={"X-Api-Key": key})
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError, http.client.HTTPException), urllib.request.urlopen(request, timeout=5) as reply:
            if json.load(reply)["result"]["klippy_state"] == "ready":
                return
        time.sleep(0.2)
    raise RuntimeError(f"Moonraker did not start in {START_S:g} s (exit code {server.poll()})")


@pytest.fixture(scope="session")
def moonraker_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KlipperServer]:
    """A real Moonraker before a played Klipper."""
    try:
        program = installed("moonraker", (MOONRAKER,))
    except (subprocess.CalledProcessError, OSError) as exc:
        required(f"{MOONRAKER} cannot be installed: {exc}")
        raise
    with moonraker(program, tmp_path_factory.mktemp("mr")) as server:
        yield server


@pytest.fixture(scope="session")
def prusalink_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrusaLinkServer]:
    """A real PrusaLink before a played MK3S."""
    try:
        program = installed("prusalink", PRUSALINK_NEEDS, ("--no-deps", PRUSALINK))
    except (subprocess.CalledProcessError, OSError) as exc:
        required(f"{PRUSALINK} cannot be installed: {exc}")
        raise
    with prusalink(program.with_name("python"), tmp_path_factory.mktemp("pl"), free_port()) as server:
        yield server
