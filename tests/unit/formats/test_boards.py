"""Heads of .ctb and .goo files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from printprep.errors import InputError
from printprep.formats.boards import CTB_ENCRYPTED, CTB_MAGICS, read_board
from tests.contract.goo import goo_file


def ctb_file(path: Path, *, magic: int = CTB_MAGICS[1], layers: int = 120, machine: bytes = b"ELEGOO SATURN") -> Path:
    head = bytearray(0x200)
    struct.pack_into("<I", head, 0, magic)
    struct.pack_into("<f", head, 0x20, 0.05)
    struct.pack_into("<II", head, 0x34, 3840, 2400)
    struct.pack_into("<I", head, 0x44, layers)
    struct.pack_into("<I", head, 0x68, 0x100)
    struct.pack_into("<II", head, 0x11C, 0x180, len(machine))
    head[0x180 : 0x180 + len(machine)] = machine
    path.write_bytes(bytes(head))
    return path


def test_a_ctb_says_for_which_machine_it_is(tmp_path: Path) -> None:
    told = read_board(ctb_file(tmp_path / "a.ctb"))
    assert (told.format, told.machine, told.width_px, told.height_px) == ("ctb", "ELEGOO SATURN", 3840, 2400)
    assert (told.layer_count, told.layer_height_mm) == (120, 0.05)


def test_a_goo_says_so_too(tmp_path: Path) -> None:
    told = read_board(goo_file(tmp_path / "a.goo", layers=7))
    assert (told.format, told.machine, told.width_px, told.height_px) == ("goo", "Saturn 4", 3840, 2400)
    assert (told.layer_count, told.layer_height_mm) == (7, 0.05)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cut off"),
        (b"\x86\x00\xfd\x12", "cut off"),
        (b"no such thing" * 100, "no .ctb or .goo"),
        (struct.pack("<I", CTB_ENCRYPTED) + bytes(400), "encrypted"),
        (struct.pack("<I", CTB_MAGICS[0]) + bytes(400), "cannot be"),
    ],
)
def test_what_is_none_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.ctb"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_board(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_board(tmp_path / "none.ctb")


def test_a_file_of_too_many_layers_for_its_size_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="damaged"):
        read_board(ctb_file(tmp_path / "a.ctb", layers=90_000))
