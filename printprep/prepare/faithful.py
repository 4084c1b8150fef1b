"""How far one printed part is from its source, with the changes that were asked for set aside and measured.

What is set aside, and that it is no more than the plan declares, is said in :mod:`printprep.prepare.aside`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from printprep.case import Label, Part
from printprep.geometry.bvh import build, nearest
from printprep.geometry.cuts import Cut
from printprep.geometry.deviation import Deviation
from printprep.geometry.matter import Matter
from printprep.geometry.measure import Defects, Samples, inspect, same, sample, summarise
from printprep.geometry.mend import Record
from printprep.geometry.mesh import Bool, Float, Mesh
from printprep.geometry.shape import Thickness
from printprep.geometry.shells import enclosed
from printprep.geometry.specks import drop_specks
from printprep.geometry.thickness import thickness
from printprep.geometry.weld import weld_vertices
from printprep.plan import Change, PlannedPart
from printprep.prepare.aside import Aside, aside_of
from printprep.prepare.label import STAGES, letters, most_mm3

_SAMPLES = 100_000
_SIGNED_MM = 1e-5  # nearer than a file's coordinates say, a point is neither in nor out
_EXACT_MM = 5e-6  # times the area: what rounding in a file may do to a volume
_EXACT_MM3 = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Faith:
    """What was found about one part."""

    deviation: Deviation
    defects: Defects  # of the printed mesh, self-intersections not looked for
    volume_source_mm3: float
    comparable: bool  # whether the source encloses a volume at all
    volume_mm3: float
    wished_mm3: float  # change of volume by what was asked for: cavities, holes
    exact: bool = False  # whether all that was changed has an exact volume: nothing was repaired
    missing: tuple[Change, ...] = ()  # declared holes and letters that are not there
    thickness: Thickness | None = None  # of the printed walls; None: no solid

    @property
    def volume_change_percent(self) -> float:
        """Change of volume that nobody asked for; 0 when the source encloses none."""
        return 100.0 * self.unasked_mm3 / max(self.volume_source_mm3, 1e-9)

    @property
    def unasked_mm3(self) -> float:
        """Change of volume that nobody asked for; 0 when the source encloses none."""
        return self.volume_mm3 - self.wished_mm3 - self.volume_source_mm3 if self.comparable else 0.0

    @property
    def unaccounted_mm3(self) -> float:
        """Change of volume that no declared change explains; 0.0 within rounding, or when not all are exact."""
        rounding_mm3 = _EXACT_MM3 + _EXACT_MM * self.defects.area_mm2
        return self.unasked_mm3 if self.exact and abs(self.unasked_mm3) > rounding_mm3 else 0.0


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
    part, changes = _without_specks(part), _believed(changes, part, label)
    defects = inspect(printed.mesh, self_intersections=False)
    if same(part.mesh, printed.mesh) and defects.closed:
        volume_mm3, comparable = abs(defects.volume_mm3), True
    else:
        volume_mm3, comparable = source_volume_mm3(part.mesh)
    usable = len(part.mesh) and defects.triangles and not defects.non_finite and np.isfinite(part.mesh.vertices).all()
    whole_mm = float(np.linalg.norm(np.nan_to_num(part.mesh.size_mm)))  # of a part that is not there, all is missing
    deviation = Deviation(max_mm=whole_mm, p95_mm=whole_mm, mean_mm=whole_mm, where_mm=None, samples=0)
    missing: tuple[Change, ...] = ()
    if usable:
        deviation, missing = _measured(part, printed, changes, cuts, label, has_inside=comparable and defects.closed)
    return Faith(
        deviation=deviation,
        defects=defects,
        volume_source_mm3=volume_mm3,
        comparable=comparable,
        volume_mm3=defects.volume_mm3,
        wished_mm3=sum(change.volume_mm3 for change in changes if change.stage != "repair"),
        exact=all(change.stage != "repair" for change in changes),
        missing=missing,
        thickness=thickness(printed.mesh) if defects.closed and not defects.inside_out else None,
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


def _without_specks(part: Part) -> Part:
    """The part without the bodies and voids that the case lets go."""
    if not part.drop_below_mm3 or not len(part.mesh) or not np.isfinite(part.mesh.vertices).all():
        return part
    return replace(part, mesh=drop_specks(part.mesh, part.drop_below_mm3, Record()))


def _believed(changes: tuple[Change, ...], part: Part, label: Label | None) -> tuple[Change, ...]:
    """The changes without letters that nobody asked for."""
    return tuple(c for c in changes if c.stage not in STAGES or _is_label(c, letters(label, part.name, c.stage)))


def _is_label(change: Change, label: Label | None) -> bool:
    """Whether declared letters are those asked for: letters that cannot be of so much volume are none."""
    if label is None or change.where_mm is None:
        return False
    sign = -1 if label.style == "engrave" else 1
    return 0 <= sign * change.volume_mm3 <= most_mm3(label)


def _measured(
    part: Part,
    planned: PlannedPart,
    changes: tuple[Change, ...],
    cuts: tuple[Cut, ...],
    label: Label | None,
    *,
    has_inside: bool,
) -> tuple[Deviation, tuple[Change, ...]]:
    """The deviation both ways, and declared changes that are not there."""
    source, printed = part.mesh, planned.mesh
    if same(source, printed) and not any(change.stage in ("drain", *STAGES) for change in changes):
        nothing = Deviation(max_mm=0.0, p95_mm=0.0, mean_mm=0.0, where_mm=None, samples=2 * len(source.vertices))
        return (replace(nothing, outward_mm=0.0, inward_mm=0.0) if has_inside else nothing), ()
    there, back = sample(source, _SAMPLES // 2, 0), sample(printed, _SAMPLES // 2, 1)
    trees = build(source), build(printed)
    far, _, _ = nearest(trees[1], there.points)
    near, _, _ = nearest(trees[0], back.points)
    cuts = tuple(cut for cut in cuts if planned.piece_of is not None)
    aside = aside_of(part, printed, changes, cuts, label, trees).bounded(back, near)
    counts = aside.of_source(there, far), aside.of_printed(back.points, near)
    found = summarise([(there, far, counts[0]), (back, near, counts[1])])
    if has_inside or aside.repaired:
        outward_mm, inward_mm = _both_ways(aside, (there, far, counts[0]), (back, near, counts[1]))
        found = replace(found, outward_mm=outward_mm, inward_mm=inward_mm)
    return found, aside.missing()


def _both_ways(
    aside: Aside, source: tuple[Samples, Float, Bool], printed: tuple[Samples, Float, Bool]
) -> tuple[float, float]:
    """How far the printed surface stands out of its source at most, and how far it falls short of it.

    A printed point stands out where it lies outside of the source; a point of the source was left out of the print
    where it lies outside of what is printed.
    """
    most = {True: 0.0, False: 0.0}  # by whether it stands out
    for (samples, off_mm, counts), matter, inside_is_out in (
        (source, Matter(aside.printed_tree), True),
        (printed, aside.matter, False),
    ):
        asked = np.flatnonzero(counts & (off_mm > _SIGNED_MM))
        inside = matter.at(samples.points[asked])
        for stands_out in most:
            chosen = asked[inside == (inside_is_out == stands_out)]
            if len(chosen):
                most[stands_out] = max(most[stands_out], float(off_mm[chosen].max()))
    return most[True], most[False]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """How far a part is from its source at every point, for a picture: signed mm, NaN where it is set aside."""

    source: Mesh
    printed: Mesh
    aside: Aside
    signed: bool

    def of_printed(self, points: Float) -> Float:
        """(n,) of points of the printed surface: out of the source (+), inside of it (-)."""
        off_mm, _, _ = nearest(self.aside.source_tree, points)
        counts = self.aside.of_printed(points, off_mm)
        return self._signed(points, off_mm, counts, self.aside.matter, inside=-1.0)

    def of_source(self, points: Float) -> Float:
        """(n,) of points of the source: covered by the print (+), left out of it (-)."""
        off_mm, _, _ = nearest(self.aside.printed_tree, points)
        _, face, _ = nearest(self.aside.source_tree, points)
        counts = self.aside.of_source(Samples(points, face, np.ones(len(points), np.bool_)), off_mm)
        return self._signed(points, off_mm, counts, Matter(self.aside.printed_tree), inside=1.0)

    def _signed(self, points: Float, off_mm: Float, counts: Bool, matter: Matter, *, inside: float) -> Float:
        values = off_mm.copy()
        if self.signed:
            asked = np.flatnonzero(counts & (off_mm > _SIGNED_MM))
            values[asked] *= np.where(matter.at(points[asked]), inside, -inside)
        values[~counts] = np.nan
        return values


def field_of(
    part: Part, planned: PlannedPart, changes: tuple[Change, ...], cuts: tuple[Cut, ...], label: Label | None
) -> Field | None:
    """The deviation of a part as a field, by the same rules as :func:`compare`; None where nothing differs."""
    part = _without_specks(part)
    source, printed = part.mesh, planned.mesh
    if same(source, printed) or not len(source) or not len(printed):
        return None
    changes = _believed(changes, part, label)
    cuts = tuple(cut for cut in cuts if planned.piece_of is not None)
    trees = build(source), build(printed)
    aside = aside_of(part, printed, changes, cuts, label, trees)
    back = sample(printed, _SAMPLES // 2, 1)
    aside = aside.bounded(back, nearest(trees[0], back.points)[0])
    signed = source_volume_mm3(source)[1] or aside.repaired
    return Field(source, printed, aside, signed)
