"""Files as each slicer writes them: layers, features, objects, filament."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from printprep.gcode.beads import Role, beads
from printprep.gcode.layout import Event, Kind
from printprep.gcode.read import Gcode, read_gcode

AREA_MM2 = math.pi * 1.75**2 / 4


def parse(tmp_path: Path, text: str, **options: Any) -> Gcode:
    path = tmp_path / "a.gcode"
    path.write_text(text)
    return read_gcode(path, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    file: str
    layers: int  # the model's, and those of a raft or of supports alone
    filament_mm: float  # as the slicer says; what stays retracted at the end is not in it
    retracted_mm: float
    features: frozenset[str]
    objects: tuple[str, ...]


SLICED = (
    Expected(
        file="prusaslicer",
        layers=16,
        filament_mm=141.56,
        retracted_mm=2.0,
        features=frozenset({"Skirt/Brim", "Support material", "External perimeter", "Bridge infill"}),
        objects=("", "tee.stl id:0 copy 0"),
    ),
    Expected(
        file="slic3r",
        layers=20,
        filament_mm=57.7,
        retracted_mm=2.0,
        features=frozenset({"skirt", "brim", "support material", "support material interface", "perimeter", "infill"}),
        objects=("",),
    ),
    Expected(
        file="cura",
        layers=15,
        filament_mm=296 / AREA_MM2,
        retracted_mm=6.5 + 2.0 - 3.0,  # and primed
        features=frozenset({"SKIRT", "WALL-OUTER", "WALL-INNER", "SKIN", "SUPPORT", "FILL"}),
        objects=("", "tee.stl"),
    ),
)


@pytest.mark.parametrize("expected", SLICED, ids=lambda expected: expected.file)
def test_files_of_real_slicers(data: Path, expected: Expected) -> None:
    gcode = read_gcode(data / "gcode" / f"{expected.file}.gcode")
    assert gcode.counts.bad == gcode.counts.unknown == 0
    assert len(gcode.layer_z_mm) == expected.layers
    assert np.all(np.diff(gcode.layer_z_mm) > 0)
    assert set(gcode.features) >= expected.features
    assert gcode.objects == expected.objects
    fed_mm = float(gcode.moves.e_mm.sum()) + expected.retracted_mm
    assert fed_mm == pytest.approx(expected.filament_mm, rel=3e-3)
    laid = beads(gcode)
    kinds = {Role(int(role)) for role in np.unique(laid.role)}
    assert kinds >= {Role.PART, Role.SUPPORT, Role.SKIRT}
    own = laid.role == Role.PART
    low, high = laid.start_mm[own].min(axis=0), laid.start_mm[own].max(axis=0)
    assert high - low == pytest.approx([12.0, 5.0], abs=1.0), "the plate of the tee, but for half a line on each side"
    assert laid.layer_z_mm[-1] - laid.layer_z_mm[0] == pytest.approx(4.5 - 0.3, abs=0.31)


def test_marks_of_orca_for_klipper(data: Path) -> None:
    gcode = read_gcode(data / "gcode" / "orca.gcode", g90_sets_e=False)
    assert gcode.features == ("", "Custom", "Outer wall", "Support", "Internal Bridge")
    assert gcode.layer_z_mm.tolist() == [0.2, 0.4]
    assert gcode.objects == ("", "aorta id:0 copy 0", "bone id:1 copy 0"), "comments and macros say the same thing"
    of = gcode.object_of_move
    assert set(of[gcode.moves.kind == Kind.ARC].tolist()) == {1}
    assert of[0] == 0
    assert of[-1] == 2
    laid = beads(gcode)
    assert [Role(int(role)) for role in laid.role[-2:]] == [Role.SUPPORT, Role.PART]
    assert gcode.counts.bad == gcode.counts.unknown == 0


def test_marks_of_bambu_studio(data: Path) -> None:
    gcode = read_gcode(data / "gcode" / "bambu.gcode")
    assert gcode.features == ("", "Custom", "Outer wall", "Prime tower", "Support interface")
    assert gcode.layer_z_mm.tolist() == [0.2, 0.4]
    assert gcode.objects == ("", "15", "28")
    assert gcode.moves.tool[-1] == 1, "T255 is an order to the feeder, and no tool"
    helix = gcode.moves.kind == Kind.ARC
    above = gcode.moves.position_mm[helix & (gcode.moves.e_mm == 0)]
    assert above[-1].tolist() == pytest.approx([19, 20, 0.6])
    length = np.linalg.norm(np.diff(above[:, :2], axis=0), axis=1).sum()
    assert length == pytest.approx(2 * math.pi * math.hypot(0.866, 0.854), rel=0.1), "P1 is this one turn"
    roles = [Role(int(role)) for role in beads(gcode).role[-2:]]
    assert roles == [Role.TOWER, Role.SUPPORT]
    assert gcode.counts.bad == gcode.counts.unknown == 0


def test_cura_counts_rafts_below_zero_and_the_next_object_anew(tmp_path: Path) -> None:
    layer = ";LAYER:{}\nG1 Z{} F600\nG1 X1 Y0 E1\nG1 X0 E2\nG92 E0\n"
    text = "M82\n" + "".join(layer.format(n, z) for n, z in [(-2, 0.3), (-1, 0.6), (0, 0.8), (1, 1.0)])
    again = "".join(layer.format(n, z) for n, z in [(0, 0.2), (1, 0.4)])
    gcode = parse(tmp_path, text + again)
    assert gcode.layer_z_mm.tolist() == [0.3, 0.6, 0.8, 1.0, 0.2, 0.4]


@pytest.mark.parametrize("extra", [";LAYER:{n}\n", "; CHANGE_LAYER\n"])
def test_a_layer_that_is_marked_twice_counts_once(tmp_path: Path, extra: str) -> None:
    layers = "".join(f";LAYER_CHANGE\n;Z:{n}\n;LAYER:{n}\nG1 X{n} Z{n} E1\n" for n in range(1, 5))
    assert len(parse(tmp_path, "M83\n" + layers).layer_z_mm) == 4


def test_objects_of_m486_and_of_klipper(tmp_path: Path) -> None:
    marlin = parse(
        tmp_path,
        'M486 T2\nM486 S0\nM486 A"left lung"\nM486 S1\nM486 Aheart\nM486 S-1\nG1 X1\n'
        "M486 S1\nG1 X2\nG1 X3\nM486 S0\nG1 X4\nM486 S-1\nG1 X5\nM486 S999\nM486 S\n",
    )
    assert marlin.objects == ("", "left lung", "heart")
    assert marlin.object_of_move.tolist() == [0, 2, 2, 1, 0]
    assert marlin.counts.bad == 0
    klipper = parse(
        tmp_path,
        "G1 X1\nEXCLUDE_OBJECT_START NAME=a\nG1 X2\nEXCLUDE_OBJECT_END\nG1 X3\nEXCLUDE_OBJECT_START NAME=b\nG1 X4\n"
        "EXCLUDE_OBJECT_END NAME=b\nEXCLUDE_OBJECT_START NAME=a\nG1 X5\n",
    )
    assert klipper.objects == ("", "a", "b")
    assert klipper.object_of_move.tolist() == [0, 1, 0, 2, 1]


def test_more_names_than_there_is_room_for_share_the_last(tmp_path: Path) -> None:
    text = "".join(f";TYPE:f{n}\n; printing object o{n}\nG1 X{n + 1}\n" for n in range(400))
    gcode = parse(tmp_path, text)
    assert len(gcode.features) == 65
    assert len(gcode.objects) == 191
    assert gcode.moves.feature.max() == 64
    assert gcode.object_of_move.max() == 190
    assert gcode.object_of_move[:190].tolist() == list(range(1, 191))
    long = parse(tmp_path, f";TYPE:{'x' * 200}\nG1 X1\n")
    assert long.features == ("", "x" * 64)


def test_a_word_behind_a_line_is_a_feature_only_where_nothing_else_says_one(tmp_path: Path) -> None:
    line = "G1 X{} E1 ; {}\n"
    gcode = parse(tmp_path, "M83\n" + "".join(line.format(k + 1, word) for k, word in enumerate(
        ["skirt", "perimeter", "infill (bridge)", "intro line", "support material interface"]
    )) + "G1 X9 ; move to first perimeter point\n;TYPE:Perimeter\n" + line.format(10, "infill"))  # fmt: skip
    assert [gcode.features[k] for k in gcode.moves.feature] == [
        "skirt", "perimeter", "infill (bridge)", "infill (bridge)", "support material interface",
        "support material interface", "Perimeter",
    ]  # fmt: skip


def test_volumetric_extrusion(tmp_path: Path) -> None:
    text = "M83\nM200 D1.75\nG1 X1 E{0}\nM200 D0\nG1 X2 E1\nM200 D1.75\nG1 X3 E{0}\n"
    text += "M200 S0\nG1 X4 E1\nM200 D99\nG1 X5 E1\n"
    gcode = parse(tmp_path, text.format(AREA_MM2))
    assert gcode.moves.e_mm.tolist() == pytest.approx([1, 1, 1, 1, 1], abs=1e-6)
    absolute = parse(tmp_path, f"M82\nM200 D1.75\nG1 X1 E{AREA_MM2}\nG1 X2 E{3 * AREA_MM2}\n")
    assert absolute.moves.e_mm.tolist() == pytest.approx([1, 2], abs=1e-6)


def test_retraction_by_the_firmware(tmp_path: Path) -> None:
    gcode = parse(
        tmp_path,
        "M82\nM207 S1.5 F2400\nM208 S0.1 F1200\nG1 X1 E5 F600\nG10\nG10\nG1 X2\nG11\nG11\nG1 X3 E6\n"
        "M221 S50\nG10 S1\nG11\nG10 P1 S210 R160\nG10 L2 P1 X0\n",
    )
    assert gcode.moves.e_mm.tolist() == pytest.approx([5, -1.5, 0, 1.6, 1, -1.5, 1.6])
    assert gcode.moves.feed_mm_s.tolist() == pytest.approx([10, 40, 10, 20, 10, 40, 20])
    assert gcode.events.kind.tolist() == [Event.NOZZLE]
    assert (gcode.events.value[0], gcode.events.tool[0]) == (210, 1)


def test_all_forms_of_a_tool(tmp_path: Path) -> None:
    gcode = parse(
        tmp_path,
        "G1 X1\nT1\nG1 X2\nT2 S1 ; no move\nG1 X3\nTx\nT?\nT-1\nT255\nT1000\nG1 X4\n"
        "ACTIVATE_EXTRUDER EXTRUDER=extruder3\nG1 X5\nACTIVATE_EXTRUDER EXTRUDER=extruder\nG1 X6\n",
    )
    assert gcode.moves.tool.tolist() == [0, 1, 2, 2, 3, 0]
    assert gcode.events.value.tolist() == [1, 2, 255, 1000, 3, 0]
    assert gcode.counts.bad == gcode.counts.unknown == 0


@pytest.mark.parametrize(
    ("plane", "words", "axes"),
    [("G17", "X10 I5", (0, 1)), ("G18", "Z10 K5", (2, 0)), ("G19", "Y10 J5", (1, 2))],
)
def test_arcs_in_each_plane(tmp_path: Path, plane: str, words: str, axes: tuple[int, int]) -> None:
    gcode = parse(tmp_path, f"G28\n{plane}\nG2 {words} F600\n")
    path = gcode.moves.position_mm[1:]
    along, aside = path[:, axes[0]], path[:, axes[1]]
    assert np.hypot(along - 5, aside) == pytest.approx(5, abs=1e-6)
    assert aside.max() == pytest.approx(5, abs=0.01), "clockwise, seen from the end of the third axis"
    assert path[:, 3 - sum(axes)].tolist() == [0.0] * len(path)


def test_whole_turns(tmp_path: Path) -> None:
    for words, turns in (("I5 P3", 3.0), ("I5", 1.0), ("I5 P1", 1.0), ("X10 I5 P1", 1.5), ("X10 I5", 0.5)):
        gcode = parse(tmp_path, f"G28\nG3 {words} Z3 E6 F600\n")
        path = np.vstack([np.zeros(3), gcode.moves.position_mm[1:]])
        length = np.linalg.norm(np.diff(path[:, :2], axis=0), axis=1).sum()
        assert length == pytest.approx(turns * 10 * math.pi, rel=2e-3), words
        assert path[-1, 2] == 3
        assert gcode.moves.e_mm.sum() == pytest.approx(6, rel=1e-5)


def test_a_curve_ends_where_it_ends(tmp_path: Path) -> None:
    gcode = parse(tmp_path, "M83\nG5 X10 Y5 I1 J2 P3 Q-4 E2 F600\nG1 X11\n")
    assert gcode.moves.position_mm.tolist() == [[10, 5, 0], [11, 5, 0]]
    assert gcode.counts.bad == 0
