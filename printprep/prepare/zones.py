"""Zones of a case: where no stage may drill, mark, join, support or cut, and which surface matters most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from printprep.geometry import bvh
from printprep.geometry.mesh import Bool
from printprep.geometry.zones import Zones
from printprep.prepare.draft import Draft, DraftPart


def trees_of(draft: Draft) -> dict[str, bvh.Tree]:
    """A tree of the surface of each part that has one, by name."""
    return {part.name: bvh.build(part.mesh) for part in draft.parts if len(part.mesh)}


def keep_out_of(draft: Draft) -> Zones:
    """The zones that the case keeps free of everything."""
    spheres = [(*zone.sphere.centre_mm, zone.sphere.radius_mm) for zone in draft.case.keep_out if zone.sphere]
    boxes = [(*zone.box.lower_mm, *zone.box.upper_mm) for zone in draft.case.keep_out if zone.box]
    return Zones(spheres=np.reshape(spheres, (-1, 4)), boxes=np.reshape(boxes, (-1, 6)))


def keep_out_faces(draft: Draft, part: DraftPart) -> Bool:
    """(m,) the faces of a part that nothing may touch."""
    return keep_out_of(draft).faces(part.mesh)


def critical_faces(draft: Draft, part: DraftPart) -> Bool:
    """(m,) the faces of a part whose quality matters most: all of a critical part."""
    critical = not part.added and draft.case.part(part.source).critical
    return np.full(len(part.mesh), critical)


def zones_of(draft: Draft, *own: str, trees: Mapping[str, bvh.Tree] | None = None) -> Zones:
    """Where no hole, letter or strut may be: the case's zones and all parts but the named ones.

    ``trees`` of the draft spare building them again.
    """
    if trees is None:
        trees = trees_of(replace(draft, parts=tuple(part for part in draft.parts if part.name not in own)))
    others = tuple(tree for name, tree in trees.items() if name not in own)
    return replace(keep_out_of(draft), solids=others)
