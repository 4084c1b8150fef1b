"""Repair: from what a lab receives to a solid, or a reason why not.

The order matters: weld, drop what has no area, cancel duplicates, unify the winding, part what only touches, close
holes, sort the shells by nesting, unite those that overlap. Then a gate judges the result against the source; what
does not pass is refused with its reason and place. A wrong solid never comes out.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from printprep.geometry.deviation import Deviation
from printprep.geometry.gate import judge
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
from printprep.geometry.settle import InsideOut, settle, turn
from printprep.geometry.shells import shells
from printprep.geometry.topology import bodies, edges

__all__ = ["Refusal", "Repaired", "Step", "closed", "repair"]

MOST_PIECES = 20_000
"""More separate surfaces than this are no anatomy but corners that do not meet."""
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
    judged: bool = False  # whether it was not clean, so that the gate had to judge it

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return self.refusal is None and bool(self.steps)


def repair(mesh: Mesh, *, accept_inside_out: bool = False, defects: Defects | None = None) -> Repaired:
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
    """
    record = Record()
    try:
        found = defects or inspect(mesh)
        if found.non_finite:
            raise Refused(f"{found.non_finite} vertices have coordinates that are not finite; export it again")
        if not found.triangles:
            raise Refused("it has no triangles")
        if found.clean and found.bodies == 1:
            return Repaired(mesh=mesh)
        whole = mesh if found.closed and not found.duplicate_faces else _close(mesh, record)
        crossing = whole is not mesh or found.self_intersecting_faces > 0
        result = settle(whole, record, crossing=crossing, accept_inside_out=accept_inside_out)
        if result is mesh and found.clean:
            return Repaired(mesh=mesh)
        deviation = judge(mesh, whole, result, record)
    except InsideOut as error:
        refusal = Refusal(reason=str(error), where_mm=error.where_mm, inside_out=True)
        return Repaired(mesh=mesh, steps=tuple(record.steps), refusal=refusal)
    except Refused as error:
        refusal = Refusal(reason=error.reason, where_mm=error.where_mm)
        return Repaired(mesh=mesh, steps=tuple(record.steps), refusal=refusal)
    return Repaired(mesh=result, steps=tuple(record.steps), deviation=deviation, judged=True)


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
