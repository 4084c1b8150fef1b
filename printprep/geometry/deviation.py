"""How far two surfaces are apart, as figures; :mod:`printprep.geometry.measure` finds them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """Two-way distance between two surfaces, mm."""

    max_mm: float
    p95_mm: float
    mean_mm: float
    where_mm: tuple[float, float, float] | None  # of the maximum; None when the surfaces are the same
    samples: int
    outward_mm: float | None = None  # of what stands out of the surface asked for; None: it has no inside
    inward_mm: float | None = None  # of what is missing from it, as a size too
