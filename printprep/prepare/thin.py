"""Stage ``thin``: walls that the process can hardly make, and places that it cannot make at all."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from printprep.case import Finding, Severity
from printprep.geometry.thickness import walls
from printprep.geometry.thin import Patch, patches
from printprep.prepare.draft import Draft, DraftPart
from printprep.profiles.models import Printer
from printprep.progress import SILENT, Progress

PATCH_MM2: Final = 2.0
"""A thin place of less surface than this, both its sides counted, is a speck."""

SPACING_MM: Final = 0.8
"""Walls are measured at points not farther apart than about this."""

RESIN_WALL_MM: Final = 0.4
"""The thinnest wall, supported at its edges, that makers of resin printers promise."""

LOST: Final = "it will not be printed"
"""By extrusion not always. Seen with PrusaSlicer 2.5 and Slic3r 1.3 and a nozzle of 0.4 mm: walls of 0.2, 0.3 and
0.35 mm come out as one line, a wall of 0.1 mm does not come out."""

GONE: Final = 0.5
"""A part that loses more than this share of its surface is not there any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Least:
    """What a printer needs to make a wall, and to make anything of it at all, with the words for it."""

    wall_mm: float
    wall: str
    trace_mm: float
    trace: str
    fate: str  # of what is thinner than that


def least(printer: Printer) -> Least:
    """The thinnest wall that ``printer`` makes well, and the thinnest that leaves a trace.

    By extrusion two lines and one, a line being as wide as the nozzle; by light 0.4 mm and two pixels.
    """
    if printer.resin is not None:
        pixel_mm = max(printer.resin.pixel_mm)
        trace_mm = 2.0 * pixel_mm
        wall = "what resin holds" if trace_mm <= RESIN_WALL_MM else "two pixels"
        trace = f"two pixels of {pixel_mm:g} mm"
        return Least(wall_mm=max(RESIN_WALL_MM, trace_mm), wall=wall, trace_mm=trace_mm, trace=trace, fate=LOST)
    assert printer.fdm is not None
    nozzle_mm = printer.fdm.nozzle_mm
    line = f"of a {nozzle_mm:g} mm nozzle"
    return Least(
        wall_mm=2.0 * nozzle_mm,
        wall=f"two lines {line}",
        trace_mm=nozzle_mm,
        trace=f"one line {line}",
        fate=f"{LOST}; but where it is at least {nozzle_mm / 2:g} mm thick, PrusaSlicer and Slic3r print it as one "
        "line, thicker than it is",
    )


def thin(draft: Draft, progress: Progress = SILENT) -> Draft:
    """Measure the walls of every part as it came, before anything is hollowed, against what the printer can make.

    Adds at most one ``thin-wall`` and one ``will-vanish`` a part, with the worst place. A place counts when the part
    would draw back there, were it not printed, by more than the case's ``deviation_max_mm``: a sharp edge that only
    gets blunt does not.
    """
    needs = least(draft.printer)

    def work(part: DraftPart) -> list[Finding]:
        critical = draft.case.part(part.name).critical
        return list(findings_of(part, needs, draft.case.limits.deviation_max_mm, critical=critical))

    findings: list[Finding] = []
    with progress.step("thin") as step, ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, found in enumerate(pool.map(work, draft.parts), start=1):
            findings.extend(found)
            step.advance(done / len(draft.parts), draft.parts[done - 1].name)
    return draft.with_findings(*findings)


def findings_of(part: DraftPart, needs: Least, loss_mm: float, *, critical: bool) -> tuple[Finding, ...]:
    """What is too thin in a part; errors in a critical one, and where a part is lost as a whole."""
    if not len(part.mesh) or not np.isfinite(part.mesh.vertices).all():
        return ()
    measured = walls(part.mesh, cap_mm=needs.wall_mm, spacing_mm=SPACING_MM)
    # a thin wall must reach as far as it should be thick: else it is the tip of an edge
    weak = patches(measured, needs.wall_mm, area_mm2=PATCH_MM2, loss_mm=max(loss_mm, needs.wall_mm))
    lost = patches(measured, needs.trace_mm, area_mm2=PATCH_MM2, loss_mm=loss_mm)
    findings = []
    if weak:
        what = f"thinner than {needs.wall_mm:g} mm, {needs.wall}: it may break or come out rough"
        severity = Severity.ERROR if critical else Severity.WARNING
        findings.append(_finding("thin-wall", severity, part.name, what, weak, needs.wall_mm))
    if lost:
        what = f"thinner than {needs.trace_mm:g} mm, {needs.trace}: {needs.fate}"
        gone = sum(patch.area_mm2 for patch in lost) > GONE * part.mesh.area_mm2
        severity = Severity.ERROR if critical or gone else Severity.WARNING
        if gone:
            what += ", and that is most of the part"
        findings.append(_finding("will-vanish", severity, part.name, what, lost, needs.trace_mm))
    return tuple(findings)


def _finding(code: str, severity: Severity, part: str, what: str, found: tuple[Patch, ...], limit_mm: float) -> Finding:
    worst = found[0]
    places = "in one place" if len(found) == 1 else f"in {len(found)} places"
    total = sum(patch.area_mm2 for patch in found)
    which = "it" if len(found) == 1 else "the worst"
    message = (
        f"part {part} is {what}; {places} of {total:.1f} mm2 of surface, {which} {worst.least_mm:.2f} mm thick and "
        f"{worst.loss_mm:.1f} mm deep. Print it larger, thicken it in the segmentation, or accept {code} with a reason"
    )
    return Finding(
        code=code,
        severity=severity,
        part=part,
        message=message,
        value=round(worst.least_mm, 3),
        limit=limit_mm,
        where_mm=worst.where_mm,
    )
