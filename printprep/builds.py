"""Which build a file for a printer is held against: the one beside it, or one that was made of a case.

A run writes its build where ``--out`` says, by default in the folder that it was started in, so a case's builds may lie
beside its ``case.toml`` or elsewhere. What makes a build one of a case is its lock: the case's id, and the hashes of
the meshes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from printprep.casefile import CaseFile
from printprep.errors import CaseError
from printprep.files import sha256_of
from printprep.lock import NAME as LOCK
from printprep.lock import Lock, read_lock
from printprep.prepare.intake.casefile import FILE_NAME, read_case_file

OUT: Final = "build"  # where a run writes unless it is told otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A locked build."""

    folder: Path
    lock: Lock


def build_for(file: Path, case: Path | None = None) -> tuple[Build, CaseFile | None]:
    """The build that ``file`` is held against, and the case as it is written now, if one was named.

    Parameters
    ----------
    file
        Of the build, or anywhere.
    case
        A case.toml or the folder that holds one: its build is looked for beside the file, in and right below the case's
        folder, and in and right below the folder one stands in. Or a build, by its folder or its lock. None: the build
        beside the file.

    Raises
    ------
    CaseError
        There is none, it is of another case, or there are several and none of them made the file.
    """
    named = file.parent if case is None else case.parent if case.name == LOCK else case
    if (named / LOCK).is_file():
        return Build(folder=named, lock=read_lock(named)), None
    if case is None:
        raise CaseError(
            f"no build of printprep beside {file.name}: there is no {LOCK} in {named}; name its case, or the folder of "
            "its build, with --case"
        )
    toml = case / FILE_NAME if case.is_dir() else case
    home = toml.parent
    if case.is_dir() and not toml.is_file():
        return _one(
            file, home, [Build(folder=at, lock=read_lock(at)) for at in _locked((home / OUT, *_below(home)))]
        ), None
    wished = read_case_file(toml)
    return _one(file, toml, _made_of(toml, wished, _locked(_places(file, home)))), wished


def _places(file: Path, home: Path) -> Iterator[Path]:
    """Where the build of a case in ``home`` may lie, the likeliest first."""
    here = Path()
    yield from (file.parent, home / OUT, home, here / OUT, here)
    for folder in (home, home / OUT, here, here / OUT):
        yield from _below(folder)


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:  # it is not there, or not for these eyes
        return []


def _locked(places: Iterable[Path]) -> Iterator[Path]:
    """The builds among ``places``, once each."""
    seen: set[Path] = set()
    for place in places:
        if os.path.isfile(place / LOCK) and (real := place.resolve()) not in seen:
            seen.add(real)
            yield place


def _made_of(toml: Path, wished: CaseFile, folders: Iterable[Path]) -> list[Build]:
    """Those builds that were made of a case as it is now; if all there are came from another, say so of the first."""
    found: list[Build] = []
    refused: list[CaseError] = []
    for folder in folders:
        try:
            build = Build(folder=folder, lock=read_lock(folder))
            _check_same(toml, wished, build)
            found.append(build)
        except CaseError as exc:
            refused.append(exc)
    if refused and not found:
        raise refused[0]
    return found


def _check_same(toml: Path, wished: CaseFile, build: Build) -> None:
    """Refuse a build that was made of another case."""
    folder, lock, case_id = build.folder, build.lock, wished.case.id
    if case_id is not None and case_id != lock.case_id:
        raise CaseError(f"{folder} is a build of case {lock.case_id}, and {toml} is case {case_id}")
    meshes = [toml.parent / part.mesh for part in wished.parts]
    missing = [mesh for mesh in meshes if not mesh.is_file()]
    if missing:
        raise CaseError(f"{toml}: there is no file {missing[0]}; without it nobody knows whether {folder} is its build")
    there = {sha256_of(mesh) for mesh in meshes}
    if lock.inputs and there != set(lock.inputs.values()):
        other = sorted(part for part, sha256 in lock.inputs.items() if sha256 not in there)
        raise CaseError(
            f"{folder} was not made of the meshes of {toml}: {', '.join(other) or 'one of them'} came from another "
            "file; run the case again"
        )


def _one(file: Path, case: Path, found: Sequence[Build]) -> Build:
    """The build that ``file`` lies in, or is locked in, or the only one."""
    if not found:
        home = case if case.is_dir() else case.parent
        where = ", ".join(str(place) for place in dict.fromkeys((home, home / OUT, file.parent, Path.cwd() / OUT)))
        raise CaseError(
            f"no build of {case}: there is no {LOCK} in {where}, nor in a folder right below; run the case, or name "
            "the folder of its build with --case"
        )
    if found[0].folder == file.parent or len(found) == 1:
        return found[0]
    sha256 = sha256_of(file)
    made_it = [build for build in found if sha256 in build.lock.files.values()]
    if made_it:
        return made_it[0]
    raise CaseError(
        f"there are several builds of {case}: {', '.join(str(build.folder) for build in found)}; name the folder of "
        f"one with --case, for none of them made {file.name}"
    )
