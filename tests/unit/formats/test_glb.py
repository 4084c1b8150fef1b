"""GLB: a scene in metres, and everything that trimesh would have taken in silence."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from printprep.errors import MeshError
from printprep.formats import glb, stl

POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]], "<f4")
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], "<u2")
DATA = POINTS.tobytes() + FACES.tobytes()
Change = Callable[[dict[str, Any]], object]


def document() -> dict[str, Any]:
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "root", "children": [1], "translation": [10, 0, 0]}, {"name": "heart", "mesh": 0}],
        "meshes": [{"name": "m", "primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "buffers": [{"byteLength": len(DATA)}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 24},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
        ],
    }


def packed(tmp_path: Path, content: dict[str, Any], data: bytes = DATA) -> Path:
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data
    path = tmp_path / "case.glb"
    path.write_bytes(struct.pack("<4s2I", b"glTF", 2, 12 + len(chunks)) + chunks)
    return path


def test_a_node_is_a_named_mesh_in_metres(tmp_path: Path) -> None:
    (found,) = glb.read(packed(tmp_path, document()))
    assert (found.name, found.unit, found.notes) == ("heart", "m", ())
    np.testing.assert_array_equal(found.mesh.triangles, POINTS[FACES])
    np.testing.assert_allclose(found.placed().bounds_mm, [[10, 0, 0], [11, 2, 3]])


def test_real_anatomy_through_trimesh_is_welded(tmp_path: Path, dissection: Path) -> None:
    mesh = stl.read(dissection / "celiac_trunk.stl")[0].mesh
    scene = trimesh.Scene()
    for name, shift in (("celiac", 0.0), ("copy", 0.05)):
        soup = trimesh.Trimesh(
            mesh.triangles.reshape(-1, 3) / 1000, np.arange(3 * len(mesh)).reshape(-1, 3), process=False
        )
        matrix = np.eye(4)
        matrix[0, 3] = shift
        scene.add_geometry(soup, node_name=name, transform=matrix)
    scene.export(tmp_path / "x.glb")  # type: ignore[no-untyped-call]
    first, second = glb.read(tmp_path / "x.glb")
    assert (first.name, second.name) == ("celiac", "copy")
    assert len(first.mesh.vertices) == len(mesh.vertices)
    np.testing.assert_allclose(second.placed().triangles * 1000 - [50, 0, 0], mesh.triangles, atol=1e-4)


def test_points_and_lines_are_left_out_with_a_note(tmp_path: Path) -> None:
    content = document()
    content["meshes"][0]["primitives"].append({"attributes": {"POSITION": 0}, "mode": 0})
    (found,) = glb.read(packed(tmp_path, content))
    assert "1 sets of points or lines" in found.notes[0]


def test_a_node_that_mirrors_is_carried_not_applied(tmp_path: Path) -> None:
    content = document()
    content["nodes"][1]["scale"] = [-1, 1, 1]
    (found,) = glb.read(packed(tmp_path, content))
    assert found.mirrors
    assert found.mesh.volume_mm3 == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(extensionsRequired=["KHR_draco_mesh_compression"]), "needs KHR_draco"),
        (lambda d: d.update(skins=[{}]), "skeleton"),
        (lambda d: d["buffers"][0].update(uri="/etc/passwd"), "outside the file"),
        (lambda d: d["buffers"][0].update(byteLength=10**9), "more than it holds"),
        (lambda d: d["bufferViews"][1].update(byteLength=10**9), "beyond the 72 bytes"),
        (lambda d: d["bufferViews"][1].update(byteOffset=-8), "beyond the 72 bytes"),
        (lambda d: d["accessors"][1].update(count=4_000_000_000), "counts 4000000000"),
        (lambda d: d["accessors"][1].update(count=15), "reads beyond its view"),
        (lambda d: d["accessors"][0].pop("bufferView"), "sparse or has no data"),
        (lambda d: d["accessors"][0].update(sparse={}), "sparse or has no data"),
        (lambda d: d["accessors"][0].update(bufferView=7), "a view that is not there"),
        (lambda d: d["accessors"][1].update(count=10), "no GLB that can be read"),
        (lambda d: d["meshes"][0]["primitives"][0].update(mode=6), "strips or fans"),
        (lambda d: d["meshes"][0]["primitives"][0]["attributes"].update(POSITION=9), "no GLB that can be read"),
        (lambda d: d["nodes"][1].update(children=[0]), "do not form a tree"),
        (lambda d: d["nodes"][1].update(children=[1]), "two parents"),
        (lambda d: d["nodes"][1].update(mesh=5), "no GLB that can be read|no triangles"),
        (lambda d: d["nodes"][1].pop("mesh"), "no triangles"),
        (lambda d: d.update(meshes="x"), "no GLB that can be read"),
    ],
)
def test_broken_documents_are_refused(tmp_path: Path, change: Change, says: str) -> None:
    content = document()
    change(content)
    path = packed(tmp_path, content)
    with pytest.raises(MeshError, match=says) as caught:
        glb.read(path)
    assert str(path) in str(caught.value)


def test_broken_data_is_refused(tmp_path: Path) -> None:
    nan = POINTS.copy()
    nan[1, 1] = np.nan
    with pytest.raises(MeshError, match="no place"):
        glb.read(packed(tmp_path, document(), nan.tobytes() + FACES.tobytes()))
    with pytest.raises(MeshError, match="refers to vertex 900"):
        glb.read(packed(tmp_path, document(), POINTS.tobytes() + (FACES + 897).astype("<u2").tobytes()))


@pytest.mark.parametrize("kept", [0, 10, 19, 200, -1])
def test_truncated_files_are_refused(tmp_path: Path, kept: int) -> None:
    path = packed(tmp_path, document())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(MeshError):
        glb.read(path)
