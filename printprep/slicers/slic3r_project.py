"""The project file that Slic3r reads: an AMF with one object, a volume a part, each with its tool.

Slic3r reads a part's tool from AMF alone, as ``slic3r.extruder``. Where two volumes overlap it prints both, one into
the other, so what a part of higher priority takes is cut out of the others before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from printprep.files import write_text
from printprep.geometry.mesh import Mesh
from printprep.geometry.solid import intersect, subtract
from printprep.slicers.fit import unpaired_edges

NOTHING_MM3: Final = 0.01
"""Less volume than this is no overlap: rounding of a shared wall."""

_VERTEX: Final = "<vertex><coordinates><x>%.6f</x><y>%.6f</y><z>%.6f</z></coordinates></vertex>\n"
_TRIANGLE: Final = "<triangle><v1>%d</v1><v2>%d</v2><v3>%d</v3></triangle>\n"


def carved(meshes: Mapping[str, Mesh]) -> dict[str, Mesh]:
    """Each mesh without what those after it take; meshes that none of them overlaps are left as they are.

    An open mesh is left alone and takes nothing: it ends the way by a finding of its own.
    """
    names = list(meshes)
    closed = {name for name in names if not unpaired_edges(meshes[name])}
    found = dict(meshes)
    for number, name in enumerate(names):
        later = [meshes[other] for other in names[number + 1 :] if other in closed] if name in closed else []
        takers = [mesh for mesh in later if _meet(found[name], mesh) and _shared_mm3(found[name], mesh) > NOTHING_MM3]
        if takers:
            found[name] = subtract(found[name], *takers)
    return found


def _meet(a: Mesh, b: Mesh) -> bool:
    low, high = a.bounds_mm
    return bool((low < b.bounds_mm[1]).all() and (b.bounds_mm[0] < high).all())


def _shared_mm3(a: Mesh, b: Mesh) -> float:
    return abs(intersect(a, b).volume_mm3)


def write_project(path: Path, volumes: Sequence[tuple[str, Mesh, int]]) -> None:
    """Write ``(name, mesh in the plate frame, extruder from 1)`` to ``path``, whole or not at all.

    Raises
    ------
    ValueError
        No volumes, or one without triangles.
    OSError
        The file cannot be written.
    """
    if not volumes or not all(len(mesh) for _, mesh, _ in volumes):
        raise ValueError("a project needs at least one volume, and triangles in every one")
    points: list[str] = []
    bodies: list[str] = []
    first = 0
    for name, mesh, extruder in volumes:
        points.append((_VERTEX * len(mesh.vertices)) % tuple(mesh.vertices.ravel().tolist()))
        corners = (mesh.faces.astype("int64") + first).ravel().tolist()
        bodies.append(
            f'<volume>\n<metadata type="name">{escape(name)}</metadata>\n'
            f'<metadata type="slic3r.extruder">{extruder}</metadata>\n'
            f"{(_TRIANGLE * len(mesh.faces)) % tuple(corners)}</volume>\n"
        )
        first += len(mesh.vertices)
    write_text(
        path,
        '<?xml version="1.0" encoding="UTF-8"?>\n<amf unit="millimeter">\n<object id="0">\n<mesh>\n<vertices>\n'
        + "".join(points)
        + "</vertices>\n"
        + "".join(bodies)
        + "</mesh>\n</object>\n</amf>\n",
    )
