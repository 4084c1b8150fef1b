"""Repair: from what a lab receives to a solid, or a reason why not.

The order matters: weld, drop what has no area, cancel duplicates, unify the winding, part what only touches, close
holes, untangle bodies that run through themselves, sort the shells by nesting, unite those that overlap. Then a gate
judges the result against the source. What is closed and still too tangled to pass is rebuilt on a grid, and judged
again; what does not pass then is refused with its reason and place. A wrong solid never comes out.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from printprep.geometry.crossings import Crossings, crossings
from printprep.geometry.deviation import Deviation
from printprep.geometry.gate import judge
from printprep.geometry.intersect import partners
from printprep.geometry.kept import crossing_again
from printprep.geometry.measure import Defects, inspect
from printprep.geometry.mend import (
    Record,
    Refused,
    Step,
    cancel_duplicates,
    close_cracks,
    cut_out,
    drop_crumbs,
    drop_degenerate,
    fill_holes,
    unify_winding,
)
from printprep.geometry.mesh import Float, Int, Mesh, Point
from printprep.geometry.renew import Renewed, renew
from printprep.geometry.settle import InsideOut, face_out, settle
from printprep.geometry.shells import shells
from printprep.geometry.specks import crowd, drop_specks
from printprep.geometry.topology import MOST_BODIES, bodies, edges
from printprep.geometry.uncross import uncross_bodies

__all__ = ["Refusal", "Repaired", "Step", "closed", "repair"]

FARTHEST_MM = 0.5
"""How far surface that was rebuilt may be from its source, unless the caller says."""
_CUTS = 3  # rounds of cutting out faces around edges that cannot be paired


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a mesh was left as it came."""

    reason: str
    where_mm: Point | None = None
    sheet: bool = False  # an open sheet, which with others may be the skin of a body
    inside_out: bool = False  # nothing else is wrong: closed and wound alike, but its outside faces in


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """A mesh after repair."""

    mesh: Mesh  # a solid; with a refusal, the mesh as it came
    steps: tuple[Step, ...] = ()  # what was done, in order; of a refused mesh, what was tried
    refusal: Refusal | None = None
    deviation: Deviation | None = None  # of the result from the mesh as it came, outside patches; None: unchanged
    rebuilt: Renewed | None = None  # how the whole surface was made anew; None: it was not
    judged: bool = False  # whether it was not clean, so that the gate had to judge it
    crossing: Crossings | None = None  # what of the result still runs through other parts of it

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return self.refusal is None and bool(self.steps)


def repair(
    mesh: Mesh,
    *,
    accept_inside_out: bool = False,
    defects: Defects | None = None,
    limit_mm: float = FARTHEST_MM,
    drop_below_mm3: float = 0.0,
) -> Repaired:
    """Make ``mesh`` a solid by measured steps, or refuse.

    A mesh that is clean already comes back as the same object. One that is consistently wound but inside out is
    refused, because a file mirrored along one axis looks exactly so and its parts would be printed on the wrong side.

    Parameters
    ----------
    mesh
        As it came, mm.
    accept_inside_out
        Somebody decided that an inside-out mesh is a matter of winding: turn it.
    defects
        Of ``mesh`` when they are known already, to save looking twice.
    limit_mm
        How far surface that has to be rebuilt may be from the source.
    drop_below_mm3
        Separate bodies and sealed voids of less volume go first, and are listed; the source is what then is left.
    """
    record = Record()
    try:
        left = drop_specks(mesh, drop_below_mm3, record) if drop_below_mm3 > 0 else mesh
        known = defects if left is mesh else None
        return _repair(left, record, accept_inside_out, known, limit_mm)
    except InsideOut as error:
        refusal = Refusal(reason=str(error), where_mm=error.where_mm, inside_out=True)
    except Refused as error:
        refusal = Refusal(reason=error.reason, where_mm=error.where_mm, sheet=error.sheet)
    return Repaired(mesh=mesh, steps=tuple(record.steps), refusal=refusal)


def _repair(mesh: Mesh, record: Record, accept_inside_out: bool, known: Defects | None, limit_mm: float) -> Repaired:
    found = known or inspect(mesh, self_intersections=False)
    if found.non_finite:
        raise Refused(f"{found.non_finite} vertices have coordinates that are not finite; export it again")
    if not found.triangles:
        raise Refused("it has no triangles")
    if found.bodies > MOST_BODIES:
        raise Refused(crowd(mesh))
    looked, partner = known is not None, None
    if not looked and found.clean:  # else it is closed first: what crosses is asked once, of what then is there
        looked, partner = True, partners(mesh)
        found = replace(found, self_intersecting_faces=int((partner >= 0).sum()))
    if found.clean and found.bodies == 1:
        return _judged(mesh, record, None, np.full(len(mesh), -1, np.int32)) if record.steps else Repaired(mesh=mesh)
    whole = mesh if found.closed and not found.duplicate_faces else _close(mesh, record)
    whole, found_shells = face_out(whole, record, accept_inside_out=accept_inside_out)
    if whole is not mesh or partner is None:
        partner = _partners(mesh, whole, record, crossing=not looked or found.self_intersecting_faces > 0)
    straight_record = record.copy()
    straight = uncross_bodies(whole, straight_record, limit_mm, partner, found_shells)
    attempts = [(straight, straight_record)] if straight is not whole else []
    attempts.append((whole, record.copy()))  # what crosses itself a little may pass as it is, and is said then
    for base, tried in attempts:
        same_base = base is whole
        crossed = partner if same_base else crossing_again(whole, partner >= 0, base)
        try:
            result = settle(base, found_shells if same_base else shells(base), tried, crossed)
            if result is mesh and found.clean and not record.steps:
                return Repaired(mesh=mesh)
            deviation = judge(mesh, base, result, tried, box_limit_mm=limit_mm, partner=crossed)
            left = crossed if result is base else crossing_again(base, crossed >= 0, result)
            return _judged(result, tried, deviation, left)
        except Refused as error:
            last, last_record = error, tried
    if not last.tangled:
        record.take(last_record)
        raise last
    renewed = renew(mesh, whole, record, limit_mm, last)
    return _judged(renewed.mesh, record, renewed.deviation, partners(renewed.mesh), renewed)


def _judged(
    mesh: Mesh, record: Record, deviation: Deviation | None, partner: Int, renewed: Renewed | None = None
) -> Repaired:
    """What the gate let pass."""
    return Repaired(
        mesh=mesh,
        steps=tuple(record.steps),
        deviation=deviation,
        rebuilt=renewed,
        judged=True,
        crossing=crossings(mesh, partner),
    )


def _partners(mesh: Mesh, whole: Mesh, record: Record, *, crossing: bool) -> Int:
    """(m,) for each face of the closed mesh one that it runs through, or -1; what is known already is not asked again.

    Where nothing was ``crossing`` and nothing was moved, only the patches can: all steps keep the order of faces and
    put new ones last.
    """
    if crossing or record.moved:
        return partners(whole)
    fresh = np.zeros(len(whole), np.bool_)
    if whole is not mesh:
        fresh[max(len(whole) - sum(map(len, record.patches)), 0) :] = True
    return partners(whole, asked=fresh) if fresh.any() else np.full(len(whole), -1, np.int32)


def closed(mesh: Mesh) -> tuple[Mesh, Float]:
    """The surface of ``mesh`` closed and facing out as :func:`repair` does it, but nothing merged or united yet.

    Returns
    -------
    mesh, patches_mm
        For a mesh that is refused, as far as it got: the mesh as it came. (k, 3, 3) the surface that was added.
    """
    record = Record()
    result = mesh
    with suppress(Refused):
        result = _close(mesh, record)
        result, _ = face_out(result, record, accept_inside_out=True)  # repair has asked whether it may be
    return result, np.concatenate([np.zeros((0, 3, 3)), *record.patches])


def _close(mesh: Mesh, record: Record) -> Mesh:
    """A closed mesh of consistently wound shells, which may face either way."""
    mesh = close_cracks(mesh, record)
    mesh = drop_degenerate(mesh, record)
    mesh = cancel_duplicates(mesh, record)
    if not len(mesh):
        raise Refused("nothing is left of it: all its faces cancel each other")
    if bodies(edges(mesh))[1] > MOST_BODIES:
        raise Refused(crowd(mesh))
    mesh = unify_winding(mesh, record)
    mesh = drop_crumbs(mesh, record)
    mesh = fill_holes(mesh, record)
    for _ in range(_CUTS):
        tangled = edges(mesh)
        if not (tangled.nonmanifold.any() or tangled.misoriented.any()):
            break
        mesh = fill_holes(cut_out(mesh, tangled, record), record)
    found = inspect(mesh, self_intersections=False)
    for kind in ("open_edges", "nonmanifold_edges", "misoriented_edges"):
        if count := getattr(found, kind):
            raise Refused(f"{count} {kind.replace('_', ' ')} remain after repair", found.where_mm.get(kind))
    return drop_crumbs(mesh, record)
