"""Where no stage may drill, mark or join: the case's keep-out zones, and the other parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from printprep.geometry import bvh
from printprep.geometry.drain import Zones
from printprep.prepare.draft import Draft


def trees_of(draft: Draft) -> dict[str, bvh.Tree]:
    """A tree of the surface of each part that has one, by name."""
    return {part.name: bvh.build(part.mesh) for part in draft.parts if len(part.mesh)}


def zones_of(draft: Draft, *own: str, trees: Mapping[str, bvh.Tree] | None = None) -> Zones:
    """The case's zones and all parts but the named ones; ``trees`` of the draft spare building them again."""
    spheres = [(*zone.sphere.centre_mm, zone.sphere.radius_mm) for zone in draft.case.keep_out if zone.sphere]
    boxes = [(*zone.box.lower_mm, *zone.box.upper_mm) for zone in draft.case.keep_out if zone.box]
    if trees is None:
        trees = trees_of(replace(draft, parts=tuple(part for part in draft.parts if part.name not in own)))
    others = tuple(tree for name, tree in trees.items() if name not in own)
    return Zones(spheres=np.reshape(spheres, (-1, 4)), boxes=np.reshape(boxes, (-1, 6)), solids=others)
