"""Where no stage may drill, mark or join: the case's keep-out zones, and the other parts."""

from __future__ import annotations

import numpy as np

from printprep.geometry import bvh
from printprep.geometry.drain import Zones
from printprep.prepare.draft import Draft


def zones_of(draft: Draft, *own: str) -> Zones:
    """The case's zones and all parts but the named ones."""
    spheres = [(*zone.sphere.centre_mm, zone.sphere.radius_mm) for zone in draft.case.keep_out if zone.sphere]
    boxes = [(*zone.box.lower_mm, *zone.box.upper_mm) for zone in draft.case.keep_out if zone.box]
    others = tuple(bvh.build(other.mesh) for other in draft.parts if other.name not in own and len(other.mesh))
    return Zones(spheres=np.reshape(spheres, (-1, 4)), boxes=np.reshape(boxes, (-1, 6)), solids=others)
