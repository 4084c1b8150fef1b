"""The CuraEngine driver.

    check -> settings -> meshes -> run -> compare -> dress -> read -> measure

Every setting stands on the command line, worked out from Cura's definitions, so that the engine falls back on nothing.
It repeats in its log what it took; that is compared. What it cannot say is measured in the file: layers, widths of
walls, filament against its own sum.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from printprep.errors import SettingNotHonoured, SliceFailed
from printprep.files import replacing
from printprep.formats import stl
from printprep.gcode.supports import Bead
from printprep.geometry.mesh import Mesh
from printprep.plan import Plan, Plate, Setting, SlicedPlate
from printprep.profiles.load import Profiles
from printprep.progress import SILENT, Progress
from printprep.slicers.cura_definitions import find_definitions, read_definitions, text_of
from printprep.slicers.cura_settings import Requested, cura_tower, left_out, settings
from printprep.slicers.dressed import LAYER, dress_of, put_on
from printprep.slicers.engine import EngineRun, check_ended_well, find_engine, run_engine, version_said, working_folder
from printprep.slicers.finished import finished
from printprep.slicers.fit import open_parts
from printprep.slicers.job import Job, implausible, job_of, least_s, untested
from printprep.slicers.prusa_supports import modifiers

NAME: Final = "CuraEngine"
PROGRAM: Final = "CuraEngine"
HOW_TO_GET: Final = "get it with: apt-get install --no-install-recommends cura-engine"
TESTED: Final = "4.13"
"""The version whose settings, messages and figures this driver was tested with."""

RANK: Final = "infill_mesh_order"
"""Of any mesh, whatever its name says: where two overlap, the lower wins (CuraEngine, multiVolumes.cpp)."""

_VERSION: Final = r"Cura_SteamEngine version (\d+(?:\.\d+)*)"
_PROGRESS: Final = re.compile(r"^Progress:([^:]+):\d+:\d+\s+([\d.]+)%")
_SAID: Final = re.compile(r'-(?:(g)\b|e(\d+)\b|l "([^"]*)"|s ([a-z0-9_]+)="([^"]*)")')
LAST_WORDS: Final = ";End of Gcode"
_LEFT_OUT: Final = (
    ";FLAVOR:",
    ";TIME",  # a placeholder, and the engine's own idea of the time
    ";Filament used",
    ";Layer height",
    ";MIN",
    ";MAX",
    ";Generated with",
    ";LAYER_COUNT",
    LAST_WORDS,  # what the profile has for the end comes before them
)


def version() -> str:
    """Name and version of the engine, such as ``curaengine 4.13.0``; asked once a process.

    Raises
    ------
    SlicerNotFound
        It, or Cura's machine definitions, are not installed; the message says how to get them.
    SliceFailed
        It does not say its version.
    """
    find_definitions()
    return f"curaengine {version_said(find_engine(PROGRAM, HOW_TO_GET), 'help', _VERSION, HOW_TO_GET)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One mesh on the command line, with what is said of it alone."""

    file: str  # name of its STL in the engine's folder
    name: str  # of the part; it stands in the file
    mesh: Mesh  # in the plate frame
    settings: Mapping[str, bool | int]


def models(job: Job) -> list[Model]:
    """The meshes of a plate in the order that the engine wants: where two overlap, the EARLIER one wins.

    Modifiers come last: blocked are places that nothing may support, a support mesh is filled with support down to what
    is below it. Each says its rank: the engine sorts by it, and 4.13 mixes up more than sixteen meshes of one rank, so
    that another part wins.
    """
    numbers = {tool: number for number, tool in enumerate(job.tools)}
    found = [
        Model(
            file=f"part-{number}.stl",
            name=part.name,
            mesh=job.meshes[part.name],
            settings={"extruder_nr": numbers[part.tool], RANK: number},
        )
        for number, part in enumerate(reversed(job.parts), start=1)
    ]
    if job.plan.supports:
        kinds: dict[str, dict[str, bool | int]] = {
            "SupportBlocker": {"anti_overhang_mesh": True},
            "SupportEnforcer": {"support_mesh": True, "support_mesh_drop_down": True},
        }
        found += [
            Model(
                file=f"modifier-{number}.stl",
                name="modifier",
                mesh=volume.mesh,
                settings={"extruder_nr": 0, RANK: len(job.parts) + number, **kinds[volume.kind]},
            )
            for number, volume in enumerate(modifiers(job.plan, job.plate, job.process), start=1)
        ]
    return found


def command(program: str, requested: Requested, meshes: Sequence[Model], output: Path) -> list[str]:
    """The command line that slices ``meshes`` as they stand.

    All files lie in the engine's working directory and go by their names alone, so that no path reaches the engine.
    """

    def said(values: Mapping[str, object]) -> list[str]:
        return [word for key, value in values.items() for word in ("-s", f"{key}={text_of(value)}")]  # type: ignore[arg-type]

    words = [program, "slice", "-v", "-p", "-o", output.name, *said(requested.common)]
    for number, tool in enumerate(requested.tools):
        words += [f"-e{number}", *said(tool)]
    for model in meshes:
        words += ["-l", model.file, *said(model.settings)]
    return words


def run(
    words: Sequence[str],
    output: Path,
    *,
    timeout_s: float,
    on_progress: Callable[[float, str], None] = lambda _done, _what: None,
) -> EngineRun:
    """Run CuraEngine in the folder of its output and tell how far it is.

    Raises
    ------
    SliceTimeout, SliceFailed
        It did not end in time; it was killed, crashed, refused, or wrote nothing.
    """

    def hear(line: str) -> None:
        found = _PROGRESS.match(line)
        if found:
            on_progress(min(float(found.group(2)), 1.0), found.group(1))

    ended = run_engine(words, cwd=output.parent, timeout_s=timeout_s, on_line=hear)
    check_ended_well(ended, NAME, output)
    return ended


def resolved(lines: Sequence[str]) -> tuple[dict[str, str], dict[int, dict[str, str]]]:
    """The settings that the engine says it took: for all, and for each of its tools.

    Raises
    ------
    SliceFailed
        It does not say them.
    """
    text = next((line for line in lines if " -s " in line and " -g" in line), None)
    if text is None:
        raise SliceFailed(f"{NAME} does not say which settings it took; use version {TESTED}, see printprep doctor")
    common: dict[str, str] = {}
    tools: dict[int, dict[str, str]] = {}
    into = common
    for found in _SAID.finditer(text):
        group, tool, _, key, value = found.groups()
        if group:
            break  # what follows is said of meshes
        if tool is not None:
            into = tools.setdefault(int(tool), {})
        elif key is not None:
            into[key] = value
    return common, tools


def compared(requested: Requested, lines: Sequence[str], tools: Sequence[int]) -> tuple[Setting, ...]:
    """Every setting as requested and as the engine says it took it; those of a tool where they differ from the rest.

    Raises
    ------
    SettingNotHonoured
        It took another value, or none.
    """
    common, by_tool = resolved(lines)
    rows: list[Setting] = []
    lost: list[str] = []
    tables = [("", requested.common, common)]
    tables += [
        (f"tool {tool}: ", values, by_tool.get(number, {}))
        for number, (tool, values) in enumerate(zip(tools, requested.tools, strict=True))
    ]
    for where, asked, got in tables:
        for key in sorted(asked):
            text = text_of(asked[key])
            if got.get(key) != text:
                lost.append(f"{where}{key}: requested {text!r}, took {got.get(key)!r}")
            if not where or asked[key] != requested.common[key]:
                said = text if key in requested.said else None
                rows.append(Setting(key=f"{where}{key}", requested=said, resolved=got.get(key)))
    if lost:
        raise SettingNotHonoured(f"{NAME} did not honour " + "; ".join(lost[:8]) + ". Correct the profile")
    return tuple(rows)


def said_of_itself(lines: Sequence[str]) -> tuple[float | None, dict[int, float]]:
    """What the engine says at its end: seconds, and mm3 of filament by its count of tools."""
    duration_s: float | None = None
    mm3: dict[int, float] = {}
    for line in lines:
        if found := re.match(r"Print time \(s\): (-?\d+)", line):
            duration_s = float(found[1])
        elif found := re.match(r"Filament(\d*)(?: \(mm\^3\))?: (-?\d+)", line):
            mm3[int(found[1] or 1) - 1] = float(found[2])
    return duration_s, mm3


def lines_of(raw: Path, names: Mapping[str, str]) -> Iterator[str]:
    """The engine's lines without its head, with the names of parts instead of files."""
    with raw.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            text = line.rstrip()
            if text.startswith(";"):
                if text.startswith(";LAYER:"):
                    yield LAYER + text
                elif text.startswith(";MESH:"):
                    yield f";MESH:{names.get(text[6:], 'NONMESH')}"
                elif not text.startswith(_LEFT_OUT):
                    yield text
            elif text:
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
        A part or the prime tower does not fit the bed or the height.
    SlicerNotFound, SliceFailed, SliceTimeout
        The engine or its definitions are missing, it failed, or did not end in time.
    SettingNotHonoured
        It took another value for a requested setting, or its file shows another.
    """
    engine = version()
    program = find_engine(PROGRAM, HOW_TO_GET)
    job = job_of(plan, plate, profiles, NAME, cura_tower)
    requested = settings(job, read_definitions(find_definitions()))
    file = out_dir / f"plate-{plate.index}.gcode"
    meshes = models(job)
    with working_folder(out_dir, plate.index) as folder, progress.step(f"slice plate {plate.index}") as step:
        raw = folder / "plate.gcode"
        for model in meshes:
            stl.write(raw.with_name(model.file), _about_the_middle(model.mesh, job))
        words = command(program, requested, meshes, raw)
        ended = run(words, raw, timeout_s=timeout_s, on_progress=step.advance)
        took = compared(requested, ended.lines, job.tools)
        said_s, said_mm3 = said_of_itself(ended.lines)
        with replacing(file) as draft:
            names = {model.file: model.name for model in meshes}
            made_by = f";Generated with Cura_SteamEngine {engine.split()[1]}"
            put_on(lines_of(raw, names), draft, dress_of(job), made_by, LAST_WORDS)
            fed_mm3 = {job.tools[number]: mm3 for number, mm3 in said_mm3.items()}
            made = finished(job, draft, NAME, fed_mm3, _bead(requested, job), _width(requested))
    doubt = implausible(job, NAME, said_s, least_s(job, made.uses), made.duration_s)
    return made.plate(
        file,
        engine,
        settings=took,
        findings=(
            *left_out(job),
            *untested(engine, TESTED),
            *open_parts(job.meshes),
            *((doubt,) if doubt else ()),
        ),
        wall_s=ended.wall_s,
        extras={} if said_s is None else {"slicer_duration_s": said_s},
    )


def _about_the_middle(mesh: Mesh, job: Job) -> Mesh:
    """A mesh as the engine wants it: it puts the middle of the bed where a file has its origin."""
    bed = job.printer.bed
    return Mesh(mesh.vertices - [bed.width_mm / 2.0, bed.depth_mm / 2.0, 0.0], mesh.faces)


def _width(requested: Requested) -> float:
    """Width of an outer wall, mm."""
    return float(str(requested.tools[0]["wall_line_width_0"]))


def _bead(requested: Requested, job: Job) -> Bead:
    """How the engine was asked to lay supports."""
    tool = requested.tools[0]
    layer_mm = job.process.layer_height_mm
    gap_mm = layer_mm * math.ceil(float(str(tool["support_top_distance"])) / layer_mm - 1e-6)  # whole layers
    return Bead(
        width_mm=float(str(tool["support_line_width"])),
        layer_mm=job.process.layer_height_mm,
        gap_mm=gap_mm,
        interface_gap_mm=gap_mm,
    )
