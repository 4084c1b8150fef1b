"""Stage ``plugs``: something to close each drain hole with, printed loose beside the body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from printprep.case import Finding, Severity
from printprep.geometry.hole import BRIM_MM, HEAD_MM, plug
from printprep.geometry.mesh import Mesh, as_point, join
from printprep.plan import Change
from printprep.prepare.added import add_part, plug_name
from printprep.prepare.draft import Draft
from printprep.prepare.free_places import BESIDE_MM, beside
from printprep.progress import SILENT, Progress


def plugs(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Add a plug for each hole of the parts that ask for them; runs after label.

    Each is an added part with a number, in the material of its part. The heads stand on the bed, the tapered shanks up;
    they keep a brim's distance from each other. Adds one finding ``plugs`` that says which plug is for which hole.
    """
    if not draft.plugged:
        return draft
    with progress.step("plugs"):
        made = _rows(draft)
        onto_bed = beside(draft, join(made))
        taken = {part.name for part in draft.parts}
        names = (name for number in range(1, 10_000) if (name := plug_name(number)) not in taken)
        said = []
        for (part, hole), mesh, name in zip(draft.plugged, made, names, strict=False):
            placed = mesh.transformed(onto_bed)
            what = (
                f"a plug for the hole of {hole.diameter_mm:g} mm in {part} at "
                f"({', '.join(f'{x:.1f}' for x in hole.at_mm)}): a shank of {hole.length_mm:.1f} mm on a head of "
                f"{HEAD_MM:g} mm"
            )
            change = Change(
                stage="plugs",
                what=what,
                volume_mm3=placed.volume_mm3,
                area_mm2=placed.area_mm2,
                where_mm=as_point(placed.bounds_mm.mean(axis=0)),
            )
            draft = add_part(draft, name, placed, like=part, change=change)
            said.append(f"{name} {what.removeprefix('a plug ')}")
        finding = Finding(
            code="plugs",
            severity=Severity.INFO,
            message=f"{len(said)} plugs stand loose beside the body: {'; '.join(said)}",
            value=len(said),
        )
    return draft.with_findings(finding)


def _rows(draft: Draft) -> list[Mesh]:
    """The plugs in rows around the origin, standing on z = 0."""
    clearance = {part.name: part.hollow.plug_clearance_mm for part in draft.case.parts if part.hollow is not None}
    pitch_mm = max(hole.diameter_mm for _, hole in draft.plugged) + 2.0 * BRIM_MM + BESIDE_MM
    columns = int(np.ceil(np.sqrt(len(draft.plugged))))
    shapes = [plug(hole, min(clearance[part], 0.4 * hole.diameter_mm)) for part, hole in draft.plugged]
    at = np.array([[k % columns, k // columns, 0.0] for k in range(len(shapes))]) * pitch_mm
    at -= (at.min(axis=0) + at.max(axis=0)) / 2.0
    return [replace(shape, vertices=shape.vertices + shift) for shape, shift in zip(shapes, at, strict=True)]
