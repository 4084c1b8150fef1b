"""Ports and their lasting names."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from printprep.printers import ports


def test_the_name_that_stays_is_the_one_to_write_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device, plain = tmp_path / "ttyACM0", tmp_path / "ttyS0"
    device.touch()
    plain.touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-Prusa_Research_XL-if00").symlink_to(device)
    found = [
        SimpleNamespace(device=str(plain), vid=None, pid=None, product=None, manufacturer=None, serial_number=None),
        SimpleNamespace(
            device=str(device), vid=0x2C99, pid=0x000C, product="XL", manufacturer="Prusa Research", serial_number="7"
        ),
    ]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: found)
    first, second = ports.find_ports(by_id)
    assert first.name == str(by_id / "usb-Prusa_Research_XL-if00")
    assert (first.usb_id, first.product, first.serial_number) == ("2c99:000c", "Prusa Research XL", "7")
    assert (second.name, second.usb_id) == (str(plain), "")


def test_a_machine_without_usb_ports_has_no_lasting_names(tmp_path: Path) -> None:
    assert ports.lasting_names(tmp_path / "nothing") == {}
