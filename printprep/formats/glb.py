"""GLB (glTF 2.0 in one binary file), read as a trimesh scene; its unit is the metre by specification (3.4).

What trimesh would take in silence is refused before it sees the file: data outside the file, buffers that are not as
long as they are used, extensions that change the geometry, skins, node trees that are none. glTF splits a vertex
wherever its normal or its texture jumps, so the surface is welded, bit for bit.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from printprep.errors import MeshError
from printprep.formats.named import MAX_TRIANGLES, NamedMesh, checked_mesh, whole_file
from printprep.geometry.weld import weld

UNIT: Final = "m"

_HEADER: Final = struct.Struct("<4s2I")
_CHUNK: Final = struct.Struct("<II")
_JSON: Final = 0x4E4F534A
_BIN: Final = 0x004E4942
_BYTES: Final = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_NUMBERS: Final = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_LOOKS: Final = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "EXT_texture_")  # extensions of how it looks
_TRIANGLES: Final = 4
_NO_SURFACE: Final = frozenset({0, 1, 2, 3})  # points and lines
_FOREIGN: Final = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, NotImplementedError, OverflowError,
    RecursionError, struct.error,
)  # fmt: skip
"""What our checks and trimesh come upon in a file that makes no sense."""


def read(path: Path) -> tuple[NamedMesh, ...]:
    """Meshes of a GLB's scene, a node a mesh, with their placements.

    Raises
    ------
    MeshError
        Not a GLB, truncated, data outside the file, geometry that cannot be read exactly, no triangles.
    """
    data = whole_file(path)
    document, held = _chunks(path, data)
    try:
        notes = _check(path, document, held)
        found = list(_scene(path, data, document))
    except _FOREIGN as exc:
        raise MeshError(f"{path}: is no GLB that can be read ({type(exc).__name__}: {exc}); export it again") from exc
    if not found:
        raise MeshError(f"{path}: holds no triangles; export the segmentation's surface again")
    return (replace(found[0], notes=(*notes, *found[0].notes)), *found[1:])


def _chunks(path: Path, data: bytes) -> tuple[dict[str, Any], int]:
    """The JSON of a GLB and the length of its binary chunk."""
    if len(data) < _HEADER.size + _CHUNK.size or not data.startswith(b"glTF"):
        raise MeshError(f"{path}: does not begin as a GLB does; export it again")
    _, version, length = _HEADER.unpack_from(data)
    if version != 2 or length != len(data):
        raise MeshError(
            f"{path}: says version {version} and {length} bytes, but has {len(data)}; only whole files of version 2 "
            "are read; copy or export it again"
        )
    chunks: list[tuple[int, int, int]] = []
    at = _HEADER.size
    while at + _CHUNK.size <= len(data):
        size, kind = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        chunks.append((kind, at, size))
        at += size
    if at != len(data) or not chunks or chunks[0][0] != _JSON or [c[0] for c in chunks].count(_BIN) > 1:
        raise MeshError(f"{path}: its chunks do not fill the file as they should; copy or export it again")
    _, start, size = chunks[0]
    try:
        document = json.loads(data[start : start + size])
    except (ValueError, RecursionError) as exc:
        raise MeshError(f"{path}: its JSON chunk is damaged ({exc}); copy or export it again") from exc
    if not isinstance(document, dict):
        raise MeshError(f"{path}: its JSON chunk is not an object; export it again")
    return document, sum(size for kind, _, size in chunks if kind == _BIN)


def _check(path: Path, document: dict[str, Any], held: int) -> list[str]:
    """Refuse what would be read wrongly; notes on what is left out rightly."""
    required = [e for e in document.get("extensionsRequired", []) if not str(e).startswith(_LOOKS)]
    if required:
        raise MeshError(f"{path}: needs {', '.join(map(str, required))}, which is not read; export it uncompressed")
    if document.get("skins") or any(p.get("targets") for _, p in _primitives(document)):
        raise MeshError(f"{path}: has a skeleton or morph targets; apply them and export the plain mesh")
    for buffer in document.get("buffers", []):
        if "uri" in buffer or not 0 <= buffer["byteLength"] <= held:
            raise MeshError(f"{path}: refers to data outside the file, or to more than it holds; export as one GLB")
    views = document.get("bufferViews", [])
    for view in views:
        if view["buffer"] != 0 or not 0 <= view.get("byteOffset", 0) <= held - view["byteLength"] <= held:
            raise MeshError(f"{path}: a buffer view reaches beyond the {held} bytes of data; export it again")
    accessors = document.get("accessors", [])
    for index, accessor in enumerate(accessors):
        _check_accessor(f"{path}: accessor {index}", accessor, views)
    _check_tree(path, document)
    modes = [p.get("mode", _TRIANGLES) for _, p in _primitives(document)]
    wrong = [mode for mode in modes if mode not in _NO_SURFACE | {_TRIANGLES}]
    if wrong:
        raise MeshError(f"{path}: holds triangle strips or fans (mode {wrong[0]}); export plain triangles")
    flat = sum(mode in _NO_SURFACE for mode in modes)
    return [f"{flat} sets of points or lines are no surface and were left out"] if flat else []


def _primitives(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for mesh in document.get("meshes", []):
        for primitive in mesh["primitives"]:
            yield mesh, primitive


def _check_accessor(place: str, accessor: dict[str, Any], views: list[dict[str, Any]]) -> None:
    """Refuse an accessor whose numbers are not all in its view; trimesh makes zeros of those that are not there."""
    if "sparse" in accessor or "bufferView" not in accessor:
        raise MeshError(f"{place} is sparse or has no data, which is not read; export it again without compression")
    index = accessor["bufferView"]
    if not 0 <= index < len(views):
        raise MeshError(f"{place} refers to a view that is not there; export it again")
    size = _BYTES[accessor["componentType"]] * _NUMBERS[accessor["type"]]
    count, start = accessor["count"], accessor.get("byteOffset", 0)
    stride = views[index].get("byteStride", size)
    if not 0 < count <= 3 * MAX_TRIANGLES or start < 0 or stride < size:
        raise MeshError(f"{place} counts {count} items of {size} bytes from {start} every {stride}; export it again")
    if start + (count - 1) * stride + size > views[index]["byteLength"]:
        raise MeshError(f"{place} reads beyond its view of {views[index]['byteLength']} bytes; export it again")


def _check_tree(path: Path, document: dict[str, Any]) -> None:
    """Refuse nodes that do not form trees (a node below itself would be followed for ever)."""
    nodes = document.get("nodes", [])
    children = [child for node in nodes for child in node.get("children", [])]
    if len(set(children)) != len(children):
        raise MeshError(f"{path}: a node has two parents; export it again")
    reached = [node for scene in document.get("scenes", [])[:1] for node in scene.get("nodes", [])]
    if "scene" in document:
        reached = list(document["scenes"][document["scene"]].get("nodes", []))
    for node in reached:  # grows while it is walked; ends because no node is entered twice
        reached += nodes[node].get("children", [])
        if len(reached) > len(nodes):
            raise MeshError(f"{path}: its nodes do not form a tree; export it again")


def _scene(path: Path, data: bytes, document: dict[str, Any]) -> Iterator[NamedMesh]:
    import trimesh

    scene = trimesh.load_scene(io.BytesIO(data), file_type="glb", process=False, skip_materials=True)
    named = {node.get("name"): index for index, node in enumerate(document.get("nodes", []))}
    for node in sorted(scene.graph.nodes_geometry, key=lambda n: (named.get(n, len(named)), str(n))):
        matrix, geometry = scene.graph[node]
        surface = scene.geometry[geometry]
        if not isinstance(surface, trimesh.Trimesh):
            continue
        name = str(node) if node in named else str(geometry)
        checked = checked_mesh(f"{path}: {name!r}", np.asarray(surface.vertices), np.asarray(surface.faces))
        yield NamedMesh(name=name, mesh=weld(checked.triangles), unit=UNIT, matrix=np.array(matrix, np.float64))
