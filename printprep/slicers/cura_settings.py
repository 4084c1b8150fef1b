"""CuraEngine's settings from our profiles.

Pure: profiles in, values by key out, for all tools and for each. What is not said here follows by the formulas of
Cura's definitions (:mod:`printprep.slicers.cura_definitions`). Cura measures its support angle as printprep does,
from the vertical. It knows no limit of flow, so speeds are held to what each material's flow allows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from printprep.case import Finding
from printprep.errors import ProfileError
from printprep.profiles.models import Fdm, FdmMaterial, FdmProcess, Material, Motion
from printprep.profiles.tower import CLEARANCE_MM, TowerSize
from printprep.slicers.cura_definitions import Definitions, Value, complete
from printprep.slicers.fit import Tower
from printprep.slicers.job import Job, check_layers, loads_of_all_tools, stripped

ENGINE: Final = "curaengine"
"""The engine's name in a profile's ``[slicer.curaengine]``."""

OURS: Final = frozenset(
    {
        "machine_start_gcode",  # the profile says them once for all engines
        "machine_end_gcode",
        "machine_extruder_start_code",
        "machine_extruder_end_code",
        "machine_extruder_count",
        "machine_center_is_zero",  # where things stand is the plan's
        "center_object",
        "mesh_position_x",
        "mesh_position_y",
        "mesh_position_z",
        "extruder_nr",
        "print_sequence",
        "relative_extrusion",
        "machine_gcode_flavor",
    }
)
"""Raw keys that no profile may set: where the plan's parts stand, and how the file is written."""

PATTERNS: Final = {
    "line": "lines",
    "rectilinear": "zigzag",
    "alignedrectilinear": "zigzag",
    "grid": "grid",
    "triangles": "triangles",
    "stars": "trihexagon",
    "cubic": "cubic",
    "adaptivecubic": "cubicsubdiv",
    "concentric": "concentric",
    "gyroid": "gyroid",
    "lightning": "lightning",
}
"""Cura's infill patterns by the profiles' names, which are PrusaSlicer's."""

TOWER_LEAST_MM: Final = 20.0  # Cura's own: a thinner tower tips over
TOWER_SPARE: Final = 1.15  # of its section: whole lines, and the rings' inner ends
GAP_MM: Final = 0.2  # between a support and a part, as PrusaSlicer leaves
INTERFACE_LAYERS: Final = 3  # as PrusaSlicer lays


def cura_tower(fdm: Fdm, process: FdmProcess, tools: int) -> TowerSize | None:
    """The round tower for a plate on which ``tools`` tools print: each lays its purge in a ring of its own."""
    if tools < 2 or not (fdm.shared_nozzle or fdm.purge_mm3 > 0):
        return None
    section_mm2 = TOWER_SPARE * tools * fdm.purge_mm3 / min(process.layer_height_mm, process.first_layer_height_mm)
    across_mm = max(TOWER_LEAST_MM, math.ceil(2.0 * math.sqrt(section_mm2 / math.pi)))
    brim_mm = max(0.0, process.brim_mm - CLEARANCE_MM / 2.0)  # the tower stands on the plate's brim
    return TowerSize(width_mm=across_mm + 2.0 * brim_mm, depth_mm=across_mm + 2.0 * brim_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """What is requested of CuraEngine for one plate."""

    common: Mapping[str, Value]  # every setting, for all tools
    tools: tuple[Mapping[str, Value], ...]  # every setting, for each tool that prints
    said: frozenset[str]  # keys that profiles or the plan said; the others follow by Cura's formulas


def settings(job: Job, definitions: Definitions) -> Requested:
    """Everything that is requested of CuraEngine for one plate.

    Raises
    ------
    ProfileError
        A layer is higher than the nozzle is wide, a material is not a filament, the infill pattern is not Cura's, or a
        raw key is unknown to Cura or has a value of another type.
    """
    check_layers(job.plan, job.process, job.fdm)
    loads = loads_of_all_tools(job.plan, job.fdm)
    materials = [job.profiles.material(loads[tool].material) for tool in job.tools]
    bed_c = max(_filament(material).bed_c for material in materials)
    raw = {**_raw(job.printer.slicer), **_raw(job.process.slicer)}
    common = {
        **_machine(job, bed_c),
        **_process(job.process),
        **_supports(job),
        **_tower(job),
        **raw,
    }
    tools = [
        {**_material(material, job), **_soluble(material, tool, job), **_raw(_filament(material).slicer)}
        for tool, material in zip(job.tools, materials, strict=True)
    ]
    for key in sorted(raw.keys() & tools[0].keys()):
        for one in tools:  # a process has the last word, as it has for the other engines
            one[key] = raw[key]
    whole, each = complete(definitions, common, tools)
    return Requested(common=whole, tools=tuple(each), said=frozenset({*common, *(key for one in tools for key in one)}))


def left_out(job: Job) -> tuple[Finding, ...]:
    """A finding for each raw key that is printprep's own to say; :func:`settings` leaves them out."""
    return stripped(job.plan, job.profiles, ENGINE, OURS, "for CuraEngine; where parts stand is the plan's,")


def _raw(slicer: Mapping[str, Mapping[str, str | int | float | bool]]) -> dict[str, Value]:
    return {key: value for key, value in slicer.get(ENGINE, {}).items() if key not in OURS}


def _filament(material: Material) -> FdmMaterial:
    if material.fdm is None:
        raise ProfileError(f"material {material.id} is not a filament: it has no [fdm]")
    return material.fdm


def _machine(job: Job, bed_c: float) -> dict[str, Value]:
    bed, fdm, motion = job.printer.bed, job.fdm, job.printer.motion
    assert motion is not None, "an extruding printer has it"
    return {
        "machine_width": bed.width_mm,
        "machine_depth": bed.depth_mm,
        "machine_height": bed.height_mm,
        "machine_center_is_zero": False,
        "center_object": False,
        "machine_gcode_flavor": job.printer.reads.cura,
        "machine_extruder_count": len(job.tools),
        "extruders_enabled_count": len(job.tools),
        "machine_extruders_share_heater": fdm.shared_nozzle,
        "machine_extruders_share_nozzle": fdm.shared_nozzle,
        "machine_nozzle_size": fdm.nozzle_mm,
        "machine_start_gcode": "",
        "machine_end_gcode": "",
        "material_bed_temp_prepend": False,
        "material_print_temp_prepend": False,
        "material_bed_temp_wait": False,
        "material_print_temp_wait": False,
        "material_bed_temperature": bed_c,
        "material_bed_temperature_layer_0": bed_c,
        "relative_extrusion": True,
        "print_sequence": "all_at_once",
        **_limits(motion),
    }


def _limits(motion: Motion) -> dict[str, Value]:
    """What the engine times its moves by; the firmware keeps its own."""
    return {
        **{f"machine_max_feedrate_{axis}": v for axis, v in zip("xyze", motion.max_speed_mm_s, strict=True)},
        **{
            f"machine_max_acceleration_{axis}": v for axis, v in zip("xyze", motion.max_acceleration_mm_s2, strict=True)
        },
        "machine_acceleration": motion.print_acceleration_mm_s2,
        "machine_max_jerk_xy": motion.jerk_mm_s[0],
        "machine_max_jerk_z": motion.jerk_mm_s[2],
        "machine_max_jerk_e": motion.jerk_mm_s[3],
        "acceleration_enabled": False,
        "jerk_enabled": False,
    }


def _process(process: FdmProcess) -> dict[str, Value]:
    solid = process.infill_percent >= 100
    pattern = "line" if solid else process.infill_pattern
    if pattern not in PATTERNS:
        raise ProfileError(
            f"CuraEngine has no infill pattern {pattern!r}; it has those that the profiles call "
            f"{', '.join(sorted(PATTERNS))}: correct infill_pattern, or slice with PrusaSlicer"
        )
    return {
        "layer_height": process.layer_height_mm,
        "layer_height_0": process.first_layer_height_mm,
        "wall_line_count": process.perimeters,
        "top_layers": process.top_layers,
        "bottom_layers": process.bottom_layers,
        "initial_bottom_layers": process.bottom_layers,
        "infill_sparse_density": process.infill_percent,
        "infill_pattern": PATTERNS[pattern],
        "fill_outline_gaps": True,  # walls thinner than a line are printed, not dropped
        "adhesion_type": "brim" if process.brim_mm > 0 else "none",
        "brim_width": process.brim_mm,
        "brim_outside_only": True,
        "skirt_brim_minimal_length": 0.0,  # a brim as wide as was asked for, not longer around small parts
        "multiple_mesh_overlap": 0.0,  # parts stand where they stand
        "carve_multiple_volumes": True,
        "alternate_carve_order": False,
        "retraction_hop_enabled": False,
        "retraction_hop_after_extruder_switch": False,
        "speed_slowdown_layers": 1,
        "support_angle": process.overhang_angle_deg,
    }


def _material(material: Material, job: Job) -> dict[str, Value]:
    """What differs from tool to tool."""
    filament, fdm = _filament(material), job.fdm
    retraction_mm = fdm.retraction_mm if filament.retraction_mm is None else filament.retraction_mm
    return {
        "material_diameter": fdm.filament_mm,
        "material_print_temperature": filament.nozzle_c,
        "material_print_temperature_layer_0": filament.nozzle_first_layer_c,
        "material_initial_print_temperature": filament.nozzle_c,
        "material_final_print_temperature": filament.nozzle_c,
        "material_standby_temperature": filament.nozzle_c,
        "retraction_amount": retraction_mm,
        "retraction_speed": fdm.retraction_mm_s,
        "switch_extruder_retraction_amount": retraction_mm,
        "switch_extruder_retraction_speeds": fdm.retraction_mm_s,
        "cool_fan_enabled": filament.fan_percent > 0,
        "cool_fan_speed": filament.fan_percent,
        "cool_fan_speed_0": 0.0,
        **_speeds(job.process, fdm, filament),
    }


def _speeds(process: FdmProcess, fdm: Fdm, filament: FdmMaterial) -> dict[str, Value]:
    """Speeds in mm/s, none faster than the material flows through a line of the nozzle's width."""
    most_mm_s = filament.max_flow_mm3_s / (fdm.nozzle_mm * process.layer_height_mm)
    first_mm_s = filament.max_flow_mm3_s / (fdm.nozzle_mm * process.first_layer_height_mm)
    outer, inner, infill = (
        min(speed, most_mm_s)
        for speed in (process.external_perimeter_mm_s, process.perimeter_mm_s, process.infill_mm_s)
    )
    return {
        "speed_print": infill,
        "speed_infill": infill,
        "speed_wall": inner,
        "speed_wall_0": outer,
        "speed_wall_x": inner,
        "speed_topbottom": infill,
        "speed_roofing": outer,
        "speed_support": inner,
        "speed_support_interface": inner,
        "speed_prime_tower": inner,
        "speed_travel": process.travel_mm_s,
        "speed_layer_0": min(process.first_layer_mm_s, first_mm_s),
        "speed_travel_layer_0": process.travel_mm_s,
        "skirt_brim_speed": min(process.first_layer_mm_s, first_mm_s),
    }


def _supports(job: Job) -> dict[str, Value]:
    """Supports go down to the bed or to the part, by the tool that prints most, next to a part by a soluble one."""
    if not job.plan.supports:
        return {"support_enable": False}
    volume_mm3 = {
        tool: sum(abs(job.meshes[part.name].volume_mm3) for part in job.parts if part.tool == tool)
        for tool in job.tools
    }
    body = job.tools.index(max(job.tools, key=lambda tool: volume_mm3[tool]))
    beside = body if job.plan.support_tool is None else job.tools.index(job.plan.support_tool)
    return {
        "support_enable": True,
        "support_type": "everywhere",
        "support_extruder_nr": body,
        "support_interface_extruder_nr": beside,
        "support_interface_enable": True,
        "support_interface_height": INTERFACE_LAYERS * job.process.layer_height_mm,
        "support_z_distance": 0.0 if job.plan.support_tool is not None else GAP_MM,
        "adhesion_extruder_nr": body,
    }


def _soluble(material: Material, tool: int, job: Job) -> dict[str, Value]:
    if tool != job.plan.support_tool or material.material_class != "soluble":
        return {}
    return {"support_interface_density": 100.0}


def _tower(job: Job) -> dict[str, Value]:
    """The tower's place; Cura names its corner at the right, in front."""
    if job.tower is None:
        return {"prime_tower_enable": False}
    across_mm = tower_across_mm(job.tower, job.process)
    beside_mm = (job.tower.size.width_mm - across_mm) / 2.0
    return {
        "prime_tower_enable": True,
        "prime_tower_size": across_mm,
        "prime_tower_position_x": job.tower.x_mm + beside_mm + across_mm,
        "prime_tower_position_y": job.tower.y_mm + beside_mm,
        "prime_tower_min_volume": job.fdm.purge_mm3,
    }


def tower_across_mm(tower: Tower, process: FdmProcess) -> float:
    """Diameter of a tower without its brim."""
    return tower.size.width_mm - 2.0 * max(0.0, process.brim_mm - CLEARANCE_MM / 2.0)
