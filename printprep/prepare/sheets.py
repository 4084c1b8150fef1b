"""Open sheets beside each other: what a part that is no solid by itself is a piece of.

Atlases deliver an organ's segments as pieces of its skin, and impressions as pieces of theirs, without the walls
between them. Nobody measured those walls, so no solid is made of such a piece. But where the pieces' rims meet,
together they bound one body, and where a sheet lies on a solid, that solid prints it already. Both are said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from printprep.geometry.bvh import Tree, build, nearest
from printprep.geometry.mesh import Float, Mesh, join
from printprep.geometry.topology import bodies, edges
from printprep.geometry.weld import weld_close, weld_vertices

RIM_MM: Final = 0.05
"""Rims and surfaces nearer to each other than this are the same."""
_SHARED: Final = 0.05  # of a rim: less is a corner in common
_NAMED: Final = 3  # of the others in a message
_ON: Final = 0.9  # of a sheet's area must lie on a part that prints it already
_LEFT_OPEN: Final = 0.05  # of all rims may stay open where pieces together bound a body: the last holes are small


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    mesh: Mesh
    rim: Float  # (k, 3) its vertices on open edges, mm
    tree: Tree


def explain(
    sheets: Mapping[str, Mesh], solids: Mapping[str, Mesh], objects: Mapping[str, tuple[str, str | None]] | None = None
) -> dict[str, str]:
    """What each open sheet is a piece of, as the end of a sentence; those that stand alone are left out.

    Parameters
    ----------
    sheets
        The parts that are open sheets, welded, by name.
    solids
        All other parts.
    objects
        File and name in it of the parts that are one object of their file; None: a name that may not be said.
    """
    known = {name: _sheet(mesh) for name, mesh in sheets.items()}
    said: dict[str, str] = {}
    for group in _groups(known):
        group, together = _without_repeats(group, known)
        found = edges(together)
        rims = sum(len(known[name].rim) for name in group)
        if len(group) < 2 or found.open.sum() > _LEFT_OPEN * rims or bodies(found)[1] > 1:
            continue
        for name in group:
            others = [other for other in group if other != name]
            listed = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
            said[name] = (
                f"its rim is that of {listed}: together these {len(group)} parts are the skin of one body of "
                f"{abs(together.volume_mm3) / 1000:.1f} ml, and the walls between them are in no file. "
                f"{_as_one(group, name, objects or {})}, or segment the walls"
            )
    trees = {name: build(mesh) for name, mesh in solids.items() if len(mesh)}
    for name, sheet in known.items():
        on = _lies_on(sheet, trees)
        if on is not None and name not in said:
            said[name] = (
                f"it lies on the surface of {on}, which prints it already: leave it out, or give it as a colour of {on}"
            )
    return said


def _as_one(group: Sequence[str], name: str, objects: Mapping[str, tuple[str, str | None]]) -> str:
    """How a case prints the parts of a group as one; what is to be written, once in a group."""
    if any(one not in objects for one in group) or len({objects[one][0] for one in group}) > 1:
        return "Print them as one part: export them as objects of one file, and name all of them in its object"
    what = "Print them as one part: in case.toml one [[parts]] in place of theirs, with the same mesh and "
    if any(objects[one][1] is None for one in group):
        return f"{what}object = a list of the objects that theirs name"
    if name != group[0]:
        return f"{what}the objects that the finding of {group[0]} lists"
    listed = ", ".join(json.dumps(objects[one][1], ensure_ascii=False) for one in group)
    return f"{what}object = [{listed}]"


def _without_repeats(group: list[str], sheets: Mapping[str, _Sheet]) -> tuple[list[str], Mesh]:
    """A group without sheets that repeat what others of it are made of, and what is left welded together."""
    while True:
        together = weld_close(weld_vertices(join([sheets[name].mesh for name in group])), RIM_MM)
        found = edges(together)
        if len(group) < 2 or not found.nonmanifold.any():
            return group, together
        owner = np.repeat(np.arange(len(group)), [len(sheets[name].mesh) for name in group])
        repeats = np.bincount(owner, weights=found.nonmanifold[found.of_face].any(axis=1), minlength=len(group))
        group = [name for i, name in enumerate(group) if i != int(np.argmax(repeats))]


def _sheet(mesh: Mesh) -> _Sheet:
    found = edges(mesh)
    return _Sheet(mesh=mesh, rim=mesh.vertices[np.unique(found.ends[found.open])], tree=build(mesh))


def _groups(sheets: Mapping[str, _Sheet]) -> list[list[str]]:
    """Names of the sheets whose rims run along each other, in the order given."""
    names = list(sheets)
    links = [
        (i, j)
        for i, one in enumerate(names)
        for j, other in enumerate(names)
        if i != j and _along(sheets[one].rim, sheets[other].rim)
    ]
    row, column = (np.array([link[k] for link in links], int) for k in (0, 1))
    graph = coo_array((np.ones(len(links)), (row, column)), shape=(len(names), len(names)))
    _, label = connected_components(graph, directed=False)
    return [[name for name, at in zip(names, label, strict=True) if at == one] for one in np.unique(label)]


def _along(rim: Float, other: Float) -> bool:
    """Whether a share of a rim is that of another sheet."""
    if not len(rim) or not len(other):
        return False
    loose = Mesh(other, np.repeat(np.arange(len(other), dtype=np.int32)[:, None], 3, axis=1))
    return bool((nearest(build(loose), rim)[0] <= RIM_MM).mean() >= _SHARED)


def _lies_on(sheet: _Sheet, trees: Mapping[str, Tree]) -> str | None:
    """The part on whose surface a sheet lies."""
    middle, areas = sheet.mesh.triangles.mean(axis=1), np.maximum(sheet.mesh.face_areas_mm2, 1e-300)
    for name, tree in trees.items():
        if np.average(nearest(tree, middle)[0] <= RIM_MM, weights=areas) >= _ON:
            return name
    return None
