"""STL: what is read, what is refused, what is written."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import stl as peer

from printprep.errors import MeshError
from printprep.formats import read_meshes, stl
from printprep.geometry.mesh import Mesh

CORNERS = np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 0, 0], [0, 1, 0], [0, 0, 1]]], np.float32)


def binary(corners: np.ndarray = CORNERS, *, header: bytes = b"", count: int | None = None, tail: bytes = b"") -> bytes:
    records = np.zeros(len(corners), np.dtype([("n", "<f4", 3), ("c", "<f4", (3, 3)), ("spare", "<u2")]))
    records["c"] = corners
    return header.ljust(80) + struct.pack("<I", len(corners) if count is None else count) + records.tobytes() + tail


def ascii_solid(name: str, corners: np.ndarray = CORNERS) -> str:
    facets = (
        "facet normal 0 0 1\n outer loop\n"
        + "".join(f"  vertex {x:.6e} {y:g} {z:g}\n" for x, y, z in triangle)
        + " endloop\nendfacet\n"
        for triangle in corners
    )
    return f"solid {name}\n{''.join(facets)}endsolid {name}\n"


def written(tmp_path: Path, data: bytes | str) -> Path:
    path = tmp_path / "bone.stl"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_binary_is_welded_bit_for_bit(tmp_path: Path) -> None:
    (found,) = stl.read(written(tmp_path, binary()))
    assert (len(found.mesh.vertices), len(found.mesh)) == (4, 2)
    np.testing.assert_array_equal(found.mesh.triangles, CORNERS)
    assert (found.name, found.unit, found.notes) == ("", None, ())


def test_the_header_is_never_a_name(tmp_path: Path) -> None:
    (found,) = stl.read(written(tmp_path, binary(header=b"solid Smith^John 1961-02-03")))
    assert found.name == ""
    assert len(found.mesh) == 2


def test_several_solids_are_several_named_meshes(tmp_path: Path) -> None:
    moved = CORNERS + 5
    text = ascii_solid("aorta true lumen") + "\r\n" + ascii_solid("bone", moved).upper().replace("\n", "\r\n")
    first, second = stl.read(written(tmp_path, text))
    assert (first.name, second.name) == ("aorta true lumen", "BONE")
    np.testing.assert_array_equal(second.mesh.triangles, moved)


def test_ascii_longer_than_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stl, "_TEXT_CHUNK", 300)
    corners = np.arange(50 * 9, dtype=np.float64).reshape(50, 3, 3)
    (found,) = stl.read(written(tmp_path, ascii_solid("x", corners)))
    np.testing.assert_array_equal(found.mesh.triangles, corners)


def test_a_count_of_zero_that_was_never_filled_in_is_settled_and_noted(tmp_path: Path) -> None:
    (found,) = stl.read(written(tmp_path, binary(count=0)))
    assert len(found.mesh) == 2
    assert "0 triangles" in found.notes[0]


@pytest.mark.parametrize("tail", [b"\r\n", b"\0" * 100])
def test_bytes_after_the_last_triangle_are_noted(tmp_path: Path, tail: bytes) -> None:
    (found,) = stl.read(written(tmp_path, binary(tail=tail)))
    assert len(found.mesh) == 2
    assert f"{len(tail)} " in found.notes[0]


NAN = CORNERS.copy()
NAN[1, 2, 0] = np.nan
HUGE = CORNERS.copy()
HUGE[0, 0, 0] = 3e38


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"PK garbage", "no STL"),
        (b"\xde\xad\xbe\xef" * 50, "truncated"),
        (binary()[:-20], "promises 2 triangles"),
        (binary(count=4_000_000_000), "promises 4000000000"),
        (binary(count=1), "cannot be told"),
        (binary(CORNERS[:0]), "no triangles"),
        (binary(NAN), "triangle 1 .*not a number"),
        (binary(HUGE), "no place"),
        ("solid x\nendsolid x\n", "without triangles"),
        (ascii_solid("x")[:150], "truncated"),
        (ascii_solid("x").replace("endloop", "endlop", 1), "'endlop' stands where 'endloop'"),
        (ascii_solid("x").replace("vertex 1.000000e+00", "vertex nan", 1), "not a number"),
        (ascii_solid("x").replace("vertex 1.000000e+00", "vertex 1..0", 1), "could not convert"),
        (ascii_solid("x").replace("endfacet\nendsolid", "endsolid"), "not complete"),
        (ascii_solid("x") + "vertex 1 2 3", "belongs to no solid"),
        ("solid y\n" + ascii_solid("x"), "inside another"),
        ("solid y\n" + ascii_solid("x").split("\n", 1)[1] + "endsolid\n", "endsolid without solid"),
    ],
)
def test_bad_files_are_refused_with_their_place(tmp_path: Path, data: bytes | str, says: str) -> None:
    path = written(tmp_path, data)
    with pytest.raises(MeshError, match=says) as caught:
        stl.read(path)
    assert str(path) in str(caught.value)


def test_a_folder_or_nothing_is_no_mesh(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match="is a folder"):
        stl.read(tmp_path)
    with pytest.raises(MeshError, match="no such file"):
        stl.read(tmp_path / "bone.stl")
    with pytest.raises(MeshError, match="no mesh format"):
        read_meshes(written(tmp_path, "x").rename(tmp_path / "bone.step"))


def test_writing_scrubs_the_header_and_reads_back(tmp_path: Path) -> None:
    mesh = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.5]]), np.array([[0, 2, 1], [0, 1, 3]], np.int32))
    path = tmp_path / "Smith.stl"
    stl.write(path, mesh)
    data = path.read_bytes()
    assert data[:80] == b"printprep" + b" " * 71
    np.testing.assert_array_equal(np.frombuffer(data, "<f4", 3, 84), [0, 0, -1])
    (found,) = stl.read(path)
    np.testing.assert_array_equal(found.mesh.triangles, mesh.triangles)
    assert [p.name for p in tmp_path.iterdir()] == ["Smith.stl"]


@pytest.mark.parametrize("mode", [peer.Mode.ASCII, peer.Mode.BINARY])
def test_a_peer_reads_what_is_written_and_is_read(tmp_path: Path, dissection: Path, mode: peer.Mode) -> None:
    mesh = stl.read(dissection / "celiac_trunk.stl")[0].mesh
    ours, theirs = tmp_path / "ours.stl", tmp_path / "theirs.stl"
    stl.write(ours, mesh)
    loaded = peer.Mesh.from_file(str(ours), calculate_normals=False)
    np.testing.assert_array_equal(loaded.vectors, mesh.triangles)
    outward = np.cross(mesh.triangles[:, 1] - mesh.triangles[:, 0], mesh.triangles[:, 2] - mesh.triangles[:, 0])
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    np.testing.assert_allclose(loaded.normals, outward, atol=1e-6)
    loaded.save(str(theirs), mode=mode, update_normals=False)
    np.testing.assert_allclose(stl.read(theirs)[0].mesh.triangles, mesh.triangles, rtol=1e-6, atol=1e-6)
