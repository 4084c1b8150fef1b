"""Our own driver for resin: exact sections, exact rasters, no engine needed.

A layer shows the parts at half its height. All parts of a plate are lit together, as one vat prints one resin;
supports and their pad are parts of the plan like all others.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from printprep import __version__
from printprep.case import Finding, Severity
from printprep.errors import DoesNotFit, ProfileError
from printprep.files import sha256_of
from printprep.formats import chitu, sl1
from printprep.formats.layers import ResinJob
from printprep.geometry.mesh import Mesh, join
from printprep.geometry.raster import Panel
from printprep.geometry.section import sections
from printprep.geometry.solid import union
from printprep.geometry.support import stands
from printprep.plan import Estimate, MaterialUse, Matrix, Plan, Plate, Setting, SlicedPlate, are_supports
from printprep.profiles.load import Profiles
from printprep.profiles.models import Material, Printer, Resin, ResinProcess
from printprep.progress import SILENT, Progress
from printprep.slicers.engine import writing_in
from printprep.slicers.fit import check_fits, open_parts
from printprep.slicers.resin_layers import Recipe, Rendered, render

FORMATS: Final = {"sl1": sl1, "chitu-zip": chitu}
VOLUME_PERCENT: Final = 1.0  # how far the rasters may be from the mesh
SHOWN_ISLANDS: Final = 5


def version() -> str:
    """Name and version; it is part of printprep and always there."""
    return f"printprep-resin {__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One plate with everything that its slicing looks up."""

    plan: Plan
    plate: Plate
    printer: Printer
    resin: Resin
    process: ResinProcess
    material: Material
    meshes: dict[str, Mesh]  # in the plate frame
    exposure_s: float
    bottom_exposure_s: float

    @property
    def panel(self) -> Panel:
        return Panel(width_px=self.resin.width_px, height_px=self.resin.height_px, pixel_mm=self.resin.pixel_mm)


def slice_plate(
    plan: Plan,
    plate: Plate,
    profiles: Profiles,
    out_dir: Path,
    *,
    timeout_s: float = 3600.0,
    progress: Progress = SILENT,
) -> SlicedPlate:
    """Slice one plate into ``plate-N.sl1`` or ``plate-N.zip`` in ``out_dir``, whole or not at all.

    Raises
    ------
    DoesNotFit
        A part does not fit the panel or the height.
    ProfileError
        The printer has no panel, or the material no exposure.
    SliceFailed, SliceTimeout
        The file cannot be written, or the layers were not done in time.
    """
    started_s = time.perf_counter()
    job, findings = _job(plan, plate, profiles)
    format_ = FORMATS[job.resin.format]
    file = out_dir / f"plate-{plate.index}{format_.SUFFIX}"
    with writing_in(out_dir), progress.step(f"slice plate {plate.index}") as step:
        recipe = _recipe(job)
        rendered = render(recipe, step, timeout_s=timeout_s - (time.perf_counter() - started_s))
        volume_mm3 = float(rendered.area_mm2.sum()) * job.process.layer_height_mm
        resin_job = _resin_job(job, len(rendered.pngs), volume_mm3)
        format_.write(file, resin_job, rendered.pngs)
    return SlicedPlate(
        index=plate.index,
        file=file,
        printer=plan.printer,
        process=plan.process,
        engine=version(),
        sha256=sha256_of(file),
        layer_count=recipe.count,
        layer_height_mm=job.process.layer_height_mm,
        estimate=_estimate(job, resin_job),
        settings=_settings(job),
        findings=(*findings, *open_parts(job.meshes), *_doubts(job, rendered)),
        wall_s=time.perf_counter() - started_s,
        extras=_figures(job, rendered),
    )


def layers_ahead(plan: Plan, plate: Plate, profiles: Profiles) -> Estimate:
    """What a plate will take, without drawing its layers.

    The time is that of the file. Where parts overlap, their volume counts twice.

    Raises
    ------
    DoesNotFit, ProfileError
        As for :func:`slice_plate`.
    """
    job, _ = _job(plan, plate, profiles)
    recipe = _recipe(job)
    volume_mm3 = float(recipe.cuts.area_mm2.sum()) * job.process.layer_height_mm
    return _estimate(job, _resin_job(job, recipe.count, volume_mm3))


def _job(plan: Plan, plate: Plate, profiles: Profiles) -> tuple[_Job, tuple[Finding, ...]]:
    printer, process = profiles.printer(plan.printer), profiles.process(plan.process).resin
    if printer.resin is None:
        raise ProfileError(f"printer {printer.id} has no panel: it does not print by light")
    parts = [part for part in plan.parts if part.name in plate.parts]
    names = list(dict.fromkeys(part.material for part in parts))
    material = profiles.material(names[0])
    if material.resin is None:
        raise ProfileError(f"material {material.id} is no resin; {printer.id} prints nothing else")
    meshes = {part.name: part.mesh.transformed(plate.motion(part)) for part in parts}
    resin = printer.resin
    check_fits(meshes, printer.bed)
    panel_mm = np.array([resin.width_px * resin.pixel_mm[0], resin.height_px * resin.pixel_mm[1]])
    for name, mesh in meshes.items():
        if (mesh.bounds_mm[1, :2] > panel_mm + 0.01).any():
            raise DoesNotFit(f"part {name} reaches beyond the panel of {panel_mm[0]:g} x {panel_mm[1]:g} mm")
    exposure_s, guessed = exposure(material, process.layer_height_mm)
    findings = list(guessed)
    if len(names) > 1:
        findings.append(
            Finding(
                code="resin-several-materials",
                severity=Severity.ERROR,
                message=f"plate {plate.index} is to be printed in {', '.join(names)}, but a vat holds one resin",
                value=float(len(names)),
                limit=1.0,
            )
        )
    job = _Job(
        plan=plan,
        plate=plate,
        printer=printer,
        resin=resin,
        process=process,
        material=material,
        meshes=meshes,
        exposure_s=exposure_s,
        bottom_exposure_s=material.resin.bottom_exposure_s,
    )
    return job, tuple(findings)


def exposure(material: Material, layer_height_mm: float) -> tuple[float, tuple[Finding, ...]]:
    """Exposure in s for a layer height, and a finding if the profile does not name that height."""
    if material.resin is None or not material.resin.exposure_s:
        raise ProfileError(f"material {material.id} has no exposure for any layer height")
    table = sorted((float(height), seconds) for height, seconds in material.resin.exposure_s.items())
    for height, seconds in table:
        if math.isclose(height, layer_height_mm, rel_tol=1e-6):
            return seconds, ()
    seconds = float(np.interp(layer_height_mm, [h for h, _ in table], [s for _, s in table]))
    return seconds, (
        Finding(
            code="resin-exposure-guessed",
            severity=Severity.WARNING,
            message=(
                f"{material.id} has no exposure for layers of {layer_height_mm:g} mm; {seconds:.2f} s lies between its "
                "neighbours: print a test piece first"
            ),
            value=seconds,
        ),
    )


def _recipe(job: _Job) -> Recipe:
    mesh = join(list(job.meshes.values()))
    layer_mm = job.process.layer_height_mm
    top_mm = float(mesh.bounds_mm[1, 2])
    count = max(math.ceil(top_mm / layer_mm - 0.5), 1)
    cuts = sections(mesh, (np.arange(count) + 0.5) * layer_mm)
    turn = partial(FORMATS[job.resin.format].to_panel, mirror_x=job.resin.mirror_x, mirror_y=job.resin.mirror_y)
    return Recipe(cuts=cuts, panel=job.panel, levels=_levels(job.process), turn=turn)


def _levels(process: ResinProcess) -> int:
    """Steps of grey: as many as so many samples a pixel edge could tell apart."""
    return min(process.antialias**2, 255)


def _resin_job(job: _Job, count: int, volume_mm3: float) -> ResinJob:
    resin = job.resin
    figures = ResinJob(
        name=f"plate-{job.plate.index}",
        printer=job.printer.id,
        material=job.material.id,
        layer_height_mm=job.process.layer_height_mm,
        layer_count=count,
        exposure_s=job.exposure_s,
        bottom_exposure_s=job.bottom_exposure_s,
        bottom_layers=job.process.bottom_layers,
        fade_layers=job.process.fade_layers,
        duration_s=0.0,
        volume_mm3=volume_mm3,
        weight_g=volume_mm3 / 1000.0 * job.material.density_g_cm3,
        width_px=resin.width_px,
        height_px=resin.height_px,
        width_mm=resin.width_px * resin.pixel_mm[0],
        depth_mm=resin.height_px * resin.pixel_mm[1],
        height_mm=job.printer.bed.height_mm,
        mirror_x=resin.mirror_x,
        mirror_y=resin.mirror_y,
        lift_mm=resin.lift_mm,
        lift_mm_s=resin.lift_mm_s,
        retract_mm_s=resin.retract_mm_s,
    )
    return figures.timed(duration_s(figures, resin))


def duration_s(figures: ResinJob, resin: Resin) -> float:
    """Light, lift and what else a layer costs, summed over the layers."""
    move_s = resin.lift_mm / resin.lift_mm_s + resin.lift_mm / resin.retract_mm_s + resin.layer_overhead_s
    exposure_of_s = partial(sl1.exposure_of_s, figures) if resin.format == "sl1" else figures.exposure_of_s
    return sum(exposure_of_s(layer) + move_s for layer in range(figures.layer_count))


def _estimate(job: _Job, figures: ResinJob) -> Estimate:
    use = MaterialUse(material=job.material.id, tool=0, mm3=figures.volume_mm3, g=figures.weight_g)
    return Estimate(duration_s=figures.duration_s, duration_from="layers", material=(use,))


def _settings(job: _Job) -> tuple[Setting, ...]:
    """What we asked of ourselves; it is also what was done."""
    process = job.process
    said = {
        "layer_height_mm": process.layer_height_mm,
        "exposure_s": job.exposure_s,
        "bottom_exposure_s": job.bottom_exposure_s,
        "bottom_layers": process.bottom_layers,
        "fade_layers": process.fade_layers,
        "antialias": process.antialias,
    }
    return tuple(Setting(key=key, requested=f"{value:g}", resolved=f"{value:g}") for key, value in said.items())


def _figures(job: _Job, rendered: Rendered) -> dict[str, float]:
    supports = sum(mesh.volume_mm3 for name, mesh in job.meshes.items() if are_supports(name))
    return {
        "mesh_mm3": sum(mesh.volume_mm3 for mesh in job.meshes.values()),
        "raster_mm3": float(rendered.area_mm2.sum()) * job.process.layer_height_mm,
        "supports_mm3": supports,
    }


def _doubts(job: _Job, rendered: Rendered) -> tuple[Finding, ...]:
    """What the layers themselves show, and what was done about supports."""
    findings = [*_volume(job, rendered), *_supports(job), *_islands(job, rendered)]
    if rendered.edge_layers:
        findings.append(
            Finding(
                code="resin-panel-edge",
                severity=Severity.WARNING,
                message=f"{rendered.edge_layers} layers light the outermost pixels; what lies beyond them is cut off",
                value=float(rendered.edge_layers),
                limit=0.0,
            )
        )
    return tuple(findings)


def _volume(job: _Job, rendered: Rendered) -> tuple[Finding, ...]:
    figures = _figures(job, rendered)
    raster_mm3, mesh_mm3 = figures["raster_mm3"], figures["mesh_mm3"]

    def off_percent(volume_mm3: float) -> float:
        return abs(raster_mm3 - volume_mm3) / max(abs(volume_mm3), 1e-9) * 100.0

    overlap = len(job.meshes) > 1 and not open_parts(job.meshes)
    if overlap and off_percent(mesh_mm3) > VOLUME_PERCENT:  # where parts overlap the sum counts twice
        mesh_mm3 = union(*job.meshes.values()).volume_mm3
    if off_percent(mesh_mm3) <= VOLUME_PERCENT:
        return ()
    return (
        Finding(
            code="resin-volume",
            severity=Severity.ERROR,
            message=f"the layers hold {raster_mm3:.1f} mm3 where the parts have {mesh_mm3:.1f} mm3",
            value=off_percent(mesh_mm3),
            limit=VOLUME_PERCENT,
        ),
    )


def _supports(job: _Job) -> tuple[Finding, ...]:
    if any(are_supports(name) for name in job.meshes):
        return ()
    severity, why = Severity.INFO, "nothing on it needs any"
    if not job.plan.supports:
        why = "none were wished for"
        if not stands(join(list(job.meshes.values()))):
            severity = Severity.WARNING
            why += (
                ", and what lies flat on the bed is too small for the largest layer: the film may pull the print off; "
                "print it with supports, or turn a flat side to the bed"
            )
    return (
        Finding(
            code="resin-no-supports",
            severity=severity,
            message=f"plate {job.plate.index} has no supports and no pad: {why}",
        ),
    )


def _islands(job: _Job, rendered: Rendered) -> tuple[Finding, ...]:
    """The largest regions that start in the air, and how many there are."""
    largest = sorted(rendered.islands, key=lambda island: (-island.area_mm2, island.layer))[:SHOWN_ISLANDS]
    findings = []
    for rank, island in enumerate(largest):
        z_mm = (island.layer + 0.5) * job.process.layer_height_mm
        where = _plate_to_case(job, island.x_mm, island.y_mm) @ [island.x_mm, island.y_mm, z_mm, 1.0]
        more = f" ({len(rendered.islands)} in all)" if rank == 0 and len(rendered.islands) > 1 else ""
        findings.append(
            Finding(
                code="resin-island",
                severity=Severity.WARNING,
                message=(
                    f"layer {island.layer + 1} of plate {job.plate.index} begins a region of {island.area_mm2:.2f} mm2 "
                    f"with nothing below it, at x {island.x_mm:.1f} y {island.y_mm:.1f} z {z_mm:.2f} mm{more}"
                ),
                value=island.area_mm2,
                limit=0.0,
                where_mm=(float(where[0]), float(where[1]), float(where[2])),
            )
        )
    return tuple(findings)


def _plate_to_case(job: _Job, x_mm: float, y_mm: float) -> Matrix:
    """Back to the case's frame, (4, 4), by the motion of the piece that stands nearest to a place on the plate."""
    at = np.array([x_mm, y_mm])

    def away_mm(name: str) -> float:
        lower, upper = job.meshes[name].bounds_mm[:, :2]
        return float(np.maximum(0.0, np.maximum(lower - at, at - upper)).sum())

    return np.asarray(np.linalg.inv(job.plate.motion(job.plan.part(min(job.meshes, key=away_mm)))))
