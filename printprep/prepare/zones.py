"""Zones of a case: where no stage may drill, mark, join, support or cut, and which surface matters most.

A zone is a ball, a box, a whole part, or what is painted on a part. What the case keeps out of is kept free of
everything; where it is critical nothing is drilled, marked or joined, and a whole critical part is so by its own flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from printprep.casefile import Zone, ZoneKind
from printprep.geometry import bvh
from printprep.geometry.mesh import Bool, Float, Mesh
from printprep.geometry.zoned import Row, zoned
from printprep.geometry.zones import Zones
from printprep.prepare.draft import Draft, DraftPart


def trees_of(draft: Draft) -> dict[str, bvh.Tree]:
    """A tree of the surface of each part that has one, by name."""
    return {part.name: bvh.build(part.mesh) for part in draft.parts if len(part.mesh)}


def keep_out_of(draft: Draft) -> Zones:
    """The zones that the case keeps free of everything."""
    whole = keep_out_parts(draft)
    solids = tuple(bvh.tree_of(part.mesh) for part in draft.parts if part.source in whole and len(part.mesh))
    return replace(_places(draft, "keep_out"), solids=solids)


def critical_of(draft: Draft) -> Zones:
    """The places whose surface matters most, but for whole parts: those are critical themselves."""
    return _places(draft, "critical")


def keep_out_parts(draft: Draft) -> frozenset[str]:
    """The names of the parts of the case that are keep-out zones as a whole."""
    return frozenset(zone.part for zone in draft.case.keep_out if zone.part is not None)


def critical_parts(draft: Draft) -> frozenset[str]:
    """The names of the parts of the draft whose whole surface matters most."""
    return frozenset(part.name for part in draft.parts if not part.added and draft.case.part(part.source).critical)


def is_critical(draft: Draft, part: DraftPart, at_mm: Float, reach_mm: float = 0.0) -> Bool:
    """(n,) whether places on a part, (n, 3) in the case's frame, matter most, or are within a reach of what does."""
    if part.added or part.name in critical_parts(draft):
        return np.full(len(at_mm), not part.added)
    zones = critical_of(draft)
    return np.asarray(zones.gap_mm(at_mm) <= reach_mm) if zones else np.zeros(len(at_mm), np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marked:
    """A part cut along the borders of the case's zones."""

    mesh: Mesh
    source: Row  # (k,) the face of the part that each face is, or is a piece of
    keep_out: Bool  # (k,) nothing may touch it
    critical: Bool  # (k,) its quality matters most


def marked(draft: Draft, part: DraftPart) -> Marked:
    """What of a part's surface lies in zones of either kind, exactly, however coarse its triangles are."""
    whole, all_critical = part.source in keep_out_parts(draft), part.name in critical_parts(draft)
    kept = zoned(part.mesh, Zones() if whole else keep_out_of(draft))
    found = zoned(kept.mesh, Zones() if all_critical or part.added else critical_of(draft))
    return Marked(
        mesh=found.mesh,
        source=kept.source[found.source],
        keep_out=kept.inside[found.source] | whole,
        critical=found.inside | all_critical,
    )


def zones_of(draft: Draft, *own: str, trees: Mapping[str, bvh.Tree] | None = None) -> Zones:
    """Where no hole, letter or strut may be: the case's zones of both kinds and all parts but the named ones.

    A named part that is a keep-out zone as a whole is no exception. ``trees`` of the draft spare building them again.
    """
    if trees is None:
        trees = trees_of(replace(draft, parts=tuple(part for part in draft.parts if part.name not in own)))
    whole = keep_out_parts(draft)
    kept = [part for part in draft.parts if part.name in own and part.source in whole and len(part.mesh)]
    solids = (*(tree for name, tree in trees.items() if name not in own), *(bvh.tree_of(part.mesh) for part in kept))
    return replace(united(_places(draft, "keep_out"), critical_of(draft)), solids=solids)


def united(one: Zones, other: Zones) -> Zones:
    """All zones of both."""
    return Zones(
        spheres=np.concatenate([one.spheres, other.spheres]),
        boxes=np.concatenate([one.boxes, other.boxes]),
        solids=(*one.solids, *other.solids),
        surfaces=(*one.surfaces, *other.surfaces),
    )


def of_places(zones: Iterable[Zone]) -> Zones:
    """The balls and boxes among zones."""
    there = tuple(zones)
    spheres = [(*zone.sphere.centre_mm, zone.sphere.radius_mm) for zone in there if zone.sphere]
    boxes = [(*zone.box.lower_mm, *zone.box.upper_mm) for zone in there if zone.box]
    return Zones(spheres=np.reshape(spheres, (-1, 4)), boxes=np.reshape(boxes, (-1, 6)))


def _places(draft: Draft, kind: ZoneKind) -> Zones:
    """The balls, boxes and painted surfaces of one kind of zone."""
    zones = draft.case.keep_out if kind == "keep_out" else draft.case.critical
    surfaces = tuple(bvh.tree_of(painted.mesh) for painted in draft.case.painted if painted.kind == kind)
    return replace(of_places(zones), surfaces=surfaces)
