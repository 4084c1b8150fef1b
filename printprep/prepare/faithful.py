"""How far one printed part is from its source, with the changes that were asked for set aside and measured.

The surface that counts is the skin of the source: where a point of one surface has no counterpart for a declared
reason, it is left out, and only then:

- surface of the source with printed or empty matter on both sides (walls between united bodies, scraps) is no skin;
  left out when the plan declares a repair;
- printed surface over a hole of the source has nothing to be compared with: where it is the patch that repair makes of
  this source, or as near to it as the plan says of what it rebuilt, it is left out, up to the area of the patches
  that the plan declares;
- the cavity of a hollow part is printed surface deeper inside the source than half the wall; left out when the plan
  declares a cavity, so that of a hollow part the outer skin is compared;
- around the declared place of a drain hole, both surfaces end;
- of a part that was cut, its pieces stand in the case's frame as one surface; printed surface inside the source that
  lies on a declared cut, pin or pin hole, as exactly as the file says where it is, is left out;
- bodies and voids below the volume that the case lets go are no part of the source;
- around the declared place of the label, both surfaces may be apart by the depth of letters that the case asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from printprep.case import Label, Part
from printprep.geometry.bvh import Tree, build, nearest, winding
from printprep.geometry.cuts import Cut
from printprep.geometry.deviation import Deviation
from printprep.geometry.gate import ON_MM, matter_of, on_triangles, parts_matter
from printprep.geometry.label import FLAT_MM
from printprep.geometry.measure import Defects, Samples, inspect, same, sample, summarise
from printprep.geometry.mend import Record
from printprep.geometry.mesh import Bool, Float, Mesh
from printprep.geometry.repair import closed
from printprep.geometry.shells import enclosed
from printprep.geometry.specks import drop_specks
from printprep.geometry.weld import weld_vertices
from printprep.plan import Change, PlannedPart
from printprep.prepare.label import most_mm3, reach_mm

_SAMPLES = 100_000
_DOUBT_MM = 1e-3  # farther off than this, a point is asked whether it counts
_PATCH_SLACK = 1.5  # over the declared area of patches, because of sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Faith:
    """What was found about one part."""

    deviation: Deviation
    defects: Defects  # of the printed mesh, self-intersections not looked for
    volume_source_mm3: float
    comparable: bool  # whether the source encloses a volume at all
    volume_mm3: float
    wished_mm3: float  # change of volume by what was asked for: cavities, holes

    @property
    def volume_change_percent(self) -> float:
        """Change of volume that nobody asked for; 0 when the source encloses none."""
        if not self.comparable:
            return 0.0
        unasked_mm3 = self.volume_mm3 - self.wished_mm3 - self.volume_source_mm3
        return 100.0 * unasked_mm3 / max(self.volume_source_mm3, 1e-9)


def compare(
    part: Part,
    printed: PlannedPart,
    changes: tuple[Change, ...],
    cuts: tuple[Cut, ...] = (),
    label: Label | None = None,
) -> Faith:
    """Measure ``printed`` (in the case's frame, its pieces as one) against the mesh of ``part`` as it came.

    ``cuts`` are what the plan declares, ``label`` is what was asked.
    """
    if part.drop_below_mm3 and len(part.mesh) and np.isfinite(part.mesh.vertices).all():
        part = replace(part, mesh=drop_specks(part.mesh, part.drop_below_mm3, Record()))
    changes = tuple(change for change in changes if change.stage != "label" or _is_label(change, label))
    defects = inspect(printed.mesh, self_intersections=False)
    if same(part.mesh, printed.mesh) and defects.closed:
        volume_mm3, comparable = abs(defects.volume_mm3), True
    else:
        volume_mm3, comparable = source_volume_mm3(part.mesh)
    usable = len(part.mesh) and defects.triangles and not defects.non_finite and np.isfinite(part.mesh.vertices).all()
    whole_mm = float(np.linalg.norm(np.nan_to_num(part.mesh.size_mm)))  # of a part that is not there, all is missing
    nothing = Deviation(max_mm=whole_mm, p95_mm=whole_mm, mean_mm=whole_mm, where_mm=None, samples=0)
    return Faith(
        deviation=_deviation(part, printed, changes, cuts, label) if usable else nothing,
        defects=defects,
        volume_source_mm3=volume_mm3,
        comparable=comparable,
        volume_mm3=defects.volume_mm3,
        wished_mm3=sum(change.volume_mm3 for change in changes if change.stage != "repair"),
    )


def source_volume_mm3(mesh: Mesh) -> tuple[float, bool]:
    """Volume that a source encloses once or more, and whether it encloses one: (0.0, False) when it is not closed."""
    found = inspect(weld_vertices(mesh), self_intersections=False)
    if not found.closed:
        return 0.0, False
    columns = enclosed(mesh)
    if found.volume_mm3 > 0 and abs(columns.signed_mm3 - columns.solid_mm3) > 1e-6 * columns.solid_mm3:
        return columns.solid_mm3, True  # bodies that overlap: the surface alone would count them twice
    return abs(found.volume_mm3), True


def _deviation(
    part: Part, planned: PlannedPart, changes: tuple[Change, ...], cuts: tuple[Cut, ...], label: Label | None
) -> Deviation:
    source, printed = part.mesh, planned.mesh
    cuts = tuple(cut for cut in cuts if planned.piece_of is not None)
    if same(source, printed):  # number by number: nothing to measure
        return Deviation(max_mm=0.0, p95_mm=0.0, mean_mm=0.0, where_mm=None, samples=2 * len(source.vertices))
    there, back = sample(source, _SAMPLES // 2, 0), sample(printed, _SAMPLES // 2, 1)
    source_tree, printed_tree = build(source), build(printed)
    far, _, _ = nearest(printed_tree, there.points)
    near, _, _ = nearest(source_tree, back.points)
    counts_there, counts_back = np.ones(len(far), np.bool_), np.ones(len(near), np.bool_)
    doubtful = far > _DOUBT_MM, near > _DOUBT_MM
    repaired = any(change.stage == "repair" for change in changes) and (doubtful[0].any() or doubtful[1].any())
    if repaired or cuts or part.hollow is not None:  # else nothing may be set aside, or nothing needs to be
        mended, patches_mm = closed(source) if repaired else (source, np.zeros((0, 3, 3)))
        matter = matter_of(mended)
        if repaired:
            counts_there[doubtful[0]] = parts_matter(source, matter, there, doubtful[0])
            counts_back &= ~_patched(printed, changes, patches_mm, back, doubtful[1])
        _set_aside_cuts(cuts, matter, back, counts_back, doubtful[1])
        _set_aside_cavity(part, changes, matter, (there, counts_there, far), (back, counts_back, near))
    _set_aside_label(changes, label, (there, counts_there, far), (back, counts_back, near))
    return summarise([(there, far, counts_there), (back, near, counts_back)])


def _is_label(change: Change, label: Label | None) -> bool:
    """Whether a declared label is the one asked for: letters that cannot be of so much volume are none."""
    if label is None or label.style not in ("engrave", "emboss") or change.where_mm is None:
        return False
    sign = -1 if label.style == "engrave" else 1
    return 0 <= sign * change.volume_mm3 <= most_mm3(label)


def _set_aside_label(changes: tuple[Change, ...], label: Label | None, *sides: tuple[Samples, Bool, Float]) -> None:
    """Leave out what lies within the letters' depth at the place of the label; changes the masks."""
    places = [change.where_mm for change in changes if change.stage == "label"]
    if label is None or len(places) != 1:
        return
    for samples, counts, distance in sides:
        near = np.linalg.norm(samples.points - np.array(places[0]), axis=1) <= reach_mm(label) + label.depth_mm
        counts &= ~(near & (distance > _DOUBT_MM) & (distance <= label.depth_mm + FLAT_MM))


def _patched(printed: Mesh, changes: tuple[Change, ...], patches_mm: Float, back: Samples, doubtful: Bool) -> Bool:
    """(n,) which samples of the printed surface lie on patches; none when that is more than the plan declares."""
    patched = np.zeros(len(doubtful), np.bool_)
    declared_mm2 = sum(change.area_mm2 for change in changes if change.stage == "repair")
    if declared_mm2 > 0:
        near_mm = max(change.rebuilt_mm for change in changes if change.stage == "repair")
        patched[doubtful] = on_triangles(back.points[doubtful], patches_mm, within_mm=max(near_mm, ON_MM))
        share = float(patched[back.even].mean()) if back.even.any() else 0.0
        if share * printed.area_mm2 > _PATCH_SLACK * declared_mm2:
            patched[:] = False
    return patched


def _set_aside_cuts(cuts: tuple[Cut, ...], matter: Tree, back: Samples, counts: Bool, doubtful: Bool) -> None:
    """Leave out the faces that declared cuts and pins made inside the source; changes the mask."""
    asked = np.flatnonzero(counts & doubtful)
    made = np.zeros(len(asked), np.bool_)
    for cut in cuts:
        made |= cut.made(back.points[asked], _DOUBT_MM)
    asked = asked[made]
    counts[asked[winding(matter, back.points[asked]) > 0]] = False


def _set_aside_cavity(
    part: Part,
    changes: tuple[Change, ...],
    matter: Tree,
    there: tuple[Samples, Bool, Float],
    back: tuple[Samples, Bool, Float],
) -> None:
    """Leave out the cavity and the drain holes of a hollow part that the plan declares; changes the masks."""
    if part.hollow is None:
        return
    wall_mm, diameter_mm = part.hollow.wall_mm, part.hollow.drain_diameter_mm
    samples, counts, near = back
    doubtful = np.flatnonzero(counts & (near > _DOUBT_MM))
    inside = np.zeros(len(counts), np.bool_)
    inside[doubtful] = winding(matter, samples.points[doubtful]) > 0
    if any(change.stage == "hollow" for change in changes):
        counts &= ~(inside & (near >= wall_mm / 2))
    for change in changes:
        if change.stage != "drain" or change.where_mm is None:
            continue
        at = np.array(change.where_mm)
        counts &= ~(inside & (np.linalg.norm(samples.points - at, axis=1) <= diameter_mm + wall_mm))
        skin, counts_there, _ = there
        counts_there &= np.linalg.norm(skin.points - at, axis=1) > diameter_mm
