from __future__ import annotations

import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from printprep.errors import InputError
from printprep.gcode import read
from printprep.gcode.layout import Event, Kind, Text
from printprep.gcode.read import Gcode, Reader, read_gcode


def parse(tmp_path: Path, text: str | bytes, **options: Any) -> Gcode:
    path = tmp_path / "a.gcode"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_gcode(path, **options)


def test_absolute_and_relative_moves(tmp_path: Path) -> None:
    gcode = parse(tmp_path, "G28\nG90\nM83\nG1 X10 Y20 Z0.3 F3000\nG1 X20 E1.5\nG91\nG1 X-5 Z1\nG1 E-0.8 F2100\n")
    moves = gcode.moves
    assert moves.position_mm.tolist() == [[0, 0, 0], [10, 20, 0.3], [20, 20, 0.3], [15, 20, 1.3], [15, 20, 1.3]]
    assert moves.e_mm.tolist() == pytest.approx([0, 0, 1.5, 0, -0.8])
    assert moves.feed_mm_s.tolist()[1:] == [50, 50, 50, 35]
    assert moves.line.tolist() == [1, 4, 5, 7, 8]
    assert moves.kind.tolist() == [Kind.HOME, 0, 0, 0, 0]


def test_absolute_extrusion_and_g92(tmp_path: Path) -> None:
    gcode = parse(tmp_path, "M82\nG92 E0\nG1 X1 E2\nG1 X2 E5\nG92 E0 X0\nG1 X1 E1\n")
    assert gcode.moves.e_mm.tolist() == [2, 3, 1]
    assert gcode.moves.position_mm[:, 0].tolist() == [1, 2, 3], "G92 renames the place, it does not move the head"


@pytest.mark.parametrize(("sets_e", "fed"), [(True, [2, 1]), (False, [2, 3])])
def test_g90_speaks_for_the_extruder_in_marlin_and_not_in_klipper(
    tmp_path: Path, sets_e: bool, fed: list[float]
) -> None:
    gcode = parse(tmp_path, "M83\nG1 X1 E2\nG90\nG1 X2 E3\n", g90_sets_e=sets_e)
    assert gcode.moves.e_mm.tolist() == fed


def test_inches_speed_and_flow_factors(tmp_path: Path) -> None:
    gcode = parse(tmp_path, "M83\nG20\nG1 X1 F60\nG21\nM220 S50\nM221 S200\nG1 X0 E1 F600\n")
    assert gcode.moves.position_mm[0, 0] == pytest.approx(25.4)
    assert gcode.moves.feed_mm_s.tolist() == pytest.approx([25.4, 5.0])
    assert gcode.moves.e_mm[1] == 2.0


@pytest.mark.parametrize(
    ("line", "turn"),
    [
        ("G2 X10 Y0 I5 J0", math.pi),
        ("G3 X10 Y0 I5 J0", math.pi),
        ("G2 X0 Y0 I5 J0", 2 * math.pi),
        ("G2 X10 Y0 R5", math.pi),
        ("G3 X5 Y5 I5 J0", 3 * math.pi / 2),
        ("G2 X5 Y5 I5 J0", math.pi / 2),
    ],
)
def test_an_arc_has_the_length_of_the_arc(tmp_path: Path, line: str, turn: float) -> None:
    gcode = parse(tmp_path, f"G28\nM83\n{line} E3 F600\n")
    path = np.vstack([np.zeros(3), gcode.moves.position_mm[1:]])
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).sum() == pytest.approx(5 * turn, rel=2e-3)
    assert gcode.moves.e_mm.sum() == pytest.approx(3, rel=1e-5)
    on_circle = np.linalg.norm(path[:, :2] - [5, 0], axis=1)
    assert on_circle == pytest.approx(5, abs=1e-6)
    clockwise = line.startswith("G2")
    assert (path[1, 1] > 0) == clockwise


def test_events_stand_before_their_move(tmp_path: Path) -> None:
    gcode = parse(tmp_path, "M140 S60\nM109 T1 S215\nT1\nG1 X1\nG4 P500\nG4 S2\nM106 S128\nM600\nG1 X2\nM107\n")
    events = gcode.events
    assert [Event(k).name for k in events.kind] == [
        "BED", "NOZZLE_WAIT", "TOOL", "DWELL", "DWELL", "FAN", "PAUSE", "FAN",
    ]  # fmt: skip
    assert events.value.tolist() == [60, 215, 1, 0.5, 2, 128, 600, 0]
    assert events.at.tolist() == [0, 0, 0, 1, 1, 1, 1, 2]
    assert events.tool.tolist()[1] == 1
    assert gcode.moves.tool.tolist() == [1, 1]


def test_settings_of_the_planner_follow_the_moves(tmp_path: Path) -> None:
    gcode = parse(
        tmp_path,
        "G1 X1\nM203 X100 E50\nM201 Y500\nM205 X8 J0.02\nM204 P1000 T2000 R1500\n"
        "G1 X2\nM204 S700\nG1 X3\nM204 P1000 T2000\nG1 X4\n",
    )
    assert gcode.moves.setting.tolist() == [0, 1, 2, 1], "a state that comes again is not stored again"
    assert (gcode.settings[0] == -1).all()
    row = gcode.settings[1]
    assert (row[0], row[3], row[5], row[8], row[12]) == (100, 50, 500, 8, 0.02)
    assert row[13:16].tolist() == [1000, 2000, 1500]
    assert gcode.settings[2, 13:16].tolist() == [700, 700, 1500]


def test_features_and_layers_of_the_slicers(tmp_path: Path) -> None:
    prusa = parse(
        tmp_path,
        "M83\n;LAYER_CHANGE\n;Z:0.2\nG1 Z0.2\n;TYPE:Perimeter\nG1 X1 E1\n"
        ";LAYER_CHANGE\nG1 Z0.6\nG1 Z0.4\n;TYPE:Solid infill\nG1 X2 E1\n;TYPE:Perimeter\nG1 X3 E1\n",
    )
    assert prusa.features == ("", "Perimeter", "Solid infill")
    assert prusa.moves.layer.tolist() == [0, 0, 1, 1, 1, 1]
    assert prusa.moves.feature.tolist() == [0, 1, 1, 1, 2, 1]
    assert prusa.layer_z_mm.tolist() == [0.2, 0.4]
    cura = parse(tmp_path, "M82\n;LAYER:0\nG1 Z0.2\n;TYPE:WALL-OUTER\nG1 X1 E1\n;LAYER:1\nG1 Z0.3\nG1 X2 E2\n")
    assert cura.moves.layer.tolist() == [0, 0, 1, 1]
    unmarked = parse(tmp_path, "M83\nG1 Z0.2\nG1 X1 E1\nG1 Z5\nG1 Z0.4\nG1 X2 E1\nG1 X3 E1\n")
    assert unmarked.layer_z_mm.tolist() == [0.2, 0.4], "a hop without extrusion is no layer"


def test_line_numbers_checksums_blanks_and_line_ends_are_no_obstacle(tmp_path: Path) -> None:
    gcode = parse(tmp_path, b"N1 G1X10Y-.5*77\r\n\r\n  g1 x 11 y+1. ; go\r\n\tG0 X12\nG1 X13")
    assert gcode.moves.position_mm[:, :2].tolist() == [[10, -0.5], [11, 1], [12, 1], [13, 1]]
    assert gcode.counts.lines == 5
    assert gcode.counts.commands == {"G0": 1, "G1": 3}


@pytest.mark.parametrize(
    "line",
    [
        "G1 Xnan", "G1 X1e300", "G1 X1E3", "G1 E1e1", "G1 X" + "9" * 400, "G1 X", "G1 X1 $",
        "G1 X-99999999", "G2 X1 Y1", "G2 X9 R1",
    ],
)  # fmt: skip
def test_a_move_that_makes_no_sense_is_counted_and_not_made(tmp_path: Path, line: str) -> None:
    gcode = parse(tmp_path, f"G1 X5 E5\n{line}\nG1 X6\n")
    places = gcode.moves.position_mm[:, 0].tolist()
    assert places[-1] == 6
    assert np.isfinite(gcode.moves.position_mm).all()
    assert places == [5, 6]
    assert gcode.counts.bad == 1


def test_words_without_spaces_are_those_of_a_packed_file(tmp_path: Path) -> None:
    gcode = parse(tmp_path, "M83\nG1X1Y2E.5\nG1X3E1\n")
    assert gcode.counts.bad == 0
    assert gcode.moves.e_mm.tolist() == [0.5, 1]


def test_rubbish_is_counted(tmp_path: Path) -> None:
    gcode = parse(tmp_path, b"\x00\xff\xfe\nhello there\n%%%\nG1 X1\nG99999 X1\n")
    assert len(gcode.moves) == 1
    assert gcode.counts.unknown == 3  # "hello" looks like a macro


def test_a_line_longer_than_a_block_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "BLOCK_BYTES", 1 << 12)
    gcode = parse(tmp_path, b"G1 X1\n" + b"X" * 20_000 + b"\nG1 X2\n; " + b"y" * 9_000)
    assert gcode.moves.position_mm[:, 0].tolist() == [1, 2]
    assert (gcode.counts.overlong, gcode.counts.overlong_line) == (2, 2)
    assert gcode.moves.line.tolist() == [1, 3]


def test_blocks_join_as_if_they_were_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "M83\n" + "".join(f"G1 X{i % 97}.{i % 10} Y{i % 89} E0.0{i % 9}\nM104 S{200 + i % 3}\n" for i in range(3000))
    whole = parse(tmp_path, text)
    monkeypatch.setattr(read, "BLOCK_BYTES", 777)
    pieces = parse(tmp_path, text)
    for name in whole.moves.__slots__:
        assert np.array_equal(getattr(whole.moves, name), getattr(pieces.moves, name)), name
    assert np.array_equal(whole.events.at, pieces.events.at)
    assert whole.counts == pieces.counts


def test_many_arcs_fill_more_than_a_block(tmp_path: Path) -> None:
    gcode = parse(tmp_path, "G28\n" + "G2 X0 Y0 I50 J0 F6000\n" * 3000)
    assert len(gcode.moves) > 1 << 18
    assert gcode.moves.line[-1] == 3001


def test_what_is_no_gcode_is_refused(tmp_path: Path) -> None:
    for data in (
        b"",
        b"\x89PNG\r\n\x1a\n" + bytes(5000),
        b"1 2 3\n4 5 6\n",
        b"solid Mesh\nfacet normal 0 0 1\nendsolid\n",
        b"The end\n",
    ):
        with pytest.raises(InputError, match=r"a\.gcode is not G-code"):
            parse(tmp_path, data)
    with pytest.raises(InputError, match="cannot be read"):
        read_gcode(tmp_path / "missing.gcode")


def test_a_few_commands_by_chance_make_no_gcode(tmp_path: Path) -> None:
    rubbish = "".join(f"{k} = v {k}\n" for k in range(1200))
    with pytest.raises(InputError, match=r"a\.gcode is not G-code: only 1 of its first 1201 lines"):
        parse(tmp_path, "G1 X1\n" + rubbish)
    assert parse(tmp_path, "G1 X1\n" * 200 + rubbish).counts.unknown == 1200, "a strange line is counted, no more"


def test_a_short_file_of_rubbish_with_a_command_by_chance_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    path.write_text("\x7f\x01 zz\n" * 80 + "G2 X1\n")
    with pytest.raises(InputError, match=r"a\.gcode is not G-code: only 1 of its first 81 lines"):
        read_gcode(path)


def test_texts_are_set_aside_once(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    path.write_text(
        '; hello\n;WIDTH:0.45\n;Z:0.2\nG1 X1 ; hello\nM117 hello\nPRINT_START BED=60\nM862.3 P "MK4"\n; hello\n'
    )
    texts = [text for block in Reader(path) for text in block.texts]
    assert [(t.line, t.kind, t.text) for t in texts] == [
        (1, Text.COMMENT, " hello"),
        (5, Text.COMMAND, "M117 hello"),
        (6, Text.MACRO, "PRINT_START BED=60"),
        (7, Text.COMMAND, 'M862.3 P "MK4"'),
    ]


def test_a_bare_carriage_return_ends_a_line_as_it_does_in_a_firmware(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"G1 X1\r; harmless\rG1 X2\r\nM117 hi\r\rG1 X3\r"
    for block_bytes in (read.BLOCK_BYTES, *range(12, 40)):
        monkeypatch.setattr(read, "BLOCK_BYTES", block_bytes)
        gcode = parse(tmp_path, text)
        assert gcode.moves.position_mm[:, 0].tolist() == [1, 2, 3]
        assert gcode.moves.line.tolist() == [1, 3, 6]
        assert gcode.counts.lines == 6
    monkeypatch.setattr(read, "BLOCK_BYTES", 1 << 20)
    (tmp_path / "a.gcode").write_bytes(text + b"\n")
    (block,) = Reader(tmp_path / "a.gcode")
    assert [block.line(k) for k in range(1, 7)] == ["G1 X1", "; harmless", "G1 X2", "M117 hi", "", "G1 X3"]


@pytest.mark.parametrize(
    ("line", "speed"),
    [("G1 X6 F-600", 10.0), ("G1 X6 G28 F60", 1.0), ("G1 X6 M112 F60", 1.0), ("G0 F60 X6 T1", 1.0)],
)
def test_a_move_with_a_word_that_no_move_has_is_made_and_counted(tmp_path: Path, line: str, speed: float) -> None:
    gcode = parse(tmp_path, f"G1 X5 F600\n{line}\n")
    assert gcode.moves.position_mm[:, 0].tolist() == [5, 6]
    assert gcode.moves.feed_mm_s[1] == speed
    assert gcode.counts.bad == 1


def test_a_long_comment_is_kept_in_pieces_and_no_word_of_it_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    words = "".join(f"{k:07d}," for k in range(20_000))
    path.write_text(f"G1 X1\n; {words}\nG1 X2\n;{'y' * 4096}\n")
    texts = [text for block in Reader(path) for text in block.texts]
    assert {len(text.text) for text in texts[:-2]} == {read.MAX_TEXT}
    assert {word for text in texts for word in text.text.split(",")} >= {f"{k:07d}" for k in range(1, 20_000)}
    assert [len(text.text) for text in texts if text.line == 4] == [4096]


def test_a_line_of_a_megabyte(tmp_path: Path) -> None:
    for filler in (b"X1", b" ", b"9", b"\x00", b"G1 ", b"X-"):
        gcode = parse(tmp_path, b"G1 X5\nG1 " + filler * (1_000_000 // len(filler)) + b"\nG1 X6\n")
        assert gcode.moves.position_mm[-1, 0] == 6
        assert gcode.counts.lines == 3
        assert gcode.counts.longest_command >= 999_000 or filler == b"\x00"


def test_more_moves_than_a_print_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MOST_MOVES", 300_000)
    path = tmp_path / "a.gcode"
    path.write_text("G28\n" + "G2I50\n" * 10_000)
    with pytest.raises(InputError, match="more than 300000 moves"):
        read_gcode(path)


def test_memory_is_bounded_by_the_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    with path.open("w") as file:
        for k in range(60):
            file.write("".join(f"G1 X{k % 7}.{n % 10} Y{n % 90} E1 ; text {n % 5000}\n" for n in range(10_000)))
    tracemalloc.start()
    gcode = read_gcode(path)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 46 * len(gcode.moves) + (12 << 20)
    assert peak < 75 * len(gcode.moves) + (40 << 20)
