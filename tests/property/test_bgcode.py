from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from printprep.gcode.bgcode import Encoding, Packing
from printprep.gcode.source import open_text
from tests.fuzz.targets import TARGETS
from tests.unit.gcode.binary import File, gcode

words = st.builds(
    lambda letter, value: f" {letter}{value:.3f}",
    st.sampled_from("XYZEFIJ"),
    st.floats(-999, 999),
)
commands = st.builds(
    lambda head, rest: head + "".join(rest),
    st.sampled_from(["G1", "G0", "G2", "G92", "M104", "M117 hello", ";TYPE:Perimeter", "; 1.2 X", "T0", "M862.3 P"]),
    st.lists(words, max_size=5),
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.lists(commands, min_size=1, max_size=30), min_size=1, max_size=4),
    st.sampled_from(Packing),
    st.sampled_from([Encoding.PLAIN, Encoding.MEATPACK_COMMENTS]),
)
def test_what_was_packed_is_read_again(texts: list[list[str]], packing: Packing, encoding: Encoding) -> None:
    blocks = [gcode("".join(f"{line}\n" for line in lines), packing, encoding) for lines in texts]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.bgcode"
        path.write_bytes(File(blocks=blocks).data)
        with open_text(path) as file:
            got = file.read().decode()
    wanted = [line for lines in texts for line in lines]
    if encoding is not Encoding.PLAIN:
        wanted = [line.replace(" ", "") if line.startswith("G") else line for line in wanted]
    assert got.splitlines() == wanted


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader_of_binary_files(data: bytes) -> None:
    TARGETS["binary"](len(data).to_bytes(2, "little") + data)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(Packing), st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_no_damage_crashes_the_reader_of_binary_files(packing: Packing, at: int, put: bytes) -> None:
    blocks = [gcode("G28\n;TYPE:Perimeter\nG1 X5 Y2.25 E.5\n" * 4, packing, Encoding(2))] * 2
    data = bytearray(File(blocks=blocks, checksum=0).data)
    data[at : at + len(put)] = put
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.bgcode"
        path.write_bytes(bytes(data))
        TARGETS["reader"](bytes(data))
