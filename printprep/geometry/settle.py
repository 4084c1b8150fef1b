"""Settle the shells of a closed mesh: which are skins, which cavities, which repeat what another one encloses.

A shell is part of the skin when it parts printed from not printed. Where the winding in the file can be trusted it
says so itself: a cavity faces in, a body inside a body faces out and adds nothing. Where it had to be overruled, the
depth of nesting decides: outermost skin, then cavity, then body in the cavity, and so on. A cavity is never filled.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from printprep.errors import MeshError
from printprep.geometry.intersect import partners
from printprep.geometry.kept import crossing_again
from printprep.geometry.mend import Record, Refused, Step, drop_crumbs, keep_faces, middle_of
from printprep.geometry.mesh import Bool, Int, Mesh, Point, join
from printprep.geometry.shells import Counted, Shell, enclosed, shells
from printprep.geometry.solid import subtract, union

VOLUME_SHARE = 0.002
"""How far apart two volumes that should be the same may be."""


class InsideOut(Refused):
    """Consistently wound, with the outside facing in."""


def settle(mesh: Mesh, found: list[Shell], record: Record, partner: Int | None) -> Mesh:
    """Remove and unite shells so that the surface goes around every printed point exactly once.

    Parameters
    ----------
    mesh
        Closed, as :func:`face_out` gives it back. The same object comes back when nothing is to do.
    found
        Its shells.
    record
        Of the repair so far.
    partner
        (m,) of each face one that it runs through, or -1 (:func:`printprep.geometry.intersect.partners`); None: not
        looked for.
    """
    if len(found) == 1:
        return mesh
    partner = partners(mesh) if partner is None else partner
    crossing = bool((partner >= 0).any())
    kept = np.array([_is_skin(shell, found) for shell in found])
    if not kept.all():
        before, mesh = mesh, _drop_swallowed(mesh, found, kept, record)
        found = shells(mesh)
        none = np.full(len(mesh), -1, np.int32)
        partner = crossing_again(before, partner >= 0, mesh) if crossing else none
    if not crossing or len(found) == 1:
        return mesh
    united = _unite(mesh, found, partner, record)
    return mesh if united is mesh else drop_crumbs(united, record)


def face_out(mesh: Mesh, record: Record, *, accept_inside_out: bool) -> tuple[Mesh, list[Shell]]:
    """The mesh with its outermost shells facing out, and its shells.

    Parameters
    ----------
    mesh
        Closed, every shell wound alike. The same object comes back when nothing is to do.
    record
        Of the repair so far; says whether the winding can be trusted.
    accept_inside_out
        Turn a mesh that is inside out as a whole, instead of raising InsideOut.
    """
    found = shells(mesh)
    if not record.rewound and all(shell.volume_mm3 < 0 for shell in found if not shell.inside):
        mesh = _right_side_out(mesh, found, record, accept_inside_out)
        found = shells(mesh)
    turned = turn(mesh, found, record)
    return (mesh, found) if turned is mesh else (turned, shells(turned))


def _right_side_out(mesh: Mesh, found: list[Shell], record: Record, accept_inside_out: bool) -> Mesh:
    """The mesh, whose outermost shells all face in, turned if that is accepted."""
    if not accept_inside_out:
        volume_mm3 = sum(s.volume_mm3 for s in found)
        raise InsideOut(
            f"it is inside out: closed and wound alike everywhere, with a volume of {volume_mm3:.1f} mm3; a file "
            "mirrored along one axis looks the same, so it is not turned silently",
            middle_of(mesh, 0),
        )
    what = "turned the whole surface right side out, which the case accepts"
    record.steps.append(Step(what=what, where_mm=middle_of(mesh, 0)))
    return mesh.flipped()


def turn(mesh: Mesh, found: list[Shell], record: Record) -> Mesh:
    """The mesh with outermost shells facing out and, where the winding proves nothing, all by their depth."""
    wrong = [s for s in found if (s.depth == 0 or record.rewound) and (s.volume_mm3 < 0) != (s.depth % 2 == 1)]
    if not wrong:
        return mesh
    faces = mesh.faces.copy()
    for shell in wrong:
        faces[shell.faces] = faces[shell.faces][:, ::-1]
        kind = "a cavity" if shell.depth % 2 else "a body"
        what = f"turned a shell of {len(shell.faces)} faces: {kind} of {abs(shell.volume_mm3):.3f} mm3"
        record.steps.append(Step(what=what, where_mm=middle_of(mesh, int(shell.faces[0]))))
    return Mesh(mesh.vertices, faces)


def _is_skin(shell: Shell, found: list[Shell]) -> bool:
    """Whether a shell parts what is printed from what is not."""
    outside = sum(1 if found[i].volume_mm3 > 0 else -1 for i in shell.inside)
    inside = outside + (1 if shell.volume_mm3 > 0 else -1)
    return (outside > 0) != (inside > 0)


def _drop_swallowed(mesh: Mesh, found: list[Shell], kept: Bool, record: Record) -> Mesh:
    """The mesh without shells inside what is printed anyway."""
    stay = np.ones(len(mesh), np.bool_)
    for shell in (s for s, keep in zip(found, kept, strict=True) if not keep):
        if shell.volume_mm3 < 0:
            raise Refused(
                f"a cavity of {-shell.volume_mm3:.3f} mm3 lies in two bodies at once, one inside the other; "
                "it would be filled: remove one of the bodies",
                middle_of(mesh, int(shell.faces[0])),
            )
        stay[shell.faces] = False
        record.removed.append(mesh.triangles[shell.faces])
        what = f"merged a body of {shell.volume_mm3:.3f} mm3 that lies inside another body and adds nothing to it"
        where = middle_of(mesh, int(shell.faces[0]))
        record.steps.append(Step(what=what, merged_mm3=shell.volume_mm3, where_mm=where))
    return keep_faces(mesh, stay)


def _crossing_groups(mesh: Mesh, found: list[Shell], partner: Int) -> list[list[int]]:
    """Shells that run through each other, by index, with all that these enclose."""
    owner = np.full(len(mesh), -1, np.int32)
    for i, shell in enumerate(found):
        owner[shell.faces] = i
    hit = np.flatnonzero(partner >= 0)
    a, b = owner[hit], owner[partner[hit]]
    between = a != b
    pairs = coo_array((np.ones(int(between.sum())), (a[between], b[between])), shape=(len(found), len(found)))
    _, label = connected_components(pairs, directed=False)
    crossed = np.isin(label, label[a[between]])
    groups: dict[int, list[int]] = {}
    for i, shell in enumerate(found):
        root = i if crossed[i] else next((j for j in shell.inside if crossed[j]), None)
        if root is not None:
            groups.setdefault(int(label[root]), []).append(i)
    return list(groups.values())


def _unite(mesh: Mesh, found: list[Shell], partner: Int, record: Record) -> Mesh:
    """The mesh with bodies that run through each other made one; cavities are taken away, never filled by it."""
    groups = _crossing_groups(mesh, found, partner)
    if not groups:
        return mesh
    in_group = {i for group in groups for i in group}
    pieces = [shell.mesh for i, shell in enumerate(found) if i not in in_group]
    for group in groups:
        bodies = [found[i].mesh for i in group if found[i].volume_mm3 > 0]
        cavities = [found[i].mesh.flipped() for i in group if found[i].volume_mm3 < 0]
        before = sum(found[i].volume_mm3 for i in group)
        where = middle_of(mesh, int(found[group[0]].faces[0]))
        try:
            united = union(*bodies)
            one = subtract(united, *cavities) if cavities else united
        except MeshError as error:
            raise Refused(
                f"bodies that run through each other cannot be united: {error}", where, tangled=True
            ) from error
        _check_union([found[i] for i in group], one, where)
        what = f"united {len(bodies)} bodies that run through each other"
        if cavities:
            what += f" and kept their {len(cavities)} cavities free"
        record.steps.append(Step(what=what, volume_mm3=one.volume_mm3 - before, where_mm=where))
        pieces.append(one)
    return join(pieces)


def _check_union(group: list[Shell], after: Mesh, where: Point) -> None:
    """Refused when uniting filled a void or lost matter: the volumes enclosed once or more must be the same."""
    owner = np.repeat(np.arange(len(group), dtype=np.int32), [len(shell.mesh) for shell in group])
    kind = np.array([1 if shell.volume_mm3 > 0 else -1 for shell in group], np.int32)
    before = enclosed(join([shell.mesh for shell in group]), shells_as=Counted(owner, kind))
    one_mm3, two_mm3 = before.solid_mm3, enclosed(after).solid_mm3
    if abs(one_mm3 - two_mm3) > VOLUME_SHARE * one_mm3:
        raise Refused(
            f"uniting its bodies would change the volume they fill from {one_mm3:.2f} to {two_mm3:.2f} mm3: a body "
            "runs through itself",
            where,
            tangled=True,
        )
