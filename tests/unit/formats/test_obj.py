"""OBJ: objects, groups, every way to write a corner, and lines that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from printprep.errors import MeshError
from printprep.formats import NamedMesh, obj, stl

V = "v 0 0 0\nv 1 0 0\nv 0 2 0\nv 0 0 3\n"


def read(tmp_path: Path, text: str | bytes) -> tuple[NamedMesh, ...]:
    path = tmp_path / "bone.obj"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return obj.read(path)


@pytest.mark.parametrize(
    "text",
    [
        V + "f 1 3 2\nf 1 2 4\n",
        V.replace("\n", "\r\n") + "f 1/1 3/2 2/3\r\nf 1//1 2//1 4//2\r\n",
        "# Smith^John\n"
        + V.replace("0 0 3", "0 0 3 1.0")
        .replace("v 0 0 0\n", "v 0 0 0 1\n")
        .replace("v 1 0 0\n", "v 1 0 0 1\n")
        .replace("v 0 2 0\n", "v 0 2 0 1\n")
        + "vn 0 0 1\nvt 0 0\ns off\nusemtl bone\nf -4 -2 -3\nf 1/1/1 2/2/2 \\\n 4/3/3 # last\n",
    ],
)
def test_every_way_to_write_a_corner(tmp_path: Path, text: str) -> None:
    (found,) = read(tmp_path, text)
    np.testing.assert_array_equal(
        found.mesh.triangles, [[[0, 0, 0], [0, 2, 0], [1, 0, 0]], [[0, 0, 0], [1, 0, 0], [0, 0, 3]]]
    )
    assert (found.name, found.unit) == ("", None)


TWO = "{k} true lumen\n" + V + "f 1 3 2\n{k} bone\nv 9 9 9\nf 1 2 5\n{k} true lumen\nf 1 2 4\n"


@pytest.mark.parametrize("keyword", ["o", "g"])
def test_objects_or_else_groups_are_named_meshes(tmp_path: Path, keyword: str) -> None:
    first, second = read(tmp_path, TWO.replace("{k}", keyword))
    assert [(m.name, len(m.mesh), len(m.mesh.vertices)) for m in (first, second)] == [
        ("true lumen", 2, 4),
        ("bone", 1, 3),
    ]


def test_groups_inside_objects_do_not_divide_them(tmp_path: Path) -> None:
    (found,) = read(tmp_path, "g first\no heart\ng a\n" + V + "f 1 3 2\ng b\nf 1 2 4\n")
    assert (found.name, len(found.mesh)) == ("heart", 2)


def test_quads_are_divided_and_lines_left_out_with_a_note(tmp_path: Path) -> None:
    (found,) = read(tmp_path, V + "l 1 2\nf 1 2 4 3\n")
    np.testing.assert_array_equal(found.mesh.faces, [(0, 1, 3), (0, 3, 2)])
    assert ("1 lines" in found.notes[0], "1 faces" in found.notes[1]) == (True, True)


def test_real_anatomy_through_trimesh_comes_back(tmp_path: Path, dissection: Path) -> None:
    mesh = stl.read(dissection / "celiac_trunk.stl")[0].mesh
    trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(tmp_path / "x.obj")
    (found,) = obj.read(tmp_path / "x.obj")
    np.testing.assert_allclose(found.mesh.triangles, mesh.triangles, atol=1e-7)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (b"\x00\xff garbage" * 40, "line 1: .* is not understood"),
        (V, "no faces"),
        ("f 1 2 3\n", "no vertices"),
        (V + "f 1 2 9\n", "line 5: the face refers to vertex 9, but there are 4"),
        (V + "f 1 2 3\nf 0 1 2\n", "line 6: the face refers to vertex 0"),
        (V + "f 1 2 -5\n", "line 5: the face refers to vertex -5"),
        (V + "f 1 2\n", "face 0 has 2 corners"),
        (V + "f 1 2 x\n", "line 5: '1 2 x' are no corners"),
        (V + "f 1 2 1.5\n", "line 5: '1 2 1.5' are no corners"),
        (V + "f 1 2-3\n", "line 5: '1 2-3' are no corners"),
        (V + "f 1 2 99999999999999999999\n", "are no corners"),
        (V.replace("0 2 0", "0 nan 0") + "f 1 2 3\n", "no place"),
        (V.replace("0 2 0", "0 2") + "f 1 2 3\n", "vertex 3 is '0 2'"),
        (V.replace("0 2 0", "0 x 0") + "f 1 2 3\n", "vertex 3 is '0 x 0'"),
        (V.replace("0 2 0", "0 2").replace("0 0 3", "0 0 3 3") + "f 1 2 3\n", "vertex 3 is '0 2'"),
        (V + "curv2 1 2\nf 1 2 3\n", "line 5: 'curv2' is not understood"),
        (V + "v 9 9", "vertex 5 is '9 9'"),
    ],
)
def test_bad_files_are_refused_with_their_line(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(MeshError, match=says) as caught:
        read(tmp_path, text)
    assert str(tmp_path / "bone.obj") in str(caught.value)
