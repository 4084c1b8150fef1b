"""The PrusaSlicer driver.

    check -> settings -> project and ini -> run -> parse -> compare -> copy scrubbed -> verify

The engine's exit code 0 proves little: before it runs, bed, height, closed parts and the wipe tower's place are checked
here; after it, that the file is whole, holds every tool and layer, and that every requested setting was honoured.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from printprep.case import Finding, Severity
from printprep.errors import DoesNotFit, ProfileError, SliceFailed
from printprep.files import replacing
from printprep.gcode.read import read_gcode
from printprep.gcode.supports import anatomy_layers
from printprep.geometry.mesh import Mesh
from printprep.plan import Estimate, MaterialUse, Plan, PlannedPart, Plate, SlicedPlate, Supports
from printprep.profiles.load import Profiles
from printprep.profiles.models import Fdm, FdmProcess, Printer
from printprep.profiles.tower import tower_size
from printprep.progress import SILENT, Progress
from printprep.slicers.engine import EngineRun, check_ended_well, find_engine, run_engine
from printprep.slicers.fit import TOLERANCE_MM, Tower, check_fits, open_parts, place_tower
from printprep.slicers.honoured import compare
from printprep.slicers.own_time import times_on
from printprep.slicers.prusa_gcode import Copied, Figures, copy_scrubbed, parse
from printprep.slicers.prusa_project import Volume, write_project
from printprep.slicers.prusa_settings import (
    loads_of_all_tools,
    refused,
    settings,
    to_ini,
    used_tools,
)
from printprep.slicers.prusa_supports import findings as support_findings
from printprep.slicers.prusa_supports import measured, modifiers

PROGRAM: Final = "prusa-slicer"
HOW_TO_GET: Final = "get it with: apt-get install --no-install-recommends prusa-slicer"
TESTED: Final = "2.5"
"""The version whose settings, messages and figures this driver was tested with."""

_PROGRESS: Final = re.compile(r"^(\d{1,3}) => (.*)")
_CHATTER: Final = re.compile(r"\[(trace|debug|info)\]|^Slicing result exported to |^\d{1,3} => ")
_LONGEST_S: Final = 60 * 86400.0  # a plate that prints for two months is a wrong figure


def version() -> str:
    """Name and version of the engine, such as ``prusaslicer 2.5.0``; asked once a process.

    Raises
    ------
    SlicerNotFound
        It is not installed; the message says how to get it.
    SliceFailed
        It does not say its version.
    """
    return _version_of(find_engine(PROGRAM, HOW_TO_GET))


@cache
def _version_of(program: str) -> str:
    with tempfile.TemporaryDirectory(prefix="printprep-") as folder:
        heard = run_engine([program, "--help"], cwd=Path(folder), timeout_s=60.0)
    found = re.search(r"PrusaSlicer-(\d+(?:\.\d+)*)", "\n".join(heard.lines[:5]))
    if found is None:
        raise SliceFailed(f"{program} does not say its version; {HOW_TO_GET}, or see printprep doctor")
    return f"prusaslicer {found.group(1)}"


def command(program: str, ini: Path, project: Path, output: Path) -> list[str]:
    """The command line that slices ``project`` as it stands, without moving anything.

    All files lie in the engine's working directory and go by their names alone, so that no path reaches the engine.
    """
    return [
        program,
        "--export-gcode",
        "--dont-arrange",
        "--loglevel=1",
        "--datadir=.",
        f"--load={ini.name}",
        f"--output={output.name}",
        project.name,
    ]


def run(
    program: str,
    ini: Path,
    project: Path,
    output: Path,
    *,
    timeout_s: float,
    on_progress: Callable[[float, str], None] = lambda _done, _what: None,
) -> EngineRun:
    """Run PrusaSlicer in the folder of ``ini`` and tell how far it is.

    Raises
    ------
    SliceTimeout, SliceFailed
        It did not end in time; it was killed, crashed, refused, or wrote nothing.
    """

    def hear(line: str) -> None:
        found = _PROGRESS.match(line)
        if found:
            on_progress(int(found.group(1)) / 100.0, found.group(2).partition(" to ")[0])

    ended = run_engine(command(program, ini, project, output), cwd=ini.parent, timeout_s=timeout_s, on_line=hear)
    check_ended_well(ended, "PrusaSlicer", output)
    return ended


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One plate with everything that its slicing looks up."""

    plan: Plan
    plate: Plate
    profiles: Profiles
    printer: Printer
    fdm: Fdm
    process: FdmProcess
    parts: tuple[PlannedPart, ...]  # of the plate, by rising priority
    meshes: dict[str, Mesh]  # by part, in the plate frame
    tools: tuple[int, ...]  # that its parts are assigned to
    tower: Tower | None


def slice_plate(
    plan: Plan,
    plate: Plate,
    profiles: Profiles,
    out_dir: Path,
    *,
    timeout_s: float = 3600.0,
    progress: Progress = SILENT,
) -> SlicedPlate:
    """Slice one plate into ``plate-N.gcode`` in ``out_dir``, whole or not at all.

    Raises
    ------
    DoesNotFit
        A part or the wipe tower does not fit the bed or the height.
    SlicerNotFound, SliceFailed, SliceTimeout
        The engine is missing, failed, or did not end in time.
    SettingNotHonoured
        It resolved a requested setting to another value.
    """
    engine = version()
    job = _job(plan, plate, profiles)
    requested = settings(plan, plate, profiles, job.tower)
    file = out_dir / f"plate-{plate.index}.gcode"
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=out_dir.resolve(), prefix=f".plate-{plate.index}-") as folder,
            progress.step(f"slice plate {plate.index}") as step,
        ):
            raw = Path(folder) / "plate.gcode"
            ended = _slice(job, to_ini(requested), raw, timeout_s=timeout_s, on_progress=step.advance)
            figures = parse(raw)
            resolved = compare(requested, figures.config)
            with replacing(file) as draft:
                taken = _take(job, figures, raw, draft)
    except OSError as exc:
        raise SliceFailed(f"{exc.filename or out_dir}: {exc.strerror}; free space or name another folder") from exc
    return SlicedPlate(
        index=plate.index,
        file=file,
        printer=plan.printer,
        process=plan.process,
        engine=engine,
        sha256=taken.copied.sha256,
        layer_count=taken.copied.layer_count,
        layer_height_mm=job.process.layer_height_mm,
        estimate=taken.estimate,
        anatomy_layer_count=taken.anatomy_layer_count,
        supports=taken.supports,
        settings=resolved,
        findings=(
            *refused(plan, profiles),
            *_untested(engine),
            *open_parts(job.meshes),
            *warnings(ended.lines, folder),
            *taken.doubts,
            *(support_findings(taken.supports, file) if taken.supports else ()),
        ),
        tool_changes=figures.tool_changes,
        wall_s=ended.wall_s,
        extras={} if figures.duration_s is None else {"slicer_duration_s": figures.duration_s},
    )


def _slice(job: _Job, ini: str, raw: Path, *, timeout_s: float, on_progress: Callable[[float, str], None]) -> EngineRun:
    """Write project and settings beside ``raw``, and let the engine make it of them."""
    project, config = raw.with_suffix(".3mf"), raw.with_suffix(".ini")
    volumes = [Volume(name=part.name, mesh=job.meshes[part.name], tool=part.tool) for part in job.parts]
    if job.plan.supports:
        volumes += modifiers(job.plan, job.plate, job.process)
    write_project(project, volumes)
    config.write_text(ini, encoding="utf-8")
    return run(find_engine(PROGRAM, HOW_TO_GET), config, project, raw, timeout_s=timeout_s, on_progress=on_progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What is known of a G-code that left the engine's folder."""

    copied: Copied
    anatomy_layer_count: int
    estimate: Estimate
    doubts: tuple[Finding, ...]
    supports: Supports | None


def _take(job: _Job, figures: Figures, raw: Path, draft: Path) -> _Taken:
    """Copy the engine's G-code to ``draft``, scrubbed, and check and measure the copy."""
    copied = copy_scrubbed(raw, draft)
    gcode = read_gcode(draft)
    layers = anatomy_layers(gcode)
    _verify(job, copied, layers)
    estimate, doubts = _estimate(job, figures, draft)
    supports = None
    if job.plan.supports:
        supports = measured(gcode, job.plan, job.plate, job.profiles, job.meshes, figures.config, job.tower)
    return _Taken(copied=copied, anatomy_layer_count=layers, estimate=estimate, doubts=doubts, supports=supports)


def warnings(lines: Sequence[str], folder: str) -> tuple[Finding, ...]:
    """What the engine said besides its progress, a finding a line, without the name of its working folder."""
    said = (line.replace(f"{folder}/", "").strip() for line in lines if not _CHATTER.search(line))
    return tuple(
        Finding(code="slicer-warning", severity=Severity.WARNING, message=f"PrusaSlicer says: {line}")
        for line in dict.fromkeys(said)
        if line
    )


def _job(plan: Plan, plate: Plate, profiles: Profiles) -> _Job:
    printer = profiles.printer(plan.printer)
    parts = tuple(sorted((p for p in plan.parts if p.name in plate.parts), key=lambda part: part.priority))
    if printer.fdm is None:
        raise ProfileError(f"printer {printer.id} does not extrude: PrusaSlicer's driver cannot slice for it")
    if not parts:
        raise SliceFailed(f"plate {plate.index} of case {plan.case_id} has no parts")
    process = profiles.process(plan.process).fdm
    meshes = {part.name: part.mesh.transformed(plate.motion(part)) for part in parts}
    check_fits(meshes, printer.bed, margin_mm=process.brim_mm)
    tools = used_tools(plan, plate)
    tower = None
    if (size := tower_size(printer.fdm, process, len(tools))) is not None:
        tower = place_tower(list(meshes.values()), printer.bed, process, size)
    return _Job(
        plan=plan,
        plate=plate,
        profiles=profiles,
        printer=printer,
        fdm=printer.fdm,
        process=process,
        parts=parts,
        meshes=meshes,
        tools=tools,
        tower=tower,
    )


def _verify(job: _Job, copied: Copied, anatomy_layer_count: int) -> None:
    """Check the G-code against the plate: its tools, its layers, its first layer's place.

    Raises
    ------
    SliceFailed
        A tool or layers are missing: anatomy would be.
    DoesNotFit
        The first layer leaves the bed, or the wipe tower runs into a part.
    """
    wanted = {part.tool for part in job.parts}
    if job.fdm.tools > 1 and (missing := wanted - copied.tools.keys()):
        lost = [part.name for part in job.parts if part.tool in missing]
        raise SliceFailed(
            f"tools {sorted(missing)} never print: {', '.join(lost)} vanished from the G-code; a part of higher "
            "priority covers them, or they are thinner than a line"
        )
    top_mm = max(float(mesh.bounds_mm[1, 2]) for mesh in job.meshes.values())
    layers = 1 + max(0.0, top_mm - job.process.first_layer_height_mm) / job.process.layer_height_mm
    if anatomy_layer_count < 0.98 * layers - 2 or copied.top_mm < top_mm - 3 * job.process.layer_height_mm:
        raise SliceFailed(
            f"{anatomy_layer_count} layers up to {copied.top_mm:.2f} mm for parts of {top_mm:.2f} mm: "
            f"about {layers:.0f} were due; anatomy is missing, repair the parts"
        )
    tower = copied.first_layer.get("Wipe tower")
    if job.tower is not None and tower is not None and not job.tower.holds(*tower):
        raise SliceFailed(
            f"the wipe tower came out as {tower[2] - tower[0]:.1f} x {tower[3] - tower[1]:.1f} mm, more than the "
            f"{' x '.join(f'{v:.0f}' for v in job.tower.size.place_mm)} mm that were free for it; use fewer tools"
        )
    for feature, (x0, y0, x1, y1) in copied.first_layer.items():
        bed = job.printer.bed
        if min(x0, y0) < -TOLERANCE_MM or x1 > bed.width_mm + TOLERANCE_MM or y1 > bed.depth_mm + TOLERANCE_MM:
            raise DoesNotFit(
                f"{feature.lower()} of the first layer reaches from ({x0:.1f}, {y0:.1f}) to ({x1:.1f}, {y1:.1f}) mm, "
                f"the bed is {bed.width_mm:g} x {bed.depth_mm:g} mm; use a larger printer or a smaller scale"
            )


def _estimate(job: _Job, figures: Figures, gcode: Path) -> tuple[Estimate, tuple[Finding, ...]]:
    """Material, and the time as the firmware will take it; an engine's time that cannot be is a finding."""
    loads = loads_of_all_tools(job.plan, job.fdm)
    uses = []
    section_mm2 = math.pi / 4 * job.fdm.filament_mm**2
    for tool, mm3 in enumerate(section_mm2 * fed_mm for fed_mm in figures.filament_mm):
        material = job.profiles.material(loads[tool].material)
        use = MaterialUse(material=material.id, tool=tool, mm3=mm3, g=mm3 * material.density_g_cm3 / 1000.0)
        uses += [use] if mm3 > 0 else []
    if unfed := {part.tool for part in job.parts} - {use.tool for use in uses}:
        raise SliceFailed(f"PrusaSlicer feeds no filament through tools {sorted(unfed)}, which have parts to print")
    fastest_mm3_s = max(f.max_flow_mm3_s for use in uses if (f := job.profiles.material(use.material).fdm))
    least_s = sum(use.mm3 for use in uses) / fastest_mm3_s
    said_s, own_s = figures.duration_s, times_on(job.printer, gcode).duration_s
    estimate = Estimate(duration_s=own_s, duration_from="trapezoid", material=tuple(uses))
    if said_s is not None and least_s <= said_s <= _LONGEST_S:
        return estimate, ()
    said = "nothing" if said_s is None else f"{said_s:.0f} s"
    doubt = Finding(
        code="slicer-time-implausible",
        severity=Severity.WARNING,
        message=(
            f"PrusaSlicer says that plate {job.plate.index} takes {said}, "
            f"but its material alone needs {least_s:.0f} s; our own estimate of {own_s:.0f} s stands in"
        ),
        value=said_s,
        limit=least_s,
    )
    return estimate, (doubt,)


def _untested(engine: str) -> tuple[Finding, ...]:
    if engine.split()[-1].startswith(f"{TESTED}."):
        return ()
    return (
        Finding(
            code="slicer-version-untested",
            severity=Severity.WARNING,
            message=f"{engine} is not the version this driver was tested with ({TESTED}); look at the result",
            value=engine,
            limit=TESTED,
        ),
    )
