"""A body that runs through itself, made one that does not, and only where it crosses.

manifold3d's union of a surface with itself cuts every face along the lines where it crosses others. Where the surface
goes ``w`` times around a point, that union goes ``2 w - w^2`` times: -3, 0, 1, 0, -3 for w from -1 to 3. So it is no
answer yet (what is enclosed twice would become a void), but it shows exactly where the surface crosses itself and
which pieces of it part void (w <= 0) from matter (w >= 1); a winding number on both sides of each piece tells.

Of a large body only boxes around the faces that cross are united with themselves; its other faces stay as they are.

Where these pieces fit together they are the answer, exact to rounding. Where they do not (folds whose lines end in a
vertex, inside-out bubbles, faces that lie on each other), the places of the crossings are boxed, the boxes are cut out
of the body, and what is in them is rebuilt on a fine grid. Outside the boxes no vertex moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from manifold3d import Manifold, OpType
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from printprep.errors import MeshError
from printprep.geometry import voxel
from printprep.geometry.areas import face_normals
from printprep.geometry.bvh import Tree, build, nearest, winding
from printprep.geometry.fragments import between, hidden
from printprep.geometry.intersect import partners, self_intersecting
from printprep.geometry.kept import crossing_again, in_both
from printprep.geometry.measure import inspect
from printprep.geometry.mend import (
    Record,
    Refused,
    Step,
    cancel_duplicates,
    drop_crumbs,
    drop_degenerate,
    fill_holes,
    keep_faces,
)
from printprep.geometry.mesh import Bool, Float, Int, Mesh, as_point, join
from printprep.geometry.rebuild import INVERTED_SHARE, rebuild
from printprep.geometry.shells import Enclosed, Shell, enclosed, reaching, shells
from printprep.geometry.solid import from_solid, to_solid
from printprep.geometry.topology import edges, used_vertices
from printprep.geometry.weld import weld_close, weld_vertices

MOST_CROSSING: Final = 200
"""A body with more faces that cross is left to the gate: place by place takes too long, and seldom does it."""
FINEST_MM: Final = 0.03
COARSEST_MM: Final = 0.25
"""Steps of the grid in a box."""
_STEPS_A_BOX = 60
_POINTS_A_BOX = 16_000_000
_BOX_ROUNDS = 4  # each without the boxes that moved the skin too far in the one before
_PARTLY_MM = 0.1  # how far it may move where crossings are left elsewhere anyway: then there is less to gain
_MARGIN_MM = 0.3  # of a box around the crossings in it
_LINK_SHARE = 0.02  # of the longest side: crossings nearer to each other share a box
_ASIDE_MM = 1e-3  # to either side of a surface, to ask what is there
_LAP_MM = 1e-3  # by which what was rebuilt reaches beyond its box, into the same matter
_SAME = 1e-9
"""Of the longest side: the two computations of one crossing point are no farther apart than this."""
_WHOLE_BELOW = 20_000  # faces: a smaller body is united with itself whole, which is quick
_PATCHED_SHARE = 1e-6  # of the area: cracks between the pieces that may be closed
_EXACT_SHARE = 1e-5  # by which the matter may change where nothing was rebuilt: it is the same surface, but rounded
_VOLUME_SHARE = 0.002  # and where something was


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncrossed:
    """A body after the crossings were taken out."""

    mesh: Mesh
    boxes: tuple[Float, ...] = ()  # (2, 3) that were rebuilt; none: exact
    step_mm: float = 0.0  # the coarsest grid step in them
    far_mm: float = 0.0  # how far the new surface is from the old skin, both ways


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What is known of a body that crosses itself."""

    mesh: Mesh
    tree: Tree
    volumes: Enclosed
    crossing: Bool  # (m,)


def uncross_bodies(
    mesh: Mesh, record: Record, limit_mm: float, partner: Int | None = None, found: list[Shell] | None = None
) -> Mesh:
    """``mesh`` with each of its bodies free of crossings with itself, where that moves no skin by over ``limit_mm``.

    Bodies that run through each other are left to the union. Each body that was changed gets a step in ``record``.

    Parameters
    ----------
    mesh
        Closed, every shell wound alike, mm.
    record, limit_mm
        Gets the steps; how far the new surface may be from the skin that was there, both ways.
    partner, found
        (m,) of each face one that it runs through, or -1, and its shells, if known.

    Returns
    -------
    Mesh
        Closed; the same object when nothing was changed.
    """
    partner = partners(mesh) if partner is None else partner
    if not (partner >= 0).any():
        return mesh
    changed, rest = [], np.ones(len(mesh), np.bool_)
    for shell in shells(mesh) if found is None else found:
        body, faces = shell.mesh, shell.faces
        if not (partner[faces] >= 0).any():
            continue
        crossing = _crossing(body, faces, partner)
        if not 0 < crossing.sum() <= MOST_CROSSING:
            continue
        inward = shell.volume_mm3 < 0
        done = uncross(body.flipped() if inward else body, limit_mm, crossing)
        if done is None:
            continue
        after = done.mesh.flipped() if inward else done.mesh
        changed.append(after)
        rest[faces] = False
        record.steps.append(_step(body, after, crossing, done))
        record.boxes.extend(done.boxes)
    return drop_crumbs(join([keep_faces(mesh, rest), *changed]), record) if changed else mesh


def _crossing(body: Mesh, faces: Int, partner: Int) -> Bool:
    """Which faces of a body run through others of it; looked for only where a known partner may hide another one."""
    known = partner[faces]
    met = known[known >= 0]
    return known >= 0 if np.isin(met, faces).all() else partners(body, asked=known >= 0) >= 0


def _step(before: Mesh, after: Mesh, crossing: Bool, done: Uncrossed) -> Step:
    count = int(crossing.sum())
    what = f"resolved {count} faces that ran through others of their own body"
    if done.boxes:
        what += (
            f": rebuilt the surface in {len(done.boxes)} places on a grid of up to {done.step_mm:.3f} mm, at most "
            f"{done.far_mm:.3f} mm from the old one"
        )
    else:
        what += ": cut them where they cross and kept what parts matter from void"
    where = as_point(before.triangles[int(np.argmax(crossing))].mean(axis=0))
    return Step(what=what, volume_mm3=after.volume_mm3 - before.volume_mm3, rebuilt_mm=done.far_mm, where_mm=where)


def uncross(mesh: Mesh, limit_mm: float, crossing: Bool | None = None) -> Uncrossed | None:
    """The surface between the matter and the void of a body that runs through itself.

    Parameters
    ----------
    mesh
        One closed body, facing out, mm. Matter is what it goes around at least once; a bubble that it goes around the
        wrong way is void.
    limit_mm
        How far what is rebuilt may be from the skin that was there.
    crossing
        (m,) which faces run through others of it, if known.

    Returns
    -------
    Uncrossed or None
        Closed, manifold, enclosing the same matter once, with fewer crossing faces; None where that was not reached.
    """
    volumes = enclosed(mesh)
    if volumes.negative_mm3 > INVERTED_SHARE * volumes.solid_mm3:
        return None
    crossing = self_intersecting(mesh) if crossing is None else crossing
    before = Before(mesh=mesh, tree=build(mesh), volumes=volumes, crossing=crossing)
    around = _around(mesh, crossing)
    try:
        solid = to_solid(mesh)
        both = _doubled(mesh, solid, around)
    except MeshError:
        return None
    if not len(both):
        return None
    pieces = drop_degenerate(weld_close(both, _SAME * float(mesh.size_mm.max())), Record())
    exact = _fitted(before, pieces)
    if exact is not None:
        return Uncrossed(mesh=exact)
    return _boxed(before, solid, _boxes(before, pieces, around), limit_mm)


def _around(mesh: Mesh, crossing: Bool) -> list[Float]:
    """Boxes (2, 3) around the faces that cross and all that touch them, none reaching into another."""
    touched = np.zeros(len(mesh.vertices), np.bool_)
    touched[mesh.faces[crossing]] = True
    corners = mesh.vertices[mesh.faces[touched[mesh.faces].any(axis=1)]]
    return _apart([np.stack([c.min(axis=0) - _MARGIN_MM, c.max(axis=0) + _MARGIN_MM]) for c in corners])


def _doubled(mesh: Mesh, solid: Manifold, around: list[Float]) -> Mesh:
    """The union of a body with itself; of a large one in boxes that hold whatever crosses, else its own faces.

    A box is convex: a face with all corners in it is not cut by its walls, nor is what the union makes of it.
    """
    if len(mesh) < _WHOLE_BELOW or not around:
        return from_solid(solid + solid)
    part = _within(solid, around)
    local = from_solid(part + part)
    one, two = (np.asarray(_held(m, around)) for m in (mesh, local))
    return join([keep_faces(mesh, ~one), keep_faces(local, two)])


def _held(mesh: Mesh, boxes: list[Float]) -> Bool:
    """(m,) which faces have all corners in the same box, off its walls."""
    held = np.zeros(len(mesh), np.bool_)
    for lower, upper in boxes:
        within = ((mesh.vertices > lower + _ASIDE_MM) & (mesh.vertices < upper - _ASIDE_MM)).all(axis=1)
        held |= within[mesh.faces].all(axis=1)
    return held


def _fitted(before: Before, pieces: Mesh) -> Mesh | None:
    """The pieces between matter and void as one surface, if they fit together without gaps."""
    record = Record()
    kept = between(before.mesh, before.tree, pieces)
    try:
        fitted = cancel_duplicates(used_vertices(Mesh(pieces.vertices, pieces.faces[kept])), record)
        fitted = drop_crumbs(fill_holes(fitted, record), Record()) if len(fitted) else fitted
    except Refused:
        return None
    patched_mm2 = sum(step.area_mm2 for step in record.steps)
    fits = patched_mm2 <= _PATCHED_SHARE * before.mesh.area_mm2 and _crossing_left(before, fitted, _EXACT_SHARE) == 0
    return fitted if fits else None


def _crossing_left(before: Before, after: Mesh, share: float) -> int | None:
    """How many faces cross, if it is a solid with the same matter, but for a share, and crosses itself less."""
    if not inspect(after, self_intersections=False).closed:
        return None
    left = int((crossing_again(before.mesh, before.crossing, after) >= 0).sum())
    if left >= before.crossing.sum():
        return None
    one, two = before.volumes, enclosed(after)
    most_mm3 = share * one.solid_mm3
    same = abs(one.solid_mm3 - two.solid_mm3) <= most_mm3 and abs(two.signed_mm3 - two.solid_mm3) <= most_mm3
    return left if same else None


def _boxes(before: Before, pieces: Mesh, around: list[Float]) -> list[Float]:
    """Boxes (2, 3) around all crossings and all hidden surface, none reaching into another."""
    mesh = before.mesh
    away = pieces.faces[hidden(mesh, before.tree, pieces, _held(pieces, around))]
    fresh = ~_is_vertex(mesh, pieces.vertices)
    fresh[away] = True
    index = np.flatnonzero(fresh)
    if not len(index):
        return []
    points = pieces.vertices[index]
    near = cKDTree(points).query_pairs(_LINK_SHARE * float(mesh.size_mm.max()), output_type="ndarray")
    sides = np.searchsorted(index, np.concatenate([away[:, [0, 1]], away[:, [1, 2]]]))
    pairs = np.concatenate([near, sides])
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    count, label = connected_components(graph, directed=False)
    found = [points[label == i] for i in range(count)]
    boxes = [np.stack([p.min(axis=0) - _MARGIN_MM, p.max(axis=0) + _MARGIN_MM]) for p in found]
    return _apart(boxes)


def _is_vertex(mesh: Mesh, points: Float) -> Bool:
    """(n,) which points are at a vertex of ``mesh``, to the last bit."""
    n, count = len(mesh.vertices), len(mesh.vertices) + len(points)
    every = Mesh(
        np.concatenate([mesh.vertices, points]), np.repeat(np.arange(count, dtype=np.int32)[:, None], 3, axis=1)
    )
    name = weld_vertices(every).faces[:, 0]
    return np.isin(name[n:], name[:n], kind="table")


def _apart(boxes: list[Float]) -> list[Float]:
    """Boxes that reach into each other made one, until none does."""
    done: list[Float] = []
    while boxes:
        box = boxes.pop()
        for i, other in enumerate(done):
            if (box[0] <= other[1]).all() and (box[1] >= other[0]).all():
                boxes.append(np.stack([np.minimum(box[0], other[0]), np.maximum(box[1], other[1])]))
                del done[i]
                break
        else:
            done.append(box)
    return done


def _boxed(before: Before, solid: Manifold, boxes: list[Float], limit_mm: float) -> Uncrossed | None:
    """The body with what is in ``boxes`` rebuilt; boxes that are too large or would move its skin stay as they are."""
    mesh = before.mesh
    rebuilt: list[tuple[Float, float, Manifold | None]] = []
    for box in boxes:
        wanted_mm = float(np.clip((box[1] - box[0]).max() / _STEPS_A_BOX, FINEST_MM, COARSEST_MM))
        step_mm = voxel.step_for(Mesh(box, np.zeros((0, 3), np.int32)), wanted_mm, _POINTS_A_BOX)
        if step_mm <= COARSEST_MM:  # else too large a place for a fine grid
            piece = rebuild(mesh, step_mm, box)
            rebuilt.append((box, step_mm, to_solid(piece) ^ _cuboid(box, _LAP_MM) if len(piece) else None))
    for tried in range(_BOX_ROUNDS):
        if not rebuilt:
            break
        if tried or len(rebuilt) < len(boxes):
            limit_mm = min(limit_mm, _PARTLY_MM)
        after = _replaced(mesh, solid, [(box, piece) for box, _, piece in rebuilt])
        if not len(after):
            break
        points, distance = _far(before, after)
        at = points[distance > limit_mm]
        if not len(at):
            if _crossing_left(before, after, _VOLUME_SHARE) is None:
                break
            kept, coarsest_mm = tuple(box for box, _, _ in rebuilt), max(step for _, step, _ in rebuilt)
            return Uncrossed(mesh=after, boxes=kept, step_mm=coarsest_mm, far_mm=float(distance.max(initial=0.0)))
        rebuilt = [entry for entry in rebuilt if not _inside(at, entry[0]).any()]
    return None


def _replaced(mesh: Mesh, solid: Manifold, pieces: list[tuple[Float, Manifold | None]]) -> Mesh:
    """A body with what is in each box exchanged for a piece; of a large one only what is around the boxes is united."""
    if len(mesh) < _WHOLE_BELOW:
        return _exchanged(solid, pieces)
    rooms = _apart([_room(mesh, box) for box, _ in pieces])
    local = _exchanged(_within(solid, rooms), pieces)
    one, two = (_held(m, rooms) for m in (mesh, local))
    joint = weld_vertices(join([keep_faces(mesh, ~one), keep_faces(local, two)]))
    found = edges(joint)
    return _exchanged(solid, pieces) if (found.count != 2).any() or (found.forward != 1).any() else joint


def _exchanged(solid: Manifold, pieces: list[tuple[Float, Manifold | None]]) -> Mesh:
    """A solid without what is in each box, and with the piece instead."""
    outside = Manifold.batch_boolean([solid, *(_cuboid(box, 0.0) for box, _ in pieces)], OpType.Subtract)
    return from_solid(
        Manifold.batch_boolean([outside, *(piece for _, piece in pieces if piece is not None)], OpType.Add)
    )


def _room(mesh: Mesh, box_mm: Float) -> Float:
    """The box (2, 3) that holds all faces that reach into a box, with a margin."""
    lower, upper = box_mm[0] - _MARGIN_MM, box_mm[1] + _MARGIN_MM
    corners = mesh.vertices[mesh.faces[reaching(mesh.vertices, mesh.faces, lower, upper)]].reshape(-1, 3)
    points = np.concatenate([corners, box_mm])
    return np.stack([points.min(axis=0) - _MARGIN_MM, points.max(axis=0) + _MARGIN_MM])


def _within(solid: Manifold, boxes: list[Float]) -> Manifold:
    """What of a solid is in boxes."""
    return solid ^ Manifold.batch_boolean([_cuboid(box, 0.0) for box in boxes], OpType.Add)


def _inside(points: Float, box_mm: Float) -> Bool:
    """(n,) whether points are in a box or on it."""
    return np.asarray(((points >= box_mm[0] - _ASIDE_MM) & (points <= box_mm[1] + _ASIDE_MM)).all(axis=1))


def _cuboid(box_mm: Float, margin_mm: float) -> Manifold:
    lower, upper = box_mm[0] - margin_mm, box_mm[1] + margin_mm
    return Manifold.cube(tuple(upper - lower)).translate(tuple(lower))


def _far(before: Before, after: Mesh) -> tuple[Float, Float]:
    """Points of two surfaces, and how far each is from the other one; of the old one only the skin counts.

    Faces that are in both, corner for corner, are not asked.
    """
    mesh, tree = before.mesh, before.tree
    one, two = (~kept for kept in in_both(mesh, after))
    corners = mesh.vertices[mesh.faces[one]]
    middle = corners.mean(axis=1, keepdims=True)
    old = np.concatenate([middle, corners + 0.05 * (middle - corners)], axis=1).reshape(-1, 3)
    there = nearest(build(after), old)[0]
    doubtful = np.flatnonzero(there > _ASIDE_MM)
    aside = _ASIDE_MM * face_normals(corners)[doubtful // 4]
    front, back = (winding(tree, old[doubtful] + side * aside) > 0 for side in (1.0, -1.0))
    there[doubtful[front == back]] = 0.0
    changed = after.vertices[after.faces[two]]
    new = np.concatenate([changed.reshape(-1, 3), changed.mean(axis=1)])
    return np.concatenate([old, new]), np.concatenate([there, nearest(tree, new)[0]])
