"""Colours of a 3MF's triangles: base materials of the core, colour groups of the materials extension.

Specifications: 3MF Core 1.3, 4.1.4 and 5; 3MF Materials and Properties Extension 1.2.1, 2. Of textures, mixtures and
multi-properties nothing is read: they paint nothing here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from printprep.formats.colours import NONE, Colours
from printprep.geometry.mesh import Int


def colour_in(model: Any, group: int, property_id: int) -> int:
    """The colour of one property of a group; NONE where it has none."""
    return _reader(model, group)(property_id)


def painted(model: Any, mesh: Any) -> Colours | None:
    """Colours of the corners of a mesh's triangles; None when nothing of it has a colour."""
    if not any(groups.Count() for groups in (model.GetBaseMaterialGroups(), model.GetColorGroups())):
        return None
    rows = _properties(mesh)
    fallback = _of_object(model, mesh)
    colours = np.full((len(rows), 3), fallback, np.int32)
    for group in np.unique(rows[:, 0]):
        if not group:
            continue  # the triangle has no property of its own
        read = _reader(model, int(group))
        here = rows[:, 0] == group
        ids, which = np.unique(rows[here, 1:], return_inverse=True)
        colours[here] = np.array([read(int(k)) for k in ids], np.int32)[which].reshape(-1, 3)
    return Colours(faces=colours) if (colours != NONE).any() else None


def _reader(model: Any, group: int) -> Callable[[int], int]:
    """What gives the colour of a property of one group."""
    import lib3mf

    kind = model.GetPropertyTypeByID(group)
    if kind == lib3mf.PropertyType.BaseMaterial:
        look = model.GetBaseMaterialGroupByID(group).GetDisplayColor
    elif kind == lib3mf.PropertyType.Colors:
        look = model.GetColorGroupByID(group).GetColor
    else:
        return lambda _: NONE

    def read(property_id: int) -> int:
        colour = look(property_id)
        return int(colour.Red) << 16 | int(colour.Green) << 8 | int(colour.Blue)

    return read


def _of_object(model: Any, mesh: Any) -> int:
    group, property_id, has = mesh.GetObjectLevelProperty()
    return colour_in(model, group, property_id) if has else NONE


def _properties(mesh: Any) -> Int:
    """(m, 4) of each triangle: its group, 0 for none, and the property of each corner."""
    import lib3mf

    rows = np.zeros((mesh.GetTriangleCount(), 4), np.uint32)
    if len(rows):  # the C function fills an array; the Python one makes a list of structures
        filled = ctypes.c_uint64()
        start = rows.ctypes.data_as(ctypes.POINTER(lib3mf.TriangleProperties))
        call = mesh._wrapper.lib.lib3mf_meshobject_getalltriangleproperties
        mesh._wrapper.checkError(mesh, call(mesh._handle, ctypes.c_uint64(len(rows)), filled, start))
    return rows.view(np.int32)
