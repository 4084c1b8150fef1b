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
from pathlib import Path
from typing import Final

from printprep.case import Finding, Severity
from printprep.errors import SliceFailed
from printprep.files import replacing
from printprep.gcode.read import read_gcode
from printprep.gcode.supports import anatomy_layers
from printprep.plan import Estimate, Plan, Plate, SlicedPlate, Supports
from printprep.profiles.load import Profiles
from printprep.progress import SILENT, Progress
from printprep.slicers.engine import EngineRun, check_ended_well, find_engine, run_engine, version_said
from printprep.slicers.fit import open_parts
from printprep.slicers.honoured import compare
from printprep.slicers.job import Copied, Job, implausible, job_of, least_s, untested, uses_of, verify
from printprep.slicers.own_time import times_on
from printprep.slicers.prusa_gcode import Figures, copy_scrubbed, parse
from printprep.slicers.prusa_project import Volume, write_project
from printprep.slicers.prusa_settings import (
    refused,
    settings,
    to_ini,
)
from printprep.slicers.prusa_supports import bead, measured, modifiers
from printprep.slicers.prusa_supports import findings as support_findings

NAME: Final = "PrusaSlicer"
PROGRAM: Final = "prusa-slicer"
HOW_TO_GET: Final = "get it with: apt-get install --no-install-recommends prusa-slicer"
TESTED: Final = "2.5"
"""The version whose settings, messages and figures this driver was tested with."""

_VERSION: Final = r"PrusaSlicer-(\d+(?:\.\d+)*)"
_PROGRESS: Final = re.compile(r"^(\d{1,3}) => (.*)")
_CHATTER: Final = re.compile(r"\[(trace|debug|info)\]|^Slicing result exported to |^\d{1,3} => ")


def version() -> str:
    """Name and version of the engine, such as ``prusaslicer 2.5.0``; asked once a process.

    Raises
    ------
    SlicerNotFound
        It is not installed; the message says how to get it.
    SliceFailed
        It does not say its version.
    """
    return f"prusaslicer {version_said(find_engine(PROGRAM, HOW_TO_GET), '--help', _VERSION, HOW_TO_GET)}"


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
    check_ended_well(ended, NAME, output)
    return ended


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
    job = job_of(plan, plate, profiles, NAME)
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
            resolved = compare(requested, figures.config, NAME)
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
            *untested(engine, TESTED),
            *open_parts(job.meshes),
            *warnings(ended.lines, folder),
            *taken.doubts,
            *(support_findings(taken.supports, file) if taken.supports else ()),
        ),
        tool_changes=figures.tool_changes,
        wall_s=ended.wall_s,
        extras={} if figures.duration_s is None else {"slicer_duration_s": figures.duration_s},
    )


def _slice(job: Job, ini: str, raw: Path, *, timeout_s: float, on_progress: Callable[[float, str], None]) -> EngineRun:
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


def _take(job: Job, figures: Figures, raw: Path, draft: Path) -> _Taken:
    """Copy the engine's G-code to ``draft``, scrubbed, and check and measure the copy."""
    copied = copy_scrubbed(raw, draft)
    gcode = read_gcode(draft)
    layers = anatomy_layers(gcode)
    verify(job, copied, layers)
    estimate, doubts = _estimate(job, figures, draft)
    supports = None
    if job.plan.supports:
        laid = bead(figures.config, job.process, job.fdm.nozzle_mm)
        supports = measured(gcode, job.plan, job.plate, job.profiles, job.meshes, laid, job.tower)
    return _Taken(copied=copied, anatomy_layer_count=layers, estimate=estimate, doubts=doubts, supports=supports)


def warnings(lines: Sequence[str], folder: str, name: str = NAME) -> tuple[Finding, ...]:
    """What the engine said besides its progress, a finding a line, without the name of its working folder."""
    said = (line.replace(f"{folder}/", "").strip() for line in lines if not _CHATTER.search(line))
    return tuple(
        Finding(code="slicer-warning", severity=Severity.WARNING, message=f"{name} says: {line}")
        for line in dict.fromkeys(said)
        if line
    )


def _estimate(job: Job, figures: Figures, gcode: Path) -> tuple[Estimate, tuple[Finding, ...]]:
    """Material, and the time as the firmware will take it; an engine's time that cannot be is a finding."""
    section_mm2 = math.pi / 4 * job.fdm.filament_mm**2
    uses = uses_of(job, {tool: section_mm2 * fed_mm for tool, fed_mm in enumerate(figures.filament_mm)}, NAME)
    said_s, at_least_s = figures.duration_s, least_s(job, uses)
    own_s = times_on(job.printer, gcode).duration_s
    estimate = Estimate(duration_s=own_s, duration_from="trapezoid", material=uses)
    doubt = implausible(job, NAME, said_s, at_least_s, own_s)
    return estimate, (doubt,) if doubt else ()
