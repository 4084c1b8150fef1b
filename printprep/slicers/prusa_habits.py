"""What PrusaSlicer decides by itself: its rules and its defaults of what no profile says, for telling ahead of it.

The names behind the figures are those of its settings and of its source (2.5). What is measured was read off its G-code
for the samples that come with the tests.
"""

from __future__ import annotations

from typing import Final

LAYERS: Final = 24  # that stand for all: four times as many move the time by less than a percent
LINES: Final = 24  # of a filling that are drawn in each layer
RESOLUTION_MM: Final = 0.0125  # PrusaSlicer's gcode_resolution: outlines are simplified to it

LINE: Final = 1.125  # of the nozzle: the automatic width of a line
BRIDGE_MM_S: Final = 60.0
SMALL_MM2: Final = 70.0  # solid_infill_below_area
OVERLAP: Final = 0.25  # infill_overlap, of a line's width
FITS: Final = 0.8  # of a spacing: what room a wall needs beyond the one before it (INSET_OVERLAP_TOLERANCE)
GAP_MM_S: Final = 20.0  # gap_fill_speed
SKIN_MARGIN_MM: Final = 3.0  # EXTERNAL_INFILL_MARGIN: how far solid skins reach into the filling beside them
SKIN_WIDTHS: Final = 3.0  # lines that a solid skin is wide at least, on either side (discover_horizontal_shells)
LAYER_S: Final = 5.0  # slowdown_below_layer_time
FAR_MM: Final = 2.0  # retract_before_travel
SUPPORT_SPACING_MM: Final = 2.5
INTERFACE_LAYERS: Final = 3
FOOT_MM: Final = 3.0  # raft_first_layer_expansion: the first layer of supports, too
FOOT_DENSITY: Final = 0.9  # raft_first_layer_density
FIRST_LINE: Final = 2.0  # first_layer_extrusion_width, of its height
CLOSED_LINES: Final = 0.6  # of a line that a layer stands out beyond the one below: less needs no closed supports
CONTACT_MM: Final = 0.2  # support_material_contact_distance
TOWER_LINE: Final = 1.25  # width of a wipe tower's line over the nozzle's
MOST_LAYER: Final = 0.75  # of the nozzle, max_layer_height: the highest layer of supports
LEAST_LAYER_MM: Final = 0.07  # min_layer_height: of supports, the lowest
SUPPORT_GAP: Final = 0.5  # support_material_xy_spacing, of an outline's width

GYROID_DENSER: Final = 2.44  # PrusaSlicer's FillGyroid: lines of a wave stand this much closer than its density says
GYROID_STEPS: Final = 18  # chords a wave; measured on its G-code

GAP_PIECE_MM: Final = 3.0  # of a line in a gap, measured on its G-code

PIECE_MM: Final = 6.0  # between pieces of a filling, measured on its G-code

OUTER, INNER, SOLID, TOP, SPARSE, BRIDGE = (
    "External perimeter", "Perimeter", "Solid infill", "Top solid infill", "Internal infill", "Bridge infill",
)  # fmt: skip
SUPPORT, INTERFACE, BRIM, TOWER, GAP, TRAVEL = (
    "Support material", "Support material interface", "Skirt/Brim", "Wipe tower", "Gap fill", "travel",
)  # fmt: skip
COOLING = "cooling"  # what a layer waits, moving slower
