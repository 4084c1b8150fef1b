"""The last resort of a repair: the whole surface rebuilt on a grid, on finer ones until the gate lets it pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.geometry import voxel
from printprep.geometry.areas import face_normals
from printprep.geometry.bvh import build, nearest, winding
from printprep.geometry.deviation import Deviation
from printprep.geometry.gate import judge
from printprep.geometry.matter import counted, matter_of
from printprep.geometry.mend import Record, Refused, Step, middle_of
from printprep.geometry.mesh import Mesh
from printprep.geometry.rebuild import GRAIN_STEPS3, INVERTED_SHARE, MOST_POINTS, rebuild
from printprep.geometry.settle import VOLUME_SHARE
from printprep.geometry.shells import Shell, enclosed, shells
from printprep.geometry.thickness import walls

P95_STEPS: Final = 0.15
"""95 % of a rebuilt surface is within this many grid steps of the source."""
_TRIES = 3  # grids, each half as coarse as the one before
_STEPS_A_SIDE = 100  # of the longest side, for the first grid
_STEPS_A_WALL = 2  # and of the thinnest wall
_THINNER_SHARE = 0.01  # of the area may have a thinner wall: folds and crossings are as thin as one likes
_INTO_MM = 1e-3  # beside the wall of a cavity, to ask whether it is void
_OPEN_SHARE = 0.99  # of the wall of a cavity must have void beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A surface made anew."""

    mesh: Mesh
    step_mm: float  # of the grid
    wall_mm: float  # the thinnest wall of the source; see thinnest_mm
    volume_mm3: float  # how much the volume differs from what the source encloses
    why: str  # what the gate said of the surface before
    deviation: Deviation | None = None  # from the source


def renew(source: Mesh, whole: Mesh, record: Record, limit_mm: float, refused: Refused) -> Renewed:
    """Rebuild a surface that the steps of repair could not bring past the gate, and have it judged.

    Parameters
    ----------
    source
        As it came.
    whole
        The source closed, wound alike and facing out; may run through itself.
    record
        Gets what was done; unchanged when it is refused.
    limit_mm
        How far the new surface may be from the source.
    refused
        What the gate said.

    Returns
    -------
    Renewed
        Passed by the gate with 95 % within :data:`P95_STEPS` steps, and the volume within 0.2 %.

    Raises
    ------
    Refused
        No grid in the bounds of memory does it, or a cavity would be filled; with the first reason as well.
    """
    found = shells(whole)
    volumes = enclosed(whole, shells_as=counted(whole))
    solid_mm3 = volumes.solid_mm3
    if volumes.negative_mm3 > INVERTED_SHARE * solid_mm3:
        raise Refused(
            f"{refused.reason}; it is not rebuilt either, because {volumes.negative_mm3:.2f} mm3 of it are inside out "
            f"beside {solid_mm3:.2f} mm3 that are not, and nobody can say whether they are matter (limit "
            f"{INVERTED_SHARE:.0%})",
            refused.where_mm,
        )
    _refuse_filling(whole, found)
    wall_mm = thinnest_mm(whole, solid_mm3)
    wanted_mm = min(float(whole.size_mm.max()) / _STEPS_A_SIDE, wall_mm / _STEPS_A_WALL)
    last = refused
    for _ in range(_TRIES):
        step_mm = voxel.step_for(whole, wanted_mm, MOST_POINTS)
        try:
            return _at(source, whole, found, record, step_mm, limit_mm, refused.reason, solid_mm3, wall_mm)
        except Refused as error:
            last = error
        if step_mm > wanted_mm:
            break  # no finer grid fits
        wanted_mm /= 2
    raise Refused(f"{refused.reason}; rebuilt on a grid of {step_mm:.3f} mm: {last.reason}", last.where_mm)


def _at(
    source: Mesh,
    whole: Mesh,
    found: list[Shell],
    record: Record,
    step_mm: float,
    limit_mm: float,
    why: str,
    solid_mm3: float,
    wall_mm: float,
) -> Renewed:
    """The surface rebuilt with one step; Refused when the gate does not pass it."""
    mesh = rebuild(whole, step_mm)
    if not len(mesh):
        raise Refused("no point of the grid is in the matter", middle_of(whole, 0))
    more_mm3 = mesh.volume_mm3 - solid_mm3
    if abs(more_mm3) > VOLUME_SHARE * solid_mm3:
        share = more_mm3 / solid_mm3
        raise Refused(f"the volume differs by {share:+.2%} (limit {VOLUME_SHARE:.1%})", middle_of(whole, 0))
    tried = record.copy()
    _list_lost(whole, found, mesh, tried, step_mm)
    deviation = judge(
        source, whole, mesh, tried, p95_limit_mm=P95_STEPS * step_mm, max_limit_mm=limit_mm, patch_mm=step_mm
    )
    what = f"rebuilt the whole surface on a grid of {step_mm:.3f} mm, because {why}"
    where = deviation.where_mm if deviation else None
    tried.steps.append(Step(what=what, volume_mm3=more_mm3, rebuilt_mm=step_mm, where_mm=where))
    record.take(tried)
    return Renewed(mesh=mesh, step_mm=step_mm, wall_mm=wall_mm, volume_mm3=more_mm3, why=why, deviation=deviation)


def thinnest_mm(whole: Mesh, solid_mm3: float) -> float:
    """Thickness that all but :data:`_THINNER_SHARE` of the surface have, mm; walls where it crosses itself are none.

    Measured up to the mean wall, twice the volume over the area, which it is at most.
    """
    mean_mm = 2 * solid_mm3 / whole.area_mm2
    measured = walls(whole, cap_mm=2 * mean_mm, spacing_mm=max(mean_mm, float(whole.size_mm.max()) / _STEPS_A_SIDE))
    ranked = np.argsort(measured.thickness_mm)
    until = np.cumsum(measured.spread.area_mm2[ranked])
    place = int(np.searchsorted(until, _THINNER_SHARE * until[-1]))
    return float(min(measured.thickness_mm[ranked[min(place, len(ranked) - 1)]], mean_mm))


def _refuse_filling(whole: Mesh, found: list[Shell]) -> None:
    """Refused when a cavity has matter of another body in it: by the count of windings it would be filled."""
    matter = matter_of(whole)
    for shell in (s for s in found if s.volume_mm3 < 0):
        corners = shell.mesh.triangles
        void = ~matter.at(corners.mean(axis=1) + _INTO_MM * face_normals(corners))
        if np.average(void, weights=np.maximum(shell.mesh.face_areas_mm2, 1e-300)) < _OPEN_SHARE:
            raise Refused(
                f"a cavity of {-shell.volume_mm3:.3f} mm3 has another body in it; a rebuild would fill it",
                middle_of(whole, int(shell.faces[np.argmin(void)])),
            )


def _list_lost(whole: Mesh, found: list[Shell], mesh: Mesh, record: Record, step_mm: float) -> None:
    """Write down the bodies that are too small for the grid and not in the result."""
    small = [s for s in found if 0 < s.volume_mm3 < GRAIN_STEPS3 * step_mm**3]
    tree = build(mesh)
    for shell in small:
        near = nearest(tree, shell.mesh.vertices)[0] <= step_mm
        if near.all() or (winding(tree, shell.mesh.vertices) > 0).all():
            continue
        record.removed.append(shell.mesh.triangles)
        what = f"dropped a body of {shell.volume_mm3:.4f} mm3, too small for a grid of {step_mm:.3f} mm"
        where = middle_of(whole, int(shell.faces[0]))
        record.steps.append(Step(what=what, volume_mm3=-shell.volume_mm3, where_mm=where))
