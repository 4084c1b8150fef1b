"""Whether a file for a printer holds the anatomy of a case, whoever made or edited it.

The build says what should be printed: its prepared.3mf the parts as they stand on their plates, its lock which file was
certified, for which printer, within which limits. The file itself says what will be. One that the lock does not know is
judged by what it prints alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from printprep.builds import build_for
from printprep.case import Finding, Severity, settle, stopping
from printprep.casefile import Acceptance, Limits
from printprep.errors import CaseError, InputError
from printprep.files import sha256_of
from printprep.formats.threemf import Standing, read_standing
from printprep.gcode.deposit import Solid
from printprep.gcode.outline import REACH_MM
from printprep.lock import PREPARED, Lock
from printprep.profiles.load import Profiles
from printprep.progress import SILENT, Progress
from printprep.slicers.proven import Proved, moved_back, proving

STRANGE_PERCENT: Final = 50.0
"""A file that lacks more than this of the outlines is not a damaged one of this case: it is of something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a file is held against."""

    folder: Path  # of the build
    lock: Lock
    parts: tuple[Standing, ...]  # of all plates
    limits: Limits
    accept: tuple[Acceptance, ...]
    critical: frozenset[str]  # parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What became of the anatomy in a file."""

    file: Path
    sha256: str
    state: str  # "as locked", "changed", "not of the build"
    asked: Asked
    plate: int
    proved: Proved
    findings: tuple[Finding, ...]  # places in the case's frame, where the build knows it

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong that the case does not accept."""
        return not stopping(self.findings)

    @property
    def parts(self) -> tuple[Standing, ...]:
        """Those of the plate."""
        return tuple(part for part in self.asked.parts if part.plate == self.plate)


def asked_for(file: Path, case: Path | None = None) -> Asked:
    """The build that ``file`` is held against.

    Parameters
    ----------
    file
        Of the build, or a copy of one elsewhere.
    case
        A case.toml or the folder that holds one: it says limits and what is accepted; its build is found, as
        :func:`printprep.builds.build_for` says. Or the folder of a build. None: the build beside the file, as it was
        locked.

    Raises
    ------
    CaseError
        There is no build, its prepared parts were changed since they were certified, or it is of another case.
    """
    build, wished = build_for(file, case)
    folder, lock = build.folder, build.lock
    prepared = folder / PREPARED
    if not prepared.is_file():
        raise CaseError(f"{folder} has no {PREPARED}: nobody knows what should be printed; run the case again")
    if lock.files.get(PREPARED) != sha256_of(prepared):
        raise CaseError(f"{prepared} is not the one that was certified: no file can be held against it; run again")
    limits, accept, critical = lock.limits, lock.accept, lock.critical
    if wished is not None:
        if wished.limits is not None:
            limits = limits.model_copy(update=wished.limits.model_dump(exclude_unset=True))
        accept = wished.accept
        critical |= {part.name for part in wished.parts if part.critical and part.name is not None}
    return Asked(
        folder=folder, lock=lock, parts=read_standing(prepared), limits=limits, accept=accept, critical=critical
    )


@contextmanager
def verifying(
    file: Path, asked: Asked, profiles: Profiles, *, plate: int | None = None, progress: Progress = SILENT
) -> Iterator[Verified]:
    """Hold ``file`` against what was asked for; it stays open to look at its layers.

    Parameters
    ----------
    plate
        Which plate it is of, from 1; None: as the lock or its name says, or the only one.

    Raises
    ------
    InputError
        Nobody says which plate it is of, there is no such plate, or it cannot be read.
    """
    sha256 = sha256_of(file)
    index = _plate_of(file, sha256, asked, plate)
    parts = [part for part in asked.parts if part.plate == index]
    solids = [Solid(name=part.name, tool=part.tool, mesh=part.mesh) for part in parts]
    printer = profiles.printer(asked.lock.printer)
    with (
        progress.step(f"verify {file.name}"),
        proving(file, solids, printer, asked.limits, asked.critical) as proved,
    ):
        state = _state(file, sha256, asked.lock)
        findings = [*_of_file(file, state, proved), *(_back(f, asked, parts) for f in proved.proof.findings)]
        yield Verified(
            file=file,
            sha256=sha256,
            state=state,
            asked=asked,
            plate=index,
            proved=proved,
            findings=settle(tuple(findings), asked.accept),
        )


def _plate_of(file: Path, sha256: str, asked: Asked, plate: int | None) -> int:
    there = sorted({part.plate for part in asked.parts})
    known = {asked.lock.files[name]: index for name, index in asked.lock.plates.items() if name in asked.lock.files}
    named = re.match(r"plate-(\d+)\b", file.name)
    index = plate or known.get(sha256) or (int(named[1]) if named else None) or (there[0] if len(there) == 1 else None)
    if index is None:
        raise InputError(f"the build has plates {', '.join(map(str, there))}: say which {file.name} is, with --plate")
    if index not in there:
        raise InputError(f"the build has no plate {index}; it has {', '.join(map(str, there))}")
    return index


def _state(file: Path, sha256: str, lock: Lock) -> str:
    if sha256 in (lock.files.get(name) for name in lock.plates):
        return "as locked"
    return "changed" if file.name in lock.plates else "not of the build"


def _of_file(file: Path, state: str, proved: Proved) -> Iterator[Finding]:
    """What the file's bytes, and all that it prints together, say."""
    if state != "as locked":
        yield Finding(
            code="file-changed",
            severity=Severity.WARNING,
            message=f"{file.name} was not certified with this build; it is judged by what it prints alone",
        )
    percent = 100.0 * _bare_share(proved)
    if percent > STRANGE_PERCENT:
        yield Finding(
            code="not-this-case",
            severity=Severity.ERROR,
            message=(
                f"{percent:.0f} % of the outlines that should stand on this plate have no plastic of {file.name} near "
                "them: it is a file of another case, another plate or another place on the bed"
            ),
            value=round(percent, 1),
            limit=STRANGE_PERCENT,
        )


def _bare_share(proved: Proved) -> float:
    """Share of all outlines that no plastic is near."""
    checked = proved.checked
    whole_mm = float(checked.weight_mm.sum())
    return float(checked.weight_mm[checked.gap_mm >= REACH_MM].sum()) / whole_mm if whole_mm else 0.0


def _back(finding: Finding, asked: Asked, parts: Sequence[Standing]) -> Finding:
    """``finding`` in the case's frame; of no part, by the motion of the first on its plate."""
    names = [finding.part, *(part.name for part in parts)]
    motion = next((asked.lock.placed[name] for name in names if name in asked.lock.placed), None)
    return finding if motion is None else moved_back(finding, motion)
