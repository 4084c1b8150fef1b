"""What the separate surfaces of a mesh are: solids, cavities, solids in solids, and surfaces that lie on others."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from printprep.geometry.areas import face_normals
from printprep.geometry.bvh import Tree, build, nearest
from printprep.geometry.measure import sample
from printprep.geometry.mesh import Bool, Float, Int, Mesh, as_point, join
from printprep.geometry.near import clear
from printprep.geometry.shape import Body, Kind, Survey
from printprep.geometry.shells import pick, shells
from printprep.geometry.topology import bodies as label_bodies
from printprep.geometry.topology import edges

MOST: Final = 200
"""So many bodies are looked at, the largest by area; a raw threshold of a scan has a million."""

ON_MM: Final = 0.02
"""Surfaces nearer to each other than this lie on each other: less than any printer places."""

ON_MM2: Final = 1.0
"""Less surface on another is a touch."""

TWIN: Final = 0.95
"""Two bodies of which so much lies on the other, both ways, are one body twice."""

PARALLEL: Final = 0.966
"""Cosine between two surfaces that lie on each other is above this: where they cross they only come near."""

_A_MM2: Final = 4.0  # samples of a body, by its area
_FEWEST, _MOST = 400, 20_000


def survey(mesh: Mesh, *, speck_mm3: float = 0.0, speck_mm: float = 0.0) -> Survey:
    """The bodies of ``mesh`` and how they lie to each other.

    Parameters
    ----------
    mesh
        Finite, equal vertices made one.
    speck_mm3, speck_mm
        A solid of less volume, or thinner than that if it were a plate, is a speck. All bodies are counted for it.
    """
    found = edges(mesh)
    label, count = label_bodies(found)
    if not count:
        return Survey(count=0, bodies=())
    whole = label >= 0
    areas = np.bincount(label[whole], weights=mesh.face_areas_mm2[whole], minlength=count)
    volumes = _volumes(mesh, label, count)
    ragged = found.open | found.nonmanifold | found.misoriented
    bad = ragged[found.of_face[whole]].any(axis=1)
    closed = np.bincount(label[whole], weights=bad, minlength=count) == 0
    sequence = np.argsort(label, kind="stable").astype(np.int32)
    bounds = np.searchsorted(label[sequence], np.arange(count + 1))
    largest = np.argsort(-areas, kind="stable")[:MOST]
    meshes = [pick(mesh, sequence[bounds[i] : bounds[i + 1]]) for i in largest]
    table = _related(
        [_body(k, m, closed[i], volumes[i]) for k, (i, m) in enumerate(zip(largest, meshes, strict=True), 1)], meshes
    )
    small = (volumes < speck_mm3) | (2.0 * volumes < speck_mm * areas)
    tiny = closed & (volumes > 0) & small
    tiny[largest[[body.kind is not Kind.SOLID for body in table]]] = False
    first = int(np.argmax(tiny))
    return Survey(
        count=count,
        bodies=tuple(table),
        specks=int(tiny.sum()),
        specks_mm3=float(volumes[tiny].sum()),
        speck_mm=as_point(mesh.vertices[mesh.faces[sequence[bounds[first]]]].mean(axis=0)) if tiny.any() else None,
    )


def _volumes(mesh: Mesh, label: Int, count: int) -> Float:
    """(count,) signed volume of each body; means nothing where it is open."""
    corners = mesh.triangles - mesh.vertices.mean(axis=0)
    signed = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6.0
    whole = label >= 0
    return np.asarray(np.bincount(label[whole], weights=signed[whole], minlength=count), dtype=np.float64)


def _body(number: int, mesh: Mesh, closed: bool, volume_mm3: float) -> Body:
    lower, upper = mesh.bounds_mm
    kind = Kind.OPEN if not closed else Kind.SOLID if volume_mm3 > 0 else Kind.INSIDE_OUT
    return Body(
        number=number,
        kind=kind,
        triangles=len(mesh),
        area_mm2=mesh.area_mm2,
        volume_mm3=abs(float(volume_mm3)) if closed else None,
        size_mm=as_point(upper - lower),
        where_mm=as_point((upper + lower) / 2.0),
    )


def _related(table: list[Body], meshes: list[Mesh]) -> list[Body]:
    """The bodies with what encloses them, and what they lie on."""
    if len(table) == 1:
        return table
    boxes = np.stack([mesh.bounds_mm for mesh in meshes])
    on = _coincident(meshes, boxes, np.array([body.area_mm2 for body in table]))
    closed = [k for k, body in enumerate(table) if body.kind is not Kind.OPEN]
    within: dict[int, tuple[int, ...]] = {}
    if len(closed) > 1:
        found = shells(join([meshes[k] for k in closed]))
        within = {k: tuple(closed[i] for i in shell.inside) for k, shell in zip(closed, found, strict=True)}
    result = []
    for k, body in enumerate(table):
        around = within.get(k, ())
        innermost = max(around, key=lambda i: len(within[i]), default=None)
        other, area_mm2, twin = on.get(k, (None, 0.0, False))
        result.append(
            replace(
                body,
                kind=_kind(body.kind, None if innermost is None else table[innermost].kind),
                inside=None if innermost is None else table[innermost].number,
                on=None if other is None else table[other].number,
                on_mm2=area_mm2,
                twin=twin,
            )
        )
    return result


def _kind(own: Kind, around: Kind | None) -> Kind:
    """What a body is inside of another; its own winding against that of the innermost one around it."""
    if around is None or own is Kind.OPEN:
        return own
    if own is Kind.INSIDE_OUT:
        return Kind.CAVITY if around is Kind.SOLID else Kind.INSIDE_OUT
    return Kind.LOOSE if around is Kind.INSIDE_OUT else Kind.NESTED


def _coincident(meshes: list[Mesh], boxes: Float, areas: Float) -> dict[int, tuple[int, float, bool]]:
    """By body: the one of at least its area that it lies on most, over how much, and whether they are twins."""
    trees: dict[int, Tree] = {}
    drawn: dict[int, tuple[Float, Float]] = {}

    def lies_on(k: int, other: int) -> Bool:
        """Which samples of body ``k`` lie on another."""
        if other not in trees:
            trees[other] = build(meshes[other])
        if k not in drawn:
            taken = sample(meshes[k], int(np.clip(_A_MM2 * areas[k], _FEWEST, _MOST)))
            drawn[k] = taken.points[taken.even], face_normals(meshes[k].triangles[taken.face[taken.even]])
        points, normals = drawn[k]
        near = ((points >= boxes[other, 0] - ON_MM) & (points <= boxes[other, 1] + ON_MM)).all(axis=1)
        near[near] = ~clear(trees[other], points[near], ON_MM)
        face = nearest(trees[other], points[near])[1]
        along = np.einsum("ij,ij->i", normals[near], face_normals(meshes[other].triangles[face]))
        near[near] = np.abs(along) >= PARALLEL
        return np.asarray(near)

    found: dict[int, tuple[int, float, bool]] = {}
    for k in range(1, len(meshes)):
        for other in range(k):  # of at least its area: the table is in that order
            if (boxes[k, 0] > boxes[other, 1] + ON_MM).any() or (boxes[other, 0] > boxes[k, 1] + ON_MM).any():
                continue
            share = float(lies_on(k, other).mean())
            if share * areas[k] < min(ON_MM2, TWIN * areas[k]) or share * areas[k] <= found.get(k, (0, 0.0, False))[1]:
                continue
            twin = share >= TWIN and float(lies_on(other, k).mean()) >= TWIN
            found[k] = (other, share * float(areas[k]), twin)
    return found
