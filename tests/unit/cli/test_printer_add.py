"""printprep printer add: printers behind servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from printprep.cli.printer import printer
from printprep.errors import ConnectionLost, InputError, PrinterError
from printprep.printers import PRINTERS, open_link
from printprep.printers.registry import find_printer

KEY = "a-key-that-nobody-sees"
SERVERS = {
    "octoprint": ("ender-3", ["--octoprint", "http://a.local", "--key", KEY]),
    "moonraker": ("voron-2.4", ["--moonraker", "http://b.local:7125", "--key", KEY]),
    "prusalink": ("prusa-sl1s", ["--prusalink", "http://c.local", "--key", KEY, "--user", "maker"]),
    "sdcp": ("elegoo-saturn", ["--sdcp", "http://d.local", "--allow-insecure"]),
}


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PRINTPREP_CONFIG", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("link", SERVERS)
def test_a_printer_behind_a_server_is_written_down_and_its_key_shown_nowhere(link: str, configuration: Path) -> None:
    profile, words = SERVERS[link]
    added = CliRunner().invoke(printer, ["add", "bench", "--profile", profile, *words])
    assert added.exception is None, added.output
    listed = CliRunner().invoke(printer, ["list", "--json"]).output + CliRunner().invoke(printer, ["list"]).output
    assert KEY not in added.output + listed + repr(find_printer("bench"))
    row = json.loads(CliRunner().invoke(printer, ["list", "--json"]).stdout)["printers"][-1]
    assert (row["link"], row["has_key"]) == (link, link != "sdcp")
    assert (configuration / "printers.toml").stat().st_mode & 0o077 == 0
    assert type(open_link(find_printer("bench"))).__name__.lower().startswith(link)
    assert link in PRINTERS


def test_a_key_may_come_from_the_environment_or_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--profile", "voron-2.4", "--moonraker", "http://b.local"]
    asked = CliRunner().invoke(printer, ["add", "one", *words], input=f"{KEY}\n")
    assert asked.exception is None
    assert find_printer("one").key == KEY
    assert KEY not in asked.output
    monkeypatch.setenv("PRINTPREP_KEY", "another")
    again = CliRunner().invoke(printer, ["add", "one", "--replace", *words])
    assert again.exception is None
    assert find_printer("one").key == "another"


def test_a_trusted_moonraker_needs_no_key() -> None:
    words = ["--profile", "voron-2.4", "--moonraker", "http://b.local", "--allow-insecure"]
    assert CliRunner().invoke(printer, ["add", "one", *words]).exception is None
    assert find_printer("one").key is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--profile", "ender-3"], "in one way: --port, or one of --octoprint"),
        (["--profile", "ender-3", "--octoprint", "http://a", "--moonraker", "http://b"], "in one way: --port"),
        (["--profile", "elegoo-saturn", "--sdcp", "http://d.local"], "asks nobody for a key"),
        (["--profile", "ender-3", "--sdcp", "http://d.local", "--allow-insecure"], "SDCP sends layers"),
        (["--profile", "prusa-sl1s", "--octoprint", "http://a"], "sends G-code"),
        (["--profile", "voron-2.4", "--moonraker", "b.local", "--key", KEY], "not the address"),
        (["--profile", "voron-2.4", "--moonraker", "http://me:pw@b.local", "--key", KEY], "name or a password"),
    ],
)
def test_mistakes(words: list[str], said: str, configuration: Path) -> None:
    result = CliRunner().invoke(printer, ["add", "bench", *words])
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)
    assert not (configuration / "printers.toml").exists()


def test_a_public_address_without_tls_is_not_written_down(configuration: Path) -> None:
    words = ["add", "bench", "--profile", "voron-2.4", "--octoprint", "http://8.8.8.8", "--key", KEY]
    result = CliRunner().invoke(printer, words)
    assert isinstance(result.exception, PrinterError)
    assert "public address" in str(result.exception)
    assert not (configuration / "printers.toml").exists()
    assert CliRunner().invoke(printer, [*words, "--allow-insecure"]).exception is None


def test_a_taken_name_is_refused_before_a_person_is_asked() -> None:
    first = ["add", "bench", "--profile", "ender-3", "--octoprint", "http://a.local", "--key", KEY]
    assert CliRunner().invoke(printer, first).exception is None
    second = CliRunner().invoke(printer, ["add", "bench", "--profile", "ender-3", "--octoprint", "http://127.0.0.1:1"])
    assert isinstance(second.exception, InputError)
    assert "--replace" in str(second.exception)


def test_a_server_that_is_not_there_gives_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("printprep.printers.asking.RETRIES", 0)
    words = ["--profile", "ender-3", "--octoprint", "http://127.0.0.1:1"]
    assert isinstance(CliRunner().invoke(printer, ["add", "bench", *words]).exception, ConnectionLost)
