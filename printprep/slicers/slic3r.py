"""The Slic3r driver.

    check -> settings -> project and ini -> run -> parse -> compare -> dress -> read -> measure

Slic3r marks no feature but in a comment behind each move, and says no time. The comments become the marks that all
readers of G-code know, and the time is our own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from printprep.errors import SliceFailed
from printprep.files import replacing
from printprep.gcode.supports import Bead
from printprep.geometry.mesh import Mesh
from printprep.plan import Plan, Plate, SlicedPlate
from printprep.profiles.load import Profiles
from printprep.progress import SILENT, Progress
from printprep.slicers.dressed import LAYER, dress_of, put_on
from printprep.slicers.engine import EngineRun, check_ended_well, find_engine, run_engine, version_said, working_folder
from printprep.slicers.finished import finished
from printprep.slicers.fit import open_parts
from printprep.slicers.honoured import compare
from printprep.slicers.job import Job, job_of, untested
from printprep.slicers.prusa_settings import to_ini
from printprep.slicers.prusaslicer import warnings
from printprep.slicers.slic3r_project import carved, write_project
from printprep.slicers.slic3r_settings import left_out, refuse_what_it_cannot, settings

NAME: Final = "Slic3r"
PROGRAM: Final = "slic3r"
HOW_TO_GET: Final = "get it with: apt-get install --no-install-recommends slic3r"
TESTED: Final = "1.3"
"""The version whose settings, messages and figures this driver was tested with."""

_VERSION: Final = r"(?m)^\s*(\d+(?:\.\d+)+)"
_STEPS: Final = (
    "Processing triangulated mesh",
    "Generating perimeters",
    "Preparing infill",
    "Infilling layers",
    "Generating support material",
    "Generating brim",
    "Exporting G-code",
)
_STEP: Final = re.compile(r"=> (.+?)(?: to .*)?$")
_CHATTER: Final = re.compile(r"=> |^Done\.|^Filament required|^\s*$")
FEATURES: Final = {
    "perimeter": "Perimeter",
    "perimeter (bridge)": "Overhang perimeter",
    "infill": "Infill",
    "infill (bridge)": "Bridge infill",
    "brim": "Skirt/Brim",
    "skirt": "Skirt/Brim",
    "support material": "Support material",
    "support material interface": "Support material interface",
}
"""Names of features as PrusaSlicer marks them, by Slic3r's comments; it tells no kinds of walls or infill apart."""


def version() -> str:
    """Name and version of the engine, such as ``slic3r 1.3.0``; asked once a process.

    Raises
    ------
    SlicerNotFound
        It is not installed; the message says how to get it.
    SliceFailed
        It does not say its version.
    """
    return f"slic3r {version_said(find_engine(PROGRAM, HOW_TO_GET), '--version', _VERSION, HOW_TO_GET)}"


def command(program: str, ini: Path, project: Path, output: Path) -> list[str]:
    """The command line that slices ``project`` as it stands, without moving anything.

    All files lie in the engine's working directory and go by their names alone, so that no path reaches the engine.
    """
    return [
        program,
        "--no-gui",
        "--dont-arrange",
        "--datadir=.",
        "--load",
        ini.name,
        "--output",
        output.name,
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
    """Run Slic3r in the folder of ``ini`` and tell which of its steps it is at.

    Raises
    ------
    SliceTimeout, SliceFailed
        It did not end in time; it was killed, crashed, refused, or wrote nothing.
    """

    def hear(line: str) -> None:
        found = _STEP.search(line)
        if found and found.group(1) in _STEPS:
            on_progress(_STEPS.index(found.group(1)) / len(_STEPS), found.group(1))

    ended = run_engine(command(program, ini, project, output), cwd=ini.parent, timeout_s=timeout_s, on_line=hear)
    check_ended_well(ended, NAME, output)
    return ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What Slic3r says at the end of its G-code."""

    filament_mm: tuple[float, ...]  # fed, by its count of tools
    config: dict[str, str]  # every setting as resolved


def parse(path: Path) -> Figures:
    """Read the figures at the end of Slic3r's G-code.

    Raises
    ------
    SliceFailed
        The file does not end as a finished one does.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - (1 << 17)))
        tail = file.read().decode("utf-8", "replace")
    _, mark, figures = tail.partition("\n; filament used = ")
    config = dict(re.findall(r"^; (\w+) = ?(.*)$", figures, re.MULTILINE))
    if not mark or "layer_height" not in config:
        raise SliceFailed(f"{path.name} stops before its end: {NAME} did not finish it; slice again")
    fed = re.findall(r"^; filament used = ([\d.]+)mm", tail, re.MULTILINE)
    return Figures(filament_mm=tuple(float(mm) for mm in fed), config=config)


def lines_of(raw: Path) -> Iterator[str]:
    """The engine's lines with marks of features and layers instead of comments, without its head and tail."""
    feature = ""
    with raw.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(";"):
                if line.startswith(";LAYER_CHANGE"):
                    yield LAYER + line.rstrip()
                elif line.startswith(";Z:"):
                    yield line.rstrip()
                continue
            text, _, comment = line.partition(";")
            text = text.rstrip()
            name = FEATURES.get(comment.strip(), feature)
            if name != feature:
                feature = name
                yield f";TYPE:{name}"
            if text:
                yield text


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
        A part does not fit the bed or the height.
    SlicerNotFound, SliceFailed, SliceTimeout
        The engine is missing, failed, did not end in time, or cannot do what the plate needs.
    SettingNotHonoured
        It resolved a requested setting to another value, or its file shows another.
    """
    engine = version()
    program = find_engine(PROGRAM, HOW_TO_GET)
    job = job_of(plan, plate, profiles, NAME, lambda _fdm, _process, _tools: None)
    cannot = refuse_what_it_cannot(job)
    requested = settings(job)
    file = out_dir / f"plate-{plate.index}.gcode"
    section_mm2 = math.pi / 4.0 * job.fdm.filament_mm**2
    with working_folder(out_dir, plate.index) as folder, progress.step(f"slice plate {plate.index}") as step:
        project, ini, raw = (folder / name for name in ("plate.amf", "plate.ini", "plate.gcode"))
        write_project(project, _volumes(job))
        ini.write_text(to_ini(requested), encoding="utf-8")
        ended = run(program, ini, project, raw, timeout_s=timeout_s, on_progress=step.advance)
        figures = parse(raw)
        resolved = compare(requested, figures.config, NAME)
        with replacing(file) as draft:
            put_on(lines_of(raw), draft, dress_of(job, own_fan=True), f"; generated by Slic3r {engine.split()[1]}")
            fed_mm3 = {tool: section_mm2 * mm for tool, mm in zip(job.tools, figures.filament_mm, strict=False)}
            made = finished(job, draft, NAME, fed_mm3, _bead(job))
    return made.plate(
        file,
        engine,
        settings=resolved,
        findings=(
            *left_out(job),
            *cannot,
            *untested(engine, TESTED),
            *open_parts(job.meshes),
            *warnings([line for line in ended.lines if not _CHATTER.search(line)], folder, NAME),
        ),
        wall_s=ended.wall_s,
    )


def _volumes(job: Job) -> list[tuple[str, Mesh, int]]:
    """The parts without what others take of them, with the engine's numbers of their tools."""
    meshes = carved(job.meshes)
    return [
        (part.name, meshes[part.name], job.tools.index(part.tool) + 1) for part in job.parts if len(meshes[part.name])
    ]


def _bead(job: Job) -> Bead:
    """How the engine was asked to lay supports; its layers next to a part bridge over the others with thick threads."""
    gap_mm = 0.2 if job.plan.support_tool is None else 0.0
    thick_mm = max(0.0, job.fdm.nozzle_mm - job.process.layer_height_mm) if gap_mm else 0.0
    return Bead(
        width_mm=job.fdm.nozzle_mm,
        layer_mm=job.process.layer_height_mm,
        gap_mm=gap_mm,
        interface_gap_mm=gap_mm + thick_mm,
    )
