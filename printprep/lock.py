"""The lock of a build, ``case.lock``: from what, with what and into what a case was made.

Hashes of the inputs and of what was made, the resolved settings of every plate, and the versions that took part. It
holds no file name of an input. The same inputs, settings and versions give the same plates, byte for byte; reports hold
timings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np

from printprep import __version__
from printprep.case import Case
from printprep.casefile import Acceptance, Limits
from printprep.errors import CaseError
from printprep.files import sha256_of, write_text
from printprep.plan import Matrix, Plan, SlicedPlate

NAME: Final = "case.lock"
PREPARED: Final = "prepared.3mf"
"""What every plate of a build was sliced from."""
CERTIFICATE: Final = "certificate.json"
REPORTS: Final = ("report.json", "report.html")
PICTURES: Final = "plate-*-worst-*.png"
"""Of layers that a person should look at."""
LIBRARIES: Final = ("manifold3d", "numpy", "scipy", "scikit-image", "lib3mf")
"""Libraries whose version can change the bytes of a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What is read back from a lock: enough to prove files and to hold them to their printer."""

    case_id: str
    printer: str  # id of the profile that the plates were made for
    materials: dict[int, str]  # id of the material in each tool
    files: dict[str, str]  # sha256 by name, all in the lock's own folder
    inputs: dict[str, str] = field(default_factory=dict)  # sha256 of the file that each part came in, by its name
    plates: dict[str, int] = field(default_factory=dict)  # which plate each file for a printer is of
    limits: Limits = field(default_factory=Limits)
    accept: tuple[Acceptance, ...] = ()
    critical: frozenset[str] = frozenset()  # parts as they stand in prepared.3mf
    placed: dict[str, Matrix] = field(default_factory=dict)  # case to plate, (4, 4), by the same names


@dataclass(frozen=True, slots=True)
class FileState:
    """How one file of a build stands to its lock."""

    file: str
    sha256: str  # as locked
    state: str  # "as locked", "changed", "missing"
    case_id: str


def write_lock(
    folder: Path, case: Case, plan: Plan, plates: tuple[SlicedPlate, ...], reports: tuple[str, ...] = ()
) -> None:
    """Write ``case.lock`` for the files that stand in ``folder``; ``reports`` are names of what people read there."""
    pictures = [worst.picture for plate in plates for worst in plate.worst]
    made = [PREPARED, CERTIFICATE, *(plate.file.name for plate in plates), *pictures, *reports]
    document = {
        "printprep": __version__,
        "libraries": {name: _version(name) for name in LIBRARIES},
        "case": case.id,
        "frame": case.frame,
        "scale": case.scale,
        "mirrored": case.mirrored,
        "inputs": {part.name: {"sha256": part.source.sha256, "unit": part.source.unit} for part in case.parts},
        "limits": case.limits.model_dump(),
        "accept": [accepted.model_dump() for accepted in case.accept],
        "critical": sorted(part.name for part in plan.parts if part.critical),
        "placed": {
            part.name: plate.motion(part)[:3].ravel().tolist()
            for plate in plan.plates
            for part in plan.parts
            if part.name in plate.parts
        },
        "printer": plan.printer,
        "process": plan.process,
        "tools": [{"tool": t.tool, "material": t.material, "parts": list(t.parts)} for t in plan.tools],
        "plates": [
            {
                "file": plate.file.name,
                "index": plate.index,
                "engine": plate.engine,
                "settings": {setting.key: setting.resolved for setting in plate.settings},
            }
            for plate in plates
        ],
        "files": {name: sha256_of(folder / name) for name in made},
    }
    write_text(folder / NAME, json.dumps(document, indent=1, sort_keys=True) + "\n")


def break_lock(folder: Path) -> None:
    """Take lock, certificate and reports off a folder that is about to be written anew: they speak of the old build."""
    for name in (NAME, CERTIFICATE, *REPORTS):
        (folder / name).unlink(missing_ok=True)
    for picture in folder.glob(PICTURES):
        picture.unlink()


def read_lock(folder: Path) -> Lock:
    """Read a build's lock.

    Raises
    ------
    CaseError
        There is none, it is not one, or it names a file outside its folder.
    """
    path = folder / NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        lock = Lock(
            case_id=_text(document["case"]),
            printer=_text(document["printer"]),
            materials={int(tool["tool"]): _text(tool["material"]) for tool in document["tools"]},
            files={_plain_name(name): _text(sha256) for name, sha256 in document["files"].items()},
            inputs={name: _text(said["sha256"]) for name, said in document.get("inputs", {}).items()},
            plates={
                _plain_name(plate["file"]): int(plate.get("index", number))
                for number, plate in enumerate(document.get("plates", []), start=1)
            },
            limits=Limits.model_validate(document.get("limits", {})),
            accept=tuple(Acceptance.model_validate(said) for said in document.get("accept", [])),
            critical=frozenset(_text(name) for name in document.get("critical", [])),
            placed={name: _motion(values) for name, values in document.get("placed", {}).items()},
        )
    except FileNotFoundError as exc:
        raise CaseError(f"{folder} has no {NAME}: it is not a build, or its run was stopped; run it again") from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise CaseError(f"{path} is not a lock that printprep wrote; run the case again") from exc
    return lock


def verify_lock(folder: Path) -> list[FileState]:
    """Compare every file of a build with its lock."""
    lock = read_lock(folder)

    def state(name: str, sha256: str) -> str:
        path = folder / name
        if not path.is_file():
            return "missing"
        return "as locked" if sha256_of(path) == sha256 else "changed"

    return [FileState(name, sha256, state(name, sha256), lock.case_id) for name, sha256 in lock.files.items()]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _motion(values: Any) -> Matrix:
    """A rigid motion of its first three rows."""
    matrix = np.eye(4)
    matrix[:3] = np.array(values, np.float64).reshape(3, 4)
    if not np.isfinite(matrix).all():
        raise ValueError(values)
    return matrix


def _plain_name(name: str) -> str:
    """``name`` if it cannot lead out of the folder."""
    if name in ("", ".", "..") or Path(name).name != name:
        raise ValueError(name)
    return name


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
