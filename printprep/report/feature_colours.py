"""One name and one colour for what a line is for, whichever engine wrote it."""

from __future__ import annotations

from typing import Final

COLOURS: Final[dict[str, tuple[int, int, int]]] = {
    "External perimeter": (230, 159, 0),
    "Perimeter": (240, 228, 66),
    "Overhang perimeter": (213, 94, 0),
    "Internal infill": (0, 114, 178),
    "Solid infill": (86, 180, 233),
    "Top solid infill": (153, 216, 255),
    "Bridge infill": (204, 121, 167),
    "Gap fill": (140, 86, 75),
    "Support material": (0, 158, 115),
    "Support material interface": (120, 200, 170),
    "Skirt/Brim": (120, 120, 120),
    "Wipe tower": (90, 60, 120),
    "other": (180, 180, 180),
}
"""Told apart without seeing red and green: Okabe and Ito, "Color Universal Design", 2008, and lighter ones of kin."""

_ALSO: Final[dict[str, tuple[str, ...]]] = {
    "External perimeter": ("outer wall", "wall-outer"),
    "Perimeter": ("inner wall", "wall-inner"),
    "Overhang perimeter": ("overhang wall",),
    "Internal infill": ("sparse infill", "fill", "infill"),
    "Solid infill": ("internal solid infill", "bottom surface", "skin"),
    "Top solid infill": ("top surface", "ironing"),
    "Bridge infill": ("bridge", "internal bridge", "internal bridge infill"),
    "Gap fill": ("gap infill",),
    "Support material": ("support", "raft", "support transition"),
    "Support material interface": ("support interface", "support-interface"),
    "Skirt/Brim": ("skirt", "brim"),
    "Wipe tower": ("prime tower", "prime-tower"),
}
"""By name what others write: OrcaSlicer and Bambu Studio, Cura, Slic3r."""

_NAMES: Final = {name.lower(): name for name in COLOURS} | {
    other: name for name, others in _ALSO.items() for other in others
}


def name_of(feature: str) -> str:
    """Our name of an engine's feature; ``other``: it is none that is known."""
    return _NAMES.get(feature.lower(), "other")
