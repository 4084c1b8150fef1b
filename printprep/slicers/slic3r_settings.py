"""Slic3r's settings from our profiles.

Pure: profiles in, ``{key: text as in the engine's ini file}`` out. Slic3r 1.3 is asked for moves alone: what starts,
heats, changes tools and ends is the profile's (:mod:`printprep.slicers.dressed`). As in PrusaSlicer its support
threshold is from the horizontal; a bridge is supported, since no enforcer can ask for one.
"""

from __future__ import annotations

from typing import Final

from printprep.case import Finding, Severity
from printprep.errors import ProfileError, SliceFailed
from printprep.plan import OUT_OF_REACH
from printprep.profiles.models import FdmMaterial, FdmProcess, SlicerValue
from printprep.slicers.job import Job, check_layers, loads_of_all_tools, stripped
from printprep.slicers.prusa_settings import FORBIDDEN as LEAKS
from printprep.slicers.prusa_settings import threshold_from_horizontal_deg

ENGINE: Final = "slic3r"
"""The engine's name in a profile's ``[slicer.slic3r]``."""

OURS: Final = frozenset(
    {
        *LEAKS,
        "octoprint_apikey",
        "serial_port",
        "notes",
        "printer_notes",
        "filament_notes",
        "start_gcode",  # the profile says them once for all engines
        "end_gcode",
        "start_filament_gcode",
        "end_filament_gcode",
        "toolchange_gcode",
        "before_layer_gcode",
        "layer_gcode",
        "between_objects_gcode",
        "gcode_comments",
        "use_relative_e_distances",
        "gcode_arcs",
        "z_offset",
    }
)
"""Raw keys that no profile may set: they run programs, carry secrets, or say what printprep says."""

PATTERNS: Final = frozenset(
    (
        "3dhoneycomb", "alignedrectilinear", "archimedeanchords", "concentric", "cubic", "grid", "gyroid",
        "hilbertcurve", "honeycomb", "line", "octagramspiral", "rectilinear", "stars", "triangles",
    )
)  # fmt: skip
LINE_OVER_NOZZLE: Final = 1.125  # as PrusaSlicer's own; Slic3r's automatic 1.4 would lose walls of two lines


def settings(job: Job) -> dict[str, str]:
    """Everything that is requested of Slic3r for one plate.

    Returns
    -------
    dict
        The engine's key to the text of its value; lists have a value a tool that prints.

    Raises
    ------
    ProfileError
        A layer is higher than the nozzle is wide, a material is not a filament, or the infill pattern is not Slic3r's.
    """
    check_layers(job.plan, job.process, job.fdm)
    values: dict[str, SlicerValue | list[SlicerValue]] = {
        **_machine(job),
        **_materials(job),
        **_process(job.process),
        **_widths(job),
        **_supports(job),
    }
    for said in (job.printer.slicer, *(f.slicer for f in _filaments(job)), job.process.slicer):
        values |= {key: value for key, value in said.get(ENGINE, {}).items() if key not in OURS}
    return {key: _text(value) for key, value in values.items()}


def refuse_what_it_cannot(job: Job) -> tuple[Finding, ...]:
    """Refuse a plate that Slic3r would print wrong without a word; a finding for what it does less well.

    Raises
    ------
    SliceFailed
        Tools share a nozzle, which Slic3r cannot purge; or a zone must have no support, which nothing can tell it.
    """
    findings: list[Finding] = []
    others = "slice with prusaslicer or curaengine"
    if len(job.tools) > 1 and job.fdm.shared_nozzle:
        raise SliceFailed(
            f"Slic3r lays no wipe tower, and the {len(job.tools)} materials of plate {job.plate.index} go through one "
            f"nozzle of {job.plan.printer}: they would mix inside the part; {others}"
        )
    if len(job.tools) > 1 and job.fdm.purge_mm3 > 0:
        findings.append(_cannot("lays no wipe tower: after a change of tools the first line may start thin"))
    if job.plan.supports:
        blocked = [z for z in job.plan.support_zones if z.kind == "block" and z.part in job.plate.parts]
        if job.plan.keep_out:
            raise SliceFailed(
                f"Slic3r cannot be told where no support may stand, and the case has keep-out zones; {others}, or "
                "print with --no-supports"
            )
        if any(zone.why != OUT_OF_REACH for zone in blocked):
            findings.append(_cannot("cannot be told where no support should stand: critical surface may bear marks"))
        elif blocked:
            findings.append(_cannot("cannot be told where no support should stand: some may stay in clefts"))
    return tuple(findings)


def left_out(job: Job) -> tuple[Finding, ...]:
    """A finding for each raw key that :func:`settings` leaves out."""
    why = "for Slic3r; it runs programs, carries secrets or is ours,"
    return stripped(job.plan, job.profiles, ENGINE, OURS, why)


def _cannot(what: str) -> Finding:
    return Finding(code="slicer-cannot", severity=Severity.WARNING, message=f"Slic3r {what}")


def _filaments(job: Job) -> list[FdmMaterial]:
    """Of the tools that print."""
    loads = loads_of_all_tools(job.plan, job.fdm)
    found = []
    for tool in job.tools:
        material = job.profiles.material(loads[tool].material)
        if material.fdm is None:
            raise ProfileError(f"material {material.id} is not a filament: it has no [fdm]")
        found.append(material.fdm)
    return found


def _machine(job: Job) -> dict[str, SlicerValue | list[SlicerValue]]:
    bed, fdm, tools = job.printer.bed, job.fdm, len(job.tools)
    width, depth = _text(bed.width_mm), _text(bed.depth_mm)
    return {
        "gcode_flavor": job.printer.reads.slic3r,
        "bed_shape": f"0x0,{width}x0,{width}x{depth},0x{depth}",
        "nozzle_diameter": [fdm.nozzle_mm] * tools,
        "filament_diameter": [fdm.filament_mm] * tools,
        "extruder_offset": ["0x0"] * tools,
        "retract_speed": [fdm.retraction_mm_s] * tools,
        "retract_lift": [0] * tools,
        "retract_restart_extra": [0] * tools,
        "retract_restart_extra_toolchange": [0] * tools,
        "use_relative_e_distances": True,
        "use_firmware_retraction": False,
        "use_volumetric_e": False,
        "gcode_arcs": False,
        "gcode_comments": True,  # its only marks of features
        "layer_gcode": ";LAYER_CHANGE\\n;Z:[layer_z]\\nG92 E0",  # relative extrusion: so that rounding does not add up
        "before_layer_gcode": "",
        "between_objects_gcode": "",
        "toolchange_gcode": "",
        "start_gcode": ";",
        "end_gcode": ";",
        "post_process": "",
        "notes": "",
        "ooze_prevention": False,
        "complete_objects": False,
        "z_offset": 0,
    }


def _materials(job: Job) -> dict[str, SlicerValue | list[SlicerValue]]:
    """The lists with a value a tool, and what Slic3r has once for all."""
    filaments, fdm = _filaments(job), job.fdm
    retraction_mm = [fdm.retraction_mm if f.retraction_mm is None else f.retraction_mm for f in filaments]
    bed_c = max(f.bed_c for f in filaments)
    return {
        "temperature": [f.nozzle_c for f in filaments],
        "first_layer_temperature": [f.nozzle_first_layer_c for f in filaments],
        "bed_temperature": bed_c,
        "first_layer_bed_temperature": bed_c,
        "filament_max_volumetric_speed": [f.max_flow_mm3_s for f in filaments],
        "retract_length": list(retraction_mm),
        "retract_length_toolchange": list(retraction_mm),
        "cooling": True,  # slower on small layers; the fan itself is by material, and not Slic3r's
    }


def _process(process: FdmProcess) -> dict[str, SlicerValue | list[SlicerValue]]:
    solid = process.infill_percent >= 100  # other patterns are refused at 100 %
    pattern = "rectilinear" if solid else process.infill_pattern
    if pattern not in PATTERNS:
        raise ProfileError(
            f"Slic3r has no infill pattern {pattern!r}; it has {', '.join(sorted(PATTERNS))}: correct infill_pattern, "
            "or slice with PrusaSlicer"
        )
    return {
        "layer_height": process.layer_height_mm,
        "first_layer_height": process.first_layer_height_mm,
        "adaptive_slicing": False,
        "match_horizontal_surfaces": False,
        "perimeters": process.perimeters,
        "top_solid_layers": process.top_layers,
        "bottom_solid_layers": process.bottom_layers,
        "fill_density": f"{_text(process.infill_percent)}%",
        "fill_pattern": pattern,
        "perimeter_speed": process.perimeter_mm_s,
        "external_perimeter_speed": process.external_perimeter_mm_s,
        "small_perimeter_speed": process.external_perimeter_mm_s,
        "gap_fill_speed": process.external_perimeter_mm_s,
        "infill_speed": process.infill_mm_s,
        "solid_infill_speed": process.infill_mm_s,
        "top_solid_infill_speed": process.external_perimeter_mm_s,
        "bridge_speed": process.perimeter_mm_s,
        "support_material_speed": process.perimeter_mm_s,
        "support_material_interface_speed": process.perimeter_mm_s,
        "travel_speed": process.travel_mm_s,
        "first_layer_speed": process.first_layer_mm_s,
        "brim_width": process.brim_mm,
        "interior_brim_width": 0,
        "brim_connections_width": 0,
        "skirts": 0,  # the start G-code purges; a skirt would run over clips and the bed's edge
        "raft_layers": 0,
        "thin_walls": True,
        "overhangs": True,
        "bridge_flow_ratio": 1,
        "infill_only_where_needed": False,
        "xy_size_compensation": 0,
        "regions_overlap": 0,
        "spiral_vase": False,
    }


def _widths(job: Job) -> dict[str, SlicerValue | list[SlicerValue]]:
    width_mm = round(LINE_OVER_NOZZLE * job.fdm.nozzle_mm, 4)
    kinds = ("external_perimeter_", "perimeter_", "infill_", "solid_infill_", "support_material_", "first_layer_", "")
    own: dict[str, SlicerValue | list[SlicerValue]] = {f"{kind}extrusion_width": width_mm for kind in kinds}
    return own | {
        "top_infill_extrusion_width": job.fdm.nozzle_mm,
        "support_material_interface_extrusion_width": job.fdm.nozzle_mm,
    }


def _supports(job: Job) -> dict[str, SlicerValue | list[SlicerValue]]:
    """By the tool that prints most, next to a part by a soluble one, without a gap then."""
    if not job.plan.supports:
        return {"support_material": False}
    volume_mm3 = {
        tool: sum(abs(job.meshes[part.name].volume_mm3) for part in job.parts if part.tool == tool)
        for tool in job.tools
    }
    body = job.tools.index(max(job.tools, key=lambda tool: volume_mm3[tool])) + 1
    soluble = job.plan.support_tool
    return {
        "support_material": True,
        "support_material_threshold": f"{threshold_from_horizontal_deg(job.process.overhang_angle_deg)}%",
        "support_material_pattern": "rectilinear",
        "support_material_buildplate_only": False,
        "support_material_contact_distance": 0.2 if soluble is None else 0,
        "support_material_extruder": body,
        "support_material_interface_extruder": body if soluble is None else job.tools.index(soluble) + 1,
        "dont_support_bridges": False,
    }


def _text(value: SlicerValue | list[SlicerValue]) -> str:
    if isinstance(value, list):
        return ",".join(_text(one) for one in value)
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
