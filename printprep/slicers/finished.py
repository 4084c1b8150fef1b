"""A dressed file of an engine that says little of it: checked, timed, and its supports measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from printprep.case import Finding
from printprep.files import sha256_of
from printprep.gcode.estimate import tool_changes
from printprep.gcode.read import read_gcode
from printprep.gcode.supports import Bead, anatomy_layers
from printprep.plan import Estimate, MaterialUse, Setting, SlicedPlate, Supports
from printprep.slicers.dressed import seen_in
from printprep.slicers.job import Copied, Job, uses_of, verify
from printprep.slicers.laid import check_laid
from printprep.slicers.own_time import times_on
from printprep.slicers.prusa_supports import findings as support_findings
from printprep.slicers.prusa_supports import measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What is known of a finished file."""

    job: Job
    copied: Copied
    anatomy_layer_count: int
    duration_s: float  # by our own planner
    uses: tuple[MaterialUse, ...]
    supports: Supports | None
    tool_changes: int

    def plate(
        self,
        file: Path,
        engine: str,
        *,
        settings: tuple[Setting, ...],
        findings: tuple[Finding, ...],
        wall_s: float,
        extras: dict[str, float] | None = None,
    ) -> SlicedPlate:
        """The plate in ``file``, with the engine's part of what is known; findings of supports come last."""
        return SlicedPlate(
            index=self.job.plate.index,
            file=file,
            printer=self.job.plan.printer,
            process=self.job.plan.process,
            engine=engine,
            sha256=self.copied.sha256,
            layer_count=self.copied.layer_count,
            layer_height_mm=self.job.process.layer_height_mm,
            estimate=Estimate(duration_s=self.duration_s, duration_from="trapezoid", material=self.uses),
            anatomy_layer_count=self.anatomy_layer_count,
            supports=self.supports,
            settings=settings,
            findings=(*findings, *(support_findings(self.supports, file) if self.supports else ())),
            tool_changes=self.tool_changes,
            wall_s=wall_s,
            extras=extras or {},
        )


def finished(
    job: Job, draft: Path, name: str, said_mm3: Mapping[int, float], bead: Bead, wall_mm: float | None = None
) -> Finished:
    """Read ``draft`` and hold it against its job.

    Parameters
    ----------
    job
        What was asked.
    draft
        The dressed file.
    name
        Of the engine, for messages.
    said_mm3, wall_mm
        As :func:`~printprep.slicers.laid.check_laid` takes them.
    bead
        How supports were laid.

    Raises
    ------
    SliceFailed, DoesNotFit, SettingNotHonoured
        Something is missing, out of its place, or not as it was asked for.
    """
    gcode = read_gcode(draft)
    layers = anatomy_layers(gcode)
    copied = seen_in(gcode, sha256_of(draft))
    verify(job, copied, layers)
    check_laid(job, gcode, name, said_mm3, wall_mm)
    times = times_on(job.printer, draft)
    held = None
    if job.plan.supports:
        held = measured(gcode, job.plan, job.plate, job.profiles, job.meshes, bead, job.tower)
    return Finished(
        job=job,
        copied=copied,
        anatomy_layer_count=layers,
        duration_s=times.duration_s,
        uses=uses_of(job, times.extruded_mm3, name),
        supports=held,
        tool_changes=tool_changes(gcode),
    )
