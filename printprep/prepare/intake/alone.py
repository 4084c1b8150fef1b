"""One surface out of a file, in mm where it lies in the file: for measuring, not for printing."""

from __future__ import annotations

from pathlib import Path

from printprep.errors import CaseError
from printprep.formats import NamedMesh, read_meshes
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.weld import weld_vertices
from printprep.profiles.problems import nearest
from printprep.units import MM_PER_UNIT


def read_alone(path: Path, units: str | None, name: str | None = None) -> Mesh:
    """The surface of a mesh file in mm, equal vertices made one.

    Parameters
    ----------
    path
        A file in any mesh format.
    units
        Of a file that says none.
    name
        Of one object, where the file holds several; None: all of them as one surface, in their places, but for what a
        prepared file says was added to the anatomy.

    Raises
    ------
    MeshError
        The file cannot be read.
    CaseError
        It says no unit and neither do ``units``; or it holds no object of that name.
    """
    objects = read_meshes(path)
    if name is not None and len(objects) > 1:
        chosen = tuple(one for one in objects if one.name == name)
    else:
        chosen = tuple(one for one in objects if not one.added) or objects
    if not chosen:
        there = [one.name for one in objects if one.name]
        raise CaseError(
            f"{path} holds no object {name!r}{nearest(name or '', there)}; it holds {', '.join(map(repr, there))}"
        )
    return weld_vertices(join([_in_mm(path, one, units) for one in chosen]))


def _in_mm(path: Path, one: NamedMesh, units: str | None) -> Mesh:
    unit = one.unit or units
    if unit is None:
        longest = float(one.mesh.size_mm.max())
        raise CaseError(
            f"{path} says no unit, and its longest edge is {longest:.4g} of it; say --units mm, or what it was "
            "exported in: nothing is guessed"
        )
    mesh = one.placed()
    return mesh if unit == "mm" else Mesh(mesh.vertices * MM_PER_UNIT[unit], mesh.faces)
