"""Colours that files paint their surface with, and what counts as painted."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from printprep.errors import MeshError
from printprep.formats import read_meshes, threemf
from printprep.formats.colours import NONE, Colours, colour_of, listed, named, packed

POINTS = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
FACES = ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2))
RED, BLUE = (255, 0, 0), (0, 0, 255)


def painted(path: Path, colour: str = "#ff0000", tolerance: int = 8) -> list[list[bool]]:
    found = []
    for one in read_meshes(path):
        assert one.colours is not None
        found.append(one.colours.painted(one.mesh.faces, colour_of(colour), tolerance).tolist())
    return found


def ply(path: Path, vertex: str = "", face: str = "", rows: tuple[str, ...] = ("",) * 4, last: str = "") -> Path:
    points = "".join(f"{x} {y} {z}{row}\n" for (x, y, z), row in zip(POINTS, rows, strict=True))
    faces = "".join(f"3 {a} {b} {c}{last}\n" for a, b, c in FACES)
    path.write_text(
        f"ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n{vertex}"
        f"element face 4\nproperty list uchar int vertex_indices\n{face}end_header\n{points}{faces}"
    )
    return path


def channels(kind: str, names: tuple[str, str, str] = ("red", "green", "blue")) -> str:
    return "".join(f"property {kind} {name}\n" for name in names)


@pytest.mark.parametrize(
    ("kind", "red", "blue"),
    [
        ("uchar", " 255 0 0", " 0 0 255"),
        ("ushort", " 65535 0 0", " 0 0 65535"),
        ("float", " 1 0 0", " 0 0 1"),
        ("float", " 255 0 0", " 0 0 255"),
    ],
)
def test_a_triangle_of_a_ply_is_painted_when_all_its_corners_are(
    tmp_path: Path, kind: str, red: str, blue: str
) -> None:
    path = ply(tmp_path / "x.ply", channels(kind), rows=(red, red, red, blue))
    assert painted(path) == [[True, False, False, False]]
    assert painted(path, "#0000ff") == [[False] * 4]
    assert painted(path, "#f80707") == [[True, False, False, False]]
    assert painted(path, "#f60000") == [[False] * 4]


def test_a_nearly_black_byte_is_no_full_fraction(tmp_path: Path) -> None:
    path = ply(tmp_path / "x.ply", channels("uchar"), rows=(" 1 1 1",) * 4)
    assert painted(path, "#ffffff") == [[False] * 4]
    assert painted(path, "#010101", 0) == [[True] * 4]


def test_faces_of_a_ply_and_their_polygons_keep_their_colours(tmp_path: Path) -> None:
    assert painted(ply(tmp_path / "x.ply", face=channels("uchar"), last=" 255 0 0")) == [[True] * 4]
    text = (tmp_path / "x.ply").read_text().replace("element face 4", "element face 2").split("end_header\n")[0]
    rows = "".join(f"{x} {y} {z}\n" for x, y, z in POINTS)
    (tmp_path / "y.ply").write_text(f"{text}end_header\n{rows}4 0 1 2 3 255 0 0\n3 0 1 2 0 0 255\n")
    assert painted(tmp_path / "y.ply") == [[True, True, False]]


def test_binary_plys_of_another_writer_are_read(tmp_path: Path) -> None:
    colours = np.array([(*RED, 255), (*RED, 255), (*RED, 255), (*BLUE, 255)], np.uint8)
    trimesh.Trimesh(POINTS, FACES, vertex_colors=colours, process=False).export(tmp_path / "x.ply")
    assert painted(tmp_path / "x.ply") == [[True, False, False, False]]
    trimesh.Trimesh(POINTS, FACES, face_colors=colours[::-1], process=False).export(tmp_path / "y.ply")
    assert painted(tmp_path / "y.ply", "#0000ff") == [[True, False, False, False]]


def test_signed_numbers_and_lists_are_no_colours(tmp_path: Path) -> None:
    (one,) = read_meshes(ply(tmp_path / "x.ply", channels("char"), rows=(" 1 1 1",) * 4))
    assert one.colours is None


OBJ = "".join(f"v {x} {y} {z}{{{k}}}\n" for k, (x, y, z) in enumerate(POINTS))


@pytest.mark.parametrize(("red", "blue"), [(" 1 0 0", " 0 0 1"), (" 255 0 0", " 0 0 255")])
def test_vertices_of_an_obj_carry_colours_into_each_object(tmp_path: Path, red: str, blue: str) -> None:
    text = OBJ.format(red, red, red, blue) + "o a\nf 1 2 4\no b\nf 1 3 2\nf 2 3 4\n"
    (tmp_path / "x.obj").write_text(text)
    assert painted(tmp_path / "x.obj") == [[False], [True, False]]


def test_seven_numbers_a_vertex_are_no_colours(tmp_path: Path) -> None:
    (tmp_path / "x.obj").write_text(OBJ.format(*[" 1 0 0 1"] * 4) + "f 1 3 2\n")
    assert read_meshes(tmp_path / "x.obj")[0].colours is None


MATERIALS = "# Smith\nnewmtl plain bone\nKd 0.9 0.9 0.8\nnewmtl nerve\nKa 0 1 0\nKd 1 0.0 0 # red\nmap_Kd smith.png\n"


@pytest.mark.parametrize("library", ["x.mtl", "./x.mtl", "other.mtl x.mtl", "my colours.mtl"])
def test_materials_of_an_obj_stay_on_until_the_next_one(tmp_path: Path, library: str) -> None:
    name = "my colours.mtl" if " colours" in library else "x.mtl"
    (tmp_path / name).write_text(MATERIALS)
    body = "f 1 3 2\nusemtl nerve\nf 1 2 4\no b\nf 2 3 4\nusemtl plain bone\nf 1 4 3 2\nusemtl what\nf 1 2 3\n"
    (tmp_path / "x.obj").write_text(f"mtllib {library}\n" + OBJ.format(*[""] * 4) + "o a\n" + body)
    assert painted(tmp_path / "x.obj") == [[False, True], [True, False, False, False]]
    assert painted(tmp_path / "x.obj", "#e6e6cc") == [[False, False], [False, True, True, False]]
    assert not any("Smith" in note or "nerve" in note for one in read_meshes(tmp_path / "x.obj") for note in one.notes)


def test_libraries_are_read_from_the_folder_of_the_obj_only(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "x.mtl").write_text(MATERIALS)
    for library in ("../x.mtl", str(tmp_path / "x.mtl"), "in", "missing.mtl", "a\0b", "é" * 300):
        path = tmp_path / "in" / "x.obj"
        path.write_text(f"mtllib {library}\n" + OBJ.format(*[""] * 4) + "usemtl nerve\nf 1 3 2\n")
        assert read_meshes(path)[0].colours is None


def model(path: Path, resources: str, of_object: str, *of_triangles: str) -> Path:
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in POINTS)
    triangles = "".join(
        f'<triangle v1="{a}" v2="{b}" v3="{c}" {said}/>' for (a, b, c), said in zip(FACES, of_triangles, strict=True)
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><model unit="millimeter" '
        'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02" '
        'xmlns:m="http://schemas.microsoft.com/3dmanufacturing/material/2015/02"><resources>'
        f'{resources}<object id="1" type="model" {of_object}><mesh><vertices>{vertices}</vertices><triangles>'
        f'{triangles}</triangles></mesh></object></resources><build><item objectid="1"/></build></model>'
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed_files:
        packed_files.writestr("[Content_Types].xml", threemf._CONTENT_TYPES)
        packed_files.writestr("_rels/.rels", threemf._RELATIONSHIPS)
        packed_files.writestr("3D/3dmodel.model", text)
    path.write_bytes(data.getvalue())
    return path


BASES = '<basematerials id="5"><base name="Smith" displaycolor="#00FF00FF"/><base name="b" displaycolor="#0000FF"/>'
BASES += "</basematerials>"
GROUP = '<m:colorgroup id="6"><m:color color="#FF0000"/><m:color color="#FF000080"/><m:color color="#112233FF"/>'
GROUP += "</m:colorgroup>"


def test_triangles_of_a_3mf_have_materials_or_colours_of_a_group_else_those_of_their_object(tmp_path: Path) -> None:
    said = ('pid="6" p1="0"', 'pid="6" p1="0" p2="1" p3="2"', 'pid="5" p1="1"', "")
    path = model(tmp_path / "x.3mf", BASES + GROUP, 'pid="5" pindex="0"', *said)
    assert painted(path) == [[True, False, False, False]]
    assert painted(path, "#0000ff") == [[False, False, True, False]]
    assert painted(path, "#00ff00") == [[False, False, False, True]]
    (one,) = read_meshes(path)
    assert one.colours is not None
    assert one.colours.counts(one.mesh.faces) == [(0x0000FF, 1), (0x00FF00, 1), (0xFF0000, 1)]
    assert one.colour == (0, 255, 0)


def test_a_3mf_that_paints_nothing_has_no_colours(tmp_path: Path) -> None:
    assert read_meshes(model(tmp_path / "x.3mf", "", "", "", "", "", ""))[0].colours is None
    assert read_meshes(model(tmp_path / "y.3mf", BASES, "", "", "", "", ""))[0].colours is None


def test_colours_are_packed_within_their_range() -> None:
    assert packed([0, 1, 2.0, -1], [0.5] * 4, [1] * 4, full=1.0).tolist() == [0x80FF, 0xFF80FF, 0xFF80FF, 0x80FF]
    assert packed([np.nan, np.inf], [0, 0], [0, 0], full=1.0).tolist() == [NONE, NONE]
    assert (named(0x00FF01), colour_of("#00fF01")) == ("#00ff01", 0x00FF01)
    with pytest.raises(ValueError, match="no colour"):
        colour_of("red")


def test_the_commonest_colours_are_listed_first_and_not_all() -> None:
    faces = np.array([[k] for k in (1, 1, 1, 2, 2, NONE, *range(3, 20))], np.int32)
    counts = Colours(faces=faces).counts(np.zeros((len(faces), 3), np.int32))
    assert listed(counts, most=2) == "#000001 (3 triangles), #000002 (2 triangles) and 17 more"


def test_a_damaged_colour_does_not_stand_in_the_way_of_the_mesh(tmp_path: Path) -> None:
    (one,) = read_meshes(ply(tmp_path / "x.ply", channels("float"), rows=(" nan 0 0", " 1 0 0", " 1 0 0", " 1 0 0")))
    assert one.colours is not None
    assert one.colours.painted(one.mesh.faces, 0xFF0000, 0).tolist() == [False, False, True, False]
    with pytest.raises(MeshError, match="truncated"):
        read_meshes(ply(tmp_path / "y.ply", channels("uchar"), rows=("", "", "", "")))
