"""Where an extruding printer's supports must stand, and where none may.

The slicer finds overhang by itself. What it does not know is the anatomy: surface that nothing may touch, surface that
matters most, cavities from which nobody takes a support out. And it leaves every bridge to itself, however long. So
each place of overhang is judged here, where the parts stand as they will be printed, and the slicer is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.geometry import bvh
from printprep.geometry.access import Access, access
from printprep.geometry.bridging import Hanging, hanging
from printprep.geometry.mesh import Bool, Float, Mesh, as_point
from printprep.geometry.vertical import first_below
from printprep.geometry.zones import Zones
from printprep.plan import OUT_OF_REACH, Matrix, Plate, SupportZone
from printprep.prepare.draft import Draft, DraftPart
from printprep.prepare.zones import is_critical, keep_out_of
from printprep.progress import SILENT, Progress

KEEP_OFF_MM: Final = 1.5
"""Supports keep this far from the edge of a zone: their lines end where they are wide, not where they are asked to."""

AROUND_DEG: Final = 25.0
"""Surface that is steeper than an overhang by this is blocked, too: the slicer judges by the steps of its layers."""

SAID_MM2: Final = 0.5
"""Less unsupported overhang than this, about a line a millimetre long, is not said."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Standing:
    """One plate as it will be printed."""

    parts: tuple[DraftPart, ...]
    motions: Mapping[str, Matrix]  # by part, case frame to plate
    meshes: Mapping[str, Mesh]  # by part, in the plate frame
    trees: Mapping[str, bvh.Tree]
    keep_out: Zones  # in the case's frame
    reach: Access

    def in_case(self, name: str, points: Float) -> Float:
        """Points of the plate in the case's frame."""
        back = np.linalg.inv(self.motions[name])
        return np.asarray(points @ back[:3, :3].T + back[:3, 3])


def steer(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Say where supports must and may not stand; only for extruding printers, and only if supports are wanted.

    Blocked is overhang on keep-out surface and overhang whose support would stand on keep-out surface; and, unless it
    would not print without, overhang on critical surface and where no tool takes a support out. Enforced is what would
    not print without a support: islands, bridges longer than the process can, flat surface that stands out.

    Sets ``draft.support_zones``. Adds ``supports-steered`` with the areas, and
    ``unsupported-overhang`` where a keep-out zone forbids a support that is needed: an error for an island.
    """
    if draft.printer.technology != "fdm" or not draft.supports:
        return draft
    with progress.step("steer supports"):
        zones: list[SupportZone] = []
        findings: list[Finding] = []
        for plate in draft.plates:
            standing = _standing(draft, plate)
            for part in standing.parts:
                found, failing = _judge(draft, standing, part)
                zones += found
                findings += failing
    steered = replace(draft, support_zones=tuple(zones))
    return steered.with_findings(*_said(zones), *findings)


def _standing(draft: Draft, plate: Plate) -> _Standing:
    parts = tuple(part for part in draft.parts if part.name in plate.parts and len(part.mesh))
    motions = {part.name: plate.motions.get(part.piece, plate.case_to_plate) for part in parts}
    meshes = {part.name: part.mesh.transformed(motions[part.name]) for part in parts}
    return _Standing(
        parts=parts,
        motions=motions,
        meshes=meshes,
        trees={name: bvh.build(mesh) for name, mesh in meshes.items()},
        keep_out=keep_out_of(draft),
        reach=access(list(meshes.values())),
    )


def _judge(draft: Draft, standing: _Standing, part: DraftPart) -> tuple[list[SupportZone], list[Finding]]:
    """The zones of one part, and what a keep-out zone leaves without the support that it needs."""
    process = draft.process.fdm
    found = hanging(
        standing.meshes[part.name],
        angle_deg=max(5.0, process.overhang_angle_deg - AROUND_DEG),
        layer_mm=process.layer_height_mm,
        bridge_mm=process.bridge_mm,
        others=[tree for name, tree in standing.trees.items() if name != part.name],
    )
    at_mm = standing.in_case(part.name, found.at_mm)
    keep_out = _near(standing.keep_out, at_mm)
    above = _above_keep_out(standing, found) & ~keep_out
    critical = is_critical(draft, part, at_mm, found.step_mm / 2.0)
    hidden = standing.reach.misses(found.at_mm - [0.0, 0.0, process.layer_height_mm + standing.reach.grid.step_mm])
    hangs = found.angle_deg > process.overhang_angle_deg
    left = ~keep_out & ~above & ~found.fails
    kinds = {
        ("block", "keep-out"): keep_out,
        ("block", "above keep-out"): above,
        ("block", "critical"): left & critical,
        ("block", OUT_OF_REACH): left & hidden & ~critical & hangs,
        ("enforce", "would not print without"): found.fails & ~keep_out & ~above,
    }
    zones = [
        SupportZone(
            part=part.name,
            kind="block" if kind == "block" else "enforce",
            why=why,
            at_mm=at_mm[rows],
            area_mm2=float(found.area_mm2[rows & hangs].sum()),
            step_mm=found.step_mm,
        )
        for (kind, why), rows in kinds.items()
        if rows.any()
    ]
    return zones, _unsupported(part.name, found, at_mm, (keep_out | above) & found.fails)


def _near(zones: Zones, at_mm: Float) -> Bool:
    return np.asarray(zones.gap_mm(at_mm) <= KEEP_OFF_MM) if zones else np.zeros(len(at_mm), np.bool_)


def _above_keep_out(standing: _Standing, found: Hanging) -> Bool:
    """(n,) whether a support under a cell would stand on surface that nothing may touch."""
    result = np.zeros(len(found), np.bool_)
    if not standing.keep_out:
        return result
    start = found.at_mm - [0.0, 0.0, 0.05]
    gap_mm = start[:, 2].copy()  # to the bed
    for name, tree in standing.trees.items():
        below_mm, _ = first_below(tree, start)
        hits = np.flatnonzero(below_mm < gap_mm)
        gap_mm[hits] = below_mm[hits]
        foot_mm = start[hits] - np.column_stack([np.zeros((len(hits), 2)), below_mm[hits]])
        result[hits] = _near(standing.keep_out, standing.in_case(name, foot_mm))
    return result


def _unsupported(name: str, found: Hanging, at_mm: Float, rows: Bool) -> list[Finding]:
    area_mm2 = float(found.area_mm2[rows].sum())
    if area_mm2 < SAID_MM2:
        return []
    lowest = int(np.flatnonzero(rows)[np.argmin(found.at_mm[rows, 2])])
    tips = found.islands_mm
    island = bool(len(tips)) and bool((np.linalg.norm(found.at_mm[rows][:, None] - tips, axis=2) < 1.0).any())
    begins = "; a body begins there, and its first lines are laid on air" if island else ""
    return [
        Finding(
            code="unsupported-overhang",
            severity=Severity.ERROR if island else Severity.WARNING,
            part=name,
            message=(
                f"{area_mm2:.1f} mm2 of part {name} would need a support, and a keep-out zone forbids it{begins}; move "
                "the zone, or turn the body"
            ),
            value=area_mm2,
            limit=SAID_MM2,
            where_mm=as_point(at_mm[lowest]),
        )
    ]


def _said(zones: list[SupportZone]) -> list[Finding]:
    """What the slicer is told, in one sentence."""
    areas: dict[tuple[str, str], float] = {}
    for zone in zones:
        areas[zone.kind, zone.why] = areas.get((zone.kind, zone.why), 0.0) + zone.area_mm2
    told = [
        f"{'no support under' if kind == 'block' else 'a support under'} {area_mm2:.1f} mm2 ({why})"
        for (kind, why), area_mm2 in sorted(areas.items())
        if area_mm2 > 0
    ]
    if not told:
        return []
    return [
        Finding(
            code="supports-steered",
            severity=Severity.INFO,
            message=f"the slicer is told: {', '.join(told)}",
            value=round(sum(areas.values()), 3),
        )
    ]
