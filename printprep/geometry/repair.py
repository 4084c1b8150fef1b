"""Repair: from what a lab receives to a solid, or a reason why not.

The order matters: weld, drop what has no area, cancel duplicates, unify the winding, part what only touches, close
holes, untangle bodies that run through themselves, sort the shells by nesting, unite those that overlap. Then a gate
judges the result against the source. What is closed and still too tangled to pass is rebuilt on a grid, and judged
again; what does not pass then is refused with its reason and place. A wrong solid never comes out.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from printprep.geometry.deviation import Deviation
from printprep.geometry.gate import MAX_MM, judge
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
from printprep.geometry.mesh import Float, Mesh, Point
from printprep.geometry.renew import Renewed, renew
from printprep.geometry.settle import InsideOut, face_out, settle, turn
from printprep.geometry.shells import shells
from printprep.geometry.topology import bodies, edges
from printprep.geometry.uncross import uncross_bodies

__all__ = ["Refusal", "Repaired", "Step", "closed", "repair"]

MOST_PIECES = 20_000
"""More separate surfaces than this are no anatomy but corners that do not meet."""
FARTHEST_MM = 0.5
"""How far surface that was rebuilt may be from its source, unless the caller says."""
_CUTS = 3  # rounds of cutting out faces around edges that cannot be paired


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a mesh was left as it came."""

    reason: str
    where_mm: Point | None = None
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

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return self.refusal is None and bool(self.steps)


def repair(
    mesh: Mesh, *, accept_inside_out: bool = False, defects: Defects | None = None, limit_mm: float = FARTHEST_MM
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
    """
    record = Record()
    try:
        return _repair(mesh, record, accept_inside_out, defects or inspect(mesh), limit_mm)
    except InsideOut as error:
        refusal = Refusal(reason=str(error), where_mm=error.where_mm, inside_out=True)
    except Refused as error:
        refusal = Refusal(reason=error.reason, where_mm=error.where_mm)
    return Repaired(mesh=mesh, steps=tuple(record.steps), refusal=refusal)


def _repair(mesh: Mesh, record: Record, accept_inside_out: bool, found: Defects, limit_mm: float) -> Repaired:
    if found.non_finite:
        raise Refused(f"{found.non_finite} vertices have coordinates that are not finite; export it again")
    if not found.triangles:
        raise Refused("it has no triangles")
    if found.clean and found.bodies == 1:
        return Repaired(mesh=mesh)
    whole = mesh if found.closed and not found.duplicate_faces else _close(mesh, record)
    whole, found_shells = face_out(whole, record, accept_inside_out=accept_inside_out)
    crossing = whole is not mesh or found.self_intersecting_faces > 0
    straight_record = record.copy()
    straight = uncross_bodies(whole, straight_record, limit_mm) if crossing else whole
    attempts = [(straight, straight_record, max(limit_mm, MAX_MM))] if straight is not whole else []
    attempts.append((whole, record.copy(), MAX_MM))  # what crosses itself a little may pass as it is, and is said then
    for base, tried, most_mm in attempts:
        try:
            result = settle(base, found_shells if base is whole else shells(base), tried, crossing=crossing)
            if result is mesh and found.clean:
                return Repaired(mesh=mesh)
            deviation = judge(mesh, base, result, tried, max_limit_mm=most_mm)
            return Repaired(mesh=result, steps=tuple(tried.steps), deviation=deviation, judged=True)
        except Refused as error:
            last, last_record = error, tried
    if not last.tangled:
        record.take(last_record)
        raise last
    renewed = renew(mesh, whole, record, limit_mm, last)
    steps = tuple(record.steps)
    return Repaired(mesh=renewed.mesh, steps=steps, deviation=renewed.deviation, rebuilt=renewed, judged=True)


def closed(mesh: Mesh) -> tuple[Mesh, Float]:
    """The surface of ``mesh`` closed and wound as :func:`repair` does it, but nothing merged or united yet.

    Returns
    -------
    mesh, patches_mm
        For a mesh that is refused, as far as it got: the mesh as it came. (k, 3, 3) the surface that was added.
    """
    record = Record()
    result = mesh
    with suppress(Refused):
        result = _close(mesh, record)
    return result, np.concatenate([np.zeros((0, 3, 3)), *record.patches])


def _close(mesh: Mesh, record: Record) -> Mesh:
    """A closed mesh of consistently wound shells."""
    mesh = close_cracks(mesh, record)
    mesh = drop_degenerate(mesh, record)
    mesh = cancel_duplicates(mesh, record)
    if not len(mesh):
        raise Refused("nothing is left of it: all its faces cancel each other")
    pieces = bodies(edges(mesh))[1]
    if pieces > MOST_PIECES:
        raise Refused(f"it falls into {pieces} pieces that do not meet at their corners; export it again, welded")
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
    mesh = drop_crumbs(mesh, record)
    return turn(mesh, shells(mesh), record) if record.rewound else mesh
