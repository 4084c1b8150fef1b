"""What ``printprep verify`` says of one file, as a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from printprep.case import Severity
from printprep.gcode.proof import OffLayers, Proof
from printprep.gcode.regions import Region
from printprep.report.proof import held_json
from printprep.report.rounding import number, point

Json = dict[str, Any]


def proof_json(found: Proof, tools: dict[str, int]) -> Json:
    """The verdict on a file: part by part, region by region, run of layers by run of layers.

    Parameters
    ----------
    tools
        That each part was assigned to, 0-based.
    """
    return {
        "layers": found.layers,
        "parts": [{**held_json(one), "tool": tools.get(one.part)} for one in found.held],
        "regions": _regions(found, tools),
        "layers_off": [_off(one) for one in found.off],
    }


def _regions(found: Proof, tools: dict[str, int]) -> list[Json]:
    """The gravest first, of these the largest."""
    order: Sequence[Severity] = (Severity.ERROR, Severity.WARNING, Severity.INFO)
    both = zip(found.regions, found.severity, strict=True)
    ranked = sorted(both, key=lambda one: (order.index(one[1]), -one[0].volume_mm3))
    return [_region(region, severity, tools) for region, severity in ranked]


def _region(region: Region, severity: Severity, tools: dict[str, int]) -> Json:
    return {
        "kind": str(region.kind),
        "severity": str(severity),
        "part": region.part,
        "tool": region.tool if region.tool >= 0 else None,
        "tool_asked": tools.get(region.part or ""),
        "layers": [region.first_layer + 1, region.last_layer + 1],
        "z_mm": [number(z, 3) for z in region.z_mm],
        "volume_mm3": number(region.volume_mm3, 3),
        "area_mm2": number(region.area_mm2, 3),
        "thickness_mm": number(region.thickness_mm, 2),
        "depth_mm": number(region.depth_mm, 2),
        "on_plate_mm": point(region.where_mm),
    }


def _off(off: OffLayers) -> Json:
    return {
        "part": off.part,
        "how": off.how,
        "layers": [off.first_layer + 1, off.last_layer + 1],
        "z_mm": [number(z, 3) for z in off.z_mm],
        "gap_mm": number(off.gap_mm, 3),
    }
