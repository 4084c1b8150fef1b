"""PLY: every layout of the same mesh, and files that end early or say what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from printprep.errors import MeshError
from printprep.formats import ply, stl
from printprep.geometry.mesh import Mesh

POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3], [1, 1, 0]], np.float32)
FACES: list[tuple[int, ...]] = [(0, 2, 1), (0, 1, 3), (1, 2, 3)]
ORDER = {"<": "binary_little_endian", ">": "binary_big_endian"}


def header(form: str, vertices: int, faces: int, *, more: str = "", face_more: str = "", counted: str = "uchar") -> str:
    return (
        f"ply\nformat {form} 1.0\ncomment Smith^John\nelement vertex {vertices}\n"
        f"property float x\nproperty float y\nproperty float z\n{more}"
        f"element face {faces}\nproperty list {counted} int vertex_indices\n{face_more}end_header\n"
    )


def binary(order: str, faces: list[tuple[int, ...]], points: np.ndarray = POINTS) -> bytes:
    rows = b"".join(
        bytes([len(face)]) + np.array(face, f"{order}i4").tobytes() + np.array(7, f"{order}u2").tobytes()
        for face in faces
    )
    text = header(ORDER[order], len(points), len(faces), face_more="property ushort stl\n")
    return text.encode() + points.astype(f"{order}f4").tobytes() + rows


def ascii_text(faces: list[tuple[int, ...]] = FACES, *, points: np.ndarray = POINTS, head: str = "") -> str:
    vertices = "".join(f"{x:g} {y:g} {z:g}\n" for x, y, z in points)
    rows = "".join(f"{len(f)} {' '.join(map(str, f))}\n" for f in faces)
    return (head or header("ascii", len(points), len(faces))) + vertices + rows


def read(tmp_path: Path, data: bytes | str) -> Mesh:
    path = tmp_path / "bone.ply"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    (found,) = ply.read(path)
    assert (found.name, found.unit) == ("", None)
    return found.mesh


@pytest.mark.parametrize("data", [binary("<", FACES), binary(">", FACES), ascii_text()])
def test_every_layout_gives_the_same_mesh(tmp_path: Path, data: bytes | str) -> None:
    mesh = read(tmp_path, data)
    np.testing.assert_array_equal(mesh.vertices, POINTS)
    np.testing.assert_array_equal(mesh.faces, FACES)


MIXED: list[tuple[int, ...]] = [(0, 2, 1), (0, 1, 4, 2), (1, 2, 3)]


@pytest.mark.parametrize("data", [binary("<", MIXED), binary(">", MIXED), ascii_text(MIXED)])
def test_faces_of_many_corners_become_triangles_and_a_note(tmp_path: Path, data: bytes | str) -> None:
    mesh = read(tmp_path, data)
    np.testing.assert_array_equal(mesh.faces, [(0, 2, 1), (0, 1, 4), (0, 4, 2), (1, 2, 3)])
    assert "1 faces" in ply.read(tmp_path / "bone.ply")[0].notes[0]


def test_other_properties_and_elements_are_stepped_over(tmp_path: Path) -> None:
    head = header("ascii", 5, 3, more="property uchar red\nproperty list uchar float weights\n")
    head = head.replace("end_header", "property uchar green\nelement edge 1\nproperty int vertex1\nend_header")
    vertices = "".join(f"{x:g} {y:g} {z:g} 9 {k % 2} {'0.5' * (k % 2)}\n" for k, (x, y, z) in enumerate(POINTS))
    rows = "".join(f"3 {a} {b} {c} 1\n" for a, b, c in FACES)
    mesh = read(tmp_path, head + vertices + rows + "4\n")
    np.testing.assert_array_equal(mesh.vertices, POINTS)
    np.testing.assert_array_equal(mesh.faces, FACES)


def test_one_colour_of_all_faces_is_kept(tmp_path: Path) -> None:
    colours = "property uchar red\nproperty uchar green\nproperty uchar blue\n"
    head = header("ascii", 5, 3, face_more=colours)
    vertices = "".join(f"{x:g} {y:g} {z:g}\n" for x, y, z in POINTS)
    (tmp_path / "bone.ply").write_text(head + vertices + "".join(f"3 {a} {b} {c} 241 214 145\n" for a, b, c in FACES))
    assert ply.read(tmp_path / "bone.ply")[0].colour == (241, 214, 145)


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_real_anatomy_through_trimesh_comes_back(tmp_path: Path, dissection: Path, encoding: str) -> None:
    mesh = stl.read(dissection / "celiac_trunk.stl")[0].mesh
    trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(tmp_path / "x.ply", encoding=encoding)
    (found,) = ply.read(tmp_path / "x.ply")
    np.testing.assert_array_equal(found.mesh.faces, mesh.faces)
    np.testing.assert_allclose(found.mesh.vertices, mesh.vertices, atol=1e-6)


NAN = POINTS.copy()
NAN[2, 1] = np.nan


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"garbage" * 30, "no PLY header"),
        (b"ply\nformat ascii 1.0\n", "no PLY header"),
        ("ply\nformat ascii 2.0\nend_header\n", "line 2 of the header"),
        ("ply\nelement vertex 3\nend_header\n", "says no format"),
        (ascii_text().replace("property float x", "property quad x"), "line 5 of the header"),
        (ascii_text().replace("element face 3", "element face 99999999999"), "header is not understood"),
        (ascii_text().replace("element face 3", "element face 4"), "'face' do: it is truncated"),
        (ascii_text().replace("element face 3", "element face 2"), "4 numbers follow"),
        (ascii_text().replace("element vertex 5", "element vertex 99"), "truncated|damaged"),
        (ascii_text().replace("vertex_indices", "corners"), "faces without vertex_indices"),
        (ascii_text().replace("property float z\n", ""), "8 numbers follow"),
        (ascii_text().replace("property float z", "property float w"), "no element vertex with x, y and z"),
        (ascii_text([(0, 1, 9)]), "triangle 0 refers to vertex 9"),
        (ascii_text([(0, 1, -1)]), "triangle 0 refers to vertex -1"),
        (ascii_text([(0, 1)]), "face 0 has 2 corners"),
        (ascii_text([]), "no triangles"),
        (ascii_text(points=NAN), r"vertex 2 is at \(0, nan, 0\)"),
        (ascii_text().replace("1 0 0\n", "1 x 0\n"), "text where numbers belong"),
        (ascii_text().replace("3 0 2 1", "3 0 2 1.5"), "1.5, which is no whole number"),
        (binary("<", FACES)[:-1], "truncated"),
        (binary("<", FACES, NAN), "no place"),
        (binary("<", FACES)[:-40], "truncated"),
        (binary("<", FACES).replace(b"element face 3", b"element face 190000000"), "truncated"),
        (binary("<", FACES).replace(b"list uchar int", b"list int int"), "list of .* numbers|truncated"),
        (binary("<", FACES).replace(b"float y", b"float x"), "share a name"),
        (binary("<", FACES).replace(b"element face 3\n", b"element face 0\nelement face 3\n"), "an element twice"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, data: bytes | str, says: str) -> None:
    with pytest.raises(MeshError, match=says) as caught:
        read(tmp_path, data)
    assert str(tmp_path / "bone.ply") in str(caught.value)


def test_bytes_after_the_last_element_are_noted(tmp_path: Path) -> None:
    assert len(read(tmp_path, binary("<", FACES) + b"\r\n")) == 3
    assert "2 bytes" in ply.read(tmp_path / "bone.ply")[0].notes[0]
