"""PrusaSlicer's settings from our profiles.

Pure: profiles in, ``{key: text as in the engine's ini file}`` out. Units and conventions change here and only here:
the engine measures its support threshold from the horizontal, where 0 means "automatic"; printprep measures an
overhang from the vertical.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from printprep.case import Finding
from printprep.errors import ProfileError
from printprep.plan import OUT_OF_REACH, Plan, Plate, ToolLoad
from printprep.profiles.load import Profiles
from printprep.profiles.models import Fdm, FdmProcess, Material, Motion, Printer, SlicerValue
from printprep.profiles.tower import BRIM_MM
from printprep.slicers.fit import Tower
from printprep.slicers.job import check_layers, loads_of_all_tools, stripped, used_tools

ENGINE: Final = "prusaslicer"
"""The engine's name in a profile's ``[slicer.prusaslicer]``."""

FORBIDDEN: Final = frozenset(
    {
        "post_process",  # runs a program when the G-code is exported: CVE-2023-47268
        "gcode_substitutions",  # would change lines after they were checked
        "output_filename_format",
        "print_host",
        "printhost_apikey",
        "printhost_cafile",
        "printhost_password",
        "printhost_port",
        "printhost_user",
    }
)
"""Raw keys that no profile may set: they run programs, name files, or carry credentials into G-code."""

_TEXT_LISTS: Final = frozenset(
    {
        "end_filament_gcode",
        "extruder_colour",
        "filament_colour",
        "filament_notes",
        "filament_ramming_parameters",
        "filament_settings_id",
        "filament_type",
        "start_filament_gcode",
    }
)
"""Keys whose lists are of text: parted by ``;`` instead of ``,``."""

_GCODE: Final = frozenset(
    {"before_layer_gcode", "between_objects_gcode", "end_gcode", "layer_gcode", "start_gcode", "toolchange_gcode"}
)
_KEY: Final = re.compile(r"[a-z0-9_]+")
_PLAIN: Final = re.compile(r"[\w#.-]+")  # text that the engine reads without quotes
_FILAMENT_DEFAULT: Final = {
    "end_filament_gcode": "",
    "filament_notes": "",
    "filament_soluble": "0",
    "filament_type": "PLA",
    "start_filament_gcode": "",
}
"""What the engine takes for a tool whose material does not say a raw key that another material says."""


def settings(plan: Plan, plate: Plate, profiles: Profiles, tower: Tower | None = None) -> dict[str, str]:
    """Everything that is requested of PrusaSlicer for one plate.

    Parameters
    ----------
    plan, plate
        What to print.
    profiles
        Where the plan's printer, process and materials are found.
    tower
        Where a wipe tower stands; None: there is none.

    Returns
    -------
    dict
        The engine's key to the text of its value, G-code with its line ends escaped.

    Raises
    ------
    ProfileError
        The printer does not extrude, a layer is higher than its nozzle is wide, or a material is not a filament.
    """
    printer = profiles.printer(plan.printer)
    fdm, motion = printer.fdm, printer.motion
    if fdm is None or motion is None:
        raise ProfileError(f"printer {printer.id} has no [fdm] and [motion]: PrusaSlicer cannot slice for it")
    process = profiles.process(plan.process).fdm
    check_layers(plan, process, fdm)
    loads = loads_of_all_tools(plan, fdm)
    materials = [profiles.material(load.material) for load in loads]
    used = used_tools(plan, plate)
    return {
        **_machine(printer, fdm, motion),
        **_materials(loads, materials, fdm, used),
        **_process(process, plan.supports),
        **_supports(plan, plate),
        **_tower(fdm, tower),
        "interface_shells": _text(any(materials[tool].material_class == "clear" for tool in used)),
        **_raw(printer.slicer),
        **_raw_of_materials(materials),
        **_raw(process.slicer),
    }


def refused(plan: Plan, profiles: Profiles) -> tuple[Finding, ...]:
    """A finding for each forbidden raw key of the plan's profiles; :func:`settings` leaves them out."""
    return stripped(plan, profiles, ENGINE, FORBIDDEN, "for PrusaSlicer; it runs programs or carries secrets")


def _machine(printer: Printer, fdm: Fdm, motion: Motion) -> dict[str, str]:
    width_mm, depth_mm = _text(printer.bed.width_mm), _text(printer.bed.depth_mm)
    limits = {
        f"machine_max_{what}_{axis}": _text(value)
        for what, values in (
            ("feedrate", motion.max_speed_mm_s),
            ("acceleration", motion.max_acceleration_mm_s2),
            ("jerk", motion.jerk_mm_s),
        )
        for axis, value in zip("xyze", values, strict=True)
    }
    return {
        "printer_technology": "FFF",
        "gcode_flavor": printer.reads.prusaslicer,
        "bed_shape": f"0x0,{width_mm}x0,{width_mm}x{depth_mm},0x{depth_mm}",
        "max_print_height": _text(printer.bed.height_mm),
        "nozzle_diameter": _each(fdm, _text(fdm.nozzle_mm)),
        "filament_diameter": _each(fdm, _text(fdm.filament_mm)),
        "extruder_offset": _each(fdm, "0x0"),
        "retract_speed": _each(fdm, _text(fdm.retraction_mm_s)),
        "single_extruder_multi_material": _text(fdm.shared_nozzle and fdm.tools > 1),
        "single_extruder_multi_material_priming": "0",  # it would print over the bed's front edge
        "start_gcode": escape(fdm.start_gcode),
        "end_gcode": escape(fdm.end_gcode),
        "toolchange_gcode": escape(fdm.tool_change_gcode),
        "layer_gcode": "G92 E0",  # what relative extrusion needs, so that rounding does not add up
        "use_relative_e_distances": "1",
        "machine_limits_usage": "time_estimate_only",  # the firmware keeps its own
        **limits,
        "machine_max_acceleration_extruding": _text(motion.print_acceleration_mm_s2),
        "machine_max_acceleration_retracting": _text(motion.max_acceleration_mm_s2[3]),
        "machine_max_acceleration_travel": _text(motion.travel_acceleration_mm_s2),
        "default_acceleration": _text(motion.print_acceleration_mm_s2),
        "silent_mode": "0",
        "remaining_times": "0",
        "gcode_comments": "0",
        "gcode_label_objects": "0",
        "thumbnails": "",
    }


def _materials(
    loads: Sequence[ToolLoad], materials: Sequence[Material], fdm: Fdm, used: Sequence[int]
) -> dict[str, str]:
    """The lists with a value a tool."""
    filaments = []
    for material in materials:
        if material.fdm is None:
            raise ProfileError(f"material {material.id} is not a filament: it has no [fdm]")
        filaments.append(material.fdm)
    bed_c = _text(max(filaments[tool].bed_c for tool in used))  # one bed: the hottest that lies on it
    retraction_mm = [fdm.retraction_mm if f.retraction_mm is None else f.retraction_mm for f in filaments]
    lists: dict[str, Sequence[SlicerValue]] = {
        "temperature": [f.nozzle_c for f in filaments],
        "first_layer_temperature": [f.nozzle_first_layer_c for f in filaments],
        "bed_temperature": [bed_c] * fdm.tools,
        "first_layer_bed_temperature": [bed_c] * fdm.tools,
        "filament_max_volumetric_speed": [f.max_flow_mm3_s for f in filaments],
        "retract_length": retraction_mm,
        "retract_length_toolchange": retraction_mm,
        "start_filament_gcode": [""] * fdm.tools,
        "end_filament_gcode": [""] * fdm.tools,
        "max_fan_speed": [round(f.fan_percent) for f in filaments],
        "min_fan_speed": [round(f.fan_percent) for f in filaments],
        "bridge_fan_speed": [round(max(f.fan_percent, 50.0)) for f in filaments],
        "fan_always_on": [f.fan_percent > 0 for f in filaments],
        "cooling": [True] * fdm.tools,
        "filament_density": [m.density_g_cm3 for m in materials],
        "filament_cost": [float(m.price_per_kg) for m in materials],
        "filament_colour": ["#{:02X}{:02X}{:02X}".format(*load.colour) for load in loads],
        "filament_soluble": [m.material_class == "soluble" for m in materials],
        # the engine adds it to its time for each change of tool
        "filament_load_time": [fdm.tool_change_s] * fdm.tools,
        "filament_unload_time": [0.0] * fdm.tools,
        "filament_minimal_purge_on_wipe_tower": [min(15.0, fdm.purge_mm3)] * fdm.tools,
    }
    return {key: _list(key, [_text(value) for value in values]) for key, values in lists.items()}


def _process(process: FdmProcess, supports: bool) -> dict[str, str]:
    solid = process.infill_percent >= 100  # other patterns are refused at 100 %
    return {
        "layer_height": _text(process.layer_height_mm),
        "first_layer_height": _text(process.first_layer_height_mm),
        "perimeters": _text(process.perimeters),
        "perimeter_generator": "classic",  # arachne gives other bytes on every run, even on one processor
        "top_solid_layers": _text(process.top_layers),
        "bottom_solid_layers": _text(process.bottom_layers),
        "fill_density": f"{_text(process.infill_percent)}%",
        "fill_pattern": "rectilinear" if solid else process.infill_pattern,
        "perimeter_speed": _text(process.perimeter_mm_s),
        "external_perimeter_speed": _text(process.external_perimeter_mm_s),
        "small_perimeter_speed": _text(process.external_perimeter_mm_s),
        "infill_speed": _text(process.infill_mm_s),
        "solid_infill_speed": _text(process.infill_mm_s),
        "top_solid_infill_speed": _text(process.external_perimeter_mm_s),
        "support_material_speed": _text(process.perimeter_mm_s),
        "travel_speed": _text(process.travel_mm_s),
        "first_layer_speed": _text(process.first_layer_mm_s),
        "brim_width": _text(process.brim_mm),
        "brim_type": "outer_only" if process.brim_mm > 0 else "no_brim",
        "skirts": "0",  # the start G-code purges; a skirt would run over clips and the bed's edge
        "support_material": _text(supports),
        "support_material_auto": "1",
        "support_material_threshold": _text(threshold_from_horizontal_deg(process.overhang_angle_deg)),
        "clip_multipart_objects": "1",  # where volumes overlap the later one wins
        "complete_objects": "0",
    }


def _supports(plan: Plan, plate: Plate) -> dict[str, str]:
    """Which tools lay the supports, and how closely they follow where they were asked for.

    What dissolves is laid without a gap, and beside a wipe tower the engine demands that it keeps to the layers of the
    part. In the style "grid" supports spread up to 3 mm into what a blocker keeps free; "snug" keeps to its edge.
    """
    blocked = any(
        zone.kind == "block" and zone.why != OUT_OF_REACH and zone.part in plate.parts for zone in plan.support_zones
    )
    own = {
        "support_material_extruder": "0",  # 0: whichever tool is in use; a wipe tower demands it
        "support_material_interface_extruder": "0",
        "support_material_style": "snug" if blocked else "grid",
    }
    if plan.support_tool is None or not plan.supports:
        return own
    return own | {
        "support_material_interface_extruder": str(plan.support_tool + 1),
        "support_material_contact_distance": "0",
        "support_material_synchronize_layers": "1",
    }


def _tower(fdm: Fdm, tower: Tower | None) -> dict[str, str]:
    if tower is None:
        return {"wipe_tower": "0"}
    purge = _text(fdm.purge_mm3)
    matrix = ["0" if a == b else purge for a in range(fdm.tools) for b in range(fdm.tools)]
    return {
        "wipe_tower": "1",
        "wipe_tower_x": _text(round(tower.x_mm, 3)),
        "wipe_tower_y": _text(round(tower.y_mm, 3)),
        "wipe_tower_width": _text(tower.size.width_mm),
        "wipe_tower_brim_width": _text(BRIM_MM),
        "wipe_tower_rotation_angle": "0",
        "wiping_volumes_matrix": ",".join(matrix),
        "wiping_volumes_extruders": ",".join([_text(fdm.purge_mm3 / 2)] * (2 * fdm.tools)),
    }


def threshold_from_horizontal_deg(overhang_angle_deg: float) -> int:
    """The engine's support threshold, whole degrees from the horizontal, for an overhang from the vertical.

    Rounded towards more support. Never 0, which the engine takes as "automatic".
    """
    return min(90, max(1, math.ceil(90.0 - overhang_angle_deg)))


def escape(gcode: str) -> str:
    """G-code on one line of an ini file."""
    return gcode.strip("\n").replace("\\", "\\\\").replace("\n", "\\n")


def _raw(slicer: Mapping[str, Mapping[str, SlicerValue]]) -> dict[str, str]:
    """A profile's own keys for this engine, without the forbidden ones."""
    own = slicer.get(ENGINE, {})
    return {k: escape(_text(v)) if k in _GCODE else _text(v) for k, v in own.items() if k not in FORBIDDEN}


def _raw_of_materials(materials: Sequence[Material]) -> dict[str, str]:
    """The raw keys of the loaded materials as lists, a value a tool."""
    raw = [_raw(material.fdm.slicer) if material.fdm else {} for material in materials]
    keys = sorted({key for own in raw for key in own})
    lists: dict[str, str] = {}
    for key in keys:
        default = _FILAMENT_DEFAULT.get(key)
        silent = [m.id for m, own in zip(materials, raw, strict=True) if key not in own]
        if silent and default is None:
            raise ProfileError(
                f"material {silent[0]} must set {key} in [fdm.slicer.{ENGINE}], since another loaded material does"
            )
        lists[key] = _list(key, [own.get(key, default or "") for own in raw])
    return lists


def _each(fdm: Fdm, value: str) -> str:
    return ",".join([value] * fdm.tools)


def _list(key: str, values: Sequence[str]) -> str:
    if key not in _TEXT_LISTS:
        return ",".join(values)
    return ";".join(value if _PLAIN.fullmatch(value) else f'"{_quoted(value)}"' for value in values)


def _quoted(text: str) -> str:
    return escape(text).replace('"', '\\"')


def _text(value: SlicerValue) -> str:
    """A value as the engine's ini file writes it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def to_ini(requested: Mapping[str, str]) -> str:
    """The engine's ini file.

    Raises
    ------
    ProfileError
        A key that is no plain word, or a value of more than one line: it would smuggle in a line of its own, and with
        it a key of :data:`FORBIDDEN`.
    """
    for key, value in requested.items():
        if not _KEY.fullmatch(key) or "\n" in value or "\r" in value:
            raise ProfileError(
                f"the raw setting {key!r} for {ENGINE} is refused: a key is a word of a-z, 0-9 and _, and a value "
                "stands on one line; correct the profile"
            )
    return "".join(f"{key} = {value}\n" for key, value in requested.items())
