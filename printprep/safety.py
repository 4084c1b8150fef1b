"""What a file may do on a printer, and whether it may be sent to this one.

The limits come from the printer's profile, the materials that are loaded and the firmware's note; a file that stands in
a locked build is also held against its lock: the right printer, and not a byte changed since it was certified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from printprep.case import Finding, Severity
from printprep.errors import CaseError, InputError
from printprep.files import sha256_of
from printprep.gcode.guard import GuardLimits, allowed_commands, guard
from printprep.lock import NAME as LOCK
from printprep.lock import read_lock
from printprep.printers.send import Guard
from printprep.profiles.load import Profiles
from printprep.profiles.models import Material, Printer

NOTES: Final = {"marlin": "marlin.md", "prusa-buddy": "marlin.md"}
"""The page of firmware_notes/ whose commands a firmware takes; Prusa's Buddy firmware is a Marlin."""

SIMULATED: Final = "virtual"
"""The printer that plays any other: it is held to the printer that a file was made for."""


def firmware_note(firmware: str) -> str | None:
    """The text of the note on a firmware; None when there is none yet."""
    if firmware not in NOTES:
        return None
    package = Path(__file__).resolve().parent
    for folder in (package / "printers" / "notes", package.parent / "firmware_notes"):
        if (folder / NOTES[firmware]).is_file():
            return (folder / NOTES[firmware]).read_text(encoding="utf-8")
    raise InputError(f"the firmware notes are missing beside {package}; install printprep again")


def guard_limits(
    printer: Printer, materials: Mapping[int, Material], forbidden_words: Iterable[str] = ()
) -> GuardLimits:
    """Limits for a file on ``printer`` with ``materials`` loaded, by tool.

    Without materials only the printer's own limits hold.
    """
    if printer.fdm is None:
        raise InputError(f"{printer.id} is a resin printer and takes no G-code of an extruder")
    note = firmware_note(printer.firmware)
    allowed, refused = allowed_commands(note) if note else (frozenset[str](), frozenset[str]())
    return GuardLimits(
        upper_mm=(printer.bed.width_mm, printer.bed.depth_mm, printer.bed.height_mm),
        nozzle_max_c=printer.fdm.nozzle_max_c,
        bed_max_c=printer.fdm.bed_max_c,
        material_max_c={tool: m.fdm.nozzle_range_c[1] for tool, m in materials.items() if m.fdm},
        shared_nozzle=printer.fdm.shared_nozzle,
        tools=printer.fdm.tools,
        allowed=allowed,
        refused=refused,
        g90_sets_e=printer.firmware != "klipper",
        forbidden_words=tuple(forbidden_words),
    )


def sending_guard(printer: Printer, profiles: Profiles) -> Guard:
    """The guard for files that are about to be sent to ``printer``."""
    return partial(_guard_before_sending, printer=printer, profiles=profiles)


def _guard_before_sending(file: Path, printer: Printer, profiles: Profiles) -> tuple[Finding, ...]:
    lock = _lock_of(file)
    if lock is None:
        return guard(file, guard_limits(printer, {}))
    findings = []
    made_for = profiles.printer(lock["printer"])
    if printer.id not in (made_for.id, SIMULATED):
        findings.append(
            Finding(
                code="wrong-printer",
                severity=Severity.ERROR,
                message=f"{file.name} was made for {made_for.id}; this printer is {printer.id}. Slice it for this one",
                value=printer.id,
                limit=made_for.id,
            )
        )
    if sha256_of(file) != lock["files"][file.name]:
        findings.append(
            Finding(
                code="file-changed",
                severity=Severity.ERROR,
                message=f"{file.name} is not the file that was certified with its build. Run the case again",
            )
        )
    loaded = {tool["tool"]: profiles.material(tool["material"]) for tool in lock["tools"]}
    return (*findings, *guard(file, guard_limits(made_for, loaded)))


def _lock_of(file: Path) -> dict[str, Any] | None:
    """The lock of the build that ``file`` belongs to; None for a file that stands alone."""
    if not (file.parent / LOCK).is_file():
        return None
    lock = read_lock(file.parent)
    if not isinstance(lock.get("printer"), str) or not isinstance(lock.get("tools"), list):
        raise CaseError(f"{file.parent / LOCK} is not a lock that printprep wrote; run the case again")
    return lock if file.name in lock["files"] else None
