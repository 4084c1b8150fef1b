"""What of two surfaces is not compared, because it was changed on purpose: what the plan declares, and nothing else.

The surface that counts is the skin of the source. Of it, and of the printed surface, these are set aside:

- surface of the source with printed or empty matter on both sides (walls between united bodies, scraps) is no skin;
  when the plan declares a repair;
- printed surface over a hole of the source has nothing to be compared with: where it is the patch that repair makes of
  this source, or as near to it as the plan says of what it rebuilt, up to the area of the patches that it declares;
- bodies and voids below the volume that the case lets go are no part of the source;
- the cavity of a hollow part is printed surface deeper inside the source than half the wall and within the box of a
  cavity that the plan declares, up to the area that it declares, so that of a hollow part the outer skin is compared;
- around the axis of a declared hole, the skin as far as the hole is wide, and the wall of the hole inside;
- of a part that was cut, its pieces stand in the case's frame as one surface; printed surface inside the source that
  lies on a declared cut, pin or pin hole, as exactly as the file says where it is;
- at the declared place of the label, around its axis, surface that is off by no more than the letters that the case
  asks for are deep, and only to the side that they change: letters cut in add nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from printprep.case import Label, Part
from printprep.geometry.bvh import Tree, build, nearest, winding
from printprep.geometry.cuts import Cut
from printprep.geometry.gate import parts_matter
from printprep.geometry.label import FLAT_MM
from printprep.geometry.matter import Matter, matter_of
from printprep.geometry.measure import Samples
from printprep.geometry.mesh import Bool, Float, Mesh
from printprep.geometry.repair import closed
from printprep.plan import Change
from printprep.prepare.label import STAGES, letters, reach_mm

DOUBT_MM = 1e-3
"""Farther off than this, a point is asked whether it counts."""
_AREA_SLACK = 1.5  # over the declared area of patches and cavities, because of sampling
_ROUND = 1.01  # a hole's polygon has the circle's area: its corners reach a little farther
_BALL = 1.5  # over a hole's radius, where the plan does not say its axis


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aside:
    """Two surfaces and what was changed on purpose between them."""

    part: Part
    printed: Mesh
    changes: tuple[Change, ...]
    cuts: tuple[Cut, ...]  # of this part
    letters: tuple[tuple[Change, Label], ...]  # what is declared to be written, and as what it was asked for
    source_tree: Tree
    printed_tree: Tree
    matter: Matter  # what the source encloses
    repaired: bool
    patch_tree: Tree | None  # of the surface that repair invents for this source
    patches: bool = True  # whether patches, and cavities, are as large as declared, so that they may be set aside
    cavities: bool = True

    def of_printed(self, points: Float, near_mm: Float) -> Bool:
        """(n,) which points of the printed surface, so far from the source, count."""
        counts = np.ones(len(points), np.bool_)
        asked = np.flatnonzero(near_mm > DOUBT_MM)
        if not len(asked):
            return counts
        points, near_mm = points[asked], near_mm[asked]
        inside = self.matter.at(points)
        aside = self._in_cavity(points, inside, near_mm) | self._on_patch(points)
        for cut in self.cuts:
            aside |= inside & cut.made(points, DOUBT_MM)
        for hole in self._declared("drain"):
            aside |= inside & self._in_hole(hole, points, wall=True)
        for written in self.letters:
            aside |= _lettered(*written, points, near_mm) & (inside == (written[1].style == "engrave"))
        counts[asked[aside]] = False
        return counts

    def of_source(self, samples: Samples, far_mm: Float) -> Bool:
        """(n,) which samples of the source, so far from the printed surface, count."""
        counts = np.ones(len(far_mm), np.bool_)
        doubtful = far_mm > DOUBT_MM
        asked = np.flatnonzero(doubtful)
        if not len(asked):
            return counts
        points, far = samples.points[asked], far_mm[asked]
        aside = np.zeros(len(asked), np.bool_)
        if self.repaired:
            aside |= ~parts_matter(self.part.mesh, self.matter, samples, doubtful)
        for hole in self._declared("drain"):
            aside |= self._in_hole(hole, points, wall=False)
        for written in self.letters:
            lettered = np.flatnonzero(_lettered(*written, points, far))
            covered = winding(self.printed_tree, points[lettered]) > 0
            aside[lettered[covered == (written[1].style == "emboss")]] = True
        counts[asked[aside]] = False
        return counts

    def bounded(self, back: Samples, near_mm: Float) -> Aside:
        """The same, with patches and cavities counted again where more of them is printed than the plan declares."""
        doubtful = np.flatnonzero(near_mm > DOUBT_MM)
        points = back.points[doubtful]

        def fits(mask: Bool, declared_mm2: float) -> bool:
            found = np.zeros(len(near_mm), np.bool_)
            found[doubtful] = mask
            share = float(found[back.even].mean()) if back.even.any() else 0.0
            return share * self.printed.area_mm2 <= _AREA_SLACK * declared_mm2

        patched_mm2 = sum(change.area_mm2 for change in self.changes if change.stage == "repair")
        patches, cavities = fits(self._on_patch(points), patched_mm2), True
        if self.part.hollow is not None:
            inside = self.matter.at(points)
            hollowed_mm2 = sum(c.area_mm2 for c in self.changes if c.stage not in ("repair", *STAGES, "split"))
            cavities = fits(self._in_cavity(points, inside, near_mm[doubtful]), hollowed_mm2)
        return replace(self, patches=patches, cavities=cavities)

    def missing(self) -> tuple[Change, ...]:
        """Declared holes and letters that are not where the plan says."""
        holes = tuple(hole for hole in self._declared("drain") if not self._opened(hole))
        return (*holes, *(change for change, label in self.letters if not self._written(change, label)))

    def _declared(self, stage: str) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.stage == stage and change.where_mm is not None)

    def _in_cavity(self, points: Float, inside: Bool, near_mm: Float) -> Bool:
        """(n,) which points are in a declared cavity, by how deep they lie and by its place."""
        placed = np.zeros(len(inside), np.bool_)
        hollow = self.part.hollow
        if hollow is None or not self.cavities:
            return placed
        for change in self.changes:
            if change.stage == "hollow" and change.box_mm is not None:
                lower, upper = np.array(change.box_mm)
                placed |= ((points >= lower - DOUBT_MM) & (points <= upper + DOUBT_MM)).all(axis=1)
        return np.asarray(placed & inside & (near_mm >= hollow.wall_mm / 2))

    def _on_patch(self, points: Float) -> Bool:
        if not self.patches or self.patch_tree is None:
            return np.zeros(len(points), np.bool_)
        rebuilt_mm = max((change.rebuilt_mm for change in self.changes if change.stage == "repair"), default=0.0)
        return np.asarray(nearest(self.patch_tree, points)[0] <= max(rebuilt_mm, DOUBT_MM))  # a file rounds, too

    def _in_hole(self, hole: Change, points: Float, *, wall: bool) -> Bool:
        """(n,) which points are within the round of a hole; with ``wall`` only those on its wall and its inner end."""
        away = points - np.array(hole.where_mm)
        radius = _radius_mm(hole)
        if hole.axis is None:
            deep_mm = 2 * radius + (self.part.hollow.wall_mm if self.part.hollow is not None else 0.0)
            return np.asarray(np.linalg.norm(away, axis=1) <= (deep_mm if wall else _BALL * radius))
        height = away @ np.array(hole.axis)
        across = np.linalg.norm(away - height[:, None] * np.array(hole.axis), axis=1)
        deep_mm = max(hole.deep_mm, radius)
        along = np.abs(height) <= deep_mm + DOUBT_MM
        skin = (across >= radius / _ROUND) | (np.abs(height) >= deep_mm - DOUBT_MM)
        return np.asarray(along & (across <= _ROUND * radius) & (skin if wall else True))

    def _opened(self, hole: Change) -> bool:
        """Whether the source has skin at the middle of a hole and the print has none: its rim is the nearest."""
        at = np.array([hole.where_mm])
        (skin_mm,), _, _ = nearest(self.source_tree, at)
        (rim_mm,), _, _ = nearest(self.printed_tree, at)
        return bool(skin_mm <= 0.5 * _radius_mm(hole) and rim_mm >= 0.8 * _radius_mm(hole))

    def _written(self, change: Change, label: Label) -> bool:
        """Whether there are letters where they are declared: a vertex that is half as far off as they are deep."""
        points = self.printed.vertices[np.unique(self.printed.faces)]
        near = np.linalg.norm(points - np.array(change.where_mm), axis=1) <= reach_mm(label) + label.depth_mm
        off_mm, _, _ = nearest(self.source_tree, points[near])
        return bool((_lettered(change, label, points[near], off_mm) & (off_mm >= label.depth_mm / 2)).any())


def _lettered(change: Change, label: Label, points: Float, off_mm: Float) -> Bool:
    """(n,) which points may be letters, by their place and how far off they are."""
    away = points - np.array(change.where_mm)
    deep_mm = label.depth_mm + FLAT_MM
    near = np.linalg.norm(away, axis=1) <= reach_mm(label) + label.depth_mm
    if change.axis is not None:
        near &= np.abs(away @ np.array(change.axis)) <= deep_mm
    return np.asarray(near & (off_mm > DOUBT_MM) & (off_mm <= deep_mm))


def aside_of(
    part: Part,
    printed: Mesh,
    changes: tuple[Change, ...],
    cuts: tuple[Cut, ...],
    label: Label | None,
    trees: tuple[Tree, Tree],
) -> Aside:
    """What is set aside between a part and what is printed of it; ``trees`` are those of the two surfaces."""
    repaired = any(change.stage == "repair" for change in changes)
    mended, patches_mm = closed(part.mesh) if repaired else (part.mesh, np.zeros((0, 3, 3)))
    return Aside(
        part=part,
        printed=printed,
        changes=changes,
        cuts=cuts,
        letters=_letters(part, changes, label),
        source_tree=trees[0],
        printed_tree=trees[1],
        matter=matter_of(mended) if repaired else Matter(trees[0]),
        repaired=repaired,
        patch_tree=build(_loose(patches_mm)) if len(patches_mm) else None,
    )


def _letters(part: Part, changes: tuple[Change, ...], label: Label | None) -> tuple[tuple[Change, Label], ...]:
    """What is declared to be written, the label and a side's mark, with what was asked for; two of a kind are none."""
    pairs = []
    for stage in STAGES:
        found = [change for change in changes if change.stage == stage and change.where_mm is not None]
        asked = letters(label, part.name, stage)
        if asked is not None and len(found) == 1:
            pairs.append((found[0], asked))
    return tuple(pairs)


def _loose(corners: Float) -> Mesh:
    """Triangles (k, 3, 3) as a mesh whose faces share no corner."""
    return Mesh(corners.reshape(-1, 3), np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3))


def _radius_mm(hole: Change) -> float:
    """Of a round hole; where the plan does not say it, from the volume and the area of its wall."""
    if hole.reach_mm > 0 or hole.area_mm2 <= 0:
        return hole.reach_mm
    return 2.0 * abs(hole.volume_mm3) / hole.area_mm2
