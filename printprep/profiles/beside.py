"""What an engine draws outside of the outline of a body: the brim is asked for, supports reach by themselves."""

from __future__ import annotations

from typing import Final

from printprep.profiles.models import FdmProcess

SIDEWAYS_MM: Final = 1.5
"""Beyond the overhang that they hold, as PrusaSlicer and Slic3r lay them (their SUPPORT_MATERIAL_MARGIN)."""

FOOT_MM: Final = 3.0
"""By which the first layer of PrusaSlicer's supports is wider, unless a profile says ``raft_first_layer_expansion``."""

SPACING_MM: Final = 2.5
"""Between lines of support, unless a profile says ``support_material_spacing``; in a grid they end on whole cells."""


def supports_reach_mm(process: FdmProcess) -> float:
    """How far supports reach beyond the overhang that they hold, on the bed, where they are widest."""
    own = process.slicer.get("prusaslicer", {})
    return SIDEWAYS_MM + float(own.get("raft_first_layer_expansion", FOOT_MM)) + _spacing_mm(own)


def _spacing_mm(own: dict[str, str | int | float | bool]) -> float:
    return float(own.get("support_material_spacing", SPACING_MM))
