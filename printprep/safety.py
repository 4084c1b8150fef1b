"""What a file may do on a printer, and whether it may be sent to this one.

The limits come from the printer's profile, the materials that are loaded and the firmware's note; a file that stands in
a locked build is also held against its lock: the right printer, and not a byte changed since it was certified.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from printprep.builds import build_for
from printprep.case import Finding, Severity, settle
from printprep.casefile import Acceptance
from printprep.errors import InputError
from printprep.gcode.guard import GuardLimits, allowed_commands, guard
from printprep.gcode.hits import Head
from printprep.gcode.vocabulary import words_of
from printprep.layerguard import guard_layers
from printprep.lock import NAME as LOCK
from printprep.lock import PREPARED, Lock, read_lock, verify_lock
from printprep.plan import Plan, Plate
from printprep.printers.dialects.events import Parking
from printprep.printers.layerjob import holds_layers
from printprep.printers.registry import VIRTUAL
from printprep.printers.send import Guard
from printprep.printers.tuning import TuneLimits
from printprep.profiles.firmware import READS
from printprep.profiles.load import Profiles
from printprep.profiles.models import Material, Printer, Process, Tissue
from printprep.profiles.tower import tower_size

EXTRUDE_MIN_C: Final = 150.0  # colder than that nothing is fed
BRIM_ROOM_MM: Final = 10.0
START_MM3: Final = 500.0  # purge lines and what a start macro feeds

SIMULATED: Final = VIRTUAL.profile
"""The printer that plays any other: it is held to the printer that a file was made for."""


def firmware_note(firmware: str) -> str:
    """The text of the notes on a firmware.

    Raises
    ------
    InputError
        There is none: nobody can say which commands it takes.
    """
    if firmware not in READS:
        raise InputError(f"there is no note on the firmware {firmware}, so no G-code for it can be guarded")
    notes = READS[firmware].notes
    package = Path(__file__).resolve().parent
    for folder in (package / "printers" / "notes", package.parent / "firmware_notes"):
        if all((folder / name).is_file() for name in notes):
            return "\n".join((folder / name).read_text(encoding="utf-8") for name in notes)
    raise InputError(f"the firmware notes are missing beside {package}; install printprep again")


def guard_limits(
    printer: Printer,
    materials: Mapping[int, Material],
    forbidden_words: Iterable[str] = (),
    known_words: Iterable[str] = (),
    material_mm3: tuple[float, float] | None = None,
) -> GuardLimits:
    """Limits for a file on ``printer`` with ``materials`` loaded, by tool.

    Parameters
    ----------
    printer, materials
        Without materials only the printer's own limits hold.
    forbidden_words
        That no text may hold, such as names of input files.
    known_words
        Of the case and of tissues: names of objects and comments may hold them.
    material_mm3
        The least and the most that the meshes on the plate can take.
    """
    if printer.fdm is None:
        raise InputError(f"{printer.id} is a resin printer and takes no G-code of an extruder")
    allowed, refused = allowed_commands(firmware_note(printer.firmware))
    fdm, own = printer.fdm, printer.fdm.macros
    code = (fdm.start_gcode, fdm.end_gcode, fdm.tool_change_gcode)
    return GuardLimits(
        upper_mm=(printer.bed.width_mm, printer.bed.depth_mm, printer.bed.height_mm),
        nozzle_max_c=fdm.nozzle_max_c,
        bed_max_c=fdm.bed_max_c,
        material_max_c={tool: m.fdm.nozzle_range_c[1] for tool, m in materials.items() if m.fdm},
        shared_nozzle=fdm.shared_nozzle,
        tools=fdm.tools,
        allowed=allowed.union(own.start, own.end, own.other),
        refused=refused,
        g90_sets_e=printer.reads.g90_sets_e,
        forbidden_words=tuple(forbidden_words),
        motion=printer.motion,
        holds_acceleration=printer.reads.holds_acceleration,
        m203_per_minute=printer.reads.m203_per_minute,
        start_macros=frozenset(own.start),
        end_macros=frozenset(own.end),
        known_words=words_of((*known_words, *code, printer.id, printer.name, printer.maker)),
        called=printer.called,
        nozzle_mm=fdm.nozzle_mm,
        timing=printer.timing,
        homes_xy_alone=fdm.homes_xy_alone,
        head=Head(radius_mm=fdm.head.radius_mm, height_mm=fdm.head.height_mm) if fdm.head else None,
        filament_mm=fdm.filament_mm,
        filament_types={tool: kind for tool, m in materials.items() if (kind := _filament_type(m))},
        material_mm3=material_mm3,
        max_command_chars=printer.reads.max_command_chars,
        exponent=printer.reads.exponent,
    )


def _filament_type(material: Material) -> str | None:
    """What slicers call a material, as its profile says to PrusaSlicer, whose words the others took over."""
    said = material.fdm.slicer.get("prusaslicer", {}).get("filament_type") if material.fdm else None
    return str(said) if said else None


def tune_limits(file: Path, printer: Printer | None, profiles: Profiles) -> TuneLimits:
    """How far the print of ``file`` may be tuned: by the materials of its build, or by the printer alone."""
    lock = read_lock(file.parent) if (file.parent / LOCK).is_file() else None
    made_for = profiles.printer(lock.printer if lock else printer.id if printer else SIMULATED)
    if made_for.fdm is None:
        return TuneLimits(tools=0)
    materials = {tool: profiles.material(material).fdm for tool, material in (lock.materials if lock else {}).items()}
    return TuneLimits(
        tools=made_for.fdm.tools,
        nozzle_c=(EXTRUDE_MIN_C, made_for.fdm.nozzle_max_c),
        nozzle_of_c={
            tool: (material.nozzle_range_c[0], min(material.nozzle_range_c[1], made_for.fdm.nozzle_max_c))
            for tool, material in materials.items()
            if material is not None
        },
        bed_max_c=made_for.fdm.bed_max_c,
    )


def parking_of(file: Path, printer: Printer | None, profiles: Profiles) -> Parking | None:
    """Where a pause puts the head, and how far it draws which filament back; None: nobody knows the printer."""
    if printer is None or printer.fdm is None:
        return None
    lock = read_lock(file.parent) if (file.parent / LOCK).is_file() else None
    materials = {tool: profiles.material(material).fdm for tool, material in (lock.materials if lock else {}).items()}
    aside = printer.fdm.park_mm
    x_mm, y_mm = aside if aside and printer.bed.keeps_out(*aside) else (None, None)  # elsewhere a part may lie
    return Parking(
        x_mm=x_mm,
        y_mm=y_mm,
        top_mm=printer.bed.height_mm,
        retract_mm=printer.fdm.retraction_mm,
        retract_of_mm={
            tool: material.retraction_mm
            for tool, material in materials.items()
            if material is not None and material.retraction_mm is not None
        },
    )


def anatomy_words(profiles: Profiles) -> Iterable[str]:
    """Names of tissues, which name no person."""
    for tissue in profiles.of_kind("tissues").values():
        assert isinstance(tissue, Tissue)
        yield from (tissue.id, tissue.name, *tissue.synonyms)


def files_not_named_as(stems: Iterable[str], parts: Iterable[str]) -> set[str]:
    """Those names of files, without suffix, that hold a word which is in no name of a part: no other file may say them.

    The parts' own names may travel, so a file ``cortex`` of a part called "kidney cortex" gives nothing away.
    """
    known = set(_words(" ".join(parts)))
    return {stem for stem in stems if not (words := set(_words(stem))) or not words <= known}


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def takes_mm3(plan: Plan, plate: Plate, printer: Printer, process: Process) -> tuple[float, float] | None:
    """The least and the most material that the parts on ``plate`` can take, whatever the slicer makes of them.

    The least is a quarter of one line of skin around each part, since parts may lie in one another; the most fills the
    box around all of them, down to the bed and with room for a brim, and the wipe tower's place.
    """
    if printer.fdm is None:
        return None
    parts = [part for part in plan.parts if part.name in plate.parts]
    skins_mm3 = (min(abs(part.mesh.volume_mm3), part.mesh.area_mm2 * printer.fdm.nozzle_mm) for part in parts)
    corners = np.concatenate([part.mesh.transformed(plate.motion(part)).vertices for part in parts])
    low_mm, high_mm = corners.min(axis=0), corners.max(axis=0)
    width_mm, depth_mm = high_mm[:2] - low_mm[:2] + 2 * BRIM_ROOM_MM
    tower = tower_size(printer.fdm, process.fdm, len(plan.tools))
    tower_mm2 = tower.place_mm[0] * tower.place_mm[1] if tower else 0.0
    most_mm3 = float((width_mm * depth_mm + tower_mm2) * high_mm[2]) + START_MM3
    return 0.25 * sum(skins_mm3), 1.1 * most_mm3


RESIN_SUFFIXES: Final = (".sl1", ".sl1s", ".zip")
ZIP_MAGIC: Final = b"PK\x03\x04"


def refuse_pictures(file: Path) -> None:
    """Raise InputError, saying what to do instead, for a file of layers, which is pictures and no commands.

    Raises
    ------
    InputError
        The file is a zip, or its suffix says so; or it cannot be read.
    """
    try:
        with file.open("rb") as opened:
            zipped = opened.read(len(ZIP_MAGIC)) == ZIP_MAGIC
    except OSError as exc:
        raise InputError(f"{file.name} cannot be read: {exc.strerror or exc}") from exc
    if zipped or file.suffix.lower() in RESIN_SUFFIXES:
        raise InputError(
            f"{file.name} is no G-code: a resin printer's file holds pictures and numbers only, is checked by "
            "`printprep verify` of its build, and goes to a resin printer by USB, PrusaLink or SDCP"
        )


def sending_guard(printer: Printer | None, profiles: Profiles, stands_at_mm: float | None = None) -> Guard:
    """The guard for files that are about to be sent to ``printer``, whose nozzle stands at a height that is known.

    None: nobody said which printer it is. Then a file of a build is held to the printer it was made for, any other to
    the virtual printer's limits, and a finding says so.
    """
    return partial(_guard_before_sending, printer=printer, profiles=profiles, stands_at_mm=stands_at_mm)


def _guard_before_sending(
    file: Path, printer: Printer | None, profiles: Profiles, stands_at_mm: float | None
) -> tuple[Finding, ...]:
    if printer is not None and printer.resin is not None and holds_layers(file):
        return _guard_layers_before_sending(file, printer, profiles)
    refuse_pictures(file)
    takes_up = stands_at_mm is not None  # a file that goes on where a print broke off is of no build, wherever it lies
    lock = read_lock(file.parent) if not takes_up and (file.parent / LOCK).is_file() else None
    if lock is None:
        assumed = printer or profiles.printer(SIMULATED)
        unsaid = () if printer else (_not_said(file, assumed),)
        limits = replace(guard_limits(assumed, {}, (), anatomy_words(profiles)), stands_at_mm=stands_at_mm)
        return (_not_certified(file, takes_up=takes_up), *unsaid, *_finished(file), *guard(file, limits))
    made_for = profiles.printer(lock.printer)
    loaded = {tool: profiles.material(material) for tool, material in lock.materials.items()}
    limits = guard_limits(made_for, loaded, (), (*anatomy_words(profiles), *lock.inputs))
    return (
        *_right_printer(file, printer, made_for),
        *_untouched(file, lock),
        *settle(guard(file, limits), lock.accept),
    )


def _guard_layers_before_sending(file: Path, printer: Printer, profiles: Profiles) -> tuple[Finding, ...]:
    lock = read_lock(file.parent) if (file.parent / LOCK).is_file() else None
    if lock is None:
        found = guard_layers(file, printer, anatomy_words(profiles))
        return (_not_certified(file), *_finished(file), *found)
    made_for = profiles.printer(lock.printer)
    words = (*anatomy_words(profiles), *lock.inputs, *lock.materials.values())
    found = guard_layers(file, printer, words)
    return (*_right_printer(file, printer, made_for), *_untouched(file, lock), *settle(found, lock.accept))


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What a build, or nobody, vouches for in a file that is guarded by itself."""

    words: tuple[str, ...]  # that name no person
    accept: tuple[Acceptance, ...] = ()
    printer: str | None = None  # id of the profile; None: nobody says
    materials: Mapping[int, str] = field(default_factory=dict)  # by tool


def vouched(file: Path, profiles: Profiles, case: Path | None = None) -> Vouched:
    """What is known of ``file`` by the build that it stands in, if any, or by the build of a ``case`` that is named.

    Raises
    ------
    CaseError
        The lock beside the file cannot be read, or the case that is named has no build.
    """
    build, wished = build_for(file, case) if case is not None or (file.parent / LOCK).is_file() else (None, None)
    if build is None or (case is None and file.name not in build.lock.files):
        return Vouched(words=tuple(anatomy_words(profiles)))
    lock = build.lock
    return Vouched(
        words=(*anatomy_words(profiles), *lock.inputs),
        accept=lock.accept if wished is None else wished.accept,
        printer=lock.printer,
        materials=lock.materials,
    )


def _not_certified(file: Path, *, takes_up: bool = False) -> Finding:
    then = "Look that it goes on with the right part" if takes_up else "Send it from the folder of its build"
    return Finding(
        code="not-certified",
        severity=Severity.WARNING,
        message=(
            f"no build vouches for {file.name}: nobody can say whose anatomy is in it, for which printer and material "
            f"it was made, or whether it was changed since. {then}"
        ),
    )


def _right_printer(file: Path, printer: Printer | None, made_for: Printer) -> tuple[Finding, ...]:
    if printer is None:
        return (_not_said(file, made_for),)
    if printer.id in (made_for.id, SIMULATED):
        return ()
    return (
        Finding(
            code="wrong-printer",
            severity=Severity.ERROR,
            message=f"{file.name} was made for {made_for.id}; this printer is {printer.id}. Slice it for this one",
            value=printer.id,
            limit=made_for.id,
        ),
    )


def _not_said(file: Path, assumed: Printer) -> Finding:
    return Finding(
        code="printer-not-said",
        severity=Severity.WARNING,
        message=(
            f"nobody said which printer this is: {file.name} is held to the limits of {assumed.id}, and cannot be "
            "kept from a wrong printer. Say it: --profile ID"
        ),
        limit=assumed.id,
    )


def _finished(file: Path) -> tuple[Finding, ...]:
    """What speaks against a file without a lock: a run that was stopped, by its findings as a rule, left it."""
    if not (file.parent / PREPARED).is_file():
        return ()
    return (
        Finding(
            code="file-changed",
            severity=Severity.ERROR,
            message=(
                f"{file.name} lies in a build whose run was stopped before it was certified: there is no {LOCK}. "
                "Run the case again"
            ),
        ),
    )


def _untouched(file: Path, lock: Lock) -> tuple[Finding, ...]:
    """What speaks against the file being the one that was certified, of the case as it was certified."""
    if file.name not in lock.files:
        why = f"{file.name} lies in a build and is no file of it, as one renamed, edited or left by an earlier run"
        remedy = "Run the case again, or send it from another folder to have it judged alone"
    else:
        states = {state.file: state.state for state in verify_lock(file.parent)}
        changed = [name for name in (file.name, PREPARED) if states.get(name) == "changed"]
        if not changed:
            return ()
        why, remedy = f"{changed[0]} is not the file that was certified with its build", "Run the case again"
    return (Finding(code="file-changed", severity=Severity.ERROR, message=f"{why}. {remedy}"),)
