"""One way up and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TOUCH_MM2: Final = 0.5
"""Contact with a keep-out zone that is more than rounding at its border."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """One way up and what it costs."""

    up: tuple[float, float, float]  # unit, in the mesh's frame: what will point away from the bed
    plain: int  # 0 as it came or as asked, 1 an axis, 2 a facet, 3 and on the sphere's sets from coarse to fine
    score: float  # less is better
    terms: dict[str, float]  # each 0 to 1
    overhang_mm2: float  # surface that hangs over
    support_mm3: float
    marked_mm2: float  # surface that supports touch: what they hold and what they stand on
    contact_mm2: float  # shadow of what lies on the bed
    lift_mm: float  # how high supports carry it; 0: it stands on the bed
    height_mm: float
    tip_deg: float  # lean at which it tips, standing on the bed alone
    held_deg: float  # the same with its supports
    critical_mm2: float  # critical surface that supports or the bed touch
    cusp_um: float  # mean height of the steps on critical surface
    keep_out_mm2: float  # surface in keep-out zones that supports or the bed touch; 0 if it is but rounding
    layer_mm2: float  # largest layer
    mean_layer_mm2: float
    cups: int
    cup_mm2: float

    @property
    def tips(self) -> bool:
        """Whether it tips over even with its supports."""
        return self.held_deg <= 0.0

    @property
    def touches(self) -> bool:
        """Whether a keep-out zone is touched."""
        return self.keep_out_mm2 > 0.0
