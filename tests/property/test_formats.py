"""Whatever the bytes, a reader returns meshes or says why not, soon; and what is written comes back."""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from printprep.errors import MeshError
from printprep.formats import FORMATS, stl, threemf
from printprep.geometry.mesh import Mesh

SETTINGS = settings(
    max_examples=int(os.environ.get("PRINTPREP_FUZZ", "60")),
    deadline=None,  # no test depends on the clock
    derandomize="PRINTPREP_FUZZ" not in os.environ,  # set it to a large number to search on
    suppress_health_check=[HealthCheck.too_slow],
)
VERTICES = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)))
TRIANGLES = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in ((0, 2, 1), (0, 1, 3), (1, 2, 3)))
MODEL = (
    '<?xml version="1.0" encoding="UTF-8"?><model unit="millimeter" '
    'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources><object id="1" type="model" name="a">'
    f"<mesh><vertices>{VERTICES}</vertices><triangles>{TRIANGLES}</triangles></mesh></object>"
    '<object id="2" type="model"><components><component objectid="1" transform="1 0 0 0 1 0 0 0 1 5 6 7"/>'
    '</components></object></resources><build><item objectid="2"/></build></model>'
).encode()


def archive(model: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", threemf._CONTENT_TYPES)
        packed.writestr("_rels/.rels", threemf._RELATIONSHIPS)
        packed.writestr("3D/3dmodel.model", model)
    return data.getvalue()


def glb_of(document: bytes, data: bytes) -> bytes:
    chunks = struct.pack("<II", len(document), 0x4E4F534A) + document + struct.pack("<II", len(data), 0x004E4942) + data
    return struct.pack("<4s2I", b"glTF", 2, 12 + len(chunks)) + chunks


POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], "<f4")
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], "<u2")
GLTF = {
    "asset": {"version": "2.0"},
    "scene": 0,
    "scenes": [{"nodes": [0]}],
    "nodes": [{"name": "a", "mesh": 0}],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
    "buffers": [{"byteLength": 72}],
    "bufferViews": [{"buffer": 0, "byteLength": 48}, {"buffer": 0, "byteOffset": 48, "byteLength": 24}],
    "accessors": [
        {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
        {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
    ],
}
PLY = (
    b"ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    b"element face 2\nproperty list uchar int vertex_indices\nend_header\n"
    b"0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 1 2\n4 0 1 2 3\n"
)
BINARY_PLY = (
    PLY.split(b"end_header\n")[0].replace(b"ascii", b"binary_little_endian")
    + b"end_header\n"
    + POINTS.tobytes()
    + b"".join(bytes([len(f)]) + np.array(f, "<i4").tobytes() for f in ((0, 1, 2), (0, 1, 2, 3)))
)
OBJ = b"o a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\no b\nf 1/1 2/2 4/3\nf -1 -2 -3 -4\n"
COLOURED_OBJ = (
    b"mtllib x.mtl\nv 0 0 0 1 0 0\nv 1 0 0 1 0 0\nv 0 1 0 1 0 0\nv 0 0 1 0 0.5 1\nusemtl a\nf 1 2 3\no b\n"
    b"usemtl b\nf 1/1 2/2 4/3\nf -1 -2 -3 -4\n"
)
COLOURED_PLY = PLY.replace(b"float z\n", b"float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\n")
COLOURED_PLY = COLOURED_PLY.replace(b"0 0 0\n", b"0 0 0 255 0 0\n").replace(b"1 0 0\n", b"1 0 0 255 0 0\n", 1)
COLOURED_PLY = COLOURED_PLY.replace(b"0 1 0\n", b"0 1 0 255 0 0\n").replace(b"0 0 1\n", b"0 0 1 0 0 255\n")
COLOURED_MODEL = (
    MODEL.replace(b"<resources>", b'<resources><basematerials id="5"><base name="n" displaycolor="#00FF00FF"/>'
    b'</basematerials><m:colorgroup id="6"><m:color color="#FF0000"/><m:color color="#112233FF"/></m:colorgroup>')
    .replace(b"<model ", b'<model xmlns:m="http://schemas.microsoft.com/3dmanufacturing/material/2015/02" ')
    .replace(b'name="a"', b'name="a" pid="5" pindex="0"')
    .replace(b'v3="1"', b'v3="1" pid="6" p1="0"')
    .replace(b'v1="0" v2="1" v3="3"', b'v1="0" v2="1" v3="3" pid="6" p1="0" p2="1" p3="1"')
)  # fmt: skip
MTL = b"# Smith\nnewmtl a\nKd 1 0 0\nnewmtl b\nKd 0.5 0.25 1\n"
ASCII_STL = (
    b"solid a\nfacet normal 0 0 1\nouter loop\n"
    b"vertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\n"
    b"endloop\nendfacet\nendsolid a\n"
)
BINARY_STL = bytes(80) + struct.pack("<I", 2) + np.arange(25, dtype="<f4").tobytes()
GOOD: dict[str, list[bytes]] = {
    ".stl": [ASCII_STL, ASCII_STL * 2, BINARY_STL],
    ".obj": [OBJ, COLOURED_OBJ],
    ".ply": [PLY, BINARY_PLY, COLOURED_PLY],
    ".3mf": [archive(MODEL), archive(COLOURED_MODEL)],
    ".glb": [glb_of(json.dumps(GLTF).encode(), POINTS.tobytes() + FACES.tobytes())],
}


COLOURED = (COLOURED_OBJ, COLOURED_PLY, archive(COLOURED_MODEL))


def returns_or_refuses(suffix: str, data: bytes, library: bytes = MTL) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{suffix}"
        path.write_bytes(data)
        (Path(folder) / "x.mtl").write_bytes(library)
        try:
            found = FORMATS[suffix](path)
        except MeshError as error:
            found, message = (), str(error)
        else:
            message = f"{path}: {len(found)} meshes"
    assert str(path) in message
    for one in found:
        assert len(one.mesh) > 0
        assert np.isfinite(one.mesh.vertices).all()
        if one.colours is not None:
            assert one.colours.painted(one.mesh.faces, 0xFF0000, 8).shape == (len(one.mesh),)
            assert all(0 <= colour <= 0xFFFFFF and count for colour, count in one.colours.counts(one.mesh.faces))


@st.composite
def damaged(draw: st.DrawFn, good: list[bytes]) -> bytes:
    """A good file with a piece cut out, doubled or overwritten."""
    data = draw(st.sampled_from(good))
    start = draw(st.integers(0, len(data) - 1))
    length = draw(st.integers(0, min(40, len(data) - start)))
    kind = draw(st.sampled_from(["cut", "overwrite", "insert", "double", "end"]))
    junk = draw(
        st.binary(min_size=length, max_size=length) | st.text('0123456789-.einfa<>/" \n', max_size=12).map(str.encode)
    )
    match kind:
        case "cut":
            return data[:start] + data[start + length :]
        case "overwrite":
            return data[:start] + junk + data[start + len(junk) :]
        case "insert":
            return data[:start] + junk + data[start:]
        case "double":
            return data[: start + length] + data[start:]
    return data[:start]


@pytest.mark.parametrize("suffix", list(FORMATS))
def test_every_format_has_good_files_here_and_reads_them(suffix: str) -> None:
    for data in GOOD[suffix]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"x{suffix}"
            path.write_bytes(data)
            found = FORMATS[suffix](path)
            assert found
            assert any(one.colours is not None for one in found) is (data in COLOURED)


@pytest.mark.parametrize("suffix", list(FORMATS))
@SETTINGS
@given(data=st.data())
def test_damaged_files_are_read_or_refused(suffix: str, data: st.DataObject) -> None:
    returns_or_refuses(suffix, data.draw(damaged(GOOD[suffix])))


@pytest.mark.parametrize("suffix", list(FORMATS))
@settings(SETTINGS, max_examples=40)
@given(data=st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(suffix: str, data: bytes) -> None:
    returns_or_refuses(suffix, data)


@SETTINGS
@given(library=damaged([MTL]) | st.binary(max_size=100))
def test_a_damaged_library_of_materials_paints_or_does_not(library: bytes) -> None:
    returns_or_refuses(".obj", COLOURED_OBJ, library)


@SETTINGS
@given(model=damaged([MODEL, COLOURED_MODEL]))
def test_a_damaged_model_in_a_sound_archive_is_read_or_refused(model: bytes) -> None:
    returns_or_refuses(".3mf", archive(model))


@SETTINGS
@given(document=damaged([json.dumps(GLTF).encode()]))
def test_a_damaged_document_in_a_sound_glb_is_read_or_refused(document: bytes) -> None:
    returns_or_refuses(".glb", glb_of(document, POINTS.tobytes() + FACES.tobytes()))


@SETTINGS
@given(
    corners=hnp.arrays(
        np.float32, st.tuples(st.integers(1, 20), st.just(3), st.just(3)), elements=st.floats(-1000, 1000, width=32)
    )
)
def test_stl_round_trip_keeps_every_corner(corners: np.ndarray) -> None:
    mesh = Mesh(corners.reshape(-1, 3).astype(np.float64), np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.stl"
        stl.write(path, mesh)
        (found,) = stl.read(path)
    np.testing.assert_array_equal(found.mesh.triangles, corners)
