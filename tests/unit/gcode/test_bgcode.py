from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest

from printprep.errors import InputError
from printprep.gcode import bgcode
from printprep.gcode.bgcode import Encoding, Kind, Packing
from printprep.gcode.embedded import read_embedded
from printprep.gcode.guard import GuardLimits, guard
from printprep.gcode.read import read_gcode
from printprep.gcode.source import open_text
from printprep.printers.job import commands, read_job

from .binary import Block, File, gcode, table

LIMITS = GuardLimits(upper_mm=(120, 120, 120), nozzle_max_c=300, bed_max_c=110)
PICTURE = Block(data=b"\x89PNG", kind=Kind.PICTURE, form=(0, 16, 12))


def put(tmp_path: Path, *blocks: Block, **header: int) -> Path:
    path = tmp_path / "a.bgcode"
    path.write_bytes(File(blocks=blocks, **header).data)  # type: ignore[arg-type]
    return path


def text(path: Path) -> bytes:
    with open_text(path) as file:
        return file.read()


@pytest.fixture
def sliced(data: Path) -> str:
    """The first of a real file's layers."""
    return "".join((data / "gcode" / "prusaslicer.gcode").read_text().splitlines(keepends=True)[:700])


@pytest.mark.parametrize("packing", list(Packing))
@pytest.mark.parametrize("encoding", list(Encoding))
def test_every_packing_and_encoding_reads_as_the_text_does(
    tmp_path: Path, sliced: str, packing: Packing, encoding: Encoding
) -> None:
    half = sliced.index("\n", len(sliced) // 2) + 1
    path = put(tmp_path, *(gcode(part, packing, encoding) for part in (sliced[:half], sliced[half:])))
    plain = tmp_path / "a.gcode"
    plain.write_text(sliced)
    got, wanted = read_gcode(path), read_gcode(plain)
    for name in ("position_mm", "e_mm", "feed_mm_s", "tool", "kind", "setting"):
        assert np.array_equal(getattr(got.moves, name), getattr(wanted.moves, name)), name
    assert got.counts.commands == wanted.counts.commands
    assert got.settings.tolist() == wanted.settings.tolist()
    if encoding is not Encoding.MEATPACK:  # which drops all comments
        assert got.features == wanted.features
        assert got.objects == wanted.objects == ("", "tee.stl id:0 copy 0")
        assert np.array_equal(got.moves.layer, wanted.moves.layer)
    if encoding is Encoding.PLAIN:
        assert text(path) == sliced.encode()
    assert list(commands(path)) == [line.replace(b" ", b"") if encoding and line[:1] == b"G" else line
                                    for line in commands(plain)]  # fmt: skip


def test_words_of_the_tables_are_seen_as_comments_and_not_as_commands(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        table(Kind.FILE, Producer="PrusaSlicer 2.8.1"),
        table(Kind.PRINTER, printer_model="MK4S", sly="a\rG1 X999"),
        PICTURE,
        table(Kind.PRINT, filament_used="0.75"),
        table(Kind.SLICER, Packing.DEFLATE, notes="for john.smith@example.org", layer_height="0.2"),
        gcode("G28\nG1 X5 F600\n"),
    )
    lines = text(path).decode().splitlines()
    assert lines[:4] == [
        "; Producer = PrusaSlicer 2.8.1",
        "; printer model = MK4S",
        "; sly = a G1 X999",
        "; thumbnail 16x12 png, 4 bytes",
    ]
    assert lines[-2:] == ["G28", "G1 X5 F600"]
    # the address; and sly, a word in lower case that nobody knows
    assert {finding.code for finding in guard(path, LIMITS)} == {"gcode-identifying", "gcode-strange-comment"}
    said = read_embedded(path)
    assert said.slicer == "PrusaSlicer 2.8.1"
    assert said.settings == {"notes": "for john.smith@example.org", "layer height": "0.2"}
    assert said.figures == {"printer model": "MK4S", "sly": "a\rG1 X999", "filament used": "0.75"}
    assert [(p.kind, p.width_px, p.height_px, p.data) for p in said.pictures] == [("png", 16, 12, b"\x89PNG")]


def test_what_is_sent_is_what_the_guard_read(tmp_path: Path) -> None:
    path = put(tmp_path, gcode("G28\n;LAYER_CHANGE\n;Z:0.2\nG1 X500 F600\n", Packing.DEFLATE, Encoding(2)))
    assert list(commands(path)) == [b"G28", b"G1X500F600"]
    assert read_job(path).layer_z_mm == (0.2,)
    assert [finding.code for finding in guard(path, LIMITS)] == ["gcode-off-bed"]


def test_a_name_says_nothing_and_the_first_bytes_all(tmp_path: Path) -> None:
    path = put(tmp_path, gcode("G28\nG1 X5\n"))
    other = path.rename(tmp_path / "plate.gcode")
    assert len(read_gcode(other).moves) == 2
    other.write_text("G1 X5\n")
    assert len(read_gcode(other.rename(tmp_path / "text.bgcode")).moves) == 1


def test_without_checksums(tmp_path: Path) -> None:
    assert text(put(tmp_path, gcode("G28\n"), checksum=0)) == b"G28\n"


GOOD = gcode("G1 X1\n" * 50, Packing.DEFLATE)
SHRUNK = gcode("G1 X1\n" * 50)


@pytest.mark.parametrize(
    ("blocks", "why"),
    [
        ([Block(data=b"G28\n", crc=7)], "block 1 at byte 10 has another CRC-32"),
        ([Block(data=b"G28\n", kind=9)], "type 9"),
        ([Block(data=b"G28\n", packing=7)], "compression 7"),
        ([Block(data=b"G28\n", form=(3,))], "form 3"),
        ([Block(data=b"a=b\n", kind=Kind.SLICER, form=(1,))], "form 1"),
        ([Block(data=b"x", kind=Kind.PICTURE, form=(5, 1, 1))], "form 5"),
        ([Block(data=b"G28\n", size=5)], "is cut short"),
        ([Block(data=b"G28\n", size=2**32 - 1)], "wants 4294967295 bytes"),
        ([Block(data=b"G28\n", packing=Packing.DEFLATE, packed_size=2**31)], "wants 2147483648 bytes"),
        ([Block(data=GOOD.data, packing=Packing.DEFLATE, size=10)], "does not unpack to the 10 bytes"),
        ([Block(data=GOOD.data, packing=Packing.DEFLATE, size=9999)], "does not unpack to the 9999 bytes"),
        ([Block(data=GOOD.data, packing=Packing.HEATSHRINK_11_4, size=10)], "does not unpack to the 10 bytes"),
        ([Block(data=GOOD.data, packing=Packing.HEATSHRINK_12_4, size=9999)], "does not unpack to the 9999 bytes"),
        ([Block(data=b"")], "is G-code and holds none"),
        ([GOOD, *[table(Kind.PRINT, a="b")] * 257], "one table or picture more than 256"),
    ],
)
def test_a_file_that_lies_is_refused_with_the_place(tmp_path: Path, blocks: list[Block], why: str) -> None:
    path = put(tmp_path, *blocks)
    for read in (read_gcode, lambda p: guard(p, LIMITS), read_job):
        with pytest.raises(InputError, match=rf"a\.bgcode is no sound binary G-code: .*{why}"):
            read(path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": 2}, "version 2"),
        ({"checksum": 2}, "checksum 2"),
    ],
)
def test_a_header_that_nobody_knows(tmp_path: Path, change: dict[str, int], why: str) -> None:
    with pytest.raises(InputError, match=why):
        read_gcode(put(tmp_path, GOOD, **change))


def test_other_packed_bytes_than_the_sum_says(tmp_path: Path) -> None:
    for at in (-1, -5, -9, 12, 30):
        data = bytearray(File(blocks=(SHRUNK,)).data)
        data[at] ^= 64
        (tmp_path / "a.bgcode").write_bytes(data)
        with pytest.raises(InputError, match="no sound binary G-code"):
            read_gcode(tmp_path / "a.bgcode")


def test_packed_bytes_that_are_none(tmp_path: Path) -> None:
    body = b"\x01\x00\x01\x00\x04\x00\x00\x00\x04\x00\x00\x00\x00\x00what"
    shrunk = b"\x01\x00\x02\x00\x08\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00"  # repeats before its beginning
    for data in (body, shrunk):
        (tmp_path / "a.bgcode").write_bytes(
            b"GCDE\x01\x00\x00\x00\x01\x00" + data + zlib.crc32(data).to_bytes(4, "little")
        )
        with pytest.raises(InputError, match=r"block 1 at byte 10 (cannot be inflated|does not unpack)"):
            read_gcode(tmp_path / "a.bgcode")


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    whole = File(blocks=(table(Kind.FILE, Producer="x"), SHRUNK, GOOD)).data
    ends = [10, 10 + len(File(blocks=(table(Kind.FILE, Producer="x"),)).data) - 10]
    for size in range(5, len(whole), 3):
        (tmp_path / "a.bgcode").write_bytes(whole[:size])
        if size in ends:
            continue  # between blocks: a file without G-code
        try:
            read = read_gcode(tmp_path / "a.bgcode")
        except InputError:
            continue
        assert len(read.moves) == 1, "the end of a whole block"


def test_a_bomb_swells_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bgcode, "MOST_BYTES", 1 << 20)
    bomb = gcode("G1X1\nG1X0\n" * 50_000, Packing.DEFLATE)  # 500 kB of 2 kB
    path = put(tmp_path, *[bomb] * 30)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(InputError, match="swells to more than 100 times its size"):
        guard(path, LIMITS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20
    with pytest.raises(InputError, match="wants 1048577 bytes"):
        read_gcode(put(tmp_path, Block(data=bytes((1 << 20) + 1), packing=Packing.DEFLATE)))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    block = gcode("".join(f"; a comment, number {k} of many that are not kept\n" for k in range(1200)), Packing.DEFLATE)
    peaks = []
    for count in (20, 200):
        path = put(tmp_path, gcode("G28\n"), *[block] * count)
        read_gcode(path)
        tracemalloc.start()
        read_gcode(path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2
