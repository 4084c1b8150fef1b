"""The PrusaSlicer driver.

    check -> settings -> project and ini -> run -> parse -> compare -> copy scrubbed -> read -> measure

The engine's exit code 0 proves little: before it runs, bed, height, closed parts and the wipe tower's place are checked
here; after it, that the file is whole, holds every tool and layer, and that every requested setting was honoured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from printprep.case import Finding, Severity
from printprep.files import replacing
from printprep.plan import Plan, Plate, SlicedPlate
from printprep.profiles.load import Profiles
from printprep.progress import SILENT, Progress
from printprep.slicers.engine import EngineRun, check_ended_well, find_engine, run_engine, version_said, working_folder
from printprep.slicers.finished import finished
from printprep.slicers.fit import open_parts
from printprep.slicers.honoured import compare
from printprep.slicers.job import Job, implausible, job_of, least_s, untested
from printprep.slicers.prusa_gcode import copy_scrubbed, parse
from printprep.slicers.prusa_project import Volume, write_project
from printprep.slicers.prusa_settings import refused, settings, to_ini
from printprep.slicers.prusa_supports import bead, modifiers

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
    with working_folder(out_dir, plate.index) as folder, progress.step(f"slice plate {plate.index}") as step:
        raw = folder / "plate.gcode"
        ended = _slice(job, to_ini(requested), raw, timeout_s=timeout_s, on_progress=step.advance)
        figures = parse(raw)
        resolved = compare(requested, figures.config, NAME)
        with replacing(file) as draft:
            copy_scrubbed(raw, draft)
            # Its own sums count a wipe tower's loading and unloading; the diameter is one of the settings compared.
            made = finished(job, draft, NAME, {}, bead(figures.config, job.process, job.fdm.nozzle_mm))
    doubt = implausible(job, NAME, figures.duration_s, least_s(job, made.uses), made.duration_s)
    return made.plate(
        file,
        engine,
        settings=resolved,
        findings=(
            *refused(plan, profiles),
            *untested(engine, TESTED),
            *open_parts(job.meshes),
            *warnings(ended.lines, folder),
            *((doubt,) if doubt else ()),
        ),
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


def warnings(lines: Sequence[str], folder: Path, name: str = NAME) -> tuple[Finding, ...]:
    """What the engine said besides its progress, a finding a line, without the name of its working folder."""
    said = (line.replace(f"{folder}/", "").strip() for line in lines if not _CHATTER.search(line))
    return tuple(
        Finding(code="slicer-warning", severity=Severity.WARNING, message=f"{name} says: {line}")
        for line in dict.fromkeys(said)
        if line
    )
