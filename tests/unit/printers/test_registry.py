"""The lab's printers by name."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from printprep.errors import InputError
from printprep.printers import open_link
from printprep.printers.octoprint import OctoPrintLink
from printprep.printers.registry import add_printer, find_printer, load_printers, new_printer
from printprep.printers.serial import SerialLink
from printprep.printers.virtual import VirtualLink

XL = new_printer(name="xl", link="serial", profile="prusa-xl", port="/dev/ttyACM0")


def test_the_virtual_printer_is_always_there(tmp_path: Path) -> None:
    assert list(load_printers(tmp_path)) == ["virtual"]
    assert isinstance(open_link(find_printer("virtual", tmp_path)), VirtualLink)


def test_what_is_written_down_is_read_back_and_private(tmp_path: Path) -> None:
    server = new_printer(name="v", link="octoprint", profile="voron-2.4", url="http://octopi.local", key="secret")
    path = add_printer(XL, tmp_path)
    add_printer(server, tmp_path)
    assert load_printers(tmp_path)["xl"] == XL
    assert load_printers(tmp_path)["v"] == server
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "secret" not in repr(server)
    assert isinstance(open_link(XL), SerialLink)
    assert isinstance(open_link(server), OctoPrintLink)


def test_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "printers.toml"
    path.write_text('# by the window\n[printers.old]\nlink = "virtual"\nprofile = "virtual"\n', encoding="utf-8")
    add_printer(XL, tmp_path)
    assert path.read_text(encoding="utf-8").startswith("# by the window\n[printers.old]")
    assert set(load_printers(tmp_path)) == {"virtual", "old", "xl"}


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRINTPREP_CONFIG", str(tmp_path / "lab"))
    assert add_printer(XL) == tmp_path / "lab" / "printers.toml"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[printers.x]\nlink = 'serial'\nprofile = 'p'\n", "needs port"),
        ("[printers.x]\nlink = 'octoprint'\nprofile = 'p'\nurl = 'http://a'\n", "needs key"),
        ("[printers.x]\nlink = 'serial'\nprofile = 'p'\nport = 'a'\nbaudd = 5\n", "baudd"),
        ("[printers.x]\nlink = 'usb'\nprofile = 'p'\n", "link"),
        ("[printers]\nx = 5\n", "not a table"),
        ("printers = 5\n", "tables"),
        ("[printers.x\n", "not TOML"),
    ],
)
def test_mistakes_are_named_with_the_file(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "printers.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words) as caught:
        load_printers(tmp_path)
    assert "printers.toml" in str(caught.value)


def test_an_unknown_name_proposes_a_near_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'virtual'"):
        find_printer("vitrual", tmp_path)


def test_the_name_virtual_is_taken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="belongs to"):
        add_printer(XL.model_copy(update={"name": "virtual"}), tmp_path)


def test_a_name_is_written_anew_only_when_asked(tmp_path: Path) -> None:
    add_printer(XL, tmp_path)
    other = XL.model_copy(update={"port": "/dev/ttyACM1"})
    with pytest.raises(InputError, match=r"xl is set up already \(prusa-xl at /dev/ttyACM0\).*--replace"):
        add_printer(other, tmp_path)
    assert load_printers(tmp_path)["xl"] == XL
    add_printer(other, tmp_path, replace=True)
    assert load_printers(tmp_path)["xl"] == other


def test_two_names_for_one_printer_are_refused(tmp_path: Path) -> None:
    add_printer(XL, tmp_path)
    with pytest.raises(InputError, match=r"/dev/ttyACM0 is the port of xl already"):
        add_printer(XL.model_copy(update={"name": "left"}), tmp_path)
    (tmp_path / "by-id").symlink_to("/dev/ttyACM0")
    with pytest.raises(InputError, match="is the port of xl already"):
        add_printer(XL.model_copy(update={"name": "left", "port": str(tmp_path / "by-id")}), tmp_path)
    server = new_printer(name="v", link="octoprint", profile="voron-2.4", url="http://octopi.local", key="secret")
    add_printer(server, tmp_path)
    with pytest.raises(InputError, match="is the server of v already"):
        add_printer(server.model_copy(update={"name": "w", "url": "http://octopi.local/"}), tmp_path)
    assert set(load_printers(tmp_path)) == {"virtual", "xl", "v"}


def test_only_the_virtual_printer_writes_a_log(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only the virtual printer"):
        open_link(XL, log=tmp_path / "log")
