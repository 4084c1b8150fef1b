"""The single steps of a repair: each takes a mesh, writes down what it did, and gives back the next mesh.

:mod:`printprep.geometry.repair` puts them in order and judges the result.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from printprep.geometry import holes
from printprep.geometry.areas import face_areas_mm2
from printprep.geometry.mesh import Bool, Float, Int, Mesh, Point, as_point
from printprep.geometry.sizes import sizes
from printprep.geometry.topology import Edges, bodies, duplicates, edges, used_vertices
from printprep.geometry.weld import weld_close, weld_vertices
from printprep.geometry.winding import orient, part, twins

CRACK_MM = 5e-4
"""Rims closer than this came apart in rounding."""
SHEET_SHARE = 0.25
"""A surface whose holes are a larger share of it, when closed, is a sheet and not the skin of a solid."""
CRUMB_MM2 = 2.0
"""An open scrap of less area, and less than a thousandth of the whole, is a left-over of some modelling program."""
CUT_SHARE = 0.01
"""More than this share of a surface is not cut out to untangle it."""
SKIN_MM = 1e-3
"""A closed surface thinner than this encloses nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was done to a mesh, measured."""

    what: str  # a sentence
    volume_mm3: float = 0.0  # added (+) or taken away (-)
    area_mm2: float = 0.0  # of new surface
    across_mm: float = 0.0  # of a patch: the longest side of the box around its rim
    rebuilt_mm: float = 0.0  # how far surface that was rebuilt on a grid is from what was there; 0.0: none was
    where_mm: Point | None = None
    dropped: int = 0  # how many bodies or voids that the case lets go
    merged_mm3: float = 0.0  # of a body inside another one, which adds nothing to it


class Refused(Exception):  # noqa: N818 - caught by repair, never leaves geometry
    """A mesh that cannot be made a solid without guessing."""

    def __init__(
        self, reason: str, where_mm: Point | None = None, *, tangled: bool = False, sheet: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.where_mm = where_mm
        self.sheet = sheet  # an open sheet, no skin of a solid
        self.tangled = tangled  # closed and wound alike, only too crossed for the steps: a rebuild may do


@dataclass(slots=True)
class Record:
    """What has been done so far."""

    steps: list[Step] = field(default_factory=list)
    patches: list[Float] = field(default_factory=list)  # (k, 3, 3) new surface, which has no source to deviate from
    removed: list[Float] = field(default_factory=list)  # (k, 3, 3) old surface that is listed as taken away
    rewound: bool = False  # whether the winding in the file had to be overruled, so that it proves nothing
    moved: bool = False  # whether vertices were moved
    boxes: list[Float] = field(default_factory=list)  # (2, 3) in which the surface was rebuilt on a grid

    def copy(self) -> Record:
        """One that goes on from here by itself."""
        lists = list(self.steps), list(self.patches), list(self.removed)
        return Record(*lists, rewound=self.rewound, moved=self.moved, boxes=list(self.boxes))

    def take(self, other: Record) -> None:
        """Become what ``other``, a copy that went on, has become."""
        self.steps, self.patches, self.removed = other.steps, other.patches, other.removed
        self.rewound, self.moved, self.boxes = other.rewound, other.moved, other.boxes


def middle_of(mesh: Mesh, face: int) -> Point:
    """Middle of a face."""
    return as_point(mesh.vertices[mesh.faces[face]].mean(axis=0))


def keep_faces(mesh: Mesh, kept: Bool) -> Mesh:
    """``mesh`` with only the faces that ``kept`` (m,) picks, and the vertices they use."""
    return used_vertices(Mesh(mesh.vertices, mesh.faces[kept]))


def close_cracks(mesh: Mesh, record: Record) -> Mesh:
    """Weld equal vertices, and vertices of open edges that are within :data:`CRACK_MM`, if that closes any edge."""
    welded = weld_vertices(mesh)
    if welded is not mesh:
        gone = len(mesh.vertices) - len(welded.vertices)
        record.steps.append(Step(what=f"made {gone} repeated vertices one with their equals"))
    found = edges(welded)
    if not found.open.any():
        return welded
    rim = np.zeros(len(welded.vertices), np.bool_)
    rim[found.ends[found.open].reshape(-1)] = True
    closer = weld_close(welded, CRACK_MM, rim)
    if closer is welded:
        return welded
    again = edges(closer)
    # repeated faces that came apart become repeated edges, which the next steps cancel: only their sum must fall
    if again.open.sum() + again.nonmanifold.sum() >= found.open.sum() + found.nonmanifold.sum():
        return welded
    gone = len(welded.vertices) - len(closer.vertices)
    what = f"closed cracks: {gone} vertices of rims moved by up to {CRACK_MM} mm onto their neighbours"
    record.steps.append(Step(what=what, where_mm=as_point(welded.vertices[np.argmax(rim)])))
    record.moved = True
    return closer


def drop_degenerate(mesh: Mesh, record: Record) -> Mesh:
    """Drop faces that name a vertex twice."""
    f = mesh.faces
    bad = (f[:, 0] == f[:, 1]) | (f[:, 1] == f[:, 2]) | (f[:, 2] == f[:, 0])
    if not bad.any():
        return mesh
    where = middle_of(mesh, int(np.argmax(bad)))
    record.steps.append(Step(what=f"dropped {bad.sum()} faces without area", where_mm=where))
    return keep_faces(mesh, ~bad)


def _spared(mesh: Mesh, opposed: Int, alone: Bool) -> Int:
    """Which of the opposed pairs keep one face: those that the rest of the surface needs to be closed.

    ``opposed`` are first faces of pairs, ``alone`` (m,) the faces that stay in any case. Pairs that share edges are
    decided together, by the length of their rim along which an odd count of other faces waits for one more.
    """
    found = edges(mesh)
    others = np.bincount(found.of_face[alone].reshape(-1).clip(min=0), minlength=len(found.ends))
    mine = found.of_face[opposed]
    pairs_at = np.bincount(mine.reshape(-1), minlength=len(found.ends))
    row = np.repeat(np.arange(len(opposed)), 3)
    graph = coo_array((np.ones(mine.size), (row, mine.reshape(-1))), shape=(len(opposed), len(found.ends))).tocsr()
    _, patch = connected_components(graph @ graph.T, directed=False)
    length = np.linalg.norm(np.diff(mesh.vertices[found.ends], axis=1)[:, 0], axis=1)
    vote = np.where(pairs_at == 1, np.where(others % 2 == 1, length, -length), 0.0)
    score = np.bincount(patch, weights=vote[mine].sum(axis=1))
    return np.asarray(opposed[score[patch] > 0])


def cancel_duplicates(mesh: Mesh, record: Record) -> Mesh:
    """Keep one of faces that repeat each other, and none of two that face each other.

    Two opposed faces on one place are the wall between two bodies that touch: without it they are one. One face stays
    where the rest of the surface would be open without it.
    """
    first, same_way = duplicates(mesh.faces)
    if (first == np.arange(len(first))).all():
        return mesh
    net = np.bincount(first, weights=np.where(same_way, 1, -1), minlength=len(first))
    size = np.bincount(first, minlength=len(first))
    kept = first == np.arange(len(first))
    repeated = kept & (size > 1)
    opposed = np.flatnonzero(repeated & (net == 0)).astype(np.int32)
    kept[opposed] = False
    if len(opposed):
        kept[_spared(mesh, opposed, kept)] = True
    faces = mesh.faces.copy()
    turn = repeated & (net < 0)
    faces[turn] = faces[turn][:, ::-1]
    same = int((repeated & (net != 0)).sum())
    cancelled = int((~kept[opposed]).sum())
    where = middle_of(mesh, int(np.argmax(repeated)))
    if same:
        record.steps.append(Step(what=f"kept one of each of {same} repeated faces", where_mm=where))
    if cancelled:
        record.removed.append(mesh.triangles[opposed[~kept[opposed]]])
        what = f"took out {cancelled} pairs of faces that face each other, walls inside one body"
        record.steps.append(Step(what=what, where_mm=where))
    return keep_faces(Mesh(mesh.vertices, faces), kept)


def unify_winding(mesh: Mesh, record: Record) -> Mesh:
    """Wind neighbours the same way round."""
    turned_mesh, turned, conflicts = orient(mesh)
    if conflicts:
        bad = edges(turned_mesh)
        edge = int(np.argmax(bad.misoriented))
        where = as_point(mesh.vertices[bad.ends[edge]].mean(axis=0))
        raise Refused(f"the surface has one side only: at {conflicts} edges no winding fits", where)
    if turned.any():
        record.rewound = True
        count = int(turned.sum())
        where = middle_of(mesh, int(np.argmax(turned)))
        record.steps.append(Step(what=f"turned {count} faces that were wound against their neighbours", where_mm=where))
    return turned_mesh


def drop_crumbs(mesh: Mesh, record: Record) -> Mesh:
    """Drop scraps that bound nothing: small open ones, and closed ones without thickness."""
    found = sizes(mesh)
    if len(found.first) == 1:
        return mesh
    area_mm2 = found.area_mm2
    flat = 2 * np.abs(found.volume_mm3) <= SKIN_MM * area_mm2
    scrap = (area_mm2 < CRUMB_MM2) & (area_mm2 < 1e-3 * area_mm2.sum())
    kept = ~np.where(found.closed, flat, scrap)[found.label] | (found.label < 0)
    if kept.all() or not kept.any():
        return mesh
    gone = ~kept
    area = float(face_areas_mm2(mesh)[gone].sum())
    record.removed.append(mesh.triangles[gone])
    what = f"dropped {gone.sum()} faces of scraps that bound nothing ({area:.3f} mm2)"
    record.steps.append(Step(what=what, where_mm=middle_of(mesh, int(np.argmax(gone)))))
    return keep_faces(mesh, kept)


def cut_out(mesh: Mesh, tangled: Edges, record: Record) -> Mesh:
    """Take out the faces at edges that are not between two faces that agree, so that the hole can be closed anew."""
    bad = tangled.nonmanifold | tangled.misoriented
    gone: Bool = np.any(bad[tangled.of_face], axis=1)
    areas = mesh.face_areas_mm2
    where = middle_of(mesh, int(np.argmax(gone)))
    area = float(areas[gone].sum())
    if area > CUT_SHARE * areas.sum():
        raise Refused(f"{bad.sum()} edges are tangled; cutting them out would take {area:.2f} mm2 of surface", where)
    record.removed.append(mesh.triangles[gone])
    what = f"cut out {gone.sum()} faces ({area:.3f} mm2) around {bad.sum()} tangled edges, to close them anew"
    record.steps.append(Step(what=what, where_mm=where))
    return keep_faces(mesh, ~gone)


def _refuse_sheets(mesh: Mesh, owner: Int, patch_area: Float, patch_of: list[Int]) -> None:
    """Raise Refused when the patches of a connected surface are too large a share of it."""
    areas = face_areas_mm2(mesh)
    sheet = np.bincount(owner, weights=areas, minlength=int(owner.max()) + 1)
    patches = np.zeros(len(sheet))
    for rim_owner, area in zip(patch_of, patch_area, strict=True):
        patches[rim_owner] += area
    share = patches / np.maximum(patches + sheet, 1e-300)
    worst = int(np.argmax(share))
    if share[worst] > SHEET_SHARE:
        raise Refused(
            f"an open sheet, not the skin of a solid: closing it takes {patches[worst]:.1f} mm2 of invented surface on "
            f"{sheet[worst]:.1f} mm2 of real one (limit {SHEET_SHARE:.0%} of the whole)",
            middle_of(mesh, int(np.argmax(owner == worst))),
            sheet=True,
        )


def fill_holes(mesh: Mesh, record: Record) -> Mesh:
    """Part what only touches, and close every hole with the least area; Refused for open sheets."""
    found = edges(mesh)
    paired = twins(mesh, found)
    parted = part(mesh, paired)
    if parted is not mesh:
        extra = len(parted.vertices) - len(mesh.vertices)
        nonmanifold = int(found.nonmanifold.sum())
        what = f"parted bodies that only touch: {nonmanifold} edges of more than two faces, {extra} vertices repeated"
        record.steps.append(Step(what=what))
    again = edges(parted)
    if not again.open.any():
        return parted
    rims = holes.rims(parted, paired if parted is mesh else twins(parted, again))
    owner = bodies(again)[0].clip(min=0)
    owner_of_vertex = np.zeros(len(parted.vertices), np.int32)
    owner_of_vertex[parted.faces.reshape(-1)] = np.repeat(owner, 3)
    vertices, faces, areas = [parted.vertices], [parted.faces], []
    count = len(parted.vertices)
    on_rim = np.zeros(len(parted.vertices), np.bool_)
    for rim in rims:
        on_rim[rim] = True
    between = again.ends[on_rim[again.ends[:, 0]] & on_rim[again.ends[:, 1]]]  # all that can bar a diagonal
    for rim in rims:
        middle, new, area = holes.patch(parted, rim, between)
        new = np.where(new == len(parted.vertices), count, new).astype(np.int32)
        count += len(middle)
        vertices.append(middle)
        faces.append(new)
        areas.append(area)
    _refuse_sheets(parted, owner, np.array(areas), [owner_of_vertex[rim[0]] for rim in rims])
    filled = Mesh(np.concatenate(vertices), np.concatenate(faces))
    for rim, new, area in zip(rims, faces[1:], areas, strict=True):
        where = as_point(parted.vertices[rim].mean(axis=0))
        across_mm = float(np.ptp(parted.vertices[rim], axis=0).max())
        what = f"closed a hole of {len(rim)} edges, {across_mm:.1f} mm across, with {area:.3f} mm2"
        record.steps.append(Step(what=what, area_mm2=area, across_mm=across_mm, where_mm=where))
        record.patches.append(filled.vertices[new])
    return filled
