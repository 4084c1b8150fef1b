"""3MF: named objects, components, placements, units and colours, read through lib3mf; prepared parts, written.

The archive is measured and the components are counted before lib3mf sees them: it follows components that double with
every level until the end of days. What it only warns of is an error or a note here. Specification: 3MF Core 1.3.

The writer is our own because a prepared file must come out the same, byte for byte, from the same plan, and lib3mf
puts random identifiers into what it writes. The tests read it back through lib3mf.
"""

from __future__ import annotations

import ctypes
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from printprep.errors import MeshError
from printprep.files import replacing
from printprep.formats.archive import check_archive
from printprep.formats.colours import NONE
from printprep.formats.components import check_components
from printprep.formats.named import IDENTITY, NamedMesh, checked_mesh, checked_size
from printprep.formats.threemf_colours import colour_in, painted
from printprep.geometry.mesh import Float, Mesh
from printprep.plan import Plan, PlannedPart, Plate

UNITS: Final = ("um", "mm", "cm", "in", "ft", "m")
"""By lib3mf's number of the unit: micron, millimeter, centimeter, inch, foot, meter."""

NAMESPACE: Final = "urn:printprep:prepared:1"
"""Of the metadata that a prepared file carries: case, part, tissue, material, tool, plate."""

GREY: Final = (150, 150, 150)  # of a part that says no colour
_LOCK: Final = threading.Lock()  # lib3mf promises nothing about threads
_REFUSED: Final = {32798: "its unit is none that 3MF has", 32914: "it requires an extension that is not supported"}
_HARMLESS: Final = frozenset({32935})  # an attribute of another namespace
_TYPE_MODEL: Final = 1
_LEVEL: Final = 2  # of deflate: half the time of the default for a tenth more bytes
_ROWS: Final = 20_000  # vertices or triangles made into text at a time


def read(path: Path) -> tuple[NamedMesh, ...]:
    """Objects of a 3MF in the order of its build, components unfolded, each with its placement.

    Raises
    ------
    MeshError
        Not a 3MF, damaged, a zip bomb, an object that refers to what is not there or to itself, no mesh.
    """
    import lib3mf

    checked_size(path)
    check_archive(path)
    check_components(path)
    with _LOCK:
        try:
            wrapper = lib3mf.get_wrapper()
            model = wrapper.CreateModel()
            reader = model.QueryReader("3mf")
            reader.ReadFromFile(str(path))
            notes = _warnings(path, reader)
            found = list(_objects(path, model, notes))
        except lib3mf.ELib3MFException as exc:
            raise MeshError(f"{path}: is no 3MF that can be read: {exc}; export it again") from exc
    if not found:
        raise MeshError(f"{path}: holds no object of type model with a mesh; export the segmentation's surfaces again")
    return (replace(found[0], notes=(*notes, *found[0].notes)), *found[1:])


def _warnings(path: Path, reader: Any) -> list[str]:
    """What lib3mf warns of, as notes; a MeshError for what changes the anatomy."""
    counts: Counter[tuple[int, str]] = Counter(reader.GetWarning(k) for k in range(reader.GetWarningCount()))
    for code, text in counts:
        if code in _REFUSED:
            raise MeshError(f"{path}: {_REFUSED[code]} ({text}); export it again")
    return [f"{text.rstrip('.')} ({count} times)" for (code, text), count in counts.items() if code not in _HARMLESS]


def _objects(path: Path, model: Any, notes: list[str]) -> Iterator[NamedMesh]:
    unit = UNITS[int(model.GetUnit())]
    items = model.GetBuildItems()
    placed: list[tuple[Any, Float]] = []
    while items.MoveNext():
        item = items.GetCurrent()
        matrix = _matrix(item.GetObjectTransform()) if item.HasObjectTransform() else IDENTITY
        placed.append((item.GetObjectResource(), matrix))
    if not placed:
        notes.append("its build is empty, so that every mesh in it was taken as it stands")
        meshes = model.GetMeshObjects()
        while meshes.MoveNext():
            placed.append((meshes.GetCurrentMeshObject(), IDENTITY))
    for resource, matrix in placed:
        if int(resource.GetType()) != _TYPE_MODEL:
            notes.append("an object that is not of type model (support or other) was left out")
            continue
        yield from _unfolded(path, model, resource, resource.GetName(), matrix, unit)


def _unfolded(path: Path, model: Any, resource: Any, name: str, matrix: Float, unit: str) -> Iterator[NamedMesh]:
    if resource.IsMeshObject():
        mesh = model.GetMeshObjectByID(resource.GetResourceID())
        yield NamedMesh(
            name=name,
            mesh=_mesh(f"{path}: {name!r}", mesh),
            unit=unit,
            matrix=matrix,
            colour=_colour(model, mesh),
            colours=painted(model, mesh),
            said=_said(mesh),
        )
        return
    if not resource.IsComponentsObject():
        raise MeshError(f"{path}: {name!r} is neither mesh nor components (a level set?); export it as triangles")
    group = model.GetComponentsObjectByID(resource.GetResourceID())
    for index in range(group.GetComponentCount()):
        component = group.GetComponent(index)
        child = component.GetObjectResource()
        inner = matrix @ _matrix(component.GetTransform()) if component.HasTransform() else matrix
        yield from _unfolded(path, model, child, child.GetName() or name, inner, unit)


def _said(mesh: Any) -> dict[str, str]:
    """The metadata of ours that an object carries, by key."""
    group = mesh.GetMetaDataGroup()
    every = (group.GetMetaData(k) for k in range(group.GetMetaDataCount()))
    return {one.GetName(): one.GetValue() for one in every if one.GetNameSpace() == NAMESPACE}


def _matrix(transform: Any) -> Float:
    """(4, 4) matrix for column vectors of a 3MF transform, whose rows are for row vectors."""
    matrix = np.eye(4)
    matrix[:3, :] = np.array([list(row) for row in transform.Fields], np.float64).T
    return matrix


def _mesh(place: str, mesh: Any) -> Mesh:
    import lib3mf

    # the C functions fill an array; the Python ones make a list of structures, which takes three times as long
    library = mesh._wrapper.lib
    corners = np.empty((mesh.GetVertexCount(), 3), np.float32)
    faces = np.empty((mesh.GetTriangleCount(), 3), np.uint32)
    for call, array, row in (
        (library.lib3mf_meshobject_getvertices, corners, lib3mf.Position),
        (library.lib3mf_meshobject_gettriangleindices, faces, lib3mf.Triangle),
    ):
        if len(array):
            filled = ctypes.c_uint64()
            start = array.ctypes.data_as(ctypes.POINTER(row))
            mesh._wrapper.checkError(mesh, call(mesh._handle, ctypes.c_uint64(len(array)), filled, start))
    return checked_mesh(place, corners, faces.astype(np.int64))


def _colour(model: Any, mesh: Any) -> tuple[int, int, int] | None:
    """Colour of a whole object, if it has one."""
    group, property_id, has = mesh.GetObjectLevelProperty()
    colour = colour_in(model, group, property_id) if has else NONE
    return None if colour == NONE else (colour >> 16, colour >> 8 & 255, colour & 255)


def read_prepared(path: Path, plan: Plan) -> Plan:
    """``plan`` with the meshes that a prepared file really holds, moved from the plate back into the case's frame.

    Coordinates come through lib3mf as float32: within 1.6e-5 mm an axis of what was written, on plates below 512 mm.

    Raises
    ------
    MeshError
        The file cannot be read, or its objects are not the plan's parts.
    """
    there = {one.name: one for one in read(path)}
    wanted = {name: plate for plate in plan.plates for name in plate.parts}
    if set(there) != set(wanted) or set(wanted) != {part.name for part in plan.parts}:
        raise MeshError(
            f"{path}: holds {', '.join(sorted(there))}, the plan's plates {', '.join(sorted(wanted))}; prepare it again"
        )
    parts = []
    for part in plan.parts:
        back = np.linalg.inv(wanted[part.name].motion(part))
        parts.append(replace(part, mesh=there[part.name].placed().transformed(back)))
    return replace(plan, parts=tuple(parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A part as it stands on its plate in a prepared file."""

    name: str
    part: str  # of the case, or added to it, that this is or is a piece of
    tool: int  # 0-based
    plate: int  # 1-based
    added: bool  # no anatomy
    colour: tuple[int, int, int]
    mesh: Mesh  # in the plate's frame, mm


def read_standing(path: Path) -> tuple[Standing, ...]:
    """The parts of a prepared file by its own word, in the order in which the later one wins.

    Raises
    ------
    MeshError
        The file cannot be read, or is none that printprep prepared.
    """
    found = []
    for one in read(path):
        try:
            tool, plate, part = int(one.said["tool"]), int(one.said["plate"]), one.said["part"]
        except (KeyError, ValueError) as exc:
            raise MeshError(
                f"{path}: {one.name!r} does not say its part, tool and plate: it is no prepared.3mf of printprep"
            ) from exc
        found.append(
            Standing(
                name=one.name,
                part=part,
                tool=tool,
                plate=plate,
                added=one.added,
                colour=one.colour or GREY,
                mesh=one.placed(),
            )
        )
    return tuple(found)


def write_prepared(path: Path, plan: Plan) -> None:
    """Write the parts of a plan where they stand on their plates, with materials and tissue colours.

    One object a part in the order of the plan, in mm, to six decimals; a plan of several plates says in each object's
    metadata which one it stands on. The same plan gives the same bytes. No name of an input file gets in.
    """
    plates = {name: plate for plate in plan.plates for name in plate.parts}
    parts = [part for part in plan.parts if part.name in plates]
    with replacing(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        # an entry opened by its name carries the first day of the zip format and no owner: the same bytes every time
        for name, text in (("[Content_Types].xml", _CONTENT_TYPES), ("_rels/.rels", _RELATIONSHIPS)):
            with archive.open(name, "w") as entry:
                entry.write(text.encode())
        with archive.open("3D/3dmodel.model", "w") as model:
            _write_model(model, plan, parts, plates)


def _write_model(model: IO[bytes], plan: Plan, parts: list[PlannedPart], plates: dict[str, Plate]) -> None:
    materials = list(dict.fromkeys((part.material, part.colour) for part in parts))
    bases = "".join(
        f'<base name={quoteattr(material)} displaycolor="#{red:02X}{green:02X}{blue:02X}FF"/>\n'
        for material, (red, green, blue) in materials
    )
    case = {"case": plan.case_id, "printer": plan.printer, "process": plan.process}
    if plan.synthetic:
        case["synthetic"] = "true"
    model.write(
        f'{_MODEL_HEAD}{_metadata(case)}<resources>\n<basematerials id="1">\n{bases}</basematerials>\n'.encode()
    )
    for index, part in enumerate(parts):
        said = {
            "part": part.source,
            "tissue": part.tissue,
            "side": part.side,
            "material": part.material,
            "tool": str(part.tool),
            "plate": str(plates[part.name].index),
            "piece": str(part.piece) if part.piece else None,
            "added": "true" if part.added else None,
        }
        material = materials.index((part.material, part.colour))
        model.write(
            f'<object id="{index + 2}" type="model" name={quoteattr(part.name)} pid="1" pindex="{material}">\n'
            f"<metadatagroup>\n{_metadata(said)}</metadatagroup>\n<mesh>\n".encode()
        )
        _write_mesh(model, part.mesh.transformed(plates[part.name].motion(part)))
        model.write(b"</mesh>\n</object>\n")
    items = "".join(f'<item objectid="{index + 2}"/>\n' for index in range(len(parts)))
    model.write(f"</resources>\n<build>\n{items}</build>\n</model>\n".encode())


def _metadata(said: dict[str, Any]) -> str:
    return "".join(
        f'<metadata name="pp:{key}" preserve="1" type="xs:string">{_text(value)}</metadata>\n'
        for key, value in said.items()
        if value is not None
    )


def _text(value: str) -> str:
    return quoteattr(value)[1:-1]


def _write_mesh(model: IO[bytes], mesh: Mesh) -> None:
    model.write(b"<vertices>\n")
    _write_rows(model, '<vertex x="%.6f" y="%.6f" z="%.6f"/>\n', mesh.vertices)
    model.write(b"</vertices>\n<triangles>\n")
    _write_rows(model, '<triangle v1="%d" v2="%d" v3="%d"/>\n', mesh.faces)
    model.write(b"</triangles>\n")


def _write_rows(model: IO[bytes], row: str, values: npt.NDArray[Any]) -> None:
    """Write ``row`` filled with each row of ``values``: one formatting for thousands of rows is what makes it fast."""
    for first in range(0, len(values), _ROWS):
        piece = values[first : first + _ROWS]
        model.write((row * len(piece) % tuple(piece.ravel().tolist())).encode())


_CONTENT_TYPES: Final = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>
</Types>
"""
_RELATIONSHIPS: Final = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Target="/3D/3dmodel.model" Id="rel0" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>
</Relationships>
"""
_MODEL_HEAD: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<model unit="millimeter" xml:lang="en" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02" \
xmlns:pp="{NAMESPACE}">
<metadata name="Application">printprep</metadata>
"""
